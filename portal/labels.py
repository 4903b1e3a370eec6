"""What people call the fields of the settings, and what is different between two revisions of them."""

from dataclasses import dataclass, fields
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from connector.agreement import AuditRepository, Settings, StatusService

NESTED: dict[str, Any] = {"status": StatusService}  # parts of the settings with fields
REPEATED: dict[str, Any] = {"audit": AuditRepository}  # and those of which there may be several

# Field of agreement.Settings (those of its parts after the part's name and a dot) -> label.
LABELS: dict[str, Promise] = {
    "ehr_kind": gettext_lazy("EHR"),
    "provider_client_id": gettext_lazy("Provider client ID"),
    "patient_client_id": gettext_lazy("Patient client ID"),
    "backend_client_id": gettext_lazy("Backend client ID"),
    "authentication": gettext_lazy("Client authentication"),
    "secret_kid": gettext_lazy("Client secret"),
    "provider_scopes": gettext_lazy("Provider scopes"),
    "patient_scopes": gettext_lazy("Patient scopes"),
    "sign_in_scopes": gettext_lazy("Scopes of the approver's sign-in"),
    "backend_scopes": gettext_lazy("Backend scopes"),
    "session_kind": gettext_lazy("What names a visit"),
    "provider_context": gettext_lazy("Provider context"),
    "patient_context": gettext_lazy("Patient context"),
    "group_provider_context": gettext_lazy("Group visit: provider context"),
    "group_patient_context": gettext_lazy("Group visit: patient context"),
    "board_context": gettext_lazy("Visit board: context"),
    "frame_ancestors": gettext_lazy("Further sites that may frame visits"),
    "meeting_subject": gettext_lazy("Subject of every meeting"),
    "lobby": gettext_lazy("Who passes the lobby"),
    "waiting_silence_minutes": gettext_lazy("Minutes until a silent waiting page counts as left"),
    "board_alert_minutes": gettext_lazy("Minutes of waiting after which the board raises an alert"),
    "board_initials": gettext_lazy("Patients' initials on the board"),
    "early_minutes": gettext_lazy("Minutes before the planned start from which patients may come in"),
    "late_minutes": gettext_lazy("Minutes after the planned end until which patients may come in"),
    "status.path": gettext_lazy("Status service: path"),
    "status.method": gettext_lazy("Status service: method"),
    "status.conference_parameter": gettext_lazy("Status service: parameter of the session id"),
    "status.external_id_parameter": gettext_lazy("Status service: parameter of the ExternalID"),
    "status.external_id_type_parameter": gettext_lazy("Status service: parameter of the ExternalID type"),
    "status.vendor_parameter": gettext_lazy("Status service: parameter of the vendor name"),
    "status.status_parameter": gettext_lazy("Status service: parameter of the status"),
    "status.vendor_name": gettext_lazy("Status service: vendor name"),
    "status.codes": gettext_lazy("Status service: codes"),
    "status.waiting_as": gettext_lazy("Status service: a waiting person is told as"),
    "rejoin_seconds": gettext_lazy("Seconds in which somebody who left may come back"),
    "status.authentication": gettext_lazy("Status service: authentication"),
    "status.user_name": gettext_lazy("Status service: user name"),
    "status.secret_kid": gettext_lazy("Status service: password"),
    "status.headers": gettext_lazy("Status service: headers"),
    "audit.name": gettext_lazy("AuditEvent repository: name"),
    "audit.address": gettext_lazy("AuditEvent repository: FHIR base URL"),
    "audit.authentication": gettext_lazy("AuditEvent repository: authentication"),
    "audit.client_id": gettext_lazy("AuditEvent repository: client ID"),
    "audit.scopes": gettext_lazy("AuditEvent repository: scopes"),
    "audit.user_name": gettext_lazy("AuditEvent repository: user name"),
    "audit.secret_kid": gettext_lazy("AuditEvent repository: password"),
}
# Details of the history: what is changed at once (Connection), and what the lines of Change hold beside it.
DETAILS: dict[str, Promise] = {
    "approver": gettext_lazy("Approver"),
    "label": gettext_lazy("Label"),
    "notification_mail": gettext_lazy("Notification mail"),
    "help_line": gettext_lazy("Help line"),
    "help_hours": gettext_lazy("Hours of the help line"),
    "retention_days": gettext_lazy("Days until an ended visit is forgotten"),
    "purpose": gettext_lazy("Kind of key"),
    "environment": gettext_lazy("Environment"),
    "kid": gettext_lazy("Key ID"),
    "at_once": gettext_lazy("At once"),
    "count": gettext_lazy("How many"),
    "begins": gettext_lazy("From"),
    "ends": gettext_lazy("Until"),
    "ended": gettext_lazy("Ended early"),
    "format": gettext_lazy("Format"),
    "line": gettext_lazy("Line of “Getting ready”"),
    "by": gettext_lazy("By"),
    "shown": gettext_lazy("Filter"),
    "what": gettext_lazy("What"),
    "since": gettext_lazy("Recorded from"),
    "until": gettext_lazy("Recorded before"),
    "reader": gettext_lazy("Reader of the reports"),
    "allowance": gettext_lazy("Visits a month"),
    "why": gettext_lazy("Why"),
}
ACCESS: dict[str, Promise] = {
    "bearer": gettext_lazy("A token, by our signature"),
    "basic": gettext_lazy("User name and password"),
}
# What stands for a value that is a code.
WORDS: dict[str, dict[str, Promise]] = {
    "ehr_kind": {
        "epic": gettext_lazy("Epic"),
        "oracle": gettext_lazy("Oracle Health"),
        "other": gettext_lazy("Another SMART R4 EHR"),
    },
    "authentication": {
        "private_key_jwt": gettext_lazy("Signed with our key, found at the JWKS URL"),
        "certificate": gettext_lazy("Signed with our key, certificate uploaded to the EHR"),
        "client_secret_basic": gettext_lazy("Client secret"),
    },
    "session_kind": {
        "context": gettext_lazy("The session id in the launch context"),
        "appointment": gettext_lazy("The appointment"),
        "encounter": gettext_lazy("The encounter"),
    },
    "lobby": {
        "organization": gettext_lazy("Everybody of the organization"),
        "organizer": gettext_lazy("The organizer alone"),
    },
    "board_initials": {"hidden": gettext_lazy("Hidden"), "shown": gettext_lazy("Shown")},
    "status.waiting_as": {
        "waiting": gettext_lazy("Waiting"),
        "connected": gettext_lazy("Connected"),
        "nothing": gettext_lazy("Not told"),
    },
    "status.authentication": ACCESS,
    "audit.authentication": ACCESS,
}
SECRET = "secret_kid"  # noqa: S105 -- the name of a field, in each part that has one


