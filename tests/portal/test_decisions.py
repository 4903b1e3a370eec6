"""Deciding: what is live until then, who is told by mail, whom the directory confirms, and who comes first."""

import pytest
from bs4 import BeautifulSoup
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from connector import agreement, wires
from connector.errors import Permanent
from connector.models import Administrator, Connection, Decision, EhrSignIn, Notice, Revision, User
from connector.teams.graph import Person
from portal import approve, epic_faults, services
from portal.actors import Actor
from portal.services import Refused
from tests.connector.races import at_once
from tests.portal.deciding import Directory, browser_of, connection_with_proposal, waiting
from tests.portal.steps import words
from tests.visits import factories
from tests.visits.factories import administrator, proposed

pytestmark = pytest.mark.django_db(transaction=True)
OVERTAKEN = "This was decided or changed in the meantime."
MAIL = "ehr-team@riverside.example"
BEN_MAIL = "ben.okafor@riverside.example"


@pytest.fixture
def mailing(settings: Settings) -> None:
    """A mail server is configured; nothing is sent."""
    settings.EMAIL_HOST = "mail.example"


@pytest.fixture
def connection() -> Connection:
    """A live connection with a mail address and another revision that waits for Ben."""
    made, _ = connection_with_proposal()
    Connection.objects.filter(pk=made.pk).update(notification_mail=MAIL)
    return Connection.objects.get(pk=made.pk)


@pytest.fixture
def ben(connection: Connection) -> User:
    assert connection.proposed
    return User.objects.get(oid=connection.proposed.approver_oid)


def opened(client: Client, connection: Connection) -> BeautifulSoup:
    return BeautifulSoup(client.get(reverse("connection", args=[connection.ref])).content, "html.parser")


def text(answer: object) -> str:
    return words(BeautifulSoup(answer.content, "html.parser").main)  # type: ignore[attr-defined]


def decide(client: Client, connection: Connection, revision: Revision, action: str, reason: str = "") -> str:
    sent = {"revision": str(revision.pk), "action": action, "reason": reason}
    answer = client.post(reverse("decide", args=[connection.ref]), sent, follow=True)
    assert answer.status_code == 200
    return text(answer)


def act(client: Client, connection: Connection, action: str) -> str:
    return press(client, connection, opened(client, connection), action)


def press(client: Client, connection: Connection, page: BeautifulSoup, action: str) -> str:
    """Press a button of a connection's page as it was when it was opened."""
    seen = page.select_one("[name=seen]")
    assert seen
    sent = {"action": action, "reason": "It has to be.", "seen": str(seen["value"])}
    return text(client.post(reverse("act", args=[connection.ref]), sent, follow=True))


def decided(connection: Connection) -> list[str]:
    return [one.kind for one in connection.decisions.order_by("at")]


def mails() -> list[tuple[str, str, str]]:
    return [(one.recipient, one.kind, one.detail.get("decision", "")) for one in Notice.objects.order_by("pk")]


def test_a_launch_uses_the_live_settings_while_others_are_proposed(connection: Connection, ben: User) -> None:
    assert connection.live
    settings = agreement.dump(agreement.defaults("testing")) | {"meeting_subject": "Another subject"}
    services.submit(
        organization=connection.organization,
        base_url=connection.base_url,
        environment=connection.environment,
        approver=Person(str(ben.oid), "Ben Okafor", BEN_MAIL, "", True),
        actor=Actor(administrator(connection.organization), "Ada Lindqvist"),
        settings=agreement.load(settings),
    )
    served = Connection.objects.get(pk=connection.pk)
    assert served.proposed
    assert wires.live_settings(served).meeting_subject == "Video visit"
    EhrSignIn.objects.create(revision=served.proposed, user=ben, proof={"hosts": []})
    services.approve(connection=served, revision=served.proposed, actor=Actor(ben, "Ben Okafor"))
    assert wires.live_settings(Connection.objects.get(pk=connection.pk)).meeting_subject == "Another subject"


