"""Configure: the administrator adds FHIR base URLs, each with an environment and an approver."""

import logging
from dataclasses import dataclass

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from connector import access, problems
from connector.ehr import discovery
from connector.errors import NeedsConsent, WireError
from connector.http import Deadline
from connector.models import Connection, Organization
from connector.signin import signed_in
from connector.teams import graph
from connector.teams.graph import Person
from portal import records, services, shell
from portal.actors import actor_of
from portal.forms import ConnectionForm, ReasonForm

log = logging.getLogger(__name__)

EHR_SECONDS = 8.0
GRAPH_SECONDS = 6.0

# What live answers of the EHR mean for the administrator who typed its address.
EHR_FAULTS = {
    "unreachable": gettext_lazy(
        "Nothing answers at this address. Check it for typing errors; a firewall may also keep the connector out."
    ),
    "no-answer-in-time": gettext_lazy(
        "The EHR did not answer in time. Try again; if it stays, ask the EHR's technical contact."
    ),
    "deadline-over": gettext_lazy(
        "The EHR did not answer in time. Try again; if it stays, ask the EHR's technical contact."
    ),
    "ehr-unavailable": gettext_lazy(
        "The EHR answers with an error of its own. Try again later or ask its technical contact."
    ),
    "not-fhir": gettext_lazy("A server answers, but not as FHIR. The address may lack its end, such as /api/FHIR/R4."),
    "no-smart-endpoints": gettext_lazy(
        "FHIR answers, but names no SMART sign-in. Ask the EHR's technical contact to enable OAuth 2.0."
    ),
    "certificate": gettext_lazy(
        "The server's TLS certificate is not valid for this address. The EHR's technical contact can fix it."
    ),
    "address-not-public": gettext_lazy(
        "This address is inside a private network. The connector's operator can allow the host."
    ),
    "not-https": gettext_lazy(
        "The address must begin with https://. The connector's operator can allow http for a test host."
    ),
    "bad-address": gettext_lazy("This is not an address that can be opened. Check it for typing errors."),
    "answer-too-large": gettext_lazy("The server's answer is too large to be FHIR metadata. Check the address."),
}


@dataclass(frozen=True)
class Findings:
    """What answered at a FHIR base URL."""

    software: discovery.Software
    endpoints: discovery.Endpoints


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """Send everybody to their own first step, and nobody to a page that says whom to ask."""
    user = signed_in(request)
    if access.administered_by(user):
        return redirect("configure")
    if access.connections_of(user).exists():
        return redirect("approve")
    organization = Organization.objects.filter(tid=user.tid).first()
    if organization is None or organization.consented_at is None:
        return redirect("consent")
    names = [administrator.name for administrator in organization.administrators.all()]
    return problems.page(request, "nobody", people=names, again=reverse("signin"))


@require_GET
def configure(request: HttpRequest) -> HttpResponse:
    """All FHIR base URLs of the organization, with state, environment and approver."""
    organization = _organization(request)
    if organization is None:
        return redirect("portal")
    connections = sorted(access.connections_of(signed_in(request)), key=lambda c: (c.state != "waiting", c.base_url))
    return shell.page(request, "portal/configure.html", "configure", connections=connections)


@require_http_methods(["GET", "POST"])
def add(request: HttpRequest) -> HttpResponse:
    """Add a FHIR base URL: typed, checked live, shown, then submitted to its approver."""
    organization = _organization(request)
    if organization is None:
        return redirect("portal")
    if organization.consented_at is None:
        return redirect("consent")
    form = ConnectionForm(request.POST or None, initial=_initial(request))
    if not form.is_valid():
        return _add_page(request, form)
    findings = _ask_ehr(form)
    people = _find_people(organization, form)
    approver = _chosen(people, request.POST.get("approver_oid", ""))
    if form.errors or approver is None or request.POST.get("action") != "submit":
        return _add_page(request, form, findings=findings, people=people, approver=approver)
    return _submit(request, organization, form, approver)


def _initial(request: HttpRequest) -> dict[str, str]:
    """What the form starts with when an existing connection is changed."""
    ref = request.GET.get("change", "")
    known = access.connections_of(signed_in(request)).filter(ref=ref).first() if ref else None
    if known is None:
        return {}
    return {"base_url": known.base_url, "environment": known.environment, "approver": known.shown.approver_upn}


