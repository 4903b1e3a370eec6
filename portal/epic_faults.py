"""What the EHR's own error of an approver's sign-in means: which item of *Before you sign in* is missing, how it is put
right, and by whom. Epic itself only says “OAuth2 error”."""

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from connector import problems
from connector.errors import WireError
from connector.models import Revision
from connector.problems.table import ANALYST, WAIT, Problem
from portal import records

CLIENT_SYSTEMS = _("The person who manages client records in Epic (client systems)")
SECURITY = _("Whoever manages user security in Epic")

# RFC 6749 §4.1.2.1 and OpenID Connect Core §3.1.2.6: what the browser brings back in place of a code.
AUTHORIZE: dict[str, str] = {
    "access_denied": "epic-permission",
    "interaction_required": "epic-permission",
    "login_required": "epic-permission",
    "consent_required": "epic-permission",
    "unauthorized_client": "epic-client",
    "unsupported_response_type": "epic-client",
    "invalid_request": "epic-request",
    "invalid_scope": "epic-scopes",
    "server_error": "epic-own-error",
    "temporarily_unavailable": "epic-own-error",
}
# RFC 6749 §5.2: what the token endpoint says; "" where it says nothing that we know.
TOKEN: dict[tuple[str, str], str] = {
    ("ehr-client-refused", "invalid_client"): "epic-keys",
    ("ehr-client-refused", ""): "epic-keys",
    ("ehr-client-refused", "unauthorized_client"): "epic-client",
    ("code-refused", "unsupported_grant_type"): "epic-client",
    ("code-refused", "invalid_scope"): "epic-scopes",
    ("code-refused", "invalid_grant"): "epic-code",
    ("code-refused", "invalid_request"): "epic-code",
    ("code-refused", ""): "epic-code",
}
# The items of *Before you sign in* that each one points at.
ITEMS: dict[str, tuple[str, ...]] = {
    "epic-permission": ("permission",),
    "epic-client": ("client_id",),
    "epic-request": ("redirect_uri",),
    "epic-scopes": ("scopes",),
    "epic-keys": ("jwks_url",),
    "epic-secret": ("client_id",),
    "epic-code": ("redirect_uri",),
    "epic-not-sent-back": ("client_id", "redirect_uri"),
    "ehr-sign-in-refused": ("client_id", "redirect_uri", "permission"),
}
# Added to connector.problems.
PROBLEMS: dict[str, Problem] = {
    "epic-permission": Problem(
        _("Epic did not let you sign in to the connector"),
        _("The sign-in was cancelled, or your account in this environment of Epic may not sign in to this app."),
        _("Try again, and allow the access when Epic asks. If it stays, your Epic account lacks a permission."),
        SECURITY,
        403,
    ),
    "epic-client": Problem(
        _("Epic does not let this client ID sign in"),
        _("Epic knows the client ID but does not let it sign anybody in here."),
        _(
            "Is the client record active in this very environment, for clinician sign-in, and for this client ID? "
            "Changes can take an hour to arrive."
        ),
        CLIENT_SYSTEMS,
        403,
    ),
    "epic-request": Problem(
        _("Epic does not accept the sign-in request"),
        _("Epic knows the client, but something that the connector asked with is not what Epic expects."),
        _(
            "Compare the redirect URI with Epic's client record, to the letter. Is the FHIR base URL of this very "
            "environment, and does the client record allow it?"
        ),
        CLIENT_SYSTEMS,
        403,
    ),
    "epic-scopes": Problem(
        _("A scope is missing in Epic"),
        _("Epic does not grant this client what the sign-in asks for."),
        _("Add each of the scopes below to Epic's client record. Changes can take an hour to arrive."),
        CLIENT_SYSTEMS,
        403,
    ),
    "epic-keys": Problem(
        _("Epic does not know the connector's keys yet"),
        _("You signed in, but Epic refused the connector's signature: it has not read our keys, or has read others."),
        _(
            "Compare the JWKS URL or the certificate with Epic's client record. If it was entered or changed lately, "
            "wait: Epic keeps keys for up to 29 hours. Epic's servers must be able to open the URL."
        ),
        CLIENT_SYSTEMS,
        403,
    ),
    "epic-secret": Problem(
        _("Epic does not accept the client secret"),
        _("You signed in, but Epic refused the secret by which the connector proves that it is this client."),
        _("Take a new secret from Epic's client record and enter it on the connection's settings page."),
        CLIENT_SYSTEMS,
        403,
    ),
    "epic-code": Problem(
        _("The EHR did not accept its own answer"),
        _("The code that Epic had just given was refused: used already, too old, or given for another address."),
        _("Start again, in one tab. If it stays, compare the redirect URI with Epic's client record, to the letter."),
        CLIENT_SYSTEMS,
        403,
    ),
    "epic-not-sent-back": Problem(
        _("Epic shows an error and does not send you back"),
        _("“OAuth2 error” and the like: Epic sends nobody back whose client ID or redirect URI it does not know."),
        _(
            "Compare the client ID and the redirect URI below with Epic's client record, to the letter, in this very "
            "environment. Changes can take an hour to arrive."
        ),
        CLIENT_SYSTEMS,
        200,
    ),
    "epic-own-error": Problem(
        _("Epic could not finish the sign-in"),
        _("Epic says that it met an error of its own. Nothing on your side or ours has to change."),
        _("Try again in a few minutes. If it stays, ask the EHR's technical contact."),
        WAIT,
        503,
    ),
    "ehr-sign-in-refused": Problem(
        _("The EHR did not finish the sign-in"),
        _("It was cancelled, or the EHR does not let this client sign in with your account."),
        _("Compare the items below with Epic's client record, to the letter."),
        ANALYST,
        403,
    ),
}


def of_authorize(error: str) -> str:
    """The code for the `error` that the browser brought back; for one that nobody has named, the general one."""
    return AUTHORIZE.get(error, "ehr-sign-in-refused")


def of_wire(error: WireError, authentication: str) -> str:
    """The code for what went wrong behind the browser; the wire's own where no item is missing. `authentication` is
    that of the revision: what proves the client is its key, or its secret."""
    code = TOKEN.get((error.code, error.reason), error.code)
    return "epic-secret" if code == "epic-keys" and authentication == "client_secret_basic" else code


def page(request: HttpRequest, revision: Revision, code: str) -> HttpResponse:
    """The error page of a sign-in for this revision, with the client records and the missing items marked."""
    again = reverse("approve_one", args=[revision.connection.ref])
    items = ITEMS.get(code, ())
    if not items:
        return problems.page(request, code, again=again)
    clients = records.client_records(revision.connection, revision)
    missing = dict.fromkeys(items, "warning")
    return problems.page(
        request, code, template="portal/approve_failed.html", again=again, clients=clients, missing=missing
    )
