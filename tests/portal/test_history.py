"""The history: one list of what was submitted, decided and changed, who sees which of it, and its export."""

import csv
import io
import json
from datetime import timedelta
from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from hypothesis import example, given
from hypothesis import strategies as st

from connector.models import Administrator, Change, Connection, Organization, User
from portal import history, services
from portal.actors import Actor
from portal.history.export import FORMATS, as_csv
from portal.history.lines import KINDS, Line, Scope, line_of, lines
from tests.portal.deciding import Directory, browser_of, connection_with_proposal
from tests.portal.steps import words
from tests.visits import factories
from tests.visits.factories import administrator

pytestmark = pytest.mark.django_db(transaction=True)
Kind = Change.Kind
EMPTY, WIDE = "\N{EN DASH}", "\N{FULLWIDTH EQUALS SIGN}"


@pytest.fixture
def connection() -> Connection:
    """A connection with a submission, a suspension and a change of its label, in this order."""
    made = factories.connection()
    ada = Actor(administrator(made.organization), "Ada Lindqvist", "192.0.2.7")
    services.suspend(connection=made, actor=ada, reason="The EHR is being upgraded.")
    history.record(made.organization, Kind.DETAILS, actor=ada, connection=made, label=["Heart", "Cardiology"])
    return made


def approver_of(connection: Connection) -> User:
    assert connection.live
    return User.objects.create(tid=connection.organization.tid, oid=connection.live.approver_oid)


def administrator_of(organization: Organization) -> User:
    return organization.administrators.get().user


def rows(client: Client, address: str) -> list[list[str]]:
    shown = BeautifulSoup(client.get(address).content, "html.parser")
    return [[words(cell) for cell in row.find_all("td")] for row in shown.select("table.data tbody tr")]


def kinds(of: Organization, kind: str = "") -> list[str]:
    return [line_of(row).kind for row in lines(Scope(of), kind)]


def test_submissions_decisions_and_changes_are_one_list_newest_first(connection: Connection) -> None:
    assert kinds(connection.organization) == ["details", "suspend", "submit"]


def test_a_line_says_who_when_what_from_where_and_why(connection: Connection) -> None:
    ada = browser_of(administrator_of(connection.organization))
    changed, suspended, submitted = rows(ada, reverse("history_one", args=[connection.ref]))
    assert suspended[1:] == ["Suspended, revision 1", "Ada Lindqvist", "192.0.2.7", "The EHR is being upgraded."]
    assert changed[1:] == ["Details changed", "Ada Lindqvist", "192.0.2.7", "Label: Heart → Cardiology"]
    assert submitted[1:] == ["Submitted, revision 1", "Ada Lindqvist", EMPTY, "Approver: Ben Okafor"]
    assert suspended[0].startswith(f"{timezone.now():%B}"[:3])


def test_what_nobody_did_was_done_by_the_connector(connection: Connection) -> None:
    history.record(connection.organization, Kind.KEY_ROTATED)
    ada = browser_of(administrator_of(connection.organization))
    assert rows(ada, reverse("history"))[0][1:] == [
        "Signing key rotated",
        "The connector itself",
        EMPTY,
        "The whole organization",
        EMPTY,
    ]


@pytest.mark.parametrize(
    ("detail", "said"),
    [
        ({"begins": "2030-07-02T03:00:00+00:00"}, "From: July 2, 2030, 03:00 UTC"),
        ({"line": "policy"}, "Line of “Getting ready”: Application access policy"),
        ({"by": "somebody-else"}, "By: somebody who is not signed in here"),
        ({"environment": "production"}, "Environment: Production"),
        ({"label": ["<b>", ""]}, "Label: <b> → nothing"),
    ],
    ids=str,
)
def test_codes_and_times_of_the_record_are_said_in_words(
    detail: dict[str, Any], said: str, connection: Connection
) -> None:
    history.record(connection.organization, Change.Kind.DOWNTIME, connection=connection, **detail)
    page = browser_of(administrator(connection.organization)).get(reverse("history")).content
    [row] = BeautifulSoup(page, "html.parser").select("tbody tr")[:1]
    assert words(row.find_all("td")[-1]) == said


def test_an_administrator_sees_the_whole_organization_and_nothing_of_another(connection: Connection) -> None:
    other = factories.connection(connection.organization)
    factories.connection()
    history.record(connection.organization, Kind.CONSENT)
    shown = rows(browser_of(administrator_of(connection.organization)), reverse("history"))
    assert len(shown) == 5
    assert sum(other.host in row[4] for row in shown) == 1


