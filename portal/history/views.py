"""The pages of the history, and its export."""

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_POST

from connector import access
from connector.models import Change
from connector.signin import signed_in
from portal import directory, shell
from portal.actors import actor_of
from portal.history.export import FORMATS, streamed
from portal.history.keep import record
from portal.history.lines import KINDS, Scope, line_of, lines, scope_of_one

PAGE = 50
AT_A_TIME = 500


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """The organization's history; for an approver that of his connections."""
    return _page(request, _scope(request))


@require_GET
def one(request: HttpRequest, ref: str) -> HttpResponse:
    """The history of one connection."""
    return _page(request, _scope(request, ref))


def _scope(request: HttpRequest, ref: str = "") -> Scope:
    user = signed_in(request)
    if ref:
        return scope_of_one(access.connection_of(user, ref))
    if administered := access.administered_by(user):
        return Scope(administered)
    seen = access.connections_of(user)
    if first := seen.first():
        return Scope(first.organization, seen)
    raise Http404


def _kind(sent: str | None) -> str:
    return sent if sent in KINDS else ""


def _page(request: HttpRequest, scope: Scope) -> HttpResponse:
    kind = _kind(request.GET.get("kind"))
    shown = Paginator(lines(scope, kind), PAGE).get_page(request.GET.get("page"))
    return shell.page(
        request,
        "portal/history.html",
        "history",
        connection=scope.connection,
        lines=[line_of(row) for row in shown],
        page=shown,
        kinds=KINDS,
        kind=kind,
    )


@require_POST
def export(request: HttpRequest, ref: str = "") -> HttpResponse | StreamingHttpResponse:
    """All of what a history page lists, as a file. It is a line of the history itself."""
    scope, kind = _scope(request, ref), _kind(request.POST.get("kind"))
    written = FORMATS.get(request.POST.get("format", ""))
    if written is None:
        raise Http404
    if not directory.confirmed(request, scope.organization):
        return redirect("history_one", ref=ref) if ref else redirect("history")
    actor = actor_of(request, scope.organization, scope.connection)
    detail = {"format": written.ending} | ({"shown": kind} if kind else {})
    record(scope.organization, Change.Kind.EXPORTED, actor=actor, connection=scope.connection, **detail)
    rows = lines(scope, kind).iterator(chunk_size=AT_A_TIME)
    return streamed(written, (line_of(row) for row in rows))
