"""The Graph stand-in over HTTP: subscriptions and notifications."""

import base64
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import jwt
import pytest
import requests
from cryptography.hazmat.primitives import serialization

from sandbox.cast import LAKESIDE_TID, RIVERSIDE_TID
from sandbox.graph import outbox
from sandbox.launcher.ports import free_port
from sandbox.store import Store
from tests.sandbox.graph_client import (
    CARLA,
    Seats,
    Subscriber,
    application,
    fault,
    new_meeting,
    subscribe,
    switch,
)
from tests.sandbox.standins import ROOT, Sandbox

pytestmark = pytest.mark.usefixtures("fresh")
MEETINGS = f"/v1.0/users/{CARLA.oid}/onlineMeetings"


def test_a_subscription_is_made_after_both_urls_echo(
    sandbox: Sandbox, app: requests.Session, subscriber: Subscriber
) -> None:
    tokens: list[str] = []

    def echo(token: str) -> tuple[int, str, str]:
        tokens.append(token)
        return 200, "text/plain; charset=utf-8", token

    subscriber.echo = echo
    life = f"{subscriber.url}/life"
    body = subscriber.request(new_meeting(sandbox, app, "visit-1"), minutes=4000, lifecycleNotificationUrl=life)
    answer = subscribe(sandbox, app, body)
    assert answer.status_code == 201, answer.text
    assert len(tokens) == len(set(tokens)) == 2
    assert answer.json()["applicationId"] == sandbox.environment["SANDBOX_APP_CLIENT_ID"]
    assert subscribe(sandbox, app, body).status_code == 409


def test_of_two_subscriptions_made_at_once_one_is_refused(
    sandbox: Sandbox, app: requests.Session, subscriber: Subscriber
) -> None:
    both_asked = Barrier(2)

    def echo(token: str) -> tuple[int, str, str]:
        both_asked.wait(5)
        return 200, "text/plain", token

    subscriber.echo = echo
    body = subscriber.request(new_meeting(sandbox, app, "visit-1"))
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: subscribe(sandbox, app, body), range(2)))
    assert sorted(answer.status_code for answer in answers) == [201, 409]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((202, "text/plain", "{token}"), "200 OK"),
        ((200, "text/html", "{token}"), "text/plain"),
        ((200, "text/plain", "another"), "does not match"),
    ],
)
def test_a_wrong_handshake_is_refused_with_its_reason(
    sandbox: Sandbox, app: requests.Session, subscriber: Subscriber, answer: tuple[int, str, str], reason: str
) -> None:
    status, kind, text = answer
    subscriber.echo = lambda token: (status, kind, text.format(token=token))
    refused = subscribe(sandbox, app, subscriber.request(new_meeting(sandbox, app, "visit-1")))
    assert refused.status_code == 400
    assert reason in refused.json()["error"]["message"]


def test_subscriptions_outside_the_rules_are_refused(
    sandbox: Sandbox, app: requests.Session, subscriber: Subscriber
) -> None:
    meeting = new_meeting(sandbox, app, "visit-1")
    good = subscriber.request(meeting)
    plain = f"communications/onlineMeetings(joinWebUrl='{meeting['joinWebUrl']}')/meetingCallEvents"
    wrong = [
        subscriber.request(meeting, minutes=4400, lifecycleNotificationUrl=subscriber.url),
        subscriber.request(meeting, minutes=90),
        good | {"clientState": "x" * 129},
        good | {"encryptionCertificate": "bm90IGEgY2VydGlmaWNhdGU="},
        good | {"resource": plain},
        good | {"surprise": True},
    ]
    assert [subscribe(sandbox, app, body).status_code for body in wrong] == [400] * len(wrong)
    assert subscribe(sandbox, app, good, "v1.0").status_code == 400
    assert subscribe(sandbox, application(sandbox, LAKESIDE_TID), good).status_code == 403
    assert subscribe(sandbox, app, good).status_code == 201


def test_a_subscription_is_renewed_reauthorized_and_deleted(
    sandbox: Sandbox, app: requests.Session, subscriber: Subscriber
) -> None:
    made = subscribe(sandbox, app, subscriber.request(new_meeting(sandbox, app, "visit-1"))).json()
    url = sandbox.url("graph", f"/v1.0/subscriptions/{made['id']}")
    renewed = app.patch(
        url, json={"expirationDateTime": subscriber.request({"joinWebUrl": ""}, 4000)["expirationDateTime"]}
    )
    assert renewed.json()["expirationDateTime"] > made["expirationDateTime"]
    assert app.post(f"{url}/reauthorize").status_code == 204
    assert app.delete(url).status_code == 204
    assert app.get(url).status_code == 404


