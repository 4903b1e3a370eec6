"""The approver's sign-in at the EHR, against the very FHIR base URL he is to approve (SMART standalone sign-in).

mozilla-django-oidc starts it and guards its state; the token request, the keys and what is verified are ours. It proves
something about a revision: it logs nobody in, makes no user and keeps no identity.
"""

import logging
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

from django.contrib.auth.backends import BaseBackend
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_GET
from mozilla_django_oidc.views import OIDCAuthenticationCallbackView, OIDCAuthenticationRequestView

from connector import access, agreement, limits, problems, trail
from connector.addresses import public_url
from connector.ehr import discovery, fhir, scopes, smart
from connector.errors import WireError
from connector.http import Deadline
from connector.models import Connection, EhrSignIn, Revision
from connector.signin import signed_in
from connector.wires import provider_client
from portal import approve, epic_faults
from portal.approve import Attempt

log = logging.getLogger(__name__)

SECONDS = 8.0
STATES = "oidc_states"  # where mozilla-django-oidc keeps state, nonce and verifier of each attempt


def redirect_uri() -> str:
    return public_url("ehr_signin_callback")


class StartView(OIDCAuthenticationRequestView):
    """Sends the approver to the authorize endpoint that his revision's base URL names today."""

    def get_settings(self, attr: str, *default: Any) -> Any:
        """The library's settings, per sign-in in place of per deployment."""
        fixed = {"OIDC_AUTHENTICATION_CALLBACK_URL": "ehr_signin_callback"}
        return fixed.get(attr, getattr(self, attr, default[0] if default else ""))

    def get(self, request: HttpRequest, ref: str) -> HttpResponse:
        connection = access.connection_of(signed_in(request), ref)
        revision = _signed_in_for(request, connection)
        agreed = agreement.load(revision.settings)
        if seconds := limits.wait("sign-in", signed_in(request).pk):
            return problems.page(request, "too-many", wait=seconds)
        try:
            endpoints = discovery.discover(
                connection.base_url, deadline=Deadline.after(SECONDS), client_id=agreed.provider_client_id
            )
        except WireError as error:
            return problems.page(request, error.code)
        self.OIDC_OP_AUTH_ENDPOINT = endpoints.authorize
        self.OIDC_RP_CLIENT_ID = agreed.provider_client_id
        self.OIDC_USE_PKCE, self.OIDC_USE_NONCE = endpoints.takes_pkce, endpoints.takes_openid
        self.OIDC_RP_SCOPES = scopes.written(
            agreed.sign_in_scopes, grammar=endpoints.grammar, openid=endpoints.takes_openid
        )
        self.extra = {"aud": connection.base_url, "redirect_uri": redirect_uri()}
        response: HttpResponse = super().get(request)
        state = parse_qs(urlsplit(response["Location"]).query)["state"][0]
        request.session[STATES][state]["revision"] = str(revision.pk)
        request.session.modified = True
        return response

    def get_extra_params(self, request: HttpRequest) -> dict[str, str]:
        return self.extra


class CallbackView(OIDCAuthenticationCallbackView):
    """Back from the EHR. The library finds and spends the state; ProofBackend does the rest; nobody is logged in."""

    def get(self, request: HttpRequest) -> HttpResponse:
        state = request.session.get(STATES, {}).get(request.GET.get("state", ""))
        if not state or "revision" not in state:
            return problems.page(request, "ehr-sign-in-expired", again=reverse("approve"))
        revision = get_object_or_404(Revision.objects.select_related("connection__organization"), pk=state["revision"])
        if not _may_sign_in(request, revision.connection, revision):
            raise Http404
        self.attempt = request.ehr_attempt = Attempt(revision)  # type: ignore[attr-defined]
        if "error" in request.GET or "code" not in request.GET:
            # The library would log the approver out of the portal here.
            del request.session[STATES][request.GET["state"]]
            request.session.modified = True
            return self._refused(str(request.GET.get("error", "")))
        response: HttpResponse = super().get(request)
        return response

    def _refused(self, error: str) -> HttpResponse:
        """What the EHR's own error means; only one that a standard names goes into the log."""
        known = error if error in epic_faults.AUTHORIZE else ""
        log.warning("EHR sign-in refused", extra={"code": epic_faults.of_authorize(error), "reason": known})
        return epic_faults.page(self.request, self.attempt.revision, epic_faults.of_authorize(error))

    def login_failure(self) -> HttpResponse:
        """Where the library ends, as ProofBackend never returns a user: say what the sign-in showed."""
        if self.attempt.error:
            return epic_faults.page(self.request, self.attempt.revision, self.attempt.error)
        EhrSignIn.objects.create(revision=self.attempt.revision, user=signed_in(self.request), proof=self.attempt.proof)
        connection = self.attempt.revision.connection
        trail.record(connection.organization, "ehr-sign-in", connection=str(connection.pk))
        if self.attempt.revision.pk == connection.live_id:
            return redirect("try_visit", ref=connection.ref)
        return approve.confirmation(self.request, self.attempt)


