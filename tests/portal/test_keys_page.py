"""The page and the command that rotate the deployment's keys, and the schedule that does it by itself."""

import io
import uuid
from datetime import timedelta
from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.core.management import CommandError, call_command
from django.db.models import F
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from connector import keys
from connector.models import Change, Connection, Key, Notice, User
from portal import rotation
from tests.portal.deciding import BACKEND, Directory
from tests.visits import factories
from tests.visits.factories import administrator

pytestmark = pytest.mark.django_db
SIGNING, NOTIFICATION = Key.Purpose.SIGNING, Key.Purpose.NOTIFICATION


@pytest.fixture
def riverside(settings: Settings) -> Connection:
    """A connection of the only organization that the operator lets in."""
    made = factories.connection(target=False)
    made.notification_mail = "ehr-team@riverside.example"
    made.save()
    settings.ENTRA_ALLOWED_TENANTS = frozenset({str(made.organization.tid)})
    settings.EMAIL_HOST, settings.EMAIL_FROM = "smtp.hospital.example", "connector@hospital.example"
    return made


@pytest.fixture
def user(riverside: Connection, directory: Directory) -> User:
    return directory.knows(administrator(riverside.organization))


@pytest.fixture
def ada(client: Client, user: User) -> Client:
    client.force_login(user, BACKEND)
    return client


def page(client: Client) -> BeautifulSoup:
    answer = client.get("/keys/")
    assert answer.status_code == 200
    return BeautifulSoup(answer.content, "html.parser")


def section(client: Client, title: str) -> list[list[str]]:
    """The rows of a section's table."""
    table = page(client).find("caption", string=title)
    assert table, title
    rows = table.find_parent("table").select("tbody tr")  # type: ignore[union-attr]
    return [[cell.get_text(" ", strip=True) for cell in row.find_all("td")] for row in rows]


def press(client: Client, environment: str = "testing", purpose: str = "signing", **sent: str) -> Any:
    return client.post("/keys/rotate/", {"purpose": purpose, "of": environment} | sent, follow=True)


def pass_time(**duration: float) -> None:
    Key.objects.update(not_before=F("not_before") - timedelta(**duration))


def command(*arguments: str) -> str:
    said = io.StringIO()
    call_command("keys", *arguments, stdout=said)
    return said.getvalue()


def test_the_page_shows_each_key_with_its_state_and_the_url_that_publishes_it(ada: Client) -> None:
    first = keys.signing_key("testing").kid
    following = keys.rotate(SIGNING, "testing")
    assert following is not None
    rows = section(ada, "Signing keys for testing")
    assert [row[:2] for row in rows] == [[following.kid, "Next"], [first, "In use"]]
    assert rows[0][2] == "published, does not sign yet"
    assert "/jwks/testing.json" in page(ada).get_text()
    assert "/jwks/production.json" in page(ada).get_text()


def test_the_page_shows_the_certificates_of_the_key_in_use_and_the_next(ada: Client) -> None:
    keys.signing_key("testing")
    following = keys.rotate(SIGNING, "testing")
    assert following is not None
    shown = {code.get_text() for code in page(ada).select(".copy-row code")}
    assert {keys.signing_certificate("testing"), keys.certificate_of(following)} <= shown


def test_the_page_shows_no_private_key(ada: Client) -> None:
    keys.signing_key("testing")
    keys.notification_key()
    text = page(ada).get_text()
    assert "PRIVATE" not in text
    assert not any(key.wrapped in text for key in Key.objects.all())


def test_an_administrator_rotates_and_the_history_and_a_mail_say_so(
    ada: Client, user: User, riverside: Connection
) -> None:
    first = keys.signing_key("testing").kid
    answer = press(ada, kid=first)
    following = Key.objects.get(not_before__gt=timezone.now())
    assert f"Done. The new key is {following.kid}." in answer.content.decode()
    assert keys.signing_key("testing").kid == first
    change = Change.objects.get()
    assert (change.kind, change.organization, change.actor) == ("key-rotated", riverside.organization, user)
    assert change.detail == {
        "purpose": "signing",
        "environment": "testing",
        "kid": following.kid,
        "at_once": False,
    }
    notice = Notice.objects.get()
    assert (notice.kind, notice.recipient) == ("key-rotated", "ehr-team@riverside.example")
    assert notice.detail == {"purpose": "signing", "environment": "Testing", "path": "/keys/"}


def test_a_form_that_is_sent_twice_rotates_once(ada: Client) -> None:
    first = keys.notification_key().kid
    press(ada, "", "notification", kid=first)
    again = press(ada, "", "notification", kid=first)
    assert "This was rotated in the meantime" in again.content.decode()
    assert Key.objects.filter(purpose=NOTIFICATION).count() == 2
    assert Change.objects.count() == 1


