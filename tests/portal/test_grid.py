"""The grid under hands that should not be on it, or not any more, and what htmx gets."""

from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.test import Client
from django.urls import reverse

from connector.models import Administrator, Connection, User
from portal.configure.rows import MOST_OPEN
from tests.portal.deciding import Directory, browser_of
from tests.visits import factories
from tests.visits.factories import administrator

pytestmark = pytest.mark.django_db
GRID = reverse("configure")
TYPED = {"new-1-base_url": "https://ehr.example/R4", "new-1-approver": "Ben", "new-1-environment": "production"}


@pytest.fixture
def ada() -> User:
    return administrator(factories.organization())


def done(client: Client, **headers: str) -> Any:
    sent = TYPED | {"open": "new-1", "done": "new-1"}
    return client.post(GRID, sent, headers=headers)


def kept(answer: Any) -> dict[str, str]:
    """What the fields hold that were typed."""
    soup = BeautifulSoup(answer.content, "html.parser")
    held = {str(one["name"]): str(one.get("value", "")) for one in soup.select("input[name]")}
    chosen = soup.select_one("[name=new-1-environment] option[selected]")
    return {name: held.get(name, "") for name in TYPED} | {"new-1-environment": str(chosen and chosen["value"])}


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("disabled", "was disabled"),
        ("gone", "does not know your account"),
        ("silent", "could not confirm"),
        ("no role", "no longer an administrator"),
    ],
)
def test_whom_the_directory_does_not_confirm_submits_nothing_and_loses_nothing(
    state: str, said: str, ada: User, directory: Directory
) -> None:
    Administrator.objects.update(proof=Administrator.Proof.DIRECTORY_CLAIM)
    directory.knows(ada if state != "gone" else factories.user(ada.tid), enabled=state != "disabled")
    directory.says_of_roles(ada)
    if state == "silent":
        directory.is_silent_about(ada)
    answer = done(browser_of(ada))
    assert (answer.status_code, kept(answer)) == (422, TYPED)
    assert said in answer.content.decode()
    assert not Connection.objects.exists()
    assert Administrator.objects.filter(user=ada).exists() == (state != "no role")


def test_an_app_role_is_as_good_as_its_holders_account(ada: User, directory: Directory) -> None:
    directory.knows(ada)
    directory.says_of_roles(ada)
    answer = done(browser_of(ada))
    assert "no longer an administrator" not in answer.content.decode()
    assert Administrator.objects.filter(user=ada).exists()


@pytest.mark.parametrize("sent", [{"edit": "{ref}"}, {"open": "{ref}"}, {"open": "{ref}", "done": "{ref}"}])
def test_another_organizations_connection_is_not_found(sent: dict[str, str], ada: User, directory: Directory) -> None:
    theirs = factories.connection()
    form = {name: value.format(ref=theirs.ref) for name, value in sent.items()}
    assert browser_of(directory.knows(ada)).post(GRID, form).status_code == 404


@pytest.mark.parametrize("key", ["new-0", "new-x", "new-99999", "'--", "\x00"])
def test_a_row_that_nobody_could_have_opened_is_not_found(key: str, ada: User) -> None:
    assert browser_of(ada).post(GRID, {"open": key, "add": "1"}).status_code in {400, 404}


def test_no_more_than_twenty_rows_are_open(ada: User) -> None:
    sent = {"open": [f"new-{number}" for number in range(1, 200)], "add": "1"}
    answer = browser_of(ada).post(GRID, sent)
    assert answer.content.decode().count('class="row"') == MOST_OPEN


def test_who_has_no_role_any_more_is_sent_to_the_door(ada: User) -> None:
    client = browser_of(ada)
    Administrator.objects.all().delete()
    assert done(client).headers["Location"] == reverse("portal")


def test_after_sign_out_a_post_leads_to_the_sign_in_and_back() -> None:
    answer = done(Client())
    assert (answer.status_code, answer.headers["Location"]) == (302, f"{reverse('signin')}?next={GRID}")


def test_an_error_reaches_htmx_as_a_page_that_it_shows(ada: User, directory: Directory) -> None:
    directory.knows(ada, enabled=False)
    assert done(browser_of(ada), **{"HX-Request": "true"}).status_code == 200
