"""The pages of the reports: who reads them, what they list and count, in whose days, and the file."""

import csv
import io
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from bs4 import BeautifulSoup
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connector.models import Change, Connection, Organization, Reader, User
from portal.reports import export
from tests.portal.deciding import Directory, browser_of
from tests.portal.steps import words
from tests.visits import factories
from tests.visits.factories import administrator, organization
from visits.models import Report

pytestmark = pytest.mark.django_db(transaction=True)
PAGES = ("reports", "reports_charts", "reports_month")


@pytest.fixture
def connection() -> Connection:
    made = factories.connection()
    made.label = "Cardiology"
    made.save()
    made.refresh_from_db()
    return made


@pytest.fixture
def ada(connection: Connection, directory: Directory) -> Client:
    return browser_of(directory.knows(administrator(connection.organization)))


def row(of: Connection, at: datetime | None = None, *, outcome: str = "held", **kept: object) -> Report:
    """A row of the reports; of a visit that took place unless another outcome is named."""
    at = at or timezone.now() - timedelta(hours=1)
    held = outcome == "held"
    given = {"visit": uuid.uuid4(), "generation": 1, "attendants": 2 if held else 1, "duration": 1200 if held else 0}
    given |= {"met_at": at if held else None, "left_at": at + timedelta(minutes=20) if held else None}
    given |= {"organization": of.organization, "connection": of, "at": at, "began_at": at, "outcome": outcome}
    return Report.objects.create(**given | kept)


def reader(of: Organization, name: str = "Nora Lind") -> User:
    """Somebody who is named as a reader and has signed in."""
    user = factories.user(of.tid)
    Reader.objects.create(organization=of, oid=user.oid, name=name, upn="nora.lind@riverside.example")
    return user


def shown(client: Client, page: str = "reports", **query: str) -> BeautifulSoup:
    answer = client.get(reverse(page), query)
    assert answer.status_code == 200
    return BeautifulSoup(answer.content, "html.parser")


def cells(soup: BeautifulSoup, table: str = "table.visits") -> list[list[str]]:
    return [[words(cell) for cell in one.find_all(["th", "td"])] for one in soup.select(f"{table} tbody tr")]


def figures(soup: BeautifulSoup, title: str) -> dict[str, list[int]]:
    """The rows of the table under a heading that are not all zero."""
    table = next(one for one in soup.select("table.figures") if words(one.caption) == title)
    found = {
        line[0]: [int(one) for one in line[1:]] for line in cells(BeautifulSoup(str(table), "html.parser"), "table")
    }
    return {name: numbers for name, numbers in found.items() if any(numbers)}


# ----------------------------------------------------------------------------------------------------- who reads them
@pytest.mark.parametrize("page", PAGES)
def test_administrators_and_readers_read_and_nobody_else_does(connection: Connection, ada: Client, page: str) -> None:
    nora = browser_of(reader(connection.organization))
    colleague = browser_of(factories.user(connection.organization.tid))
    other = browser_of(administrator(factories.organization()))
    row(connection)
    for client, status in ((ada, 200), (nora, 200), (colleague, 404), (other, 200)):
        assert client.get(reverse(page)).status_code == status
    assert "Cardiology" not in str(shown(other))


def test_an_object_id_of_another_tenant_is_no_reader(connection: Connection) -> None:
    named = reader(connection.organization)
    namesake = User.objects.create(tid=uuid.uuid4(), oid=named.oid)
    assert browser_of(namesake).get(reverse("reports")).status_code == 404


def test_a_reader_lands_on_the_reports_and_reaches_nothing_else(connection: Connection) -> None:
    nora = browser_of(reader(connection.organization))
    home = nora.get(reverse("portal"))
    assert (home.status_code, home.headers["Location"]) == (302, reverse("reports"))
    rail = shown(nora).select_one("nav.steps")
    assert rail
    assert [words(link) for link in rail.find_all("a")] == ["Reports"]
    for name in ("history", "keys", "reports_readers"):
        assert nora.get(reverse(name)).status_code == 404
    for name in ("configure", "approve", "records", "status", "ready"):
        assert connection.ref not in nora.get(reverse(name)).content.decode()
    for name in ("connection", "status_one", "history_one", "record"):
        assert nora.get(reverse(name, args=[connection.ref])).status_code == 404


