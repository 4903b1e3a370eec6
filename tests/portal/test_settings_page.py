"""The settings of a connection: changed, compared with what is live, submitted as another revision."""

from urllib.parse import quote

import pytest
from bs4 import BeautifulSoup
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from connector import agreement, keys
from connector.models import Administrator, Connection, Key, Notice, Preflight, Revision, User
from portal import labels
from portal.configure.settings_form import SettingsForm, initial
from tests.connector.test_preflight.ehr import CONFIGURATION, METADATA, TOKEN, Ehr
from tests.portal.deciding import Directory, browser_of
from tests.portal.steps import filled, words
from tests.servers import Reply
from tests.visits import factories
from tests.visits.factories import administrator

pytestmark = pytest.mark.django_db
BEN = "ben.okafor@riverside.example"
NORA = "nora.novak@riverside.example"


@pytest.fixture
def ehr(directory: Directory) -> Ehr:
    """The EHR, which answers as it should."""
    healthy = Ehr(directory.server)
    healthy.set_up()
    return healthy


@pytest.fixture
def connection(ehr: Ehr) -> Connection:
    return factories.connection(mail="ehr-team@riverside.example", base_url=ehr.base_url)


@pytest.fixture
def ben(connection: Connection, directory: Directory) -> User:
    """The approver of what is live."""
    user = named(directory, factories.user(connection.organization.tid), BEN)
    Revision.objects.update(approver_oid=user.oid, approver_upn=BEN)
    return user


@pytest.fixture
def ada(connection: Connection, directory: Directory, ben: User) -> User:
    return directory.knows(administrator(connection.organization))


def named(directory: Directory, user: User, upn: str, name: str = "Somebody", *, enabled: bool = True) -> User:
    """Let the directory know somebody by sign-in name too."""
    directory.knows(user, enabled=enabled)
    account = {"id": str(user.oid), "displayName": name, "userPrincipalName": upn, "accountEnabled": enabled}
    directory.server.answer(f"/v1.0/users/{quote(upn, safe='')}", Reply(account))
    return user


class Page:
    """A settings page that somebody has open."""

    def __init__(self, user: User, connection: Connection) -> None:
        self.client, self.path = browser_of(user), reverse("edit", args=[connection.ref])
        self.shown = self.client.get(self.path)

    @property
    def soup(self) -> BeautifulSoup:
        return BeautifulSoup(self.shown.content, "html.parser")

    @property
    def errors(self) -> set[str]:
        found = self.soup.select(".field__error")
        return {str(one["id"]).removeprefix("id_").removesuffix("_error") for one in found}

    @property
    def compared(self) -> dict[str, list[str]]:
        rows = self.soup.select("table.changes tbody tr")
        return {words(row.th): [words(cell) for cell in row.find_all("td")] for row in rows}

    def press(self, action: str, **typed: object) -> HttpResponse:
        form = self.soup.select_one("main form")
        assert form
        data = filled(form) | {"action": action} | {name.replace("__", "."): value for name, value in typed.items()}
        self.shown = self.client.post(self.path, data)
        return self.shown  # type: ignore[return-value]


def test_what_would_change_is_shown_before_anything_is_submitted(connection: Connection, ada: User) -> None:
    page = Page(ada, connection)
    page.press("compare", meeting_subject="Visit", status__path="api/x", code__waiting="", lobby="organizer")
    assert page.compared == {
        "Subject of every meeting": ["Video visit", "Visit"],
        "Who passes the lobby": ["Everybody of the organization", "The organizer alone"],
        "Status service: path": [agreement.EPIC_STATUS_PATH, "api/x"],
        "Status service: codes": [page.compared["Status service: codes"][0], page.compared["Status service: codes"][1]],
    }
    assert "3" not in page.compared["Status service: codes"][1]
    assert connection.revisions.count() == 1


