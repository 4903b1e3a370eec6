"""My open visits: a clinician who signs in with Microsoft finds the visits that he has opened, or that a patient has
opened in his name, when the EHR cannot bring him there. It names no patient, opens no portal session, and ends after 15
minutes."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.contrib.auth.decorators import login_not_required
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.functional import Promise
from django.views.decorators.http import require_GET, require_POST

from connector import keys, signin, trail
from connector.models import User
from connector.teams.entra import Identity
from visits import browsers, clinician, handles, presence, summary
from visits.fold import VisitState
from visits.models import Browser, EhrUserLink, Participant, Visit
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
    arrived_through: str | Promise


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
    found = _open_of(user).filter(pk=visit).first() if user else None
    participant = _clinician_of(found, user) if found and user else None
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


def _open_of(user: User) -> QuerySet[Visit]:
    """This clinician's visits whose meeting is open, newest first, where the connection lets people launch: those that
    he came to, and those that a patient's press has opened in his name while he is linked."""
    came = Participant.objects.filter(visit=OuterRef("pk"), user=user, role=Participant.Role.PROVIDER)
    named = Q(organizer=user, connection__in=EhrUserLink.objects.filter(user=user).values("connection"))
    running = Visit.objects.filter(Exists(came) | named, ended_at=None, opened_at__gt=timezone.now() - DAY)
    serving = running.filter(connection__suspended=False, connection__live__isnull=False).exclude(join_url_sealed="")
    return serving.select_related("connection__organization", "connection__live").order_by("-opened_at")


def _clinician_of(visit: Visit, user: User) -> Participant | None:
    """This clinician in a visit; where no press of his brought him there, the EHR user whom his link names."""
    mine = Participant.objects.filter(visit=visit, user=user, role=Participant.Role.PROVIDER).first()
    mine = mine or _linked_clinician(visit, user)
    if mine:
        mine.visit = visit
    return mine


def _linked_clinician(visit: Visit, user: User) -> Participant | None:
    """The EHR user whom this clinician's link names, in the visit from now on; of two with one account, the one whom
    the patient's record named."""
    with keys.hashing(visit.organization_id):
        presence.lock([visit.pk])
        visit.refresh_from_db(fields=["clinician_hash"])
        links = EhrUserLink.objects.filter(connection=visit.connection, user=user)
        link = max(links, key=lambda one: one.ehr_user_hash == visit.clinician_hash, default=None)
        if link is None:
            return None
        mine, _made = Participant.objects.update_or_create(
            visit=visit,
            role=Participant.Role.PROVIDER,
            ehr_user_hash=link.ehr_user_hash,
            defaults={"user": user, "hash_kid": link.hash_kid},
        )
        presence.refold(visit.pk)  # he may be in the call already
        return mine


def _rows(user: User) -> list[Row]:
    newest = list(_open_of(user)[:MOST])
    states = presence.states_of(newest)
    return [_row(visit, *states[visit.pk]) for visit in newest]


def _row(visit: Visit, state: VisitState, staff: frozenset[str]) -> Row:
    return Row(
        id=visit.id,
        when=visit.starts_at or visit.opened_at or visit.created_at,
        planned=visit.starts_at is not None,
        place=visit.department or visit.connection.label or visit.connection.organization.name,
        test=visit.test,
        waits=summary.waits_in(state, staff),
        arrived_through=clinician.arrived_through(visit.connection),
    )