def test_the_page_shows_what_changes_and_keeps_secrets(connection: Connection, ben: User) -> None:
    changed = {"provider_scopes": "launch openid user/Appointment.read", "secret_kid": "kid-2", "lobby": "organizer"}
    assert connection.live
    assert connection.proposed
    first = connection.live.settings | {"secret_kid": "kid-1"}
    Revision.objects.filter(pk=connection.live.pk).update(settings=first, approver_oid=ben.oid)
    Revision.objects.filter(pk=connection.proposed.pk).update(settings=first | changed)
    shown = BeautifulSoup(browser_of(ben).get(reverse("approve_one", args=[connection.ref])).content, "html.parser")
    table = {
        words(row.th): [words(cell) for cell in row.find_all("td")] for row in shown.select("table.changes tbody tr")
    }
    assert table == {
        "Client secret": ["a secret", "another secret"],
        "Provider scopes": ["launch openid fhirUser user/Practitioner.read", "launch openid user/Appointment.read"],
        "Who passes the lobby": ["Everybody of the organization", "The organizer alone"],
    }
    assert [words(one) for one in shown.select("table.changes ins")][1] == "user/Appointment.read"
    assert "kid-1" not in str(shown)


def test_another_approver_is_the_first_thing_that_changes(connection: Connection) -> None:
    assert connection.live
    assert connection.proposed
    first = approve.changes(connection.live, connection.proposed)[0]
    assert (first.field, first.after) == ("approver", f"Ben Okafor\n{BEN_MAIL}")


def test_of_a_first_proposal_everything_is_new(connection: Connection) -> None:
    assert connection.proposed
    found = {one.field: one for one in approve.changes(None, connection.proposed)}
    assert found["approver"].before == ""
    assert found["meeting_subject"].after == "Video visit"
    assert "secret_kid" not in found
    assert "backend_scopes" not in found


def test_the_list_begins_with_what_waits_for_its_reader_then_what_he_decided(connection: Connection, ben: User) -> None:
    earlier = factories.connection(connection.organization)
    factories.connection(connection.organization)
    ada = Actor(administrator(connection.organization), "Ada Lindqvist")
    Administrator.objects.create(
        organization=connection.organization, user=ben, name="Ben", proof="wids", confirmed_at=timezone.now()
    )
    services.suspend(connection=earlier, actor=Actor(ben, "Ben Okafor"), reason="Upgrade")
    services.resume(connection=earlier, actor=ada, reason="Done")
    shown = BeautifulSoup(browser_of(ben).get(reverse("approve")).content, "html.parser")
    listed = [words(row) for row in shown.select("table.data tbody tr")]
    assert [row for row in listed if row in ("Waits for you", "You decided", "Others")] == listed[::2]
    assert "Sign in and approve" in listed[1]
    assert "Suspended," in listed[3]
    assert len(listed) == 6


def test_a_list_of_thousands_comes_in_pages(connection: Connection, ben: User) -> None:
    for _ in range(25):
        waiting(factories.connection(connection.organization), ben)
    first, last = (browser_of(ben).get(reverse("approve"), {"page": page}) for page in ("1", "2"))
    rows = [len(BeautifulSoup(page.content, "html.parser").select("tbody tr:not(.group)")) for page in (first, last)]
    assert rows == [20, 6]


@pytest.mark.usefixtures("mailing")
def test_a_submission_is_told_to_its_approver_with_a_link_for_his_sign_in(connection: Connection) -> None:
    ada = administrator(connection.organization)
    submit_again(connection, Actor(ada, "Ada Lindqvist"), str(factories.user().oid))
    [told] = Notice.objects.all()
    assert (told.recipient, told.kind, told.detail["by"]) == (BEN_MAIL, "proposal-waits", "Ada Lindqvist")
    path = reverse("approve_one", args=[connection.ref])
    assert told.detail["path"] == f"/signin/{connection.organization.tid}/?next={path}"


@pytest.mark.usefixtures("mailing")
def test_an_approver_who_edits_is_told_to_the_administrators(connection: Connection, ben: User) -> None:
    submit_again(connection, Actor(ben, "Ben Okafor"), str(ben.oid))
    assert mails() == [(MAIL, "edited", "")]


@pytest.mark.usefixtures("mailing")
def test_an_administrator_who_names_himself_writes_to_nobody(connection: Connection) -> None:
    ada = administrator(connection.organization)
    submit_again(connection, Actor(ada, "Ada Lindqvist"), str(ada.oid))
    assert mails() == []
    page = opened(browser_of(ada), Connection.objects.get(pk=connection.pk))
    assert "mail" not in words(page.select_one(".notice--info"))


