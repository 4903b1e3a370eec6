"""`manage.py keys list | rotate | renew | rewrap`: the deployment's keys and those of its organizations, for its
operator. None of it needs anybody to stop."""

from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from connector import keys
from connector.models import Environment, Key, Organization
from portal import rotation


class Command(BaseCommand):
    help = "List the connector's signing keys, notification certificates and audit keys; rotate any key that it holds."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=["list", "rotate", "renew", "rewrap"])
        which = parser.add_mutually_exclusive_group()
        which.add_argument("--environment", choices=Environment.values, help="the signing key of this environment")
        which.add_argument("--notification", action="store_true", help="the certificate that Graph encrypts to")
        which.add_argument("--organization", metavar="TENANT", help="renew: the keys of what is kept of this one")
        which.add_argument("--audit", action="store_true", help="the key that signs checkpoints of the audit trail")
        parser.add_argument(
            "--at-once",
            action="store_true",
            help="withdraw every signing key of the environment now: one is known to others. An EHR refuses us until it"
            " has read the new one.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        getattr(self, options["action"])(**options)

    def list(self, **options: Any) -> None:
        """A line a key: purpose, environment, kid, state, since, until."""
        for purpose, environment in rotation.PAIRS:
            for line in keys.lines(purpose, environment):
                times = f"{_when(line.since):20} {_when(line.until)}"
                self.stdout.write(f"{purpose:12} {environment or '-':10} {line.key.kid} {line.state:7} {times}")

    def rotate(
        self, *, environment: str | None, notification: bool, audit: bool, at_once: bool, **options: Any
    ) -> None:
        """Make the key that follows; an error exit where one waits already."""
        if not (environment or notification or audit):
            raise CommandError("Say which: --environment testing, --environment production, --notification or --audit.")
        if at_once and notification:
            raise CommandError("A notification certificate is in use until its visits are over: leave out --at-once.")
        if at_once and audit:
            raise CommandError("An audit key is replaced at once as it is: leave out --at-once.")
        purpose = Key.Purpose.NOTIFICATION if notification else Key.Purpose.AUDIT if audit else Key.Purpose.SIGNING
        made = rotation.rotate(purpose, environment or "", at_once=at_once)
        if made is None:
            raise CommandError("The next key is published already and takes over by itself: see `manage.py keys list`.")
        self.stdout.write(f"{made.kid} is used from {_when(made.not_before)}.")

    def renew(self, *, organization: str | None, **options: Any) -> None:
        """New field and hash keys for one organization, and everything it has brought over to them."""
        try:
            found = Organization.objects.get(tid=organization or "")
        except (Organization.DoesNotExist, ValidationError) as error:
            raise CommandError("Say whose: --organization with the tenant's id.") from error
        self.stdout.write(f"{rotation.renew(found)} values are sealed anew; what is hashed is hashed again.")

    def rewrap(self, **options: Any) -> None:
        """Seal every key by the first of KEY_ENCRYPTION_KEYS: the others are not needed any more."""
        try:
            self.stdout.write(f"{keys.rewrap()} keys are wrapped anew.")
        except KeyError as error:
            raise CommandError(f"KEY_ENCRYPTION_KEYS lacks {error}: nothing was changed.") from error


def _when(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}" if moment else "-"
