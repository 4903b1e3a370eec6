"""What is typed into the portal."""

from django import forms
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

from connector.ehr.discovery import normalise
from connector.models import Environment

URL_FAULTS = {
    "scheme": _("Enter an address that begins with https://."),
    "credentials": _("Leave out the user name and password: a FHIR base URL has none."),
    "query": _("Leave out everything from ? or # on: a FHIR base URL ends with its path, such as /api/FHIR/R4."),
    "host": _("This is not a complete address. It looks like https://ehr.hospital.example/interconnect/api/FHIR/R4."),
}


class ConnectionForm(forms.Form):
    """A FHIR base URL, its environment and its approver."""

    base_url = forms.CharField(
        label=_("FHIR base URL"),
        max_length=500,
        help_text=_("The address of the EHR's FHIR service. Epic calls it the issuer; it ends with /api/FHIR/R4."),
        widget=forms.TextInput(attrs={"inputmode": "url", "autocomplete": "off", "spellcheck": "false"}),
    )
    environment = forms.ChoiceField(
        label=_("Environment"), choices=Environment.choices, widget=forms.RadioSelect, initial=Environment.TESTING
    )
    approver = forms.CharField(
        label=_("Approver (Epic customer analyst)"),
        max_length=200,
        help_text=_("A name or a sign-in name of somebody in your organization's directory. It may be you."),
        widget=forms.TextInput(
            attrs={
                "autocomplete": "off",
                "spellcheck": "false",
                "list": "people",
                "hx-post": reverse_lazy("configure_people"),  # a name has no place in an address
                "hx-trigger": "input changed delay:300ms",
                "hx-target": "#people",
            }
        ),
    )

    def clean_base_url(self) -> str:
        try:
            return normalise(self.cleaned_data["base_url"])
        except ValueError as error:
            raise forms.ValidationError(URL_FAULTS[str(error)]) from error


class ReasonForm(forms.Form):
    """Why something is returned or suspended: the other side reads it."""

    reason = forms.CharField(label=_("Reason"), max_length=1000, widget=forms.Textarea(attrs={"rows": 4}), strip=True)
