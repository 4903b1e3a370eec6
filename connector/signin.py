"""Microsoft sign-in through django-allauth, with a provider that checks the id_token.

OpenID Connect code flow with PKCE and nonce (OpenID Connect Core 1.0 §3.1; RFC 7636). Who somebody is = (tid, oid).
A portal sign-in opens a Django session. A clinician's sign-in proves who he is to his launch and opens none.
"""

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialAccount, SocialLogin, SocialToken
from allauth.socialaccount.providers.base import AuthProcess, ProviderAccount
from allauth.socialaccount.providers.oauth2.provider import OAuth2Provider
from allauth.socialaccount.providers.oauth2.views import OAuth2Adapter, OAuth2CallbackView
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET

from connector import access, languages, limits, problems
from connector.errors import Retry, WireError, asking
from connector.http import Deadline, Session, session
from connector.models import Closing, User
from connector.teams import entra

log = logging.getLogger(__name__)

SECONDS = 8.0
PORTAL = "portal"
COUNTED = "counted"  # in a session that holds nothing else
RECEIPT_SALT, RECEIPT_SECONDS = "connector.receipt", 3600  # of the token with which a receipt is downloaded


@dataclass(frozen=True)
class Purpose:
    """What a sign-in other than the portal's is for: what becomes of the identity, and the shell of its error pages."""

    arrive: Callable[[HttpRequest, entra.Identity, dict[str, str]], HttpResponse]
    shell: str


purposes: dict[str, Purpose] = {}  # visits add theirs (visits.apps)


def nonce_for(code_verifier: str) -> str:
    """The nonce of a sign-in, derived from its one-time PKCE verifier: bound to the same state, kept nowhere else, and
    the same whichever secret key the process has that finishes it."""
    return hashlib.sha256(f"nonce {code_verifier}".encode()).hexdigest()


def begin(
    request: HttpRequest, *, purpose: str, tenant: str = entra.ANY_ORGANIZATION, prompt: str = "", **data: str
) -> HttpResponse:
    """Send the browser to Microsoft. `data` comes back to the purpose's arrival; `prompt` is OpenID's."""
    request.sign_in_purpose = purpose  # type: ignore[attr-defined]
    if seconds := _wait(request, data.get("launch", "")):
        return _problem(request, "too-many", wait=seconds)
    provider = IdentityAdapter(request).get_provider(request, MicrosoftProvider.id)
    request.entra_tenant = tenant  # type: ignore[attr-defined]
    params = {"prompt": prompt} if prompt else {}
    kept = data | {"purpose": purpose, "tenant": tenant}
    response: HttpResponse = provider.redirect(
        request, AuthProcess.LOGIN, next_url=data.get("next"), data=kept, auth_params=params
    )
    return response


def _wait(request: HttpRequest, launch: str) -> int:
    """How many seconds to wait before leaving once more: counted by launch, else by session. Browsers that have none
    are counted together with their neighbours, and given one when that is too much."""
    request.session.get(COUNTED)  # only reading a session shows whether it is one of ours
    if who := launch or request.session.session_key:
        return limits.wait("sign-in", who)
    seconds = limits.wait("sign-in-new", limits.address_of(request))
    if seconds:
        request.session[COUNTED] = True
    return seconds


class MicrosoftAdapter(OAuth2Adapter):
    """Entra's v2.0 endpoints of the tenant that the sign-in is for."""

    provider_id = "microsoft"
    tenant = entra.ANY_ORGANIZATION
    nonce = ""

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request)
        self.tenant = getattr(request, "entra_tenant", self.tenant)

    @property
    def authorize_url(self) -> str:
        return entra.authorize_url(self.tenant)

    @property
    def access_token_url(self) -> str:
        return entra.token_url(self.tenant)

    def get_callback_url(self, request: HttpRequest, app: Any) -> str:
        return settings.PUBLIC_URL + reverse("microsoft_callback")

    def get_access_token_data(
        self, request: HttpRequest, app: Any, client: Any, pkce_code_verifier: str | None = None
    ) -> Any:
        self.nonce = nonce_for(pkce_code_verifier or "")
        with asking("entra"):
            try:
                answer = super().get_access_token_data(request, app, client, pkce_code_verifier)
            # JSON that Python will not read or that is no object, or an answer of no kind: allauth expects none.
            except (ValueError, TypeError, LookupError, RecursionError) as error:
                raise Retry("not-json") from error
            if not isinstance(answer, dict):
                raise Retry("not-json")
            return answer

    def parse_token(self, data: dict[str, Any]) -> SocialToken:
        """None: who somebody is says the id_token, and no token is kept."""
        return SocialToken()

    def complete_login(self, request: HttpRequest, app: Any, token: SocialToken, **kwargs: Any) -> SocialLogin:
        """The checked identity as an allauth login; no token, name or address goes with it."""
        identity = entra.verify_id_token(
            str(kwargs["response"].get("id_token", "")),
            tenant=self.tenant,
            nonce=self.nonce,
            deadline=_deadline(request),
        )
        account = SocialAccount(provider=self.provider_id, uid=f"{identity.tid}:{identity.oid}", extra_data={})
        login = SocialLogin(account=account, provider=self.get_provider())
        login.identity = identity
        return login


