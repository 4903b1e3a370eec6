"""Checks are kept as rows: a try that could not be made takes nothing away from what the last one showed."""

from datetime import datetime, timedelta

from django.core.cache import cache
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from connector.cached import quietly
from connector.errors import NeedsConsent, WireError
from connector.http import Deadline
from connector.models import Check, Connection, Organization
from portal.actors import Actor
from portal.ready.checks import About, Finding
from portal.ready.lines import Line

TAKES_EFFECT = timedelta(hours=48)  # of an application access policy, at most
SECONDS = 10.0
CONFIRMED = {"anonymous": "anonymous-confirmed", "region": "region-confirmed"}
# What is true of the organization until somebody says otherwise, whatever a check finds.
REMEMBERED = ("organizer", "granted_at", "by", "confirmed_at", "confirmed_for", "worked")


def row(organization: Organization, line: str, connection: Connection | None = None) -> Check:
    """The kept row of a line, made when new."""
    return Check.objects.get_or_create(organization=organization, connection=connection, name=line)[0]


def organizer_of(organization: Organization) -> str:
    """In whose name meetings are tried: the account that an administrator named, else the first administrator's."""
    known = Check.objects.filter(organization=organization, name="policy").first()
    if known and known.evidence.get("organizer"):
        return str(known.evidence["organizer"])
    first = organization.administrators.select_related("user").order_by("pk").first()
    return str(first.user.oid) if first else ""


def name_organizer(organization: Organization, oid: str) -> None:
    """Try meetings in this account's name from now on: what was found for another one holds no more."""
    for name in ("policy", "licence"):
        known = row(organization, name)
        kept = {key: value for key, value in known.evidence.items() if key == "granted_at"}
        known.evidence = kept | ({"organizer": oid} if name == "policy" else {})
        _keep(known, Check.State.OPEN, "", tried_at=None)


def say_granted(organization: Organization) -> None:
    """The PowerShell lines were run now: a refusal is “not yet” for up to 48 hours. Saying it again adds no time."""
    known = row(organization, "policy")
    known.evidence.setdefault("granted_at", timezone.now().isoformat())
    known.save(update_fields=["evidence"])


def confirm(organization: Organization, line: str, actor: Actor) -> None:
    """Somebody has looked himself, and stands for it with his name."""
    known = row(organization, line)
    now = timezone.now()
    known.evidence |= {"by": actor.name, "confirmed_at": now.isoformat(), "confirmed_for": _subject(known)}
    _keep(known, Check.State.OK, CONFIRMED[line], tried_at=now)


def run(organization: Organization, line: Line, connection: Connection | None = None) -> Check:
    """Try a line now and keep what it showed."""
    known = row(organization, line.name, connection)
    about = About(organization, organizer_of(organization), known, Deadline.after(SECONDS), connection)
    now = timezone.now()
    try:
        finding = _settled(known, line.check(about))
    except NeedsConsent as error:
        code = "needs-consent" if error.code == "admin-consent" else error.code
        finding = Finding(Check.State.OPEN, code)
    except WireError as error:
        return _keep(known, Check.State.UNKNOWN, error.code, tried_at=now)
    if line.name == "consent" and finding.state == Check.State.OK:
        Organization.objects.filter(pk=organization.pk).update(consented_at=now)
    return _found(known, finding, now)


def note(organization: Organization, line: str, finding: Finding) -> None:
    """Keep what was seen elsewhere than by a try of this line."""
    _found(row(organization, line), finding, timezone.now())


def _found(known: Check, finding: Finding, now: datetime) -> Check:
    kept = {name: known.evidence[name] for name in REMEMBERED if name in known.evidence}
    seen = {"seen": {"state": finding.state.value, "code": finding.code, "at": now.isoformat()}}
    known.evidence = kept | finding.evidence | seen
    return _keep(known, finding.state, finding.code, tried_at=now)


def _settled(known: Check, finding: Finding) -> Finding:
    """A finding in the light of what people have said: granted a while ago, looked at by hand."""
    if finding.code == "policy-missing":
        return _policy(known)
    if finding.code == "policy-works":
        known.evidence["worked"] = True
    if known.name in CONFIRMED and finding.state == Check.State.OPEN and known.evidence.get("by"):
        same = known.name != "region" or known.evidence.get("confirmed_for") == finding.evidence.get("country")
        return Finding(Check.State.OK, CONFIRMED[known.name], finding.evidence) if same else finding
    return finding


def _policy(known: Check) -> Finding:
    granted = moment(known.evidence.get("granted_at"))
    if known.evidence.get("worked"):
        return Finding(Check.State.WRONG, "policy-lost")
    if granted is None:
        return Finding(Check.State.OPEN, "policy-missing")
    if timezone.now() - granted < TAKES_EFFECT:
        return Finding(Check.State.WAITING, "policy-not-yet")
    return Finding(Check.State.WRONG, "policy-refused")


def _subject(known: Check) -> str:
    """What a confirmation by hand is about: another country needs another."""
    return str(known.evidence.get("country", ""))


def moment(text: object) -> datetime | None:
    """A time kept in evidence."""
    return parse_datetime(text) if isinstance(text, str) else None


def _keep(known: Check, state: Check.State, code: str, *, tried_at: datetime | None) -> Check:
    if known.state != state:
        known.since = timezone.now()
    known.state, known.code, known.tried_at = state, code, tried_at
    known.save(update_fields=["state", "code", "tried_at", "since", "evidence"])
    return known


def may_try(key: str, seconds: int = 15) -> bool:
    """Whether this was not tried a moment ago. Without a cache everybody may."""
    return quietly(lambda: cache.add(f"ready:{key}", 1, seconds)) is not False
