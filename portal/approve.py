"""Approve: the named analyst signs in to the EHR, sees what he approves, approves it or returns it with a reason."""

from dataclasses import dataclass, field
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from connector import access
from connector.models import Connection, Revision
from connector.signin import signed_in
from portal import records, services, shell
from portal.actors import actor_of
from portal.forms import ReasonForm
from portal.services import Refused

REFUSED = {
    "not-proposed": gettext_lazy("This was decided or changed in the meantime. Here is how it stands now."),
    "no-ehr-sign-in": gettext_lazy("Sign in to the EHR first: the approval rests on it."),
}


@dataclass
class Attempt:
    """One sign-in on its way back: the revision it is for, and what came of it."""

    revision: Revision
    who: str = ""
    organization: str = ""
    proof: dict[str, Any] = field(default_factory=dict)
    error: str = ""


def url(connection: Connection) -> str:
    """The approver's page of a connection."""
    return reverse("approve_one", args=[connection.ref])


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """What waits for somebody's approval, and what was decided."""
    user = signed_in(request)
    connections = sorted(access.connections_of(user), key=lambda c: (c.proposed_id is None, c.base_url))
    return shell.page(request, "portal/approvals.html", "approve", connections=connections)


@require_GET
def one(request: HttpRequest, ref: str) -> HttpResponse:
    """One connection for its approver: what to prepare in Epic, the EHR sign-in, then the decision."""
    connection = access.connection_of(signed_in(request), ref)
    return _page(request, connection, ReasonForm())


def confirmation(request: HttpRequest, attempt: Attempt) -> HttpResponse:
    """Right after the EHR sign-in: who signed in where, shown once, with the decision below."""
    return _page(request, attempt.revision.connection, ReasonForm(), attempt=attempt)


@require_POST
def decide(request: HttpRequest, ref: str) -> HttpResponse:
    """Approve or return the very revision that was on the page."""
    user = signed_in(request)
    connection = access.connection_of(user, ref)
    if not access.is_approver(user, connection):
        raise Http404
    # As text: a form may send anything for it.
    sent = request.POST.get("revision", "")
    revision = next((one for one in connection.revisions.all() if str(one.pk) == sent), None)
    if revision is None:
        raise Http404
    form = ReasonForm(request.POST)
    if request.POST.get("action") == "approve":
        return _approve(request, connection, revision)
    if not form.is_valid():
        return _page(request, connection, form, status=422)
    return _return(request, connection, revision, form.cleaned_data["reason"])


def _approve(request: HttpRequest, connection: Connection, revision: Revision) -> HttpResponse:
    actor = actor_of(request, connection.organization, connection)
    try:
        services.approve(connection=connection, revision=revision, actor=actor)
    except Refused as refused:
        messages.warning(request, str(REFUSED[refused.code]))
        return redirect(url(connection))
    messages.success(request, _("Approved. These are the integration records for Epic."))
    return redirect("record", ref=connection.ref)


def _return(request: HttpRequest, connection: Connection, revision: Revision, reason: str) -> HttpResponse:
    actor = actor_of(request, connection.organization, connection)
    try:
        services.return_(connection=connection, revision=revision, actor=actor, reason=reason)
    except Refused as refused:
        messages.warning(request, str(REFUSED[refused.code]))
    else:
        messages.success(request, _("Returned. The administrator sees your reason."))
    return redirect("approve")


def _page(
    request: HttpRequest,
    connection: Connection,
    form: ReasonForm,
    *,
    attempt: Attempt | None = None,
    status: int = 200,
) -> HttpResponse:
    user, revision = signed_in(request), connection.shown
    return shell.page(
        request,
        "portal/approve.html",
        "approve",
        status=status,
        connection=connection,
        revision=revision,
        form=form,
        attempt=attempt,
        may_decide=access.is_approver(user, connection) and connection.proposed_id is not None,
        signed_in_before=revision.sign_ins.filter(user=user).exists(),
        clients=records.client_records(connection, revision),
    )
