"""Every address, asked with GET and POST by everybody who has no business there: nobody finds anything, nothing
changes; and by those who have, so that the table means something."""

import uuid
from collections.abc import Iterator, Mapping
from copy import copy
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.core import signing
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from connector.models import Administrator, Connection, EhrSignIn, Revision, User
from tests.portal.deciding import PROOF, browser_of, directory_of, waiting
from tests.rules.test_routes import CLOSED, ROUTES
from tests.visits import factories
from tests.visits.factories import administrator
from visits import browsers, handles
from visits import services as visits
from visits.models import Browser, Launch, Participant, Writeback

pytestmark = pytest.mark.django_db
OWNED = [name for name in CLOSED if "ref" in ROUTES[name].pattern.converters]
FORMS = {
    "decide": {"action": "return", "reason": "No."},
    "act": {"action": "withdraw", "reason": "No."},
    "history_one_export": {"format": "csv"},
}
METHODS = ("get", "post")
# Pages of one's own, whoever is signed in; they lead on, or show that there is nothing.
EVERYBODYS = {
    "approve",
    "configure",
    "configure_add",
    "configure_people",
    "consent",
    "ehr_signin_callback",
    "portal",
    "records",
    "signout",
    "status",
}
# What an approver reaches of the connection that names him, and what he alone reaches.
APPROVERS = {
    "act",
    "approve_one",
    "connection",
    "decide",
    "downtime_announce",
    "downtime_end",
    "edit",
    "ehr_signin",
    "ehr_signin_not_sent_back",
    "guide",
    "guide_screen",
    "guide_whole",
    "history",
    "history_one",
    "history_one_export",
    "preflight",
    "record",
    "record_certificate",
    "record_check",
    "record_download",
    "send_again",
    "status_one",
    "target_on",
    "test_side",
    "test_visit",
    "try_visit",
    "writeback_again",
    "writebacks",
}
# What an address, or its form, names beside the connection. Whose it is has to be asked of both.
BESIDE = {"number", "visit"}
MIXED = [name for name in OWNED if ROUTES[name].pattern.converters.keys() & BESIDE] + ["decide"]
SHOWN_ALONE = {"test_visit", "visit_timeline"}  # no form of theirs changes anything
HIS_ALONE = {"decide", "ehr_signin", "ehr_signin_not_sent_back"}
HANDLES = sorted(name for name in ROUTES if "handle" in ROUTES[name].pattern.converters)


@dataclass
class Owned:
    """A connection with everything that an address of it may name, and its administrator, who is its approver too."""

    user: User = field(init=False)
    connection: Connection = field(init=False)
    named: dict[str, object] = field(init=False)
    numbers: dict[str, int] = field(init=False)  # by the name of the route that has it in its address

    def __post_init__(self) -> None:
        self.connection = factories.connection(factories.organization(), base_url="https://localhost:9/api/FHIR/R4")
        self.user = administrator(self.connection.organization)
        settings = self.connection.shown.settings | {"authentication": "certificate"}
        Revision.objects.update(settings=settings, approver_oid=self.user.oid)
        assert self.connection.live
        EhrSignIn.objects.create(revision=self.connection.live, user=self.user, proof=PROOF)
        self.named = {
            "ref": self.connection.ref,
            "name": "keys",
            "what": "trail",
            "slug": "client-records",
            "side": "patient",
            "visit": self._test_visit(),
        }
        self.numbers = {
            "downtime_end": self._downtime(),
            "reports_reader_remove": self._reader(),
            "target_on": self._target_that_is_off(),
            "writeback_again": self._writeback_that_was_given_up(),
        }
        self.revision = waiting(self.connection, self.user)
        Revision.objects.update(settings=settings)

    def _test_visit(self) -> uuid.UUID:
        sides = {side: visits.Ids(" 1", "CSN") for side in ("provider", "patient")}
        return visits.begin_test(self.connection, self.user, "770011", sides).pk

    def _downtime(self) -> int:
        begins, ends = (timezone.now() + timedelta(hours=hours) for hours in (1, 2))
        named = {"announced_by": self.user, "announced_by_name": "Ada Lindqvist"}
        return self.connection.downtimes.create(begins_at=begins, ends_at=ends, **named).pk

    def _reader(self) -> int:
        named = {"oid": uuid.uuid4(), "name": "Rita Reader", "upn": "rita@riverside.example"}
        return self.connection.organization.readers.create(**named).pk

    def _target_that_is_off(self) -> int:
        off = {"off_under": self.connection.live, "off_code": "404", "off_since": timezone.now()}
        return self.connection.targets.create(kind="audit", name="Repository", **off).pk

    def _writeback_that_was_given_up(self) -> int:
        told = {"presence": "connected", "happened_at": timezone.now(), "state": Writeback.State.DEAD, "code": "404"}
        told |= {"target": self.connection.targets.get(kind="status"), "organization": self.connection.organization}
        patient = Participant.objects.get(visit__connection=self.connection, role="patient")
        return patient.writebacks.create(visit=patient.visit, sequence=1, lane=0, **told).pk

    def address(self, name: str) -> str:
        named = self.named | {"number": self.numbers.get(name)}
        return reverse(name, kwargs={key: named[key] for key in ROUTES[name].pattern.converters if key in named})


