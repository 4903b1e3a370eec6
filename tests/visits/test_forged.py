"""Forged statements of who signed in, and answers that belong to another sign-in, at every door: Microsoft's for the
portal and for a clinician's list, the EHR's for a launch and for an approver. Each is refused with a page, a line in
the log, and nothing kept."""

import base64
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.conf import settings as configured
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from connector.models import EhrSignIn, User
from tests.connector.tokens import claims, public, rsa_key, signed
from tests.portal.deciding import browser_of, waiting
from tests.servers import Reply, Server, serving
from tests.visits import factories
from tests.visits.pressing import ISSUER, PATIENT, come_back, heading, press
from tests.visits.test_writeback.ehr import TOKEN, Ehr
from visits.models import Browser, Participant

pytestmark = pytest.mark.django_db
TID, OID = "3f1d8a52-7c0e-4b6a-9d25-6e1f0b9a1c01", "8d2b7c11-0000-4c11-8a11-000000000001"
MICROSOFT = ("Microsoft sign-in did not work", 403)
AT_EHR = ("The EHR's sign-in could not be trusted", 403)
OVER = ("This sign-in cannot be finished", 400)
Forge = Callable[[dict[str, Any]], str]


def part(document: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()


def unsigned(said: dict[str, Any]) -> str:
    return f"{part({'alg': 'none', 'kid': 'r1'})}.{part(said)}."


def by_the_public_key(said: dict[str, Any]) -> str:
    """HS256, with what everybody can read of the key as the shared secret."""
    signing_input = f"{part({'alg': 'HS256', 'kid': 'r1'})}.{part(said)}"
    digest = hmac.new(rsa_key().as_pem(private=False), signing_input.encode(), hashlib.sha256).digest()
    return f"{signing_input}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def with_claims(**changes: Any) -> Forge:
    return lambda said: signed(rsa_key(), said | changes, kid="r1")


def altered(said: dict[str, Any]) -> str:
    """A good signature over other claims."""
    head, _, signature = signed(rsa_key(), said, kid="r1").split(".")
    return f"{head}.{part(said | {'sub': 'eve', 'oid': str(uuid.UUID(int=7))})}.{signature}"


NOW = time.time()
FORGED: dict[str, Forge] = {
    "no signature": unsigned,
    "HS256 with the public key": by_the_public_key,
    "another key under a known kid": lambda said: signed(rsa_key(2), said, kid="r1"),
    "an unknown kid": lambda said: signed(rsa_key(2), said, kid="r9"),
    "altered claims": altered,
    "another audience": with_claims(aud="another"),
    "another issuer": with_claims(iss="https://login.evil.example/v2.0"),
    "another party": lambda said: signed(rsa_key(), said | {"aud": [said["aud"], "x"], "azp": "another"}, kid="r1"),
    "another sign-in's nonce": with_claims(nonce="another"),
    "expired": with_claims(exp=NOW - 3600),
    "not yet good": with_claims(nbf=NOW + 3600),
    "issued in the future": with_claims(iat=NOW + 3600),
    "no token": lambda said: "a.b.c",
}
MICROSOFTS = FORGED | {
    "another tenant": with_claims(tid=str(uuid.UUID(int=9))),
    "no tenant": lambda said: signed(rsa_key(), {k: v for k, v in said.items() if k != "tid"}, kid="r1"),
}


@dataclass
class Entra:
    """A server that is configured as Entra, and one browser on its way through a sign-in."""

    server: Server
    browser: Client
    asked: dict[str, str]

    def leave(self, name: str) -> None:
        answer = self.browser.get(reverse(name))
        self.asked = {key: value for key, [value] in parse_qs(urlsplit(answer["Location"]).query).items()}

    def claims(self) -> dict[str, Any]:
        """What Entra says of Ada, who is an administrator."""
        who = {"tid": TID, "oid": OID, "name": "Ada", "roles": ["Connector.Administrator"]}
        return claims(
            aud=configured.ENTRA_CLIENT_ID, iss=f"{self.server.url}/{TID}/v2.0", nonce=self.asked["nonce"], **who
        )

    def come_back(self, token: str, **query: str) -> Any:
        granted = {"access_token": "opaque", "token_type": "Bearer", "expires_in": 3600, "id_token": token}
        self.server.answer("/organizations/oauth2/v2.0/token", Reply(granted))
        return self.browser.get(reverse("microsoft_callback"), {"code": "c", "state": self.asked["state"]} | query)

    def good(self) -> str:
        return signed(rsa_key(), self.claims(), kid="r1")


@pytest.fixture
def entra(settings: Settings) -> Any:
    with serving() as server:
        settings.OUTGOING_ALLOWED_HOSTS = frozenset({server.host})
        settings.ENTRA_AUTHORITY = server.url
        server.answer("/organizations/discovery/v2.0/keys", Reply({"keys": [public(rsa_key(), kid="r1", use="sig")]}))
        yield Entra(server, Client(), {})


def told(caplog: pytest.LogCaptureFixture, event: str) -> list[str]:
    """The codes under which the log tells of an event."""
    return [record.__dict__["code"] for record in caplog.records if record.message == event]


@pytest.mark.parametrize("door", ["signin_start", "open_visits_signin"])
@pytest.mark.parametrize("forge", MICROSOFTS.values(), ids=MICROSOFTS.keys())
def test_a_forged_token_of_microsofts_signs_nobody_in(
    forge: Forge, door: str, entra: Entra, caplog: pytest.LogCaptureFixture
) -> None:
    entra.leave(door)
    answer = entra.come_back(forge(entra.claims()))
    assert heading(answer) == MICROSOFT
    (code,) = told(caplog, "sign-in refused")
    assert code.startswith("id-token-")
    assert "_auth_user_id" not in entra.browser.session
    assert not User.objects.exists()
    assert not Browser.objects.exists()


def test_what_is_not_forged_signs_in(entra: Entra) -> None:
    entra.leave("signin_start")
    assert entra.come_back(entra.good())["Location"] == reverse("portal")
    assert User.objects.get().oid == uuid.UUID(OID)


def test_a_session_from_before_the_sign_in_is_not_the_one_after(entra: Entra, settings: Settings) -> None:
    entra.leave("signin_start")
    fixed = entra.browser.cookies[settings.SESSION_COOKIE_NAME].value
    entra.come_back(entra.good())
    assert entra.browser.cookies[settings.SESSION_COOKIE_NAME].value != fixed
    intruder = Client()
    intruder.cookies[settings.SESSION_COOKIE_NAME] = fixed
    assert intruder.get(reverse("configure"))["Location"].startswith(reverse("signin"))


def test_whoever_is_led_into_anothers_sign_in_is_not_signed_in(entra: Entra) -> None:
    """Login CSRF: the answer to Eve's sign-in, opened in Ada's browser."""
    entra.leave("signin_start")
    victim = Client()
    answer = victim.get(reverse("microsoft_callback"), {"code": "eves", "state": entra.asked["state"]})
    assert heading(answer) == OVER
    assert "_auth_user_id" not in victim.session
    assert entra.server.asked("/organizations/oauth2/v2.0/token") == []


def test_a_code_of_another_sign_in_does_not_fit_this_one(entra: Entra) -> None:
    """Code injection: the verifier that is sent is this sign-in's own, and so is the nonce that is wanted."""
    entra.leave("signin_start")
    stolen = entra.good()
    entra.leave("signin_start")
    assert heading(entra.come_back(stolen)) == MICROSOFT
    (sent,) = entra.server.asked("/organizations/oauth2/v2.0/token")
    digest = hashlib.sha256(sent.form["code_verifier"].encode()).digest()
    assert base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == entra.asked["code_challenge"]


def test_a_state_is_good_once(entra: Entra) -> None:
    entra.leave("signin_start")
    token = entra.good()
    assert entra.come_back(token).status_code == 302
    assert heading(entra.come_back(token)) == OVER


def test_a_clinicians_sign_in_opens_no_portal(entra: Entra) -> None:
    """Mix-up of purposes: what the state was made for decides, whatever the address says."""
    entra.leave("open_visits_signin")
    entra.come_back(entra.good(), next="/configure/", purpose="portal")
    assert "_auth_user_id" not in entra.browser.session


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED.keys())
def test_a_forged_token_of_the_ehrs_brings_nobody_into_a_visit(
    forge: Forge, ehr: Ehr, caplog: pytest.LogCaptureFixture
) -> None:
    browser, before = Client(), Participant.objects.count()
    asked = press(ehr, browser, PATIENT)
    said = claims(iss=ehr.server.url + ISSUER, aud=asked["client_id"], nonce=asked["nonce"], fhirUser=PATIENT)
    assert heading(come_back(ehr, browser, PATIENT, asked, id_token=forge(said))) == AT_EHR
    (code,) = told(caplog, "problem shown")
    assert code.startswith("ehr-id-token-")
    assert Participant.objects.count() == before


