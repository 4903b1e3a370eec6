"""What is typed on more than one page of the portal."""

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.utils.translation import gettext_lazy as _


class ReasonForm(forms.Form):
    """Why something is returned or suspended: the other side reads it."""

    reason = forms.CharField(label=_("Reason"), max_length=1000, widget=forms.Textarea(attrs={"rows": 4}), strip=True)


class ZoneField(forms.CharField):
    """The time zone that other fields are in: UTC, or the reader's own where his browser says which that is
    (js/zone.js)."""

    def __init__(self, **kwargs: Any) -> None:
        box = forms.TextInput(attrs={"data-own-zone": "", "autocomplete": "off", "spellcheck": "false"})
        super().__init__(label=_("Time zone"), max_length=64, initial="UTC", widget=box, **kwargs)

    def clean(self, value: Any) -> str:
        zone: str = super().clean(value)
        if zone not in available_timezones():
            raise forms.ValidationError(_("This time zone is not known. UTC always is."))
        return zone
