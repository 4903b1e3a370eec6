"""Approve: the named analyst signs in to the EHR, sees what he approves, approves it or returns it with a reason."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Case, F, OuterRef, QuerySet, Subquery, Value, When
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from connector import access, agreement, mail
from connector.errors import WireError
from connector.http import Deadline
from connector.models import Connection, Decision, Revision, User
from connector.signin import signed_in
from portal import directory, labels, lifecycle, preflight, records, services, shell
from portal.actors import actor_of
from portal.directory import Unconfirmed
from portal.forms import ReasonForm
from portal.labels import Difference
from portal.ready import licence_allows
from portal.services import Refused

PAGE = 20
REFUSED = {
    "not-proposed": gettext_lazy("This was decided or changed in the meantime. Here is how it stands now."),
    "licence-missing": gettext_lazy(
        "Production needs a product licence that your organization lacks. An administrator sees it on “Getting ready”."
    ),
    "licence-unknown": gettext_lazy(
        "Microsoft 365 did not tell whether a needed product is licensed. Try again later."
    ),
    "no-ehr-sign-in": gettext_lazy("Sign in to the EHR first: the approval rests on it."),
}
GROUPS: tuple[Promise, ...] = (
    gettext_lazy("Waits for you"),
    gettext_lazy("You decided"),
    gettext_lazy("Others"),
)


@dataclass
class Attempt:
    """One sign-in on its way back: the revision it is for, and what came of it."""

    revision: Revision
    who: str = ""
    organization: str = ""
    proof: dict[str, Any] = field(default_factory=dict)
    error: str = ""


@dataclass(frozen=True)
class Row:
    """One connection of the list, with what its reader himself decided last."""

    connection: Connection
    group: Promise
    decided: str
    at: datetime | None


def url(connection: Connection) -> str:
    """The approver's page of a connection."""
    return reverse("approve_one", args=[connection.ref])


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """What waits for somebody's approval first, then what he decided, then what else he may see."""
    shown = Paginator(_listed(signed_in(request)), PAGE).get_page(request.GET.get("page"))
    return shell.page(request, "portal/approvals.html", "approve", rows=list(_rows(shown)), page=shown)


def _listed(user: User) -> QuerySet[Connection]:
    own = Decision.objects.filter(connection=OuterRef("pk"), actor=user).order_by("-at")
    waits, decided = When(proposed__approver_oid=user.oid, then=Value(0)), When(decided_at__isnull=False, then=Value(1))
    seen = Connection.objects.filter(pk__in=access.connections_of(user).values("pk"))
    return (
        seen.annotate(decided_at=Subquery(own.values("at")[:1]), decided=Subquery(own.values("kind")[:1]))
        .annotate(group=Case(waits, decided, default=Value(2)))
        .order_by("group", F("decided_at").desc(nulls_last=True), "base_url", "environment")
        .select_related("live", "proposed")
        .prefetch_related("revisions", "decisions")
    )


def _rows(connections: Any) -> Iterator[Row]:
    for one in connections:
        yield Row(one, GROUPS[one.group], str(Decision.Kind(one.decided).label) if one.decided else "", one.decided_at)


@require_GET
def one(request: HttpRequest, ref: str) -> HttpResponse:
    """One connection for its approver: what to prepare in Epic, the EHR sign-in, then the decision."""
    connection = access.connection_of(signed_in(request), ref)
    return _page(request, connection, ReasonForm())


def confirmation(request: HttpRequest, attempt: Attempt) -> HttpResponse:
    """Right after the EHR sign-in: who signed in where, shown once, with the decision below."""
    return _page(request, attempt.revision.connection, ReasonForm(), attempt=attempt)


@require_POST
def decide(request: HttpRequest, ref: str) -> HttpResponse:
    """Approve or return the very revision that was on the page."""
    revision = _named(signed_in(request), ref, request.POST.get("revision", ""))
    connection, form = revision.connection, ReasonForm(request.POST)
    if connection.proposed_id != revision.pk:
        return _stands_now(request, connection, "not-proposed")
    if request.POST.get("action") == "approve":
        return _approve(request, connection, revision)
    if not form.is_valid():
        return _page(request, access.connection_of(signed_in(request), ref), form, status=422)
    return _return(request, connection, revision, form.cleaned_data["reason"])


