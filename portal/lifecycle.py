"""Suspend, resume and withdraw: what an administrator or the approver may do with a connection at any time, at once."""

from collections.abc import Callable

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from connector import access
from connector.signin import signed_in
from portal import services
from portal.actors import actor_of
from portal.forms import ReasonForm
from portal.services import Refused

# action -> (service, what is said when it was done)
ACTIONS: dict[str, tuple[Callable[..., None], Promise]] = {
    "suspend": (services.suspend, _("Suspended. Launches stop now; visits that run go on.")),
    "resume": (services.resume, _("Resumed. Launches work again.")),
    "withdraw": (services.withdraw, _("Withdrawn. The live settings, if there are any, stay as they are.")),
}


@require_POST
def act(request: HttpRequest, ref: str) -> HttpResponse:
    """Do one of ACTIONS, with the reason that the other side will read."""
    user = signed_in(request)
    connection = access.connection_of(user, ref)
    if request.POST.get("action") not in ACTIONS:
        raise Http404
    if request.POST["action"] != "withdraw" and not access.governs(user, connection):
        raise Http404
    service, done = ACTIONS[request.POST["action"]]
    form = ReasonForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Say why: the other side reads it. Nothing was changed."))
        return redirect("connection", ref=ref)
    try:
        service(
            connection=connection,
            actor=actor_of(request, connection.organization, connection),
            reason=form.cleaned_data["reason"],
        )
        messages.success(request, str(done))
    except Refused:
        messages.warning(request, _("This was changed in the meantime. Here is how it stands now."))
    # Who was named by nothing but the proposal that he withdrew does not see the connection any more.
    still_seen = access.connections_of(user).filter(ref=ref).exists()
    return redirect("connection", ref=ref) if still_seen else redirect("approve")