@pytest.mark.parametrize("name", ["reports_reader_name", "reports_allowance"])
def test_a_reader_names_nobody_and_sets_nothing(connection: Connection, name: str) -> None:
    nora = browser_of(reader(connection.organization))
    assert nora.post(reverse(name), {"reader": "somebody@riverside.example", "allowance": "1"}).status_code == 404


def test_a_reader_of_another_organization_is_not_removed(connection: Connection, ada: Client) -> None:
    theirs = factories.organization()
    reader(theirs)
    address = reverse("reports_reader_remove", args=[theirs.readers.get().pk])
    assert ada.post(address).status_code == 404
    assert theirs.readers.exists()


def test_a_reader_is_named_and_removed_with_a_line_in_the_history(connection: Connection, directory: Directory) -> None:
    user = administrator(connection.organization)
    ada, nora = browser_of(directory.knows(user)), factories.user(connection.organization.tid)
    directory.knows(nora)
    account = {"id": str(nora.oid), "displayName": "Nora Lind", "accountEnabled": True}
    directory.says_of("nora.lind@riverside.example", account | {"userPrincipalName": "nora.lind@riverside.example"})
    answer = ada.post(reverse("reports_reader_name"), {"reader": "nora.lind@riverside.example"})
    assert (answer.status_code, answer.headers["Location"]) == (302, reverse("reports_readers"))
    assert browser_of(nora).get(reverse("reports")).status_code == 200
    kept = connection.organization.readers.get()
    ada.post(reverse("reports_reader_remove", args=[kept.pk]))
    assert browser_of(nora).get(reverse("reports")).status_code == 404
    who = "Nora Lind, nora.lind@riverside.example"
    lines = Change.objects.order_by("at").values_list("kind", "detail", "actor_name")
    assert list(lines) == [
        ("readers", {"reader": ["", who]}, "Ada Lindqvist"),
        ("readers", {"reader": [who, ""]}, "Ada Lindqvist"),
    ]


def test_of_several_people_with_a_name_the_administrator_says_which(
    connection: Connection, directory: Directory
) -> None:
    ada = browser_of(directory.knows(administrator(connection.organization)))
    people = [{"id": str(uuid.uuid4()), "displayName": f"Nora {n}", "accountEnabled": True} for n in ("Lind", "Linde")]
    directory.finds(*(one | {"userPrincipalName": f"{number}@riverside.example"} for number, one in enumerate(people)))
    asked = ada.post(reverse("reports_reader_name"), {"reader": "Nora"})
    assert asked.status_code == 422
    choices = BeautifulSoup(asked.content, "html.parser").select("input[name=oid]")
    assert [one["value"] for one in choices] == [one["id"] for one in people]
    ada.post(reverse("reports_reader_name"), {"reader": "Nora", "oid": people[1]["id"]})
    assert connection.organization.readers.get().name == "Nora Linde"


def test_nobody_is_named_whom_the_directory_does_not_know(connection: Connection, directory: Directory) -> None:
    ada = browser_of(directory.knows(administrator(connection.organization)))
    directory.finds()
    answer = ada.post(reverse("reports_reader_name"), {"reader": "Nobody At All"})
    assert answer.status_code == 422
    assert "Nobody in the directory has this name" in answer.content.decode()
    assert not Reader.objects.exists()


# ------------------------------------------------------------------------------------------------------ what they list
def test_a_line_says_when_how_long_how_many_and_what_the_ehr_knows(connection: Connection, ada: Client) -> None:
    row(connection, department="101", waiting=185, lobby=40, attendants=3, told="delivered", told_after=4)
    [line] = cells(shown(ada))
    assert line[1:] == [
        *("Took place", "Cardiology, 101", "20 min", "3 min", "40 s", "3", "Delivered after 4 s", "forgotten")
    ]


def test_one_sided_and_running_visits_are_listed(connection: Connection, ada: Client) -> None:
    for outcome in ("no-clinician", "clinician-only", "nobody", "running"):
        row(connection, outcome=outcome)
    said = {line[1]: line for line in cells(shown(ada))}
    assert set(said) == {"The clinician never came", "Only the clinician came", "Nobody came", "Still running"}
    assert said["Nobody came"][0].startswith("First sign")
    assert said["Nobody came"][3] == "\N{EN DASH}"


