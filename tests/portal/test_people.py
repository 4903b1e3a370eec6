"""One person: which links there are, erasing them on request, and by themselves once the account is deleted."""

import json
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.test import Client
from django.utils import timezone

from connector.errors import WireError
from connector.models import Change, Check, Connection, Entry, Organization, User
from connector.teams import graph
from portal import gone
from tests.portal.deciding import Directory, browser_of
from tests.portal.steps import words
from tests.servers import Reply, Request
from tests.visits import factories
from tests.visits.factories import administrator
from visits.models import Browser, EhrUserLink, Participant, Visit

pytestmark = pytest.mark.django_db
CARLA = "carla.mendes@riverside.example"
BATCH = "/v1.0/$batch"


@pytest.fixture
def organization() -> Organization:
    return factories.organization()


@pytest.fixture
def ada(organization: Organization, directory: Directory) -> User:
    return directory.knows(administrator(organization))


@pytest.fixture
def browser(ada: User) -> Client:
    return browser_of(ada)


@pytest.fixture
def carla(organization: Organization, directory: Directory) -> User:
    """A clinician whom the directory knows, with a link, a running visit and one that has ended."""
    user = directory.knows(factories.user(organization.tid))
    account = {"id": str(user.oid), "displayName": "Dr. Carla Mendes", "userPrincipalName": CARLA}
    directory.says_of(CARLA, account | {"accountEnabled": True})
    linked(factories.connection(organization), user)
    Browser.objects.create(id_hash="b", user=user)
    return user


def linked(connection: Connection, user: User, **kept: Any) -> EhrUserLink:
    running, over = (factories.visit(connection, session=uuid.uuid4().hex) for _ in range(2))
    Visit.objects.filter(pk=over.pk).update(ended_at=timezone.now())
    hashed = uuid.uuid4().hex
    for visit in (running, over):
        one = factories.participant(visit, "provider", linked=user)
        Participant.objects.filter(pk=one.pk).update(ehr_user_hash=hashed)
    return EhrUserLink.objects.create(connection=connection, ehr_user_hash=hashed, hash_kid="k", user=user, **kept)


def shown(browser: Client, typed: str = CARLA) -> BeautifulSoup:
    return BeautifulSoup(browser.post("/people/", {"person": typed}).content, "html.parser")


def test_a_persons_links_are_shown_with_when_they_were_made_and_used_and_no_id(
    browser: Client, carla: User, organization: Organization
) -> None:
    EhrUserLink.objects.update(used_at=timezone.now())
    page = shown(browser)
    [row] = page.select("table.data tbody tr")
    assert "Testing" in words(row)
    assert len(row.select("time")) == 2
    assert EhrUserLink.objects.get().ehr_user_hash not in str(page)


def test_a_name_that_several_have_asks_which(browser: Client, directory: Directory, carla: User) -> None:
    other = directory.knows(factories.user(carla.tid))
    named = {"displayName": "Carla Mendes", "accountEnabled": True}
    directory.finds(
        named | {"id": str(carla.oid), "userPrincipalName": CARLA},
        named | {"id": str(other.oid), "userPrincipalName": "c.mendes@riverside.example"},
    )
    assert len(shown(browser, "Carla").select("[type=radio]")) == 2
    chosen = browser.post("/people/", {"person": "Carla", "oid": str(other.oid)}).content.decode()
    assert "This account is linked to no EHR user" in chosen


def test_somebody_who_was_disabled_is_found_too(browser: Client, directory: Directory, carla: User) -> None:
    account = {"id": str(carla.oid), "displayName": "Dr. Carla Mendes", "userPrincipalName": CARLA}
    directory.says_of(CARLA, account | {"accountEnabled": False})
    assert "Disabled" in words(shown(browser).main)


def test_nobody_and_a_silent_directory_are_told_apart(browser: Client, directory: Directory, ada: User) -> None:
    directory.finds()
    assert "Nobody in the directory" in words(shown(browser, "Zoe").main)
    directory.server.answer("/v1.0/users", Reply("<h1>Bad gateway</h1>", 502))
    assert "does not answer" in words(shown(browser, "Zoe").main)