@pytest.fixture
def theirs() -> Owned:
    """A connection whose approver is somebody else than its administrator."""
    made = Owned()
    named = factories.user(made.connection.organization.tid)
    Revision.objects.update(approver_oid=named.oid)
    assert made.connection.live
    EhrSignIn.objects.create(revision=made.connection.live, user=named, proof=PROOF)
    return made


def approver(of: Owned) -> User:
    return User.objects.get(oid=of.connection.revisions.latest("number").approver_oid)


def asked(client: Client, of: Owned, name: str) -> Iterator[Any]:
    """Each answer but those to a method that the address does not take."""
    sent = FORMS.get(name, {}) | {"revision": str(of.revision.pk)}
    for method in METHODS:
        answer = getattr(client, method)(of.address(name), sent if method == "post" else {})
        if answer.status_code != 405:
            yield answer


def kept() -> dict[str, list[Any]]:
    """Everything that the database holds of organizations and visits."""
    models = (model for app in ("connector", "visits") for model in apps.get_app_config(app).get_models())
    return {model.__name__: sorted(map(str, model._default_manager.values())) for model in models}


def changes(before: Mapping[str, list[Any]]) -> tuple[set[str], set[str]]:
    """(rows that are gone or other ones now, new rows) since `kept` told what there was."""
    now = {row for rows in kept().values() for row in rows}
    then = {row for rows in before.values() for row in rows}
    return then - now, now - then


def shows(answer: Any, of: Owned) -> bool:
    """Whether an answer tells anything of the connection."""
    told = answer.content.decode() + answer.headers.get("Location", "")
    return of.connection.ref in told or of.connection.base_url in told


def found(client: Client, of: Owned, but: frozenset[str] = frozenset()) -> dict[str, set[int]]:
    """Where somebody who is signed in to the portal finds more than a page of his own that shows nothing of theirs."""
    answers = {name: list(asked(client, of, name)) for name in CLOSED if name not in but | {"signout"}}
    return {
        name: {answer.status_code for answer in given}
        for name, given in answers.items()
        if any(answer.status_code != 404 and (name not in EVERYBODYS or shows(answer, of)) for answer in given)
    }


def in_a_visit(of: Owned, door: str, client: Client) -> str:
    """A handle of somebody who has launched in this browser."""
    visit = factories.visit(of.connection, session=door)
    client.cookies[browsers.COOKIE] = signing.dumps(door, salt=browsers.SALT)
    row = Launch(connection=of.connection, door=door, browser_hash=browsers.hash_of(door))
    row.state_hash, row.redeemed_at = browsers.hash_of(str(row.id)), timezone.now()
    row.participant = factories.participant(visit, door)
    row.save(force_insert=True)
    return handles.issue(row)


def patient(of: Owned) -> Client:
    browser = Client()
    in_a_visit(of, "patient", browser)
    return browser


def clinician(of: Owned) -> Client:
    """A clinician in his visit, who has signed in with Microsoft for his list too."""
    browser = Client()
    in_a_visit(of, "provider", browser)
    user = Participant.objects.get(role="provider", visit__test=False).user
    Browser.objects.create(
        id_hash=browsers.hash_of("provider"), user=user, list_until=timezone.now() + timedelta(minutes=15)
    )
    return browser


def nobody(of: Owned) -> Client:
    return Client()


@pytest.mark.parametrize("who", [nobody, patient, clinician])
def test_without_a_portal_session_every_address_of_the_portal_leads_to_the_sign_in(who: Any, theirs: Owned) -> None:
    browser = who(theirs)
    before = kept()
    for name in CLOSED:
        path = theirs.address(name)
        for method in METHODS:
            answer = getattr(browser, method)(path)
            assert (name, answer.status_code, answer.headers.get("Location")) == (name, 302, f"/signin/?next={path}")
    assert kept() == before


