"""`manage.py after_restore`: once, after a restore from a backup and before anything else is started."""

from typing import Any

from django.core.management.base import BaseCommand

from visits import restoring

# What was taken away since the backup, for good reason, and is there again: only people know of it. docs/backup.md says
# where each of them is looked up.
TO_DO_AGAIN = (
    "A signing key that was withdrawn, because others know it, signs again: `manage.py keys rotate --environment "
    "NAME --at-once`, before anything is started.",
    "Connections that were suspended serve again, proposals that were returned or withdrawn wait again.",
    "Links that were erased at a person's request, or that a clinician took back, are there again: erase them on the "
    "page People. Those of deleted accounts, and visits whose retention is over, go by themselves within a day.",
    "Readers who were removed read the reports again: remove them.",
    "An organization that was ended is there again, with its rows, keys and connections: end it again. The signed "
    "receipt says which one.",
)


class Command(BaseCommand):
    help = "Take up what was under way when the backup was made: run it once, before the other processes are started."

    def handle(self, *args: Any, **options: Any) -> None:
        found = restoring.take_up_again()
        self.stdout.write(
            f"{found.visits} visits are looked at again, with {found.people} people of whom it is not known what "
            f"the EHR was told.\n{found.ended} subscriptions that nobody here knows were ended; {found.gone} that "
            "Microsoft no longer has are asked for again."
        )
        newest = f"{found.newest:%Y-%m-%d %H:%M} UTC" if found.newest else "nothing"
        self.stdout.write(
            f"\nThe newest entry of the trail is of: {newest}. What was taken away since then is there again, and "
            "nobody here knows of it. Look it up and do it again:"
        )
        for line in TO_DO_AGAIN:
            self.stdout.write(f"- {line}")
        if found.unasked:
            self.stderr.write(
                f"{found.unasked} organizations' subscriptions could not be compared: Microsoft did not answer. "
                "Run this again once it does."
            )
