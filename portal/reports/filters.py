"""Which visits a page of the reports is about: days of an explicit zone, an EHR, a department, an outcome."""

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.http import HttpRequest, QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from connector.models import Connection, Organization
from portal.forms import ZoneField
from visits.services import reports

DAYS = 30  # that are shown before anybody picks others
ZONE = "reports_zone"  # in the session: the zone that was picked last
EARLIEST, LATEST = date(2000, 1, 1), date(2999, 12, 31)
DAY = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
SORTS = {
    "newest": gettext_lazy("Newest first"),
    "oldest": gettext_lazy("Oldest first"),
    "longest": gettext_lazy("Longest first"),
    "waited": gettext_lazy("Longest waiting first"),
}


class FilterForm(forms.Form):
    """What is asked for; where nothing is, the last thirty days."""

    since = forms.DateField(label=gettext_lazy("From"), widget=DAY)
    until = forms.DateField(label=gettext_lazy("Until, included"), widget=DAY)
    zone = ZoneField()
    connection = forms.ChoiceField(label=gettext_lazy("EHR"), required=False)
    department = forms.ChoiceField(label=gettext_lazy("Department"), required=False)
    outcome = forms.ChoiceField(label=gettext_lazy("Outcome"), required=False)
    sort = forms.ChoiceField(label=gettext_lazy("Order"), required=False, choices=list(SORTS.items()))

    def __init__(self, organization: Organization, asked: QueryDict, zone: str) -> None:
        self.organization = organization
        super().__init__(defaults(zone) | {name: asked[name] for name in self.base_fields if name in asked})
        everything = [("", _("All"))]
        self.fields["connection"].choices = [  # type: ignore[attr-defined]
            *everything,
            *((one.ref, named(one)) for one in organization.connections.order_by("label", "base_url")),
        ]
        self.fields["department"].choices = [  # type: ignore[attr-defined]
            *everything,
            *((code, code) for code in reports.departments(organization)),
        ]
        self.fields["outcome"].choices = [*everything, *reports.OUTCOME_WORDS]  # type: ignore[attr-defined]
        if "zone" in asked:
            del self.fields["zone"].widget.attrs["data-own-zone"]  # it is picked, not guessed

    def clean(self) -> dict[str, Any]:
        typed = super().clean() or {}
        if {"since", "until"} <= typed.keys():
            if typed["until"] < typed["since"]:
                self.add_error("until", _("The last day is before the first."))
            elif not EARLIEST <= typed["since"] <= typed["until"] <= LATEST:
                self.add_error("since", _("These years are not known here."))
        return typed

    @property
    def tz(self) -> ZoneInfo:
        return ZoneInfo(self.cleaned_data["zone"])

    @property
    def order(self) -> str:
        return self.cleaned_data["sort"] or "newest"

    @property
    def days(self) -> list[date]:
        """Every day that is asked for."""
        return days(self.cleaned_data["since"], self.cleaned_data["until"])

    @property
    def wanted(self) -> reports.Wanted:
        typed = self.cleaned_data
        connection = self.organization.connections.filter(ref=typed["connection"]).first()
        return reports.Wanted(
            self.organization,
            since=midnight(typed["since"], self.tz),
            until=midnight(typed["until"] + timedelta(days=1), self.tz),
            connection=connection.pk if connection else None,
            department=typed["department"],
            outcome=typed["outcome"],
        )


def of_request(request: HttpRequest, organization: Organization) -> FilterForm:
    """The filter of a page's address, or of a form that was sent. A zone that was picked is kept for the next pages."""
    asked = request.POST if request.method == "POST" else request.GET
    form = FilterForm(organization, asked, request.session.get(ZONE, "UTC"))
    if form.is_valid() and "zone" in asked:
        request.session[ZONE] = form.cleaned_data["zone"]
    return form


def defaults(zone: str) -> dict[str, Any]:
    today = timezone.now().astimezone(ZoneInfo(zone)).date()
    return {"since": today - timedelta(days=DAYS - 1), "until": today, "zone": zone, "sort": "newest"}


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """When a day begins in a zone."""
    return datetime.combine(day, time(), zone)


def days(first: date, last: date) -> list[date]:
    """Every day from the first to the last."""
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def named(connection: Connection) -> str:
    """A connection as a reader knows it."""
    return f"{connection.label or connection.host}, {connection.get_environment_display()}"
