"""Every form of the portal, posted by an administrator whose session outlived his account or his role: the directory is
asked, and nothing changes. While the directory is silent, what stops something goes on and what starts something does
not."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.http import StreamingHttpResponse
from django.utils import timezone
from pytest_django import Settings

from connector import mail
from connector.models import Administrator, Environment, Key, Notice
from tests.portal.deciding import Directory, browser_of, directory_of
from tests.rules.test_people import Owned, changes, kept
from tests.rules.test_routes import CLOSED
from tests.servers import Reply
from tests.visits import factories
from visits.models import EhrUserLink

pytestmark = pytest.mark.django_db
RITA = "rita.rosen@riverside.example"
# What an administrator who may would change something with.
FORMS: dict[str, dict[str, str]] = {
    "act": {"action": "suspend", "reason": "No."},
    "decide": {"action": "return", "reason": "No."},
    "details": {"help_line": "+1 555 0199", "retention_days": "7"},
    "downtime_announce": {"begins": "2199-01-01T10:00", "ends": "2199-01-01T11:00", "zone": "UTC"},
    "history_export": {"format": "csv"},
    "history_one_export": {"format": "csv"},
    "keys_rotate": {"purpose": "signing", "of": "testing"},
    "ready_organizer": {"organizer": RITA},
    "reports_allowance": {"allowance": "7"},
    "reports_reader_name": {"reader": RITA},
    "trail_export": {"zone": "UTC"},
    "try_visit": {
        "session": " 770012",
        **{f"{side}_external_id{kind}": "1" for side in ("provider", "patient") for kind in ("", "_type")},
    },
}
LINES = {"ready_check": "consent", "ready_confirm": "anonymous", "ready_forward": "consent"}
ASK_BY_THEMSELVES = {"configure", "edit", "end_ask", "end_off"}  # an EHR, or an end, is needed for these (tests/portal)
CHANGES_NOTHING = {"configure_people", "people", "record_check", "signout", "visits"}  # what looks, searches or leaves
# What does not wait for a silent directory: it stops something, undoes that, looks, or comes before the consent.
GOES_ON = {
    "act",
    "decide",
    "consent",
    "downtime_announce",
    "downtime_end",
    "preflight",
    "proof",
    "ready_check",
    "ready_check_connection",
    "ready_confirm",
    "ready_forward",
    "ready_forward_connection",
    "ready_organizer",
    "reports_reader_remove",
    "trail_verify",
}
WAITS = {
    "details",
    "end_export",
    "history_export",
    "history_one_export",
    "keys_rotate",
    "mails_again",
    "person_erase",
    "reports_allowance",
    "reports_export",
    "reports_reader_name",
    "send_again",
    "target_on",
    "trail_export",
    "try_visit",
    "writeback_again",
}
CHANGING = sorted(GOES_ON | WAITS)
APPROVERS_OWN = "decide"  # no administrator's act
HER_ROLE = {"name": "Ada Lindqvist", "proof": Administrator.Proof.APP_ROLE, "confirmed_at": timezone.now()}


@pytest.fixture
def directory(settings: Settings) -> Iterator[Directory]:
    with directory_of(settings) as running:
        yield running


@pytest.fixture
def own(directory: Directory, settings: Settings) -> Owned:
    """A connection whose administrator is its approver too, with something that each form would change."""
    made = Owned()
    settings.ENTRA_ALLOWED_TENANTS = frozenset({str(made.user.tid)})
    factories.signing_key(Environment.TESTING)
    directory.knows(made.user)
    account = {"id": str(factories.user(made.user.tid).oid), "displayName": "Rita Rosen", "accountEnabled": True}
    directory.says_of(RITA, account | {"userPrincipalName": RITA})
    directory.server.answer("/v1.0/organization", Reply({"value": [{"displayName": "Riverside"}]}))
    linked = factories.user(made.user.tid)
    EhrUserLink.objects.create(connection=made.connection, ehr_user_hash="h", hash_kid="k", user=linked)
    FORMS["person_erase"] = {"oid": str(linked.oid)}
    settings.EMAIL_HOST = "mail.riverside.example"
    mail.tell(made.connection.organization, made.connection, "edited", ["ehr@riverside.example"], by="", path="/")
    Notice.objects.update(given_up_at=timezone.now(), code="mail-no-mailbox")
    return made


def posted(of: Owned, name: str) -> set[str]:
    """What is other than before after a form was sent."""
    browser = browser_of(of.user)
    of.named["name"] = LINES.get(name, "keys")
    before = kept()
    sent: dict[str, Any] = FORMS.get(name, {}) | {"revision": str(of.revision.pk)}
    answer = browser.post(of.address(name), sent)
    assert answer.status_code != 404
    if isinstance(answer, StreamingHttpResponse):
        b"".join(answer)
    gone, new = changes(before)
    return gone | new


def is_no_administrator_any_more(of: Owned, directory: Directory) -> None:
    directory.knows(of.user)
    directory.says_of_roles(of.user)
    Administrator.objects.filter(user=of.user).update(proof=Administrator.Proof.DIRECTORY_READ)


def test_every_form_of_the_portal_is_named_here(own: Owned) -> None:
    browser = browser_of(own.user)
    allowed = {name: browser.options(own.address(name)).headers.get("Allow", "POST") for name in CLOSED}
    assert {name for name in CLOSED if "POST" in allowed[name]} == {*ASK_BY_THEMSELVES, *CHANGES_NOTHING, *CHANGING}


@pytest.mark.parametrize("name", CHANGING)
def test_a_form_does_nothing_for_whom_the_directory_does_not_know_as_somebody_who_may(
    name: str, own: Owned, directory: Directory
) -> None:
    directory.knows(own.user, enabled=False)
    assert posted(own, name) == set()
    if name != APPROVERS_OWN:
        is_no_administrator_any_more(own, directory)
        role = set(map(str, Administrator.objects.values()))
        assert posted(own, name) == role
        Administrator.objects.create(organization=own.connection.organization, user=own.user, **HER_ROLE)
    directory.knows(own.user)
    directory.is_silent_about(own.user)
    assert bool(posted(own, name)) is (name in GOES_ON)
    directory.knows(own.user)
    assert name in GOES_ON or posted(own, name), "who may changes nothing either: this shows nothing"


@pytest.mark.parametrize("name", sorted(CHANGES_NOTHING))
def test_a_form_that_only_looks_changes_nothing(name: str, own: Owned) -> None:
    assert posted(own, name) == set()


def test_a_key_that_leaked_is_withdrawn_while_the_directory_is_silent(own: Owned, directory: Directory) -> None:
    directory.is_silent_about(own.user)
    form = FORMS["keys_rotate"] | {"action": "at-once", "confirmed": "1"}
    browser = browser_of(own.user)
    before = Key.objects.filter(purpose="signing").count()
    browser.post(own.address("keys_rotate"), form)
    assert Key.objects.filter(purpose="signing").count() == before + 1


def test_who_lost_the_role_reads_so_on_a_page_that_he_can_open(own: Owned, directory: Directory) -> None:
    is_no_administrator_any_more(own, directory)
    answer = browser_of(own.user).post(own.address("reports_allowance"), FORMS["reports_allowance"])
    page = answer.content.decode()
    assert (answer.status_code, "Nothing was changed" in page) == (403, True)
    assert "You are no longer an administrator" in page