def test_submitting_makes_a_revision_that_needs_approval_while_the_live_one_stays(
    connection: Connection, ada: User
) -> None:
    page = Page(ada, connection)
    page.press("compare", meeting_subject="Visit", frame_ancestors="https://One.example\nhttps://two.example:8443")
    assert page.press("submit").status_code == 302
    connection.refresh_from_db()
    assert connection.live
    assert connection.proposed
    before, after = (agreement.load(one.settings) for one in (connection.live, connection.proposed))
    assert (before.meeting_subject, after.meeting_subject) == ("Video visit", "Visit")
    assert after.frame_ancestors == ("https://one.example", "https://two.example:8443")
    assert (connection.proposed.number, connection.proposed.approver_upn) == (2, BEN)


def test_a_form_that_changes_nothing_gives_the_same_settings(connection: Connection, ada: User) -> None:
    assert connection.live
    Page(ada, connection).press("submit")
    connection.refresh_from_db()
    assert connection.proposed
    assert agreement.load(connection.proposed.settings) == agreement.load(connection.live.settings)


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("frame_ancestors", "http://one.example"),
        ("frame_ancestors", "https://one.example/path"),
        ("frame_ancestors", "https://one.example; script-src *"),
        ("frame_ancestors", "https://*.example"),
        ("frame_ancestors", "https://\u0430.example"),
        ("provider_scopes", 'launch "openid"'),
        ("provider_client_id", ""),
        ("provider_client_id", "a b"),
        ("status.path", "https://elsewhere.example/x?y"),
        ("status.method", "DELETE"),
        ("waiting_silence_minutes", "0"),
        ("early_minutes", "-1"),
        ("late_minutes", "10081"),
        ("late_minutes", ""),
        ("meeting_subject", ""),
        ("session_kind", "patient"),
        ("provider_context", "sessionId=%CSN%\u0430"),
        ("status.headers", "Epic-Client-ID"),
        ("status.headers", "Authorization: Basic eA=="),
        ("status.headers", "Epic Client: x"),
        ("status.headers", "Transfer-Encoding: chunked"),
        ("status.headers", "X-Forwarded-For: 10.0.0.1"),
        ("status.headers", "Epic-Client-ID: \u0430"),
        ("status.user_name", "a:b"),
        ("audit.0.address", "audit.example/R4"),
        ("audit.0.address", "https://user@audit.example/R4"),
        ("audit.0.scopes", 'system/"AuditEvent"'),
        ("rejoin_seconds", "121"),
        ("rejoin_seconds", ""),
        ("approver", " "),
    ],
)
def test_what_cannot_be_is_an_error_at_its_field(connection: Connection, ada: User, field: str, typed: str) -> None:
    page = Page(ada, connection)
    answer = page.press("submit", **{field: typed}, group_patient_context="kept=%CSN%")
    assert (answer.status_code, page.errors) == (422, {field})
    assert "kept=%CSN%" in answer.content.decode()
    assert connection.revisions.count() == 1


def test_a_secret_is_typed_once_sealed_and_never_shown(connection: Connection, ada: User) -> None:
    page = Page(ada, connection)
    page.press("submit", authentication="client_secret_basic")
    assert page.errors == {"client_secret"}
    answer = page.press("compare", authentication="client_secret_basic", client_secret="s3cret-of-epic")
    assert "s3cret-of-epic" not in answer.content.decode()
    assert page.press("submit").status_code == 302
    connection.refresh_from_db()
    assert connection.proposed
    settings = agreement.load(connection.proposed.settings)
    key = Key.objects.get(kid=settings.secret_kid)
    assert (key.purpose, key.organization) == (Key.Purpose.SECRET, connection.organization)
    assert keys.unwrap(key).secret == b"s3cret-of-epic"
    assert "s3cret-of-epic" not in str(connection.proposed.settings)
    assert "s3cret-of-epic" not in Page(ada, connection).shown.content.decode()


def test_another_organizations_secret_cannot_be_named(connection: Connection, ada: User) -> None:
    theirs = keys.store(factories.organization(), Key.Purpose.SECRET, b"theirs")
    page = Page(ada, connection)
    page.press("submit", authentication="client_secret_basic", secret_kid=theirs.kid)
    assert page.errors == {"client_secret"}
    assert connection.revisions.count() == 1


