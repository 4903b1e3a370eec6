"""The proof: every step with what it came to, everything deleted again, one at a time, and never stuck."""

import html
import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from connector import handshakes
from connector.models import Change, Proof
from portal.actors import Actor
from portal.ready import proving
from tests.portal.deciding import BACKEND
from tests.portal.microsoft import Microsoft
from tests.servers import Reply, Request, serving

pytestmark = pytest.mark.django_db
SUBSCRIBED = Reply({"id": "s1", "expirationDateTime": "2030-01-01T00:00:00Z"}, 201)
UNREACHED = Reply({"error": {"code": "ValidationError", "message": "Subscription validation request failed."}}, 400)
REFUSED = Reply({"error": {"code": "Forbidden", "message": "No."}}, 403)


class Reaching(Microsoft):
    """Graph, which calls our notification addresses back before it answers."""

    def __init__(self, server: Any, settings: Settings) -> None:
        super().__init__(server, settings)
        self.at_meeting = f"/v1.0/users/{self.oid}/onlineMeetings/m1"
        link = "https://teams.example/visit"
        server.answer(self.at_meeting, Reply({}, 200), Reply(status=204))
        server.answer(f"{self.at_meeting}/getVirtualAppointmentJoinWebUrl", Reply({"value": link}))
        server.answer("/beta/subscriptions", SUBSCRIBED)
        server.answer("/beta/subscriptions/s1", Reply(status=204))
        self.reaches: tuple[str, ...] = ("notificationUrl", "lifecycleNotificationUrl")
        self._plain, server.reply_to = server.reply_to, self._reply

    def _reply(self, request: Request) -> Reply:
        if request.path == "/beta/subscriptions":
            body = json.loads(request.body)
            for name in self.reaches:
                address = urlsplit(body[name])
                query = dict(parse_qsl(address.query)) | {"validationToken": "hello"}
                kind = "lifecycle" if "lifecycle" in address.path else "event"
                handshakes.note(query.get(handshakes.PARAMETER), kind)
        reply: Reply = self._plain(request)
        return reply

    def deleted(self) -> list[str]:
        return [request.path for request in self.server.requests if request.method == "DELETE"]


@pytest.fixture
def microsoft(settings: Settings) -> Iterator[Reaching]:
    with serving() as server:
        settings.OUTGOING_ALLOWED_HOSTS = frozenset({server.host})
        yield Reaching(server, settings)


@pytest.fixture
def ada(client: Client, microsoft: Reaching) -> Client:
    client.force_login(microsoft.administrator.user, BACKEND)
    return client


def begun(microsoft: Reaching) -> Proof:
    user = microsoft.administrator.user
    return Proof.objects.create(organization=microsoft.organization, organizer_oid=user.oid, started_by=user)


def proved(microsoft: Reaching) -> dict[str, tuple[str, str]]:
    proof = begun(microsoft)
    proving.prove(proof.pk)
    proof.refresh_from_db()
    assert proof.finished_at
    return {entry["step"]: (entry["state"], entry["code"]) for entry in proof.steps}


def read(client: Client, **headers: str) -> str:
    page = client.get("/ready/proof/", headers=headers).content.decode()
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def test_where_all_is_well_every_step_is_done_and_everything_deleted(microsoft: Reaching) -> None:
    assert set(proved(microsoft).values()) == {("ok", "")}
    assert microsoft.deleted() == ["/beta/subscriptions/s1", microsoft.at_meeting]


def test_without_consent_nothing_else_is_tried(microsoft: Reaching) -> None:
    microsoft.consent(False)
    steps = proved(microsoft)
    assert steps["consent"] == ("failed", "admin-consent")
    assert {steps[name][0] for name in ("meeting", "options", "link", "subscription", "handshake")} == {"skipped"}
    assert microsoft.deleted() == []


def test_without_the_policy_the_page_says_who_runs_the_lines(microsoft: Reaching, ada: Client) -> None:
    microsoft.policy(False)
    assert proved(microsoft)["meeting"] == ("failed", "application-access-policy")
    page = read(ada)
    assert "up to 48 hours" in page
    assert "A Teams Administrator or a Global Administrator" in page


@pytest.mark.parametrize(
    ("step", "path"), [("options", ""), ("link", "/getVirtualAppointmentJoinWebUrl")], ids=["options", "link"]
)
def test_a_refused_step_stops_no_other_and_cleaning_up_follows(
    step: str, path: str, microsoft: Reaching, ada: Client
) -> None:
    microsoft.server.answer(microsoft.at_meeting + path, REFUSED, Reply(status=204))
    steps = proved(microsoft)
    assert steps.pop(step) == ("failed", "graph-refused")
    assert set(steps.values()) == {("ok", "")}
    assert microsoft.deleted() == ["/beta/subscriptions/s1", microsoft.at_meeting]
    assert "1 step failed" in read(ada)


def test_addresses_that_microsoft_cannot_reach_are_named(microsoft: Reaching, ada: Client, settings: Settings) -> None:
    microsoft.reaches = ()
    microsoft.server.answer("/beta/subscriptions", UNREACHED)
    steps = proved(microsoft)
    assert steps["subscription"] == steps["handshake"] == ("failed", "notification-url")
    assert microsoft.deleted() == [microsoft.at_meeting]
    assert f"{settings.NOTIFICATION_URL}/notifications/graph/" in read(ada)


