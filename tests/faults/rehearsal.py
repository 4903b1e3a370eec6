"""One fault, or two at once, in the middle of many visits: what it came to."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace

from tests.faults.breaking import Act, Fault
from tests.faults.drive import SCRIPTS, SCRIPTS_OF_ONE_STAY, Visit, admitted, hand_out, play
from tests.faults.verdict import Verdict, judged, settled, visit_ids
from tests.faults.ward import Ward

UNTIL, DURING = 0.4, 0.8  # shares of each script: what happens before the fault, and under it
MOST_LOGGED = 4
PAUSE = 0.7  # seconds before each step of theirs, so that some come before something is done, and some after
NEWCOMERS = 3  # visits that begin while it is broken
SECONDS_TO_RECOVER = 90.0
MINUTES_OF_WAITING = 3  # before a call under clocks that are off by less
REPORTS_ARE_READ = 1800.0  # until the reports of a visit that runs are read anew


@dataclass(frozen=True)
class Figures:
    """What one rehearsal came to. `recovered` = seconds from the mending until all was right; `moved` = those of them
    that passed on the fast clock alone. `pressed_again`: presses that met an error page and were repeated, `read` its
    heading; `unwatched`: visits that began without live presence. `logged`: what the processes warned of, the most
    frequent first."""

    faults: tuple[Fault, ...]
    visits: int
    verdict: Verdict
    recovered: float
    moved: float
    told_again: int
    pressed_again: int
    unwatched: int
    read: tuple[str, ...] = ()
    logged: tuple[str, ...] = ()


def rehearse(ward: Ward, visits: list[Visit], *faults: Fault) -> Figures:
    """A rehearsal, with what people read and what the log said meanwhile."""
    before = ward.complaints()
    figures = _rehearsed(ward, visits, *faults)
    logged = [event for event, _count in (ward.complaints() - before).most_common(MOST_LOGGED)]
    return replace(figures, logged=tuple(logged))


def _rehearsed(ward: Ward, visits: list[Visit], *faults: Fault) -> Figures:
    """Drive a call in all visits, break something in its middle, and judge after its end. Visits that begin under the
    fault have their call once it is mended, and join the others. Where something is never told, as many new visits are
    driven."""
    if any(fault.lasting for fault in faults):
        return _under(ward, len(visits), faults)
    untold = any(fault.untold for fault in faults)
    if untold:
        visits = admitted(ward, len(visits))
    hand_out(visits, SCRIPTS_OF_ONE_STAY if untold else SCRIPTS)
    ward.moved, away = 0.0, sum(visit.turned_away for visit in visits)
    told = judged(ward, visits).told_twice
    many = 0 if any(fault.nobody_comes for fault in faults) else NEWCOMERS
    play(ward, visits, (0, UNTIL))
    with ThreadPoolExecutor(1) as door:
        with ExitStack() as broken:
            acts = [broken.enter_context(fault.breaks(ward, visits)) for fault in faults]
            coming = door.submit(admitted, ward, many, len(visits))
            _play_under(ward, visits, [act for act in acts if act])
        newcomers = coming.result()
    ward.house.mend()  # as systemd does: Celery gives up, now and then, when its broker dies
    hand_out(newcomers, SCRIPTS_OF_ONE_STAY)
    verdict, recovered = (Verdict(), 0.0) if untold else settled(ward, [*visits, *newcomers], SECONDS_TO_RECOVER)
    visits += newcomers
    if not verdict.faults:
        play(ward, newcomers, (0, DURING))
        play(ward, visits, (DURING, 1))
        verdict, recovered = _to_the_end(ward, visits, untold, recovered)
    pressed, driven = sum(visit.turned_away for visit in visits) - away, len(visits)
    read, watched = _read(visits), _watched(ward, visits)
    unwatched = 0 if untold else driven - len(watched)
    visits[:] = watched
    again = verdict.told_twice - told
    return Figures(faults, driven, verdict, recovered, ward.moved, again, pressed, unwatched, read)


def _read(visits: Sequence[Visit]) -> tuple[str, ...]:
    """What people have read instead of their page, since this was last asked."""
    headings = sorted(set().union(*(visit.read for visit in visits)))
    for visit in visits:
        visit.read.clear()
    return tuple(headings)


def _watched(ward: Ward, visits: Sequence[Visit]) -> list[Visit]:
    """Those that have live presence."""
    live = {str(row["id"]) for row in ward.rows("SELECT id FROM visits_visit WHERE presence_live")}
    ids = visit_ids(ward, visits)
    return [visit for visit in visits if ids.get(visit.key) in live]


def _play_under(ward: Ward, visits: Sequence[Visit], acts: Sequence[Act]) -> None:
    """People come and go, and in the middle of that something is done, by the thread that has started all processes:
    those die with it."""
    with ThreadPoolExecutor(1) as people:
        going = people.submit(play, ward, visits, (UNTIL, DURING), PAUSE if acts else 0)
        time.sleep(1.2 * PAUSE)
        for act in acts:
            assert not going.done(), "all had come and gone before it was broken"
            act()
        going.result()


def _under(ward: Ward, many: int, faults: tuple[Fault, ...]) -> Figures:
    """As many visits that begin and end under it."""
    with ExitStack() as broken:
        for fault in faults:
            broken.enter_context(fault.breaks(ward, []))
        visits = admitted(ward, many)
        ward.have_waited(visit_ids(ward, visits).values(), MINUTES_OF_WAITING)
        hand_out(visits)
        play(ward, visits, (0, 1))
        verdict, recovered = settled(ward, visits, SECONDS_TO_RECOVER)
    pressed = sum(visit.turned_away for visit in visits)
    moved = 60.0 * MINUTES_OF_WAITING
    unwatched = many - len(_watched(ward, visits))
    return Figures(faults, many, verdict, recovered, moved, verdict.told_twice, pressed, unwatched, _read(visits))


def _to_the_end(ward: Ward, visits: Sequence[Visit], untold: bool, recovered: float) -> tuple[Verdict, float]:
    """The rest of the calls, with nothing broken any more. Of visits that began while Graph did not reach us, too,
    only the report tells."""
    watched = [] if untold else _watched(ward, visits)
    if unwatched := [visit for visit in visits if visit not in watched]:
        ward.reports_are_read(visit_ids(ward, unwatched).values(), REPORTS_ARE_READ)
    verdict, took = settled(ward, visits, SECONDS_TO_RECOVER)
    return verdict, took if untold else recovered
