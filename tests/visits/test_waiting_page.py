"""The waiting page: the truth in plain words, seen at the next refresh, from the cache while nothing changes."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, DjangoCaptureOnCommitCallbacks, Settings

from connector.cached import outdate
from portal.actors import Actor
from portal.configure import details
from tests.portal.steps import words
from tests.visits import factories
from tests.visits.waiting_pages import APP, SAFARI, Phone
from visits import facts, meeting, presence, waiting
from visits.models import Fact, Participant, Visit, Writeback

pytestmark = pytest.mark.django_db
WAITS, READY = "You are in the right place", "Your visit is ready"
Committed = Callable[..., None]


@pytest.fixture(autouse=True)
def _nothing_cached() -> None:
    cache.clear()


@pytest.fixture
def committed(django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks) -> Committed:
    """Do something as a request of its own does it: what waits for the commit happens."""

    def act(*what: Callable[[], object]) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            for one in what:
                one()

    return act


@pytest.fixture
def visit() -> Visit:
    return factories.visit()


@pytest.fixture
def pia(visit: Visit) -> Participant:
    return factories.participant(visit)


@pytest.fixture
def carla(visit: Visit) -> Participant:
    return factories.participant(visit, "provider")


@pytest.fixture
def phone(pia: Participant, committed: Committed) -> Phone:
    """Pia's page, just opened."""
    phone = Phone()
    committed(lambda: phone.press(pia))
    return phone


def opened(visit: Visit, *, visitor_link: bool = True) -> None:
    """The clinician has opened the meeting."""
    visit.seal("join_url", "https://teams.microsoft.com/meet/1")
    visit.seal("visitor_url", "https://visit.teams.microsoft.com/1" if visitor_link else "")
    visit.save(update_fields=["join_url_sealed", "visitor_url_sealed"])
    outdate("visit", visit.pk)


def in_call(person: Participant, kind: str, minutes: float = 0) -> None:
    """Microsoft tells that a clinician came or went."""
    assert person.user
    seat: dict[str, Any] = {
        "participant_key": f"seat-{person.pk}",
        "oid": str(person.user.oid),
        "source": "subscription:1",
    }
    at = timezone.now() - timedelta(minutes=minutes)
    facts.record(person.visit, kind=Fact.Kind(kind), at=at, event_id=f"{kind}-{minutes}", **seat)
    presence.refold(person.visit_id)


def came_and_left(carla: Participant) -> None:
    in_call(carla, "connected", 1)
    in_call(carla, "disconnected")


def over(visit: Visit, carla: Participant) -> None:
    """The clinician was there without the patient's page, and the visit has ended."""
    opened(visit)
    in_call(carla, "connected", 30)
    in_call(carla, "disconnected", 10)


# ------------------------------------------------------------------------------------------------------- from the cache


