"""The page of the audit trail: its state, verified now and daily, told when it breaks, taken along."""

import json
import subprocess
import sys
import zipfile
from datetime import timedelta
from io import BytesIO
from itertools import islice
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from connector import tasks, trail
from connector.models import Change, Connection, Entry, Notice, User, Verification
from connector.trail import checking
from connector.trail.checking import advance
from portal import watch
from tests.portal.deciding import Directory, browser_of
from tests.portal.steps import words
from tests.visits import factories
from tests.visits.factories import administrator

pytestmark = pytest.mark.django_db(transaction=True)
MAILBOX = "ehr-team@riverside.example"


@pytest.fixture
def connection(settings: Settings) -> Connection:
    """A connection of a hospital with four sealed and signed entries."""
    settings.EMAIL_HOST = "mail.riverside.example"
    made = factories.connection(mail=MAILBOX)
    for number in range(1, 5):
        trail.record(made.organization, f"event-{number}")
    trail.seal_all(made.organization.pk)
    return made


@pytest.fixture
def user(connection: Connection) -> User:
    return administrator(connection.organization)


@pytest.fixture
def ada(user: User) -> Client:
    return browser_of(user)


def shown(client: Client) -> str:
    return words(BeautifulSoup(client.get(reverse("trail")).content, "html.parser").main)


def grow(connection: Connection, count: int) -> None:
    for _ in range(count):
        trail.record(connection.organization, "later")
    trail.seal(connection.organization.pk)


def test_the_page_says_how_the_trail_stands(ada: Client, connection: Connection) -> None:
    trail.record(connection.organization, "event-5")
    said = shown(ada)
    assert "Sealed entries 4" in said
    assert "Not sealed yet 1, sealed within a minute" in said
    assert "of entry 4" in said
    assert "Last verified not yet" in said
    assert trail.check(connection.organization.pk).vouched.line in said  # type: ignore[union-attr]
    assert "/trail/keys.json" in said


def test_the_whole_trail_is_verified_once_a_day_and_signed_for_where_it_holds(
    ada: Client, connection: Connection
) -> None:
    grow(connection, 1)
    tasks.verify_trails()
    said = shown(ada)
    assert "entries 1 to 5: holds" in said
    row = Verification.objects.get()
    assert (row.first, row.last, row.asked_at) == (1, 5, None)
    assert [one.sequence for one in connection.organization.checkpoints.all()] == [4, 5]
    first = row.whole_at
    tasks.verify_trails()
    row.refresh_from_db()
    assert row.whole_at == first, "not a day yet"
    Verification.objects.update(whole_at=timezone.now() - timedelta(days=1, minutes=1))
    tasks.verify_trails()
    row.refresh_from_db()
    assert row.whole_at > first  # type: ignore[operator]


def test_verify_now_begins_at_the_last_checkpoint_that_was_found_to_hold(ada: Client, connection: Connection) -> None:
    tasks.verify_trails()
    grow(connection, 3)
    answer = ada.post(reverse("trail_verify"), follow=True)
    assert "Being verified" in words(BeautifulSoup(answer.content, "html.parser").main)
    tasks.verify_trails()
    assert "entries 4 to 7" in shown(ada)
    grow(connection, 2)
    Entry.objects.filter(sequence=8).update(event="something-else")
    ada.post(reverse("trail_verify"))
    tasks.verify_trails()
    assert "Entry 8 was changed" in shown(ada)
    ada.post(reverse("trail_verify"))
    tasks.verify_trails()
    assert Verification.objects.get().first == 1, "what is broken is gone through as a whole"


