"""What people read of each problem: what happened, what to check, who can fix it."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Text = str | Promise
YOU: Text = _("You can put this right yourself")
ADMINISTRATOR: Text = _("A Microsoft 365 administrator of your organization")
ANALYST: Text = _("The Epic customer analyst")
OPERATOR: Text = _("Whoever operates this connector")
WAIT: Text = _("Nobody needs to do anything: try again in a few minutes")


@dataclass(frozen=True)
class Problem:
    """What a person reads when something went wrong. `status` is the HTTP status of the page."""

    title: Text
    what: Text
    check: Text
    who: Text
    status: int = 400


SIGN_IN_FAILED = Problem(
    _("Microsoft sign-in did not work"),
    _("What Microsoft sent back could not be trusted, so nobody was signed in."),
    _("Start again from the page you wanted. If it happens again, tell the help line the reference below."),
    OPERATOR,
    403,
)

EHR_SIGN_IN_FAILED = Problem(
    _("The EHR's sign-in could not be trusted"),
    _("The EHR's statement of who signed in did not pass our checks, so nothing was done with it."),
    _("Start again. If it happens again, tell the help line the reference below."),
    OPERATOR,
    403,
)

PROBLEMS: dict[str, Problem] = {
    "sign-in-expired": Problem(
        _("This sign-in cannot be finished"),
        _("It was started more than ten minutes ago, was finished already, or was started in another browser."),
        _("Go back to the page you wanted and sign in again, in one browser."),
        YOU,
    ),
    "sign-in-cancelled": Problem(
        _("You cancelled the sign-in"),
        _("Microsoft told us that the sign-in was cancelled or not allowed."),
        _("Sign in again. If your organization blocks this app, an administrator has to allow it first."),
        YOU,
    ),
    "personal-account": Problem(
        _("A personal Microsoft account cannot be used here"),
        _("You signed in with a personal account, such as outlook.com."),
        _("Sign in with the account your organization gave you."),
        YOU,
        403,
    ),
    "entra-unavailable": Problem(
        _("Microsoft sign-in is not answering"),
        _("Microsoft Entra ID did not answer in time or answered with an error."),
        _("Try again in a few minutes. Microsoft 365 service health shows whether there is an outage."),
        WAIT,
        503,
    ),
    "entra-client-secret": Problem(
        _("Microsoft does not accept the connector"),
        _("The connector's client secret was refused by Microsoft Entra ID."),
        _("The secret of the app registration may have expired: set a new ENTRA_CLIENT_SECRET and restart."),
        OPERATOR,
        503,
    ),
    "admin-consent": Problem(
        _("Admin consent is missing"),
        _("Your organization has not yet allowed the connector to work with Microsoft Teams on its behalf."),
        _("An administrator signs in to the connector's portal and grants admin consent."),
        ADMINISTRATOR,
        403,
    ),
    "graph-permission": Problem(
        _("A Microsoft Graph permission is missing"),
        _("Microsoft Graph refused a call because a permission has not been granted."),
        _("Grant admin consent again: the connector may need a permission that was added since."),
        ADMINISTRATOR,
        403,
    ),
    "graph-unavailable": Problem(
        _("Microsoft 365 is not answering"),
        _("Microsoft Graph did not answer in time or is busy."),
        _("Try again in a few minutes."),
        WAIT,
        503,
    ),
    "tenant-not-allowed": Problem(
        _("Your organization is not set up here"),
        _("This connector serves only the organizations that its operator has listed, and yours is not among them."),
        _("Check that you used the right account and the address that your organization gave you."),
        OPERATOR,
        403,
    ),
    "nobody": Problem(
        _("There is nothing here for your account"),
        _("You are signed in, but you are neither an administrator of the connector nor a named approver."),
        _("Ask an administrator of your organization to name you as approver, or sign in with another account."),
        ADMINISTRATOR,
        403,
    ),
    "consent-denied": Problem(
        _("Admin consent was not given"),
        _("Microsoft told us that consent was declined or that your role may not give it."),
        _("A Global Administrator or Privileged Role Administrator can give it. Nothing has been changed."),
        ADMINISTRATOR,
        403,
    ),
    "consent-unproven": Problem(
        _("Consent is not visible yet"),
        _("You came back from Microsoft, but Microsoft does not accept the connector for your organization yet."),
        _("This can take a minute after consent was given: press “Try again”. If it stays, give consent once more."),
        ADMINISTRATOR,
        503,
    ),
    "ehr-sign-in-expired": Problem(
        _("This EHR sign-in cannot be finished"),
        _("It was finished already, was started in another browser, or your portal session has ended since."),
        _("Open the approval page again and press “Sign in with Epic” once more."),
        YOU,
    ),
    "ehr-sign-in-patient": Problem(
        _("A patient's account cannot approve"),
        _("You signed in to the EHR as a patient or as somebody who acts for one."),
        _("Sign in with your staff account in the EHR."),
        YOU,
        403,
    ),
    "ehr-client-refused": Problem(
        _("The EHR does not accept the connector's client"),
        _("The EHR's token service refused our proof of who we are."),
        _("In Epic's client record, check the JWKS URL. New entries there can take an hour to arrive."),
        ANALYST,
        403,
    ),
    "code-refused": Problem(
        _("The EHR did not accept its own answer"),
        _("The code that the EHR had just given was refused. It may have been used already or be too old."),
        _("Start again. If it stays, compare the redirect URIs in Epic's client record, to the letter."),
        ANALYST,
        403,
    ),
    "ehr-address": Problem(
        _("The EHR's address does not answer as expected"),
        _("The connector could not find the EHR's sign-in at its FHIR base URL."),
        _("Check with the EHR's technical contact that the FHIR base URL still holds and its certificate is valid."),
        ANALYST,
        503,
    ),
    "ehr-unavailable": Problem(
        _("The EHR is not answering"),
        _("The EHR did not answer in time or answered with an error of its own."),
        _("Try again in a few minutes. If it stays, ask the EHR's technical contact."),
        WAIT,
        503,
    ),
    "consent-expired": Problem(
        _("This consent cannot be finished"),
        _("It was started more than an hour ago, or not from a page of this connector."),
        _("Open the page you came from again, and give consent from there."),
        YOU,
    ),
    "notification-url": Problem(
        _("Microsoft cannot reach the connector"),
        _("Microsoft Graph got no proper answer at the connector's notification address."),
        _("The address must be open to Microsoft Graph: public DNS, a valid certificate, and no sign-in before it."),
        OPERATOR,
        503,
    ),
    "forward-over": Problem(
        _("This link does not lead anywhere any more"),
        _("A forwarded link works for seven days, and only as long as what it is about exists."),
        _("Check that the whole link was copied, or ask whoever sent it for a new one."),
        ADMINISTRATOR,
        410,
    ),
    "csrf": Problem(
        _("This form is too old"),
        _("The page was open in another session or for too long, so what you sent was not accepted."),
        _("Go back, reload the page and send the form again. Cookies must be allowed for this site."),
        YOU,
        403,
    ),
    "too-many": Problem(
        _("Please wait a minute"),
        _("This was asked for very often in a short time, so it has to rest for a moment. Nothing is lost."),
        _("Wait a minute, then press the button again."),
        WAIT,
        429,
    ),
    "database-away": Problem(
        _("This service is out of order for the moment"),
        _("It cannot reach its own database, which may be restarting. Calls that run go on."),
        _("Wait a minute, then try again. What you did last may not have been kept."),
        OPERATOR,
        503,
    ),
    "unexpected": Problem(
        _("Something went wrong on our side"),
        _("The connector met an error it did not expect. Nothing was changed by this step."),
        _("Try again. If it happens again, tell the help line the reference below."),
        OPERATOR,
        500,
    ),
}

# Codes of the wire that mean the same to a reader.
SAME: dict[str, str] = {
    "no-answer-in-time": "ehr-unavailable",
    "deadline-over": "ehr-unavailable",
    "unreachable": "ehr-unavailable",
    "token-answer": "ehr-unavailable",
    "not-json": "ehr-unavailable",
    "keys-unavailable": "ehr-unavailable",
    "entra-refused": "entra-unavailable",
    "graph-conflict": "graph-unavailable",
    "not-fhir": "ehr-address",
    "no-smart-endpoints": "ehr-address",
    "certificate": "ehr-address",
    "address-not-public": "ehr-address",
    "not-https": "ehr-address",
    "bad-address": "ehr-address",
    "answer-too-large": "ehr-address",
}


def find(code: str) -> Problem:
    """The texts for an error's code."""
    if code.startswith("id-token"):
        return SIGN_IN_FAILED
    if code.startswith("ehr-id-token"):
        return EHR_SIGN_IN_FAILED
    return PROBLEMS.get(code) or PROBLEMS.get(SAME.get(code, "unexpected"), PROBLEMS["unexpected"])
