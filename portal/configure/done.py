"""Done: an open row is checked, said what there is to say about it, and submitted to its approver."""

import logging
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from connector import agreement, problems
from connector.ehr.preflight import Report
from connector.http import Deadline
from connector.models import Connection, Organization, Preflight
from connector.teams.graph import Person
from portal import approvers, directory, preflight, services
from portal.actors import Actor
from portal.configure import answers, details, hints, rows
from portal.configure.rows import Row
from portal.services import Refused

log = logging.getLogger(__name__)

State = Connection.State
APPROVER_FAULTS = {
    "nobody": gettext_lazy("Nobody in your directory has this name. Try the whole sign-in name."),
    "disabled": gettext_lazy("This account is disabled. Name somebody else."),
}
SETTLED = {State.NEEDS_APPROVAL, State.APPROVED, State.SUSPENDED}


@dataclass(frozen=True)
class Place:
    """What makes a connection itself."""

    organization: Organization
    base_url: str
    environment: str

    def known(self) -> Connection | None:
        """The organization's connection that is this already."""
        return self.organization.connections.filter(
            base_url__iexact=self.base_url, environment=self.environment
        ).first()


def finish(row: Row, organization: Organization, actor: Actor, deadline: Deadline) -> Connection | None:
    """Submit what the row holds, or say at its fields what keeps it from being submitted. Returns the connection when
    the row is done with."""
    if not rows.checked(row):
        return None
    if row.connection:
        return _change(row, row.connection, actor, deadline)
    place = Place(organization, row.form.cleaned_data["base_url"], row.form.cleaned_data["environment"])
    return _add(row, place, actor, deadline)


def _add(row: Row, place: Place, actor: Actor, deadline: Deadline) -> Connection | None:
    approver = _approver(row, place, deadline)
    if known := place.known():
        return _again(row, known, approver)
    report = _passed(row, place, approver, deadline)
    if approver is None or report is None:
        return None
    agreed = replace(agreement.defaults(place.environment), ehr_kind=report.kind or "other")
    return _submit(row, place, Proposal(approver, report, seen=0, settings=agreed), actor)


def _again(row: Row, known: Connection, approver: Person | None) -> Connection | None:
    """The same form sent twice is done; anything else about a connection is changed in its own row."""
    if known.proposed and approver and str(known.proposed.approver_oid) == approver.oid:
        return known
    there = reverse("connection", args=[known.ref])
    text = _("This address is in your list already, for the same environment.")
    row.form.add_error("base_url", format_html('{} <a href="{}">{}</a>', text, there, _("Change it there")))
    return None


def _change(row: Row, connection: Connection, actor: Actor, deadline: Deadline) -> Connection | None:
    typed, shown = row.form.cleaned_data["approver"].lower(), connection.shown
    if typed in {shown.approver_upn.lower(), shown.approver_name.lower()} and connection.state in SETTLED:
        details.change(connection, actor, label=row.form.cleaned_data["label"])
        return connection
    place = Place(connection.organization, connection.base_url, connection.environment)
    approver = _approver(row, place, deadline)
    report = _passed(row, place, approver, deadline)
    if approver is None or report is None:
        return None
    return _submit(row, place, Proposal(approver, report, seen=row.form.cleaned_data["seen"]), actor)


def _approver(row: Row, place: Place, deadline: Deadline) -> Person | None:
    """The one person meant; otherwise the row says why nobody is, or offers the choice."""
    found = directory.find(str(place.organization.tid), row.form.cleaned_data["approver"], deadline=deadline)
    if found.code:
        row.form.add_error("approver", str(APPROVER_FAULTS.get(found.code) or problems.find(found.code).what))
        return None
    chosen = next((one for one in found.people if one.oid == row.form.cleaned_data["approver_oid"]), None)
    if len(found.people) == 1 or chosen:
        row.approver = chosen or found.people[0]
        return row.approver
    row.people = found.people
    row.form.add_error("approver", _("Several people have a name like this. Choose who is meant."))
    return None


def _passed(row: Row, place: Place, approver: Person | None, deadline: Deadline) -> Report | None:
    """Ask the EHR, and say what it means. Warnings are told once: the next Done with the same values submits."""
    row.report = report = answers.ask(place.base_url, place.environment, deadline)
    for fault in answers.faults(report):
        row.form.add_error("base_url" if not row.connection else None, fault)
    warned = answers.explained(report, "warns")
    hinted = hints.hints(place.organization, place.base_url, place.environment)
    row.warnings = [*(hints.TEXTS[code] for code in hinted), *(f"{one.title}. {one.fix}" for one in warned.values())]
    if row.form.errors or approver is None:
        return None
    said = answers.digest(place.base_url, place.environment, approver.oid, *hinted, *warned)
    if row.warnings and row.form.cleaned_data["said"] != said:
        rows.say(row, "said", said)
        return None
    return report


@dataclass(frozen=True)
class Proposal:
    """What is submitted. `seen` is the newest revision that the row knew; without settings, the last ones stay."""

    approver: Person
    report: Report
    seen: int
    settings: agreement.Settings | None = None


def _submit(row: Row, place: Place, proposal: Proposal, actor: Actor) -> Connection | None:
    try:
        connection = services.submit(
            **vars(place), approver=proposal.approver, actor=actor, settings=proposal.settings, seen=proposal.seen
        )
    except Refused:
        return _changed_meanwhile(row, place, proposal.approver)
    preflight.keep(connection, Preflight.Trigger.DONE, proposal.report)
    approvers.confirmed(connection)
    details.change(connection, actor, label=row.form.cleaned_data["label"])
    _tell_operator(place, proposal.report)
    return connection


def _changed_meanwhile(row: Row, place: Place, approver: Person) -> Connection | None:
    """Another tab, or another administrator, was faster: say so, keep what was typed, and let Done go over it."""
    known = place.organization.connections.get(base_url__iexact=place.base_url, environment=place.environment)
    if not row.connection:
        return _again(row, known, approver)
    rows.say(row, "seen", str(rows.newest(known)))
    text = _("This was changed in the meantime: %(name)s is the approver now. Done puts your change over it.")
    row.form.add_error(None, text % {"name": known.shown.approver_name})
    return None


def _tell_operator(place: Place, report: Report) -> None:
    """The operator of the deployment reads in the log that an address is shared, never which organizations share
    it."""
    if hints.in_use_elsewhere(place.organization, place.base_url):
        host = urlsplit(place.base_url).hostname
        log.warning("base URL in use elsewhere", extra={"host": host, "kind": report.kind})