def mixed_up(ehr: Ehr, browser: Client, address: str, state: str) -> Any:
    """The browser comes back and names another server as the one that it comes from."""
    return browser.get(address, {"code": "c", "state": state, "iss": "https://other.example/oauth2"})


def test_an_answer_that_names_another_ehr_is_not_redeemed(ehr: Ehr) -> None:
    browser = Client()
    asked = press(ehr, browser, PATIENT)
    address = reverse("launch_callback", args=[ehr.connection.ref, "patient"])
    assert heading(mixed_up(ehr, browser, address, asked["state"])) == AT_EHR
    assert ehr.server.asked(TOKEN) == []


@dataclass
class Approving:
    """An approver on his way through the EHR's sign-in."""

    ehr: Ehr
    browser: Client
    asked: dict[str, str]

    def come_back(self, token: str) -> Any:
        self.ehr.server.answer(TOKEN, Reply({"access_token": "granted", "expires_in": 3600, "id_token": token}))
        return self.browser.get(reverse("ehr_signin_callback"), {"code": "c", "state": self.asked["state"]})

    def claims(self) -> dict[str, Any]:
        issuer, asked = self.ehr.server.url + ISSUER, self.asked
        return claims(iss=issuer, aud=asked["client_id"], nonce=asked["nonce"], fhirUser="Practitioner/e1")


