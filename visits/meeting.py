"""Opening the Teams meeting of a visit: one organizer claims it, makes it, then everybody is sent to the same one.

People get in if the meeting can exist: options, visitor link and live presence may be refused or late, and the page
says so.
"""

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Count, Exists, F, Max, OuterRef, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from connector import keys, trail, wires
from connector.cached import outdate
from connector.each import in_time
from connector.errors import AlreadyDone, Permanent, Retry, WireError
from connector.http import Deadline
from connector.models import User
from connector.teams import meetings
from visits import languages, presence, receipts, reconcile
from visits.models import Fact, Subscription, Visit

log = logging.getLogger(__name__)

CLAIM_LIFE = timedelta(seconds=15)  # whoever opens a meeting has been answered, or has given up, after eight
RENEW_WITHIN = timedelta(hours=12)
POLL_SECONDS = 0.2
# Each step that people can do without has its own share of the launch's eight seconds.
OPTIONS_SECONDS, LINK_SECONDS, SUBSCRIPTION_SECONDS, FIND_SECONDS = 2.0, 1.5, 3.0, 1.5
FOUND_EVERYWHERE = timedelta(minutes=1)  # after a meeting was made: until then Graph may not know it yet
RESTART_SECONDS = 0.7  # between two tries while Graph does not reach our notification service, which may be restarting
# While the visit is open, a subscription that was refused is asked for again so long after the first time, the second …
ASKED_AGAIN_AFTER = [timedelta(minutes=minutes) for minutes in (1, 2, 4, 8, 10)]
SECONDS_AT_ONCE = 20.0  # of one sweep of either kind: what is left is due at the next
MADE_BEFORE = ("", None)  # a subscription that Graph says it has
# What is known of a meeting once it is made.
KEPT = ("meeting_id_sealed", "join_url_sealed", "visitor_url_sealed", "lobby", "presence_live", "opened_at", "look_at")


def open_for(visit: Visit, user: User, deadline: Deadline) -> Visit:
    """The visit with a meeting to join, opened in this clinician's name unless it is already. Raises WireError when it
    cannot be."""
    if visit.ended_at is not None:
        raise Permanent("visit-ended")
    if visit.join_url_sealed and _is_gone(visit, deadline):
        replace(visit)
    if visit.join_url_sealed:
        _let_colleague_in(visit, user, deadline)
        return visit
    if not claim(visit, user):
        return _wait_for_the_other(visit, deadline)
    try:
        _make(visit, user, deadline)
    except WireError:
        _release(visit, user)
        raise
    # A claim that ran out meanwhile was taken by somebody else, whose meeting it is then.
    return visit if visit.join_url_sealed else _wait_for_the_other(visit, deadline)


def claim(visit: Visit, user: User) -> bool:
    """Become the organizer, unless somebody else is opening the meeting right now. A dead claim is free
    again after CLAIM_LIFE."""
    now = Now()  # the database's: the machines of the web need not agree
    unopened = Visit.objects.filter(pk=visit.pk, join_url_sealed="", ended_at=None)
    free = Q(organizer=None) | Q(claimed_at=None) | Q(claimed_at__lt=now - CLAIM_LIFE)
    won = unopened.filter(free).update(organizer=user, claimed_at=now)
    visit.refresh_from_db()
    return bool(won) and visit.organizer_id == user.pk


def reopen(visit: Visit) -> None:
    """A launch after the visit has ended begins another meeting of the same session."""
    if Visit.objects.filter(pk=visit.pk, ended_at__isnull=False).exists():
        _begin_another(visit, lambda row: row.ended_at is not None)


def replace(visit: Visit) -> None:
    """Another meeting in the place of one that is gone, unless somebody is in it: he would be left alone there."""
    gone = visit.generation

    def deserted(row: Visit) -> bool:
        return row.generation == gone and not presence.state_of(row).somebody_there

    _begin_another(visit, deserted)


def _begin_another(visit: Visit, may: Callable[[Visit], bool]) -> None:
    """Leave the meeting behind, if that is so under the visit's lock."""
    fresh: dict[str, Any] = dict.fromkeys(("meeting_id_sealed", "join_url_sealed", "visitor_url_sealed", "lobby"), "")
    fresh |= dict.fromkeys(("organizer", "claimed_at", "opened_at", "ended_at", "due_at", "look_at"))
    with transaction.atomic():
        row = presence.locked(visit.pk)
        if row and may(row):
            presence.leave_behind(row, row.ended_at or timezone.now())
            rows = Visit.objects.filter(pk=row.pk)
            rows.update(generation=F("generation") + 1, presence_live=False, **fresh)
            row.participants.update(sent_at=None)
            outdate("visit", row.pk)
            presence.refold(row.pk, row.generation)  # what was left behind runs no more
    visit.refresh_from_db()


