"""Which account an EHR user is, and what the chart shows of it, change together: whoever links, unlinks or erases."""

import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.core import signing
from django.db import OperationalError, connection, connections, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connector.models import Entry, User
from tests.database import waiting_for_locks
from tests.visits import factories
from tests.visits.test_presence.telling import begin_story, roster
from tests.visits.test_presence.test_refold import WHO_WAITS_DIES, wait_until
from visits import browsers, handles, link, presence, unlinking
from visits.arrival.press import Press
from visits.arrival.rows import find_participant, hash_of_user
from visits.models import Browser, EhrUserLink, Launch, Participant, Visit

CARLA, BROWSER = "Practitioner/carla", "browser-1"


@dataclass
class Scene:
    """A clinician who is in the call of a visit under her Microsoft account, linked or not."""

    visit: Visit = field(default_factory=factories.visit)
    user: User = field(init=False)
    she: Participant = field(init=False)
    client: Client = field(default_factory=Client)

    def __post_init__(self) -> None:
        begin_story()
        of = self.visit.connection
        self.user = factories.user(of.organization.tid)
        self.she = factories.participant(self.visit, "provider", linked=self.user)
        self.hashed, self.kid = hash_of_user(of, CARLA)
        Participant.objects.update(ehr_user_hash=self.hashed, hash_kid=self.kid)
        self.she.refresh_from_db()
        self.client.cookies[browsers.COOKIE] = signing.dumps(BROWSER, salt=browsers.SALT)
        until = timezone.now() + timedelta(minutes=15)
        Browser.objects.create(id_hash=browsers.hash_of(BROWSER), user=self.user, list_until=until)
        roster(self.visit, "desk", "connected", 5, oid=str(self.user.oid))

    def is_linked(self) -> None:
        given = {"connection": self.visit.connection, "hash_kid": self.kid, "user": self.user}
        EhrUserLink.objects.create(ehr_user_hash=self.hashed, **given)

    def is_not_linked(self) -> None:
        Participant.objects.update(user=None)

    def pressed(self) -> tuple[Launch, str]:
        row = Launch(connection=self.visit.connection, door="provider", browser_hash=browsers.hash_of(BROWSER))
        row.state_hash, row.redeemed_at, row.participant = str(row.id), timezone.now(), self.she
        row.save(force_insert=True)
        return row, handles.issue(row)

    def kept(self) -> list[Any]:
        people = Participant.objects.order_by("pk").values_list("pk", "user")
        rows = [EhrUserLink.objects.values_list("user"), people, Browser.objects.values(), Entry.objects.values("pk")]
        return [list(one) for one in rows]


def erased(scene: Scene) -> Callable[[], Any]:
    scene.is_linked()
    presence.refold(scene.visit.pk)
    return partial(unlinking.erase, scene.visit.connection.organization, scene.user.oid, event="unlinked-on-request")


def unlinked(scene: Scene) -> Callable[[], Any]:
    scene.is_linked()
    presence.refold(scene.visit.pk)
    return lambda: scene.client.post(reverse("unlink", args=[scene.pressed()[1]]))


def confirmed(scene: Scene) -> Callable[[], Any]:
    scene.is_not_linked()

    def confirm() -> Any:
        row, handle = scene.pressed()
        answer = {"launch": str(row.id), "asked": str(row.id), "oid": str(scene.user.oid), "name": "", "named": True}
        return scene.client.post(reverse("link", args=[handle]), {"token": signing.dumps(answer, salt=link.SALT)})

    return confirm


def pressed(scene: Scene) -> Callable[[], Any]:
    scene.is_linked()
    scene.is_not_linked()
    press = Press(Participant.Role.PROVIDER, CARLA, " 1", "", "", "")
    return partial(find_participant, scene.visit, press)


def entered_from_the_list(scene: Scene) -> Callable[[], Any]:
    scene.is_linked()
    Participant.objects.all().delete()
    scene.visit.organizer, scene.visit.opened_at = scene.user, timezone.now()
    scene.visit.seal("join_url", "https://teams.example/l/meetup-join/1")
    scene.visit.save()
    return lambda: scene.client.post(reverse("open_visit", args=[scene.visit.pk]))


ACTS = [erased, unlinked, confirmed, pressed, entered_from_the_list]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("who", ACTS)
def test_an_account_is_given_or_taken_and_folded_or_neither(who: Callable[[Scene], Callable[[], Any]]) -> None:
    """Its process dies as it waits for the fold: what was kept alone nobody else would fold. And it waits before it
    holds any participant, whom another that holds the visit may need."""
    scene = Scene()
    act = who(scene)
    before = scene.kept()

    def dies() -> None:
        with contextlib.suppress(OperationalError):
            act()
        connections.close_all()

    with ThreadPoolExecutor(1) as threads:
        with transaction.atomic():
            Visit.objects.select_for_update(no_key=True).get(pk=scene.visit.pk)
            acting = threads.submit(dies)
            assert wait_until(lambda: waiting_for_locks() == 1)
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '3s'")
                scene.visit.participants.update(sent_at=None)
                cursor.execute(WHO_WAITS_DIES)
        acting.result()
    assert scene.kept() == before
    act()
    after = scene.kept()
    assert after != before
    presence.refold(scene.visit.pk)
    assert scene.kept() == after, "what it kept was not folded"


@pytest.mark.django_db
@pytest.mark.parametrize("who", [confirmed, pressed, entered_from_the_list])
def test_who_is_in_the_call_already_is_shown_there_at_once(who: Callable[[Scene], Callable[[], Any]]) -> None:
    scene = Scene()
    who(scene)()
    [she] = Participant.objects.all()
    assert she.user == scene.user
    assert Entry.objects.filter(event="participant-connected", participant=she.pk).count() == 1


@pytest.mark.django_db
def test_who_is_linked_to_nobody_is_erased_from_visits_that_run_and_from_browsers() -> None:
    """Confirmed for one visit alone, or unlinked before: there is no link to find her by."""
    scene = Scene()
    organization = scene.visit.connection.organization
    gone = unlinking.erase(organization, scene.user.oid, event="unlinked-on-request")
    assert (gone.links, gone.browsers) == ({scene.visit.connection: 0}, 1)
    assert Participant.objects.get().user is None
    assert (Browser.objects.get().user, Browser.objects.get().list_until) == (None, None)
    assert Entry.objects.filter(event="unlinked-on-request").count() == 1
    assert not unlinking.erase(organization, scene.user.oid, event="unlinked-on-request").anything


@pytest.mark.django_db
def test_another_organization_erases_nothing_of_an_account() -> None:
    scene = Scene()
    assert not unlinking.erase(factories.organization(), scene.user.oid, event="unlinked-on-request").anything
    assert Participant.objects.get().user == Browser.objects.get().user == scene.user


@pytest.mark.django_db
def test_who_unlinks_is_forgotten_in_this_browser_and_not_in_another() -> None:
    scene = Scene()
    elsewhere = Browser.objects.create(id_hash="elsewhere", user=scene.user)
    assert unlinked(scene)().status_code == 302
    assert Browser.objects.exclude(pk=elsewhere.pk).get().user is None
    elsewhere.refresh_from_db()
    assert elsewhere.user == scene.user
