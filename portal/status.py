"""Status: for each connection what happened last, what waits to be told to the EHR, and what was given up."""

from dataclasses import dataclass

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_GET, require_POST

from connector import access, keys, mail
from connector.models import Change, Connection, Downtime, Key
from connector.signin import signed_in
from portal import directory, downtime, history, preflight, shell, watch
from portal.actors import actor_of
from portal.downtime import DowntimeForm
from portal.watch import Alarm
from visits import services as visits
from visits.services import Figures, Troubles

PAGE = 20
KEYS = {
    Key.Purpose.SIGNING: gettext_lazy("Signing key"),
    Key.Purpose.NOTIFICATION: gettext_lazy("Certificate for notifications"),
}


@dataclass(frozen=True)
class Line:
    """One connection on the page."""

    connection: Connection
    figures: Figures
    troubles: Troubles
    alarms: list[Alarm]
    downtime: Downtime | None


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """Every live connection, those with an alarm first on each page."""
    live = access.connections_of(signed_in(request)).exclude(live=None).order_by("base_url", "environment")
    shown = Paginator(live, PAGE).get_page(request.GET.get("page"))
    lines = sorted(lines_of(list(shown)), key=lambda line: not line.alarms)
    administered = access.administered_by(signed_in(request))
    unsent = mail.undelivered(administered).count() if administered else 0
    return shell.page(request, "portal/status.html", "status", lines=lines, page=shown, unsent=unsent)


@require_GET
def one(request: HttpRequest, ref: str) -> HttpResponse:
    """One connection in full, with what an administrator can do about it."""
    return _detail(request, live(request, ref), DowntimeForm())


def _detail(request: HttpRequest, connection: Connection, form: DowntimeForm, *, status: int = 200) -> HttpResponse:
    now, checked = timezone.now(), connection.preflights.first()
    return shell.page(
        request,
        "portal/status_one.html",
        "status",
        status=status,
        line=lines_of([connection])[0],
        connection=connection,
        given_up=visits.given_up(connection),
        downtimes=connection.downtimes.filter(ends_at__gt=now),
        in_use=[_in_use(Key.Purpose.SIGNING, connection.environment), _in_use(Key.Purpose.NOTIFICATION)],
        preflight=checked,
        warned=any(line.finding.level == "warns" for line in preflight.lines_of(checked)),
        governs=access.governs(signed_in(request), connection),
        form=form,
    )


def _in_use(purpose: Key.Purpose, environment: str = "") -> tuple[str, keys.Line | None]:
    """What a key pair is for, and the one in use with its time; None where the first is still to be made."""
    found = (line for line in keys.lines(purpose, environment) if line.state == keys.State.CURRENT)
    return str(KEYS[purpose]), next(found, None)


def lines_of(connections: list[Connection]) -> list[Line]:
    """How these connections are doing now. Nobody is alarmed during an announced downtime."""
    now, seen, figures = timezone.now(), watch.look(connections), visits.figures_of(connections)
    announced = {one.connection_id: one for one in Downtime.running(now).filter(connection__in=connections)}
    return [
        Line(
            one,
            figures[one.pk],
            seen[one.pk].troubles,
            [] if one.pk in announced else watch.alarms_of(seen[one.pk], now),
            announced.get(one.pk),
        )
        for one in connections
    ]


@require_POST
def announce(request: HttpRequest, ref: str) -> HttpResponse:
    """Announce a downtime of the EHR; what was typed wrong is said at its field."""
    connection, form = governed(request, ref), DowntimeForm(request.POST)
    if not form.is_valid():
        return _detail(request, connection, form, status=422)
    if page := directory.refusal(request, connection.organization, waits=False):
        return page
    downtime.announce(connection, form.cleaned_data, actor_of(request, connection.organization, connection))
    messages.success(request, _("Announced. Writebacks wait until it is over; visits go on."))
    return redirect("status_one", ref=ref)


@require_POST
def end_downtime(request: HttpRequest, ref: str, number: int) -> HttpResponse:
    """End a downtime now, or take back one that has not begun."""
    connection = governed(request, ref)
    if page := directory.refusal(request, connection.organization, waits=False):
        return page
    downtime.end(connection, number, actor_of(request, connection.organization, connection))
    messages.success(request, _("The downtime is over. What waited goes out now."))
    return redirect("status_one", ref=ref)


@require_POST
def send_again(request: HttpRequest, ref: str) -> HttpResponse:
    """Tell the EHR once more what was given up: always the newest state of each person."""
    connection = governed(request, ref)
    if page := directory.refusal(request, connection.organization):
        return page
    count = visits.send_again(connection)
    if count:
        actor = actor_of(request, connection.organization, connection)
        history.record(connection.organization, Change.Kind.SENT_AGAIN, actor=actor, connection=connection, count=count)
    said = ngettext("%(count)d is on its way again.", "%(count)d are on their way again.", count) % {"count": count}
    messages.success(request, said if count else _("There was nothing left to send."))
    return redirect("status_one", ref=ref)


def governed(request: HttpRequest, ref: str) -> Connection:
    """A connection that this person may stop and start."""
    connection = live(request, ref)
    if not access.governs(signed_in(request), connection):
        raise Http404
    return connection


def live(request: HttpRequest, ref: str) -> Connection:
    """A connection that serves visits and that this person may see."""
    connection = access.connection_of(signed_in(request), ref)
    if connection.live is None:
        raise Http404
    return connection
