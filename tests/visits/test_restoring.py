"""After a restore from a backup: what Microsoft still knows is learned anew, and the EHR is told nothing that may be
over."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.urls import reverse
from pytest_django import Settings

from connector import trail
from connector.models import Entry
from sandbox.launcher.place import CHECKOUT
from tests.portal.deciding import browser_of
from tests.servers import Reply, serving
from tests.visits import factories
from tests.visits.test_ending.graph import Graph, opened, path_of, record
from tests.visits.test_presence.telling import begin_story, connected, page, roster, told
from visits import presence, reconcile, restoring
from visits.models import Participant, Subscription, Visit, Writeback

pytestmark = pytest.mark.django_db
LISTED = "/beta/subscriptions"
State = Writeback.State


@pytest.fixture
def visit() -> Visit:
    begin_story()
    made = opened(factories.visit())
    factories.approve(made.connection)
    return made


@pytest.fixture
def patient(visit: Visit) -> Participant:
    """In the call at the time of the backup, by all that the restored tables know; the EHR had been told so."""
    made = factories.participant(visit)
    page(made, "sent", 41)
    roster(visit, "a", "connected", 40)
    return made


@pytest.fixture
def clinician(visit: Visit) -> Participant:
    """He had come and gone again."""
    made = factories.participant(visit, "provider", external_id="c-1", linked=visit.organizer)
    connected(made, 50)
    connected(made, 45, kind="disconnected")
    return made


@pytest.fixture
def graph(visit: Visit, settings: Settings) -> Iterator[Graph]:
    with serving() as server:
        settings.OUTGOING_ALLOWED_HOSTS = frozenset({server.host})
        settings.ENTRA_AUTHORITY = settings.GRAPH_URL = server.url
        token = f"/{visit.connection.organization.tid}/oauth2/v2.0/token"
        server.answer(token, Reply({"access_token": "token", "expires_in": 3600}))
        server.answer(LISTED, Reply({"value": []}))
        yield Graph(server, path_of(visit))


def backed_up(visit: Visit) -> None:
    """The visit as the backup has it: folded, and all of it told."""
    presence.refold(visit.pk)
    Writeback.objects.update(state=State.DELIVERED, code="accepted")


def test_who_left_in_between_is_told_of_though_the_same_was_told_before(
    visit: Visit, patient: Participant, clinician: Participant, graph: Graph
) -> None:
    backed_up(visit)
    assert (told(patient), told(clinician)) == (["connected"], ["disconnected"])
    restoring.take_up_again()
    presence.refold(visit.pk)
    assert (told(patient), told(clinician)) == (["connected"], ["disconnected"]), "nothing was learned since"

    # Since the backup the clinician was there once more, and the EHR was told; both have left.
    assert visit.organizer
    mine = record((50, 45), (30, 20), oid=visit.organizer.oid, tid=visit.organizer.tid)
    graph.report(mine, record((40, 25)), start=50, end=20)
    reconcile.look()
    assert told(patient) == ["connected", "disconnected"]
    assert told(clinician) == ["disconnected", "disconnected"], "the chart may still show him as connected"


def test_what_was_on_its_way_at_the_restore_shows_nobody_who_may_have_left(
    visit: Visit, patient: Participant, graph: Graph
) -> None:
    backed_up(visit)
    restoring.take_up_again()
    roster(visit, "a", "lobby", 30)  # told late; that he left after it was told before the database was lost
    presence.refold(visit.pk)
    assert told(patient) == ["connected"]
    roster(visit, "a", "connected", -1)
    presence.refold(visit.pk)
    assert told(patient) == ["connected", "connected"], "what happened after it is believed"


def test_what_waited_to_be_told_is_not_sent_any_more(visit: Visit, patient: Participant, graph: Graph) -> None:
    presence.refold(visit.pk)
    assert list(patient.writebacks.values_list("state", flat=True)) == [State.WAITING]
    restoring.take_up_again()
    assert list(patient.writebacks.values_list("state", "code")) == [(State.SUPERSEDED, "restored")]


def test_subscriptions_that_nobody_knows_are_ended_and_those_that_are_gone_are_asked_for_again(
    visit: Visit, graph: Graph
) -> None:
    kept, lost = (
        factories.subscription(one, graph_id=name) for one, name in ((visit, "kept"), (_another(visit), "lost"))
    )
    unknown = "/beta/subscriptions/unknown"
    graph.server.answer(LISTED, Reply({"value": [{"id": "kept"}, {"id": "unknown"}]}))
    graph.server.answer(unknown, Reply(status=204))
    found = restoring.take_up_again()
    assert (found.ended, found.gone, found.unasked) == (1, 1, 0)
    assert [one.method for one in graph.server.requests if one.path == unknown] == ["DELETE"]
    kept.refresh_from_db()
    lost.refresh_from_db()
    assert (kept.graph_id, lost.graph_id) == ("kept", "")
    assert list(Visit.objects.filter(presence_live=False)) == [lost.visit]
    assert Subscription.objects.count() == 2


def _another(visit: Visit) -> Visit:
    other = factories.visit(visit.connection, session="4712")
    return opened(other)


def test_a_list_that_comes_in_pages_is_read_to_its_end(visit: Visit, graph: Graph) -> None:
    subscription = factories.subscription(visit, graph_id="on-page-two")
    following = f"{graph.server.url}/beta/subscriptions?$skiptoken=abc"
    pages = Reply({"value": [], "@odata.nextLink": following}), Reply({"value": [{"id": "on-page-two"}]})
    graph.server.answer(LISTED, *pages)
    assert restoring.take_up_again().gone == 0
    assert graph.server.requests[-1].query == {"$skiptoken": "abc"}
    subscription.refresh_from_db()
    assert subscription.graph_id == "on-page-two"


def test_where_microsoft_does_not_answer_the_operator_is_told_to_run_it_again(
    visit: Visit, graph: Graph, capsys: pytest.CaptureFixture[str]
) -> None:
    subscription = factories.subscription(visit, graph_id="kept")
    graph.server.answer(LISTED, Reply(status=503))
    call_command("after_restore")
    said = capsys.readouterr()
    assert "1 visits are looked at again" in said.out
    assert "Run this again" in said.err
    subscription.refresh_from_db()
    assert subscription.graph_id == "kept", "what could not be asked is not taken for gone"


def test_nothing_is_remembered_of_the_rows_before_and_the_trail_says_why(visit: Visit, graph: Graph) -> None:
    cache.set("something", "of other rows")
    restoring.take_up_again()
    assert cache.get("something") is None
    assert list(Entry.objects.values_list("event", flat=True)) == ["restored"]


def test_who_was_signed_in_to_the_portal_signs_in_anew(visit: Visit, graph: Graph) -> None:
    ada = browser_of(factories.administrator(visit.connection.organization))
    assert ada.get(reverse("configure")).status_code == 200
    restoring.take_up_again()
    assert ada.get(reverse("configure"))["Location"].startswith(reverse("signin"))


def test_what_has_to_be_taken_away_again_is_said_with_the_time_from_which_on(
    visit: Visit, graph: Graph, capsys: pytest.CaptureFixture[str]
) -> None:
    trail.record(visit.connection.organization, "linked")
    Entry.objects.update(recorded_at=datetime(2026, 11, 3, 14, 5, tzinfo=UTC))
    for _ in range(2):  # its own line in the trail is none of the backup's
        call_command("after_restore")
        _, found, to_do = capsys.readouterr().out.partition("The newest entry of the trail is of: 2026-11-03 14:05 UTC")
        assert found
        for what in ("--at-once", "suspended serve again", "erase them on the page People", "end it again", "receipt"):
            assert what in to_do


def test_a_backup_without_a_trail_says_so(graph: Graph, capsys: pytest.CaptureFixture[str]) -> None:
    Entry.objects.all().delete()
    call_command("after_restore")
    assert "is of: nothing" in capsys.readouterr().out


def test_each_line_of_the_log_that_the_page_tells_to_look_for_is_written_by_somebody() -> None:
    page = (CHECKOUT / "docs/backup.md").read_text()
    named = re.findall(r"The log: `([^`]+)`", page)
    sources = [path.read_text() for app in ("portal", "visits") for path in (CHECKOUT / app).rglob("*.py")]
    assert len(named) == 3
    assert [line for line in named if not any(f'"{line}"' in source for source in sources)] == []