def test_erasing_all_is_a_line_of_the_history_that_does_not_name_the_person(
    browser: Client, carla: User, organization: Organization
) -> None:
    linked(factories.connection(organization), carla)
    browser.post("/people/erase/", {"oid": str(carla.oid)})
    assert not EhrUserLink.objects.exists()
    lines = organization.changes.filter(kind=Change.Kind.UNLINKED)
    assert [one.detail for one in lines] == [{"count": 1, "why": "on-request"}] * 2
    assert {one.actor_name for one in lines} == {"Ada Lindqvist"}
    assert Entry.objects.filter(event="unlinked-on-request").count() == 2
    history = browser.get("/history/").content.decode()
    assert "at the person&#x27;s request" in history
    assert "Mendes" not in history


def test_the_log_tells_that_links_were_erased_and_of_nobody(
    browser: Client,
    carla: User,
    caplog: pytest.LogCaptureFixture,
    django_capture_on_commit_callbacks: Callable[..., Any],
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        browser.post("/people/erase/", {"oid": str(carla.oid)})
    [line] = [one for one in caplog.records if one.message == "links erased"]
    ref = Connection.objects.get().ref
    assert (line.__dict__["reason"], line.__dict__["connection"], line.__dict__["count"]) == (
        "unlinked-on-request",
        ref,
        1,
    )


def test_who_is_erased_is_nobody_in_visits_that_run_and_in_no_browser(
    browser: Client, carla: User, organization: Organization
) -> None:
    browser.post("/people/erase/", {"oid": str(carla.oid)})
    people = dict(Participant.objects.values_list("visit__ended_at", "user"))
    assert people.pop(None) is None
    assert list(people.values()) == [carla.pk]  # what has ended stays until it is forgotten
    assert Browser.objects.get().user is None


def test_who_has_no_link_is_erased_too_and_the_page_says_so_and_what_is_left(
    browser: Client, carla: User, organization: Organization
) -> None:
    EhrUserLink.objects.all().delete()
    button = shown(browser).select_one("form[action='/people/erase/'] button")
    assert words(button) == "Erase all that knows this account"

    def said() -> str:
        return words(BeautifulSoup(browser.post("/people/erase/", sent, follow=True).content, "html.parser").main)

    sent = {"oid": str(carla.oid)}
    assert "There was no link. Visits that run and browsers do not know the account any more." in said()
    assert not Participant.objects.filter(user=carla, visit__ended_at=None).exists()
    assert Browser.objects.get().user is None
    assert organization.changes.get(kind=Change.Kind.UNLINKED).detail == {"count": 0, "why": "on-request"}
    assert "There was nothing left to erase." in said()


def test_one_of_several_links_is_erased_alone(browser: Client, carla: User, organization: Organization) -> None:
    second = linked(factories.connection(organization), carla)
    browser.post("/people/erase/", {"oid": str(carla.oid), "link": str(second.pk)})
    assert EhrUserLink.objects.exclude(pk=second.pk).count() == EhrUserLink.objects.count() == 1


@pytest.mark.parametrize("sent", [{}, {"oid": "x"}, {"oid": str(uuid.uuid4()), "link": "x"}])
def test_a_form_that_names_nobody_is_a_404(browser: Client, sent: dict[str, str]) -> None:
    assert browser.post("/people/erase/", sent).status_code == 404


def test_nobody_erases_a_link_of_another_organization(browser: Client, carla: User) -> None:
    theirs = factories.connection()
    link = linked(theirs, factories.user(theirs.organization.tid))
    browser.post("/people/erase/", {"oid": str(link.user.oid), "link": str(link.pk)})
    browser.post("/people/erase/", {"oid": str(carla.oid), "link": str(link.pk)})
    assert EhrUserLink.objects.filter(pk=link.pk).exists()


def test_an_administrator_whose_role_is_gone_erases_nothing(
    browser: Client, ada: User, carla: User, directory: Directory
) -> None:
    directory.knows(ada, enabled=False)
    browser.post("/people/erase/", {"oid": str(carla.oid)})
    assert EhrUserLink.objects.exists()


# ---------------------------------------------------------------------------------------------------- deleted accounts
Answer = Callable[[str], tuple[int, str]]


def answers(directory: Directory, say: Answer) -> None:
    """What a batch says of each account: status and error code."""

    def batch(request: Request) -> Reply:
        asked = json.loads(request.body)["requests"]
        assert 0 < len(asked) <= graph.BATCH
        told = [(one["id"], *say(one["url"].split("/")[2].partition("?")[0])) for one in asked]
        bodies = [{"id": id_, "status": status, "body": {"error": {"code": code}}} for id_, status, code in told]
        return Reply({"responses": bodies})

    directory.server.choose(BATCH, batch)


DELETED, KNOWN = (404, "Request_ResourceNotFound"), (200, "")


def test_the_link_of_a_deleted_account_is_erased_and_the_history_says_why(
    directory: Directory, organization: Organization, carla: User
) -> None:
    other = directory.knows(factories.user(organization.tid))
    kept = linked(factories.connection(organization), other)
    answers(directory, lambda oid: DELETED if oid == str(carla.oid) else KNOWN)
    gone.check_due(timezone.now())
    assert list(EhrUserLink.objects.all()) == [kept]
    line = organization.changes.get(kind=Change.Kind.UNLINKED)
    assert (line.actor, line.detail) == (None, {"count": 1, "why": "account-gone"})


@pytest.mark.parametrize(
    "answer",
    [KNOWN, (403, "Authorization_RequestDenied"), (404, "UnknownError"), (429, "TooManyRequests"), (503, "")],
    ids=str,
)
def test_whatever_else_is_said_of_an_account_its_link_stays(
    directory: Directory, carla: User, answer: tuple[int, str]
) -> None:
    answers(directory, lambda _oid: answer)
    gone.check_due(timezone.now())
    assert EhrUserLink.objects.exists()


@pytest.mark.parametrize(
    "reply",
    [
        Reply("<h1>Bad gateway</h1>", 502),
        Reply("", 404),
        Reply({"error": {"code": "Request_ResourceNotFound"}}, 404),
        Reply({"responses": [{"id": "0"}, {"id": "7", "status": 404}, "?"]}),
        Reply({"responses": None}),
    ],
    ids=["outage", "nothing", "no such thing", "half an answer", "no answers"],
)
def test_a_directory_that_does_not_answer_takes_nobodys_link(directory: Directory, carla: User, reply: Reply) -> None:
    directory.server.answer(BATCH, reply)
    gone.check_due(timezone.now())
    assert EhrUserLink.objects.exists()


def test_after_an_outage_it_is_asked_again_and_otherwise_once_a_day(
    directory: Directory, organization: Organization, carla: User
) -> None:
    directory.server.answer(BATCH, Reply("", 502))
    gone.check_due(timezone.now())
    answers(directory, lambda _oid: KNOWN)
    for hours in (0, 1, 22, 24):
        gone.check_due(timezone.now() + timedelta(hours=hours))
    assert len(directory.server.asked(BATCH)) == 3


def test_those_whose_directory_never_answers_take_nobodys_turn(
    directory: Directory, organization: Organization, carla: User
) -> None:
    """A run has time for one, which fails: the next run begins with the other, and so in turn."""
    other = factories.organization()
    linked(factories.connection(other), factories.user(other.tid))
    directory.server.answer(BATCH, Reply("", 502))
    now, tried = timezone.now(), []
    for hour in range(4):
        asked = list(gone._due(now + timedelta(hours=hour)))
        tried.append(asked[0])
        with pytest.raises(WireError):
            gone.check(asked[0])
    assert tried[:2] == tried[2:]
    assert set(tried) == {organization, other}
    assert set(Check.objects.values_list("state", flat=True)) == {Check.State.UNKNOWN}


def test_many_are_asked_in_batches(directory: Directory, organization: Organization, carla: User) -> None:
    connection = factories.connection(organization)
    for number in range(graph.BATCH):
        user = factories.user(organization.tid)
        EhrUserLink.objects.create(connection=connection, ehr_user_hash=str(number), hash_kid="k", user=user)
    answers(directory, lambda _oid: DELETED)
    gone.check_due(timezone.now())
    assert len(directory.server.asked(BATCH)) == 2
    assert not EhrUserLink.objects.exists()
