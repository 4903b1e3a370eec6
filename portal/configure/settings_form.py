"""The advanced settings as a form: each field of connector.agreement.Settings, by its label in portal.labels."""

import re
from dataclasses import replace
from typing import Any, get_args, get_type_hints
from urllib.parse import urlsplit

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from connector.agreement import Settings, StatusService
from connector.ehr.discovery import normalise
from portal.labels import LABELS, WORDS

TOKEN = re.compile(r"[A-Za-z0-9_.:-]*")
PATH = re.compile(r"[A-Za-z0-9_./~-]*")
SCOPES = re.compile(r"[\x21\x23-\x5b\x5d-\x7e ]*")  # RFC 6749 §3.3
CONTEXT = re.compile(r"[\x21-\x7e ]*")  # query-shaped, with tokens that Epic fills in; they may hold spaces
CODES = ("connected", "disconnected", "waiting")
LONGEST_SILENCE = 60

# (title, its fields): in this order on the page.
GROUPS: tuple[tuple[Promise, tuple[str, ...]], ...] = (
    (_("EHR"), ("ehr_kind",)),
    (
        _("Client records"),
        ("provider_client_id", "patient_client_id", "backend_client_id", "authentication", "client_secret"),
    ),
    (_("Scopes"), ("provider_scopes", "patient_scopes", "sign_in_scopes", "backend_scopes")),
    (
        _("Visits"),
        ("session_kind", "provider_context", "patient_context", "group_provider_context", "group_patient_context"),
    ),
    (
        _("Status service"),
        (
            "status.path",
            "status.method",
            "status.conference_parameter",
            "status.external_id_parameter",
            "status.external_id_type_parameter",
            "status.vendor_parameter",
            "status.status_parameter",
            "status.vendor_name",
            *(f"code.{name}" for name in CODES),
            "status.waiting_as",
        ),
    ),
    (
        _("Meetings and pages"),
        ("frame_ancestors", "lobby", "meeting_subject", "waiting_silence_minutes"),
    ),
)
CODE_LABELS = {
    "connected": _("Status service: code for connected"),
    "disconnected": _("Status service: code for disconnected"),
    "waiting": _("Status service: code for waiting"),
}
HINTS: dict[str, Promise] = {
    "ehr_kind": _("As the EHR described itself. Correct it where it is wrong."),
    "client_secret": _("Typed once, sealed, and never shown again. Leave it empty to keep the one that is there."),
    "frame_ancestors": _("One https:// origin a line, without a path. The EHR's own host is always allowed."),
    "meeting_subject": _("One neutral text for all visits: it stands in calendars and lobbies."),
    "status.path": _("Relative to the FHIR base URL up to /api/."),
    "code.connected": _("Ask your Epic technical contact. Without it the EHR is not told."),
}
# field -> what it may hold
ALLOWED: dict[str, re.Pattern[str]] = {
    **dict.fromkeys(("provider_scopes", "patient_scopes", "sign_in_scopes", "backend_scopes"), SCOPES),
    **dict.fromkeys(("provider_client_id", "patient_client_id", "backend_client_id"), TOKEN),
    **dict.fromkeys((name for name in LABELS if name.endswith("_context")), CONTEXT),
    **dict.fromkeys((name for name in LABELS if name.endswith("_parameter")), TOKEN),
    **dict.fromkeys((f"code.{name}" for name in CODES), TOKEN),
    "status.path": PATH,
}
REQUIRED = {"meeting_subject", "waiting_silence_minutes", "provider_client_id", "status.path", "status.vendor_name"}
LENGTHS = {"meeting_subject": 120, "status.vendor_name": 120, "status.path": 300}
LONGEST = 1000
TYPES = get_type_hints(Settings) | {f"status.{name}": kind for name, kind in get_type_hints(StatusService).items()}


