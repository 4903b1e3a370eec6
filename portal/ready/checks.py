"""One function a line: what the last try showed, as a state, a code and what backs it up (counts, codes, settings)."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet

from connector import mail, wires
from connector.agreement import load
from connector.ehr import backend, discovery
from connector.errors import NeedsConsent, Permanent, asking
from connector.http import Deadline
from connector.models import Check, Connection, EhrSignIn, Organization
from connector.teams import entra, graph, meetings
from portal.ready import licences

State = Check.State
Evidence = dict[str, Any]
ENOUGH_ADMINISTRATORS = 2


@dataclass(frozen=True)
class Finding:
    """What a check found. `code` names the sentence that says it (portal.ready.texts)."""

    state: Check.State
    code: str
    evidence: Evidence = field(default_factory=dict)


@dataclass(frozen=True)
class About:
    """What is checked, in whose name meetings are tried, what was known before, and how long it may take."""

    organization: Organization
    organizer: str  # an object id; empty where nobody is named yet
    before: Check
    deadline: Deadline
    connection: Connection | None = None

    @property
    def tid(self) -> str:
        return str(self.organization.tid)


def consent(about: About) -> Finding:
    """A fresh app token reads what each permission is for; the others show when they are used (policy, proof)."""
    entra.forget_app_token(about.tid)
    probes: dict[str, Callable[[], object]] = {
        "Organization.Read.All": lambda: graph.organization_name(about.tid, deadline=about.deadline),
        "User.Read.All": lambda: graph.read_person(about.tid, _somebody(about), deadline=about.deadline),
        "RoleManagement.Read.Directory": lambda: graph.directory_roles(
            about.tid, _somebody(about), deadline=about.deadline
        ),
    }
    try:
        missing = [name for name, probe in probes.items() if _is_refused(probe)]
    except NeedsConsent:
        withdrawn = about.organization.consented_at is not None
        return Finding(State.WRONG, "consent-withdrawn") if withdrawn else Finding(State.OPEN, "consent-missing")
    if missing:
        return Finding(State.WRONG, "permission-missing", {"missing": ", ".join(missing)})
    return Finding(State.OK, "consent-works")


def _somebody(about: About) -> str:
    return about.organizer or secrets.token_hex(16)  # an account that nobody has tells as much


def _is_refused(probe: Callable[[], object]) -> bool:
    try:
        probe()
    except NeedsConsent as error:
        if error.code != "graph-permission":
            raise
        return True
    except Permanent as error:
        if error.code != "graph-not-found":
            raise
    return False


def policy(about: About) -> Finding:
    """A throwaway meeting in the organizer's name, deleted at once."""
    if not about.organizer:
        return Finding(State.OPEN, "no-organizer")
    try:
        meeting = meetings.create_or_get(
            about.tid,
            about.organizer,
            external_id=f"check:{secrets.token_hex(8)}",
            subject="EHR Connector: set-up check",
            deadline=about.deadline,
        )
    except Permanent as error:
        return _policy_refused(about, error)
    meetings.delete(about.tid, about.organizer, meeting.id, deadline=about.deadline)
    return Finding(State.OK, "policy-works")


def _policy_refused(about: About, error: Permanent) -> Finding:
    """Right after the lines were run a refusal is what Microsoft announces: up to 48 hours. keep.py knows when that
    was."""
    if error.code == "graph-not-found":
        return Finding(State.WRONG, "organizer-unknown")
    if error.code != "application-access-policy":
        raise error
    return Finding(State.OPEN, "policy-missing")


def teams_licence(about: About) -> Finding:
    """The organizer's own licence, and how many the organization has and uses."""
    if not about.organizer:
        return Finding(State.OPEN, "no-organizer")
    try:
        licensed = meetings.has_licence(about.tid, about.organizer, deadline=about.deadline)
    except Permanent as error:
        if error.code != "graph-not-found":
            raise
        return Finding(State.WRONG, "organizer-unknown")
    skus = graph.subscribed_skus(about.tid, deadline=about.deadline)
    teams = [sku for sku in skus if sku.active and any(plan.startswith("TEAMS") for plan in sku.plans)]
    counts = {"units": sum(sku.units for sku in teams), "used": sum(sku.used for sku in teams)}
    return Finding(State.OK, "licensed", counts) if licensed else Finding(State.WRONG, "unlicensed", counts)


def product_licence(about: About) -> Finding:
    """A product of LICENCE_SKUS: wanted in testing, needed to approve production."""
    found = licences.held(about.tid, about.deadline)
    return Finding(State.OK, "product-held") if found else Finding(State.OPEN, "product-missing")


def anonymous_join(about: About) -> Finding:
    """Microsoft Graph reads none of these settings, so somebody has to look."""
    return Finding(State.OPEN, "anonymous-unseen")


def region(about: About) -> Finding:
    """Where this deployment keeps data, against the organization's country: whether they fit, a person says."""
    if about.organization.region != settings.REGION:
        return Finding(State.WRONG, "region-other", {"region": about.organization.region, "here": settings.REGION})
    country = graph.country(about.tid, deadline=about.deadline)
    return Finding(State.OPEN, "region-unconfirmed", {"here": settings.REGION, "country": country or "?"})


def administrators(about: About) -> Finding:
    count = about.organization.administrators.count()
    enough = count >= ENOUGH_ADMINISTRATORS
    return Finding(State.OK if enough else State.OPEN, "administrators", {"count": count})


def in_use(organization: Organization) -> QuerySet[Connection]:
    """The connections that serve launches or may soon."""
    return organization.connections.filter(Q(live__isnull=False) | Q(proposed__isnull=False))


def help_lines(about: About) -> Finding:
    missing = in_use(about.organization).filter(help_line="").count()
    if not missing:
        return Finding(State.OK, "help-lines-named")
    code = "help-line-default" if settings.HELP_LINE else "help-line-missing"
    return Finding(State.OK if settings.HELP_LINE else State.OPEN, code, {"count": missing})


def notification_mail(about: About) -> Finding:
    if not mail.is_on():
        return Finding(State.OPEN, "mail-off")
    if failed := mail.undelivered(about.organization).count():
        return Finding(State.WRONG, "mail-undelivered", {"count": failed})
    missing = in_use(about.organization).filter(notification_mail="").count()
    if missing:
        return Finding(State.OPEN, "mail-missing", {"count": missing})
    return Finding(State.OK, "mail-named")


def ehr_keys(about: About) -> Finding:
    """A backend token, really obtained; without a backend client the newest sign-in that ended well, which needed the
    same keys."""
    connection = about.connection
    if connection is None:
        raise TypeError("keys are checked for a connection")
    agreed = load(connection.shown.settings)
    if not agreed.backend_client_id:
        signed_in = EhrSignIn.objects.filter(revision__connection=connection).exists()
        return Finding(State.OK, "keys-signed-in") if signed_in else Finding(State.OPEN, "keys-untried")
    client = wires.backend_client(agreed, connection.environment)
    try:
        with asking("ehr"):
            found = discovery.discover(connection.base_url, deadline=about.deadline)
            backend.forget(found.token, client, agreed.backend_scopes)
            backend.token(found.token, client, agreed.backend_scopes, deadline=about.deadline)
    except Permanent as error:
        if error.code != "ehr-client-refused":
            raise
        known = bool(about.before.evidence.get("worked"))
        return Finding(State.WRONG if known else State.OPEN, "keys-refused")
    return Finding(State.OK, "keys-token", {"worked": True})
