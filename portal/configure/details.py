"""What an administrator changes at once and without approval: label, notification mail, help line, retention."""

from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from connector import access
from connector.cached import outdate
from connector.models import Change, Connection
from connector.signin import signed_in
from portal import directory, history, shell
from portal.actors import Actor, actor_of

LONGEST_RETENTION = 365


class DetailsForm(forms.Form):
    """The details of a connection. What is cleaned has the names of Connection's own fields."""

    label = forms.CharField(
        label=gettext_lazy("Label"),
        max_length=120,
        required=False,
        help_text=gettext_lazy("A hospital or a department, as your staff call it."),
    )
    notification_mail = forms.EmailField(
        label=gettext_lazy("Notification mail"),
        required=False,
        help_text=gettext_lazy("Who is told of decisions and problems. A shared mailbox outlives its people."),
    )
    help_line = forms.CharField(
        label=gettext_lazy("Help line"),
        max_length=200,
        required=False,
        help_text=gettext_lazy(
            "A phone number, or a sentence with one in it. Patients and clinicians see it when something goes wrong."
        ),
    )
    help_hours = forms.CharField(
        label=gettext_lazy("Hours of the help line"),
        max_length=120,
        required=False,
        help_text=gettext_lazy("As patients read it, for example: Monday to Friday, 8 am to 6 pm."),
    )
    retention_days = forms.IntegerField(
        label=gettext_lazy("Days to keep a visit's ids"),
        min_value=1,
        max_value=LONGEST_RETENTION,
        help_text=gettext_lazy("Counted from the end of the visit, and no shorter than its writebacks take."),
    )


FIELDS = tuple(DetailsForm.base_fields)


def change(connection: Connection, actor: Actor, **wanted: Any) -> bool:
    """Change details at once, with their line in the history. Returns whether anything differs."""
    with transaction.atomic():
        row = Connection.objects.select_for_update(of=("self",)).get(pk=connection.pk)
        changed = {name: [getattr(row, name), value] for name, value in wanted.items() if getattr(row, name) != value}
        if changed:
            Connection.objects.filter(pk=row.pk).update(**{name: wanted[name] for name in changed})
            outdate("connection", row.pk)
            history.record(connection.organization, Change.Kind.DETAILS, actor=actor, connection=connection, **changed)
    return bool(changed)


@require_http_methods(["GET", "POST"])
def details(request: HttpRequest, ref: str) -> HttpResponse:
    """The details of one connection, for administrators."""
    user = signed_in(request)
    connection = access.connection_of(user, ref)
    if access.administered_by(user) is None:
        raise Http404
    form = DetailsForm(request.POST or None, initial={name: getattr(connection, name) for name in FIELDS})
    if request.method == "POST" and form.is_valid() and directory.confirmed(request, connection.organization):
        if change(connection, actor_of(request, connection.organization), **form.cleaned_data):
            messages.success(request, _("Saved. It applies from now on."))
        else:
            messages.info(request, _("Nothing was different."))
        return redirect("connection", ref=ref)
    status = 422 if form.is_bound else 200
    return shell.page(request, "portal/details.html", "configure", status=status, form=form, connection=connection)
