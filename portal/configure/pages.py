"""Pages around the grid: the way in, one connection, and the directory's suggestions while a name is typed."""

import logging

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from connector import access, limits, mail, problems
from connector.errors import WireError
from connector.http import Deadline
from connector.models import Check, Connection, Decision, Organization
from connector.signin import signed_in
from connector.teams.graph import Person
from portal import directory, records, services, shell
from portal.forms import ReasonForm

log = logging.getLogger(__name__)

GRAPH_SECONDS = 6.0


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """Send everybody to their own first step, and nobody to a page that says whom to ask."""
    user = signed_in(request)
    if organization := access.administered_by(user):
        return redirect("configure" if organization.consented_at else "ready")
    if access.connections_of(user).exists():
        return redirect("approve")
    if access.reports_read_by(user):
        return redirect("reports")
    organization = Organization.objects.filter(tid=user.tid).first()
    if organization is None or organization.consented_at is None:
        return redirect("consent")
    names = [administrator.name for administrator in organization.administrators.all()]
    return problems.page(request, "nobody", people=names, again=reverse("signin"))


@require_POST
def people(request: HttpRequest) -> HttpResponse:
    """Directory suggestions while a name is typed: an improvement for the form, which works without it."""
    organization = access.administered_by(signed_in(request))
    if seconds := limits.wait("search", signed_in(request).pk):
        return problems.page(request, "too-many", wait=seconds)
    typed = next(
        (str(value) for name, value in request.POST.items() if name.endswith(("approver", "reader"))), ""
    ).strip()[:200]
    found: list[Person] = []
    if organization and len(typed) > 1:
        try:
            found = directory.search(str(organization.tid), typed, deadline=Deadline.after(GRAPH_SECONDS))
        except WireError as error:
            log.info("directory search failed", extra={"code": error.code})
    return render(request, "portal/people.html", {"people": [person for person in found if person.enabled]})


@require_GET
def connection(request: HttpRequest, ref: str) -> HttpResponse:
    """One connection as its administrator sees it: state, settings, history, and the link for the approver."""
    return show(request, access.connection_of(signed_in(request), ref), ReasonForm())


def _stopped(shown: Connection) -> Decision | None:
    """The return or the suspension that the connection rests on, whose reason its readers have to know."""
    newest = shown.decisions.first()
    returned = newest is not None and newest.kind == Decision.Kind.RETURN and shown.proposed_id is None
    suspended = newest is not None and newest.kind == Decision.Kind.SUSPEND
    return newest if returned or suspended else None


def show(request: HttpRequest, shown: Connection, form: ReasonForm, *, status: int = 200) -> HttpResponse:
    """The page of a connection; with what was typed where nothing came of it."""
    user = signed_in(request)
    return shell.page(
        request,
        "portal/connection.html",
        "configure",
        status=status,
        connection=shown,
        revision=shown.shown,
        form=form,
        mark=services.mark(shown),
        stopped=_stopped(shown),
        mail_is_on=mail.is_on(),
        mailed=shown.shown.submitted_by.oid != shown.shown.approver_oid,  # nobody is told what he did himself
        told=records.is_told(shown),
        may_edit=access.administered_by(user) is not None or access.is_approver(user, shown),
        approver_link=settings.PUBLIC_URL + services.approver_path(shown),
        approver_disabled=shown.checks.filter(name="approver", state=Check.State.WRONG).exists(),
    )
