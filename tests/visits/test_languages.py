"""The language of a visit's pages: the browser's until somebody picks one, and then his pick, with and without
cookies."""

from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation

from connector.models import Connection
from tests.portal.deciding import BACKEND
from tests.visits import factories
from tests.visits.factories import administrator
from visits import browsers, handles, languages
from visits.models import Launch

pytestmark = pytest.mark.django_db
WAITING = {
    "en": "You are in the right place",
    "es": "Está en el lugar correcto",
    "zh-hant": "您來對地方了",
}
LOST = {"en": "Please press the button again", "es": "Oprima el botón otra vez", "zh-hant": "請再按一次按鈕"}
SPANISH = {"Accept-Language": "es-MX,es;q=0.9,en;q=0.8"}


@pytest.fixture
def connection() -> Connection:
    return factories.connection()


def launched(of: Connection, role: str = "patient", browser_hash: str = "", **row: Any) -> Launch:
    made = Launch(connection=of, door=role, browser_hash=browser_hash, redeemed_at=timezone.now(), **row)
    made.participant = made.participant or factories.participant(factories.visit(of), role)
    made.state_hash = browsers.hash_of(str(made.id))
    made.save(force_insert=True)
    return made


class Reader:
    """Somebody who follows the links of his page, as it leads him on without cookies."""

    def __init__(self, client: Client, launch: Launch, **headers: str) -> None:
        self.client, self.headers = client, headers
        self.open(reverse("visit", args=[handles.issue(launch)]))

    def open(self, address: str, **headers: str) -> None:
        self.answer = self.client.get(address, headers=self.headers | headers)
        self.page = BeautifulSoup(self.answer.content, "html.parser")

    def refresh(self) -> None:
        """As the page does by itself: it comes back with its inside alone."""
        state = self.page.select_one("#state")
        assert state
        self.open(str(state["hx-get"]), HX_Request="true")

    def pick(self, name: str) -> None:
        self.open(next(str(link["href"]) for link in self.page.select("#languages a") if link.text == name))

    @property
    def heading(self) -> str:
        return self.page.h1.text if self.page.h1 else ""

    @property
    def language(self) -> tuple[str, str, str]:
        """What the page says of itself: `lang`, `dir`, and the header."""
        html = self.page.html
        assert html
        return str(html["lang"]), str(html["dir"]), self.answer.headers["Content-Language"]


@pytest.mark.parametrize(
    ("asked", "language"),
    [
        ("es-MX,es;q=0.9,en;q=0.8", "es"),
        ("zh-TW,zh;q=0.9", "zh-hant"),
        ("zh-HK", "zh-hant"),
        ("fr-CA,fr;q=0.8", "en"),
        ("de,es;q=0.5", "es"),
        ("", "en"),
        ("\0;;q=x", "en"),
    ],
)
def test_a_page_is_in_the_browsers_language(client: Client, connection: Connection, asked: str, language: str) -> None:
    reader = Reader(client, launched(connection), **{"Accept-Language": asked})
    assert reader.heading == WAITING[language]
    assert reader.language == (language, "ltr", language)
    assert "Accept-Language" in reader.answer.headers["Vary"]


def test_each_language_is_offered_by_its_own_name_and_the_present_one_is_marked(
    client: Client, connection: Connection
) -> None:
    reader = Reader(client, launched(connection), **SPANISH)
    links = reader.page.select("#languages a")
    assert [(link.text, link["lang"]) for link in links] == [
        ("English", "en"),
        ("Español", "es"),
        ("繁體中文", "zh-hant"),
    ]
    assert [link.text for link in links if link.get("aria-current")] == ["Español"]


def test_a_pick_holds_without_cookies_through_every_refresh(client: Client, connection: Connection) -> None:
    launch = launched(connection)
    reader = Reader(client, launch, **SPANISH)
    reader.pick("繁體中文")
    for _ in range(3):
        assert reader.heading == WAITING["zh-hant"]
        reader.refresh()
    launch.refresh_from_db()
    assert launch.language == "zh-hant"
    assert reader.answer.cookies == {}