@dataclass(frozen=True)
class Part:
    """A line of a value; `differs` where the other side lacks it."""

    text: str
    differs: bool


@dataclass(frozen=True)
class Difference:
    """One field that is not as it was: values as people read them, their parts on lines of their own. Empty: none.
    `field` is one of LABELS; of a repository that has a name, that stands between: `audit.Archive.scopes`."""

    field: str
    label: str | Promise
    before: str
    after: str

    @property
    def before_parts(self) -> list[Part]:
        return _parts(self.before, self.after)

    @property
    def after_parts(self) -> list[Part]:
        return _parts(self.after, self.before)


def _parts(text: str, other: str) -> list[Part]:
    known = set(other.splitlines())
    return [Part(line, line not in known) for line in text.splitlines()]


def differences(before: Settings | None, after: Settings) -> list[Difference]:
    """The fields that `after` changes, in the order of LABELS; without `before`, every field that has a value."""
    old, new = _flat(before) if before else {}, _flat(after)
    names = [*(name for name in LABELS if name in old | new), *(name for name in old | new if name not in LABELS)]
    pairs = [(name, old.get(name), new.get(name)) for name in names]
    return [_difference(name, *pair) for name, *pair in pairs if _or_nothing(*pair) != _or_nothing(*reversed(pair))]


def _or_nothing(value: Any, other: Any) -> Any:
    """A value; where a side lacks the field, the empty value of its type."""
    return type(other)() if value is None else value


def _difference(name: str, old: Any, new: Any) -> Difference:
    kind, whose = kind_of(name), name.split(".")[1:-1]
    label = f"{LABELS[kind]} ({whose[0]})" if whose else LABELS[kind]
    if kind.endswith(SECRET):
        return Difference(name, label, _("a secret") if old else "", _another(old) if new else "")
    return Difference(name, label, *("" if value is None else readable(kind, value) for value in (old, new)))


def kind_of(name: str) -> str:
    """The entry of LABELS, and of the tables beside it, for a field; what tells several apart stands in the middle."""
    part, _dot, rest = name.partition(".")
    return f"{part}.{rest.rpartition('.')[2]}" if rest else name


def _another(old: Any) -> str:
    return _("another secret") if old else _("a secret")


def readable(name: str, value: Any) -> str:
    """A field's value as people read it: words for codes; of lists, scopes and contexts one part a line."""
    if name in WORDS:
        return str(WORDS[name].get(value, value))
    if isinstance(value, dict):
        return "\n".join(f"{key}: {one}" for key, one in sorted(value.items()) if one)
    if isinstance(value, tuple):
        return "\n".join(value)
    if name.endswith("scopes"):
        return "\n".join(value.split())
    return str(value).replace("&", "\n&") if name.endswith("_context") else str(value)


def _flat(agreed: Settings) -> dict[str, Any]:
    """Every field by its name, as in a Difference."""
    parts = NESTED | REPEATED
    kept = {one.name: getattr(agreed, one.name) for one in fields(Settings) if one.name not in parts}
    named = {part: getattr(agreed, part) for part in NESTED}
    named |= {f"{part}.{one.name}".rstrip("."): one for part in REPEATED for one in getattr(agreed, part)}
    below = {f"{whose}.{one.name}": getattr(of, one.name) for whose, of in named.items() for one in fields(of)}
    return {name: value for name, value in (kept | below).items() if kind_of(name) != "audit.name"}
