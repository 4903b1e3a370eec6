"""What people's browsers keep for the connector: read from the settings that make it so."""

from dataclasses import dataclass
from typing import Literal

from django.conf import settings

UNTIL_CLOSED = "Until the tab is closed"
UNITS = {"days": 86_400, "hours": 3_600, "minutes": 60}


@dataclass(frozen=True)
class Kept:
    """One cookie, or one key of the browser's session storage."""

    where: Literal["cookie", "session storage"]
    name: str
    what: str
    how_long: str


def cookie(name: str, what: str, seconds: int | None) -> Kept:
    """A cookie by its setting; over http its name has no prefix. `seconds`: None where it ends with the browser."""
    how_long = "Until the next page has shown it, or the browser is closed" if seconds is None else lasting(seconds)
    return Kept("cookie", name.removeprefix("__Host-"), what, how_long)


def stored(name: str, what: str) -> Kept:
    return Kept("session storage", name, what, UNTIL_CLOSED)


def lasting(seconds: int) -> str:
    """A whole number of the largest unit that divides it."""
    unit, length = next((unit, length) for unit, length in UNITS.items() if seconds % length == 0)
    return f"{seconds // length} {unit}"


BROWSERS = (
    cookie(
        settings.SESSION_COOKIE_NAME,
        "A random number, which finds the portal's session; of somebody who is not signed in, the state of a sign-in",
        settings.SESSION_COOKIE_AGE,
    ),
    cookie(
        settings.CSRF_COOKIE_NAME,
        "A random number, which a form has to bring along (Django)",
        settings.CSRF_COOKIE_AGE,
    ),
    cookie(
        settings.NOTICES_COOKIE_NAME,
        "What the next page of the portal says once (*Saved.*), signed; it may hold names and mail addresses of staff",
        None,
    ),
    stored("htmx-current-path-for-history", "The address of the page at hand (htmx)"),
    stored("htmx:sessionStorageTest", "Whether anything can be stored: written and removed at once (htmx)"),
)
