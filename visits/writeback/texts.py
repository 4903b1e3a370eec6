"""What became of a try, for people: what happened, and what to check. Codes are those of the wire."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from connector import problems

Text = str | Promise


@dataclass(frozen=True)
class Reason:
    """Why a row is where it is; `check` is empty where there is nothing to do."""

    what: Text
    check: Text = ""


LOG = _("Ask the EHR's team what its log says of this call.")
PATH = _("Compare path, verb and parameters in the connection's settings with what your EHR's contact gave you.")
REPOSITORY = _("Check the repository's address in the settings to its end, and that it accepts AuditEvent.")
HELD = _("Mend it, then try the repository again from this page, or have another revision approved.")

ACCEPTED = "accepted"
NOT_WANTED = "audit-not-wanted"
NEVER_TRIED = "never-tried"
RESTORED = "restored"  # a row of before a restore, and the trail's word for that

REASONS: dict[str, Reason] = {
    "": Reason(_("Not tried yet.")),
    ACCEPTED: Reason(_("It was accepted.")),
    "status-already": Reason(_("The EHR had it already.")),
    "audit-already": Reason(_("The repository had it already.")),
    "status-incomplete": Reason(
        _("An id or a code is missing, so nobody was asked."),
        _("The record in the EHR must send externalId and its type; the codes stand in the connection's settings."),
    ),
    "status-refused": Reason(_("The EHR does not know this visit or this person by the ids that it gave."), LOG),
    "status-not-allowed": Reason(
        _("The EHR knows the connector, but does not let it set a status."),
        _("The backend client's record must list the status service, and its background user be allowed to use it."),
    ),
    "status-unauthorized": Reason(
        _("The EHR refused two tokens in a row."),
        _("Check the backend client's record in the EHR, and that its background user is active."),
    ),
    "password-refused": Reason(
        _(
            "User name or password was refused. It is tried once an hour, so that the account is not locked, and at "
            "once when other settings are live."
        ),
        _("Check both in the connection's settings, and that the account is active."),
    ),
    "status-unsupported": Reason(
        _("The EHR answered that this call does not exist there, or sent it elsewhere."), PATH
    ),
    "status-not-understood": Reason(
        _("The answer was a web page or cut off: something in front of the EHR may have answered."),
        _("Let the proxy pass the status service's path without a sign-in page."),
    ),
    "status-error-told": Reason(_("The EHR answered with success, but its answer speaks of an error."), LOG),
    "audit-unauthorized": Reason(
        _("The repository refused two tokens in a row."), _("Check client and scopes at the repository.")
    ),
    "audit-not-allowed": Reason(
        _("The repository knows the connector, but does not let it create AuditEvents."),
        _("The client needs the right to create AuditEvent; its scopes stand in the connection's settings."),
    ),
    "audit-not-understood": Reason(
        _("The answer was a web page or cut off: something in front of the repository may have answered."), REPOSITORY
    ),
    "audit-error-told": Reason(
        _("The repository answered with success, but its answer speaks of an error."), REPOSITORY
    ),
    "audit-unavailable": Reason(_("The repository was busy or reported an error of its own.")),
    "audit-unsupported": Reason(_("The repository sent the call elsewhere or does not take its form."), REPOSITORY),
    "audit-not-found": Reason(_("There is no FHIR server, or no AuditEvent, at the repository's address."), HELD),
    "audit-not-offered": Reason(_("The repository does not accept AuditEvents."), HELD),
    "audit-refused": Reason(_("The repository does not accept AuditEvents as the connector writes them."), HELD),
    "audit-not-conditional": Reason(
        _("The repository cannot keep each AuditEvent once: its search by _tag failed."), HELD
    ),
    NOT_WANTED: Reason(_("The settings that are live now do not name this repository.")),
    "ehr-unavailable": Reason(_("The EHR was busy or reported an error of its own.")),
    "no-answer-in-time": Reason(_("Nobody answered in time.")),
    "deadline-over": Reason(_("Nobody answered in time.")),
    "unreachable": Reason(_("The connection was refused or cut off.")),
    NEVER_TRIED: Reason(
        _("Whoever was to be told failed for a whole day, so that this was never tried."),
        _("See what others of that day were answered. Send it again once that is mended."),
    ),
    RESTORED: Reason(
        _("The database was restored from a backup after this. What the EHR was told in between is not known here."),
    ),
    "unexpected": Reason(
        _("The connector itself failed at it, and tries again."),
        _("Whoever runs the connector finds the error in its log at that time."),
    ),
    "overtaken": Reason(_("Something newer was told in its place.")),
    # Why nobody tries for now.
    "downtime": Reason(_("A downtime of the EHR is announced. It goes out when that is over.")),
    "resting": Reason(_("It failed several times in a row, and is left alone for a while.")),
    "not-live": Reason(_("No settings of the connection are live.")),
    "may-come-back": Reason(_("Waits a moment: whoever has just left may come back.")),
}


def explain(code: str, superseded: bool = False) -> Reason:
    """What a code means; those that this table does not know are explained where they come from. What was superseded
    was so whatever its last try came to."""
    if superseded and code not in {NOT_WANTED, RESTORED}:
        return REASONS["overtaken"]
    if reason := REASONS.get(code):
        return reason
    problem = problems.find(code)
    return Reason(problem.what, problem.check)
