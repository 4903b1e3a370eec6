"""Once a day the directory is asked whether those who approve still can."""

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from connector.errors import WireError
from connector.models import Check, Connection, Notice, Revision, User
from portal import approvers
from tests.portal.deciding import Directory
from tests.visits import factories

pytestmark = pytest.mark.django_db
State = Check.State


@pytest.fixture
def directory(directory: Directory, settings: Settings) -> Directory:
    settings.EMAIL_HOST = "mail.example"
    return directory


@pytest.fixture
def connection() -> Connection:
    return factories.connection(mail="ehr-team@riverside.example")


@pytest.fixture
def ben(connection: Connection) -> User:
    user = factories.user(connection.organization.tid)
    Revision.objects.update(approver_oid=user.oid)
    return user


def found() -> list[tuple[str, str]]:
    return list(Check.objects.filter(name="approver").values_list("state", "code"))


def mails() -> list[tuple[str, str]]:
    return list(Notice.objects.values_list("kind", "recipient"))


def test_an_approver_who_can_approve_is_told_to_nobody(directory: Directory, ben: User) -> None:
    directory.knows(ben)
    approvers.check_due(timezone.now())
    assert (found(), mails()) == ([(State.OK, "")], [])


@pytest.mark.parametrize("code", ["account-disabled", "account-gone"])
def test_a_disabled_or_missing_approver_is_flagged_and_told_once_while_visits_go_on(
    directory: Directory, connection: Connection, ben: User, code: str
) -> None:
    known = ben if code == "account-disabled" else factories.user(ben.tid)
    directory.knows(known, enabled=False)
    for hours in (0, 25):
        approvers.check_due(timezone.now() + timedelta(hours=hours))
    assert found() == [(State.WRONG, code)]
    assert mails() == [("approver-disabled", connection.notification_mail)]
    connection.refresh_from_db()
    assert connection.state == Connection.State.APPROVED


def test_nobody_is_asked_about_twice_a_day(directory: Directory, ben: User) -> None:
    directory.knows(ben)
    approvers.check_due(timezone.now())
    assert list(approvers.due(timezone.now())) == []
    assert len(approvers.due(timezone.now() + timedelta(hours=24))) == 1


def test_a_silent_directory_takes_nothing_back_and_is_asked_again(directory: Directory, ben: User) -> None:
    directory.knows(ben, enabled=False)
    approvers.check_due(timezone.now())
    directory.is_silent_about(ben)
    approvers.check_due(timezone.now() + timedelta(hours=24))
    assert found() == [(State.WRONG, "account-disabled")]
    assert len(approvers.due(timezone.now() + timedelta(hours=24))) == 1


def test_who_cannot_be_asked_takes_nobodys_turn(directory: Directory, connection: Connection, ben: User) -> None:
    other = factories.connection(connection.organization)
    directory.is_silent_about(ben)
    with pytest.raises(WireError):
        approvers.check(connection)
    assert list(approvers.due(timezone.now())) == [other, connection]
    assert found() == [(State.UNKNOWN, "")]


def test_an_account_that_works_again_is_flagged_no_more(directory: Directory, ben: User) -> None:
    directory.knows(ben, enabled=False)
    approvers.check_due(timezone.now())
    directory.knows(ben)
    approvers.check_due(timezone.now() + timedelta(hours=24))
    assert found() == [(State.OK, "")]


def test_what_nobody_uses_is_not_asked_about(ben: User) -> None:
    Connection.objects.update(live=None)
    assert list(approvers.due(timezone.now())) == []
