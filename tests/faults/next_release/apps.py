"""The app that holds the migration."""

from django.apps import AppConfig


class NextRelease(AppConfig):
    """Nothing but a migration."""

    name = "tests.faults.next_release"
    label = "next_release"
