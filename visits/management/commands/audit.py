"""`manage.py audit verify | accept | export`: the trail of an organization, checked, gone on with, or as files."""

from argparse import ArgumentParser
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.timezone import is_naive, make_aware

from connector import trail
from connector.models import Organization, Verification
from connector.verify import Checkpoint, checkpoints_in
from visits import audit_export

ALL = "all"
MOST = 20  # findings of an organization that are told one by one


def _tenant(text: str) -> UUID | str:
    return ALL if text == ALL else UUID(text)


def _moment(text: str) -> datetime:
    """A day (its midnight, UTC) or a time of ISO 8601."""
    day = parse_date(text)
    moment = datetime(day.year, day.month, day.day) if day else parse_datetime(text)  # noqa: DTZ001
    if moment is None:
        raise ValueError(text)
    return make_aware(moment) if is_naive(moment) else moment


class Command(BaseCommand):
    help = "Verify audit trails, or export one: JSON lines, FHIR R4 AuditEvents, and a program that verifies them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        checked = actions.add_parser("verify", help="an error exit where a trail does not hold")
        checked.add_argument(
            "tenant", type=_tenant, nargs="?", default=ALL, help="an Entra tenant id, or all (default)"
        )
        checked.add_argument("--against", type=Path, metavar="FILE", help="checkpoints that were kept elsewhere: a log")
        known = actions.add_parser("accept", help="go on after a break that somebody has looked into")
        known.add_argument("tenant", type=UUID, help="the organization's Entra tenant id")
        written = actions.add_parser("export", help="write a trail into a folder")
        written.add_argument("tenant", type=UUID, help="the organization's Entra tenant id")
        written.add_argument("--to", type=Path, required=True, metavar="FOLDER")
        written.add_argument("--since", type=_moment, help="what was recorded from this day or time on (UTC)")
        written.add_argument("--until", type=_moment, help="what was recorded before this day or time (UTC)")

    def handle(self, *args: Any, **options: Any) -> None:
        actions: dict[str, Callable[..., None]] = {"verify": self.verify, "accept": self.accept, "export": self.export}
        actions[options["action"]](**options)

    def verify(self, *, tenant: UUID | str, against: Path | None, **options: Any) -> None:
        """Say how far each trail holds; an error exit where one does not."""
        kept = _kept(against) if against else []
        wrong: list[str] = []
        for organization in Organization.objects.order_by("tid") if tenant == ALL else [_organization(tenant)]:
            if tenant == ALL:
                self.stdout.write(f"{organization.tid}:")
            wrong += self._verify_one(organization, kept)
        if wrong:
            raise CommandError("\n".join(wrong))

    def _verify_one(self, organization: Organization, kept: list[Checkpoint]) -> list[str]:
        checker, waiting = trail.check(organization.pk, against=kept), trail.unsealed(organization.pk)
        self.stdout.write(f"{checker.held} sealed entries hold, {waiting} are not sealed yet.")
        if kept and not any(one.organization == str(organization.pk) for one in kept):
            self.stdout.write("None of the checkpoints given is of this organization.")
        row = Verification.objects.filter(organization=organization).first()
        news = trail.unknown(row, checker.findings)
        if row and row.accepted_at and (known := len(checker.findings) - len(news)):
            self.stdout.write(f"{known} findings are known since {row.accepted_at:%Y-%m-%d %H:%M} UTC.")
        findings = [finding.text for finding in news]
        return findings[:MOST] + ([f"And {len(findings) - MOST} findings more."] if findings[MOST:] else [])

    def accept(self, *, tenant: UUID, **options: Any) -> None:
        """Take what is wrong as known, and sign from here on. The trail says that it was done."""
        news = trail.accept(_organization(tenant))
        for finding in news[:MOST]:
            self.stdout.write(finding.text)
        self.stdout.write(f"{len(news)} findings are known from now on." if news else "Nothing new is wrong.")

    def export(self, *, tenant: UUID, to: Path, since: datetime | None, until: datetime | None, **options: Any) -> None:
        """Write the files and name them."""
        try:
            files = audit_export.export(_organization(tenant), to, since, until)
        except OSError as error:
            raise CommandError(f"Cannot write there: {error}") from error
        for file in files:
            self.stdout.write(str(file))


def _organization(tenant: UUID | str) -> Organization:
    organization = Organization.objects.filter(tid=tenant).first()
    if organization is None:
        raise CommandError("No organization with this tenant id uses this deployment.")
    return organization


def _kept(file: Path) -> list[Checkpoint]:
    """The checkpoints of a file, wherever they stand in it."""
    try:
        kept = list(checkpoints_in(file.read_text(errors="replace")))
    except OSError as error:
        raise CommandError(f"Cannot read {file}: {error}") from error
    if not kept:
        raise CommandError(f"There is no checkpoint in {file}.")
    return kept