def _named(user: User, ref: str, sent: str) -> Revision:
    """The revision that was sent, for the approver whom it names, also when it names him no more; else a 404. Compared
    as text: a form may send anything for it."""
    own = Revision.objects.filter(connection__ref=ref, connection__organization__tid=user.tid, approver_oid=user.oid)
    found = (one for one in own.select_related("connection__organization") if str(one.pk) == sent)
    if revision := next(found, None):
        return revision
    raise Http404


def _stands_now(request: HttpRequest, connection: Connection, code: str) -> HttpResponse:
    """Say why nothing was done, where its reader still sees the connection; who was replaced sees his list."""
    messages.warning(request, str(REFUSED[code]))
    seen = access.connections_of(signed_in(request)).filter(pk=connection.pk).exists()
    return redirect(url(connection) if seen else "approve")


def _require_licence(connection: Connection, deadline: Deadline) -> None:
    """Production needs a product that the operator lists, where he lists any. Raises Refused."""
    try:
        allowed = licence_allows(connection.organization, connection.environment, deadline)
    except WireError as error:
        raise Refused("licence-unknown") from error
    if not allowed:
        raise Refused("licence-missing")


def _approve(request: HttpRequest, connection: Connection, revision: Revision) -> HttpResponse:
    actor = actor_of(request, connection.organization, connection)
    deadline = Deadline.after(directory.SECONDS)
    try:
        directory.confirm(actor.user, connection.organization, needs_role=False, deadline=deadline)
        _require_licence(connection, deadline)
        services.approve(connection=connection, revision=revision, actor=actor)
    except Unconfirmed as unconfirmed:
        messages.error(request, unconfirmed.text)
        return redirect(url(connection))
    except Refused as refused:
        return _stands_now(request, connection, refused.code)
    done = _("Approved. These are the integration records for Epic.")
    messages.success(request, lifecycle.with_mail(done, connection, revision, actor))
    return redirect("record", ref=connection.ref)


def _return(request: HttpRequest, connection: Connection, revision: Revision, reason: str) -> HttpResponse:
    actor = actor_of(request, connection.organization, connection)
    if not directory.confirmed(request, connection.organization, needs_role=False, waits=False):
        return redirect(url(connection))
    try:
        services.return_(connection=connection, revision=revision, actor=actor, reason=reason)
    except Refused as refused:
        return _stands_now(request, connection, refused.code)
    done = _("Returned. The administrator sees your reason on the connection's page.")
    messages.success(request, lifecycle.with_mail(done, connection, revision, actor))
    return redirect("approve")


def _page(
    request: HttpRequest,
    connection: Connection,
    form: ReasonForm,
    *,
    attempt: Attempt | None = None,
    status: int = 200,
) -> HttpResponse:
    user, revision, checked = signed_in(request), connection.shown, connection.preflights.first()
    found = preflight.lines_of(checked)
    return shell.page(
        request,
        "portal/approve.html",
        "approve",
        status=status,
        connection=connection,
        revision=revision,
        form=form,
        attempt=attempt,
        may_decide=access.is_approver(user, connection) and connection.proposed_id is not None,
        signed_in_before=revision.sign_ins.filter(user=user).exists(),
        clients=records.client_records(connection, revision),
        changes=changes(connection.live, revision),
        preflight=checked,
        findings=[line for line in found if line.finding.level in {"blocks", "warns"}],
        informing=[line for line in found if line.finding.level == "info"],
        mail_is_on=mail.is_on(),
    )


def changes(before: Revision | None, after: Revision) -> list[Difference]:
    """What a revision changes for people to read: the approver, then the settings; without `before`, all of it."""
    old = agreement.load(before.settings) if before else None
    found = labels.differences(old, agreement.load(after.settings))
    if before and before.approver_oid == after.approver_oid:
        return found
    was = _person(before) if before else ""
    return [Difference("approver", labels.DETAILS["approver"], was, _person(after)), *found]


def _person(revision: Revision) -> str:
    return f"{revision.approver_name}\n{revision.approver_upn}"
