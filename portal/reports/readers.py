"""Who may read the reports beside the administrators, and how many visits a month are paid for."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from connector import access
from connector.http import Deadline
from connector.models import Change, Organization, Reader
from connector.signin import signed_in
from connector.teams.graph import Person
from portal import directory, history
from portal.actors import Actor, actor_of
from portal.reports.pages import show

# Why nobody was named, by the code of what was found. Any other code: the directory did not answer.
FAULTS = {
    "nobody": gettext_lazy(
        "Nobody in the directory has this name. Try the sign-in name, such as kim@hospital.example."
    ),
    "disabled": gettext_lazy("This account is disabled."),
}


class ReaderForm(forms.Form):
    """Whom the administrator means: a name or sign-in name, and of several people the one who is meant."""

    reader = forms.CharField(
        label=gettext_lazy("Name or sign-in name"),
        max_length=200,
        widget=forms.TextInput(
            {
                "autocomplete": "off",
                "spellcheck": "false",
                "list": "reader-people",
                "hx-post": reverse_lazy("configure_people"),  # a name has no place in an address
                "hx-params": "csrfmiddlewaretoken,reader",
                "hx-trigger": "input changed delay:300ms",
                "hx-target": "#reader-people",
            }
        ),
    )
    oid = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)


class AllowanceForm(forms.Form):
    """How many visits a month are paid for; nothing where that is not counted."""

    allowance = forms.IntegerField(
        label=gettext_lazy("Visits a month"), required=False, min_value=0, max_value=10_000_000
    )


@require_GET
def readers(request: HttpRequest) -> HttpResponse:
    """Who reads the reports, and the allowance."""
    organization = access.organization_of(signed_in(request))
    return _page(request, organization, ReaderForm(), _allowance_form(organization))


@require_POST
def name(request: HttpRequest) -> HttpResponse:
    """Name a reader. Where several people may be meant, the page asks which."""
    organization, form = access.organization_of(signed_in(request)), ReaderForm(request.POST)
    if not form.is_valid():
        return _page(request, organization, form, _allowance_form(organization), status=422)
    deadline = Deadline.after(directory.SECONDS)
    try:
        directory.confirm(signed_in(request), organization, needs_role=True, deadline=deadline)
    except directory.Unconfirmed as unconfirmed:
        form.add_error(None, unconfirmed.text)
        return _page(request, organization, form, _allowance_form(organization), status=422)
    found = directory.find(str(organization.tid), form.cleaned_data["reader"], deadline=deadline)
    person = found.meant(form.cleaned_data["oid"])
    if person is None:
        if not found.people:
            form.add_error("reader", FAULTS.get(found.code, directory.SILENT))
        return _page(request, organization, form, _allowance_form(organization), people=found.people, status=422)
    _keep(organization, person, actor_of(request, organization))
    messages.success(request, _("%(name)s may read the reports now.") % {"name": person.name})
    return redirect("reports_readers")


@require_POST
def remove(request: HttpRequest, number: int) -> HttpResponse:
    """Take the reports from a reader: at once, on his next page."""
    organization = access.organization_of(signed_in(request))
    reader = get_object_or_404(organization.readers, pk=number)
    if page := directory.refusal(request, organization, waits=False):
        return page
    with transaction.atomic():
        reader.delete()
        _record(organization, Change.Kind.READERS, request, reader=[_who(reader), ""])
    messages.success(request, _("%(name)s no longer reads the reports.") % {"name": reader.name})
    return redirect("reports_readers")


@require_POST
def allow(request: HttpRequest) -> HttpResponse:
    """Set the allowance, or say that none is counted."""
    organization, form = access.organization_of(signed_in(request)), AllowanceForm(request.POST)
    if not form.is_valid():
        return _page(request, organization, ReaderForm(), form, status=422)
    if page := directory.refusal(request, organization):
        return page
    before, after = organization.allowance, form.cleaned_data["allowance"]
    if before != after:
        with transaction.atomic():
            organization.allowance = after
            organization.save(update_fields=["allowance"])
            _record(organization, Change.Kind.ALLOWANCE, request, allowance=[before, after])
    messages.success(request, _("Saved."))
    return redirect("reports_readers")


def _keep(organization: Organization, person: Person, actor: Actor) -> None:
    with transaction.atomic():
        reader, new = organization.readers.get_or_create(
            oid=UUID(person.oid), defaults={"name": person.name, "upn": person.upn}
        )
        if new:
            history.record(organization, Change.Kind.READERS, actor=actor, reader=["", _who(reader)])


def _record(organization: Organization, kind: Change.Kind, request: HttpRequest, **detail: Any) -> None:
    history.record(organization, kind, actor=actor_of(request, organization), **detail)


def _who(reader: Reader) -> str:
    return f"{reader.name}, {reader.upn}"


def _allowance_form(organization: Organization) -> AllowanceForm:
    return AllowanceForm(initial={"allowance": organization.allowance})


def _page(
    request: HttpRequest,
    organization: Organization,
    form: ReaderForm,
    allowance: AllowanceForm,
    *,
    people: tuple[Person, ...] = (),
    status: int = 200,
) -> HttpResponse:
    shown = {"form": form, "allowance": allowance, "people": people, "readers": organization.readers.all()}
    return show(request, "readers", status=status, **shown)
