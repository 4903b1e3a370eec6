"""The portal app: pages for the organization's own staff."""

from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "portal"

    def ready(self) -> None:
        from connector import problems
        from portal import epic_faults, watch
        from portal.closing import texts

        problems.PROBLEMS.update(epic_faults.PROBLEMS | watch.PROBLEMS | texts.PROBLEMS)
