"""The portal app: pages for the organization's own staff."""

from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "portal"

    def ready(self) -> None:
        from connector.problems.table import PROBLEMS
        from portal import epic_faults, watch
        from portal.closing import texts

        PROBLEMS.update(epic_faults.PROBLEMS | watch.PROBLEMS | texts.PROBLEMS)