def test_an_administrator_names_another_approver(connection: Connection, directory: Directory, ada: User) -> None:
    nora = named(directory, factories.user(connection.organization.tid), NORA, "Nora Novak")
    page = Page(ada, connection)
    page.press("compare", approver=NORA)
    assert page.compared == {"Approver": ["Ben Okafor", "Nora Novak"]}
    page.press("submit")
    connection.refresh_from_db()
    assert connection.proposed
    assert connection.proposed.approver_oid == nora.oid


def test_a_disabled_approver_is_not_proposed_again(connection: Connection, directory: Directory, ada: User) -> None:
    named(directory, factories.user(connection.organization.tid), BEN, enabled=False)
    page = Page(ada, connection)
    page.press("submit")
    assert page.errors == {"approver"}


def test_the_approver_edits_but_names_nobody_and_the_administrators_are_told(
    connection: Connection, directory: Directory, ben: User, settings: Settings
) -> None:
    settings.EMAIL_HOST = "mail.example"
    named(directory, factories.user(connection.organization.tid), NORA)
    page = Page(ben, connection)
    assert page.soup.select("[name=approver]") == []
    assert page.press("submit", approver=NORA, meeting_subject="Visit").status_code == 302
    connection.refresh_from_db()
    assert connection.proposed
    assert connection.proposed.approver_oid == ben.oid
    assert [(one.kind, one.recipient) for one in Notice.objects.all()] == [("edited", connection.notification_mail)]
    assert not Administrator.objects.filter(user=ben).exists()


def test_what_the_ehr_answers_is_asked_with_the_typed_settings_and_kept_when_submitted(
    connection: Connection, ehr: Ehr, ada: User
) -> None:
    page = Page(ada, connection)
    page.press("compare", backend_client_id="backend-7")
    assert not Preflight.objects.exists()
    assert page.press("submit").status_code == 302
    assert ehr.server.asked(TOKEN)  # a backend token was really asked for
    [kept] = Preflight.objects.all()
    assert (kept.trigger, kept.blocks) == ("done", False)


def test_settings_that_the_ehr_does_not_fit_are_not_submitted(connection: Connection, ehr: Ehr, ada: User) -> None:
    ehr.server.answer(METADATA, Reply(ehr.statement(software={"name": "Epic", "version": "May 2017"})))
    page = Page(ada, connection)
    answer = page.press("submit", meeting_subject="Typed with care")
    assert answer.status_code == 422
    assert "Typed with care" in answer.content.decode()
    assert "too old" in words(page.soup.select_one(".error-summary"))
    assert [button for button in page.soup.find_all("button") if button.get("value") == "submit"] == []
    assert connection.revisions.count() == 1


def test_a_warning_of_the_ehr_is_read_before_it_is_submitted(connection: Connection, ehr: Ehr, ada: User) -> None:
    ehr.server.answer(CONFIGURATION, Reply(ehr.configuration(code_challenge_methods_supported=[])))
    page = Page(ada, connection)
    assert page.press("submit", meeting_subject="Visit").status_code == 200
    assert "Look at this before it is submitted" in words(page.soup.main)
    assert connection.revisions.count() == 1
    assert page.press("submit").status_code == 302


def test_a_move_of_the_ehr_is_submitted_since_approval_is_what_accepts_it(connection: Connection, ada: User) -> None:
    Connection.objects.filter(pk=connection.pk).update(approved_hosts=["the-old-host.example"])
    assert Page(ada, connection).press("submit").status_code == 302


def test_a_stale_tab_is_told_and_loses_nothing(connection: Connection, ada: User) -> None:
    one, other = Page(ada, connection), Page(ada, connection)
    one.press("submit", meeting_subject="First")
    answer = other.press("submit", meeting_subject="Second")
    assert answer.status_code == 422
    assert "Revision 2 was submitted in the meantime" in answer.content.decode()
    assert connection.revisions.count() == 2
    assert other.press("submit").status_code == 302
    assert agreement.load(connection.revisions.get(number=3).settings).meeting_subject == "Second"


