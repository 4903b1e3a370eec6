"""Suspend, resume and withdraw: what an administrator or the approver may do with a connection at any time, at once."""

from collections.abc import Callable

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from connector import access, mail
from connector.http import Deadline
from connector.models import Connection, Revision
from connector.signin import signed_in
from portal import directory, services
from portal.actors import Actor, actor_of
from portal.configure import pages
from portal.directory import Unconfirmed
from portal.forms import ReasonForm
from portal.services import Refused

# action -> (service, what is said when it was done)
ACTIONS: dict[str, tuple[Callable[..., None], Promise]] = {
    "suspend": (services.suspend, gettext_lazy("Suspended. Launches stop now; visits that run go on.")),
    "resume": (services.resume, gettext_lazy("Resumed. Launches work again.")),
    "withdraw": (services.withdraw, gettext_lazy("Withdrawn. The live settings, if there are any, stay as they are.")),
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
    form = ReasonForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Say why: the other side reads it. Nothing was changed."))
    done = form.is_valid() and _do(request, connection, request.POST["action"], form.cleaned_data["reason"])
    # Who was named by nothing but the proposal that he withdrew does not see the connection any more.
    now = access.connections_of(user).filter(ref=ref).first()
    if now and not done:
        return pages.show(request, now, form, status=422)
    return redirect("connection", ref=ref) if now else redirect("approve")


def _do(request: HttpRequest, connection: Connection, action: str, reason: str) -> bool:
    """Do it and say so, or say why not. Returns whether it was done."""
    service, done = ACTIONS[action]
    actor = actor_of(request, connection.organization, connection)
    about = connection.proposed if action == "withdraw" else connection.live
    try:
        _confirm(actor, connection)
        service(connection=connection, actor=actor, reason=reason, seen=request.POST.get("seen", ""))
    except Unconfirmed as unconfirmed:
        messages.error(request, unconfirmed.text)
    except Refused:
        messages.warning(request, _("This was changed in the meantime. Here is how it stands now."))
    else:
        messages.success(request, with_mail(str(done), connection, about, actor))
        return True
    return False


def _confirm(actor: Actor, connection: Connection) -> None:
    """Ask the directory again. What stops something, or undoes that, does not wait for a directory that is silent."""
    administers = connection.organization.administrators.filter(user=actor.user).exists()
    deadline = Deadline.after(directory.SECONDS)
    try:
        directory.confirm(actor.user, connection.organization, needs_role=administers, deadline=deadline)
    except Unconfirmed as unconfirmed:
        if not unconfirmed.silent:
            raise


def with_mail(done: str, connection: Connection, revision: Revision | None, actor: Actor) -> str:
    """What was done, and whether a mail tells the others of it."""
    told = services.others(connection, revision, actor) if revision else []
    if not mail.is_on():
        said = _("No mail goes out, as no mail server is set up: tell the others yourself.")
    elif told:
        said = _("A mail goes to %(recipients)s.") % {"recipients": ", ".join(told)}
    else:
        said = _("No mail goes out, as the connection names no address: tell the others yourself.")
    return f"{done} {said}"