def submit_again(connection: Connection, actor: Actor, oid: str) -> None:
    services.submit(
        organization=connection.organization,
        base_url=connection.base_url,
        environment=connection.environment,
        approver=Person(oid, "Ben Okafor", BEN_MAIL, "", True),
        actor=actor,
    )


@pytest.mark.usefixtures("mailing")
def test_a_return_reaches_the_administrators_with_its_reason(connection: Connection, ben: User) -> None:
    assert connection.proposed
    shown = decide(browser_of(ben), connection, connection.proposed, "return", "The wrong environment.")
    assert f"A mail goes to {MAIL}." in shown
    [told] = Notice.objects.all()
    assert (told.recipient, told.kind, told.detail["reason"]) == (MAIL, "returned", "The wrong environment.")


def test_the_reason_of_a_return_stands_on_the_page_until_something_is_submitted_again(
    connection: Connection, ben: User
) -> None:
    ada = browser_of(administrator(connection.organization))
    assert connection.proposed
    decide(browser_of(ben), connection, connection.proposed, "return", "The wrong environment.")
    notice = opened(ada, connection).select_one(".notice--warning")
    assert words(notice).endswith("Returned by Ben Okafor The wrong environment.")
    proposed(Connection.objects.get(pk=connection.pk), ben)
    assert "Returned by" not in words(opened(ada, connection).main).partition("History")[0]


@pytest.mark.usefixtures("mailing")
def test_an_approval_reaches_the_administrators(connection: Connection, ben: User, directory: Directory) -> None:
    assert connection.proposed
    shown = decide(browser_of(directory.knows(ben)), connection, connection.proposed, "approve")
    assert f"A mail goes to {MAIL}." in shown
    assert mails() == [(MAIL, "decided", "approve")]


@pytest.mark.usefixtures("mailing")
@pytest.mark.parametrize("actions", [["suspend"], ["suspend", "resume"], ["withdraw"]], ids=str)
def test_what_an_administrator_decides_reaches_the_approver_too(
    actions: list[str], connection: Connection, directory: Directory
) -> None:
    ada = browser_of(directory.knows(administrator(connection.organization)))
    for action in actions:
        shown = act(ada, connection, action)
    assert f"A mail goes to {MAIL}, {BEN_MAIL}." in shown
    assert set(mails()[-2:]) == {(MAIL, "decided", actions[-1]), (BEN_MAIL, "decided", actions[-1])}


def test_without_a_mail_server_the_pages_say_that_nobody_is_told(
    connection: Connection, ben: User, directory: Directory, settings: Settings
) -> None:
    settings.EMAIL_HOST = ""
    assert connection.proposed
    ben_at = browser_of(directory.knows(ben))
    assert "No mail server is set up" in text(ben_at.get(reverse("approve_one", args=[connection.ref])))
    assert "no mail server is set up" in decide(ben_at, connection, connection.proposed, "approve")
    assert mails() == []


@pytest.mark.usefixtures("mailing")
def test_without_an_address_the_page_says_so(connection: Connection, ben: User) -> None:
    Connection.objects.update(notification_mail="")
    assert "names no address" in text(browser_of(ben).get(reverse("approve_one", args=[connection.ref])))
    assert connection.proposed
    assert "names no address" in decide(browser_of(ben), connection, connection.proposed, "return", "No.")


@pytest.mark.parametrize(
    ("state", "said"),
    [("disabled", "was disabled"), ("gone", "does not know your account"), ("silent", "could not confirm")],
)
def test_nobody_approves_whom_the_directory_does_not_confirm(
    state: str, said: str, connection: Connection, ben: User, directory: Directory
) -> None:
    unconfirmed(directory, ben, state)
    assert connection.proposed
    assert said in decide(browser_of(ben), connection, connection.proposed, "approve")
    assert decided(connection) == []