def test_an_approver_sees_his_connections_alone(connection: Connection) -> None:
    factories.connection(connection.organization)
    history.record(connection.organization, Kind.CONSENT)
    shown = rows(browser_of(approver_of(connection)), reverse("history"))
    assert [row[1] for row in shown] == ["Details changed", "Suspended, revision 1", "Submitted, revision 1"]


@pytest.mark.parametrize("act", ["get", "post"])
def test_a_strangers_history_is_not_there(act: str, connection: Connection) -> None:
    stranger = browser_of(administrator(factories.organization()))
    name = "history_one" if act == "get" else "history_one_export"
    assert getattr(stranger, act)(reverse(name, args=[connection.ref]), {"format": "csv"}).status_code == 404
    nobody = browser_of(factories.user(connection.organization.tid))
    assert nobody.get(reverse("history")).status_code == 404


@pytest.mark.parametrize("kind", list(KINDS))
def test_each_kind_can_be_listed_alone(kind: str, connection: Connection) -> None:
    listed = kinds(connection.organization, kind)
    assert listed == [one for one in ("details", "suspend", "submit") if one == kind]


def test_a_kind_that_nobody_knows_lists_everything(connection: Connection) -> None:
    ada = browser_of(administrator_of(connection.organization))
    assert len(rows(ada, reverse("history") + "?kind=%00' OR 1")) == 3


def test_a_long_history_comes_in_pages_that_keep_the_filter(connection: Connection) -> None:
    now = timezone.now()
    many = [
        Change(organization=connection.organization, kind=Kind.CONSENT, at=now - timedelta(days=n)) for n in range(120)
    ]
    Change.objects.bulk_create(many)
    ada = browser_of(administrator_of(connection.organization))
    shown = BeautifulSoup(ada.get(reverse("history") + "?kind=consent&page=2").content, "html.parser")
    assert len(shown.select("table.data tbody tr")) == 50
    assert "Page 2 of 3" in words(shown.main)
    assert {str(link["href"]) for link in shown.select("nav.actions a")} == {
        "?kind=consent&page=1",
        "?kind=consent&page=3",
    }


def test_a_long_history_asks_the_database_no_more_than_a_short_one(connection: Connection) -> None:
    ada, asked = browser_of(administrator_of(connection.organization)), []
    for _ in range(2):
        with CaptureQueriesContext(database) as captured:
            ada.get(reverse("history"))
        asked.append(len(captured))
        for number in range(30):
            history.record(connection.organization, Kind.EXPORTED, connection=connection, count=number)
    assert asked[0] == asked[1]


def test_the_connections_page_shows_the_newest_five_and_leads_to_all(connection: Connection) -> None:
    for number in range(5):
        history.record(connection.organization, Kind.SENT_AGAIN, connection=connection, count=number)
    ada = browser_of(administrator_of(connection.organization))
    shown = BeautifulSoup(ada.get(reverse("connection", args=[connection.ref])).content, "html.parser")
    listed = [words(row.td) for row in shown.select("table.data tbody tr")]
    assert listed == ["Writebacks sent again"] * 5
    assert shown.find("a", href=reverse("history_one", args=[connection.ref]))


def exported(client: Client, address: str, **sent: str) -> tuple[int, str]:
    answer = client.post(address, sent)
    return answer.status_code, b"".join(answer).decode()


def test_the_export_as_json_lines_holds_every_line_and_its_own(connection: Connection, directory: Directory) -> None:
    ada = directory.knows(administrator_of(connection.organization))
    status, text = exported(browser_of(ada), reverse("history_export"), format="jsonl")
    found = [json.loads(line) for line in text.splitlines()]
    assert (status, [one["kind"] for one in found]) == (200, ["exported", "details", "suspend", "submit"])
    assert found[2]["reason"] == "The EHR is being upgraded."
    assert found[1]["detail"] == {"label": ["Heart", "Cardiology"]}
    assert (found[2]["address"], found[2]["connection"]) == ("192.0.2.7", connection.base_url)
    assert Change.objects.get(kind=Kind.EXPORTED).detail == {"format": "jsonl"}


