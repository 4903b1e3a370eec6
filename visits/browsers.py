"""A browser in a visit: a cookie of its own that holds a signed random id and nothing else, apart from the portal's
session.

Inside the EHR's frame the cookie is a third party's, so over https it is SameSite=None, Secure and Partitioned. Over
http browsers refuse that: it is Lax then, and frames go without (docs/adr/0004).
"""

import hashlib
import secrets

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from connector.models import User
from visits import agents
from visits.models import Browser

COOKIE, MAX_AGE = settings.VISIT_COOKIE_NAME, settings.VISIT_COOKIE_AGE
SALT = "visits.browser"
# Where a phone gets the Teams app, by its platform.
TEAMS_APP = {
    "ios": "https://apps.apple.com/app/id1113153706",
    "android": "https://play.google.com/store/apps/details?id=com.microsoft.teams",
}
DOCUMENT, FRAME = "document", "iframe"  # where a page is shown, in the words of Sec-Fetch-Dest


def hash_of(token: str) -> str:
    """What is kept of a random token: its SHA-256."""
    return hashlib.sha256(token.encode()).hexdigest()


def browser_of(request: HttpRequest) -> str:
    """The hash of the browser's id; empty for a browser that brought no cookie of ours."""
    try:
        return hash_of(signing.loads(request.COOKIES.get(COOKIE, ""), salt=SALT, max_age=MAX_AGE))
    except signing.BadSignature:
        return ""


def new_id() -> str:
    """A random id for a browser that has none yet."""
    return secrets.token_urlsafe(24)


def known_or_new(request: HttpRequest) -> tuple[str, str]:
    """(the hash that a browser is known by from now on, the id to give it where it has none)."""
    if known := browser_of(request):
        return known, ""
    browser_id = new_id()
    return hash_of(browser_id), browser_id


def give_cookie(response: HttpResponse, browser_id: str) -> None:
    """Set the visit cookie; without an id the browser has it already."""
    if not browser_id:
        return
    value = signing.dumps(browser_id, salt=SALT)
    response.set_cookie(COOKIE, value, max_age=MAX_AGE, secure=settings.HTTPS, httponly=True, samesite="Lax")
    if settings.HTTPS:
        # Python 3.11 does not know the attribute Partitioned (CHIPS); the value goes out as it stands here.
        response.cookies[COOKIE]["samesite"] = "None; Partitioned"


def teams_app(request: HttpRequest) -> str:
    """Where this phone or tablet gets the Teams app; empty for every other device. An app on a Macintosh is taken for
    one on an iPad, Safari for the Mac's."""
    agent = agents.at_hand(request)
    return TEAMS_APP.get("ios" if agent.may_be_ipad and agent.web_view else agent.platform, "")


def needs_tap(request: HttpRequest) -> bool:
    """Whether only a tap opens the Teams app, or may be: on phones and tablets, and where a Macintosh may be one."""
    agent = agents.at_hand(request)
    return agent.platform in TEAMS_APP or agent.may_be_ipad


def shown_in(request: HttpRequest) -> str:
    """Where the browser shows the page it asks for: `document`, `iframe` (Fetch Metadata, Sec-Fetch-Dest); empty from
    one that does not say, as before 2023."""
    return request.headers.get("Sec-Fetch-Dest", "")


def remember_user(browser_hash: str, user: User) -> None:
    """Keep who last signed in with Microsoft in this browser."""
    if browser_hash:
        Browser.objects.update_or_create(id_hash=browser_hash, defaults={"user": user, "seen_at": timezone.now()})


def forget_user(browser_hash: str, user: User | None) -> None:
    """Who unlinks an account in a browser has not signed in there any more. Other browsers are the account's own: it
    may be a colleague's, linked by mistake."""
    Browser.objects.filter(id_hash=browser_hash, user=user).update(user=None, list_until=None)