class MicrosoftProvider(OAuth2Provider):
    """allauth's view of Microsoft: PKCE, a nonce, and the scopes that make Entra send tid and oid."""

    id = MicrosoftAdapter.provider_id
    name = "Microsoft"
    account_class = ProviderAccount
    oauth2_adapter_class = MicrosoftAdapter
    pkce_enabled_default = True

    def get_default_scope(self) -> list[str]:
        return ["openid", "profile"]

    def get_pkce_params(self) -> dict[str, str]:
        params: dict[str, str] = super().get_pkce_params()
        return params | {"nonce": nonce_for(params["code_verifier"])}


class CallbackView(OAuth2CallbackView):
    """allauth's callback, told which tenant the state was made for."""

    def _get_state(self, request: HttpRequest, provider: Any) -> tuple[Any, Any]:
        state, response = super()._get_state(request, provider)
        if state:
            self.adapter.tenant = state["data"]["tenant"]
            request.sign_in_purpose = state["data"]["purpose"]  # type: ignore[attr-defined]
        return state, response

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        request.sign_in_deadline = Deadline.after(SECONDS)  # type: ignore[attr-defined]
        try:
            response: HttpResponse = super().dispatch(request, *args, **kwargs)
        except WireError as error:
            log.warning("sign-in refused", extra={"code": error.code, "host": error.host, "status": error.status})
            return _problem(request, error.code)
        return response


def _deadline(request: HttpRequest) -> Deadline:
    """What all calls of one callback share: code, keys and directory together take no longer."""
    deadline: Deadline = request.sign_in_deadline  # type: ignore[attr-defined]
    return deadline


def _problem(request: HttpRequest, code: str, *, wait: int = 0) -> HttpResponse:
    """The error page of a sign-in, in the shell of whatever it was for."""
    purpose = purposes.get(getattr(request, "sign_in_purpose", PORTAL))
    if purpose:
        languages.speak(request)
        return problems.page(request, code, base=purpose.shell, wait=wait)
    return problems.page(request, code, again=reverse("signin"), wait=wait)


def _ended(request: HttpRequest, identity: entra.Identity, closing: Closing) -> HttpResponse:
    """For people of an organization that is no more: an administrator gets the receipt, and may begin anew."""
    administers = isinstance(access.proof_of(identity, _deadline(request)), access.Proof)
    shown: dict[str, Any] = {"anew": f"{reverse('signin_start')}?anew=1"} if administers and closing.finished_at else {}
    shown |= {"token": signing.dumps(str(closing.pk), salt=RECEIPT_SALT)} if shown else {}
    code = "organization-ended" if closing.finished_at else "organization-ending"
    return problems.page(request, code, template="portal/ended.html", closing=closing, **shown)


class IdentityAdapter(DefaultSocialAccountAdapter):
    """Turns a checked identity into what it was wanted for."""

    def get_requests_session(self) -> Session:
        return session(_deadline(self.request))

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """A portal sign-in goes on as allauth's login of our User; any other purpose takes the identity and answers
        itself."""
        data = sociallogin.state["data"]
        identity: entra.Identity = sociallogin.identity
        if purpose := purposes.get(data["purpose"]):
            raise ImmediateHttpResponse(purpose.arrive(request, identity, data))
        if not access.is_allowed_tenant(identity.tid):
            raise ImmediateHttpResponse(problems.page(request, "tenant-not-allowed", regions=settings.REGION_HOSTS))
        closing = access.ended(identity.tid)
        if closing and not (closing.finished_at and data.get("anew")):
            raise ImmediateHttpResponse(_ended(request, identity, closing))
        user = access.enter(identity, _deadline(request))
        if not sociallogin.is_existing:
            sociallogin.connect(request, user)

    def on_authentication_error(
        self, request: HttpRequest, provider: Any, error: Any = None, exception: Any = None, extra_context: Any = None
    ) -> None:
        """allauth's own failures: cancelled at Microsoft, a state that is not or no longer known, no usable answer."""
        known_state = exception is not None or (extra_context or {}).get("state")
        code = "entra-unavailable" if known_state else "sign-in-expired"
        raise ImmediateHttpResponse(_problem(request, "sign-in-cancelled" if str(error) == "cancelled" else code))


callback = CallbackView.adapter_view(MicrosoftAdapter)


def _wanted(request: HttpRequest) -> str:
    """Where the person was going, if that is a path of ours."""
    wanted = request.GET.get("next", "")
    return wanted if url_has_allowed_host_and_scheme(wanted, allowed_hosts=None) else reverse("portal")


@login_not_required
@require_GET
def signin(request: HttpRequest, tid: UUID | None = None) -> HttpResponse:
    """The portal's door: a page with one button. With a tenant's id, its guests are signed in as its guests."""
    start = reverse("signin_start_tenant", args=[tid]) if tid else reverse("signin_start")
    query = urlencode({"next": _wanted(request)})
    return render(request, "portal/signin.html", {"start": f"{start}?{query}", "regions": settings.REGION_HOSTS})


@login_not_required
@require_GET
def start(request: HttpRequest, tid: UUID | None = None) -> HttpResponse:
    """Leave for Microsoft. A link, not a form: `form-action` would also have to name wherever a tenant's sign-in
    leads."""
    tenant = str(tid) if tid else entra.ANY_ORGANIZATION
    anew = {"anew": "1"} if "anew" in request.GET else {}
    return begin(request, purpose=PORTAL, tenant=tenant, prompt="select_account", next=_wanted(request), **anew)


def signed_in(request: HttpRequest) -> User:
    """The person behind a request to a view that requires login."""
    if not isinstance(request.user, User):
        raise TypeError("this view must require login")
    return request.user