def test_a_long_trail_is_verified_in_steps_as_it_is_in_one(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = connection.organization
    grow(connection, 8)
    Entry.objects.filter(sequence=7).update(event="something-else")
    trail.ask(of.pk, whole=True)
    steps = 0
    monkeypatch.setattr(checking, "in_time", lambda entries, _: islice(entries, 5))
    while not advance(of.pk):
        steps += 1
    assert steps
    row = Verification.objects.get()
    assert (row.first, row.last, row.findings) == (1, 12, [["changed", 7]])
    assert advance(of.pk) is False, "no pass runs any more"


def test_administrators_are_told_once_that_the_trail_broke_and_that_it_is_over(connection: Connection) -> None:
    tasks.verify_trails()
    watch.watch()
    assert not Notice.objects.exists()
    Entry.objects.filter(sequence=2).update(event="something-else")
    Verification.objects.update(whole_at=None)
    tasks.verify_trails()
    watch.watch()
    watch.watch()
    notice = Notice.objects.get()
    assert (notice.kind, notice.recipient, notice.detail["path"]) == ("problem-found", MAILBOX, reverse("trail"))
    Entry.objects.filter(sequence=2).update(event="event-2")
    Verification.objects.update(whole_at=None)
    tasks.verify_trails()
    watch.watch()
    notice.refresh_from_db()
    assert notice.ended_at is not None


def test_a_break_that_the_operator_accepted_is_over_and_still_named(ada: Client, connection: Connection) -> None:
    of = connection.organization
    Entry.objects.filter(organization=of, sequence=2).update(event="something-else")
    trail.ask(of.pk, whole=True)
    trail.go_on(of.pk)
    watch.watch()
    assert "The audit trail does not hold" in shown(ada)
    trail.accept(of)
    watch.watch()
    said = shown(ada)
    assert "The audit trail does not hold" not in said
    assert "A break of the trail is known" in said
    assert Notice.objects.get().ended_at is not None


def test_the_export_is_an_archive_that_verifies_itself_and_a_line_of_the_history(
    ada: Client, user: User, connection: Connection, directory: Directory, tmp_path: Path
) -> None:
    directory.knows(user)
    directory.says_of_roles(user, "62e90394-69f5-4237-9190-012177145e10")
    answer = ada.post(reverse("trail_export"), {"zone": "UTC", "since": "2020-01-01"})
    assert (answer.status_code, answer["Content-Type"], answer["Cache-Control"]) == (200, "application/zip", "no-store")
    with zipfile.ZipFile(BytesIO(answer.getvalue())) as archive:
        archive.extractall(tmp_path)
    command = [sys.executable, "-I", "verify.py", "trail.jsonl"]
    assert subprocess.run(command, cwd=tmp_path, env={}, check=False, capture_output=True).returncode == 0
    events = [json.loads(line).get("event") for line in (tmp_path / "trail.jsonl").read_text().splitlines()]
    assert list(filter(None, events)) == [f"event-{number}" for number in range(1, 5)]
    change = Change.objects.get()
    assert (change.kind, change.actor) == ("exported", user)
    assert change.detail == {"what": "trail", "since": "2020-01-01"}


def test_an_export_is_refused_to_whom_the_directory_does_not_confirm(
    ada: Client, user: User, directory: Directory
) -> None:
    directory.is_silent_about(user)
    assert ada.post(reverse("trail_export"), {"zone": "UTC"}).status_code == 302
    assert not Change.objects.exists()


@pytest.mark.parametrize(
    "sent",
    [{"zone": "Mars"}, {"zone": "UTC", "since": "2026-02-01", "until": "2026-01-01"}, {"zone": "UTC", "since": "junk"}],
)
def test_days_that_cannot_be_meant_are_said(sent: dict[str, str], ada: Client) -> None:
    answer = ada.post(reverse("trail_export"), sent)
    assert answer.status_code == 422
    assert "error" in answer.content.decode()
    assert not Change.objects.exists()


@pytest.mark.parametrize("name", ["trail", "trail_verify", "trail_export"])
def test_only_administrators_reach_it_and_only_their_own(name: str, connection: Connection) -> None:
    approver, stranger = factories.user(connection.organization.tid), administrator(factories.organization())
    act = "get" if name == "trail" else "post"
    assert getattr(browser_of(approver), act)(reverse(name)).status_code == 404
    if name == "trail_verify":
        browser_of(stranger).post(reverse(name))
        assert not Verification.objects.filter(organization=connection.organization).exists()
    assert "Sealed entries 0" in shown(browser_of(stranger))
