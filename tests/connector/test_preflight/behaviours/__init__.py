"""What servers do, and what the preflight has to say of it: one row a behaviour."""

from tests.connector.test_preflight.behaviours.metadata import METADATA_ROWS
from tests.connector.test_preflight.behaviours.replies import Behaviour
from tests.connector.test_preflight.behaviours.service import SERVICE_ROWS
from tests.connector.test_preflight.behaviours.sign_in import SIGN_IN_ROWS

__all__ = ["BEHAVIOURS", "Behaviour"]
BEHAVIOURS = METADATA_ROWS + SIGN_IN_ROWS + SERVICE_ROWS
