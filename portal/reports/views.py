"""The pages of the reports."""

from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from connector.models import Change
from portal import directory, history, sheets
from portal.actors import actor_of
from portal.reports import filters
from portal.reports.charts import LONGEST_DAYS, charts
from portal.reports.export import may_begin, then_another, written
from portal.reports.filters import FilterForm
from portal.reports.month import allowance, month, month_of
from portal.reports.pages import read_by, show
from visits.services import reports


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """Visits, a page at a time."""
    organization = read_by(request)
    form = filters.of_request(request, organization)
    shown: dict[str, Any] = {}
    if form.is_valid():
        cursors = {name: request.GET.get(name, "") for name in ("after", "before")}
        shown = {
            "page": reports.page_of(form.wanted, form.order, **cursors),
            "count": reports.count(form.wanted),
            "most": reports.MOST_COUNTED,
            "allowance": allowance(organization, _this_month(form), form.tz),
            "month": _this_month(form),
        }
    return _page(request, "list", form, **shown)


@require_GET
def drawn(request: HttpRequest) -> HttpResponse:
    """The charts, each with its table."""
    organization = read_by(request)
    form = filters.of_request(request, organization)
    too_long = form.is_valid() and len(form.days) > LONGEST_DAYS
    tables = charts(form) if form.is_valid() and not too_long else []
    return _page(request, "charts", form, tables=tables, too_long=too_long, longest=LONGEST_DAYS)


@require_GET
def monthly(request: HttpRequest) -> HttpResponse:
    """One month, to be printed."""
    organization = read_by(request)
    form = filters.of_request(request, organization)
    zone = form.tz if form.is_valid() else ZoneInfo("UTC")
    first = month_of(request.GET.get("month", ""), zone)
    shown = {
        "first": first,
        "earlier": first - timedelta(days=1),
        "later": first + timedelta(days=31),
        "found": month(organization, first, zone),
        "allowance": allowance(organization, first, zone),
        "made_at": timezone.now(),
    }
    return _page(request, "month", form, **shown)


@require_POST
def export(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """All visits of a filter as a file. It is a line of the history."""
    organization = read_by(request)
    form = filters.of_request(request, organization)
    if not form.is_valid():
        raise Http404
    if not directory.confirmed(request, organization):
        return redirect("reports")
    if not may_begin(organization):
        messages.info(request, _("A file of your organization is being written. Try again when it is done."))
        return redirect("reports")
    typed = form.cleaned_data
    period = {"begins": typed["since"].isoformat(), "ends": typed["until"].isoformat()}
    actor = actor_of(request, organization)
    history.record(organization, Change.Kind.EXPORTED, actor=actor, what="reports", format="csv", **period)
    return sheets.download("visits", "csv", sheets.MEDIA_TYPE, then_another(organization, written(form)))


def _this_month(form: FilterForm) -> date:
    return month_of("", form.tz)


def _page(request: HttpRequest, name: str, form: FilterForm, **context: Any) -> HttpResponse:
    choices = [form[field] for field in ("connection", "department", "outcome", *(["sort"] if name == "list" else []))]
    zone = form.tz.key if form.is_valid() else "UTC"
    return show(request, name, form=form, choices=choices, zone=zone, **context)
