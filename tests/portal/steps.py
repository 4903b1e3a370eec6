"""What people do in the portal over plain HTTP: a browser without JavaScript that reads pages and sends forms."""

import json
import re
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any
from urllib.parse import urljoin, urlsplit

import redis
import requests
from bs4 import BeautifulSoup, Tag

from sandbox.cast import RIVERSIDE_TID
from sandbox.launcher.house import House
from tests.stories.people import INSTANCE, fhir_base

SECONDS = 30
LEAD = "Error:"


def words(element: Tag | None) -> str:
    """An element's text with single spaces; empty for none."""
    return " ".join(element.get_text(" ").split()) if element else ""


class Shown:
    """A page as its reader has it."""

    def __init__(self, response: requests.Response) -> None:
        self.response, self.url, self.status = response, response.url, response.status_code

    @cached_property
    def soup(self) -> BeautifulSoup:
        return BeautifulSoup(self.response.text, "html.parser")

    @property
    def path(self) -> str:
        return urlsplit(self.url).path

    @property
    def heading(self) -> str:
        return words(self.soup.h1)

    @property
    def text(self) -> str:
        return words(self.soup.main or self.soup)

    @property
    def errors(self) -> dict[str, str]:
        """What is said at each field, by its name."""
        found = self.soup.select(".field__error")
        return {
            str(one["id"]).removeprefix("id_").removesuffix("_error"): words(one).removeprefix(LEAD).strip()
            for one in found
        }

    @property
    def reference(self) -> str:
        return words(self.soup.select_one(".reference code"))

    def value(self, name: str) -> str:
        """What a field of the page holds; for radio buttons, the one that is chosen."""
        for field in self.soup.find_all("input", attrs={"name": name}):
            if field.get("type") != "radio" or field.has_attr("checked"):
                return str(field.get("value", ""))
        other = self.soup.find(["textarea", "select"], attrs={"name": name})
        return held(other).strip() if other else ""

    def rows(self, label: str, within: Tag | None = None) -> list[str]:
        """The values of the copy rows with this label, in the page's order."""
        rows = (within or self.soup).select(".copy-row")
        return [words(row.code) for row in rows if row.dt and str(next(row.dt.stripped_strings)) == label]

    def has_button(self, name: str) -> bool:
        return any(words(button) == name for button in self.soup.find_all("button"))

    def button(self, name: str) -> Tag:
        """The button whose text, or whose first line, is exactly this."""
        for button in self.soup.find_all("button"):
            if name in (words(button), words(button.b)):
                return button
        raise AssertionError(f"There is no button “{name}” on: {self.text}")

    def link(self, name: str) -> str:
        """Where the link with this text leads."""
        for link in self.soup.find_all("a"):
            if words(link).startswith(name):
                return urljoin(self.url, str(link["href"]))
        raise AssertionError(f"There is no link “{name}” on: {self.text}")


WATCHING: list[Callable[[requests.Response], None]] = []  # told of every answer that a visitor gets


