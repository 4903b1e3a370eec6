"""The settings of one connection: changed, compared with what is live, and submitted as another revision."""

from dataclasses import dataclass

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from connector import access, agreement, keys, problems
from connector.agreement import Settings
from connector.ehr.preflight import Report, run
from connector.http import Deadline
from connector.models import Connection, Key, Preflight
from connector.signin import signed_in
from connector.teams.graph import Person
from portal import approvers, directory, labels, preflight, services, shell
from portal.actors import actor_of
from portal.configure import answers, rows
from portal.configure.done import APPROVER_FAULTS
from portal.configure.settings_form import SettingsForm, initial
from portal.directory import Unconfirmed
from portal.labels import Difference
from portal.services import Refused

SECONDS = 20.0  # of one press: the directory and the EHR share it


@dataclass(frozen=True)
class Proposal:
    """What would be submitted, and what the EHR answers with it. `warnings` are told once before."""

    approver: Person
    settings: Settings
    report: Report
    warnings: tuple[str, ...]


@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, ref: str) -> HttpResponse:
    """Change the settings: looked at first, then submitted. The approver may, but neither for himself nor for another
    approver: who approves is the administrators' matter."""
    user = signed_in(request)
    connection = access.connection_of(user, ref)
    administers = access.administered_by(user) is not None
    if not (administers or access.is_approver(user, connection)):
        raise Http404
    if request.method == "GET":
        return _page(request, connection, SettingsForm(initial=_initial(connection), settles_approver=administers))
    form = SettingsForm(request.POST, settles_approver=administers)
    if not form.is_valid():
        return _page(request, connection, form)
    deadline = Deadline.after(SECONDS)
    try:
        directory.confirm(user, connection.organization, needs_role=administers, deadline=deadline)
    except Unconfirmed as unconfirmed:
        form.add_error(None, unconfirmed.text)
        return _page(request, connection, form)
    proposal = _proposal(form, connection, deadline, settles_approver=administers)
    if proposal is None or form.errors or request.POST.get("action") != "submit" or not _was_read(form, proposal):
        return _page(request, connection, form, proposal)
    return _submit(request, connection, form, proposal)


def _proposal(
    form: SettingsForm, connection: Connection, deadline: Deadline, *, settles_approver: bool
) -> Proposal | None:
    """What was typed, checked with the directory and with the EHR. What is wrong is said on the form."""
    approver = _approver(form, connection, deadline) if settles_approver else _as_it_is(connection)
    settings = _settings(form, connection)
    if approver is None or settings is None:
        return None
    report = run(preflight.subject_of(connection, settings), deadline=deadline)
    for fault in answers.faults(report):
        form.add_error(None, fault)
    warned = answers.explained(report, "warns").values()
    return Proposal(approver, settings, report, tuple(f"{one.title}. {one.fix}" for one in warned))


def _was_read(form: SettingsForm, proposal: Proposal) -> bool:
    """Whether the form comes from a page that said these very warnings."""
    return not proposal.warnings or form.cleaned_data["said"] == _said(proposal)


def _said(proposal: Proposal) -> str:
    return answers.digest(*answers.explained(proposal.report, "warns"))


def _initial(connection: Connection) -> dict[str, object]:
    agreed = agreement.load(connection.shown.settings)
    kept = {"approver": connection.shown.approver_upn, "seen": rows.newest(connection)}
    return initial(agreed) | kept


def _as_it_is(connection: Connection) -> Person:
    shown = connection.shown
    return Person(str(shown.approver_oid), shown.approver_name, shown.approver_upn, "", True, shown.approver_mail)


def _approver(form: SettingsForm, connection: Connection, deadline: Deadline) -> Person | None:
    """The one person meant. The directory is asked even about the same approver: he may be disabled by now."""
    found = directory.find(str(connection.organization.tid), form.cleaned_data["approver"], deadline=deadline)
    if found.code:
        form.add_error("approver", str(APPROVER_FAULTS.get(found.code) or problems.find(found.code).what))
    elif len(found.people) > 1:
        names = ", ".join(person.upn for person in found.people)
        form.add_error(
            "approver", _("Several people have a name like this. Enter one of: %(names)s") % {"names": names}
        )
    else:
        return found.people[0]
    return None