def test_what_still_runs_has_no_figures_and_a_lost_lobby_time_is_said_to_be(
    connection: Connection, ada: Client
) -> None:
    row(connection, lobby=None, waiting=185)
    row(connection, outcome="running", waiting=60)
    spent = {line[1]: line[3:6] for line in cells(shown(ada))}
    assert spent == {"Took place": ["20 min", "3 min", "not known"], "Still running": ["not yet"] * 3}
    now = timezone.now()
    lost = words(shown(ada, "reports_month", month=f"{now - timedelta(hours=1):%Y-%m}").select_one("dl.summary"))
    assert "Visits whose time in the lobby is not known 1" in lost


def test_the_appointment_is_shown_only_while_the_visit_is_kept(connection: Connection, ada: Client) -> None:
    visit = factories.visit(connection)
    row(connection, visit=visit.pk)
    assert cells(shown(ada))[0][-1] == factories.CONFERENCE_ID.strip()
    visit.delete()
    page = shown(ada)
    assert cells(page)[0][-1] == "forgotten"
    assert "It is kept only as long as the visit is" in words(page.main)


def test_the_choices_choose(connection: Connection, ada: Client) -> None:
    other = factories.connection(connection.organization)
    other.refresh_from_db()
    row(connection, department="101")
    row(other, department="102", outcome="nobody")
    for query, left in (
        ({"connection": other.ref}, ["Nobody came"]),
        ({"department": "101"}, ["Took place"]),
        ({"outcome": "nobody"}, ["Nobody came"]),
        ({"outcome": "nobody", "department": "101"}, []),
    ):
        assert [line[1] for line in cells(shown(ada, **query))] == left
    departments = [words(one) for one in shown(ada).select("#id_department option")]
    assert departments == ["All", "101", "102"]


@pytest.mark.parametrize(
    ("zone", "day"), [("UTC", "2026-03-08"), ("America/Chicago", "2026-03-07"), ("Asia/Kolkata", "2026-03-08")]
)
def test_days_are_those_of_the_zone_that_is_picked(connection: Connection, ada: Client, zone: str, day: str) -> None:
    row(connection, datetime(2026, 3, 8, 5, 30, tzinfo=UTC))
    for since in ("2026-03-07", "2026-03-08"):
        page = shown(ada, since=since, until=since, zone=zone)
        assert len(cells(page)) == (since == day)
        assert page.select_one("#id_zone")["value"] == zone  # type: ignore[index]
    assert f"time zone {zone}" in words(shown(ada, since=day, until=day, zone=zone).main)


def test_a_zone_that_was_picked_is_kept(connection: Connection, ada: Client) -> None:
    assert shown(ada).select_one("#id_zone[data-own-zone]")
    shown(ada, zone="America/Chicago")
    assert shown(ada).select_one("#id_zone")["value"] == "America/Chicago"  # type: ignore[index]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"zone": "Mars/Olympus"}, "This time zone is not known. UTC always is."),
        ({"since": "2026-02-30"}, "Enter a valid date."),
        ({"since": "2026-02-02", "until": "2026-02-01"}, "The last day is before the first."),
        ({"since": "0001-01-01"}, "These years are not known here."),
        ({"outcome": "no-such"}, "Select a valid choice."),
    ],
)
@pytest.mark.parametrize("page", ["reports", "reports_charts"])
def test_what_cannot_be_asked_for_is_said(
    connection: Connection, ada: Client, page: str, query: dict[str, str], said: str
) -> None:
    assert said in words(shown(ada, page, **query).select_one(".error-summary"))