def test_lifecycle_notifications_go_to_their_own_url(
    sandbox: Sandbox, app: requests.Session, subscriber: Subscriber
) -> None:
    body = subscriber.request(new_meeting(sandbox, app, "visit-1"), lifecycleNotificationUrl=f"{subscriber.url}/life")
    made = subscribe(sandbox, app, body).json()
    url = sandbox.url("graph", f"/sandbox/subscriptions/{made['id']}/lifecycle")
    requests.post(url, json={"lifecycleEvent": "subscriptionRemoved"}, timeout=10).raise_for_status()
    item = subscriber.items(1)[0]
    assert (item["lifecycleEvent"], item["clientState"]) == ("subscriptionRemoved", "state-of-the-test")
    assert "validationTokens" not in subscriber.posts[0]
    assert app.get(sandbox.url("graph", f"/beta/subscriptions/{made['id']}")).status_code == 404


def test_a_notification_is_signed_encrypted_and_brings_a_token_of_graph(
    sandbox: Sandbox, app: requests.Session, subscriber: Subscriber
) -> None:
    meeting = new_meeting(sandbox, app, "visit-1")
    made = subscribe(sandbox, app, subscriber.request(meeting)).json()
    Seats(sandbox, meeting).staff()
    started, roster = subscriber.events(2)
    assert started["eventType"] == "callStarted"
    delta = roster["participants@delta"][0]
    user = {"id": CARLA.oid, "displayName": CARLA.name, "tenantId": RIVERSIDE_TID}
    assert (delta["isInLobby"], delta["info"]["identity"]) == (False, {"user": user})
    item = subscriber.items(1)[0]
    assert (item["subscriptionId"], item["clientState"]) == (made["id"], "state-of-the-test")
    assert item["tenantId"] == RIVERSIDE_TID
    keys = jwt.PyJWKClient(sandbox.url("entra", "/common/discovery/v2.0/keys"))
    token = subscriber.posts[0]["validationTokens"][0]
    audience = sandbox.environment["SANDBOX_APP_CLIENT_ID"]
    claims = jwt.decode(token, keys.get_signing_key_from_jwt(token), ["RS256"], audience=audience)
    assert (claims["tid"], claims["azp"]) == (RIVERSIDE_TID, "0bf30f3b-4a52-48df-9a82-234910c4a086")


NODE_DECRYPTS = """
const crypto = require('crypto'), {key, content} = JSON.parse(require('fs').readFileSync(0));
const b64 = name => Buffer.from(content[name], 'base64');
const padding = crypto.constants.RSA_PKCS1_OAEP_PADDING;
const secret = crypto.privateDecrypt({key, padding, oaepHash: 'sha1'}, b64('dataKey'));
const signature = crypto.createHmac('sha256', secret).update(b64('data')).digest('base64');
const cipher = crypto.createDecipheriv('aes-256-cbc', secret, secret.subarray(0, 16));
const plain = Buffer.concat([cipher.update(b64('data')), cipher.final()]).toString();
console.log(JSON.stringify({signature, plain}));
"""


def test_another_implementation_decrypts_the_notification(
    sandbox: Sandbox, app: requests.Session, subscriber: Subscriber
) -> None:
    meeting = new_meeting(sandbox, app, "visit-1")
    subscribe(sandbox, app, subscriber.request(meeting)).raise_for_status()
    Seats(sandbox, meeting).staff()
    content = subscriber.items(1)[0]["encryptedContent"]
    pem = subscriber.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    given = json.dumps({"key": pem.decode(), "content": content})
    found = json.loads(subprocess.check_output(["node", "-e", NODE_DECRYPTS], input=given, text=True, timeout=20))
    assert found["signature"] == content["dataSignature"]
    assert json.loads(found["plain"])["eventType"] == "callStarted"


def test_openssl_agrees_on_the_thumbprint(
    sandbox: Sandbox, app: requests.Session, subscriber: Subscriber, tmp_path: Path
) -> None:
    meeting = new_meeting(sandbox, app, "visit-1")
    body = subscriber.request(meeting)
    subscribe(sandbox, app, body).raise_for_status()
    Seats(sandbox, meeting).staff()
    (tmp_path / "certificate.der").write_bytes(base64.b64decode(body["encryptionCertificate"]))
    command = ["openssl", "x509", "-inform", "DER", "-in", "certificate.der", "-noout", "-fingerprint", "-sha1"]
    line = subprocess.check_output(command, cwd=tmp_path, text=True, timeout=20)
    content = subscriber.items(1)[0]["encryptedContent"]
    assert content["encryptionCertificateThumbprint"] == line.strip().partition("=")[2].replace(":", "")


