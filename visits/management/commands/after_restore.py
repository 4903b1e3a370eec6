"""`manage.py after_restore`: once, after a restore from a backup and before anything else is started."""

from typing import Any

from django.core.management.base import BaseCommand

from visits import restoring


class Command(BaseCommand):
    help = "Take up what was under way when the backup was made: run it once, before the other processes are started."

    def handle(self, *args: Any, **options: Any) -> None:
        found = restoring.take_up_again()
        self.stdout.write(
            f"{found.visits} visits are looked at again, with {found.people} people of whom it is not known what "
            f"the EHR was told.\n{found.ended} subscriptions that nobody here knows were ended; {found.gone} that "
            "Microsoft no longer has are asked for again."
        )
        if found.unasked:
            self.stderr.write(
                f"{found.unasked} organizations' subscriptions could not be compared: Microsoft did not answer. "
                "Run this again once it does."
            )