@pytest.mark.parametrize("action", ["suspend", "withdraw"])
@pytest.mark.parametrize(("state", "done"), [("disabled", False), ("gone", False), ("silent", True)])
def test_stopping_waits_for_no_silent_directory_and_refuses_who_is_gone(
    action: str, state: str, done: bool, connection: Connection, directory: Directory
) -> None:
    ada = administrator(connection.organization)
    unconfirmed(directory, ada, state)
    act(browser_of(ada), connection, action)
    assert decided(connection) == ([action] if done else [])


def test_who_lost_the_role_suspends_nothing_and_is_no_administrator_any_more(
    connection: Connection, directory: Directory
) -> None:
    ada = directory.knows(administrator(connection.organization))
    Administrator.objects.filter(user=ada).update(proof=Administrator.Proof.DIRECTORY_READ)
    directory.says_of_roles(ada)
    act(browser_of(ada), connection, "suspend")
    assert decided(connection) == []
    assert not Administrator.objects.filter(user=ada).exists()


def unconfirmed(directory: Directory, user: User, state: str) -> None:
    if state != "gone":
        directory.knows(user, enabled=state != "disabled")
    else:
        directory.knows(factories.user(user.tid))
    if state == "silent":
        directory.is_silent_about(user)


@pytest.mark.parametrize(
    ("authentication", "reason", "code"),
    [
        ("private_key_jwt", "invalid_client", "epic-keys"),
        ("certificate", "", "epic-keys"),
        ("client_secret_basic", "invalid_client", "epic-secret"),
        ("client_secret_basic", "unauthorized_client", "epic-client"),
    ],
)
def test_what_proves_the_client_is_what_is_missing(authentication: str, reason: str, code: str) -> None:
    refused = Permanent("ehr-client-refused", status=401, reason=reason)
    assert epic_faults.of_wire(refused, authentication) == code


def test_every_item_that_may_be_missing_has_its_text() -> None:
    codes = {*epic_faults.AUTHORIZE.values(), *epic_faults.TOKEN.values(), *epic_faults.ITEMS}
    assert codes <= {*epic_faults.PROBLEMS}


def test_two_approvals_at_once_decide_once(connection: Connection, ben: User) -> None:
    revision = connection.proposed
    assert revision

    def press() -> str:
        try:
            services.approve(connection=connection, revision=revision, actor=Actor(ben, "Ben Okafor"))
        except Refused as refused:
            return refused.code
        return "approved"

    assert sorted(at_once(connection.organization_id, press)) == ["approved", "not-proposed", "not-proposed"]
    assert decided(connection) == ["approve"]


def test_approve_and_return_at_once_decide_once(connection: Connection, ben: User) -> None:
    revision, actor = connection.proposed, Actor(ben, "Ben Okafor")
    assert revision
    acts = [
        lambda: services.approve(connection=connection, revision=revision, actor=actor),
        lambda: services.return_(connection=connection, revision=revision, actor=actor, reason="No."),
    ]

    def press() -> str:
        try:
            acts.pop()()
        except Refused as refused:
            return refused.code
        return "done"

    assert sorted(at_once(connection.organization_id, press, people=2)) == ["done", "not-proposed"]
    assert len(decided(connection)) == 1


@pytest.mark.parametrize("action", ["approve", "return"])
def test_what_was_withdrawn_cannot_be_decided(action: str, connection: Connection, ben: User) -> None:
    revision = connection.proposed
    assert revision
    assert connection.live
    Revision.objects.filter(pk=connection.live.pk).update(approver_oid=ben.oid)
    ada = Actor(administrator(connection.organization), "Ada Lindqvist")
    services.withdraw(connection=connection, actor=ada, reason="Too early.")
    assert OVERTAKEN in decide(browser_of(ben), connection, revision, action, "No.")
    assert decided(connection) == ["withdraw"]


@pytest.mark.parametrize(("action", "reason"), [("approve", ""), ("return", "No."), ("return", "")])
def test_an_approver_who_was_replaced_on_his_page_is_told_and_decides_nothing(
    action: str, reason: str, connection: Connection, ben: User
) -> None:
    revision = connection.proposed
    assert revision
    proposed(connection, factories.user(connection.organization.tid))
    assert OVERTAKEN in decide(browser_of(ben), connection, revision, action, reason)
    assert decided(connection) == []