def _submit(request: HttpRequest, organization: Organization, form: ConnectionForm, approver: Person) -> HttpResponse:
    connection = services.submit(
        organization=organization,
        base_url=form.cleaned_data["base_url"],
        environment=form.cleaned_data["environment"],
        approver=approver,
        actor=actor_of(request, organization),
    )
    messages.success(request, _("Submitted. %(name)s can approve it now.") % {"name": approver.name})
    return redirect("connection", ref=connection.ref)


def _organization(request: HttpRequest) -> Organization | None:
    return access.administered_by(signed_in(request))


def _add_page(request: HttpRequest, form: ConnectionForm, **context: object) -> HttpResponse:
    status = 422 if form.is_bound and form.errors else 200
    return shell.page(request, "portal/add.html", "configure", status=status, form=form, **context)


def _ask_ehr(form: ConnectionForm) -> Findings | None:
    """What answers at the typed address, or an error at the field that says what to do."""
    deadline = Deadline.after(EHR_SECONDS)
    base_url = form.cleaned_data["base_url"]
    try:
        software = discovery.describe(base_url, deadline=deadline)
        return Findings(software, discovery.discover(base_url, deadline=deadline))
    except WireError as error:
        log.info("base URL refused", extra={"code": error.code, "host": error.host, "status": error.status})
        form.add_error("base_url", EHR_FAULTS.get(error.code, EHR_FAULTS["unreachable"]))
        return None


def _find_people(organization: Organization, form: ConnectionForm) -> list[Person]:
    """Who in the directory is meant: the account with that sign-in name, else those whose name begins so."""
    typed, deadline = form.cleaned_data["approver"], Deadline.after(GRAPH_SECONDS)
    tid = str(organization.tid)
    try:
        exact = graph.read_person(tid, typed, deadline=deadline) if "@" in typed else None
        people = [exact] if exact else _search(tid, typed, deadline)
    except WireError as error:
        form.add_error("approver", str(problems.find(error.code).what))
        return []
    enabled = [person for person in people if person.enabled]
    if not enabled:
        blocked = _("This account is disabled. Name somebody else.") if people else ""
        form.add_error("approver", blocked or _("Nobody in your directory has this name. Try the whole sign-in name."))
    return enabled


def _search(tid: str, typed: str, deadline: Deadline) -> list[Person]:
    """Search by name; where the tenant has not consented to search, a whole sign-in name still works."""
    try:
        return graph.search_people(tid, typed, deadline=deadline)
    except NeedsConsent:
        person = graph.read_person(tid, typed, deadline=deadline)
        return [person] if person else []


def _chosen(people: list[Person], oid: str) -> Person | None:
    """The one person meant: the only one found, or the one picked from the list."""
    if len(people) == 1:
        return people[0]
    return next((person for person in people if person.oid == oid), None)


@require_POST
def people(request: HttpRequest) -> HttpResponse:
    """Directory suggestions while a name is typed: an improvement for the form, which works without it."""
    organization, typed = _organization(request), request.POST.get("approver", "").strip()[:200]
    found: list[Person] = []
    if organization and len(typed) > 1:
        try:
            found = _search(str(organization.tid), typed, Deadline.after(GRAPH_SECONDS))
        except WireError as error:
            log.info("directory search failed", extra={"code": error.code})
    return render(request, "portal/people.html", {"people": [person for person in found if person.enabled]})


@require_GET
def connection(request: HttpRequest, ref: str) -> HttpResponse:
    """One connection as its administrator sees it: state, settings, history, and the link for the approver."""
    shown: Connection = access.connection_of(signed_in(request), ref)
    link = reverse("signin_tenant", args=[shown.organization.tid]) + "?next=" + reverse("approve_one", args=[ref])
    return shell.page(
        request,
        "portal/connection.html",
        "configure",
        connection=shown,
        revision=shown.shown,
        form=ReasonForm(),
        told=records.is_told(shown),
        decisions=shown.decisions.select_related("revision"),
        approver_link=settings.PUBLIC_URL + link,
    )
