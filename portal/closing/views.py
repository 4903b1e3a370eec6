"""The pages of an end: what it does and what comes first, the exports, the word that starts it, and calling it off."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from connector import access, mail
from connector.models import Change, Closing, Organization
from connector.signin import RECEIPT_SALT, RECEIPT_SECONDS, signed_in
from portal import closing, directory, history, sheets, shell
from portal.actors import actor_of
from portal.closing.asking import BLOCKERS
from portal.closing.exports import EXPORTS, taken
from portal.closing.receipt import as_file
from portal.closing.texts import REMAINS, REMAINS_OF_KEYS
from portal.services import Refused

CHANGED = gettext_lazy("This was changed in the meantime. Here is how it stands now.")


class NameForm(forms.Form):
    """The organization's name, typed by hand: nobody ends one by mistake."""

    name = forms.CharField(
        label=gettext_lazy("Name of the organization"),
        max_length=256,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    def __init__(self, organization: Organization, *args: Any) -> None:
        super().__init__(*args)
        self.wanted = str(organization)

    def clean_name(self) -> str:
        typed = " ".join(self.cleaned_data["name"].split())
        if typed.casefold() != " ".join(self.wanted.split()).casefold():
            raise forms.ValidationError(_("This is not the organization's name: %(name)s") % {"name": self.wanted})
        return typed


@require_GET
def end(request: HttpRequest) -> HttpResponse:
    """What ending does, what has to be over first, and what can be taken along."""
    organization = access.organization_of(signed_in(request))
    return _page(request, organization, NameForm(organization))


@require_POST
def export(request: HttpRequest, what: str) -> HttpResponse | StreamingHttpResponse:
    """One of EXPORTS. It is a line of the history."""
    organization, wanted = access.organization_of(signed_in(request)), EXPORTS.get(what)
    if wanted is None:
        raise Http404
    if not directory.confirmed(request, organization):
        return redirect("end")
    actor = actor_of(request, organization)
    history.record(organization, Change.Kind.EXPORTED, actor=actor, what=what, format=wanted.ending)
    return sheets.download(what, wanted.ending, wanted.media_type, wanted.texts(organization))


@require_POST
def ask(request: HttpRequest) -> HttpResponse:
    """Start the days after which everything is destroyed."""
    organization = access.organization_of(signed_in(request))
    form = NameForm(organization, request.POST)
    if not form.is_valid():
        return _page(request, organization, form, status=422)
    if not directory.confirmed(request, organization):
        return redirect("end")
    try:
        closing.ask(organization, actor_of(request, organization))
    except Refused:
        messages.warning(request, CHANGED)
    return redirect("end")


@require_POST
def call_off(request: HttpRequest) -> HttpResponse:
    """Keep everything. That does not wait for a directory that is silent."""
    organization = access.organization_of(signed_in(request))
    if not directory.confirmed(request, organization, waits=False):
        return redirect("end")
    try:
        closing.call_off(organization, actor_of(request, organization))
    except Refused:
        messages.warning(request, CHANGED)
    else:
        messages.success(request, _("Called off. Everything stays; the connections are as you left them."))
    return redirect("end")


@login_not_required
@require_POST
def receipt(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """The receipt, for an administrator whose sign-in has just shown it to him (connector.signin): there is no session
    in an organization that is no more."""
    try:
        number = signing.loads(request.POST.get("token", ""), salt=RECEIPT_SALT, max_age=RECEIPT_SECONDS)
    except signing.BadSignature:
        return redirect("signin")
    row = Closing.objects.filter(pk=number, step=Closing.Step.DONE).first()
    if row is None:
        return redirect("signin")
    return sheets.download("receipt", "json", "application/json", [as_file(row)])


def _page(request: HttpRequest, organization: Organization, form: NameForm, *, status: int = 200) -> HttpResponse:
    asked, when = closing.of(organization), taken(organization)
    shown = {
        "asked": asked,
        "held_up": BLOCKERS[asked.code] if asked and asked.code in BLOCKERS else None,
        "blockers": closing.blockers(organization),
        "exports": [(name, one, when.get(name)) for name, one in EXPORTS.items()],
        "remains": [REMAINS_OF_KEYS[False], *REMAINS],
        "days": closing.DAYS,
        "form": form,
        "mail_is_on": mail.is_on(),
    }
    return shell.page(request, "portal/end.html", "people", status=status, **shown)
