"""The handle of a launch: a random word in the page's path that stands for one person in one visit.

With the visit cookie it is good only in the browser it was given to: a patient's for half a day, a clinician's while
the page asks, until 15 minutes after it stopped or the visit ended; with it the timeline of a visit that is over can be
read for half a day. Without any cookie it lives 60 seconds, each refresh brings a successor, and it is good until its
successor is used (docs/adr/0004).
"""

import secrets
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from visits import languages
from visits.browsers import browser_of, hash_of, known_or_new
from visits.doors import DOORS
from visits.models import Browser, EhrUserLink, Launch, Participant

COOKIE_LIFE = timedelta(hours=12)
CLINICIAN_LIFE = timedelta(minutes=15)
BARE_LIFE = timedelta(seconds=60)
WRITTEN_EVERY = timedelta(minutes=1)  # a page asks every three seconds
VISIT = ("participant__visit__connection__organization", "participant__visit__connection__live")


class Lost(Exception):
    """The handle is unknown, too old or another browser's: press the button again. `launch`: whose it was, if known."""

    def __init__(self, launch: Launch | None) -> None:
        super().__init__()
        self.launch = launch


def issue(launch: Launch) -> str:
    """Give a redeemed launch its first handle. A clinician's ends the pages of others in the same browser."""
    handle = secrets.token_urlsafe(24)
    launch.handle_hash, launch.successor_hash = hash_of(handle), ""
    launch.handle_until = timezone.now() + _life(launch)
    launch.language = launch.language or languages.earlier(launch)
    launch.save(update_fields=["handle_hash", "successor_hash", "handle_until", "language"])
    if _is_staff(launch) and launch.browser_hash:
        _end_others(launch)
    return handle


def open_page(request: HttpRequest, participant: Participant, door: str) -> tuple[Launch, str]:
    """A launch of its own for a page that no button opened: (the launch, the id to give a browser that has none)."""
    browser_hash, browser_id = known_or_new(request)
    row = Launch.objects.create(
        connection=participant.visit.connection,
        door=door,
        state_hash=hash_of(secrets.token_urlsafe(24)),
        verifier_sealed="",
        browser_hash=browser_hash,
        participant=participant,
        redeemed_at=timezone.now(),
    )
    return row, browser_id


def follow(request: HttpRequest, handle: str) -> tuple[Launch, str]:
    """(the launch behind a handle, the handle to use from now on), in its reader's language. Raises Lost."""
    launch = behind(handle)
    languages.speak(request, launch.language if launch else "")
    if launch is None or is_over(launch):
        raise Lost(launch)
    if launch.browser_hash and launch.browser_hash != browser_of(request):
        raise Lost(launch)
    languages.remember(request, launch)
    if not launch.browser_hash:
        return launch, _renew(launch, hash_of(handle))
    _prolong(launch)
    return launch, handle


def look_back(request: HttpRequest, handle: str) -> tuple[Launch, str]:
    """As `follow`; a clinician also reads what happened in his visit when it is over and his page has ended: in the
    browser that he launched from, for half a day, unless another EHR user has launched there since. Raises Lost."""
    launch = behind(handle)
    if launch is None or not is_over(launch) or not _may_look_back(request, launch):
        return follow(request, handle)
    languages.speak(request, launch.language)
    return launch, handle


def _may_look_back(request: HttpRequest, launch: Launch) -> bool:
    """A launch without `handle_until` was ended by another's."""
    over = launch.participant is not None and launch.participant.is_staff and launch.participant.visit.ended_at
    lately = launch.redeemed_at is not None and launch.redeemed_at + COOKIE_LIFE > timezone.now()
    same = bool(launch.browser_hash) and launch.browser_hash == browser_of(request)
    return bool(over) and lately and same and launch.handle_until is not None


def behind(handle: str) -> Launch | None:
    """The launch that a handle was given to, whoever holds it now: it proves nothing about who asks."""
    hashed = hash_of(handle)
    return launches().filter(Q(handle_hash=hashed) | Q(successor_hash=hashed)).first()


def launches() -> QuerySet[Launch]:
    """Launches with everything that a page of a visit reads."""
    return Launch.objects.select_related("connection__organization", "connection__live", "participant__user", *VISIT)


def _is_staff(launch: Launch) -> bool:
    return launch.participant.is_staff if launch.participant else DOORS[launch.door].staff


def _life(launch: Launch) -> timedelta:
    if not launch.browser_hash:
        return BARE_LIFE
    return CLINICIAN_LIFE if _is_staff(launch) else COOKIE_LIFE


def is_over(launch: Launch) -> bool:
    """Whether the page has been silent for too long, or is a clinician's of a visit that ended a while ago."""
    now = timezone.now()
    ended = launch.participant.visit.ended_at if launch.participant and launch.participant.is_staff else None
    silent = launch.handle_until is None or launch.handle_until < now
    return silent or (ended is not None and ended + CLINICIAN_LIFE < now)


def _prolong(launch: Launch) -> None:
    """A clinician's page that asks is not idle. One that another's launch has ended meanwhile stays ended."""
    until: datetime = timezone.now() + CLINICIAN_LIFE
    if _is_staff(launch) and launch.handle_until and until - launch.handle_until >= WRITTEN_EVERY:
        Launch.objects.filter(pk=launch.pk, handle_until=launch.handle_until).update(handle_until=until)


def _end_others(launch: Launch) -> None:
    """Another EHR user has this browser now: the pages, the boards and the list of whoever had it before are his no
    more. A board of nobody in particular may be anybody's. Both sides of a test visit are one analyst's."""
    me, now = launch.participant, timezone.now()
    if me and me.visit.test:
        return
    ehr_user_hash = me.ehr_user_hash if me else launch.ehr_user_hash
    here = Launch.objects.filter(browser_hash=launch.browser_hash)
    pages = here.filter(participant__role=Participant.Role.PROVIDER, participant__visit__test=False)
    mine = {"participant__ehr_user_hash": ehr_user_hash, "connection": launch.connection_id}
    pages.exclude(**mine).update(handle_until=None)  # also one that is silent: its timeline could still be read
    boards = here.filter(door="board").exclude(ehr_user_hash=ehr_user_hash, connection=launch.connection_id)
    boards.update(handle_until=now)
    lists = Browser.objects.filter(id_hash=launch.browser_hash, list_until__gt=now)
    links = EhrUserLink.objects.filter(connection=launch.connection_id, ehr_user_hash=ehr_user_hash)
    lists.exclude(Q(user__in=links.values("user")) | Q(user=me.user_id if me else None)).update(list_until=None)


def _renew(launch: Launch, used: str) -> str:
    """Make the used handle the current one, and its successor a new one."""
    successor = secrets.token_urlsafe(24)
    launch.handle_hash, launch.successor_hash = used, hash_of(successor)
    launch.handle_until = timezone.now() + BARE_LIFE
    launch.save(update_fields=["handle_hash", "successor_hash", "handle_until"])
    return successor