class SettingsForm(forms.Form):
    """The settings of a revision, and what goes with them from one press to the next."""

    # The newest revision when the page was opened, which warnings were read, and a secret that was typed a press ago:
    # sent along, never typed.
    seen = forms.IntegerField(widget=forms.HiddenInput)
    said = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)
    secret_kid = forms.CharField(required=False, max_length=32, widget=forms.HiddenInput)

    def __init__(self, *args: Any, settles_approver: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if settles_approver:
            self.fields["approver"] = forms.CharField(label=_("Approver"), max_length=200)
            self.fields["approver_oid"] = forms.CharField(required=False, widget=forms.HiddenInput)
        for _title, names in GROUPS:
            self.fields |= {name: _field(name) for name in names}

    @property
    def groups(self) -> list[tuple[Promise, list[forms.BoundField]]]:
        """The fields as they stand on the page."""
        return [(title, [self[name] for name in names]) for title, names in GROUPS]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for name, pattern in ALLOWED.items():
            if not pattern.fullmatch(cleaned.get(name) or ""):
                self.add_error(name, _("This holds a character that has no place here. Copy it without line breaks."))
        lacks_secret = not (cleaned.get("client_secret") or cleaned.get("secret_kid"))
        if lacks_secret and cleaned.get("authentication") == "client_secret_basic":
            self.add_error("client_secret", _("Enter the client secret that the EHR gave out."))
        return cleaned

    def send_along(self, **values: object) -> None:
        """Set what the page sends the next time."""
        self.data = {name: self.data.get(name, "") for name in self.data} | values

    def settings(self, base: Settings) -> Settings:
        """The settings that were typed. `base` gives what the form does not ask."""
        data = self.cleaned_data
        plain = {name: data[name] for _title, names in GROUPS for name in names if name in TYPES}
        status = {name.partition(".")[2]: value for name, value in plain.items() if "." in name}
        codes = base.status.codes | {name: data[f"code.{name}"] for name in CODES}
        kept = {name: value for name, value in plain.items() if "." not in name}
        kept["frame_ancestors"] = origins(kept["frame_ancestors"])
        basic = data["authentication"] == "client_secret_basic"
        return replace(
            base,
            **kept,
            secret_kid=data["secret_kid"] if basic else "",
            status=replace(base.status, **status, codes={name: code for name, code in codes.items() if code}),
        )


def initial(agreed: Settings) -> dict[str, Any]:
    """What the form starts with."""
    held = {name: getattr(agreed, name) for name in TYPES if "." not in name and name != "status"}
    held |= {f"status.{name}": value for name, value in vars(agreed.status).items()}
    held |= {f"code.{name}": agreed.status.codes.get(name, "") for name in CODES}
    return held | {"frame_ancestors": "\n".join(agreed.frame_ancestors)}


def _field(name: str) -> forms.Field:
    label = (
        CODE_LABELS[name.partition(".")[2]] if name.startswith("code.") else LABELS.get(name, _("New client secret"))
    )
    common: dict[str, Any] = {
        "label": label,
        "required": name in REQUIRED or name in WORDS,
        "help_text": HINTS.get(name, ""),
    }
    choices = get_args(TYPES.get(name))
    if name == "frame_ancestors":
        return OriginsField(**common, widget=forms.Textarea({"rows": 3}))
    if name == "client_secret":
        return forms.CharField(
            **common, max_length=LONGEST, widget=forms.PasswordInput({"autocomplete": "new-password"})
        )
    if name == "waiting_silence_minutes":
        return forms.IntegerField(**common, min_value=1, max_value=LONGEST_SILENCE)
    if choices:
        common["required"] = True
        return forms.ChoiceField(**common, choices=[(one, WORDS.get(name, {}).get(one, one)) for one in choices])
    return forms.CharField(**common, max_length=LENGTHS.get(name, LONGEST), widget=_text())


def _text() -> forms.TextInput:
    return forms.TextInput({"autocomplete": "off", "spellcheck": "false"})


class OriginsField(forms.CharField):
    """Origins that may frame visits, one a line."""

    def clean(self, value: Any) -> str:
        typed: str = super().clean(value)
        for line in typed.split():
            if not _is_origin(line):
                raise forms.ValidationError(
                    _("“%(line)s” is not an origin. It looks like https://portal.hospital.example, without a path."),
                    params={"line": line[:100]},
                )
        return typed


def _is_origin(line: str) -> bool:
    try:
        return line.isascii() and urlsplit(normalise(line)).scheme == "https" and not urlsplit(line).path
    except ValueError:
        return False


def origins(typed: str) -> tuple[str, ...]:
    """The typed origins as they go into `frame-ancestors`."""
    return tuple(dict.fromkeys(normalise(line) for line in typed.split()))
