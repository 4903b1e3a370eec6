"""`manage.py configuration export | import`: an organization's connections as YAML (docs/as-code.md)."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from connector.models import Organization
from portal import as_code
from portal.actors import Actor
from portal.services import Refused

LARGEST = 5_000_000  # characters: ten thousand connections
SIGNS = {"new": "+", "changed": "~", "unchanged": "="}


class Command(BaseCommand):
    help = "Export an organization's configuration as YAML, or import one as revisions that still need approval."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        export = actions.add_parser("export", help="write the configuration as YAML")
        export.add_argument("--organization", type=UUID, help="the Entra tenant id; needed where there are several")
        read = actions.add_parser("import", help="compare a YAML file with what is there, and apply it")
        read.add_argument("file", help="the file, or - for standard input")
        read.add_argument("--administrator", type=UUID, help="object id of the administrator whose act this is")
        read.add_argument("--dry-run", action="store_true", help="say what would happen, and change nothing")

    def handle(self, *args: Any, action: str, **options: Any) -> None:
        try:
            self.export(**options) if action == "export" else self.read(**options)
        except as_code.Wrong as wrong:
            raise CommandError("\n".join(["Nothing was changed.", *wrong.sentences])) from wrong
        except Refused as refused:
            raise CommandError(
                "Nothing was changed: somebody else has just changed a connection. Try again."
            ) from refused

    def export(self, *, organization: UUID | None, **options: Any) -> None:
        """Write the YAML to standard output."""
        known = Organization.objects.filter(tid=organization) if organization else Organization.objects.all()[:2]
        if len(known) != 1:
            ask = "Name one by --organization." if len(known) else "There is no such organization in this deployment."
            raise CommandError(ask)
        self.stdout.write(as_code.export(known[0]), ending="")

    @transaction.atomic
    def read(self, *, file: str, administrator: UUID | None, dry_run: bool, **options: Any) -> None:
        """Print the plan; without --dry-run apply it."""
        wanted = as_code.read(_text(file))
        organization = Organization.objects.filter(tid=wanted.organization).first()
        if organization is None:
            raise CommandError("organization: nobody of this tenant has signed in here yet. Sign in once, then import.")
        steps, left = as_code.plan(organization, wanted)
        for step in steps:
            self.show(step)
        for connection in left:
            self.stdout.write(f"  {connection.base_url} ({connection.environment}): not in the file, stays as it is")
        if dry_run:
            return
        as_code.apply(organization, steps, _actor(organization, administrator))

    def show(self, step: as_code.Step) -> None:
        """One connection of the plan, with each field that is different."""
        listed = step.listed
        self.stdout.write(f"{SIGNS[step.word]} {listed.base_url} ({listed.environment}): {step.word}")
        for path, (before, after) in step.changes.items():
            self.stdout.write(f"    {path}: {before!r} -> {after!r}")


def _text(file: str) -> str:
    try:
        with sys.stdin if file == "-" else Path(file).open(encoding="utf-8") as source:
            text = source.read(LARGEST + 1)
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{file}: this file cannot be read as text.") from error
    if len(text) > LARGEST:
        raise CommandError(f"{file}: this file is longer than {LARGEST} characters.")
    return text


def _actor(organization: Organization, oid: UUID | None) -> Actor:
    """The administrator in whose name the history keeps the import."""
    known = oid and organization.administrators.select_related("user").filter(user__oid=oid).first()
    if not known:
        raise CommandError("Name by --administrator the object id of an administrator who has signed in here.")
    return Actor(known.user, known.name)
