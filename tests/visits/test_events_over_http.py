"""Events, posted to the running house as anybody on the network can: what Graph did not tell changes nothing."""

import base64
import json
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from django.utils.crypto import salted_hmac

from connector.teams.notifications import client_state
from sandbox.cast import LAKESIDE_TID, RIVERSIDE_TID
from sandbox.graph.sender import rendered
from tests.portal.steps import tell
from tests.visits.call import Call, begun, chart, shows, until
from tests.visits.steps import Clinic, log_lines

Item = dict[str, Any]
NOT_OURS = "notification not ours"
CHANGED = ("visits_fact", "visits_writeback", "visits_visit", "visits_participant")


@pytest.fixture(scope="module")
def call(open_clinic: Clinic) -> Call:
    """A call whose clinician came, left and is there again. No test but the last changes anything in it."""
    open_clinic.tidy_up()
    call = begun(open_clinic)
    call.act(call.clinician_comes(), "leave")
    call.clinician_comes()
    until(lambda: len(call.trail()) == 3)
    shows(open_clinic, call.csn, clinician="connected", patient="waiting")
    until(lambda: not open_clinic.rows("SELECT 1 FROM visits_writeback WHERE state = 'waiting'"))
    return call


def told(call: Call, *, leaving: bool) -> Item:
    """What Graph has told of a clinician who came or left, with the subscription that it told it to."""
    for item in call.notifications():
        for delta in item["payload"].get("participants@delta", []):
            if ("removedState" in delta) == leaving:
                return item
    raise AssertionError("Graph has told no such thing")


def leave(call: Call, **changes: Any) -> Item:
    """A notification, as Graph would send it now, that the clinician has left again; and what is changed in it."""
    item = told(call, leaving=True)
    delta = item["payload"]["participants@delta"][0] | {"id": list(call.seats)[-1]}
    news = {"id": str(uuid.uuid4()), "eventDateTime": datetime.now(UTC).isoformat(), "participants@delta": [delta]}
    return rendered(item | {"payload": item["payload"] | news}) | changes


def graphs_token(call: Call, tid: str = RIVERSIDE_TID, aud: str = "") -> str:
    """A validation token that Entra has signed for Graph."""
    audience = aud or call.clinic.house.environment["ENTRA_CLIENT_ID"]
    return str(tell(call.clinic.house, "entra", "validation-token", tid=tid, aud=audience)["token"])


def post(call: Call, body: bytes) -> None:
    """Deliver a body; whatever it is, the answer is 202 and says nothing."""
    url = f"{call.clinic.house.urls['notifications']}/notifications/graph/"
    answer = requests.post(url, data=body, headers={"Content-Type": "application/json"}, timeout=10)
    assert (answer.status_code, answer.content) == (202, b"")


def deliver(call: Call, item: Item, *tokens: str) -> None:
    post(call, json.dumps({"value": [item], "validationTokens": list(tokens or [graphs_token(call)])}).encode())


@contextmanager
def nothing_happens(call: Call) -> Iterator[None]:
    """Hold that the block changes neither the chart, nor what is known of the visit, nor the trail."""
    before = _state_of(call)
    yield
    until(lambda: not call.clinic.rows("SELECT 1 FROM visits_receipt WHERE state = 'new'"))
    assert _state_of(call) == before


def _state_of(call: Call) -> list[Any]:
    tables = [call.clinic.rows(f"SELECT {name}::text AS row FROM {name} ORDER BY 1") for name in CHANGED]  # noqa: S608
    return [chart(call.clinic, call.csn), call.trail(), *tables]


def newest_receipt(call: Call) -> int:
    return int(call.clinic.rows("SELECT coalesce(max(id), 0) AS newest FROM visits_receipt")[0]["newest"])


@contextmanager
def not_kept(call: Call) -> Iterator[None]:
    """Hold that the block leaves a line in the log, and no receipt."""
    receipt, lines = newest_receipt(call), said(call, "notifications", NOT_OURS)
    with nothing_happens(call):
        yield
    assert newest_receipt(call) == receipt
    assert said(call, "notifications", NOT_OURS) == lines + 1


def said(call: Call, process: str, event: str) -> int:
    return [line["event"] for line in log_lines(call.clinic, process)].count(event)


def _lines_of(call: Call, receipt: int) -> list[dict[str, Any]]:
    return [line for line in log_lines(call.clinic, "worker") if line.get("receipt") == receipt]


