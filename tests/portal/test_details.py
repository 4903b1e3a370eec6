"""Details: what an administrator changes at once, with its line in the history."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from connector.models import Change, Connection
from portal.configure.details import FIELDS
from tests.portal.deciding import Directory, browser_of
from tests.visits import factories
from tests.visits.factories import administrator

pytestmark = pytest.mark.django_db
TYPED = {
    "label": "Cardiology",
    "notification_mail": "ehr-team@riverside.example",
    "help_line": "+1 555 0123",
    "help_hours": "Monday to Friday, 8 am to 6 pm",
    "retention_days": 60,
}


@pytest.fixture
def connection() -> Connection:
    return factories.connection()


@pytest.fixture
def ada(connection: Connection, directory: Directory) -> Client:
    return browser_of(directory.knows(administrator(connection.organization)))


def save(client: Client, connection: Connection, **typed: object) -> Any:
    return client.post(reverse("details", args=[connection.ref]), TYPED | typed)


def test_the_details_apply_at_once_and_the_history_has_both_values(connection: Connection, ada: Client) -> None:
    before = {name: getattr(connection, name) for name in FIELDS}
    assert save(ada, connection).status_code == 302
    connection.refresh_from_db()
    assert {name: getattr(connection, name) for name in FIELDS} == TYPED
    (change,) = Change.objects.filter(connection=connection)
    assert (change.kind, change.actor_name) == (Change.Kind.DETAILS, "Ada Lindqvist")
    assert change.detail == {name: [before[name], TYPED[name]] for name in FIELDS}


def test_what_is_not_different_leaves_no_line(connection: Connection, ada: Client) -> None:
    save(ada, connection)
    save(ada, connection)
    save(ada, connection, label="Oncology")
    assert [sorted(change.detail) for change in Change.objects.order_by("at")] == [sorted(FIELDS), ["label"]]


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("notification_mail", "nobody"),
        ("retention_days", "0"),
        ("retention_days", "366"),
        ("retention_days", ""),
        ("label", "x" * 121),
        ("help_line", "x" * 201),
    ],
)
def test_what_cannot_be_is_an_error_and_changes_nothing(
    connection: Connection, ada: Client, field: str, typed: str
) -> None:
    answer = save(ada, connection, **{field: typed})
    assert answer.status_code == 422
    assert f'id="id_{field}_error"' in answer.content.decode()
    assert "Cardiology" in answer.content.decode() or field == "label"
    assert not Change.objects.exists()


def test_the_approver_and_a_stranger_find_no_details(connection: Connection) -> None:
    assert connection.live
    ben = factories.user(connection.organization.tid)
    connection.live.__class__.objects.update(approver_oid=ben.oid)
    stranger = administrator(factories.organization())
    assert save(browser_of(ben), connection).status_code == 404
    assert save(browser_of(stranger), connection).status_code == 404


def test_the_hours_stand_beside_the_help_line_on_an_error_of_a_visit(connection: Connection, ada: Client) -> None:
    save(ada, connection)
    for door in ("patient", "provider"):
        shown = Client().get(f"/launch/{connection.ref}/{door}/").content.decode()
        assert "Monday to Friday, 8 am to 6 pm" in shown
        assert "+1 555 0123" in shown
