"""Junk that browsers bring: launches, callbacks, links, every address and every form."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.core import signing
from django.test import Client
from django.urls import reverse
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from portal import consent
from tests.fuzz import junk
from tests.fuzz.forms import Form
from tests.fuzz.judge import Act, Outcome
from tests.fuzz.world import World, named_path
from tests.rules.test_routes import ROUTES
from tests.visits import pressing
from tests.visits.pressing import CLINICIAN, PATIENT

Case = Callable[[World, DataObject], Act]
METHODS = ("GET", "GET", "GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND")
DOORS = ("provider", "patient", "group-provider", "group-patient", "board", "device-test")
FORM = "application/x-www-form-urlencoded"
SEGMENTS = st.one_of(
    junk.texts.map(lambda text: junk.quoted(text)[:2000]), st.sampled_from(["%", "%zz", "%ff", "..", "."])
)
ECHO = 422  # a form that shows again what was typed into it


def outcome(answer: Any) -> Outcome:
    """An answer below 400 was accepted. What a refusal shows is looked at, but for a form that comes back."""
    refused = answer.status_code >= 400
    body = b"" if getattr(answer, "streaming", False) or not refused else answer.content
    shown = "" if answer.status_code == ECHO else body.decode("utf-8", "replace")
    return Outcome(not refused, answer.status_code, shown)


def ask(
    browser: Client, method: str, path: str, body: bytes = b"", kind: str = FORM, odd: dict[str, str] | None = None
) -> Any:
    """Send it as it stands: path and query are quoted already."""
    path, _, query = path.partition("?")
    extra = {"QUERY_STRING": query} | (odd or {})
    return browser.generic(method, path, body, content_type=extra.pop("CONTENT_TYPE", kind), **extra)  # type: ignore[arg-type]


def _sent(
    world: World, who: str, method: str, path: str, query: str, form: tuple[bytes, str], odd: dict[str, str]
) -> Act:
    def act() -> Outcome:
        address = f"{path}?{query}" if query else path
        return outcome(ask(world.browser(who), method, address, *form, odd))

    return act


def launches(method: str) -> Case:
    """Launches by GET and by POST."""

    def case(world: World, data: DataObject) -> Act:
        valid = {"iss": world.connection.base_url, "launch": "l1"}
        path = reverse("launch", args=[world.connection.ref, data.draw(st.sampled_from(DOORS))])
        query = data.draw(junk.queries(valid)) if method == "GET" else ""
        form = data.draw(junk.forms(valid)) if method == "POST" else (b"", FORM)
        return _sent(world, "nobody", method, path, query, form, data.draw(junk.headers))

    return case


def launch_callback(world: World, data: DataObject) -> Act:
    """The EHR sends back something else than it was asked for."""
    who, broken = data.draw(st.sampled_from([PATIENT, CLINICIAN])), data.draw(junk.pairs({"code": "c", "state": "@"}))
    odd = data.draw(junk.headers)

    def act() -> Outcome:
        browser = world.browser()
        asked = pressing.press(world.ehr, browser, who)
        query = junk.encoded([(name, value.replace("@", asked["state"])) for name, value in broken])
        path = reverse("launch_callback", args=[world.connection.ref, pressing.DOORS[who]])
        return outcome(ask(browser, "GET", f"{path}?{query}", odd=odd))

    return act


def came_back(path: str, who: str, start: Callable[[World], str]) -> Case:
    """A callback of a sign-in that was begun, with a query that is broken; `@` stands for its state."""

    def case(world: World, data: DataObject) -> Act:
        broken, odd = data.draw(junk.pairs({"code": "c", "state": "@"})), data.draw(junk.headers)

        def act() -> Outcome:
            browser = world.browser(who)
            state = parse_qs(urlsplit(browser.get(start(world))["Location"]).query)["state"][0]
            query = junk.encoded([(name, value.replace("@", state)) for name, value in broken])
            return outcome(ask(browser, "GET", f"{reverse(path)}?{query}", odd=odd))

        return act

    return case


def portal_start(world: World) -> str:
    return reverse("signin_start")


def visits_start(world: World) -> str:
    return reverse("open_visits_signin")


def epic_start(world: World) -> str:
    return reverse("ehr_signin", args=[world.connection.ref])


def consent_callback(world: World, data: DataObject) -> Act:
    """Back from admin consent, with a state of ours or with what somebody made of it."""
    state = signing.dumps([data.draw(st.sampled_from(["", world.tid])), "n"], salt=consent.SALT)
    valid = {"state": state, "tenant": world.tid, "admin_consent": "True"}
    query = data.draw(junk.queries(valid, others=["error", "error_description"]))
    return _sent(world, "nobody", "GET", reverse("consent_callback"), query, (b"", FORM), data.draw(junk.headers))


def held(world: World, data: DataObject) -> Act:
    """An address that gives its holder something, with a character changed, more, less, or a query."""
    path = world.paths[data.draw(st.sampled_from(sorted(world.paths)))]
    segments = path.split("/")
    place = data.draw(st.sampled_from([place for place, one in enumerate(segments) if len(one) > 8] or [1]))
    token, text = segments[place], data.draw(SEGMENTS)
    cut = data.draw(st.integers(0, max(0, len(token) - 1)))
    segments[place] = data.draw(
        st.sampled_from(
            [text, token + text, token[:cut] + text + token[cut + 1 :], token[:cut], token.swapcase(), token]
        )
    )
    query = data.draw(st.sampled_from(["", "language=xx", "framed=1", *junk.RAW_QUERIES]))
    who, method = data.draw(st.sampled_from(["nobody", "patient", "clinician"])), data.draw(st.sampled_from(METHODS))
    form = data.draw(junk.forms({"token": "x"}))
    return _sent(world, who, method, "/".join(segments), query, form, data.draw(junk.headers))


def everywhere(world: World, data: DataObject) -> Act:
    """Any address, by any method, as nobody, a patient, a clinician or staff; often with a part of the path broken."""
    path = named_path(world, data.draw(st.sampled_from(sorted(ROUTES))))
    segments = path.split("/")
    if data.draw(st.booleans()):
        segments[data.draw(st.integers(1, len(segments) - 1))] = data.draw(SEGMENTS)
    who = data.draw(st.sampled_from(["nobody", "staff", "clinician"]))
    query = data.draw(junk.queries(dict.fromkeys(("page", "q", "kind", "state", "month", "next"), "1")))
    form = data.draw(junk.forms({"action": "x", "reason": "x"}))
    return _sent(
        world, who, data.draw(st.sampled_from(METHODS)), "/".join(segments), query, form, data.draw(junk.headers)
    )


def form_of(world: World, data: DataObject) -> Act:
    """A form that a page shows, sent with some of its fields broken; a list's filters are one too."""
    form: Form = data.draw(st.sampled_from(world.forms))
    odd = data.draw(junk.headers)
    if form.method == "GET":
        query = data.draw(junk.queries(form.fields))
        return _sent(world, form.who, "GET", form.action.partition("?")[0], query, (b"", FORM), odd)
    path, _, query = form.action.partition("?")
    return _sent(world, form.who, "POST", path, query, data.draw(junk.forms(form.fields)), odd)
