"""A launch belongs to the browser that began it; a browser without cookies has one use and a minute's handle."""

from urllib.parse import urlsplit

from tests.portal.steps import Shown, Visitor
from tests.visits import steps
from tests.visits.steps import CARLA, PIA, Clinic, explained, nothing_changed

LOST = "Please press the button again"
WAITS = "You are in the right place"


class Forgetful(Visitor):
    """A browser that keeps no cookie."""

    def open(self, address: str, *, follow: bool = True) -> Shown:
        self.cookies.clear()
        page = super().open(address, follow=False)
        return self.open(page.response.next.url or "") if follow and page.response.next else page


def handle_of(page: Shown) -> str:
    return page.path.split("/")[2]


def refresh_of(page: Shown) -> str:
    """The address that the page asks for when it refreshes itself."""
    assert page.soup.select_one("#state") is not None
    return str(page.soup.select("#state")[0]["hx-get"])


def test_a_replayed_state_is_refused(clinic: Clinic) -> None:
    visitor = clinic.visitor()
    callback = steps.callback_of(clinic, visitor, PIA)
    assert visitor.open(callback).heading == WAITS
    with nothing_changed(clinic):
        explained(clinic, visitor.open(callback), "This launch was used already", 400)


def test_a_launch_is_finished_within_five_minutes_or_not_at_all(clinic: Clinic) -> None:
    visitor = clinic.visitor()
    callback = steps.callback_of(clinic, visitor, PIA)
    clinic.database.execute("UPDATE visits_launch SET created_at = created_at - interval '301 seconds'")
    with nothing_changed(clinic):
        explained(clinic, visitor.open(callback), "This launch is too old", 400)


def test_a_state_that_nobody_gave_out_is_refused(clinic: Clinic) -> None:
    with nothing_changed(clinic):
        page = clinic.visitor().open(f"/launch/{clinic.ref}/patient/callback?state=guessed&code=stolen")
        explained(clinic, page, "This launch is too old", 400)


def test_a_state_is_good_at_its_own_door_alone(clinic: Clinic) -> None:
    visitor = clinic.visitor()
    callback = steps.callback_of(clinic, visitor, PIA)
    with nothing_changed(clinic):
        page = visitor.open(callback.replace("/patient/", "/provider/"))
        explained(clinic, page, "This launch is too old", 400)
    assert visitor.open(callback).heading == WAITS


def test_a_launch_cannot_be_finished_in_another_browser_and_still_can_in_its_own(clinic: Clinic) -> None:
    mine, other = clinic.visitor(), clinic.visitor()
    callback = steps.callback_of(clinic, mine, PIA)
    steps.callback_of(clinic, other, PIA)  # it has a cookie of its own now
    with nothing_changed(clinic):
        explained(clinic, other.open(callback), "This launch was started in another browser", 403)
    assert mine.open(callback).heading == WAITS


def test_a_page_of_a_visit_opens_in_its_own_browser_alone(clinic: Clinic) -> None:
    mine = clinic.visitor()
    page = mine.open(clinic.press(PIA))
    for other in (clinic.visitor(), Forgetful(clinic.house)):
        explained(clinic, other.open(page.url), LOST, 410)
    assert mine.open(page.url).heading == WAITS
    assert refresh_of(page) == page.path  # with a cookie the handle stays


def test_two_visits_are_open_side_by_side_in_one_browser(clinic: Clinic) -> None:
    visitor = clinic.visitor()
    first, second = (visitor.open(clinic.press(PIA, csn)) for csn in ("770011", "770013"))
    assert handle_of(first) != handle_of(second)
    assert [visitor.open(page.url).heading for page in (first, second)] == [WAITS, WAITS]


def test_without_any_cookie_a_launch_works_once(clinic: Clinic) -> None:
    visitor = Forgetful(clinic.house)
    callback = steps.callback_of(clinic, visitor, PIA)
    assert visitor.open(callback).heading == WAITS
    with nothing_changed(clinic):
        explained(clinic, visitor.open(callback), "This launch was used already", 400)


def test_without_any_cookie_each_refresh_brings_the_next_handle(clinic: Clinic) -> None:
    visitor = Forgetful(clinic.house)
    first = visitor.open(clinic.press(PIA))
    second = visitor.open(refresh_of(first))
    third = visitor.open(refresh_of(second))
    assert len({refresh_of(first), refresh_of(second), refresh_of(third)}) == 3
    assert third.heading == WAITS


def test_a_handle_is_good_until_its_successor_was_used(clinic: Clinic) -> None:
    visitor = Forgetful(clinic.house)
    first = visitor.open(clinic.press(PIA))
    again = visitor.open(first.url)  # a refresh that was lost on its way
    assert again.heading == WAITS
    successor = refresh_of(again)
    assert visitor.open(successor).heading == WAITS
    explained(clinic, visitor.open(first.url), LOST, 410)


def test_a_bare_handle_ends_after_a_minute_of_silence(clinic: Clinic) -> None:
    visitor = Forgetful(clinic.house)
    page = visitor.open(clinic.press(PIA))
    [life] = clinic.rows("SELECT extract(epoch FROM handle_until - now())::int AS seconds FROM visits_launch")
    assert 50 <= life["seconds"] <= 60
    clinic.database.execute("UPDATE visits_launch SET handle_until = handle_until - interval '60 seconds'")
    with nothing_changed(clinic):
        explained(clinic, visitor.open(refresh_of(page)), LOST, 410)


def test_without_any_cookie_a_patient_still_reaches_teams(clinic: Clinic) -> None:
    visitor = Forgetful(clinic.house)
    waiting = visitor.open(clinic.press(PIA))
    key = steps.meeting_at(clinic, steps.enter(clinic, CARLA))[1]
    ready = visitor.open(refresh_of(waiting))
    address = visitor.open(ready.link("Go to your visit"), follow=False).response.headers["Location"]
    assert steps.is_teams(clinic, address)
    assert steps.meeting_at(clinic, clinic.visitor().open(address)) == ("visit", key)


def test_a_handle_that_was_never_given_out_opens_nothing(clinic: Clinic) -> None:
    for path in ("/visit/guessed/", "/visit/guessed/join/"):
        explained(clinic, clinic.visitor().open(path), LOST, 410)


def test_the_cookie_holds_a_signed_random_id_and_nothing_else(clinic: Clinic) -> None:
    visitor = clinic.visitor()
    visitor.open(clinic.press(PIA))
    ours = [one for one in visitor.cookies if one.domain == urlsplit(clinic.house.urls["web"]).hostname]
    assert [(one.name, one.secure, one.path) for one in ours] == [("visit", False, "/")]
    assert ours[0].has_nonstandard_attr("HttpOnly")
    assert ours[0].get_nonstandard_attr("SameSite") == "Lax"
