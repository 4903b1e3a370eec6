"""Getting ready: one page of everything outstanding, for administrators."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from connector import access, problems
from connector.errors import WireError
from connector.http import Deadline
from connector.models import Change, Connection, Organization
from connector.signin import signed_in
from connector.teams import graph
from portal import directory, forward, history, shell
from portal.actors import actor_of
from portal.ready import board, keep
from portal.ready.lines import LINES, Line, particulars, wanted

GRAPH_SECONDS = 6.0


def organization_of(request: HttpRequest) -> Organization:
    """The organization that this person administers; for anybody else there is no such page."""
    return access.organization_of(signed_in(request))


@require_GET
def ready(request: HttpRequest) -> HttpResponse:
    """Every line, what is outstanding first."""
    return page(request, organization_of(request))


def page(request: HttpRequest, organization: Organization, *, status: int = 200, **context: object) -> HttpResponse:
    """The page of all lines."""
    shown = board.board_of(organization, request.GET.get("page", ""))
    organizer = keep.organizer_of(organization)
    return shell.page(
        request,
        "portal/ready.html",
        "ready",
        status=status,
        lines=shown.lines,
        page=shown.page,
        outstanding=shown.outstanding,
        organizer=organizer,
        is_you=organizer == str(signed_in(request).oid),
        commands=particulars(organizer),
        names=[one.name for one in organization.administrators.all()],
        **context,
    )


def line_of(organization: Organization, name: str, ref: str) -> tuple[Line, Connection | None]:
    """A line by its name and, where it is one of a connection, that connection. Raises Http404."""
    line = LINES.get(name)
    if line not in wanted() or line is None:
        raise Http404
    if not line.of_connections:
        return line, None
    connection = organization.connections.filter(ref=ref).select_related("live", "proposed", "organization").first()
    if connection is None:
        raise Http404
    return line, connection


@require_POST
def check(request: HttpRequest, name: str, ref: str = "") -> HttpResponse:
    """Try one line again, now."""
    organization = organization_of(request)
    line, connection = line_of(organization, name, ref)
    if refused := directory.refusal(request, organization, waits=False):
        return refused
    if not line.own:
        _prepare(request, organization, line)
        keep.run(organization, line, connection)
    return _back(board.one_of(organization, line, connection).anchor)


def _prepare(request: HttpRequest, organization: Organization, line: Line) -> None:
    """Whoever tries first tries in his own name; he also says when the lines were run."""
    if line.name == "policy" and not keep.row(organization, "policy").evidence.get("organizer"):
        keep.name_organizer(organization, str(signed_in(request).oid))
    if line.name == "policy" and request.POST.get("granted"):
        keep.say_granted(organization)


@require_POST
def confirm(request: HttpRequest, name: str) -> HttpResponse:
    """Keep that somebody has looked at what no program can read."""
    organization = organization_of(request)
    line, _connection = line_of(organization, name, "")
    if not line.by_hand:
        raise Http404
    if refused := directory.refusal(request, organization, waits=False):
        return refused
    keep.confirm(organization, name, actor_of(request, organization))
    return _back(name)


@require_POST
def organizer(request: HttpRequest) -> HttpResponse:
    """Name the account in whose name meetings are tried."""
    organization, typed = organization_of(request), request.POST.get("organizer", "").strip()[:200]
    if refused := directory.refusal(request, organization, waits=False):
        return refused
    try:
        person = graph.read_person(str(organization.tid), typed, deadline=Deadline.after(GRAPH_SECONDS))
    except WireError as error:
        return _organizer_again(request, organization, typed, str(problems.find(error.code).what))
    if person is None or not person.oid:
        unknown = _("Nobody in your directory has this sign-in name.") if typed else _("Type a sign-in name.")
        return _organizer_again(request, organization, typed, unknown)
    keep.name_organizer(organization, person.oid)
    messages.success(request, _("Meetings are tried in the name of %(name)s now.") % {"name": person.name})
    return _back("policy")


def _organizer_again(request: HttpRequest, organization: Organization, typed: str, error: str) -> HttpResponse:
    return page(request, organization, status=422, typed=typed, organizer_error=error)


@require_POST
def share(request: HttpRequest, name: str, ref: str = "") -> HttpResponse:
    """A link for whoever can do it, to copy. That it was made is history."""
    organization = organization_of(request)
    line, connection = line_of(organization, name, ref)
    if refused := directory.refusal(request, organization, waits=False):
        return refused
    actor = actor_of(request, organization)
    history.record(organization, Change.Kind.FORWARDED, actor=actor, connection=connection, line=name)
    shown = board.one_of(organization, line, connection)
    link = forward.link(organization, name, ref)
    return shell.page(request, "portal/ready_shared.html", "ready", shown=shown, link=link, days=forward.DAYS)


def _back(anchor: str) -> HttpResponse:
    return redirect(f"{reverse('ready')}#{anchor}")