def test_notifications_come_in_pascal_case_by_a_switch(
    sandbox: Sandbox, app: requests.Session, subscriber: Subscriber
) -> None:
    switch(sandbox, "graph", pascal_case="alternate")
    meeting = new_meeting(sandbox, app, "visit-1")
    subscribe(sandbox, app, subscriber.request(meeting)).raise_for_status()
    Seats(sandbox, meeting).staff()
    started, roster = subscriber.events(2)
    assert started["EventType"] == "callStarted"
    assert roster["eventType"] == "rosterUpdated"
    switch(sandbox, "graph", pascal_case=True)
    Seats(sandbox, meeting).enter(kind="guest", name="Pia")
    delta = subscriber.events(3)[2]["Participants@delta"][0]
    assert delta["IsInLobby"] is True
    assert delta["Info"]["Identity"]["User"]["DisplayName"] == "Pia"


def test_notifications_are_lost_doubled_reordered_and_late_by_faults(
    sandbox: Sandbox, app: requests.Session, subscriber: Subscriber
) -> None:
    meeting = new_meeting(sandbox, app, "visit-1")
    subscribe(sandbox, app, subscriber.request(meeting)).raise_for_status()
    seats = Seats(sandbox, meeting)
    fault(sandbox, "notification-lost")
    seats.staff()
    assert [event["eventType"] for event in subscriber.events(1)] == ["rosterUpdated"]
    fault(sandbox, "notification-doubled")
    waiting = seats.enter(kind="va", name="Pia")
    twice = subscriber.events(3)[1:]
    assert twice[0]["id"] == twice[1]["id"]
    fault(sandbox, "notification-reordered")
    seats.act(waiting, "admit")
    seats.act(waiting, "leave")
    left, admitted = subscriber.events(5)[3:]
    assert "removedState" in left["participants@delta"][0]
    assert "removedState" not in admitted["participants@delta"][0]
    fault(sandbox, "notification-late", 1.5)
    before = time.monotonic()
    seats.enter(kind="va", name="Pia")
    subscriber.items(6)
    assert time.monotonic() - before > 1.4


def test_a_refused_notification_is_tried_again(sandbox: Sandbox, app: requests.Session, subscriber: Subscriber) -> None:
    meeting = new_meeting(sandbox, app, "visit-1")
    subscribe(sandbox, app, subscriber.request(meeting)).raise_for_status()
    subscriber.statuses = [503, 503]
    Seats(sandbox, meeting).staff()
    events = subscriber.events(2)
    assert {event["eventType"] for event in events} == {"callStarted", "rosterUpdated"}
    sent = requests.get(sandbox.url("graph", "/sandbox/notifications"), timeout=10).json()["sent"]
    assert sum(item["attempts"] for item in sent) >= 3


def test_several_notifications_travel_together_by_a_switch(
    sandbox: Sandbox, app: requests.Session, subscriber: Subscriber
) -> None:
    switch(sandbox, "graph", batch=True)
    meeting = new_meeting(sandbox, app, "visit-1")
    subscribe(sandbox, app, subscriber.request(meeting)).raise_for_status()
    Seats(sandbox, meeting).staff()
    subscriber.items(2)
    assert len(subscriber.posts) == 1
    assert len(subscriber.posts[0]["validationTokens"]) == 1


def test_a_subscription_made_during_a_call_is_deaf_to_it_by_a_switch(
    sandbox: Sandbox, app: requests.Session, subscriber: Subscriber
) -> None:
    switch(sandbox, "graph", late_subscription_deaf=True)
    meeting = new_meeting(sandbox, app, "visit-1")
    seats = Seats(sandbox, meeting)
    first = seats.staff()
    subscribe(sandbox, app, subscriber.request(meeting)).raise_for_status()
    seats.act(first, "leave")
    again = seats.staff()
    assert [event["eventType"] for event in subscriber.events(2)] == ["callStarted", "rosterUpdated"]
    assert subscriber.events(2)[1]["participants@delta"][0]["id"] == again["id"]


def test_what_was_not_sent_before_a_restart_is_sent_after_it(
    sandbox: Sandbox, subscriber: Subscriber, tmp_path: Path
) -> None:
    port = free_port()
    own = {"SANDBOX_DATA": str(tmp_path), "SANDBOX_GRAPH_URL": f"http://localhost:{port}"}
    before = Store(tmp_path / "graph.sqlite3")
    subscription = {
        "id": "subscription-1",
        "tid": RIVERSIDE_TID,
        "expirationDateTime": "2030-01-01T00:00:00Z",
        "lifecycleNotificationUrl": f"{subscriber.url}/life",
    }
    outbox.add_lifecycle(before, subscription, "missed")
    environment = os.environ | sandbox.environment | own
    process = subprocess.Popen([sys.executable, "-m", "sandbox.graph"], cwd=ROOT, env=environment)
    try:
        assert subscriber.items(1, timeout=20)[0]["lifecycleEvent"] == "missed"
    finally:
        process.terminate()
        process.wait(10)