def test_an_old_tab_withdraws_only_the_proposal_that_it_showed(connection: Connection, directory: Directory) -> None:
    ada = browser_of(directory.knows(administrator(connection.organization)))
    tab = opened(ada, connection)
    proposed(connection, factories.user(connection.organization.tid))
    told = press(ada, connection, tab, "withdraw")
    assert "changed in the meantime" in told
    assert "It has to be." in told  # what was typed stays
    assert decided(connection) == []


def test_an_old_tab_resumes_only_after_the_suspension_that_it_showed(
    connection: Connection, directory: Directory
) -> None:
    user = directory.knows(administrator(connection.organization))
    ada, actor = browser_of(user), Actor(user, "Ada Lindqvist")
    services.suspend(connection=connection, actor=actor, reason="An upgrade.")
    tab = opened(ada, connection)
    services.resume(connection=connection, actor=actor, reason="Done.")
    services.suspend(connection=connection, actor=actor, reason="Wrong patients were shown.")
    assert "changed in the meantime" in press(ada, connection, tab, "resume")
    assert decided(connection)[-1] == "suspend"
    assert press(ada, connection, opened(ada, connection), "resume")
    assert decided(connection)[-1] == "resume"


def test_an_old_tab_suspends_all_the_same(connection: Connection, directory: Directory) -> None:
    ada = browser_of(directory.knows(administrator(connection.organization)))
    tab = opened(ada, connection)
    proposed(connection, factories.user(connection.organization.tid))
    press(ada, connection, tab, "suspend")
    assert decided(connection) == ["suspend"]


def test_a_form_that_was_sent_after_the_sign_out_leads_to_a_page_that_says_so(connection: Connection) -> None:
    address = reverse("act", args=[connection.ref])
    signed_out = Client().post(address, {"action": "withdraw", "reason": "Too early."})
    assert signed_out.headers["Location"] == f"{reverse('signin')}?next={address}"
    back = browser_of(administrator(connection.organization)).get(address)
    page = BeautifulSoup(back.content, "html.parser")
    assert (back.status_code, back.headers["Allow"], words(page.h1)) == (405, "POST", "Nothing was sent")
    assert page.find("a", href=reverse("portal"))
    assert decided(connection) == []


@pytest.mark.usefixtures("mailing")
@pytest.mark.parametrize(
    ("upn", "mailbox", "told", "said"),
    [
        (BEN_MAIL, "ben@post.example", ["ben@post.example"], "A mail brings it to ben@post.example too."),
        (BEN_MAIL, "", [BEN_MAIL], f"A mail goes to the sign-in name, {BEN_MAIL}"),
        ("gita_l.example#EXT#@r.example", "gita@l.example", ["gita@l.example"], "A mail brings it to gita@l.example"),
        ("gita_l.example#EXT#@r.example", "", [], "No mail brings it: the account is a guest"),
    ],
)
def test_a_mail_goes_to_the_mailbox_that_the_directory_has_and_the_page_says_where_there_is_none(
    upn: str, mailbox: str, told: list[str], said: str, connection: Connection
) -> None:
    ada = administrator(connection.organization)
    services.submit(
        organization=connection.organization,
        base_url=connection.base_url,
        environment=connection.environment,
        approver=Person(str(factories.user().oid), "Somebody", upn, "", True, mailbox),
        actor=Actor(ada, "Ada Lindqvist"),
    )
    assert [recipient for recipient, _kind, _decision in mails()] == told
    shown = Connection.objects.get(pk=connection.pk)
    assert said in words(opened(browser_of(ada), shown).main)
    services.withdraw(connection=shown, actor=Actor(ada, "Ada Lindqvist"), reason="No.")
    assert {recipient for recipient, kind, _decision in mails() if kind == "decided"} == {MAIL, *told}


def test_who_is_named_by_another_connection_decides_nothing_here(connection: Connection, ben: User) -> None:
    other = factories.connection(connection.organization)
    theirs = proposed(other, factories.user(connection.organization.tid))
    own = connection.proposed
    assert own
    for revision, ref in ((theirs, other.ref), (own, other.ref), (theirs, connection.ref)):
        sent = {"revision": str(revision.pk), "action": "return", "reason": "No."}
        assert browser_of(ben).post(reverse("decide", args=[ref]), sent).status_code == 404
    assert Decision.objects.count() == 0
