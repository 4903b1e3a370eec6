"""Admin consent in its thinnest form: sent to Microsoft, come back, proved by an app token that works."""

import secrets

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from connector import access, problems, trail
from connector.errors import NeedsConsent, WireError
from connector.http import Deadline
from connector.models import Organization, User
from connector.signin import signed_in
from connector.teams import entra, graph
from portal import shell

STATE = "consent_state"
SECONDS = 8.0


@require_http_methods(["GET", "POST"])
def consent(request: HttpRequest) -> HttpResponse:
    """Say what is asked and why. A POST checks once more what may be given already, by whomever."""
    if request.method == "POST":
        return prove(request, signed_in(request))
    return shell.page(request, "portal/consent.html", "configure")


@require_GET
def start(request: HttpRequest) -> HttpResponse:
    """Leave for Microsoft, where an administrator of the person's own tenant consents."""
    state = request.session[STATE] = secrets.token_urlsafe(24)
    callback = settings.PUBLIC_URL + reverse("consent_callback")
    return redirect(entra.consent_url(str(signed_in(request).tid), redirect_uri=callback, state=state))


@require_GET
def callback(request: HttpRequest) -> HttpResponse:
    """Back from Microsoft. `error` comes first (v2 sends admin_consent=True beside it); the tenant it names proves
    nothing."""
    state = request.session.pop(STATE, "")
    if not state or not constant_time_compare(state, request.GET.get("state", "")):
        return problems.page(request, "sign-in-expired")
    if "error" in request.GET:
        return problems.page(request, "consent-denied", again=reverse("consent"))
    return prove(request, signed_in(request))


def prove(request: HttpRequest, user: User) -> HttpResponse:
    """Consent holds when an app token of the person's own tenant reads the organization's name. Then roles can be read
    too."""
    tid, deadline = str(user.tid), Deadline.after(SECONDS)
    entra.forget_app_token(tid)
    try:
        name = graph.organization_name(tid, deadline=deadline)
        organization = access.administered_by(user) or _administered_by_directory(user, deadline)
    except NeedsConsent:
        return problems.page(request, "consent-unproven", again=reverse("consent"))
    except WireError as error:
        return problems.page(request, error.code)
    if organization is None:
        return problems.page(request, "nobody")
    Organization.objects.filter(pk=organization.pk).update(name=name, consented_at=timezone.now())
    trail.record(organization, "consent-proved")
    messages.success(request, _("Admin consent was given and works."))
    return redirect("configure")


def _administered_by_directory(user: User, deadline: Deadline) -> Organization | None:
    """For tokens without role claims: the directory is asked as soon as the app may."""
    proof = access.from_directory(str(user.tid), str(user.oid), deadline)
    if not isinstance(proof, access.Proof):
        return None
    person = graph.read_person(str(user.tid), str(user.oid), deadline=deadline)
    organization, _new = Organization.objects.get_or_create(tid=user.tid, defaults={"region": settings.REGION})
    access.make_administrator(organization, user, name=person.name if person else "", proof=proof)
    return organization