@pytest.fixture
def approving(ehr: Ehr) -> Approving:
    approver = factories.user(ehr.connection.organization.tid)
    revision = waiting(ehr.connection, approver)
    revision.settings |= {"provider_client_id": "provider-1"}
    revision.save()
    EhrSignIn.objects.all().delete()
    browser = browser_of(approver)
    location = browser.get(reverse("ehr_signin", args=[ehr.connection.ref]))["Location"]
    return Approving(ehr, browser, {key: value for key, [value] in parse_qs(urlsplit(location).query).items()})


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED.keys())
def test_a_forged_token_of_the_ehrs_proves_nothing_of_an_approver(
    forge: Forge, approving: Approving, caplog: pytest.LogCaptureFixture
) -> None:
    assert heading(approving.come_back(forge(approving.claims()))) == AT_EHR
    (code,) = told(caplog, "EHR sign-in refused")
    assert code.startswith("ehr-id-token-")
    assert not EhrSignIn.objects.exists()
    assert approving.browser.get(reverse("approve")).status_code == 200  # the portal's session stays


def test_what_is_not_forged_is_an_approvers_proof(approving: Approving) -> None:
    assert approving.come_back(signed(rsa_key(), approving.claims(), kid="r1")).status_code == 200
    assert EhrSignIn.objects.get().proof["how"] == "openid"


def test_an_approvers_answer_that_names_another_ehr_is_not_redeemed(approving: Approving) -> None:
    ehr = approving.ehr
    answer = mixed_up(ehr, approving.browser, reverse("ehr_signin_callback"), approving.asked["state"])
    assert heading(answer) == AT_EHR
    assert ehr.server.asked(TOKEN) == []