def test_the_export_as_csv_is_of_the_filter_and_names_the_exporter(
    connection: Connection, directory: Directory
) -> None:
    ben = directory.knows(approver_of(connection))
    status, text = exported(browser_of(ben), reverse("history_export"), format="csv", kind="suspend")
    head, row = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    assert (status, head[:3], row[1:4]) == (200, ["at", "kind", "who"], ["suspend", "Ada Lindqvist", "192.0.2.7"])
    kept = Change.objects.get(kind=Kind.EXPORTED)
    assert (kept.actor, kept.actor_name, kept.detail) == (ben, "Ben Okafor", {"format": "csv", "shown": "suspend"})


def test_the_export_of_one_connection_stands_on_its_history(connection: Connection, directory: Directory) -> None:
    ada = directory.knows(administrator_of(connection.organization))
    factories.connection(connection.organization)
    address = reverse("history_one_export", args=[connection.ref])
    _status, text = exported(browser_of(ada), address, format="jsonl")
    assert {json.loads(line)["connection"] for line in text.splitlines()} == {connection.base_url}
    assert Change.objects.get(kind=Kind.EXPORTED).connection == connection


def test_a_format_that_nobody_writes_is_not_there(connection: Connection) -> None:
    ada = browser_of(administrator_of(connection.organization))
    assert ada.post(reverse("history_export"), {"format": "xlsx"}).status_code == 404
    assert ada.get(reverse("history_export")).status_code == 405


@pytest.mark.parametrize("known", ["disabled", "silent", "gone"])
def test_nothing_is_exported_for_whom_the_directory_does_not_confirm(
    known: str, connection: Connection, directory: Directory
) -> None:
    ada = administrator_of(connection.organization)
    if known != "gone":
        directory.knows(ada, enabled=False)
    if known == "silent":
        directory.is_silent_about(ada)
    answer = browser_of(ada).post(reverse("history_export"), {"format": "csv"}, follow=True)
    assert "so nothing was changed" in words(BeautifulSoup(answer.content, "html.parser").main)
    assert not Change.objects.filter(kind=Kind.EXPORTED).exists()


def test_who_lost_the_administrators_role_exports_nothing(connection: Connection, directory: Directory) -> None:
    ada = directory.knows(administrator_of(connection.organization))
    Administrator.objects.filter(user=ada).update(proof=Administrator.Proof.DIRECTORY_READ)
    directory.says_of_roles(ada)
    answer = browser_of(ada).post(reverse("history_export"), {"format": "csv"})
    assert answer.status_code == 302
    assert not Administrator.objects.filter(user=ada).exists()
    assert not Change.objects.filter(kind=Kind.EXPORTED).exists()


def line(**kept: object) -> Line:
    usual = {"at": timezone.now(), "kind": "suspend", "who": "", "address": None, "connection": "", "environment": ""}
    return Line(**usual | {"ref": "", "number": 1, "reason": "", "detail": {}, "by_itself": False} | kept)  # type: ignore[arg-type]


def cells(text: str) -> list[str]:
    (row,) = csv.reader(io.StringIO(text, newline=""))
    return row


@pytest.mark.parametrize("typed", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1", f"{WIDE}1"])
def test_what_a_spreadsheet_would_calculate_is_text(typed: str) -> None:
    # What a tab or a line end takes apart begins with an apostrophe of its own.
    assert cells(as_csv(line(reason=typed)))[7] == f"'{typed}".replace("\t=", "\t'=").replace("\r=", "\r'=")


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=60))
@example(";=")
def test_a_row_is_read_back_as_it_was_typed_but_for_apostrophes(typed: str) -> None:
    text = as_csv(line(reason=typed, who=typed))
    row = cells(text)
    assert text.endswith("\r\n")
    assert len(row) == 9
    assert row[7].replace("'", "") == typed.replace("'", "")


def test_a_file_begins_with_what_its_format_asks_for() -> None:
    assert FORMATS["csv"].beginning == "\ufeffat,kind,who,address,connection,environment,revision,reason,detail\r\n"
    assert FORMATS["jsonl"].beginning == ""


def test_the_proposal_and_its_approver_are_in_the_history() -> None:
    connection, _ = connection_with_proposal()
    listed = [line_of(row) for row in lines(Scope(connection.organization))]
    assert [(one.number, one.detail) for one in listed] == [
        (2, {"approver": "Ben Okafor"}),
        (1, {"approver": "Ben Okafor"}),
    ]
