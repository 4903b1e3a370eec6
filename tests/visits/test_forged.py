"""Forged statements of who signed in, and answers that belong to another sign-in, at every door: Microsoft's for the
portal and for a clinician's list, the EHR's for a launch and for an approver. Each is refused with a page, a line in
the log, and nothing kept; whoever comes with his own is let in."""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from sandbox.forge import FORGERIES
from tests.portal.steps import Shown, Visitor, tell
from tests.visits import steps
from tests.visits.steps import CARLA, PIA, Clinic, nothing_changed, walk

ALGORITHM, SIGNATURE, KEY, CLAIMS = "id-token-algorithm", "id-token-signature", "id-token-key", "id-token-claims"
AUDIENCE, PARTY, ISSUER = "id-token-audience", "id-token-party", "id-token-issuer"
NONCE, TIME = "id-token-nonce", "id-token-time"
REFUSED_AS = {
    "token-unsigned": ALGORITHM,
    "token-by-public-key": ALGORITHM,
    "token-by-stranger": SIGNATURE,
    "token-unknown-key": KEY,
    "token-altered": SIGNATURE,
    "token-audience": AUDIENCE,
    "token-party": PARTY,
    "token-issuer": ISSUER,
    "token-tenant": ISSUER,  # which names the tenant, too
    "token-no-tenant": CLAIMS,
    "token-nonce": NONCE,
    "token-no-nonce": CLAIMS,
    "token-expired": TIME,
    "token-not-yet": TIME,
    "token-from-future": TIME,
    "token-junk": CLAIMS,
}
AT_EHR = {name: f"ehr-{code}" for name, code in REFUSED_AS.items() if "tenant" not in name}
AT_EHR |= {"token-no-nonce": f"ehr-{NONCE}"}  # Entra always sends one; some EHRs name none among their claims
BAD_MICROSOFT = ("Microsoft sign-in did not work", 403)
BAD_EHR = ("The EHR's sign-in could not be trusted", 403)
OVER = ("This sign-in cannot be finished", 400)
ADA = "Ada Lindqvist"


@dataclass(frozen=True)
class Door:
    """A way in: who asserts, what it tells of whom it refuses, how somebody goes up to the callback, and what he reads
    where his token holds."""

    stand_in: str
    refusal: tuple[str, int]
    refused_as: dict[str, str]
    callback: Callable[[Clinic, Visitor], str]
    let_in: str


def _to_callback(visitor: Visitor, page: Shown, button: str) -> str:
    """Press a button of a sign-in page and go on until the address with code and state, which is not opened yet."""
    answer = visitor.press(page, button, follow=False)
    return walk(visitor, answer.response.headers["Location"], lambda address: "/callback" in address)


def _portals(clinic: Clinic, visitor: Visitor) -> str:
    return _to_callback(visitor, visitor.follow(visitor.open("/signin/"), "Sign in with Microsoft"), ADA)


def _lists(clinic: Clinic, visitor: Visitor) -> str:
    asked = visitor.follow(visitor.open("/visits/"), "Sign in with Microsoft")
    return _to_callback(visitor, asked, steps.MICROSOFT[CARLA])


def _patients(clinic: Clinic, visitor: Visitor) -> str:
    return steps.callback_of(clinic, visitor, PIA)


def _approvers(clinic: Clinic, visitor: Visitor) -> str:
    """An approver, signed in to the portal once, before whom the connection lies."""
    if visitor.open("/approve/").heading != "Approve or view":
        visitor.sign_in("Ben Okafor", wanted="/approve/")
    return _to_callback(visitor, visitor.open(f"/approve/{clinic.ref}/epic/"), "Ben Okafor")


DOORS = {
    "an administrator": Door("entra", BAD_MICROSOFT, REFUSED_AS, _portals, "Configuration information"),
    "a clinician at the list": Door("entra", BAD_MICROSOFT, REFUSED_AS, _lists, "My open visits"),
    "a patient": Door("epic", BAD_EHR, AT_EHR, _patients, "You are in the right place"),
    "an approver": Door("epic", BAD_EHR, AT_EHR, _approvers, "Your decision"),
}
AT_THE_EHR = [name for name, door in DOORS.items() if door.stand_in == "epic"]


