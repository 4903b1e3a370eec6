"""`manage.py audit verify | export <tenant id>`: the trail of an organization, checked or as FHIR R4 AuditEvents."""

import json
from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from connector import trail
from connector.models import Entry, Organization
from visits.audit_event import EVENTS, render


class Command(BaseCommand):
    help = "Verify an organization's audit trail, or export its presence entries as FHIR R4 AuditEvents (JSON lines)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=["verify", "export"])
        parser.add_argument("tenant", type=UUID, help="the organization's Entra tenant id")

    def handle(self, *args: Any, **options: Any) -> None:
        organization = Organization.objects.filter(tid=options["tenant"]).first()
        if organization is None:
            raise CommandError("No organization with this tenant id uses this deployment.")
        {"verify": self.verify, "export": self.export}[options["action"]](organization)

    def verify(self, organization: Organization) -> None:
        """Say how far the chain holds; an error exit where it does not."""
        held, broken, unsealed = trail.verify(organization.pk)
        self.stdout.write(f"{held} sealed entries hold, {unsealed} are not sealed yet.")
        if broken is not None:
            raise CommandError(f"The chain breaks at entry {broken}: it was changed, removed or put elsewhere.")

    def export(self, organization: Organization) -> None:
        """One AuditEvent a line, oldest first."""
        entries = Entry.objects.filter(organization=organization, event__in=EVENTS).order_by("id")
        for entry in entries.iterator():
            self.stdout.write(json.dumps(render(entry)))
