"""What stops somebody on the way into a visit, shown in the shell of the door he came through."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse

from connector import agreement, problems
from connector.agreement import Settings
from connector.cached import quietly
from connector.errors import WireError
from connector.models import Connection
from visits import handles, languages
from visits.handles import Lost
from visits.models import Launch

AWAY = "database-away"
CROWDED = "ehr-crowded"
REMEMBERED, REMEMBERED_SECONDS = "letterhead:{}", 86_400
SHELLS = dict.fromkeys(("patient", "group-patient", "device-test"), "visits/base_patient.html")
SHELLS |= {"": "base.html"}  # an address that does not say whose it is
CLINICIAN = "visits/base_clinician.html"
View = Callable[..., HttpResponse]
Letterhead = tuple[dict[str, Any], list[str]]
"""(what an error page shows of a connection, whose frames may show it)"""
NOBODYS: Letterhead = ({}, [])


class Stop(Exception):
    """A person cannot go on. `code` names the texts (visits.problems); `context` goes to the page."""

    def __init__(self, code: str, **context: Any) -> None:
        super().__init__(code)
        self.code, self.context = code, context


def page(
    request: HttpRequest, code: str, *, door: str, connection: Connection | None = None, **context: Any
) -> HttpResponse:
    """The error page for a door, with the connection's help line and, for patients, the hospital's name, in the frames
    of its EHR. While the database is away, by what is remembered of the connection."""
    shown, hosts = _letterhead(connection) if connection else _remembered(request) if code == AWAY else NOBODYS
    return framed_by(problems.page(request, code, base=SHELLS.get(door, CLINICIAN), **shown, **context), hosts)


def _letterhead(connection: Connection) -> Letterhead:
    shown = {
        "help_line": connection.help_line,
        "help_hours": connection.help_hours if connection.help_line else "",
        "hospital": connection.organization.name,
    }
    return shown, ancestors(connection)


def remember(connection: Connection) -> None:
    """Keep for a day what an error page shows of a connection."""
    quietly(lambda: cache.set(REMEMBERED.format(connection.ref), _letterhead(connection), REMEMBERED_SECONDS))


def _remembered(request: HttpRequest) -> Letterhead:
    return quietly(lambda: cache.get(REMEMBERED.format(_path(request).get("ref", "")))) or NOBODYS


def belongs_to(request: HttpRequest, launch: Launch) -> None:
    """Leave on the request whose page it is, for what `explained` may have to say."""
    request.door, request.connection = launch.door, launch.connection  # type: ignore[attr-defined]


def explained(view: View) -> View:
    """Turn Stop, Lost and WireError of a visits view into an error page. The view leaves `door` and `connection` on
    the request."""

    @wraps(view)
    def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return framed(view(request, *args, **kwargs), getattr(request, "connection", None))
        except Stop as stop:
            code, context = stop.code, stop.context
        except Lost as lost:
            code, context = "page-lost", {}
            if lost.launch:
                belongs_to(request, lost.launch)
        except WireError as error:
            code, context = error.code, wire_context(error)
        return _explain(request, code, **context)

    wrapper.explain = explain_from_outside  # type: ignore[attr-defined]
    return wrapper


def _explain(request: HttpRequest, code: str, **context: Any) -> HttpResponse:
    door = getattr(request, "door", None) or _path(request).get("door", "")
    connection = getattr(request, "connection", None)
    response = page(request, code, door=door, connection=connection, **context)
    if request.headers.get("HX-Request"):
        response["HX-Refresh"] = "true"  # htmx puts no error into a page: the whole page has to say it
    if code == CROWDED and context["wait"]:  # nothing is spent: the same address serves once more
        response["Refresh"] = str(context["wait"])
    return response


def explain_from_outside(request: HttpRequest, code: str) -> HttpResponse:
    """The error page of a visits route for what went wrong around its view (connector.problems.around): a form without
    its token never reaches the view, so the handle in the path says whose page it is."""
    handle = "" if code == AWAY else _path(request).get("handle", "")
    if handle and not hasattr(request, "connection") and (launch := handles.behind(handle)):
        belongs_to(request, launch)
        languages.speak(request, launch.language)
    return _explain(request, code)


def open_settings(connection: Connection) -> Settings:
    """The settings with which a connection serves visits now. Raises Stop where it serves none."""
    if connection.suspended:
        raise Stop("connection-suspended")
    if connection.live is None:
        raise Stop("connection-not-approved")
    return agreement.load(connection.live.settings)


def _path(request: HttpRequest) -> dict[str, Any]:
    return request.resolver_match.kwargs if request.resolver_match else {}


def framed(response: HttpResponse, connection: Connection | None) -> HttpResponse:
    """Let the connection's own EHR show the page in its frames, and nobody else (CSP frame-ancestors)."""
    if connection and connection.live:
        framed_by(response, ancestors(connection))
    return response


def ancestors(connection: Connection) -> list[str]:
    """Whose frames may show the pages of a connection; nobody's where none is approved."""
    if connection.live is None:
        return []
    parts = urlsplit(connection.base_url)
    return [f"{parts.scheme}://{parts.netloc}", *agreement.load(connection.live.settings).frame_ancestors]


def framed_by(response: HttpResponse, hosts: list[str]) -> HttpResponse:
    """Let these hosts show the page in their frames."""
    if hosts:
        response._csp_replace = {"frame-ancestors": hosts}  # type: ignore[attr-defined]
    return response


def wire_context(error: WireError) -> dict[str, Any]:
    """Lines to copy for the errors that an administrator mends in a shell."""
    if error.code != "application-access-policy":
        return {}
    return {
        "lines": [
            f'New-CsApplicationAccessPolicy -Identity EHR-Connector -AppIds "{settings.ENTRA_CLIENT_ID}"',
            "Grant-CsApplicationAccessPolicy -PolicyName EHR-Connector -Global",
        ]
    }