class Visitor(requests.Session):
    """Somebody's browser."""

    def __init__(self, house: House) -> None:
        super().__init__()
        self.headers["Connection"] = "close"  # one that was kept may be closed by the server as it is used again
        self.headers["Sec-Fetch-Dest"] = "document"  # as browsers say of a page in a window of its own
        self.urls: Mapping[str, str] = house.urls

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Each hop of each redirect is seen by whoever watches. The later ones pass here by themselves, and then the
        first one comes back as the history of the last."""
        answer = super().send(request, **kwargs)
        for watch in WATCHING:
            watch(answer.history[0] if answer.history else answer)
        return answer

    def open(self, address: str, *, follow: bool = True) -> Shown:
        """A page of the portal by its path, or any page by its URL."""
        return Shown(self.get(urljoin(self.urls["web"], address), timeout=SECONDS, allow_redirects=follow))

    def follow(self, page: Shown, link: str) -> Shown:
        return self.open(page.link(link))

    def press(self, page: Shown, button: str, follow: bool = True, **typed: str) -> Shown:
        """Send the form of a button with what the page holds and what is typed over it."""
        pressed = page.button(button)
        form = pressed.find_parent("form")
        assert form, f"“{button}” is in no form"
        data = filled(form) | typed
        if pressed.get("name"):
            data[str(pressed["name"])] = str(pressed.get("value", ""))
        address = urljoin(page.url, str(form.get("action") or page.url))
        return self._send(address, data, page, follow=follow)

    def press_in_row(self, page: Shown, key: str, button: str, **typed: str) -> Shown:
        """Press a button of one open row of the grid, with what is typed into that row."""
        row = page.soup.find(id=f"row-{key}")
        assert row, f"No row “{key}” is open: {page.text}"
        pressed = next(one for one in row.find_all("button") if words(one) == button)
        form = pressed.find_parent("form")
        assert form
        data = filled(form) | {f"{key}-{name}": value for name, value in typed.items()}
        data[str(pressed["name"])] = str(pressed["value"])
        return self._send(urljoin(page.url, str(form["action"])), data, page)

    def _send(self, address: str, data: dict[str, Any], page: Shown, *, follow: bool = True) -> Shown:
        """Post a form as a browser does, which says whose page the form was on."""
        said = {"Referer": page.url}
        return Shown(self.post(address, data=data, headers=said, timeout=SECONDS, allow_redirects=follow))

    def sign_in(self, name: str, *, tid: str = "", wanted: str = "/") -> Shown:
        """Sign in with Microsoft, at a tenant's own address when its id is given; the page that is reached."""
        door = self.open(f"/signin/{f'{tid}/' if tid else ''}?next={wanted}")
        return self.press(self.follow(door, "Sign in with Microsoft"), name)

    def sign_in_by_link(self, link: str, name: str) -> Shown:
        """Open a link that was sent, and sign in there."""
        return self.press(self.follow(self.open(link), "Sign in with Microsoft"), name)


def filled(form: Tag) -> dict[str, Any]:
    """What a form would send as it stands, but for its buttons; a list where several fields share a name."""
    sent: dict[str, list[str]] = {}
    for field in form.find_all(["input", "textarea", "select"]):
        chosen = field.get("type") not in {"radio", "checkbox"} or field.has_attr("checked")
        if field.get("name") and chosen:
            sent.setdefault(str(field["name"]), []).append(held(field))
    return {name: values[0] if len(values) == 1 else values for name, values in sent.items()}


def held(field: Tag) -> str:
    """What one field holds."""
    if field.name == "select":
        options = field.find_all("option")
        return str(next((one for one in options if one.has_attr("selected")), options[0])["value"])
    return str(field.get("value", "")) if field.name == "input" else field.get_text()


def tell(house: House, stand_in: str, address: str, method: str = "POST", **body: Any) -> Any:
    """Ask a stand-in's own JSON interface for something."""
    # Where nobody reads it, even an empty document cuts the answer off: the socket is closed with something unread.
    sent = None if method in {"GET", "DELETE"} else body
    answer = requests.request(method, f"{house.urls[stand_in]}/sandbox/{address}", json=sent, timeout=SECONDS)
    answer.raise_for_status()
    return answer.json() if answer.content else None


def switch(house: House, stand_in: str, **values: Any) -> None:
    tell(house, stand_in, "switches", **values)


def fault(house: House, stand_in: str, path: str, kind: str, value: float | None = None, times: int = 0) -> None:
    """Let a stand-in fail at the paths that match."""
    tell(house, stand_in, "faults", path=path, kind=kind, value=value, times=times)


def consent(house: House, tid: str = RIVERSIDE_TID) -> None:
    """Somebody has given admin consent at Microsoft."""
    tell(house, "entra", f"consents/{tid}", granted=True)


def forget_cache(house: House) -> None:
    """Let the product have nothing in its cache: no token, no key set."""
    with redis.Redis.from_url(house.environment["CACHE_URL"]) as cache:
        cache.flushdb()


