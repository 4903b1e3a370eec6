"""The advanced settings as a form: each field of connector.agreement.Settings, by its label in portal.labels."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, get_args
from urllib.parse import urlsplit

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from connector.agreement import MOST_REPOSITORIES, AuditRepository, Settings
from connector.ehr.discovery import normalise
from portal.configure.forms import URL_FAULTS
from portal.configure.settings_fields import (
    ALLOWED,
    CODE_LABELS,
    CODES,
    GROUPS,
    HINTS,
    LACKING,
    LENGTHS,
    LONGEST,
    NEW_SECRETS,
    NUMBERS,
    OF_AN_ADDRESS,
    REQUIRED,
    SECRETS,
    TYPES,
)
from portal.labels import LABELS, NESTED, REPEATED, WORDS, kind_of

TWICE: dict[str, Promise] = {
    "name": _("Give each repository a name of its own."),
    "address": _("This repository stands there already."),
}
OF_A_REPOSITORY = tuple(one.name for one in fields(AuditRepository))
ADDRESS = re.compile(r"audit\.(\d{1,2})\.address")
HEADER_NAME, HEADER_VALUE = re.compile(r"[A-Za-z0-9-]+"), re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
# Headers that nobody types: what we say of our own request, and what is of one hop of its way (RFC 9110 §7.6.1).
OURS = frozenset({"accept", "accept-encoding", "authorization", "client-request-id", "cookie", "date", "expect"})
OURS |= {"content-encoding", "content-length", "content-type", "forwarded", "host", "traceparent", "tracestate"}
OURS |= {"user-agent", "via", "x-request-id"}
OURS |= {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}
OURS_BEGIN = ("proxy-", "x-forwarded-")


class SettingsForm(forms.Form):
    """The settings of a revision, and what goes with them from one press to the next."""

    # The newest revision when the page was opened, and which warnings were read: sent along, never typed.
    seen = forms.IntegerField(widget=forms.HiddenInput)
    said = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)

    def __init__(self, *args: Any, settles_approver: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.places = _places(self.data if self.is_bound else self.initial)
        if self.is_bound:  # the place for one more may be new
            self.send_along(**_at(self.places - 1, AuditRepository("")) | {name: self.data[name] for name in self.data})
        for kid, _by, _needs in self.secrets.values():  # a secret that was typed a press ago is sent along as its key
            self.fields[kid] = forms.CharField(required=False, max_length=32, widget=forms.HiddenInput)
        if settles_approver:
            self.fields["approver"] = forms.CharField(label=_("Approver"), max_length=200)
            self.fields["approver_oid"] = forms.CharField(required=False, widget=forms.HiddenInput)
        for _title, names in self._groups():
            self.fields |= {name: _field(name) for name in names}

    def _groups(self) -> list[tuple[str, tuple[str, ...]]]:
        """(title, fields) as they stand on the page, the last of the repositories to be filled in."""
        groups = []
        for title, names in GROUPS:
            several = names[0].partition(".")[0] in REPEATED
            for place in range(self.places if several else 1):
                number = f" {place + 1}" if several and self.places > 1 else ""
                groups.append((f"{title}{number}", tuple(numbered(name, place) for name in names)))
        return groups

    @property
    def secrets(self) -> dict[str, tuple[str, str, str]]:
        """SECRETS, with those of each repository."""
        return {
            numbered(typed, place): (numbered(kid, place), numbered(by, place), needs)
            for typed, (kid, by, needs) in SECRETS.items()
            for place in range(self.places)
        }

    @property
    def groups(self) -> list[tuple[str, list[forms.BoundField]]]:
        """The fields as they stand on the page."""
        return [(title, [self[name] for name in names]) for title, names in self._groups()]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for name in self.fields:
            pattern = ALLOWED.get(kind_of(name))
            if pattern and not pattern.fullmatch(cleaned.get(name) or ""):
                self.add_error(name, _("This holds a character that has no place here. Copy it without line breaks."))
        for typed, (kid, by, needs) in self.secrets.items():
            if cleaned.get(by) == needs and self._is_used(typed) and not (cleaned.get(typed) or cleaned.get(kid)):
                self.add_error(typed, str(LACKING[kind_of(typed)]))
        for place, name, text in twice([self._repository(place) for place in self._used()]):
            self.add_error(numbered(f"audit.{name}", self._used()[place]), str(text))
        return cleaned

    def _used(self) -> list[int]:
        """The places of the repositories that have an address: without one it is none."""
        return [place for place in range(self.places) if self.cleaned_data.get(numbered("audit.address", place))]

    def _is_used(self, name: str) -> bool:
        """Whether anybody would be told this secret."""
        return not name.startswith("audit.") or int(name.split(".")[1]) in self._used()

    def address_for(self, typed: str) -> dict[str, str]:
        """What a secret is good for beside its field: that of a repository is for its address alone."""
        whose = f"{typed.rpartition('.')[0]}.address"
        return {"address": self.cleaned_data[whose]} if kind_of(typed) in OF_AN_ADDRESS else {}

    def send_along(self, **values: object) -> None:
        """Set what the page sends the next time."""
        self.data = {name: self.data.get(name, "") for name in self.data} | values

    def settings(self, base: Settings) -> Settings:
        """The settings that were typed. `base` gives what the form does not ask."""
        data = self.cleaned_data
        plain = {name: data[name] for _title, names in self._groups() for name in names if name in TYPES}
        plain |= {kid: data[kid] if data[by] == needs else "" for kid, by, needs in SECRETS.values() if kid in data}
        plain["frame_ancestors"] = origins(plain["frame_ancestors"])
        codes = base.status.codes | {name: data[f"code.{name}"] for name in CODES}
        plain["status.codes"] = {name: code for name, code in codes.items() if code}
        nested = {part: replace(getattr(base, part), **_below(part, plain)) for part in NESTED}
        nested["audit"] = tuple(self._repository(place) for place in self._used())
        return replace(base, **{name: value for name, value in plain.items() if "." not in name}, **nested)

    def _repository(self, place: int) -> AuditRepository:
        """The repository at a place; what is wrong in a field counts as empty."""
        typed = {name: self.cleaned_data.get(f"audit.{place}.{name}", "") for name in OF_A_REPOSITORY}
        needs_secret = typed["authentication"] == SECRETS["audit.password"][2]
        return AuditRepository(**typed | ({} if needs_secret else {"secret_kid": ""}))


def _below(part: str, flat: dict[str, Any]) -> dict[str, Any]:
    """The members of one nested part, by their own names."""
    return {name.removeprefix(f"{part}."): value for name, value in flat.items() if name.startswith(f"{part}.")}


def initial(agreed: Settings) -> dict[str, Any]:
    """What the form starts with."""
    held = {name: getattr(agreed, name) for name in TYPES if "." not in name and name not in NESTED | REPEATED}
    for place, one in enumerate((*agreed.audit, AuditRepository(""))):
        held |= _at(place, one)
    held |= {f"{part}.{name}": value for part in NESTED for name, value in vars(getattr(agreed, part)).items()}
    held |= {f"code.{name}": agreed.status.codes.get(name, "") for name in CODES}
    held["status.headers"] = "\n".join(f"{name}: {value}" for name, value in agreed.status.headers.items())
    return held | {"frame_ancestors": "\n".join(agreed.frame_ancestors)}


def numbered(name: str, place: int) -> str:
    """A field of the repository at a place, by its name in the tables; any other field as it is."""
    return f"audit.{place}.{name.removeprefix('audit.')}" if name.startswith("audit.") else name


def _at(place: int, repository: AuditRepository) -> dict[str, Any]:
    """What the form holds of the repository at a place."""
    return {f"audit.{place}.{name}": value for name, value in vars(repository).items()}


def _places(data: Mapping[str, Any]) -> int:
    """For how many repositories there is room: for those that have an address, and one more."""
    found = [int(match[1]) for name in data if (match := ADDRESS.fullmatch(name)) and data[name]]
    return min(max(found, default=-1) + 2, MOST_REPOSITORIES)


def twice(repositories: Sequence[AuditRepository]) -> Iterator[tuple[int, str, Promise]]:
    """What of these repositories another one has already: (place, field, what is wrong)."""
    for place, one in enumerate(repositories):
        for name, text in TWICE.items():
            if getattr(one, name) in [getattr(earlier, name) for earlier in repositories[:place]]:
                yield place, name, text


def _field(numbered_name: str) -> forms.Field:
    name = kind_of(numbered_name)
    label = CODE_LABELS[name.partition(".")[2]] if name.startswith("code.") else NEW_SECRETS.get(name) or LABELS[name]
    common: dict[str, Any] = {
        "label": label,
        "required": name in REQUIRED or name in WORDS,
        "help_text": HINTS.get(name, ""),
    }
    choices = get_args(TYPES.get(name))
    if name == "frame_ancestors":
        return OriginsField(**common, widget=forms.Textarea({"rows": 3}))
    if name == "status.headers":
        return HeadersField(**common, widget=forms.Textarea({"rows": 3, "spellcheck": "false"}))
    if name == "audit.address":
        return AddressField(**common, max_length=LENGTHS[name], widget=_text())
    if name in SECRETS:
        return forms.CharField(
            **common, max_length=LONGEST, widget=forms.PasswordInput({"autocomplete": "new-password"})
        )
    if name in NUMBERS:
        least, most = NUMBERS[name]
        return forms.IntegerField(**common, min_value=least, max_value=most)
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


class HeadersField(forms.CharField):
    """Headers, one `Name: value` a line; those that are ours to set have no place here."""

    def clean(self, value: Any) -> dict[str, str]:
        lines = [line.strip() for line in super().clean(value).splitlines() if line.strip()]
        for line in lines:
            if not is_header(*_split(line)):
                raise forms.ValidationError(
                    _("“%(line)s” is no header that can be sent. It looks like Epic-Client-ID: and then its value."),
                    params={"line": line[:100]},
                )
        return dict(map(_split, lines))


def _split(line: str) -> tuple[str, str]:
    name, _colon, value = line.partition(":")
    return name.strip(), value.strip()


def is_header(name: str, value: str) -> bool:
    """Whether this may be sent as a header beside ours (RFC 9110 §5)."""
    ours = name.lower() in OURS or name.lower().startswith(OURS_BEGIN)
    return bool(HEADER_NAME.fullmatch(name) and HEADER_VALUE.fullmatch(value)) and not ours


class AddressField(forms.CharField):
    """A FHIR base URL, as we keep it."""

    def clean(self, value: Any) -> str:
        typed: str = super().clean(value)
        try:
            return normalise(typed) if typed else ""
        except ValueError as error:
            raise forms.ValidationError(URL_FAULTS[str(error)]) from error


def _is_origin(line: str) -> bool:
    try:
        return line.isascii() and urlsplit(normalise(line)).scheme == "https" and not urlsplit(line).path
    except ValueError:
        return False


def origins(typed: str) -> tuple[str, ...]:
    """The typed origins as they go into `frame-ancestors`."""
    return tuple(dict.fromkeys(normalise(line) for line in typed.split()))