def test_who_lost_the_role_submits_nothing_and_keeps_what_was_typed(
    connection: Connection, directory: Directory, ada: User
) -> None:
    Administrator.objects.update(proof=Administrator.Proof.DIRECTORY_READ)
    directory.says_of_roles(ada)
    answer = Page(ada, connection).press("submit", meeting_subject="Typed with care")
    assert answer.status_code == 422
    assert "no longer an administrator" in answer.content.decode()
    assert "Typed with care" in answer.content.decode()
    assert connection.revisions.count() == 1


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_strangers_connection_is_not_found(connection: Connection, method: str) -> None:
    client = browser_of(administrator(factories.organization()))
    assert getattr(client, method)(reverse("edit", args=[connection.ref])).status_code == 404


def test_after_sign_out_a_post_leads_to_the_sign_in_and_back(connection: Connection) -> None:
    path = reverse("edit", args=[connection.ref])
    answer = Client().post(path, {"meeting_subject": "Typed"})
    assert (answer.status_code, answer.headers["Location"]) == (302, f"{reverse('signin')}?next={path}")


def test_the_form_asks_every_setting() -> None:
    asked = set(initial(agreement.Settings()))
    assert {"ehr_kind", "status.path", "code.connected", "waiting_silence_minutes", "frame_ancestors"} <= asked
    assert {"status.headers", "status.authentication", "audit.0.address", "audit.0.scopes", "rejoin_seconds"} <= asked
    assert asked - set(SettingsForm().fields) == {"status.codes"}


def test_the_status_service_may_want_a_password_with_headers(connection: Connection, ada: User) -> None:
    page = Page(ada, connection)
    headers = "Epic-Client-ID: 22222222\nEpic-User-ID: VIDEO\n\nEpic-User-IDType:EXTERNAL"
    typed = {"status.authentication": "basic", "status.user_name": "emp$VIDEO", "status.headers": headers}
    page.press("submit", **typed)
    assert page.errors == {"status.password"}
    answer = page.press("compare", **{"status.password": "p4ss-of-the-user"})
    assert "p4ss-of-the-user" not in answer.content.decode()
    assert page.compared["Status service: password"][1] == "a secret"
    assert page.press("submit").status_code == 302
    connection.refresh_from_db()
    assert connection.proposed
    status = agreement.load(connection.proposed.settings).status
    assert (status.authentication, status.user_name) == ("basic", "emp$VIDEO")
    assert status.headers == {
        "Epic-Client-ID": "22222222",
        "Epic-User-ID": "VIDEO",
        "Epic-User-IDType": "EXTERNAL",
    }
    assert keys.unwrap(Key.objects.get(kid=status.secret_kid)).secret == b"p4ss-of-the-user"
    again = Page(ada, connection)
    again.press("submit", **{"status.authentication": "bearer"})
    connection.refresh_from_db()
    assert connection.proposed
    assert agreement.load(connection.proposed.settings).status.secret_kid == "", "a password nobody asks for is let go"


def test_a_repository_of_audit_events_is_named_by_its_address(connection: Connection, ada: User) -> None:
    page = Page(ada, connection)
    page.press("submit", **{"audit.0.authentication": "basic"})
    connection.refresh_from_db()
    assert connection.proposed, "without an address nobody needs its password"
    page = Page(ada, connection)
    page.press("submit", **{"audit.0.address": "HTTPS://Audit.example:443/R4/", "audit.0.authentication": "basic"})
    assert page.errors == {"audit.0.password"}
    page.press("submit", **{"audit.0.authentication": "bearer", "audit.0.client_id": "auditor"})
    page.press("submit")  # nobody answers there yet: that was said, and read
    connection.refresh_from_db()
    assert connection.proposed
    [audit] = agreement.load(connection.proposed.settings).audit
    assert (audit.address, audit.client_id) == ("https://audit.example/R4", "auditor")
    assert audit.scopes == "system/AuditEvent.write"
    told = {one.field for one in labels.differences(agreement.Settings(), agreement.Settings(audit=(audit,)))}
    assert told == {"audit.address", "audit.authentication", "audit.client_id", "audit.scopes"}
    assert not any(one.field.startswith("audit") for one in labels.differences(None, agreement.Settings()))


