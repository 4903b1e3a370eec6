"""The connector app: who we are joined to and how we speak to them."""

from django.apps import AppConfig


class ConnectorConfig(AppConfig):
    name = "connector"

    def ready(self) -> None:
        from allauth.socialaccount.providers import registry

        from connector import checks, signin  # noqa: F401

        registry.register(signin.MicrosoftProvider)
