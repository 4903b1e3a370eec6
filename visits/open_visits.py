"""My open visits: a clinician who signs in with Microsoft finds the visits that he has opened, when the EHR cannot
bring him there. It names no patient, opens no portal session, and ends after 15 minutes."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.contrib.auth.decorators import login_not_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from connector import signin, trail
from connector.models import User
from connector.teams.entra import Identity
from visits import browsers, handles, summary
from visits.models import Browser, Participant
from visits.summary import Waits
from visits.trouble import Stop, explained

PURPOSE = "open-visits"
LIFE = timedelta(minutes=15)
DAY = timedelta(days=1)  # a meeting that nobody ever came to has no end
MOST = 20


@dataclass(frozen=True)
class Row:
    """A visit of the list: when, where, and who waits."""

    id: UUID
    when: datetime
    planned: bool  # `when` is what the EHR says; else when its meeting was opened
    place: str
    test: bool
    waits: Waits


@login_not_required
@require_GET
@explained
def index(request: HttpRequest) -> HttpResponse:
    """The open visits of who has just signed in here; for everybody else, the way to sign in."""
    user = _listed(request)
    return render(request, "visits/open_visits.html", {"known": user is not None, "rows": _rows(user) if user else []})


@login_not_required
@require_GET
def start(request: HttpRequest) -> HttpResponse:
    """Leave for Microsoft."""
    return signin.begin(request, purpose=PURPOSE, prompt="select_account")


def arrive(request: HttpRequest, identity: Identity, data: dict[str, str]) -> HttpResponse:
    """Back from Microsoft: the list is this browser's for a quarter of an hour. Nobody is made a user here."""
    user = User.objects.filter(tid=identity.tid, oid=identity.oid).first()
    if user is None:
        return render(request, "visits/open_visits.html", {"known": True, "rows": []})
    id_hash, browser_id = browsers.known_or_new(request)
    browsers.remember_user(id_hash, user)
    Browser.objects.filter(pk=id_hash).update(list_until=timezone.now() + LIFE)
    response = redirect("open_visits")
    browsers.give_cookie(response, browser_id)
    return response


@login_not_required
@require_POST
@explained
def enter(request: HttpRequest, visit: UUID) -> HttpResponse:
    """To the page of one of these visits, through a launch of its own."""
    user = _listed(request)
    participant = _open_of(user).filter(visit=visit).first() if user else None
    if participant is None:
        raise Stop("list-over")
    row, _ = handles.open_page(request, participant, "provider")
    organization = participant.visit.connection.organization
    trail.record(organization, "entered-from-list", visit=visit, participant=participant.id)
    return redirect("visit", handle=handles.issue(row))


def _listed(request: HttpRequest) -> User | None:
    """Who signed in for the list in this browser, while it lives."""
    browser = Browser.objects.filter(id_hash=browsers.browser_of(request), list_until__gt=timezone.now())
    found = browser.select_related("user").first()
    return found.user if found else None


def _open_of(user: User) -> QuerySet[Participant]:
    """This clinician in visits whose meeting is open, newest first, where the connection lets people launch."""
    mine = Participant.objects.filter(user=user, role=Participant.Role.PROVIDER)
    running = mine.filter(visit__ended_at=None, visit__opened_at__gt=timezone.now() - DAY)
    serving = running.filter(visit__connection__suspended=False, visit__connection__live__isnull=False)
    return serving.exclude(visit__join_url_sealed="").select_related(
        "visit__connection__organization", "visit__connection__live"
    )


def _rows(user: User) -> list[Row]:
    newest = _open_of(user).order_by("-visit__opened_at")[:MOST]
    return [_row(participant) for participant in newest]


def _row(participant: Participant) -> Row:
    visit = participant.visit
    return Row(
        id=visit.id,
        when=visit.starts_at or visit.opened_at or visit.created_at,
        planned=visit.starts_at is not None,
        place=visit.department or visit.connection.label or visit.connection.organization.name,
        test=visit.test,
        waits=summary.waits_in(visit),
    )
