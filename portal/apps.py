"""The portal app: pages for the organization's own staff."""

from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "portal"