def test_pages_follow_each_other_in_each_order_and_back(connection: Connection, ada: Client) -> None:
    now = timezone.now()
    for number in range(120):
        row(connection, now - timedelta(minutes=number), duration=60 * (number % 7), waiting=number // 50)
    for sort in ("newest", "oldest", "longest", "waited"):
        page, seen = shown(ada, sort=sort), []
        while True:
            seen.append(keys_of(page))
            after = page.select_one("a[rel=next]")
            if after is None:
                break
            page = BeautifulSoup(ada.get(reverse("reports") + str(after["href"])).content, "html.parser")
        assert [len(one) for one in seen] == [50, 50, 20]
        assert len({key for one in seen for key in one}) == 120
        back = page.select_one("a[rel=prev]")
        assert back
        page = BeautifulSoup(ada.get(reverse("reports") + str(back["href"])).content, "html.parser")
        assert keys_of(page) == seen[1]
    assert "120 visits." in words(page.main)


def keys_of(page: BeautifulSoup) -> list[str]:
    return [str(one["datetime"]) for one in page.select("table.visits tbody time")]


@pytest.mark.parametrize(
    "cursor",
    ["x", "~", "2026-01-01T00:00:00+00:00~x", "1~99999999999999999999", "\x00~1", "2026-01-01~1", "99999999999~1"],
)
def test_a_cursor_that_is_none_of_ours_leads_to_the_first_page(
    connection: Connection, ada: Client, cursor: str
) -> None:
    row(connection)
    for sort in ("newest", "longest"):
        assert len(cells(shown(ada, after=cursor, sort=sort))) == 1


# ---------------------------------------------------------------------------------------------------- charts and months
def test_each_chart_has_its_table(connection: Connection, ada: Client) -> None:
    at = datetime(2026, 3, 9, 14, 59, tzinfo=UTC)
    row(connection, at, duration=1199, waiting=59, told="delivered", told_after=2)
    row(connection, at + timedelta(minutes=1), duration=1200, waiting=60, told_after=7200)
    row(connection, at + timedelta(days=1), outcome="nobody")
    page = shown(ada, "reports_charts", since="2026-03-09", until="2026-03-10", zone="America/Chicago")
    assert figures(page, "Visits a day") == {"Mon 9 Mar": [2, 0, 2], "Tue 10 Mar": [0, 1, 1]}
    assert figures(page, "Waiting time of patients") == {"under 1 min": [1], "1 min to 5 min": [1]}
    assert figures(page, "Duration of visits") == {"15 min to 20 min": [1], "20 min to 30 min": [1]}
    assert figures(page, "Busiest hours") == {"09:00": [1], "10:00": [1]}
    assert figures(page, "Delay of the EHR") == {"2 s to 5 s": [1], "1 h and more": [1]}
    assert len(page.select("figure[data-chart] details[open]")) == 5


def test_charts_of_nothing_and_of_too_many_days_say_so(connection: Connection, ada: Client) -> None:
    assert "No visits to count." in words(shown(ada, "reports_charts").main)
    row(connection)
    long = shown(ada, "reports_charts", since="2020-01-01")
    assert "Charts show at most 92 days" in words(long.main)
    assert not long.select("figure")


def test_a_month_begins_and_ends_in_the_zone(connection: Connection, ada: Client) -> None:
    for day, hour, outcome in ((1, 4, "held"), (1, 7, "held"), (31, 23, "held"), (15, 12, "nobody")):
        row(connection, datetime(2026, 5, day, hour, tzinfo=UTC), outcome=outcome, department="101", waiting=60)
    row(connection, datetime(2026, 6, 1, 4, tzinfo=UTC))
    page = shown(ada, "reports_month", month="2026-05", zone="America/Chicago")
    summary = {words(one.dt): words(one.dd) for one in page.select(".summary > div")}
    assert summary["Visits"] == "4"
    assert (summary["Took place"], summary["Time in visits"]) == ("3", "1 h")
    assert (summary["Duration, on average"], summary["Waiting of those who waited, on average"]) == ("20 min", "1 min")
    assert figures(page, "By EHR") == {"Cardiology, Testing": [3, 1, 4]}
    assert figures(page, "By department") == {"None named": [1, 0, 1], "101": [2, 1, 3]}
    assert figures(page, "By day")["Sun 31 May"] == [2, 0, 2]
    assert page.select_one("button[data-print]")


@pytest.mark.parametrize("month", ["", "x", "2026-13", "0001-01", "9999-12", "2026-05-02"])
def test_a_month_that_is_none_is_the_present_one(connection: Connection, ada: Client, month: str) -> None:
    assert words(shown(ada, "reports_month", month=month).h1).endswith(f"{timezone.now():%B %Y}")


@pytest.mark.parametrize(
    ("allowance", "said"), [(3, "2 of 3 visits used, 1 left, 0 over"), (1, "2 of 1 visits used, 0 left, 1 over")]
)
def test_the_allowance_says_used_left_and_over(connection: Connection, ada: Client, allowance: int, said: str) -> None:
    ada.post(reverse("reports_allowance"), {"allowance": str(allowance)})
    for outcome in ("held", "held", "no-clinician", "running"):
        row(connection, timezone.now(), outcome=outcome)  # an hour ago may have been last month
    for page in ("reports", "reports_month"):
        assert said in words(shown(ada, page).select_one(".allowance"))
    assert Change.objects.get().detail == {"allowance": [None, allowance]}
    ada.post(reverse("reports_allowance"), {"allowance": ""})
    assert shown(ada).select_one(".allowance") is None


# ------------------------------------------------------------------------------------------------------------- the file
def test_the_file_holds_what_is_listed_on_every_page(connection: Connection, directory: Directory) -> None:
    user = directory.knows(administrator(connection.organization))
    at = datetime(2026, 3, 8, 5, 30, tzinfo=UTC)
    visit = factories.visit(connection, session="=4711")
    row(connection, at, visit=visit.pk, department="=HYPERLINK(1)", waiting=7, told_after=3, told="delivered")
    for _ in range(60):
        row(connection, at + timedelta(minutes=1))
    asked = {"since": "2026-03-07", "until": "2026-03-07", "zone": "America/Chicago", "sort": "oldest"}
    answer = browser_of(user).post(reverse("reports_export"), asked)
    assert answer.streaming
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="visits-')
    text = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    first, *others = csv.DictReader(io.StringIO(text))
    assert len(others) == 60
    assert (first["day"], first["start_utc"], first["end_utc"]) == (
        "2026-03-07",
        "2026-03-08 05:30:00",
        "2026-03-08 05:50:00",
    )
    assert (first["department"], first["appointment"]) == ("'=HYPERLINK(1)", "'=4711")
    assert (first["outcome"], first["ehr_told"], first["ehr_told_after_seconds"]) == ("held", "delivered", "3")
    assert others[0]["appointment"] == ""
    exported = Change.objects.get(kind="exported")
    assert exported.detail == {"what": "reports", "format": "csv", "begins": "2026-03-07", "ends": "2026-03-07"}


def test_the_file_has_no_figures_of_what_runs_and_says_what_is_lost(
    connection: Connection, directory: Directory
) -> None:
    user = directory.knows(administrator(connection.organization))
    row(connection, outcome="running", waiting=60)
    row(connection, lobby=None)
    answer = browser_of(user).post(reverse("reports_export"), {})
    text = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    columns = ("duration_seconds", "waiting_seconds", "lobby_seconds")
    found = {one["outcome"]: [one[name] for name in columns] for one in csv.DictReader(io.StringIO(text))}
    assert found == {"running": ["", "", ""], "held": ["1200", "0", "unknown"]}


def test_a_readers_export_bears_his_name(connection: Connection, directory: Directory) -> None:
    nora = browser_of(directory.knows(reader(connection.organization)))
    assert nora.post(reverse("reports_export"), {}).status_code == 200
    assert Change.objects.get().actor_name == "Nora Lind"


def test_nothing_is_exported_for_whom_the_directory_does_not_confirm(
    connection: Connection, directory: Directory
) -> None:
    nora = browser_of(directory.knows(reader(connection.organization), enabled=False))
    answer = nora.post(reverse("reports_export"), {})
    assert (answer.status_code, answer.headers["Location"]) == (302, reverse("reports"))
    assert not Change.objects.exists()


def test_an_organization_writes_one_file_at_a_time_and_whoever_breaks_off_lets_the_next_begin(
    connection: Connection, directory: Directory
) -> None:
    client, other = (browser_of(directory.knows(administrator(of))) for of in (connection.organization, organization()))
    first = client.post(reverse("reports_export"), {})
    assert next(iter(first.streaming_content))  # type: ignore[attr-defined]
    refused = client.post(reverse("reports_export"), {}, follow=True)
    assert "is being written" in words(BeautifulSoup(refused.content, "html.parser").main)
    assert other.post(reverse("reports_export"), {}).streaming, "another organization's has nothing to do with it"
    first.close()
    assert client.post(reverse("reports_export"), {}).streaming
    assert Change.objects.filter(organization=connection.organization, kind="exported").count() == 2


def test_who_reads_too_slowly_gets_no_half_file_for_a_whole_one(
    connection: Connection, directory: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    row(connection)
    monkeypatch.setattr(export, "MOST_SECONDS", 0)
    answer = browser_of(directory.knows(administrator(connection.organization))).post(reverse("reports_export"), {})
    with pytest.raises(export.TooSlow):
        list(answer.streaming_content)  # type: ignore[attr-defined]
