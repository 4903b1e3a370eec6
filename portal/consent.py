"""Admin consent: asked of Microsoft by anybody, given by an administrator there, and proved by an app token that works.

Who gives it may have no business here otherwise, so neither leaving for Microsoft nor coming back needs a session: the
state is signed, and says for which tenant consent was asked.
"""

import secrets
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from connector import access, problems, trail
from connector.cached import outdate
from connector.errors import NeedsConsent, WireError
from connector.http import Deadline
from connector.models import Change, Check, Organization, User
from connector.signin import signed_in
from connector.teams import entra, graph
from portal import directory, history, shell
from portal.actors import actor_of
from portal.ready import keep
from portal.ready.checks import Finding

SALT = "portal.consent"
STATE_SECONDS = 3600
SECONDS = 8.0
AGAIN_SECONDS = 15  # between two tries that people whom nobody knows make for one tenant


@require_http_methods(["GET", "POST"])
def consent(request: HttpRequest) -> HttpResponse:
    """Say what is asked and why. A POST checks once more what may be given already, by whomever."""
    if request.method == "POST":
        return prove(request, signed_in(request))
    return shell.page(request, "portal/consent.html", "ready")


@login_not_required
@require_GET
def give(request: HttpRequest, tid: UUID | None = None) -> HttpResponse:
    """The same for somebody who only gives consent, before anybody has signed in."""
    start = reverse("consent_start_tenant", args=[tid]) if tid else reverse("consent_start")
    return render(request, "portal/consent_give.html", {"start": start})


@login_not_required
@require_GET
def start(request: HttpRequest, tid: UUID | None = None) -> HttpResponse:
    """Leave for Microsoft: to the tenant that is named, else the person's own, else the one he signs in to there."""
    wanted = str(tid or (request.user.tid if isinstance(request.user, User) else ""))
    if wanted and not access.is_allowed_tenant(wanted):
        return _not_allowed(request)
    state = signing.dumps([wanted, secrets.token_urlsafe(8)], salt=SALT)
    callback = settings.PUBLIC_URL + reverse("consent_callback")
    return redirect(entra.consent_url(wanted or entra.ANY_ORGANIZATION, redirect_uri=callback, state=state))


@login_not_required
@require_GET
def callback(request: HttpRequest) -> HttpResponse:
    """Back from Microsoft. `error` comes first (v2 sends admin_consent=True beside it); the tenant it names proves
    nothing: it only says whose token to try where consent was asked of no tenant in particular."""
    again = reverse("consent") if request.user.is_authenticated else reverse("consent_give")
    try:
        asked, nonce = signing.loads(request.GET.get("state", ""), salt=SALT, max_age=STATE_SECONDS)
    except signing.BadSignature:
        return problems.page(request, "consent-expired", again=again)
    if "error" in request.GET:
        return problems.page(request, "consent-denied", again=again)
    if not keep.may_try(f"consent:{nonce}", STATE_SECONDS):  # good once
        return problems.page(request, "consent-expired", again=again)
    tid = asked or _guid(request.GET.get("tenant", ""))
    if not access.is_allowed_tenant(tid):
        return _not_allowed(request)
    if isinstance(request.user, User) and str(request.user.tid) == tid:
        return prove(request, request.user)
    return _prove_for_others(request, tid, again)


def _guid(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        return ""


def _not_allowed(request: HttpRequest) -> HttpResponse:
    return problems.page(request, "tenant-not-allowed", regions=settings.REGION_HOSTS)


def _prove_for_others(request: HttpRequest, tid: str, again: str) -> HttpResponse:
    """Consent by somebody who is not signed in here as one of this tenant: it is kept, and opens nothing to him."""
    if not tid:
        return problems.page(request, "consent-unproven", again=again)
    if access.ended(tid):  # its administrators alone begin anew
        return problems.page(request, "organization-ended", again=reverse("signin"))
    if not keep.may_try(f"consent:{tid}", AGAIN_SECONDS):
        return problems.page(request, "too-many", wait=AGAIN_SECONDS)
    try:
        name = _name_of(tid, Deadline.after(SECONDS))
    except NeedsConsent:
        return problems.page(request, "consent-unproven", again=again)
    except WireError as error:
        return problems.page(request, error.code, again=again)
    organization, _new = Organization.objects.get_or_create(tid=tid, defaults={"region": settings.REGION})
    if not _is_known(organization, name):
        _keep(organization, name)
        history.record(organization, Change.Kind.CONSENT, by="somebody-else")
    return render(request, "portal/consent_given.html", {"name": name})


def prove(request: HttpRequest, user: User) -> HttpResponse:
    """Consent holds when an app token of the person's own tenant reads the organization's name. Then roles can be read
    too."""
    tid, deadline = str(user.tid), Deadline.after(SECONDS)
    if access.administered_by(user):  # what he has just allowed in addition, a token of before does not know
        entra.forget_app_token(tid)
    try:
        name = _name_of(tid, deadline)
        organization = access.administered_by(user) or _administered_by_directory(user, deadline)
    except NeedsConsent:
        return problems.page(request, "consent-unproven", again=reverse("consent"))
    except WireError as error:
        return problems.page(request, error.code)
    if organization is None:
        return problems.page(request, "nobody")
    if refused := directory.refusal(request, organization, waits=False):
        return refused
    if not _is_known(organization, name):
        _keep(organization, name)
        history.record(organization, Change.Kind.CONSENT, actor=actor_of(request, organization))
    messages.success(request, _("Admin consent was given and works."))
    return redirect("configure")


def _name_of(tid: str, deadline: Deadline) -> str:
    """The organization's name, which an app token has to read: the one at hand, and where that does not work a new one,
    since it may be older than the consent."""
    try:
        return graph.organization_name(tid, deadline=deadline)
    except NeedsConsent:
        entra.forget_app_token(tid)
        return graph.organization_name(tid, deadline=deadline)


def _is_known(organization: Organization, name: str) -> bool:
    """Whether all this was seen before, and nothing has shown since that consent does not work: nothing to write."""
    works = organization.checks.filter(name="consent", state=Check.State.OK).exists()
    return works and organization.consented_at is not None and organization.name == name


def _keep(organization: Organization, name: str) -> None:
    Organization.objects.filter(pk=organization.pk).update(name=name, consented_at=timezone.now())
    outdate("organization", organization.pk)
    keep.note(organization, "consent", Finding(Check.State.OK, "consent-works"))
    trail.record(organization, "consent-proved")


def _administered_by_directory(user: User, deadline: Deadline) -> Organization | None:
    """For tokens without role claims: the directory is asked as soon as the app may."""
    proof = access.from_directory(str(user.tid), str(user.oid), deadline)
    if not isinstance(proof, access.Proof):
        return None
    person = graph.read_person(str(user.tid), str(user.oid), deadline=deadline)
    organization, _new = Organization.objects.get_or_create(tid=user.tid, defaults={"region": settings.REGION})
    access.make_administrator(organization, user, name=person.name if person else "", proof=proof)
    return organization