def _is_gone(visit: Visit, deadline: Deadline) -> bool:
    """Whether Graph has lost the meeting: deleted by hand in Teams, or with its organizer's account. Who cannot tell
    says nothing."""
    organizer, opened_at = visit.organizer, visit.opened_at
    if organizer is None or opened_at is None or opened_at + FOUND_EVERYWHERE > timezone.now():
        return False
    tid, oid, meeting_id = str(organizer.tid), str(organizer.oid), visit.unseal("meeting_id")
    found = _best_effort("found", FIND_SECONDS, deadline, lambda d: meetings.exists(tid, oid, meeting_id, deadline=d))
    return found is False


def _release(visit: Visit, user: User) -> None:
    Visit.objects.filter(pk=visit.pk, organizer=user, join_url_sealed="").update(organizer=None, claimed_at=None)


def _wait_for_the_other(visit: Visit, deadline: Deadline) -> Visit:
    """Somebody else is opening the meeting: a moment later it is there for both."""
    while deadline.at - time.monotonic() > POLL_SECONDS:
        time.sleep(POLL_SECONDS)
        visit.refresh_from_db()
        if visit.join_url_sealed:
            return visit
        if visit.organizer_id is None:
            break
    raise Retry("meeting-being-opened")


def _make(visit: Visit, user: User, deadline: Deadline) -> None:
    """createOrGet, options, visitor link, subscription; then the links are kept, if the claim still holds."""
    tid, oid = str(user.tid), str(user.oid)
    _require_licence(tid, oid, deadline)
    # An opaque reference: a second try by the same organizer finds the same meeting.
    external_id = f"{visit.id}:{visit.generation}"
    agreed = wires.live_settings(visit.connection)
    subject = f"TEST {agreed.meeting_subject}" if visit.test else agreed.meeting_subject
    meeting = meetings.create_or_get(tid, oid, external_id=external_id, subject=subject, deadline=deadline)
    visit.opened_at = timezone.now()
    visit.seal("meeting_id", meeting.id)
    visit.seal("join_url", meeting.join_url)
    visit.lobby = agreed.lobby if _set_lobby(visit, user, agreed.lobby, deadline) else ""
    language = languages.of_patients(visit)
    link = _best_effort(
        "visitor-link",
        LINK_SECONDS,
        deadline,
        lambda d: meetings.visitor_url(tid, oid, meeting.id, deadline=d, language=language),
    )
    visit.seal("visitor_url", link or "")
    visit.presence_live = subscribe(visit, tid, meeting.join_url, deadline)
    _keep(visit, user)
    trail.record(visit.connection.organization, "meeting-opened", visit=visit.id, presence=str(visit.presence_live))


def _require_licence(tid: str, oid: str, deadline: Deadline) -> None:
    """A clinician without Teams cannot hold a meeting. A licence service that does not answer stops nobody."""
    licensed = _best_effort("licence", LINK_SECONDS, deadline, lambda d: meetings.has_licence(tid, oid, deadline=d))
    if licensed is False:
        raise Permanent("teams-licence")


def _set_lobby(visit: Visit, user: User, lobby: str, deadline: Deadline) -> bool:
    def patch(sub_deadline: Deadline) -> bool:
        meetings.set_options(
            str(user.tid), str(user.oid), visit.unseal("meeting_id"), lobby=lobby, deadline=sub_deadline
        )
        return True

    return bool(_best_effort("options", OPTIONS_SECONDS, deadline, patch))


def _keep(visit: Visit, user: User) -> None:
    """Keep the meeting if the claim is still ours; otherwise take the other's."""
    visit.look_at = timezone.now() + reconcile.EVERY[visit.presence_live]
    values = {column: getattr(visit, column) for column in KEPT}
    mine = Visit.objects.filter(pk=visit.pk, organizer=user, generation=visit.generation, join_url_sealed="")
    if mine.update(**values):
        outdate("visit", visit.pk)
    else:
        visit.refresh_from_db()


def _let_colleague_in(visit: Visit, user: User, deadline: Deadline) -> None:
    """Where only the organizer passes the lobby, a second clinician's launch widens it to the organization."""
    if visit.lobby != meetings.ORGANIZER or visit.organizer is None or visit.organizer_id == user.pk:
        return
    if _set_lobby(visit, visit.organizer, meetings.ORGANIZATION, deadline):
        Visit.objects.filter(pk=visit.pk).update(lobby=meetings.ORGANIZATION)