def test_there_is_room_for_any_number_of_repositories_each_with_its_own_name_and_address(
    connection: Connection, ada: User
) -> None:
    page = Page(ada, connection)
    page.press("compare", **{"audit.0.address": "https://one.example/R4"})
    more = {"audit.1.address": "https://one.example/R4/", "audit.1.authentication": "basic"}
    page.press("submit", **more)
    assert page.errors == {"audit.1.name", "audit.1.address", "audit.1.password"}
    page.press("submit", **{"audit.1.name": "Archive: 2"})
    assert "audit.1.name" in page.errors
    page.press("compare", **{"audit.1.name": "Archive", "audit.1.address": "https://two.example/R4"})
    assert page.errors == {"audit.1.password"}
    page.press("compare", **{"audit.2.address": "https://three.example/R4"})
    assert page.errors == {"audit.1.password", "audit.2.name"}
    page.press("compare", **{"audit.1.password": "for the second", "audit.2.name": "Research"})
    assert page.compared["AuditEvent repository: FHIR base URL (Archive)"] == ["\u2013", "https://two.example/R4"]
    assert page.soup.select_one("[name='audit.3.address']"), "and one more"
    page.press("submit")
    connection.refresh_from_db()
    assert connection.proposed
    one, two, three = agreement.load(connection.proposed.settings).audit
    assert [(of.name, of.address) for of in (one, two, three)] == [
        ("", "https://one.example/R4"),
        ("Archive", "https://two.example/R4"),
        ("Research", "https://three.example/R4"),
    ]
    assert keys.unwrap(Key.objects.get(kid=two.secret_kid)).secret == b"for the second"
    assert (one.secret_kid, three.secret_kid) == ("", "")

    page = Page(ada, connection)
    page.press("submit", **{"audit.0.address": ""})
    page.press("submit")
    connection.refresh_from_db()
    assert connection.proposed
    left = agreement.load(connection.proposed.settings)
    assert left.audit == (two, three), "the password stays with its address"
    told = {one.field: (one.before, one.after) for one in labels.differences(left, agreement.Settings(audit=(three,)))}
    assert told["audit.Archive.address"] == ("https://two.example/R4", "")
    assert told["audit.Archive.secret_kid"] == ("a secret", "")
    assert not any("Research" in name for name in told)


def test_a_revision_of_when_there_was_one_repository_at_most_is_read() -> None:
    stored = agreement.dump(agreement.Settings())
    one = {"address": "https://audit.example/R4", "authentication": "bearer", "client_id": "auditor", "secret_kid": ""}
    [read] = agreement.load(stored | {"audit": one}).audit
    assert (read.name, read.address, read.client_id) == ("", "https://audit.example/R4", "auditor")
    assert agreement.load(stored | {"audit": one | {"address": ""}}).audit == ()


def test_a_secret_goes_nowhere_but_where_it_was_typed_for(connection: Connection, ada: User) -> None:
    page = Page(ada, connection)
    typed = {"audit.0.authentication": "basic", "audit.0.user_name": "connector", "audit.0.password": "for one place"}
    page.press("submit", **{"audit.0.address": "https://audit.example/R4"}, **typed)
    page.press("submit")
    connection.refresh_from_db()
    assert connection.proposed
    kid = agreement.load(connection.proposed.settings).audit[0].secret_kid
    page = Page(ada, connection)
    page.press("submit", **{"audit.0.address": "https://elsewhere.example/R4"})
    assert page.errors == {"audit.0.password"}
    page = Page(ada, connection)
    page.press("submit", **{"status.authentication": "basic", "status.secret_kid": kid})
    assert page.errors == {"status.password"}
    page = Page(ada, connection)
    page.press("submit", meeting_subject="Visit")
    assert page.press("submit").status_code == 302