def _signed_in_for(request: HttpRequest, connection: Connection) -> Revision:
    """The revision that a sign-in is for: the proposed one to approve it, with `?for=try` the live one to try it."""
    revision = connection.live if request.GET.get("for") == "try" else connection.proposed
    if revision is None or not _may_sign_in(request, connection, revision):
        raise Http404
    return revision


def _may_sign_in(request: HttpRequest, connection: Connection, revision: Revision) -> bool:
    user = signed_in(request)
    if revision.pk == connection.live_id:
        return access.governs(user, connection)
    return access.is_approver(user, connection)


@require_GET
def not_sent_back(request: HttpRequest, ref: str) -> HttpResponse:
    """For the approver who is left on an error page of the EHR's own: what it most likely lacks."""
    revision = _signed_in_for(request, access.connection_of(signed_in(request), ref))
    return epic_faults.page(request, revision, "epic-not-sent-back")


class ProofBackend(BaseBackend):
    """An authentication backend that authenticates nobody: it redeems the code and notes what that proves."""

    def authenticate(self, request: HttpRequest | None, nonce: str = "", code_verifier: str = "", **_: Any) -> None:
        attempt: Attempt | None = getattr(request, "ehr_attempt", None)
        if request is None or attempt is None:
            return
        try:
            prove(attempt, request.GET.get("iss", ""), code=request.GET["code"], nonce=nonce, verifier=code_verifier)
        except WireError as error:
            said = {"code": error.code, "reason": error.reason, "host": error.host, "status": error.status}
            log.warning("EHR sign-in refused", extra=said)
            agreed = agreement.load(attempt.revision.settings)
            attempt.error = epic_faults.of_wire(error, agreed.authentication)

    def get_user(self, user_id: UUID) -> None:
        return None


def prove(attempt: Attempt, issuer: str, *, code: str, nonce: str, verifier: str) -> None:
    """Redeem the code and see who signed in. Raises WireError when it proves nothing. `issuer` is whom the browser's
    answer names: all EHRs come back to one address."""
    connection = attempt.revision.connection
    agreed, deadline = agreement.load(attempt.revision.settings), Deadline.after(SECONDS)
    endpoints = discovery.discover(connection.base_url, deadline=deadline, client_id=agreed.provider_client_id)
    smart.check_issuer(endpoints, issuer)
    client = provider_client(agreed, connection.environment)
    granted = smart.redeem(
        endpoints, client, code=code, redirect_uri=redirect_uri(), code_verifier=verifier, deadline=deadline
    )
    identity = None
    if endpoints.takes_openid:  # an id_token that nobody asked for proves nothing
        identity = smart.identity_of(granted, endpoints, client_id=client.client_id, nonce=nonce, deadline=deadline)
    if identity and identity.kind in smart.PATIENT_SIDE:
        attempt.error = "ehr-sign-in-patient"
        return
    attempt.who, attempt.organization = _who_and_where(connection.base_url, identity, granted.access_token, deadline)
    attempt.proof = {
        "how": "openid" if identity else "token",
        "kind": identity.kind if identity else "",
        "name_shown": bool(attempt.who),
        "organization_shown": bool(attempt.organization),
        "hosts": sorted(endpoints.hosts()),
        "token_host": urlsplit(endpoints.token).netloc.lower(),
    }


def _who_and_where(
    base_url: str, identity: smart.EhrIdentity | None, token: str, deadline: Deadline
) -> tuple[str, str]:
    """The person's and the organization's name, read to be shown once; each empty where the EHR does not grant it."""
    if identity is None or not identity.kind:
        return "", ""
    try:
        person = fhir.read(base_url, f"{identity.kind}/{identity.resource_id}", token=token, deadline=deadline)
    except WireError:
        return "", ""
    organization = fhir.assigner(person)
    if organization.startswith("Organization/"):
        try:
            organization = str(fhir.read(base_url, organization, token=token, deadline=deadline).get("name") or "")
        except WireError:
            organization = ""
    return fhir.human_name(person), organization
