"""What is said of an end: what the page promises, what the receipt says remains, what whoever signs in later reads."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from connector.problems.table import ADMINISTRATOR, OPERATOR, WAIT, Problem

# Where something remains, and what: of the keys by whether a key service has destroyed what wrapped them.
REMAINS_OF_KEYS: dict[bool, tuple[Promise, Promise]] = {
    False: (
        _("Backups of the database, and its own files until they are vacuumed"),
        _(
            "Copies of the rows that are as old as the backup, the wrapped keys among them. Whoever has a backup and "
            "the key-encryption key of that time can read them. The operator ends that by letting the backups expire, "
            "or by changing KEY_ENCRYPTION_KEYS and destroying the old value."
        ),
    ),
    True: (
        _("Backups of the database, and its own files until they are vacuumed"),
        _(
            "Copies of the rows that are as old as the backup. The key service has destroyed what wrapped the keys, so "
            "encrypted values and hashes in them can be read by nobody. What was kept in clear can: names of staff in "
            "the history, codes and times of visits."
        ),
    ),
}
REMAINS: tuple[tuple[Promise, Promise], ...] = (
    (
        _("The connector's cache and queue"),
        _("Opaque ids and codes, for a day at most; in the memory of a process a key, for an hour at most."),
    ),
    (_("The connector's logs"), _("Codes, times, opaque ids and host names, as long as the operator keeps logs.")),
    (
        _("Microsoft 365"),
        _(
            "What Teams itself keeps of meetings (attendance reports, call records, the audit log) by your retention "
            "policies. The connector's enterprise application with its admin consent: remove it in Microsoft Entra ID. "
            "Subscriptions that could not be cancelled end by themselves within three days."
        ),
    ),
    (
        _("The EHR"),
        _("What it was told of who was connected, and the integration and client records: remove them in Epic."),
    ),
    (_("Mail servers, and people's files"), _("Mails that were sent, and what was exported.")),
    (
        _("This deployment"),
        _("This receipt, with the name of who asked for the end, for six years. It names no patient and no clinician."),
    ),
)

PROBLEMS: dict[str, Problem] = {
    "organization-ending": Problem(
        _("Your organization is being ended here"),
        _("An administrator has asked for it, and what is kept of your organization is being destroyed now."),
        _("Come back in an hour: then this page has the receipt, and says how to begin anew."),
        WAIT,
        403,
    ),
    "organization-ended": Problem(
        _("Your organization was ended here"),
        _("An administrator has asked for it, and what was kept of your organization has been destroyed."),
        _("The receipt says what, when and at whose word. An administrator may begin anew, with nothing of before."),
        ADMINISTRATOR,
        403,
    ),
    "key-service-unavailable": Problem(
        _("The connector's keys cannot be opened just now"),
        _("The key management service that guards them does not answer."),
        _("Try again in a minute. If it stays, the operator looks at the service and at KEY_WRAPPING_COMMAND."),
        OPERATOR,
        503,
    ),
}
