"""The grid: all FHIR base URLs of the organization, with rows to add and to change in place.

One form holds every open row, so that what is typed in one survives whatever is pressed in another; each button names
what it does and the row it is for.
"""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods
from django_htmx.http import HttpResponseClientRedirect

from connector import access
from connector.http import Deadline
from connector.models import Connection, Organization
from connector.signin import signed_in
from portal import directory, shell
from portal.actors import actor_of
from portal.configure import rows
from portal.configure.done import finish
from portal.configure.listing import listing
from portal.configure.rows import Row
from portal.directory import Unconfirmed

SECONDS = 20.0  # of one Done: the directory and the EHR share it


@require_http_methods(["GET", "POST"])
def configure(request: HttpRequest) -> HttpResponse:
    """The list; posted to, what its buttons do."""
    organization = access.administered_by(signed_in(request))
    if organization is None:
        return redirect("portal")
    if request.method == "GET":
        return _page(request, organization, [])
    open_rows = rows.opened(organization, request.POST)
    if "done" in request.POST:
        return _done(request, organization, open_rows)
    return _page(request, organization, _rearranged(request, organization, open_rows))


@require_GET
def add(request: HttpRequest) -> HttpResponse:
    """The list with an empty row to type into."""
    organization = access.administered_by(signed_in(request))
    if organization is None:
        return redirect("portal")
    if organization.consented_at is None:
        return redirect("consent")
    return _page(request, organization, [rows.new([])])


def _rearranged(request: HttpRequest, organization: Organization, open_rows: list[Row]) -> list[Row]:
    """The rows after one more was opened, or one was closed."""
    if ref := request.POST.get("edit", ""):
        kept = [row for row in open_rows if row.key != ref]
        return [*kept, rows.change(organization, ref)]
    if key := request.POST.get("cancel", ""):
        return [row for row in open_rows if row.key != key]
    if "add" in request.POST and len(open_rows) < rows.MOST_OPEN:
        return [*open_rows, rows.new(open_rows)]
    return open_rows


def _done(request: HttpRequest, organization: Organization, open_rows: list[Row]) -> HttpResponse:
    """Finish one row, or all of them where Enter was pressed and no row is named."""
    deadline, actor = Deadline.after(SECONDS), actor_of(request, organization)
    try:
        directory.confirm(actor.user, organization, needs_role=True, deadline=deadline)
    except Unconfirmed as unconfirmed:
        messages.error(request, unconfirmed.text)
        return _page(request, organization, open_rows, status=422)
    key = request.POST["done"]
    finished = {
        row.key: connection
        for row in open_rows
        if key in {"", row.key} and (connection := finish(row, organization, actor, deadline))
    }
    left = [row for row in open_rows if row.key not in finished]
    for connection in finished.values():
        messages.success(request, _told(connection))
    if len(finished) == 1 and not left:
        return _leave(request, reverse("connection", args=[next(iter(finished.values())).ref]))
    if finished and not left:
        return _leave(request, reverse("configure"))
    return _page(request, organization, left, status=422 if any(row.failed for row in left) else 200)


def _told(connection: Connection) -> str:
    if connection.proposed is None:
        return _("Saved.")
    told = _("Submitted %(url)s. %(name)s can approve it now.")
    return told % {"url": connection.base_url, "name": connection.proposed.approver_name}


def _leave(request: HttpRequest, path: str) -> HttpResponse:
    """Go to another page: htmx would put it into this one."""
    return HttpResponseClientRedirect(path) if request.headers.get("HX-Request") else redirect(path)


def _page(request: HttpRequest, organization: Organization, open_rows: list[Row], status: int = 200) -> HttpResponse:
    shown = listing(organization, request.GET.get("q", "").replace("\0", "").strip()[:200], request.GET.get("page", ""))
    in_place = shown.place({row.key: row for row in open_rows if row.connection})
    return shell.page(
        request,
        "portal/configure.html",
        "configure",
        # htmx puts no error into a page; without it the status says that nothing was done.
        status=200 if request.headers.get("HX-Request") else status,
        organization=organization,
        listing=shown,
        rows=open_rows,
        elsewhere=[row for row in open_rows if row.connection and row.key not in in_place],
        may_add=len(open_rows) < rows.MOST_OPEN,
        action=f"{reverse('configure')}?{request.GET.urlencode()}",
    )
