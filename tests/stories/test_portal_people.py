"""The portal by other people than the usual two: one person for everything, a third one for consent alone, a guest who
approves, and a stranger who finds nothing."""

from collections.abc import Callable
from urllib.parse import urlsplit

import psycopg
from django.urls import reverse
from playwright.sync_api import Page, expect
from psycopg.rows import DictRow

from sandbox.cast import LAKESIDE_TID, RIVERSIDE
from sandbox.launcher.house import House
from tests.portal import steps
from tests.rules.test_routes import ARGUMENTS, CLOSED, ROUTES
from tests.stories import people

Person = Callable[..., Page]
BEN = RIVERSIDE.accounts[1]
OWNED = [name for name in CLOSED if "ref" in ROUTES[name].pattern.converters]


def told(database: psycopg.Connection[DictRow]) -> list[tuple[str, str]]:
    rows = database.execute("SELECT kind, recipient FROM connector_notice ORDER BY id").fetchall()
    return [(row["kind"], row["recipient"]) for row in rows]


def test_one_person_sets_everything_up_but_consent_which_a_third_gives(
    house: House, house_database: psycopg.Connection[DictRow], person: Person
) -> None:
    # Ben administers by an app role, which lets nobody give admin consent: he forwards that line.
    steps.switch(house, "entra", app_roles={BEN.oid: ["Connector.Administrator"]})
    ben, ada, epic = person(), person(), person()
    ben.goto(house.urls["web"])
    people.sign_in_with_microsoft(ben, "Ben Okafor")
    ben.locator("#consent form[action$='/forward/'] button").click()
    link = people.copied(ben, "Link")

    # Ada has no portal session, and gets none; yet she reads what is asked, and gives it.
    ada.goto(link)
    expect(ada.get_by_role("heading", name="Admin consent", exact=True)).to_be_visible()
    ada.get_by_role("link", name="Give consent at Microsoft").click()
    people.pick(ada, "Ada Lindqvist")
    ada.get_by_role("button", name="Accept").click()
    expect(ada.get_by_role("heading", name="Thank you: consent works")).to_be_visible()
    ada.goto(f"{house.urls['web']}/configure/")
    expect(ada.get_by_role("link", name="Sign in with Microsoft")).to_be_visible()

    # Ben sees that it was given, names himself, signs in to Epic and approves; no mail tells him what he does himself.
    ben.goto(f"{house.urls['web']}/ready/")
    expect(ben.locator("#consent")).to_contain_text("Consent was given")
    ben.get_by_role("link", name="Configuration information").first.click()
    people.add_base_url(ben, house.urls, "Ben Okafor")
    ben.get_by_role("link", name="Approve or view").click()
    ben.get_by_role("link", name="Sign in and approve").click()
    people.approve_here(ben, epic, house.urls)
    assert told(house_database) == []


def test_a_guest_approves_and_a_stranger_finds_nothing_at_any_address(
    house: House, house_database: psycopg.Connection[DictRow], person: Person
) -> None:
    ada, gita, epic, lena = (person() for _ in range(4))
    link = people.configure(ada, house.urls, approver="Gita Rao")
    # Her sign-in name at Riverside is no mailbox; the one of her home is.
    expect(ada.locator(people.MAIN)).to_contain_text("A mail brings it to gita.rao@lakeside.example too.")
    assert told(house_database) == [("proposal-waits", "gita.rao@lakeside.example")]

    # The link signs her in as Riverside's guest, though her account is Lakeside's.
    people.approve(gita, epic, house.urls, link, name="Gita Rao")
    ref = urlsplit(gita.url).path.split("/")[2]

    # Lena administers Lakeside, where Gita's account is at home: Riverside's connection is not there for her.
    steps.consent(house, LAKESIDE_TID)
    lena.goto(house.urls["web"])
    people.sign_in_with_microsoft(lena, "Lena Larsen")
    expect(lena.get_by_role("button", name="Sign out")).to_be_visible()
    found = {name: opened(lena, house, name, ref) for name in OWNED}
    assert set(found.values()) == {(404, "There is no page here"), (405, "Nothing was sent")}


def opened(page: Page, house: House, name: str, ref: str) -> tuple[int, str]:
    """How an address about a connection is answered: the status, and what the page is headed."""
    taken = {key: ARGUMENTS.get(key, "keys") for key in ROUTES[name].pattern.converters} | {"ref": ref}
    answer = page.goto(house.urls["web"] + reverse(name, kwargs=taken))
    assert answer
    return answer.status, page.get_by_role("heading", level=1).inner_text()
