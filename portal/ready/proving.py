"""The proof: a throwaway meeting from consent to cleaning up, with what each step came to."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.crypto import get_random_string
from django.utils.dateparse import parse_datetime

from connector import handshakes, keys, waking
from connector.errors import Permanent, Retry, WireError
from connector.http import Deadline
from connector.models import Change, Organization, Proof
from connector.teams import entra, graph, meetings
from portal import history
from portal.actors import Actor
from portal.ready import keep

log = logging.getLogger(__name__)

TASK = "portal.tasks.prove"
STEPS = ("consent", "meeting", "options", "link", "subscription", "handshake", "cleaning")
NEEDS = {
    "meeting": "consent",
    "options": "meeting",
    "link": "meeting",
    "subscription": "meeting",
    "handshake": "meeting",
}
STEP_SECONDS = 12.0
SUBSCRIPTION_SECONDS = 25.0  # Graph waits up to 10 seconds for each of our two addresses
SUBJECT = "EHR Connector: set-up proof"
STALLED = timedelta(minutes=2)


@dataclass
class Run:
    """A proof while it runs: what was made and has to be deleted."""

    proof: Proof
    tid: str
    oid: str
    mark: str
    meeting: meetings.Meeting | None = None
    subscription: str = ""
    unsure: bool = False  # a meeting may exist although nobody said so
    refusal: str = ""  # why there is no subscription
    results: dict[str, str] = field(default_factory=dict)  # step -> ok, failed or skipped

    def deadline(self, seconds: float = STEP_SECONDS) -> Deadline:
        return Deadline.after(seconds)


def start(organization: Organization, actor: Actor) -> Proof:
    """A proof that was just started; the one that runs already, where there is one."""
    with transaction.atomic():
        Organization.objects.select_for_update().get(pk=organization.pk)
        newest = organization.proofs.first()
        if newest and newest.finished_at is None and not is_stalled(newest):
            return newest
        organizer = keep.organizer_of(organization)
        proof = Proof.objects.create(organization=organization, organizer_oid=organizer, started_by=actor.user)
        history.record(organization, Change.Kind.PROOF, actor=actor, proof=str(proof.pk))
    waking.wake(TASK, str(proof.pk))
    return proof


def moved_at(proof: Proof) -> Any:
    """When something last happened in it."""
    return parse_datetime(proof.steps[-1]["at"]) if proof.steps else proof.started_at


def is_stalled(proof: Proof) -> bool:
    """Whether its worker must be gone: nothing has moved for two minutes."""
    return proof.finished_at is None and timezone.now() - moved_at(proof) > STALLED


def prove(proof_id: UUID | str) -> None:
    """Run a proof that nobody has begun. What was made is deleted, whatever failed."""
    unbegun = Proof.objects.filter(pk=proof_id, steps=[], finished_at=None)
    if not unbegun.update(steps=[_entry("consent", "running")]):
        return
    proof = Proof.objects.select_related("organization").get(pk=proof_id)
    run = Run(proof, str(proof.organization.tid), str(proof.organizer_oid), handshakes.new_mark())
    proof.steps = []
    try:
        for name in STEPS[:-1]:
            _step(run, name)
    finally:
        _step(run, "cleaning")
        proof.finished_at = timezone.now()
        proof.save(update_fields=["finished_at"])


def _entry(step: str, state: str, code: str = "", seconds: float = 0.0) -> dict[str, Any]:
    return {"step": step, "state": state, "code": code, "seconds": seconds, "at": timezone.now().isoformat()}


def _step(run: Run, name: str) -> None:
    """One step with its row: shown as running, then as what it came to."""
    before = list(run.proof.steps)
    if _is_pointless(run, name):
        return _write(run, before, _entry(name, "skipped"))
    _write(run, before, _entry(name, "running"))
    began = time.monotonic()
    state, code = _outcome(run, name)
    return _write(run, before, _entry(name, state, code, round(time.monotonic() - began, 1)))


def _is_pointless(run: Run, name: str) -> bool:
    """Whether what the step needs is not there. Where Graph refused before it called us, no handshake was to be
    seen."""
    refused = name == "handshake" and run.refusal not in {"", "notification-url"}
    return refused or run.results.get(NEEDS.get(name, ""), "") in {"failed", "skipped"}


def _write(run: Run, before: list[dict[str, Any]], entry: dict[str, Any]) -> None:
    run.results[entry["step"]] = entry["state"]
    run.proof.steps = [*before, entry]
    run.proof.save(update_fields=["steps"])


def _outcome(run: Run, name: str) -> tuple[str, str]:
    try:
        ACTS[name](run)
    except WireError as error:
        run.unsure = run.unsure or (name == "meeting" and isinstance(error, Retry))
        run.refusal = error.code if name == "subscription" else run.refusal
        log.warning("proof step failed", extra={"kind": name, "code": error.code, "status": error.status})
        return "failed", error.code
    except Exception:
        log.exception("proof step broke")
        return "failed", "unexpected"
    return "ok", ""


def _consent(run: Run) -> None:
    entra.forget_app_token(run.tid)
    graph.organization_name(run.tid, deadline=run.deadline())


def _meeting(run: Run) -> None:
    run.meeting = meetings.create_or_get(
        run.tid,
        run.oid,
        external_id=f"proof:{run.proof.pk}",
        subject=SUBJECT,
        deadline=run.deadline(),
    )


def _made(run: Run) -> meetings.Meeting:
    if run.meeting is None:
        raise Permanent("meeting-answer")
    return run.meeting


def _options(run: Run) -> None:
    lobby = meetings.ORGANIZATION
    meetings.set_options(run.tid, run.oid, _made(run).id, lobby=lobby, deadline=run.deadline())


def _link(run: Run) -> None:
    if not meetings.visitor_url(run.tid, run.oid, _made(run).id, deadline=run.deadline()):
        raise Permanent("join-url-host")


def _subscription(run: Run) -> None:
    """With a client state that belongs to no visit: should Graph notify, nothing is kept."""
    key = keys.notification_key()
    run.subscription, _expires = meetings.subscribe(
        run.tid,
        join_url=_made(run).join_url,
        client_state=get_random_string(32),
        certificate=key.public["certificate"],
        certificate_id=key.kid,
        deadline=run.deadline(SUBSCRIPTION_SECONDS),
        life=meetings.SHORTEST_LIFE + timedelta(minutes=1),
        query=f"?{handshakes.PARAMETER}={run.mark}",
    )


def _handshake(run: Run) -> None:
    """Seen at our own addresses, not believed: the mark in them was known to Graph alone."""
    missing = [kind for kind in ("event", "lifecycle") if not handshakes.seen(run.mark, kind)]
    if missing:
        raise Permanent(run.refusal or "handshake-unseen")


def _cleaning(run: Run) -> None:
    """Delete the subscription and the meeting, and the meetings of proofs whose worker died."""
    failures = [_tried(act) for act in (lambda: _end_subscription(run), lambda: _delete_meeting(run))]
    for dead in run.proof.organization.proofs.filter(finished_at=None).exclude(pk=run.proof.pk):
        if is_stalled(dead):
            failures.append(_tried(lambda dead=dead: _clear(run, dead)))  # type: ignore[misc]
    for failure in filter(None, failures):
        raise failure


def _tried(act: Callable[[], None]) -> WireError | None:
    try:
        act()
    except WireError as error:
        return error
    return None


def _end_subscription(run: Run) -> None:
    if run.subscription:
        meetings.unsubscribe(run.tid, run.subscription, deadline=run.deadline())


def _delete_meeting(run: Run) -> None:
    """Also the one that may have been made although no answer came."""
    if run.meeting:
        meetings.delete(run.tid, run.oid, run.meeting.id, deadline=run.deadline())
    elif run.unsure:
        _delete_by_name(run, run.proof)


def _clear(run: Run, dead: Proof) -> None:
    """createOrGet finds what the dead worker left, by its external id. Its subscription ends by itself within the
    hour."""
    if any(entry["step"] == "meeting" for entry in dead.steps):
        _delete_by_name(run, dead)
    Proof.objects.filter(pk=dead.pk).update(finished_at=timezone.now())


def _delete_by_name(run: Run, proof: Proof) -> None:
    oid, deadline = str(proof.organizer_oid), run.deadline()
    left = meetings.create_or_get(run.tid, oid, external_id=f"proof:{proof.pk}", subject=SUBJECT, deadline=deadline)
    meetings.delete(run.tid, oid, left.id, deadline=deadline)


ACTS: dict[str, Callable[[Run], None]] = {
    "consent": _consent,
    "meeting": _meeting,
    "options": _options,
    "link": _link,
    "subscription": _subscription,
    "handshake": _handshake,
    "cleaning": _cleaning,
}