def refused(call: Call, reason: str) -> None:
    """The newest receipt is refused with this reason, which stands in the worker's log beside the receipt's number.
    Each test's first receipt has the same one."""
    [receipt] = call.clinic.rows("SELECT id, state, reason FROM visits_receipt ORDER BY id DESC LIMIT 1")
    assert (receipt["state"], receipt["reason"]) == ("refused", reason)
    until(lambda: _lines_of(call, receipt["id"]))  # the row is there a moment before its line
    newest = _lines_of(call, receipt["id"])[-1]
    assert (newest["event"], newest["reason"], newest["level"]) == ("receipt finished", reason, "warning")


@pytest.mark.parametrize(
    "state",
    [
        "",
        "x" * 101,
        f"{uuid.UUID(int=7)}.{'0' * 64}",
        None,
        {"not": "a text"},
    ],
    ids=["empty", "noise", "a MAC of nobody's", "null", "an object"],
)
def test_a_forged_client_state_is_not_kept(call: Call, state: object) -> None:
    with not_kept(call):
        deliver(call, leave(call, clientState=state))


def test_the_state_of_one_subscription_with_the_number_of_another_is_not_kept(call: Call) -> None:
    item = leave(call)
    _, _, mac = item["clientState"].partition(".")
    with not_kept(call):
        deliver(call, item | {"clientState": f"{uuid.uuid4()}.{mac}"})


def test_a_notification_of_a_subscription_that_is_gone_is_not_kept(call: Call) -> None:
    key = call.clinic.house.environment["SECRET_KEY"]
    secret = salted_hmac("visits.subscription", "client-state", secret=key, algorithm="sha256").digest()
    [known] = call.clinic.rows("SELECT id::text AS id FROM visits_subscription")
    assert leave(call)["clientState"] == client_state(known["id"], secret)
    with not_kept(call):
        deliver(call, leave(call, clientState=client_state(str(uuid.uuid4()), secret)))


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"value": 7}', b"\xff\xfe", b"[" * 5000])
def test_what_is_no_notification_is_not_kept(call: Call, body: bytes) -> None:
    with not_kept(call):
        post(call, body)


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        ("data", "notification-signature"),
        ("dataSignature", "notification-signature"),
        ("dataKey", "notification-key"),
        ("encryptionCertificateId", "notification-key"),
    ],
)
def test_what_cannot_be_decrypted_is_refused(call: Call, part: str, reason: str) -> None:
    item = leave(call)
    tampered = {part: base64.b64encode(b"tampered with" * 8).decode()}
    with nothing_happens(call):
        deliver(call, item | {"encryptedContent": item["encryptedContent"] | tampered})
    refused(call, reason)


def test_a_notification_of_another_tenant_is_refused(call: Call) -> None:
    with nothing_happens(call):
        deliver(call, leave(call, tenantId=LAKESIDE_TID), graphs_token(call, LAKESIDE_TID))
    refused(call, "notification-tenant")


def test_a_token_for_another_tenant_or_another_application_proves_nothing(call: Call) -> None:
    for token, reason in (
        (graphs_token(call, LAKESIDE_TID), "validation-token-tenant"),
        (graphs_token(call, aud=str(uuid.uuid4())), "validation-token-audience"),
        (forged_token(call), "validation-token-signature"),
        ("not.a.token", "validation-token-claims"),
    ):
        with nothing_happens(call):
            deliver(call, leave(call), token)
        refused(call, reason)


def forged_token(call: Call) -> str:
    """Graph's own token to the letter, signed with another key."""
    token = graphs_token(call)
    claims = jwt.decode(token, options={"verify_signature": False})
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return jwt.encode(claims, key, algorithm="RS256", headers={"kid": jwt.get_unverified_header(token)["kid"]})


def test_a_notification_that_is_played_again_tells_nothing_new(call: Call) -> None:
    before = newest_receipt(call)
    with nothing_happens(call):
        deliver(call, rendered(told(call, leaving=True)))
        deliver(call, rendered(told(call, leaving=False)))
    again = call.clinic.rows("SELECT state, reason FROM visits_receipt WHERE id > %s", before)
    assert [(one["state"], one["reason"]) for one in again] == [("understood", "")] * 2


def test_what_graph_itself_tells_in_the_same_way_does_change_the_chart(call: Call) -> None:
    since = time.monotonic()
    deliver(call, leave(call))
    shows(call.clinic, call.csn, clinician="disconnected", patient="waiting")
    assert time.monotonic() - since < 15
