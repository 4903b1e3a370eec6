"""The handle of a launch: a random word in the page's path that stands for one person in one visit.

With the visit cookie it is good only in the browser it was given to. Without any cookie it lives 60 seconds, each
refresh
brings a successor, and it is good until its successor is used (docs/adr/0004).
"""

import secrets
from datetime import timedelta

from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone

from visits import languages
from visits.browsers import browser_of, hash_of
from visits.models import Launch

COOKIE_LIFE = timedelta(hours=12)
BARE_LIFE = timedelta(seconds=60)
VISIT = ("participant__visit__connection__organization", "participant__visit__connection__live")


class Lost(Exception):
    """The handle is unknown, too old or another browser's: press the button again. `launch`: whose it was, if known."""

    def __init__(self, launch: Launch | None) -> None:
        super().__init__()
        self.launch = launch


def issue(launch: Launch) -> str:
    """Give a redeemed launch its first handle."""
    handle = secrets.token_urlsafe(24)
    launch.handle_hash, launch.successor_hash = hash_of(handle), ""
    launch.handle_until = timezone.now() + (COOKIE_LIFE if launch.browser_hash else BARE_LIFE)
    launch.language = launch.language or languages.earlier(launch)
    launch.save(update_fields=["handle_hash", "successor_hash", "handle_until", "language"])
    return handle


def follow(request: HttpRequest, handle: str) -> tuple[Launch, str]:
    """(the launch behind a handle, the handle to use from now on), in its reader's language. Raises Lost."""
    launch = behind(handle)
    languages.speak(request, launch)
    if launch is None or launch.handle_until is None or launch.handle_until < timezone.now():
        raise Lost(launch)
    if launch.browser_hash and launch.browser_hash != browser_of(request):
        raise Lost(launch)
    languages.remember(request, launch)
    return launch, handle if launch.browser_hash else _renew(launch, hash_of(handle))


def behind(handle: str) -> Launch | None:
    """The launch that a handle was given to, whoever holds it now: it proves nothing about who asks."""
    hashed = hash_of(handle)
    launches = Launch.objects.select_related(
        "connection__organization", "connection__live", "participant__user", *VISIT
    )
    return launches.filter(Q(handle_hash=hashed) | Q(successor_hash=hashed)).first()


def _renew(launch: Launch, used: str) -> str:
    """Make the used handle the current one, and its successor a new one."""
    successor = secrets.token_urlsafe(24)
    launch.handle_hash, launch.successor_hash = used, hash_of(successor)
    launch.handle_until = timezone.now() + BARE_LIFE
    launch.save(update_fields=["handle_hash", "successor_hash", "handle_until"])
    return successor