@pytest.mark.parametrize("inside", [True, False], ids=["its inside", "the whole page"])
def test_a_refresh_asks_the_database_nothing(
    phone: Phone, inside: bool, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    phone.refresh()
    with django_assert_num_queries(0):
        answer = phone.refresh() if inside else phone.open(phone.path)
    assert answer.heading == WAITS


def test_in_a_group_one_page_reads_for_all(
    visit: Visit, phone: Phone, committed: Committed, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    others = [Phone() for _ in range(3)]
    for other in others:
        committed(lambda other=other: other.press(factories.participant(visit)))
    committed(lambda: opened(visit))
    phone.refresh()
    with django_assert_num_queries(0):
        assert {other.refresh().heading for other in others} == {READY}


def test_an_answer_that_changes_nothing_leaves_the_page_alone(visit: Visit, phone: Phone, committed: Committed) -> None:
    phone.refresh()
    assert phone.refresh().status == 204
    committed(lambda: opened(visit))
    assert (phone.refresh().status, phone.heading) == (200, READY)
    assert phone.refresh().status == 204


def test_without_a_cache_the_page_is_slower_and_right(
    visit: Visit, phone: Phone, committed: Committed, settings: Settings
) -> None:
    settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": "redis://127.0.0.1:1/0"}}
    assert phone.refresh().heading == WAITS
    committed(lambda: opened(visit))
    assert phone.refresh().heading == READY


def test_the_cache_holds_no_handle_cookie_or_address(visit: Visit, phone: Phone, committed: Committed) -> None:
    committed(lambda: opened(visit))
    phone.refresh()
    client = cache._cache.get_client()  # type: ignore[attr-defined]
    kept = {key: client.get(key) or b"" for key in client.keys("*waiting:*")}
    assert len(kept) == 2
    [cookie] = phone.client.cookies.values()
    secrets = [phone.path.split("/")[2], cookie.value, "teams.microsoft.com", factories.CONFERENCE_ID.strip()]
    everything = b" ".join([*kept, *kept.values()])
    assert [secret for secret in secrets if secret.encode() in everything] == []


def test_the_seat_of_another_browser_is_not_given_away(phone: Phone) -> None:
    stranger, bare = Phone(), Phone(cookies=False)
    assert [one.open(phone.path).status for one in (stranger, bare)] == [410, 410]


def test_a_handle_ends_with_its_time_even_in_the_cache(phone: Phone) -> None:
    [key] = cache._cache.get_client().keys("*waiting:seat:*")  # type: ignore[attr-defined]
    name = key.decode().removeprefix(":1:")
    seat = cache.get(name)
    cache.set(name, type(seat)(**{**vars(seat), "until": timezone.now().timestamp() - 1}))
    Participant.objects.get().launches.update(handle_until=timezone.now() - timedelta(seconds=1))
    assert phone.open(phone.path).status == 410


# ------------------------------------------------------------------------------------------------------------ the truth


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ("waiting", "We are letting the clinic know that you are here."),
        ("delivered", "The clinic can see that you are here."),
        ("dead", "We could not let the clinic know that you are here."),
    ],
)
def test_whether_the_clinic_knows_is_said_as_it_is(pia: Participant, state: str, says: str) -> None:
    waiting.arrived(pia, event_id="1")
    Writeback.objects.update(state=state)
    phone = Phone().press(pia)
    assert phone.heading == WAITS
    assert says in phone.text
    assert "has not started the visit yet" in phone.text


def test_nothing_is_said_of_an_ehr_that_is_not_told(visit: Visit) -> None:
    unnamed = factories.participant(visit, external_id="")
    phone = Phone().press(unnamed)
    assert phone.heading == WAITS
    assert "the clinic know" not in phone.text
    assert "The clinic can" not in phone.text


# What happens next to a visit with an open meeting -> what the page says at its next refresh.
NEXT: dict[str, tuple[Callable[[Visit, Participant, Participant], object], str]] = {
    "the clinician comes": (lambda visit, carla, pia: in_call(carla, "connected"), "Your clinician is there."),
    "and leaves": (
        lambda visit, carla, pia: came_and_left(carla),
        "Your clinician has left",
    ),
    "she is sent to Teams": (lambda visit, carla, pia: waiting.sent(pia), "Go back to your visit"),
    "the clinic gets a name": (
        lambda visit, carla, pia: details.change(visit.connection, actor_of(visit), label="Cardiology, Main Street"),
        "Cardiology, Main Street",
    ),
    "the help line changes": (
        lambda visit, carla, pia: details.change(visit.connection, actor_of(visit), help_line="+1 555 0199"),
        "+1 555 0199",
    ),
}


def at_page(pia: Participant, kind: str, minutes: float) -> None:
    at = timezone.now() - timedelta(minutes=minutes)
    who: dict[str, Any] = {"participant_key": str(pia.pk), "source": facts.PAGE, "event_id": f"{kind}-{minutes}"}
    facts.record(pia.visit, kind=Fact.Kind(kind), at=at, **who)


