"""Whose administrator's role is kept when nobody can confirm it, and who governs a live connection."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from connector import access
from connector.access import Proof
from connector.http import Deadline
from connector.models import Administrator, Connection, User
from connector.teams.entra import Identity
from tests.servers import Reply, Server
from tests.visits import factories

pytestmark = pytest.mark.django_db
EDGE = timedelta(minutes=5)


@pytest.fixture
def microsoft(server: Server, settings: Settings) -> Server:
    """Entra and Graph in one server that knows no tenant until it is told."""
    settings.ENTRA_AUTHORITY = settings.GRAPH_URL = server.url
    return server


def administrator(ago: timedelta) -> User:
    """Somebody who was last shown to be an administrator this long ago."""
    organization = factories.organization()
    user = factories.user(organization.tid)
    Administrator.objects.create(
        organization=organization,
        user=user,
        name="Ada Lindqvist",
        proof=Proof.DIRECTORY_READ,
        confirmed_at=timezone.now() - ago,
    )
    return user


def enters(user: User, *, wids: frozenset[str] | None = None) -> list[Administrator]:
    """Sign in, without role claims unless some are given; what the person administers then."""
    identity = Identity(str(user.tid), str(user.oid), "Ada Lindqvist", "ada@riverside.example", roles=None, wids=wids)
    assert access.enter(identity, Deadline.after(5)) == user
    return list(user.administers.all())


def directory_says(microsoft: Server, user: User, *roles: str) -> None:
    microsoft.answer(f"/{user.tid}/oauth2/v2.0/token", Reply({"access_token": "granted", "expires_in": 3600}))
    path = f"/v1.0/users/{user.oid}/transitiveMemberOf/microsoft.graph.directoryRole"
    microsoft.answer(path, Reply({"value": [{"roleTemplateId": role} for role in roles]}))


def test_a_role_that_nobody_could_confirm_is_kept_for_a_day(microsoft: Server) -> None:
    user = administrator(access.UNCONFIRMED_LIFE - EDGE)
    before = user.administers.get().confirmed_at
    [kept] = enters(user)
    assert kept.confirmed_at == before  # nothing was proven, so the day does not begin anew
    assert microsoft.asked(f"/{user.tid}/oauth2/v2.0/token")


def test_a_role_that_nobody_could_confirm_for_a_day_is_a_role_no_more(microsoft: Server) -> None:
    assert enters(administrator(access.UNCONFIRMED_LIFE + EDGE)) == []


def test_a_role_that_the_directory_confirms_lives_another_day(microsoft: Server, settings: Settings) -> None:
    user = administrator(access.UNCONFIRMED_LIFE + EDGE)
    directory_says(microsoft, user, *settings.ENTRA_ADMINISTRATOR_ROLES)
    [renewed] = enters(user)
    assert renewed.confirmed_at > timezone.now() - EDGE
    assert len(enters(user)) == 1


def test_a_role_that_the_directory_denies_ends_at_once(microsoft: Server) -> None:
    user = administrator(EDGE)
    directory_says(microsoft, user, str(uuid.uuid4()))
    assert enters(user) == []


def test_a_role_that_the_token_denies_ends_at_once_and_nobody_is_asked(microsoft: Server) -> None:
    assert enters(administrator(EDGE), wids=frozenset({str(uuid.uuid4())})) == []
    assert microsoft.requests == []


def approver_of(connection: Connection) -> User:
    """The approver of the revision that was submitted last."""
    newest = connection.revisions.latest("number")
    return User.objects.create(tid=connection.organization.tid, oid=newest.approver_oid)


@pytest.fixture
def changing() -> Connection:
    """A live connection with a proposal that names another approver."""
    made = factories.connection()
    live = made.live
    made.proposed = factories.approve(made)
    made.live = live
    made.save()
    return made


def test_the_approver_of_the_live_revision_governs_it(changing: Connection) -> None:
    assert changing.live
    approver = User.objects.create(tid=changing.organization.tid, oid=changing.live.approver_oid)
    assert access.governs(approver, changing)


def test_who_is_only_named_by_the_proposal_does_not_govern(changing: Connection) -> None:
    assert not access.governs(approver_of(changing), changing)


def test_an_administrator_governs(changing: Connection) -> None:
    user = factories.user(changing.organization.tid)
    assert not access.governs(user, changing)
    access.make_administrator(changing.organization, user, name="Ada Lindqvist", proof=Proof.APP_ROLE)
    assert access.governs(user, changing)


def test_another_organizations_administrator_does_not_govern(changing: Connection) -> None:
    assert not access.governs(administrator(EDGE), changing)


def test_nobody_but_an_administrator_governs_what_is_not_live(changing: Connection) -> None:
    changing.live = None
    changing.save()
    assert not access.governs(approver_of(changing), changing)
