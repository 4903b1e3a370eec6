"""The EHR that two connections share. The third one's EHR goes on, and its chart must be right meanwhile."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tests.faults.breaking.shape import STATUS, TOKEN, Breaks, Fault, bites, fault
from tests.faults.drive import Visit
from tests.faults.verdict import charts_are_right
from tests.faults.ward import PRODUCTION, TEST, Ward

TRIED = """
SELECT 1 FROM visits_writeback w JOIN visits_target t ON t.id = w.target_id JOIN connector_connection c
ON c.id = t.connection_id WHERE w.state = 'waiting' AND w.lease IS NULL AND w.attempts > 0 AND c.base_url LIKE %s
"""
HOUR, STEP = 3600, 300


def _answers(kind: str, value: float | None = None, path: str = STATUS) -> Breaks:
    """Let the EHR fail like this until somebody has met it and the other EHR's chart is right."""

    @contextmanager
    def breaks(ward: Ward, visits: Sequence[Visit]) -> Iterator[None]:
        if path == TOKEN:
            ward.forget_tokens()
        fault(ward, "epic", path, kind, value)
        yield
        bites(lambda: ward.rows(TRIED, f"%{TEST}%"))
        elsewhere = [visit for visit in visits if visit.site.plan.instance != TEST]
        bites(lambda: charts_are_right(ward, elsewhere))
        ward.no_faults()
        ward.time_passes(STEP)  # the longest rest of a target that has failed some ten times

    return breaks


@contextmanager
def _silent_for_an_hour(ward: Ward, visits: Sequence[Visit]) -> Iterator[None]:
    fault(ward, "epic", f"^/{TEST}/", "hang", 20)
    yield
    bites(lambda: ward.rows(TRIED, f"%{TEST}%"), 60)
    for _ in range(HOUR // STEP):
        ward.time_passes(STEP)
        time.sleep(1)
    ward.no_faults()
    ward.time_passes(2 * STEP)


@contextmanager
def _keys_rotated(ward: Ward, visits: Sequence[Visit]) -> Iterator[None]:
    """Whoever presses from now on comes with an id_token of a key that nobody knows."""
    for instance in (TEST, PRODUCTION):
        ward.tell("epic", f"{instance}/keys/rotate")
    yield


FAULTS = (
    Fault("EHR answers 500", "Its status service answers 500 until a delivery has failed.", _answers("status", 500)),
    Fault(
        "EHR asks for patience (429 with Retry-After)",
        "Its status service answers 429 with Retry-After: 3.",
        _answers("throttle", 3),
    ),
    Fault("EHR answers 429 without Retry-After", "The same without the header.", _answers("status", 429)),
    Fault("EHR does not answer", "Its status service holds every call for a minute.", _answers("hang", 60)),
    Fault("EHR hangs up in the middle of the answer", "A status line, half a body, and the end.", _answers("cut")),
    Fault(
        "token endpoint down",
        "The EHR's token endpoint answers 503, and no token is remembered.",
        _answers("status", 503, TOKEN),
    ),
    Fault("token endpoint gives half an answer", "Half of a JSON document, with 200.", _answers("broken", path=TOKEN)),
    Fault(
        "EHR silent for an hour",
        "Nothing of it answers. The hour passes on the fast clock, in steps of five minutes.",
        _silent_for_an_hour,
    ),
    Fault(
        "EHR's signing keys rotated",
        "Both EHRs sign id_tokens with a new key from now on; the one before stays published.",
        _keys_rotated,
    ),
)