def administrator(house: House, name: str = "Ada Lindqvist", tid: str = RIVERSIDE_TID) -> Visitor:
    """An administrator who is signed in and whose organization has consented."""
    consent(house, tid)
    visitor = Visitor(house)
    visitor.sign_in(name)
    reached = visitor.press(visitor.open("/consent/"), "Check again")
    assert reached.heading == "Configuration information", reached.text
    return visitor


def done(visitor: Visitor, *, base_url: str = "", approver: str = "Ben Okafor", environment: str = "testing") -> Shown:
    """Type a new row of the grid and press *Done*."""
    typed = {"base_url": base_url or fhir_base(visitor.urls), "approver": approver, "environment": environment}
    return visitor.press_in_row(visitor.open("/configure/add/"), "new-1", "Done", **typed)


def submit(
    visitor: Visitor, *, base_url: str = "", approver: str = "Ben Okafor", environment: str = "testing"
) -> Shown:
    """Propose an address: in a new row, once more where a warning had to be read first, or on the settings page where
    it is in the list already. The connection's page."""
    page = done(visitor, base_url=base_url, approver=approver, environment=environment)
    if "press Done again" in page.text:
        page = visitor.press_in_row(page, "new-1", "Done")
    if "in your list already" in page.text:
        settings = visitor.follow(visitor.follow(page, "Change it there"), "Settings")
        compared = visitor.press(settings, "See what changes", approver=approver)
        page = visitor.press(compared, "Submit for approval")
    assert page.rows("Link for the approver"), page.text
    return page


def enter_client_records(house: House, page: Shown) -> None:
    """Enter in Epic what stands under *Before you sign in*."""
    for section in page.soup.select("dl.copy-rows"):
        client_id, jwks_url = page.rows("Client ID", section)[0], page.rows("JWKS URL", section)[0]
        uris = page.rows("Redirect URI", section)
        tell(house, "epic", f"{INSTANCE}/clients/{client_id}", "PUT", redirect_uris=uris, jwks_url=jwks_url)


def approver(house: House, link: str, name: str = "Ben Okafor") -> tuple[Visitor, Shown]:
    """The approver, signed in through his link with everything entered in Epic, and his page."""
    visitor = Visitor(house)
    page = visitor.sign_in_by_link(link, name)
    enter_client_records(house, page)
    return visitor, page


def at_ehr(visitor: Visitor, page: Shown) -> Shown:
    """The EHR's own sign-in page, reached from the approver's page."""
    return visitor.open(f"{page.path}epic/")


def sign_in_at_ehr(visitor: Visitor, page: Shown, name: str = "Ben Okafor") -> Shown:
    return visitor.press(at_ehr(visitor, page), name)


def approved(house: House, visitor: Visitor) -> tuple[Visitor, Shown]:
    """A connection that was submitted by the visitor and approved; the approver and the records that he reaches."""
    link = submit(visitor).rows("Link for the approver")[0]
    ben, page = approver(house, link)
    records = ben.press(sign_in_at_ehr(ben, page), "Approve")
    assert records.heading == "Integration records", records.text
    return ben, records


def explained(house: House, page: Shown, heading: str, status: int) -> None:
    """An error page says what happened, what to check, who can help and the help line; its reference is in the log."""
    assert (page.heading, page.status) == (heading, status), page.text
    assert words(page.soup.select_one(".problem .lead"))
    assert [words(one) for one in page.soup.select(".problem h2")] == ["What to check", "Who can help"]
    who = page.text.partition("Who can help ")[2]
    assert not who.startswith("Help line")
    assert "Help line: +1 555 0100" in who
    assert re.fullmatch(r"[0-9A-F]{8}", page.reference)
    assert page.reference in references(house)


def references(house: House) -> set[str]:
    """The reference numbers in the web server's log."""
    lines = [line for line in house.log("web").splitlines() if line.startswith("{")]
    return {json.loads(line).get("reference", "") for line in lines}
