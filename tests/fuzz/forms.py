"""Every form that the product's pages show."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from bs4 import BeautifulSoup, Tag
from django.test import Client
from django.urls import resolve

# Forms that pages show in moments which the world does not have, and what they hold.
UNSEEN: dict[str, dict[str, str]] = {
    "configure_people": {"approver": "ada"},
    "end_ask": {"name": "Riverside Health"},
    "end_off": {},
    "end_receipt": {"token": "1:x"},
    "mails_again": {},
    "board_noticed": {},
    "open_visit": {},
}


@dataclass(frozen=True)
class Form:
    """A form as a page shows it: who sees it, where it goes, and what its fields hold."""

    route: str
    method: str
    action: str
    fields: dict[str, str]
    who: str


def on_pages(pages: dict[str, str], browser: Callable[[str], Client]) -> Iterator[Form]:
    """The forms of some addresses; `pages` = who looks at each."""
    for path, who in pages.items():
        answer = browser(who).get(path, headers={"Sec-Fetch-Dest": "document"})
        yield from on_page(path, who, answer.content if answer.status_code == 200 else b"")


def on_page(path: str, who: str, page: bytes) -> Iterator[Form]:
    """The forms of a page that somebody was shown at this address."""
    for form in BeautifulSoup(page, "html.parser").find_all("form"):
        action = urljoin(path, str(form.get("action") or path))
        route = resolve(urlsplit(action).path).url_name or ""
        fields = {
            str(field["name"]): _value(field)
            for field in form.find_all(["input", "select", "textarea", "button"], {"name": True})
        }
        fields.pop("csrfmiddlewaretoken", None)
        yield Form(route, str(form.get("method") or "get").upper(), action, fields, who)


def once(forms: Iterable[Form]) -> list[Form]:
    """Each form the first time: the same fields to the same place by the same method are the same form."""
    found = {(form.route, form.method, tuple(form.fields)): form for form in reversed(list(forms))}
    return sorted(found.values(), key=lambda form: (form.route, form.method, tuple(form.fields)))


def _value(field: Tag) -> str:
    if field.name == "select":
        chosen = field.find("option", selected=True) or field.find("option")
        return str(chosen.get("value", "")) if isinstance(chosen, Tag) else ""
    return field.get_text() if field.name == "textarea" else str(field.get("value", ""))
