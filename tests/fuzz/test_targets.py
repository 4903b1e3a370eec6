"""Each target of the table, with junk: few examples and always the same here, thousands with `make fuzz`."""

import os

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from tests.fuzz.conftest import AT_LENGTH
from tests.fuzz.judge import Tally, Target, judge
from tests.fuzz.targets import TARGETS
from tests.fuzz.world import World


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
