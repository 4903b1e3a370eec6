"""What the preflight finds, behaviour by behaviour: exactly this, and nothing beside it."""

import pytest

from tests.connector.test_preflight.behaviours import BEHAVIOURS, Behaviour
from tests.connector.test_preflight.ehr import Ehr, levels


@pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=lambda behaviour: behaviour.name)
def test_the_findings_are_exactly_these(behaviour: Behaviour, ehr: Ehr) -> None:
    behaviour.arrange(ehr)
    assert levels(ehr.report(seconds=behaviour.seconds)) == behaviour.found
