"""Each target of the table, with junk: few examples and always the same here, thousands with `make fuzz`."""

import os

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from tests.fuzz.conftest import AT_LENGTH
from tests.fuzz.edges import ask
from tests.fuzz.judge import Tally, Target, judge
from tests.fuzz.targets import TARGETS
from tests.fuzz.world import World, named_path
from tests.rules.test_routes import ROUTES

# Take no form of a page: what others send, each a target of its own, and what answers anything.
ELSEWHERE = {"launch", "microsoft_callback", "notifications", "lifecycle", "device_sample", "live", "readiness"}


@pytest.mark.django_db
@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_junk_does_no_harm(target: Target, world: World, tally: Tally) -> None:
    @settings(
        max_examples=target.examples if AT_LENGTH else target.few,
        derandomize=not AT_LENGTH,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],  # junk is small as it is drawn: to shrink it takes longer than to read it
    )
    @given(st.data())
    def holds(data: DataObject) -> None:
        judge(world, target, data, tally)

    (seed(int(os.environ["FUZZ"]))(holds) if AT_LENGTH else holds)()


@pytest.mark.django_db
def test_junk_knows_every_form(world: World) -> None:
    """Every address that takes a POST, but for those above, has a form in the world."""
    takes = {route for route in ROUTES if _takes_a_form(world, route)}
    known = {form.route for form in world.forms if form.method == "POST"}
    assert takes - known == ELSEWHERE


def _takes_a_form(world: World, route: str) -> bool:
    with world.undone():
        return bool(ask(world.browser("staff"), "POST", named_path(world, route)).status_code != 405)
