"""What the pages of the reports have in common: who may read them, and the way from one to the others."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy

from connector import access
from connector.models import Organization
from connector.signin import signed_in
from portal import shell

TABS = (
    ("reports", gettext_lazy("Visits")),
    ("reports_charts", gettext_lazy("Charts")),
    ("reports_month", gettext_lazy("A month")),
)


def read_by(request: HttpRequest) -> Organization:
    """The organization whose reports the person behind the request may read; 404 for everybody else."""
    organization = access.reports_read_by(signed_in(request))
    if organization is None:
        raise Http404
    return organization


def show(request: HttpRequest, template: str, **context: Any) -> HttpResponse:
    """One of the pages; the template's name is that of the file alone."""
    return shell.page(request, f"portal/reports/{template}.html", "reports", tabs=TABS, **context)