def test_at_once_needs_a_tick_and_then_withdraws_what_was_there(ada: Client) -> None:
    first = keys.signing_key("testing").kid
    unticked = press(ada, action="at-once", kid=first)
    assert "Nothing was changed" in unticked.content.decode()
    assert keys.signing_key("testing").kid == first
    press(ada, action="at-once", kid=first, confirmed="yes")
    assert keys.signing_key("testing").kid != first
    assert [row[:2] for row in section(ada, "Signing keys for testing")][1] == [first, "Retired"]
    assert Change.objects.get().detail["at_once"] is True
    assert Notice.objects.get().detail["purpose"] == "signing-at-once"


def test_while_the_next_key_waits_the_page_offers_no_rotation_but_the_one_at_once(ada: Client) -> None:
    keys.signing_key("testing")
    keys.rotate(SIGNING, "testing")
    assert [button.get_text(strip=True) for button in page(ada).select("main form button")] == ["Rotate at once"]


@pytest.mark.parametrize("tenants", [{"*"}, {"own", "another"}, {"another"}])
def test_where_others_use_the_same_keys_the_page_shows_them_and_rotates_nothing(
    tenants: set[str], ada: Client, riverside: Connection, settings: Settings
) -> None:
    own = str(riverside.organization.tid)
    settings.ENTRA_ALLOWED_TENANTS = frozenset(own if name == "own" else name for name in tenants)
    first = keys.signing_key("testing").kid
    assert "manage.py keys rotate" in page(ada).get_text()
    assert page(ada).select("main form") == []
    assert press(ada, kid=first).status_code == 404
    assert press(ada, kid=first, action="at-once", confirmed="yes").status_code == 404
    assert Key.objects.count() == 1


@pytest.mark.parametrize(
    ("purpose", "environment", "action"),
    [
        ("field", "", ""),
        ("signing", "staging", ""),
        ("signing", "", ""),
        ("notification", "testing", ""),
        ("notification", "", "at-once"),
    ],
)
def test_what_the_page_does_not_offer_is_a_404(purpose: str, environment: str, action: str, ada: Client) -> None:
    keys.notification_key()
    assert press(ada, environment, purpose, action=action, confirmed="yes").status_code == 404
    assert Key.objects.count() == 1


def test_who_is_no_administrator_reaches_neither_page_nor_button(client: Client, riverside: Connection) -> None:
    approver = User.objects.create(tid=riverside.organization.tid, oid=uuid.uuid4())
    client.force_login(approver, BACKEND)
    assert client.get("/keys/").status_code == 404
    assert press(client).status_code == 404


def test_the_operator_rotates_by_command_and_every_organization_concerned_keeps_it(riverside: Connection) -> None:
    other, unconcerned = factories.connection(target=False), factories.organization()
    first = keys.signing_key("testing").kid
    said = command("rotate", "--environment", "testing")
    following = Key.objects.get(not_before__gt=timezone.now())
    assert said == f"{following.kid} is used from {following.not_before:%Y-%m-%dT%H:%M:%SZ}.\n"
    changes = Change.objects.all()
    assert {change.organization for change in changes} == {riverside.organization, other.organization}
    assert {change.actor for change in changes} == {None}
    assert not unconcerned.changes.exists()
    listed = [line.split()[:4] for line in command("list").splitlines()]
    assert listed == [["signing", "testing", following.kid, "next"], ["signing", "testing", first, "current"]]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["rotate"], "Say which"),
        (["rotate", "--notification", "--at-once"], "leave out --at-once"),
        (["rotate", "--environment", "testing"], "published already"),
    ],
)
def test_a_command_that_does_nothing_says_why(arguments: list[str], said: str) -> None:
    keys.signing_key("testing")
    keys.rotate(SIGNING, "testing")
    with pytest.raises(CommandError, match=said):
        command(*arguments)
    assert Key.objects.count() == 2


def test_the_schedule_rotates_each_key_once_and_forgets_the_old_ones(riverside: Connection) -> None:
    keys.signing_key("testing")
    keys.notification_key()
    rotation.sweep()
    assert Key.objects.count() == 2
    pass_time(days=200)
    rotation.sweep()
    rotation.sweep()
    assert Key.objects.count() == 4
    pass_time(days=7)
    rotation.sweep()
    assert [line.state.value for line in keys.lines(SIGNING, "testing")] == ["current", "retired"]
    assert [line.state.value for line in keys.lines(NOTIFICATION)] == ["current", "retired"]
    assert {(change.detail["purpose"], change.actor) for change in Change.objects.all()} == {
        ("signing", None),
        ("notification", None),
    }


def test_the_schedule_forgets_no_key_that_a_running_subscription_names() -> None:
    old = keys.notification_key()
    row = factories.subscription(factories.visit(), key_kid=old.kid)
    row.expires_at = timezone.now() + timedelta(days=1)
    row.save()
    keys.rotate(NOTIFICATION)
    pass_time(days=30)
    rotation.sweep()
    assert keys.notification_private(old.kid).startswith(b"-----BEGIN")
    row.expires_at = timezone.now() - timedelta(days=1, minutes=1)
    row.save()
    rotation.sweep()
    with pytest.raises(Key.DoesNotExist):
        keys.notification_private(old.kid)
