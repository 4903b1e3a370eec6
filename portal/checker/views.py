"""The record checker's page. What is pasted is read, answered and forgotten: it is in no row, no log, no address."""

from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from connector import access, agreement
from connector.signin import signed_in
from portal import shell
from portal.checker import MOST, Result, Wanted, check
from portal.checker.sources import expected, others

LONGEST = 20_000
LINES_SHOWN, CHARACTERS_SHOWN = 10, 200


class CheckForm(forms.Form):
    """What stands in the EHR, as somebody copied it."""

    pasted = forms.CharField(
        label=_("What stands in the EHR"),
        max_length=LONGEST,
        help_text=_("One field, one record or all of them: as lines, as a table or as CSV. It is not kept."),
        error_messages={
            "required": _("Paste something first."),
            "max_length": _(
                "This is too much: %(show_value)d characters, and %(limit_value)d are read at most. "
                "Paste one record at a time."
            ),
        },
        strip=False,
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false", "autocomplete": "off", "class": "pasted"}),
    )
    only = forms.ChoiceField(label=_("Which record is it?"), required=False)

    def __init__(self, wanted: list[Wanted], *args: object) -> None:
        super().__init__(*args)  # type: ignore[arg-type]
        choices = [("", _("Find out")), *((one.kind, one.title) for one in wanted)]
        self.fields["only"].choices = choices  # type: ignore[attr-defined]

    def clean_pasted(self) -> str:
        pasted = str(self.cleaned_data["pasted"])
        if not pasted.strip():
            raise forms.ValidationError(self.fields["pasted"].error_messages["required"], "required")
        return pasted


@require_http_methods(["GET", "POST"])
def page(request: HttpRequest, ref: str) -> HttpResponse:
    """The form, and below it what came of the paste."""
    user = signed_in(request)
    connection = access.connection_of(user, ref)
    if connection.live is None:
        raise Http404
    wanted = expected(connection, connection.live)
    form = CheckForm(wanted, request.POST) if request.method == "POST" else CheckForm(wanted)
    result = None
    if form.is_bound and form.is_valid():
        data = form.cleaned_data
        result = check(data["pasted"], wanted, others(user, connection), only=data["only"])
    return shell.page(
        request,
        "portal/checker.html",
        "records",
        status=422 if form.errors else 200,
        connection=connection,
        form=form,
        result=result,
        **_shown(result),
        most=MOST,
        is_epic=agreement.load(connection.live.settings).ehr_kind == "epic",
    )


def _shown(result: Result | None) -> dict[str, Any]:
    """What the page says below the records, no longer than somebody reads it."""
    if result is None:
        return {}
    unread = [line.strip()[:CHARACTERS_SHOWN] for line in result.unread[:LINES_SHOWN]]
    different = any(finding.pieces for record in result.records for finding in record.findings)
    return {"unread": unread, "has_differences": different}