@pytest.fixture
def proposed(clinic: Clinic) -> Clinic:
    """The clinic whose connection lies before its approver once more."""
    settings = clinic.administrator.open(f"/configure/{clinic.ref}/edit/")
    compared = clinic.administrator.press(settings, "See what changes", approver="Ben Okafor")
    if compared.has_button("Submit for approval"):
        clinic.administrator.press(compared, "Submit for approval")
    return clinic


def codes(clinic: Clinic, page: Shown) -> set[str]:
    """Under what codes the log tells of the request that a page answered."""
    lines = steps.log_lines(clinic, "web")
    return {line["code"] for line in lines if line.get("reference") == page.reference and "code" in line}


def query(address: str, name: str) -> str:
    return parse_qs(urlsplit(address).query)[name][0]


def lets_in(door: Door, page: Shown) -> bool:
    return door.let_in in page.text


@pytest.mark.parametrize("who", DOORS)
def test_a_forged_token_lets_nobody_in_and_leaves_nothing(proposed: Clinic, who: str) -> None:
    door, visitor = DOORS[who], proposed.visitor()
    assert set(REFUSED_AS) == set(FORGERIES)
    said, logged = {}, {}
    door.callback(proposed, visitor)
    with nothing_changed(proposed):
        for forgery in door.refused_as:
            proposed.forget_cache()  # in which is counted how often somebody signs in
            tell(proposed.house, door.stand_in, "faults", kind=forgery, times=1)
            page = visitor.open(door.callback(proposed, visitor))
            said[forgery], logged[forgery] = (page.heading, page.status), codes(proposed, page)
    assert said == dict.fromkeys(door.refused_as, door.refusal)
    assert {forgery: code for forgery, code in door.refused_as.items() if code not in logged[forgery]} == {}
    assert lets_in(door, visitor.open(door.callback(proposed, visitor)))


@pytest.mark.parametrize("who", AT_THE_EHR)
def test_an_answer_that_names_another_ehr_is_not_redeemed(proposed: Clinic, who: str) -> None:
    """Mix-up (RFC 9207): whoever redeemed the code would read that the EHR is not answering."""
    door, visitor = DOORS[who], proposed.visitor()
    address = door.callback(proposed, visitor)
    proposed.fail("epic", "/token$", "status")
    with nothing_changed(proposed):
        page = visitor.open(f"{address}&{urlencode({'iss': 'https://other.example/oauth2'})}")
    assert (page.heading, page.status) == BAD_EHR
    assert f"ehr-{ISSUER}" in codes(proposed, page)


@pytest.mark.parametrize("who", DOORS)
def test_a_code_of_another_sign_in_does_not_fit_this_one(proposed: Clinic, who: str) -> None:
    """Code injection: somebody else's code, brought by whoever has begun a sign-in of his own."""
    door, victim, visitor = DOORS[who], proposed.visitor(), proposed.visitor()
    stolen, own = door.callback(proposed, victim), door.callback(proposed, visitor)
    with nothing_changed(proposed):
        page = visitor.open(own.replace(query(own, "code"), query(stolen, "code")))
    assert page.status >= 400
    assert page.reference
    assert not lets_in(door, page)
    assert lets_in(door, visitor.open(door.callback(proposed, visitor)))


def test_a_session_from_before_the_sign_in_is_not_the_one_after(clinic: Clinic) -> None:
    visitor, intruder = clinic.visitor(), clinic.visitor()
    address = _portals(clinic, visitor)
    intruder.cookies.update(visitor.cookies)
    visitor.open(address)
    assert visitor.open("/configure/").heading == "Configuration information"
    assert intruder.open("/configure/").heading == "Sign in"


def test_a_clinicians_sign_in_opens_no_portal(clinic: Clinic) -> None:
    """Mix-up of purposes: what the state was made for decides, whatever the address says."""
    visitor = clinic.visitor()
    page = visitor.open(f"{_lists(clinic, visitor)}&next=/configure/&purpose=portal")
    assert page.heading == "My open visits"
    assert visitor.open("/configure/").heading == "Sign in"
