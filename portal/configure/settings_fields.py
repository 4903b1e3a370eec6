"""The fields of the settings form: where each stands on the page, what it may hold, and what is said beside it."""

import re
from typing import get_type_hints

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from connector.agreement import LONGEST_NAME, LONGEST_WINDOW, Settings
from portal.labels import LABELS, NESTED, REPEATED

TOKEN = re.compile(r"[A-Za-z0-9_.:-]*")
PATH = re.compile(r"[A-Za-z0-9_./~-]*")
SCOPES = re.compile(r"[\x21\x23-\x5b\x5d-\x7e ]*")  # RFC 6749 §3.3
CONTEXT = re.compile(r"[\x21-\x7e ]*")  # query-shaped, with tokens that Epic fills in; they may hold spaces
NAME = re.compile(r"[\w -]*")  # of a repository; it stands within names of fields
USER = re.compile(r"[\x21-\x39\x3b-\x7e]*")  # RFC 7617: a colon ends it
CODES = ("connected", "disconnected", "waiting")
LONGEST_SILENCE, LONGEST_GRACE = 60, 120  # minutes, seconds
# Field of a secret as it is typed -> (field of the key that holds it, the authentication that needs it)
SECRETS: dict[str, tuple[str, str, str]] = {
    "client_secret": ("secret_kid", "authentication", "client_secret_basic"),
    "status.password": ("status.secret_kid", "status.authentication", "basic"),
    "audit.password": ("audit.secret_kid", "audit.authentication", "basic"),
}
OF_AN_ADDRESS = frozenset({"audit.password"})  # good for the address it was typed for
NEW_SECRETS: dict[str, Promise] = {
    "client_secret": _("New client secret"),
    "status.password": _("Status service: new password"),
    "audit.password": _("AuditEvent repository: new password"),
}

LACKING: dict[str, Promise] = {
    "client_secret": _("Enter the client secret that the EHR gave out."),
    "status.password": _("Enter the password of the background user."),
    "audit.password": _("Enter the password for the repository."),
}

# (title, its fields): in this order on the page. Those of a repository stand there once for each, and once to add one;
# their names then have a number: `audit.0.address`.
GROUPS: tuple[tuple[Promise, tuple[str, ...]], ...] = (
    (_("EHR"), ("ehr_kind",)),
    (
        _("Client records"),
        ("provider_client_id", "patient_client_id", "backend_client_id", "authentication", "client_secret"),
    ),
    (_("Scopes"), ("provider_scopes", "patient_scopes", "sign_in_scopes", "backend_scopes")),
    (
        _("Visits"),
        ("session_kind", *(name for name in LABELS if name.endswith("_context"))),
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
            "rejoin_seconds",
            "status.authentication",
            "status.user_name",
            "status.password",
            "status.headers",
        ),
    ),
    (
        _("AuditEvent repository"),
        (
            "audit.name",
            "audit.address",
            "audit.authentication",
            "audit.client_id",
            "audit.scopes",
            "audit.user_name",
            "audit.password",
        ),
    ),
    (
        _("Meetings and pages"),
        ("frame_ancestors", "lobby", "meeting_subject", "waiting_silence_minutes", "early_minutes", "late_minutes"),
    ),
    (
        _("Visit board"),
        ("board_alert_minutes", "board_initials"),
    ),
)
CODE_LABELS = {
    "connected": _("Status service: code for connected"),
    "disconnected": _("Status service: code for disconnected"),
    "waiting": _("Status service: code for waiting"),
}
HINTS: dict[str, Promise] = {
    "ehr_kind": _("As the EHR described itself. Correct it where it is wrong."),
    **dict.fromkeys(
        SECRETS, _("Typed once, sealed, and never shown again. Leave it empty to keep the one that is there.")
    ),
    "rejoin_seconds": _("Who comes back within this time was never told to have left. 0: told at once."),
    "status.user_name": _("Of the background user, as in emp$USER. Only where the service takes a password."),
    "status.headers": _(
        "One Name: value a line. With a password Epic needs Epic-Client-ID, some services Epic-User-ID and "
        "Epic-User-IDType too."
    ),
    "audit.address": _(
        "The FHIR R4 base URL of a repository that accepts AuditEvents. Epic's own takes none. Empty: none is told. "
        "Once one is entered, there is room for another."
    ),
    "audit.name": _(
        "Tells several repositories apart, such as Archive. What waits for one goes with its name; one may have none."
    ),
    "audit.client_id": _("At the token endpoint that this address names. Empty: the backend client ID."),
    "frame_ancestors": _("One https:// origin a line, without a path. The EHR's own host is always allowed."),
    "meeting_subject": _("One neutral text for all visits: it stands in calendars and lobbies."),
    "board_initials": _("Only where the launches' context line holds initials. They are kept sealed."),
    "early_minutes": _("0 means at any time. It counts only where the EHR says when the visit is planned."),
    "late_minutes": _("0 means at any time. Where no end is known, it counts from the start."),
    "status.path": _("Relative to the FHIR base URL up to /api/."),
    "code.connected": _("Ask your Epic technical contact. Without it the EHR is not told."),
}
# field -> what it may hold
ALLOWED: dict[str, re.Pattern[str]] = {
    **dict.fromkeys((name for name in LABELS if name.endswith("scopes")), SCOPES),
    **dict.fromkeys((name for name in LABELS if name.endswith("client_id")), TOKEN),
    **dict.fromkeys(("status.user_name", "audit.user_name"), USER),
    **dict.fromkeys((name for name in LABELS if name.endswith("_context")), CONTEXT),
    **dict.fromkeys((name for name in LABELS if name.endswith("_parameter")), TOKEN),
    **dict.fromkeys((f"code.{name}" for name in CODES), TOKEN),
    "status.path": PATH,
    "audit.name": NAME,
}
LENGTHS = {
    "meeting_subject": 120,
    "status.vendor_name": 120,
    "status.path": 300,
    "audit.address": 500,
    "audit.name": LONGEST_NAME,
}
# field -> (smallest, greatest)
NUMBERS = {
    "waiting_silence_minutes": (1, LONGEST_SILENCE),
    "rejoin_seconds": (0, LONGEST_GRACE),
    "board_alert_minutes": (1, 240),
    "early_minutes": (0, LONGEST_WINDOW),
    "late_minutes": (0, LONGEST_WINDOW),
}
REQUIRED = {"meeting_subject", "provider_client_id", "status.path", "status.vendor_name", *NUMBERS}
LONGEST = 1000
TYPES = get_type_hints(Settings) | {
    f"{part}.{name}": kind
    for part, shape in (NESTED | REPEATED).items()
    for name, kind in get_type_hints(shape).items()
}