def _settings(form: SettingsForm, connection: Connection) -> Settings | None:
    """The typed settings. A typed secret is sealed at once, so that no page has to carry it to the next press. It is
    good for what it was typed for alone: no other field, and no other repository, gets it."""
    base = agreement.load(connection.shown.settings)
    for name, (kid, _by, _needs) in form.secrets.items():
        about = {"field": labels.kind_of(name)} | form.address_for(name)
        if typed := form.cleaned_data[name]:
            form.cleaned_data[kid] = _sealed(connection, typed, about)
            form.send_along(**{kid: form.cleaned_data[kid], name: ""})
        elif form.cleaned_data[kid] and not _is_for(connection, base, form.cleaned_data[kid], about):
            form.add_error(name, _("Enter it again."))
    return None if form.errors else form.settings(base)


def _sealed(connection: Connection, secret: str, about: dict[str, str]) -> str:
    organization, sealed = connection.organization, secret.encode()
    return keys.store(organization, Key.Purpose.SECRET, sealed, public=about, environment=connection.environment).kid


def _is_for(connection: Connection, base: Settings, kid: str, about: dict[str, str]) -> bool:
    """Whether a key holds the secret that stands in the settings for this now, or one that was typed for it."""
    held = {base.secret_kid: {"field": "client_secret"}, base.status.secret_kid: {"field": "status.password"}}
    held |= {one.secret_kid: {"field": "audit.password", "address": one.address} for one in base.audit}
    if held.get(kid) == about:
        return True
    return connection.organization.keys.filter(purpose=Key.Purpose.SECRET, kid=kid, public=about).exists()


def _submit(request: HttpRequest, connection: Connection, form: SettingsForm, proposal: Proposal) -> HttpResponse:
    try:
        submitted = services.submit(
            organization=connection.organization,
            base_url=connection.base_url,
            environment=connection.environment,
            approver=proposal.approver,
            actor=actor_of(request, connection.organization, connection),
            settings=proposal.settings,
            seen=form.cleaned_data["seen"],
        )
    except Refused:
        newest = rows.newest(access.connection_of(signed_in(request), connection.ref))
        form.send_along(seen=newest)
        form.add_error(
            None,
            _(
                "Revision %(number)s was submitted in the meantime. Look at the differences again; submitting puts "
                "your settings over it."
            )
            % {"number": newest},
        )
        return _page(request, connection, form, proposal)
    preflight.keep(submitted, Preflight.Trigger.DONE, proposal.report)
    if access.administered_by(signed_in(request)):
        approvers.confirmed(submitted)
    messages.success(request, _("Submitted. %(name)s can approve it now.") % {"name": proposal.approver.name})
    return redirect("connection", ref=connection.ref)


def _page(
    request: HttpRequest, connection: Connection, form: SettingsForm, proposal: Proposal | None = None
) -> HttpResponse:
    if proposal:
        form.send_along(said=_said(proposal))
    return shell.page(
        request,
        "portal/edit.html",
        "configure",
        status=422 if form.is_bound and form.errors else 200,
        connection=connection,
        form=form,
        proposal=proposal,
        compared=_compared(connection, proposal) if proposal else None,
        live=connection.live,
    )


def _compared(connection: Connection, proposal: Proposal) -> list[Difference]:
    """What would be different from what is live, else from what was submitted last; the approver first."""
    before = connection.live or connection.shown
    found = labels.differences(agreement.load(before.settings), proposal.settings)
    if proposal.approver.oid == str(before.approver_oid):
        return found
    return [Difference("approver", labels.DETAILS["approver"], before.approver_name, proposal.approver.name), *found]
