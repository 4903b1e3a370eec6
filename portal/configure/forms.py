"""What is typed into the rows of the grid."""

from typing import Any

from django import forms
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

from connector.ehr.discovery import normalise
from connector.models import Environment

MAX_URL = 500
URL_FAULTS = {
    "letters": _(
        "The address has letters outside a to z, perhaps a look-alike from a copied text. Type it by hand; a host name "
        "with such letters is entered in its xn-- form."
    ),
    "scheme": _("Enter an address that begins with https://."),
    "credentials": _("Leave out the user name and password: a FHIR base URL has none."),
    "query": _("Leave out everything from ? or # on: a FHIR base URL ends with its path, such as /api/FHIR/R4."),
    "host": _("This is not a complete address. It looks like https://ehr.hospital.example/interconnect/api/FHIR/R4."),
}
PLAIN = {"autocomplete": "off", "spellcheck": "false"}


class RowForm(forms.Form):
    """What every row has: who approves, and what the organization calls the connection."""

    approver = forms.CharField(label=_("Approver (Epic customer analyst)"), max_length=200)
    # Which of several people is meant, and which warnings were read: sent along, never typed.
    approver_oid = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)
    said = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)
    label = forms.CharField(label=_("Label"), max_length=120, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["approver"].widget.attrs |= PLAIN | {
            "list": f"{self.prefix}-people",
            "hx-post": reverse_lazy("configure_people"),  # a name has no place in an address
            "hx-params": f"csrfmiddlewaretoken,{self.prefix}-approver",
            "hx-trigger": "input changed delay:300ms",
            "hx-target": f"#{self.prefix}-people",
        }
        self.fields["label"].widget.attrs |= {"placeholder": _("Hospital or department")}


class NewRowForm(RowForm):
    """A FHIR base URL that is not in the list yet."""

    base_url = forms.CharField(label=_("FHIR base URL"), widget=forms.TextInput({"inputmode": "url"} | PLAIN))
    environment = forms.ChoiceField(label=_("Environment"), choices=Environment.choices)
    field_order = ("base_url", "environment", "approver", "label")

    def clean_base_url(self) -> str:
        typed = self.cleaned_data["base_url"]
        if len(typed) > MAX_URL:
            raise forms.ValidationError(_("This address is too long: a FHIR base URL has at most 500 characters."))
        try:
            if not typed.isascii():
                raise ValueError("letters")
            return normalise(typed)
        except ValueError as error:
            raise forms.ValidationError(URL_FAULTS[str(error)]) from error


class ChangeRowForm(RowForm):
    """A connection that is in the list: its address and environment never change. `seen` is the number of the newest
    revision when the row was opened."""

    seen = forms.IntegerField(widget=forms.HiddenInput)
    field_order = ("approver", "label")
