"""Mails that could not be sent: to whom, of what, why, and once more. For administrators."""

from dataclasses import dataclass

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from connector import mail
from connector.models import Change, Notice
from portal import directory, history, shell
from portal.actors import actor_of
from portal.ready.views import organization_of

PAGE = 20


@dataclass(frozen=True)
class Line:
    """One mail: its subject as it would be read, and why the last try came to nothing."""

    notice: Notice
    subject: str
    why: str | Promise


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """What could not be sent so far, newest first."""
    unsent = mail.undelivered(organization_of(request))
    shown = Paginator(unsent.select_related("organization", "connection"), PAGE).get_page(request.GET.get("page"))
    lines = [Line(one, mail.render(one)[0], mail.REASONS.get(one.code, mail.REASONS["unexpected"])) for one in shown]
    given_up = unsent.exclude(given_up_at=None).exists()
    return shell.page(
        request, "portal/mails.html", "status", lines=lines, page=shown, given_up=given_up, mail_is_on=mail.is_on()
    )


@require_POST
def send_again(request: HttpRequest) -> HttpResponse:
    """Try once more what was given up."""
    organization = organization_of(request)
    if page := directory.refusal(request, organization):
        return page
    with transaction.atomic():
        count = mail.send_again(organization)
        if count:
            actor = actor_of(request, organization)
            history.record(organization, Change.Kind.MAILED_AGAIN, actor=actor, count=count)
    said = ngettext("%(count)d mail is tried again now.", "%(count)d mails are tried again now.", count)
    messages.success(request, said % {"count": count} if count else _("There was nothing to try again."))
    return redirect("mails")