def subscribe(visit: Visit, tid: str, join_url: str, deadline: Deadline, *, insist: bool = True) -> bool:
    """Ask Graph for the meeting's call events before anyone is sent in. False: presence comes later or not at all.
    `insist`: while our notification service is not reached, ask again for as long as this step may take."""
    key = keys.notification_key()
    row = Subscription.objects.create(visit=visit, generation=visit.generation, key_kid=key.kid)

    def ask(sub_deadline: Deadline) -> tuple[str, Any]:
        try:
            return meetings.subscribe(
                tid,
                join_url=join_url,
                client_state=receipts.client_state(row),
                certificate=key.public["certificate"],
                certificate_id=key.kid,
                deadline=sub_deadline,
            )
        except AlreadyDone:
            return MADE_BEFORE
        except Permanent as refused:
            # Graph made none, since nobody answered its handshake. Whoever is sent without one is seen by no other.
            if not insist or refused.code != "notification-url" or sub_deadline.remaining() < 2 * RESTART_SECONDS:
                raise
            time.sleep(RESTART_SECONDS)
            return ask(sub_deadline)

    granted = _best_effort("subscription", SUBSCRIPTION_SECONDS, deadline, ask)
    if granted is None:
        return False
    if granted == MADE_BEFORE:
        # An earlier try reached Graph though its answer never came: what it tells carries that row's state.
        return visit.subscriptions.filter(generation=visit.generation).exclude(pk=row.pk).exists()
    row.graph_id, row.expires_at = granted
    row.save(update_fields=["graph_id", "expires_at"])
    return True


def renew_subscriptions() -> int:
    """Prolong the subscriptions of visits that still run and would end soon; returns how many were."""
    soon = timezone.now() + RENEW_WITHIN
    rows = Subscription.objects.filter(expires_at__lt=soon, expires_at__gt=timezone.now(), visit__ended_at=None)
    rows = rows.filter(generation=F("visit__generation")).exclude(graph_id="")
    # By chance: those that fail each time keep nobody from his turn.
    some = rows.select_related("visit__connection__organization").order_by("?")[:100]
    return sum(map(_renew, in_time(some, SECONDS_AT_ONCE)))


def _renew(row: Subscription) -> bool:
    tid = str(row.visit.connection.organization.tid)
    try:
        row.expires_at = meetings.renew(tid, row.graph_id, deadline=Deadline.after(SUBSCRIPTION_SECONDS))
    except WireError as error:
        log.warning("subscription not renewed", extra={"code": error.code, "subscription": str(row.id)})
        if error.code == "graph-not-found":
            receipts.lose(row)
        return False
    row.save(update_fields=["expires_at"])
    return True


def subscribe_again() -> int:
    """Ask once more for what was refused or lost; returns how many were granted. Live presence is only believed where
    nobody has been sent yet: a subscription made during a call hears nothing of that call."""
    now = timezone.now()
    asked = Q(subscriptions__generation=F("generation"))
    counted = (
        unwatched(now)
        .filter(presence_live=False)
        .annotate(asked=Count("subscriptions", filter=asked), last=Max("subscriptions__created_at", filter=asked))
    )
    rested = Q(last=None) | Q(last__lt=now - ASKED_AGAIN_AFTER[-1])
    for times, wait in enumerate(ASKED_AGAIN_AFTER, 1):
        rested |= Q(asked__lte=times, last__lt=now - wait)
    # Those that are refused each time keep nobody from his turn.
    rows = list(counted.filter(rested).select_related("connection__organization").order_by("asked", "?")[:20])
    return sum(map(_subscribe_again, in_time(rows, SECONDS_AT_ONCE)))


def unwatched(now: datetime) -> QuerySet[Visit]:
    """Visits with an open meeting of which no subscription tells."""
    mine = {"visit": OuterRef("pk"), "generation": OuterRef("generation")}
    alive = Subscription.objects.filter(**mine, expires_at__gt=now).exclude(graph_id="")
    return Visit.objects.filter(~Exists(alive), ended_at=None, look_at__isnull=False)


def _subscribe_again(visit: Visit) -> bool:
    tid, deadline = str(visit.connection.organization.tid), Deadline.after(2 * SUBSCRIPTION_SECONDS)
    if not subscribe(visit, tid, visit.unseal("join_url"), deadline, insist=False):
        return False
    sent = Fact.objects.filter(visit=OuterRef("pk"), generation=visit.generation, kind=Fact.Kind.SENT)
    same = Visit.objects.filter(~Exists(sent), pk=visit.pk, generation=visit.generation)
    same.update(presence_live=True)
    return True


def _best_effort(what: str, seconds: float, deadline: Deadline, step: Callable[[Deadline], Any]) -> Any:
    """The step's result, or None when it is refused or too slow: people get in without it."""
    try:
        return step(deadline.within(seconds))
    except AlreadyDone:
        return None
    except WireError as error:
        log.warning("meeting step failed", extra={"kind": what, "code": error.code, "status": error.status})
        return None
