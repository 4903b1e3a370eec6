"""Microsoft sign-in to the portal: what opens a session, and what does not. These tests leave no trace."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode, urlsplit

import pytest

from sandbox.cast import RIVERSIDE_TID
from sandbox.launcher.house import House
from tests.portal import steps
from tests.portal.steps import Shown, Visitor, explained

ADA = "Ada Lindqvist"
NOT_FINISHED = "This sign-in cannot be finished"
UNANSWERED = "Microsoft sign-in is not answering"
HELD = 11  # seconds: longer than a request's deadline, shorter than two slow calls that each had their own


@pytest.fixture(autouse=True)
def entra_behaves_again(shared_house: House) -> Iterator[None]:
    yield
    for name in ("entra", "graph"):
        steps.tell(shared_house, name, "faults", "DELETE")
    steps.switch(shared_house, "entra", leave_out_wids=False, leave_out_roles=False)
    steps.tell(shared_house, "entra", f"consents/{RIVERSIDE_TID}", granted=False)
    steps.forget_cache(shared_house)


def callback(house: House, **query: str) -> str:
    return f"{house.urls['web']}/signin/microsoft/callback/?{urlencode(query)}"


def leave_for_microsoft(visitor: Visitor) -> Shown:
    return visitor.follow(visitor.open("/signin/"), "Sign in with Microsoft")


def test_a_directory_role_in_the_token_makes_an_administrator(shared_house: House) -> None:
    assert Visitor(shared_house).sign_in(ADA).heading == "Getting ready"


def test_a_page_that_is_not_there_explains_itself(shared_house: House) -> None:
    ada = Visitor(shared_house)
    ada.sign_in(ADA)
    explained(shared_house, ada.open("/configure/0123456789abcdef/"), "There is no page here", 404)


def test_a_personal_account_is_refused(shared_house: House) -> None:
    visitor = Visitor(shared_house)
    page = visitor.sign_in("Carla Mendes")
    explained(shared_house, page, "A personal Microsoft account cannot be used here", 403)
    assert visitor.open("/").heading == "Sign in"


def test_a_disabled_account_does_not_get_past_microsoft(shared_house: House) -> None:
    assert urlsplit(Visitor(shared_house).sign_in("Dan Former").url).netloc in shared_house.urls["entra"]


def test_a_cancelled_sign_in_says_so(shared_house: House) -> None:
    visitor = Visitor(shared_house)
    page = visitor.press(leave_for_microsoft(visitor), "Cancel")
    explained(shared_house, page, "You cancelled the sign-in", 400)


def test_a_sign_in_cannot_be_replayed(shared_house: House) -> None:
    visitor = Visitor(shared_house)
    back = visitor.press(leave_for_microsoft(visitor), ADA, follow=False).response.headers["Location"]
    assert visitor.open(back).heading == "Getting ready"
    explained(shared_house, visitor.open(back), NOT_FINISHED, 400)


def test_a_sign_in_ends_in_the_browser_where_it_began(shared_house: House) -> None:
    visitor, other = Visitor(shared_house), Visitor(shared_house)
    back = visitor.press(leave_for_microsoft(visitor), ADA, follow=False).response.headers["Location"]
    explained(shared_house, other.open(back), NOT_FINISHED, 400)
    assert other.open("/configure/").heading == "Sign in"


@pytest.mark.parametrize("query", [{"code": "forged", "state": "forged"}, {"state": "forged"}, {"code": "forged"}, {}])
def test_a_forged_callback_signs_nobody_in(shared_house: House, query: dict[str, str]) -> None:
    visitor = Visitor(shared_house)
    explained(shared_house, visitor.open(callback(shared_house, **query)), NOT_FINISHED, 400)
    assert visitor.open("/").heading == "Sign in"


def test_a_forged_code_in_a_sign_in_that_was_begun_signs_nobody_in(shared_house: House) -> None:
    visitor = Visitor(shared_house)
    state = urlsplit(leave_for_microsoft(visitor).url).query.partition("state=")[2].partition("&")[0]
    page = visitor.open(callback(shared_house, code="forged", state=state))
    assert page.status >= 400
    assert page.reference
    assert visitor.open("/").heading == "Sign in"


@pytest.mark.parametrize("kind", ["status", "broken", "html"])
def test_a_sign_in_while_microsoft_fails_says_so(shared_house: House, kind: str) -> None:
    steps.fault(shared_house, "entra", "/oauth2/v2.0/token", kind)
    explained(shared_house, Visitor(shared_house).sign_in(ADA), UNANSWERED, 503)


def test_a_sign_in_while_microsoft_names_no_keys_says_so(shared_house: House) -> None:
    steps.fault(shared_house, "entra", "/discovery/v2.0/keys", "status")
    explained(shared_house, Visitor(shared_house).sign_in(ADA), UNANSWERED, 503)


def test_slow_calls_of_one_sign_in_share_its_deadline_and_cost_nobody_a_role(shared_house: House) -> None:
    """One person waits for Microsoft's keys; for the other, whose token names no role, the directory is slow."""
    steps.administrator(shared_house)
    steps.switch(shared_house, "entra", leave_out_wids=True, leave_out_roles=True)
    visitors = [Visitor(shared_house), Visitor(shared_house)]
    addresses = ("/signin/", f"/signin/{RIVERSIDE_TID}/")
    pickers = [
        visitor.follow(visitor.open(address), "Sign in with Microsoft")
        for visitor, address in zip(visitors, addresses, strict=True)
    ]
    steps.fault(shared_house, "entra", "/oauth2/v2.0/token", "delay", 4)
    steps.fault(shared_house, "entra", "/organizations/discovery/v2.0/keys", "hang", HELD)
    steps.fault(shared_house, "entra", f"{RIVERSIDE_TID}/discovery/v2.0/keys", "delay", 2)
    steps.fault(shared_house, "graph", "memberOf", "hang", HELD)
    steps.forget_cache(shared_house)
    started = time.monotonic()
    with ThreadPoolExecutor(2) as pool:
        refused, kept = pool.map(lambda visitor, picker: visitor.press(picker, ADA), visitors, pickers)
    assert time.monotonic() - started < HELD
    explained(shared_house, refused, UNANSWERED, 503)
    assert kept.heading == "Configuration information"


def test_a_sign_in_survives_a_change_of_microsofts_keys(shared_house: House) -> None:
    Visitor(shared_house).sign_in(ADA)
    steps.tell(shared_house, "entra", "keys/rotate")
    assert Visitor(shared_house).sign_in(ADA).heading == "Configuration information"


def test_a_sign_in_leads_to_the_page_that_was_wanted(shared_house: House) -> None:
    assert Visitor(shared_house).sign_in(ADA, wanted="/records/").heading == "Review and finish"


def test_a_sign_in_leads_to_no_other_site(shared_house: House) -> None:
    page = Visitor(shared_house).sign_in(ADA, wanted="https://elsewhere.example/")
    assert page.url == f"{shared_house.urls['web']}/configure/"


def test_who_signs_out_is_out(shared_house: House) -> None:
    visitor = Visitor(shared_house)
    assert visitor.press(visitor.sign_in(ADA), "Sign out").heading == "Sign in"
    assert visitor.open("/configure/").heading == "Sign in"


def test_a_form_without_its_token_is_refused_with_an_explanation(shared_house: House) -> None:
    visitor = Visitor(shared_house)
    visitor.sign_in(ADA)
    answer = visitor.post(f"{shared_house.urls['web']}/configure/add/", data={}, timeout=steps.SECONDS)
    explained(shared_house, Shown(answer), "This form is too old", 403)
