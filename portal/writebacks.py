"""Writebacks: everything of a connection that waits, was delivered, was superseded, is held or was given up, with why,
and *send again*."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from connector import access
from connector.models import Change, Connection
from connector.signin import signed_in
from portal import directory, history, shell
from portal.actors import actor_of
from portal.status import governed, live
from visits import services as visits


@require_GET
def index(request: HttpRequest, ref: str) -> HttpResponse:
    """The lines of one connection, newest first; `state` chooses some, `before` goes further back."""
    connection = live(request, ref)
    asked, before = request.GET.get("state", ""), request.GET.get("before", "")
    state = asked if asked in visits.WRITEBACK_STATES else ""
    lines, older = visits.writebacks(
        connection, state, int(before) if before.isdecimal() and len(before) < 19 else None
    )
    return shell.page(
        request,
        "portal/writebacks.html",
        "status",
        connection=connection,
        targets=visits.targets(connection),
        lines=lines,
        older=older,
        before=before,
        state=state,
        states=visits.WRITEBACK_STATES,
        governs=access.governs(signed_in(request), connection),
        administers=administers(request, connection),
    )


@require_POST
def again(request: HttpRequest, ref: str, number: int) -> HttpResponse:
    """Tell one that was given up once more."""
    connection = governed(request, ref)
    if page := directory.refusal(request, connection.organization):
        return page
    if visits.send_one_again(connection, number):
        _keep(request, connection, count=1)
        messages.success(request, _("It is on its way again."))
    else:
        messages.info(request, _("There was nothing left to send."))
    return redirect("writebacks", ref=ref)


@require_POST
def switch_on(request: HttpRequest, ref: str, number: int) -> HttpResponse:
    """Try a target again that was turned off."""
    connection = governed(request, ref)
    if page := directory.refusal(request, connection.organization):
        return page
    if visits.switch_on(connection, number):
        _keep(request, connection)
        messages.success(request, _("It is tried again. What was held goes out now."))
    else:
        messages.info(request, _("It was not turned off."))
    return redirect("writebacks", ref=ref)


def _keep(request: HttpRequest, connection: Connection, **detail: object) -> None:
    actor = actor_of(request, connection.organization, connection)
    history.record(connection.organization, Change.Kind.SENT_AGAIN, actor=actor, connection=connection, **detail)


def administers(request: HttpRequest, connection: Connection) -> bool:
    """Whether this person administers the connection's organization: the trail of its visits is for nobody else."""
    return access.administered_by(signed_in(request)) == connection.organization
