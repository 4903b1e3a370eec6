"""Pressing the button of an EHR of the tests, which says of person and visit what each test lets it say."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

from bs4 import BeautifulSoup
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from tests.connector.tokens import claims, public, rsa_key, signed
from tests.servers import Reply
from tests.visits import factories
from tests.visits.test_writeback.ehr import TOKEN, Ehr, running

ISSUER, KEYS, CONFIGURATION = "/oauth2", "/oauth2/keys", "/.well-known/smart-configuration"
PATIENT, PROXY, CLINICIAN = "Patient/p1", "RelatedPerson/r1", "Practitioner/e1"
DOORS = {PATIENT: "patient", PROXY: "patient", CLINICIAN: "provider"}
CONTEXT = {"sessionId": " 4711", "externalId": " 165790", "externalIdType": "CSN"}
CLIENTS: dict[str, Any] = {"provider_client_id": "provider-1", "patient_client_id": "patient-1"}


@contextmanager
def open_for_launches(settings: Any) -> Iterator[Ehr]:
    """An EHR with OpenID; people may launch from it."""
    cache.clear()
    with running() as made:
        settings.OUTGOING_ALLOWED_HOSTS = frozenset({made.server.host})
        describe(made)
        made.server.answer(KEYS, Reply({"keys": [public(rsa_key(), kid="r1", use="sig")]}))
        factories.approve(made.connection, **CLIENTS)
        yield made


def describe(ehr: Ehr, **changes: Any) -> None:
    """Let the EHR describe its sign-in with changes; None takes a member away."""
    url = ehr.server.url
    found = {"authorization_endpoint": f"{url}/oauth2/authorize", "token_endpoint": url + TOKEN}
    found |= {"issuer": url + ISSUER, "jwks_uri": url + KEYS} | changes
    told = Reply({name: value for name, value in found.items() if value is not None})
    ehr.server.answer(urlsplit(ehr.connection.base_url).path + CONFIGURATION, told)


def press(ehr: Ehr, browser: Client, who: str, door: str = "") -> dict[str, str]:
    """Press the button; what the EHR is asked for."""
    address = reverse("launch", args=[ehr.connection.ref, door or DOORS[who]])
    answer = browser.get(address, {"iss": ehr.connection.base_url, "launch": "l1"})
    return {name: value for name, [value] in parse_qs(urlsplit(answer["Location"]).query).items()}


def come_back(ehr: Ehr, browser: Client, who: str, asked: dict[str, str], door: str = "", **context: Any) -> Any:
    """The EHR sends a browser back with a code, which is worth this person and this context. A member that is None is
    not there; without a nonce there is no id_token."""
    granted = {"access_token": "granted", "expires_in": 3600, "id_token": None}
    if "nonce" in asked:
        said = claims(iss=ehr.server.url + ISSUER, aud=asked["client_id"], nonce=asked["nonce"], fhirUser=who or None)
        granted["id_token"] = signed(rsa_key(), said, kid="r1")
    whole = granted | CONTEXT | context
    ehr.server.answer(TOKEN, Reply({name: value for name, value in whole.items() if value is not None}))
    address = reverse("launch_callback", args=[ehr.connection.ref, door or DOORS[who]])
    return browser.get(address, {"code": "c", "state": asked["state"]}, headers={"Sec-Fetch-Dest": "document"})


def arrive(ehr: Ehr, browser: Client, who: str, door: str = "", **context: Any) -> Any:
    """The whole way, in one browser."""
    return come_back(ehr, browser, who, press(ehr, browser, who, door), door, **context)


def leads_to(answer: Any, name: str) -> bool:
    """Whether an answer sends the person on to this page of his own."""
    handle = urlsplit(answer["Location"]).path.split("/")[2] if answer.status_code == 302 else ""
    return bool(handle) and answer["Location"] == reverse(name, args=[handle])


def heading(answer: Any) -> tuple[str, int]:
    """(what a page says first, its status)."""
    title = BeautifulSoup(answer.content, "html.parser").h1
    return (title.get_text(strip=True) if title else "", answer.status_code)
