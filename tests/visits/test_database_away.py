"""While the database is away, who presses the button reads so in the EHR's frame, from his hospital; once it is back,
he is let in at once."""

from urllib.parse import urlsplit

from tests.portal.steps import Shown
from tests.visits import steps
from tests.visits.steps import CARLA, PIA, Clinic

AWAY = ("This service is out of order for the moment", 503, "60")


def read(page: Shown) -> tuple[str, int, str]:
    return page.heading, page.status, page.response.headers["Retry-After"]


def test_who_presses_reads_whom_to_call_and_gets_in_with_the_first_press_afterwards(clinic: Clinic) -> None:
    """Each waits five seconds for a connection: long enough for a pool that tries ever more rarely to be asleep."""
    pia, carla, somebody = clinic.visitor(), clinic.visitor(), clinic.visitor()
    clinic.database.execute("UPDATE connector_connection SET help_line = '+1 555 0177'")
    for visitor, login in ((pia, PIA), (carla, CARLA)):
        visitor.open(clinic.press(login), follow=False)
    with steps.database_away(clinic):
        pias, carlas = pia.open(clinic.press(PIA), follow=False), carla.open(clinic.press(CARLA), follow=False)
        strangers = somebody.open(f"/launch/{'0' * 16}/patient/?iss=x&launch=y")
        lists = carla.open("/visits/")
    assert [read(page) for page in (pias, carlas, strangers, lists)] == [AWAY] * 4
    ehr = f"frame-ancestors http://{urlsplit(clinic.house.urls['epic']).netloc}"
    for page in (pias, carlas):
        assert "+1 555 0177" in page.response.text
        assert ehr in page.response.headers["Content-Security-Policy"]
    for page in (strangers, lists):
        assert "+1 555 0100" in page.response.text
        assert "frame-ancestors 'none'" in page.response.headers["Content-Security-Policy"]
    assert "Riverside Health" in pias.response.text
    assert pia.open(clinic.press(PIA)).heading == "You are in the right place"
