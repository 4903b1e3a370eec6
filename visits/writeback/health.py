"""What a try came to means: for its row, and for the target that all deliveries share."""

from datetime import datetime, timedelta
from random import SystemRandom

from django.db import transaction
from django.utils import timezone

from connector.errors import AlreadyDone, Retry, WireError
from visits.models import Target, Writeback
from visits.writeback.outbox import WAITING, due, wake_all
from visits.writeback.texts import NOT_WANTED

SHORTEST_PAUSE, LONGEST_PAUSE, TROUBLE_PAUSE = 2.0, 600.0, 3600.0
CIRCUIT_FAILURES = 5
GIVE_UP_AFTER, GIVE_UP_ATTEMPTS = timedelta(hours=24), 8  # both: a row that downtime held up is still tried
ROW_FAULTS = frozenset({"status-refused", "status-incomplete"})  # of one person or visit; all else is the target's
NOBODY_ASKED = frozenset({"status-incomplete", NOT_WANTED})  # no call was made: nothing is known of the target
# What may lock an account, and what the EHR itself refuses until somebody changes that there. All else may be well
# again within minutes, whoever has to mend it.
NEEDS_A_PERSON = frozenset({"password-refused", "ehr-client-refused", "status-not-allowed", "audit-not-allowed"})
# Every further event would be refused alike: the target takes none until another revision is live.
TURNS_OFF = frozenset({"audit-not-found", "audit-not-offered", "audit-refused", "audit-not-conditional"})


def is_trouble(error: WireError | None) -> bool:
    """Whether a try failed for a reason that other rows of the target would meet too."""
    return error is not None and not isinstance(error, AlreadyDone) and error.code not in ROW_FAULTS


def outcome(error: WireError | None, attempts: int, age: timedelta) -> Writeback.State:
    """What becomes of a row after a try that ended like this."""
    if error and error.code == NOT_WANTED:
        return Writeback.State.SUPERSEDED
    if not is_trouble(error):
        return Writeback.State.DEAD if error and error.code in ROW_FAULTS else Writeback.State.DELIVERED
    return Writeback.State.DEAD if attempts >= GIVE_UP_ATTEMPTS and age > GIVE_UP_AFTER else WAITING


def backoff(attempts: int) -> float:
    """Seconds until the next try: 2 to 4 at first, doubled each time up to 10 minutes, half of it by chance."""
    longest = min(LONGEST_PAUSE, SHORTEST_PAUSE * 2 ** min(attempts, 30))
    return SystemRandom().uniform(longest / 2, longest)


def pause(error: WireError | None, attempts: int) -> float:
    """Seconds to wait: what the EHR asked for, else the back-off; an hour where that would do harm or no good. None for
    a target that is turned off: what holds its rows is that."""
    if error and error.code in TURNS_OFF:
        return 0
    if error and error.code in NEEDS_A_PERSON:
        return TROUBLE_PAUSE
    return error.after if isinstance(error, Retry) and error.after is not None else backoff(attempts)


def note_health(row: Writeback, error: WireError | None, now: datetime) -> None:
    """Count the target's failures in a row. When it is back after a rest, all that waited for it goes now."""
    target, well = Target.objects.filter(pk=row.target_id), {"failures": 0, "failing_since": None}
    if error and error.code in TURNS_OFF:
        live = row.target.connection.live_id  # under which it was tried
        target.update(**well, open_until=None, off_under=live, off_code=error.code, off_since=now)
        return
    if is_trouble(error):
        _count_failure(row, error, now)
        return
    if target.exclude(open_until=None).update(**well, open_until=None):
        _wake_waiting(row.target_id, now)
    target.exclude(failures=0).update(**well)


def switch_on(target: Target) -> bool:
    """Try a target again that was turned off, as another revision would; whether it was off."""
    on = {"off_under": None, "off_code": "", "off_since": None}
    if not Target.objects.filter(pk=target.pk).exclude(off_under=None).update(**on):
        return False
    _wake_waiting(target.pk, timezone.now())
    return True


def _wake_waiting(target_id: int, now: datetime) -> None:
    Writeback.objects.filter(target=target_id, state=WAITING, lease=None).exclude(attempts=0).update(next_at=now)
    wake_all(due(now).filter(target=target_id))


@transaction.atomic
def _count_failure(row: Writeback, error: WireError | None, now: datetime) -> None:
    """One failure more; the target rests when it asks to, when only a person can mend it (a wrong password tried for
    each row locks the account), when it failed its probe, or after five in a row. What one row meets when it is tried
    again says nothing of the others: it may be slow for one patient alone."""
    target = Target.objects.select_for_update(no_key=True).get(pk=row.target_id)
    at_once = not isinstance(error, Retry) or error.after or target.open_until
    if row.attempts > 1 and not at_once:
        return
    target.failures += 1
    target.failing_since = target.failing_since or now
    if at_once or target.failures >= CIRCUIT_FAILURES:
        rest = pause(error, max(1, target.failures - CIRCUIT_FAILURES + 1))
        target.open_until = now + timedelta(seconds=rest)
        target.rests_under_id = row.target.connection.live_id  # under which it was tried
    target.save(update_fields=["failures", "failing_since", "open_until", "rests_under"])