def actor_of(visit: Visit) -> Actor:
    return Actor(factories.administrator(visit.connection.organization), "Ada Lindqvist")


@pytest.mark.parametrize("change", NEXT)
def test_the_next_refresh_knows_when(
    visit: Visit, carla: Participant, pia: Participant, phone: Phone, committed: Committed, change: str
) -> None:
    committed(lambda: opened(visit))
    act, says = NEXT[change]
    assert phone.refresh().heading == READY
    assert says not in phone.text
    committed(lambda: act(visit, carla, pia))
    assert says in phone.refresh().text


def test_the_next_refresh_knows_when_all_is_over(
    visit: Visit, carla: Participant, pia: Participant, phone: Phone, committed: Committed
) -> None:
    committed(lambda: opened(visit))
    assert phone.refresh().heading == READY
    Fact.objects.update(at=timezone.now() - timedelta(minutes=50))
    committed(lambda: at_page(pia, "sent", 40), lambda: at_page(pia, "gone", 35), lambda: over(visit, carla))
    assert phone.refresh().heading == "Your visit has ended"
    assert phone.shown.select_one("a#go") is None


def test_a_new_meeting_of_the_session_brings_an_ended_page_back(
    visit: Visit, carla: Participant, pia: Participant, committed: Committed
) -> None:
    at_page(pia, "sent", 40)
    at_page(pia, "gone", 35)
    over(visit, carla)
    phone = Phone().press(pia)
    assert phone.heading == "Your visit has ended"
    assert pia.visit.facts.filter(kind=Fact.Kind.WAITING).count() == 0  # who looks at an ended visit does not wait
    visit.refresh_from_db()
    committed(lambda: meeting.reopen(visit))
    committed(phone.refresh)
    assert phone.heading == WAITS
    assert Fact.objects.get(generation=visit.generation).kind == Fact.Kind.WAITING


def test_whoever_was_taken_for_gone_waits_again_once_the_page_asks(
    pia: Participant, phone: Phone, committed: Committed
) -> None:
    committed(lambda: at_page(pia, "gone", -0.01), lambda: presence.refold(pia.visit_id))
    assert facts.newest_of_pages(pia.visit) == {str(pia.pk): "gone"}
    Fact.objects.update(at=timezone.now() - timedelta(minutes=1))
    committed(phone.refresh)
    assert facts.newest_of_pages(pia.visit) == {str(pia.pk): "waiting"}


def test_a_proxy_sees_time_and_clinic_of_each_of_two_visits() -> None:
    phones = []
    for hour, label in ((15, "Cardiology"), (16, "Eye clinic")):
        visit = factories.visit(factories.connection(), session=str(hour))
        Visit.objects.filter(pk=visit.pk).update(starts_at=datetime(2026, 11, 26, hour, 30, tzinfo=UTC))
        type(visit.connection).objects.filter(pk=visit.connection_id).update(label=label)
        phones.append(Phone().press(factories.participant(visit, "proxy")))
    lines = [words(phone.shown.select_one(".visit-line")) for phone in phones]
    assert lines == ["Nov. 26, 2026, 15:30 UTC · Cardiology", "Nov. 26, 2026, 16:30 UTC · Eye clinic"]


def test_what_nobody_knows_of_time_and_clinic_is_not_shown(phone: Phone) -> None:
    assert phone.shown.select_one(".visit-line") is None


# ----------------------------------------------------------------------------------------------- before Teams, browsers


@pytest.mark.parametrize(
    ("kind", "visitor_link", "asks"),
    [
        ("context", True, ["Your name.", "Your camera and microphone"]),
        ("conference", True, ["Your name. Type your first name only", "Your camera and microphone"]),
        ("context", False, ["To open or to install the Teams app", "Join as a guest", "Your name.", "Your camera"]),
    ],
)
def test_the_last_page_says_what_teams_will_ask(
    visit: Visit, pia: Participant, kind: str, visitor_link: bool, asks: list[str]
) -> None:
    visit.session_kind = kind
    visit.save()
    opened(visit, visitor_link=visitor_link)
    asked = [words(line) for line in Phone().press(pia).shown.select("#state ul li")]
    assert len(asked) == len(asks)
    assert all(part in line for part, line in zip(asks, asked, strict=True))


FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:125.0) Gecko/20100101 Firefox/125.0"


def test_another_browser_is_advised_and_nobody_is_kept_out(visit: Visit, pia: Participant) -> None:
    opened(visit)
    phone = Phone(FIREFOX).press(pia)
    assert "Teams works in: Chrome, Edge." in phone.text
    assert phone.leave
    assert phone.shown.select_one("a#go")


@pytest.mark.parametrize("agent", [SAFARI, "", "Something/1.0"], ids=["fitting", "silent", "unknown"])
def test_a_browser_that_fits_or_is_unknown_hears_nothing_of_browsers(
    visit: Visit, pia: Participant, agent: str
) -> None:
    opened(visit)
    phone = Phone(agent).press(pia)
    assert (phone.leave, "work in this browser" in phone.text) == ("", False)
    assert phone.shown.select_one("a#go")


def test_in_an_app_the_way_out_comes_first_and_the_way_on_stays(visit: Visit, pia: Participant) -> None:
    opened(visit)
    phone = Phone(APP).press(pia)
    assert [words(link) for link in phone.shown.select("#state a.button")] == [
        "Open in Safari",
        "Go on inside this app",
    ]


@pytest.mark.parametrize("agent", [SAFARI, APP, FIREFOX])
def test_nothing_on_the_way_into_the_visit_is_a_pop_up_that_could_be_blocked(
    visit: Visit, pia: Participant, agent: str
) -> None:
    opened(visit)
    page = Phone(agent).press(pia)
    assert page.shown.select("a#go[target=_top]")
    assert {str(link["href"]) for link in page.shown.select("a[target=_blank]")} <= {page.leave}  # and can be copied


# --------------------------------------------------------------------------------------- without cookies, and in groups


def test_without_cookies_each_refresh_puts_the_next_address_into_the_browser(pia: Participant) -> None:
    phone = Phone(cookies=False).press(pia)
    for _ in range(2):
        before = phone.path
        phone.refresh()
        assert (phone.status, phone.heading) == (200, WAITS)
        assert phone.headers["HX-Replace-Url"] != before
        assert phone.open(phone.headers["HX-Replace-Url"]).heading == WAITS  # reloaded


@pytest.mark.parametrize("agent", [SAFARI, APP, FIREFOX])
def test_in_a_group_nobody_learns_anything_of_the_others(agent: str) -> None:
    """A page is the same, letter by letter, whoever else comes, waits, goes in, or leaves."""
    visit = factories.visit()
    visit.session_kind = "conference"
    visit.save()
    pia = factories.participant(visit)
    waiting.arrived(pia, event_id="1")
    opened(visit)
    phone = Phone(agent).press(pia)
    alone = plain(phone)
    others = [factories.participant(visit, role) for role in ("patient", "proxy", "patient")]
    for number, other in enumerate(others):
        waiting.arrived(other, event_id=f"other {number}")
        Phone().press(other)
        if number:
            waiting.sent(other)
            guest: dict[str, Any] = {
                "participant_key": f"guest {number}",
                "source": "subscription:1",
                "event_id": str(number),
            }
            facts.record(visit, kind=Fact.Kind.CONNECTED, at=timezone.now(), **guest)
            presence.refold(visit.pk)
        cache.clear()
        assert plain(phone.open(phone.path)) == alone


def plain(phone: Phone) -> str:
    """The page without what is new with each answer: the links into another browser, and what marks them."""
    for link in phone.shown.select("a#leave, .copy-row"):
        link.decompose()
    state = phone.shown.select_one("#state")
    assert state
    del state["hx-headers"]
    return str(phone.shown)
