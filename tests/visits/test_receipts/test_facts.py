"""What a notification that can be trusted becomes: facts, who of them is a member, the ends of subscriptions."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from connector.models import Entry
from tests.publisher import Publisher
from tests.servers import Reply, Server
from tests.visits import factories
from tests.visits.test_receipts.notified import (
    AT,
    State,
    due,
    ends,
    entry,
    kept,
    roster,
    seconds_until_due,
    tid_of,
    understood,
)
from visits import facts, presence, receipts
from visits.models import Fact, Participant, Receipt, Subscription, Visit

pytestmark = pytest.mark.django_db
NO_CONSENT = {"error": {"code": "Authorization_RequestDenied", "message": "Insufficient privileges."}}


def test_somebody_in_the_roster_becomes_a_fact(subscription: Subscription, publisher: Publisher, visit: Visit) -> None:
    someone = entry("teamsvisitor:1f", member="guest", isInLobby=True)
    assert ends(kept(subscription, publisher, roster(someone))) == (State.UNDERSTOOD, "")
    fact = Fact.objects.get()
    assert (fact.visit, fact.generation, fact.kind, fact.oid) == (visit, visit.generation, Fact.Kind.LOBBY, "")
    assert (fact.source, fact.at) == (f"subscription:{subscription.pk}", datetime(2026, 8, 1, 10, tzinfo=UTC))


def test_neither_names_nor_roster_ids_are_kept(subscription: Subscription, publisher: Publisher) -> None:
    someone = entry("teamsvisitor:1f")
    understood(kept(subscription, publisher, roster(someone)))
    row = str(Fact.objects.values().get())
    assert someone["id"] not in row
    assert "teamsvisitor" not in row
    assert "Pia" not in row


def test_what_is_understood_is_forgotten_with_its_tokens(subscription: Subscription, publisher: Publisher) -> None:
    receipt = understood(kept(subscription, publisher, roster(entry())))
    assert (receipt.item, receipt.validation_tokens) == ({}, [])


def test_the_same_person_has_the_same_key_in_one_visit_and_another_in_the_next(
    subscription: Subscription, publisher: Publisher, visit: Visit
) -> None:
    someone = entry("teamsvisitor:1f")
    understood(kept(subscription, publisher, roster(someone)))
    understood(kept(subscription, publisher, roster(someone, eventDateTime="2026-08-01T10:01:00Z")))
    next_visit = factories.visit(visit.connection, session="another conference")
    understood(kept(factories.subscription(next_visit), publisher, roster(someone)))
    first, again, elsewhere = (fact.participant_key for fact in Fact.objects.order_by("pk"))
    assert first == again != elsewhere


def test_the_call_itself_becomes_facts(subscription: Subscription, publisher: Publisher) -> None:
    for name in ("callStarted", "callEnded"):
        understood(kept(subscription, publisher, {"eventType": name, "eventDateTime": AT}))
    facts = Fact.objects.order_by("pk").values_list("kind", "participant_key")
    assert list(facts) == [(Fact.Kind.CALL_STARTED, "call"), (Fact.Kind.CALL_ENDED, "call")]


def test_a_batch_of_two_organizations_is_understood_for_each(subscription: Subscription, publisher: Publisher) -> None:
    other = factories.subscription(factories.visit(), key_kid=subscription.key_kid)
    tokens = [publisher.token(tid_of(one)) for one in (subscription, other)]
    for one in (subscription, other):
        assert ends(kept(one, publisher, roster(entry()), tokens=tokens)) == (State.UNDERSTOOD, "")
    assert set(Fact.objects.values_list("visit", flat=True)) == {subscription.visit_id, other.visit_id}
    # One that does not fit discredits them all.
    bad = [*tokens, publisher.token(tid_of(other), aud="x")]
    assert ends(kept(subscription, publisher, roster(entry()), tokens=bad))[0] == State.REFUSED


def test_of_a_burst_the_last_one_folds_for_all_even_if_it_is_refused(
    subscription: Subscription, publisher: Publisher, visit: Visit
) -> None:
    people = [entry("teamsvisitor:1f") for _ in range(3)]
    burst = [kept(subscription, publisher, roster(one)) for one in people]
    forged = kept(subscription, publisher, roster(entry()), tokens=["not a token"])
    for receipt in burst:
        understood(receipt)
    lines = Entry.objects.filter(visit=visit.pk, event="outsider-connected")
    assert (Fact.objects.count(), lines.count()) == (3, 0)
    assert ends(forged)[0] == State.REFUSED
    assert lines.count() == 3


def test_a_burst_for_one_meeting_is_all_understood_and_folded_a_few_times(
    subscription: Subscription, publisher: Publisher, visit: Visit
) -> None:
    first = kept(subscription, publisher, roster(*(entry("teamsvisitor:1f") for _ in range(50))))
    once = [(subscription, kept(subscription, publisher, roster(entry("teamsvisitor:1f"))).item) for _ in range(9)]
    receipts.keep([*once, (subscription, first.item)] * 9, first.validation_tokens)
    burst = list(Receipt.objects.order_by("pk"))
    assert len(burst) == 100
    with CaptureQueriesContext(connection) as asked:
        for receipt in burst:
            receipts.understand(receipt.pk)
    folds = [one for one in asked if "visits_visit" in one["sql"] and "FOR NO KEY UPDATE" in one["sql"]]
    assert 1 <= len(folds) <= 100 / receipts.FOLDED_TOGETHER + 1
    assert set(Receipt.objects.values_list("state", flat=True)) == {State.UNDERSTOOD}
    assert Fact.objects.count() == Entry.objects.filter(visit=visit.pk, event="outsider-connected").count() == 59


def test_one_that_waits_for_its_time_keeps_nobody_from_folding(
    subscription: Subscription, publisher: Publisher, visit: Visit
) -> None:
    later = kept(subscription, publisher, roster(entry()))
    Receipt.objects.filter(pk=later.pk).update(next_at=timezone.now() + timedelta(hours=1))
    understood(kept(subscription, publisher, roster(entry("teamsvisitor:1f"))))
    assert Entry.objects.filter(visit=visit.pk, event="outsider-connected").count() == 1


def test_a_replayed_notification_makes_no_second_fact(subscription: Subscription, publisher: Publisher) -> None:
    document = roster(entry(), entry())
    for _ in range(3):
        assert ends(kept(subscription, publisher, document)) == (State.UNDERSTOOD, "")
    assert Fact.objects.count() == 2


def test_the_same_again_at_another_time_is_another_fact(subscription: Subscription, publisher: Publisher) -> None:
    document = roster(entry())
    understood(kept(subscription, publisher, document))
    understood(kept(subscription, publisher, document | {"eventDateTime": "2026-08-01T10:05:00Z"}))
    assert Fact.objects.count() == 2


def test_a_late_notification_belongs_to_the_meeting_it_was_about(
    subscription: Subscription, publisher: Publisher, visit: Visit
) -> None:
    Visit.objects.filter(pk=visit.pk).update(generation=2)
    understood(kept(subscription, publisher, roster(entry())))
    assert Fact.objects.get().generation == 1


@pytest.mark.parametrize("document", [{"eventType": "somethingNew", "eventDateTime": AT}, {}, roster()])
def test_what_tells_nothing_is_understood_and_says_so(
    subscription: Subscription, publisher: Publisher, document: dict[str, Any]
) -> None:
    assert ends(kept(subscription, publisher, document)) == (State.UNDERSTOOD, "no-event")
    assert not Fact.objects.exists()


def oid_of(subscription: Subscription, publisher: Publisher, someone: dict[str, Any]) -> str:
    understood(kept(subscription, publisher, roster(someone)))
    return Fact.objects.get().oid


def test_a_member_of_the_organization_is_known_by_object_id(subscription: Subscription, publisher: Publisher) -> None:
    oid = uuid.uuid4()
    someone = entry(str(oid).upper(), tid_of(subscription).upper())
    assert oid_of(subscription, publisher, someone) == str(oid)


def test_a_clinician_of_the_visit_is_known_without_a_tenant(
    subscription: Subscription, publisher: Publisher, visit: Visit
) -> None:
    clinician = factories.participant(visit, Participant.Role.PROVIDER)
    assert clinician.user is not None
    assert oid_of(subscription, publisher, entry(clinician.user.oid)) == str(clinician.user.oid)


@pytest.mark.parametrize("who", ["unknown", "patient", "other visit", "other tenant", "guest", "teamsvisitor", "none"])
def test_everybody_else_is_an_outsider(
    subscription: Subscription, publisher: Publisher, visit: Visit, who: str
) -> None:
    colleague = factories.user(visit.connection.organization.tid)
    factories.participant(visit, Participant.Role.PATIENT, linked=colleague)
    elsewhere = factories.participant(factories.visit(visit.connection, session="x"), Participant.Role.PROVIDER)
    assert elsewhere.user is not None
    people = {
        "unknown": entry(uuid.uuid4()),
        "patient": entry(colleague.oid),
        "other visit": entry(elsewhere.user.oid),
        "other tenant": entry(uuid.uuid4(), uuid.uuid4()),
        "guest": entry(colleague.oid, tid_of(subscription), "guest"),
        "teamsvisitor": entry("teamsvisitor:1f", tid_of(subscription)),
        "none": {"id": "p-1"},
    }
    assert oid_of(subscription, publisher, people[who]) == ""


@pytest.mark.parametrize(
    ("oid", "tid", "foreign"),
    [
        (str(uuid.uuid4()), str(uuid.uuid4()), True),
        ("teamsvisitor:1f", str(uuid.uuid4()), False),
        # Patients come as teamsvisitor: or ACS users, never as an account. Whose account this is nobody says, so it is
        # taken for nobody's of ours: as the lone outsider it would be told to the chart as the patient.
        (str(uuid.uuid4()), "", True),
        ("", "", False),
    ],
    ids=["work account elsewhere", "anonymous with a tenant", "no tenant", "nothing"],
)
def test_an_account_of_another_or_an_unknown_organization_is_told_from_an_anonymous_person(
    subscription: Subscription, publisher: Publisher, oid: str, tid: str, foreign: bool
) -> None:
    understood(kept(subscription, publisher, roster(entry(oid, tid))))
    assert Fact.objects.get().foreign is foreign


@pytest.mark.parametrize(
    ("who", "told"), [(str(uuid.uuid4()), "sent"), ("teamsvisitor:1f", "lobby")], ids=["account", "visitor"]
)
def test_a_lone_account_without_a_tenant_is_never_the_patient_who_was_sent(
    subscription: Subscription, publisher: Publisher, visit: Visit, who: str, told: str
) -> None:
    patient = factories.participant(visit)
    facts.record(
        visit,
        kind=Fact.Kind.SENT,
        participant_key=str(patient.id),
        at=datetime(2026, 8, 1, 9, 59, tzinfo=UTC),
        source=facts.PAGE,
        event_id="sent",
    )
    understood(kept(subscription, publisher, roster(entry(who, "", isInLobby=True))))
    assert presence.state_of(visit).people[str(patient.id)].presence == told


def lifecycle(subscription: Subscription, event: str) -> Receipt:
    return receipts.keep([(subscription, {"tenantId": tid_of(subscription), "lifecycleEvent": event})], [])[0]


@pytest.fixture
def graph(subscription: Subscription, entra: Server, settings: Settings) -> Server:
    """A Graph that gives tokens and takes every answer to its question about this subscription."""
    settings.GRAPH_URL = entra.url
    entra.answer(f"/{tid_of(subscription)}/oauth2/v2.0/token", Reply({"access_token": "t", "expires_in": 3600}))
    entra.answer(reauthorize(subscription), Reply(status=204))
    return entra


def reauthorize(subscription: Subscription) -> str:
    return f"/beta/subscriptions/{subscription.graph_id}/reauthorize"


@pytest.mark.parametrize("event", ["reauthorizationRequired", "missed"])
def test_a_lifecycle_event_is_understood_as_such(
    subscription: Subscription, visit: Visit, event: str, graph: Server
) -> None:
    assert ends(lifecycle(subscription, event)) == (State.UNDERSTOOD, f"lifecycle-{event}")
    visit.refresh_from_db()
    assert visit.presence_live


def test_a_lifecycle_event_that_is_new_is_understood_as_unknown(subscription: Subscription) -> None:
    assert ends(lifecycle(subscription, "x" * 200)) == (State.UNDERSTOOD, "lifecycle-unknown")


def test_graph_is_told_that_we_may_still_have_the_subscription(subscription: Subscription, graph: Server) -> None:
    graph.answer(reauthorize(subscription), Reply(status=503), Reply(status=204))
    receipt = lifecycle(subscription, "reauthorizationRequired")
    assert ends(receipt) == (State.NEW, "graph-unavailable")
    assert ends(due(receipt)) == (State.UNDERSTOOD, "lifecycle-reauthorizationRequired")
    assert [request.method for request in graph.asked(reauthorize(subscription))] == ["POST", "POST"]


def test_consent_that_was_withdrawn_may_be_given_back_before_the_subscription_ends(
    subscription: Subscription, graph: Server
) -> None:
    graph.answer(reauthorize(subscription), Reply(NO_CONSENT, 403), Reply(status=204))
    receipt = lifecycle(subscription, "reauthorizationRequired")
    assert ends(receipt) == (State.NEW, "graph-permission")
    assert ends(due(receipt)) == (State.UNDERSTOOD, "lifecycle-reauthorizationRequired")


def test_graphs_own_patience_is_kept(subscription: Subscription, graph: Server) -> None:
    graph.answer(reauthorize(subscription), Reply(status=429, headers={"Retry-After": "120"}))
    receipt = understood(lifecycle(subscription, "reauthorizationRequired"))
    assert 118 < seconds_until_due(receipt) <= 120


def test_a_subscription_that_was_authorized_before_is_authorized(subscription: Subscription, graph: Server) -> None:
    graph.answer(reauthorize(subscription), Reply(status=409))
    receipt = lifecycle(subscription, "reauthorizationRequired")
    assert ends(receipt) == (State.UNDERSTOOD, "lifecycle-reauthorizationRequired")


@pytest.mark.parametrize("event", ["missed", "subscriptionRemoved"])
def test_after_something_was_missed_the_reports_are_read_at_once(
    subscription: Subscription, visit: Visit, event: str
) -> None:
    Visit.objects.update(look_at=timezone.now() + timedelta(hours=1))
    understood(lifecycle(subscription, event))
    visit.refresh_from_db()
    assert visit.look_at is not None
    assert visit.look_at <= timezone.now()


def test_a_removed_subscription_ends_live_presence(subscription: Subscription, visit: Visit) -> None:
    assert ends(lifecycle(subscription, "subscriptionRemoved")) == (State.UNDERSTOOD, "lifecycle-subscriptionRemoved")
    visit.refresh_from_db()
    assert not visit.presence_live


@pytest.mark.parametrize(
    ("table", "times"), [("visits_visit", 1), ("visits_visit", 2), ("visits_subscription", 1)], ids=str
)
def test_a_process_that_dies_at_a_removed_subscription_leaves_nothing_half_done(
    subscription: Subscription, visit: Visit, table: str, times: int
) -> None:
    Visit.objects.update(look_at=timezone.now() + timedelta(hours=1))
    graph_id = subscription.graph_id
    with connection.execute_wrapper(DiesAt(f'UPDATE "{table}"', times)), pytest.raises(SystemExit):
        receipts.lose(subscription)
    visit.refresh_from_db()
    subscription.refresh_from_db()
    assert (visit.presence_live, subscription.graph_id) == (True, graph_id)
    receipts.lose(subscription)
    visit.refresh_from_db()
    subscription.refresh_from_db()
    assert (visit.presence_live, subscription.graph_id) == (False, "")


class DiesAt:
    """The process ends at a statement that begins like this, the first time or a later one."""

    def __init__(self, begins: str, times: int) -> None:
        self.begins, self.left = begins, times

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith(self.begins):
            self.left -= 1
            if self.left == 0:
                raise SystemExit
        return execute(sql, params, many, context)


def test_a_removed_subscription_of_an_earlier_meeting_leaves_live_presence(
    subscription: Subscription, visit: Visit
) -> None:
    Visit.objects.filter(pk=visit.pk).update(generation=2)
    understood(lifecycle(subscription, "subscriptionRemoved"))
    visit.refresh_from_db()
    assert visit.presence_live