@pytest.mark.parametrize("reached", [(), ("notificationUrl",)])
def test_a_handshake_that_was_not_seen_here_is_not_believed(reached: tuple[str, ...], microsoft: Reaching) -> None:
    microsoft.reaches = reached
    steps = proved(microsoft)
    assert steps["subscription"] == ("ok", "")
    assert steps["handshake"] == ("failed", "handshake-unseen")
    assert microsoft.deleted() == ["/beta/subscriptions/s1", microsoft.at_meeting]


def test_a_subscription_that_is_refused_leaves_no_handshake_to_see(microsoft: Reaching) -> None:
    microsoft.reaches = ()
    microsoft.server.answer("/beta/subscriptions", REFUSED)
    steps = proved(microsoft)
    assert (steps["subscription"], steps["handshake"]) == (("failed", "graph-refused"), ("skipped", ""))
    assert microsoft.deleted() == [microsoft.at_meeting]


def test_a_meeting_that_was_made_without_an_answer_is_deleted_too(microsoft: Reaching) -> None:
    made = Reply({"id": "m1", "joinWebUrl": "https://teams.example/meet/1"}, 200)
    microsoft.server.answer(f"/v1.0/users/{microsoft.oid}/onlineMeetings/createOrGet", Reply("down", 503), made)
    microsoft.server.answer(microsoft.at_meeting, Reply(status=204))
    assert proved(microsoft)["meeting"] == ("failed", "graph-unavailable")
    assert microsoft.deleted() == [microsoft.at_meeting]


def test_a_failure_of_cleaning_up_leaves_out_nothing_else(microsoft: Reaching) -> None:
    microsoft.server.answer("/beta/subscriptions/s1", Reply("down", 503))
    assert proved(microsoft)["cleaning"] == ("failed", "graph-unavailable")
    assert microsoft.at_meeting in microsoft.deleted()


def test_a_proof_is_run_once(microsoft: Reaching) -> None:
    proof = begun(microsoft)
    proving.prove(proof.pk)
    asked = len(microsoft.server.requests)
    proving.prove(proof.pk)
    assert len(microsoft.server.requests) == asked


def test_two_presses_start_one_proof_which_is_history(microsoft: Reaching, ada: Client) -> None:
    ada.post("/ready/proof/")
    ada.post("/ready/proof/")
    assert Proof.objects.count() == 1
    change = Change.objects.get(kind=Change.Kind.PROOF)
    assert change.actor_name == "Ada Lindqvist"


def test_a_running_proof_renews_itself_with_and_without_javascript(microsoft: Reaching, ada: Client) -> None:
    begun(microsoft)
    page = ada.get("/ready/proof/").content.decode()
    assert 'hx-trigger="every 2s"' in page
    assert '<noscript><meta http-equiv="refresh" content="3">' in page
    part = ada.get("/ready/proof/", headers={"HX-Request": "true"}).content.decode()
    assert part.lstrip().startswith('<div id="proof"')


def test_a_finished_proof_rests(microsoft: Reaching, ada: Client) -> None:
    proved(microsoft)
    page = ada.get("/ready/proof/").content.decode()
    assert "All of it works." in page
    assert "hx-get" not in page
    assert "http-equiv" not in page


def stalled(microsoft: Reaching) -> Proof:
    proof = begun(microsoft)
    proof.started_at = timezone.now() - timedelta(minutes=5)
    at = (timezone.now() - timedelta(minutes=3)).isoformat()
    proof.steps = [{"step": "meeting", "state": "running", "code": "", "seconds": 0, "at": at}]
    proof.save()
    return proof


def test_a_proof_whose_worker_died_says_so_and_can_be_started_again(microsoft: Reaching, ada: Client) -> None:
    dead = stalled(microsoft)
    assert "This proof has stopped" in read(ada)
    with transaction.atomic():
        newer = proving.start(microsoft.organization, Actor(microsoft.administrator.user, "Ada"))
    assert newer.pk != dead.pk


def test_the_next_proof_deletes_what_a_dead_worker_left(microsoft: Reaching) -> None:
    dead = stalled(microsoft)
    microsoft.server.answer(microsoft.at_meeting, Reply({}, 200), Reply(status=204))
    proved(microsoft)
    dead.refresh_from_db()
    assert dead.finished_at
    made = microsoft.server.asked(f"/v1.0/users/{microsoft.oid}/onlineMeetings/createOrGet")
    assert f"proof:{dead.pk}" in {json.loads(request.body)["externalId"] for request in made}
    assert microsoft.deleted().count(microsoft.at_meeting) == 2


@pytest.mark.parametrize("path", ["/notifications/graph/", "/notifications/graph/lifecycle/"])
def test_our_addresses_note_a_handshake_with_our_mark(path: str, client: Client) -> None:
    mark, kind = handshakes.new_mark(), "lifecycle" if "lifecycle" in path else "event"
    assert not handshakes.seen(mark, kind)
    answer = client.post(f"{path}?proof={mark}&validationToken=hello")
    assert answer.content == b"hello"
    assert handshakes.seen(mark, kind)


def test_a_mark_that_is_not_ours_is_noted_nowhere(client: Client) -> None:
    client.post("/notifications/graph/?proof=made-up&validationToken=hello")
    assert not handshakes.seen("made-up", "event")


def test_a_mark_without_a_handshake_is_noted_nowhere(client: Client) -> None:
    mark = handshakes.new_mark()
    client.post(f"/notifications/graph/?proof={mark}", data={}, content_type="application/json")
    assert not handshakes.seen(mark, "event")
