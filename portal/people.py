"""One person of the directory: which EHR users the account is linked to, and erasing that at the person's request."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST

from connector import access
from connector.http import Deadline
from connector.models import Change, Connection, Organization
from connector.signin import signed_in
from connector.teams.graph import Person
from portal import directory, history, shell
from portal.actors import actor_of
from portal.directory import Found
from visits import services as visits
from visits.services import Erased

# Why nobody is shown, by the code of what was found. Any other code: the directory did not answer.
FAULTS = {
    "nobody": gettext_lazy(
        "Nobody in the directory has this name. Try the sign-in name, such as kim@hospital.example. Links of a deleted "
        "account are erased by themselves, within a day."
    ),
}


class PersonForm(forms.Form):
    """Whom the administrator means: a name or sign-in name, and of several people the one who is meant."""

    person = forms.CharField(
        label=gettext_lazy("Name or sign-in name"),
        max_length=200,
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}),
    )
    oid = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)


@require_http_methods(["GET", "POST"])
def people(request: HttpRequest) -> HttpResponse:
    """Search for a person. By POST, and the answer is the page itself: a name has no place in an address."""
    organization = access.organization_of(signed_in(request))
    if request.method == "GET":
        return _page(request, organization, PersonForm())
    form = PersonForm(request.POST)
    if not form.is_valid():
        return _page(request, organization, form, status=422)
    deadline = Deadline.after(directory.SECONDS)
    found = directory.find(str(organization.tid), form.cleaned_data["person"], deadline=deadline, disabled=True)
    person = found.meant(form.cleaned_data["oid"])
    if person is None and not found.people:
        form.add_error("person", FAULTS.get(found.code, directory.SILENT))
        return _page(request, organization, form, status=422)
    return _page(request, organization, form, found=found, person=person)


@require_POST
def erase(request: HttpRequest) -> HttpResponse:
    """Erase one link, or all of a person's. It is a line of the history, which does not name the person."""
    organization = access.organization_of(signed_in(request))
    try:
        oid, only = UUID(request.POST.get("oid", "")), request.POST.get("link", "")
        number = int(only) if only else None
    except ValueError:
        raise Http404 from None
    if not directory.confirmed(request, organization):
        return redirect("people")
    messages.success(request, _said(_erase(request, organization, oid, number)))
    return redirect("people")


def _erase(request: HttpRequest, organization: Organization, oid: UUID, only: int | None) -> Erased:
    actor = actor_of(request, organization)
    with transaction.atomic():
        erased = visits.erase_links(organization, oid, event="unlinked-on-request", only=only)
        lines: list[tuple[Connection | None, int]] = [*erased.links.items()]
        if erased.anything and not lines:
            lines.append((None, 0))  # browsers alone, which are no connection's
        for connection, count in lines:
            history.record(
                organization, Change.Kind.UNLINKED, actor=actor, connection=connection, count=count, why="on-request"
            )
    return erased


def _said(erased: Erased) -> str:
    if count := sum(erased.links.values()):
        return ngettext("%(count)d link was erased.", "%(count)d links were erased.", count) % {"count": count}
    if erased.anything:
        return _("There was no link. Visits that run and browsers do not know the account any more.")
    return _("There was nothing left to erase.")


def _page(
    request: HttpRequest,
    organization: Organization,
    form: PersonForm,
    *,
    found: Found | None = None,
    person: Person | None = None,
    status: int = 200,
) -> HttpResponse:
    shown = {
        "form": form,
        "people": found.people if found and person is None else (),
        "person": person,
        "links": visits.links_of(organization, UUID(person.oid)) if person else [],
    }
    return shell.page(request, "portal/person.html", "people", status=status, **shown)