def stranger(of: Owned) -> Client:
    """An administrator of another tenant."""
    return browser_of(administrator(factories.organization()))


def colleague(of: Owned) -> Client:
    return browser_of(factories.user(of.connection.organization.tid))


def administrator_until_now(of: Owned) -> Client:
    """Somebody who works in an open session when his role is taken away."""
    browser = browser_of(of.user)
    assert shows(browser.get(reverse("configure")), of)
    Administrator.objects.filter(user=of.user).delete()
    return browser


# What a stranger may do in his own organization is not about theirs.
OF_HIS_OWN = frozenset({"history", "keys", "mails", "mails_again", "proof", "ready", "ready_organizer"}) | {
    name for name in CLOSED if name.startswith(("end", "people", "person", "reports", "trail"))
}


@pytest.mark.parametrize("who", [stranger, colleague, administrator_until_now])
def test_who_has_no_business_with_a_connection_finds_it_nowhere_and_changes_nothing(who: Any, theirs: Owned) -> None:
    browser = who(theirs)
    before = kept()
    own: frozenset[str] = OF_HIS_OWN if who is stranger else frozenset()
    assert found(browser, theirs, but=own) == {}
    assert kept() == before
    assert not any(shows(answer, theirs) for name in own for answer in asked(browser, theirs, name))
    gone, new = changes(before)
    assert (gone, [row for row in new if str(theirs.connection.organization_id) in row]) == (set(), [])


@pytest.mark.parametrize("name", MIXED)
def test_who_names_his_own_connection_finds_and_changes_nothing_of_another_beside_it(
    name: str, settings: Settings
) -> None:
    own, theirs = Owned(), Owned()
    with directory_of(settings) as directory:
        directory.knows(own.user)
        directory.knows(theirs.user)
        _mixed_up(own, theirs, name)


def _mixed_up(own: Owned, theirs: Owned, name: str) -> None:
    mixed = copy(theirs)
    mixed.named = theirs.named | {"ref": own.connection.ref}
    stranger, administrator = browser_of(own.user), browser_of(theirs.user)
    before = kept()
    for answer in asked(stranger, mixed, name):
        assert answer.status_code == 404 or not shows(answer, theirs)
    assert kept() == before
    # As against who may: it is there, and its form does something.
    assert 404 not in {answer.status_code for answer in asked(administrator, theirs, name)}
    assert any(changes(before)) is (name not in SHOWN_ALONE)


def test_an_approver_reaches_what_is_his_and_no_more(theirs: Owned) -> None:
    reached = set(found(browser_of(approver(theirs)), theirs)) - EVERYBODYS
    assert reached - APPROVERS == set()


@pytest.mark.parametrize("name", sorted(APPROVERS))
def test_an_approver_reaches_each_of_it(name: str, theirs: Owned) -> None:
    answers = [answer.status_code for answer in asked(browser_of(approver(theirs)), theirs, name)]
    assert answers
    assert 404 not in answers


@pytest.mark.parametrize("name", OWNED)
def test_an_administrator_reaches_everything_but_what_is_the_approvers(name: str, theirs: Owned) -> None:
    answers = [answer.status_code for answer in asked(browser_of(theirs.user), theirs, name)]
    assert (404 in answers) is (name in HIS_ALONE)


@pytest.mark.parametrize("door", ["patient", "provider"])
def test_a_page_of_a_visit_opens_in_its_own_browser_alone(door: str, theirs: Owned) -> None:
    own = Client()
    handle = in_a_visit(theirs, door, own)
    others = {"nobody": Client(), "administrator": browser_of(theirs.user), "approver": browser_of(approver(theirs))}
    others["the other side"] = Client()
    in_a_visit(theirs, "provider" if door == "patient" else "patient", others["the other side"])
    before, named = kept(), {"handle": handle, "visit": str(theirs.named["visit"])}
    for name in HANDLES:
        path = reverse(name, kwargs={one: named[one] for one in ROUTES[name].pattern.converters})
        for who, browser in others.items():
            statuses = {getattr(browser, method)(path).status_code for method in METHODS} - {405}
            assert (who, name, statuses) == (who, name, {410})
    assert kept() == before
    assert own.get(reverse("visit", args=[handle])).status_code == 200