def test_a_pick_holds_when_the_same_person_presses_the_button_again(client: Client, connection: Connection) -> None:
    first = launched(connection)
    Reader(client, first).pick("Español")
    again = Reader(client, launched(connection, participant=first.participant))
    somebody = Reader(client, launched(factories.connection()))
    assert (again.heading, somebody.heading) == (WAITING["es"], WAITING["en"])


def test_a_page_that_is_lost_says_so_in_the_language_that_was_picked(client: Client, connection: Connection) -> None:
    launch = launched(connection)
    reader = Reader(client, launch)
    reader.pick("Español")
    Launch.objects.update(handle_until=timezone.now())
    address = reader.answer.request["PATH_INFO"]
    reader.open(address)
    assert (reader.answer.status_code, reader.heading) == (410, LOST["es"])
    reader.pick("繁體中文")
    assert reader.heading == LOST["zh-hant"]
    launch.refresh_from_db()
    assert launch.language == "es"  # nobody knows who asks by now


def test_another_browser_does_not_pick_for_the_one_whose_page_it_is(client: Client, connection: Connection) -> None:
    launch = launched(connection, browser_hash="another")
    client.get(reverse("visit", args=[handles.issue(launch)]), {"language": "es"})
    launch.refresh_from_db()
    assert launch.language == ""


@pytest.mark.parametrize("wanted", ["fr", "EN", "../es", ""])
def test_a_language_that_is_not_offered_changes_nothing(client: Client, connection: Connection, wanted: str) -> None:
    launch = launched(connection)
    answer = client.get(reverse("visit", args=[handles.issue(launch)]), {"language": wanted})
    launch.refresh_from_db()
    assert (answer.headers["Content-Language"], launch.language) == ("en", "")


def test_a_launch_that_fails_says_so_in_the_browsers_language(client: Client, connection: Connection) -> None:
    answer = client.get(reverse("launch", args=[connection.ref, "patient"]), headers=SPANISH)
    assert "Abra la visita desde el portal del paciente" in answer.content.decode()
    assert answer.headers["Content-Language"] == "es"


def test_a_clinicians_page_is_in_the_browsers_language_too(client: Client, connection: Connection) -> None:
    reader = Reader(client, launched(connection, "provider"), **SPANISH)
    assert (reader.heading, reader.language[0]) == ("Visita por video", "es")


@pytest.mark.parametrize(
    ("picked", "asked"),
    [(["es"], "es"), (["zh-hant", "zh-hant", ""], "zh-TW"), (["es", "zh-hant"], ""), ([""], ""), ([], "")],
)
def test_teams_is_asked_for_the_patients_language_where_it_is_one(
    connection: Connection, picked: list[str], asked: str
) -> None:
    visit = factories.visit(connection)
    launched(connection, participant=factories.participant(visit, "provider"), language="en")
    for language in picked:
        launched(connection, participant=factories.participant(visit), language=language)
    assert languages.of_patients(visit) == asked


def test_the_portal_speaks_english_to_everybody(client: Client, connection: Connection) -> None:
    client.force_login(administrator(connection.organization), BACKEND)
    for address in ("/signin/", reverse("configure"), reverse("connection", args=[connection.ref]), "/records/none/"):
        answer = client.get(address, headers=SPANISH)
        assert answer.headers["Content-Language"] == "en", address
        assert '<html lang="en"' in answer.content.decode()


def test_what_a_thread_does_after_a_page_is_in_nobodys_language(client: Client, connection: Connection) -> None:
    Reader(client, launched(connection), **SPANISH)
    assert translation.get_language() == "en"


def test_an_address_of_nobody_is_answered_in_the_browsers_language(client: Client) -> None:
    answer = client.get("/nowhere/", headers=SPANISH)
    assert "Aquí no hay ninguna página" in answer.content.decode()
