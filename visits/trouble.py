"""What stops somebody on the way into a visit, shown in the shell of the door he came through."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from connector import agreement, problems
from connector.agreement import Settings
from connector.errors import WireError
from connector.models import Connection
from visits import handles, languages
from visits.handles import Lost
from visits.models import Launch

SHELLS = dict.fromkeys(("patient", "group-patient", "device-test"), "visits/base_patient.html")
CLINICIAN = "visits/base_clinician.html"
View = Callable[..., HttpResponse]


class Stop(Exception):
    """A person cannot go on. `code` names the texts (visits.problems); `context` goes to the page."""

    def __init__(self, code: str, **context: Any) -> None:
        super().__init__(code)
        self.code, self.context = code, context


def page(
    request: HttpRequest, code: str, *, door: str, connection: Connection | None = None, **context: Any
) -> HttpResponse:
    """The error page for a door, with the connection's help line and, for patients, the hospital's name."""
    return problems.page(
        request,
        code,
        base=SHELLS.get(door, CLINICIAN),
        help_line=connection.help_line if connection else "",
        help_hours=connection.help_hours if connection and connection.help_line else "",
        hospital=connection.organization.name if connection else "",
        **context,
    )


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
    response = framed(page(request, code, door=door, connection=connection, **context), connection)
    if request.headers.get("HX-Request"):
        response["HX-Refresh"] = "true"  # htmx puts no error into a page: the whole page has to say it
    return response


def explain_from_outside(request: HttpRequest, code: str) -> HttpResponse:
    """The error page of a visits route for what went wrong around its view (connector.problems.around): a form without
    its token never reaches the view, so the handle in the path says whose page it is."""
    handle = _path(request).get("handle", "")
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
