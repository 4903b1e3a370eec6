"""What every page of the portal carries: who it is for and how far the three steps are."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from connector import access
from connector.signin import signed_in

REPORTS = gettext_lazy("Reports")
# What stands below the three steps: (URL name, title), for administrators.
TOOLS: tuple[tuple[str, Promise], ...] = (
    ("ready", gettext_lazy("Getting ready")),
    ("status", gettext_lazy("Status")),
    ("reports", REPORTS),
    ("history", gettext_lazy("History")),
    ("trail", gettext_lazy("Audit trail")),
    ("keys", gettext_lazy("Keys")),
    ("people", gettext_lazy("People and data")),
)


def page(request: HttpRequest, template: str, step: str, *, status: int = 200, **context: Any) -> HttpResponse:
    """Render a portal page; `step` is the URL name of the step or tool it belongs to."""
    user = signed_in(request)
    connections = access.connections_of(user)
    live = connections.exclude(live=None)
    administered = access.administered_by(user)
    first = None if administered else connections.first()
    reads = administered or access.reports_read_by(user)
    tools = TOOLS if administered else (("reports", REPORTS),) if reads else ()
    steps = [
        ("configure", _("Configuration information"), connections.exists()),
        ("approve", _("Approve or view"), live.exists()),
        ("records", _("Review and finish"), live.filter(proposed=None).exists()),
    ]
    shown = {
        "organization": administered or (first and first.organization) or reads,
        "is_administrator": administered is not None,
        "steps": [
            {"title": title, "url": reverse(name), "done": done, "current": name == step} for name, title, done in steps
        ]
        if administered or first or not reads  # who reads the reports has no business with the steps
        else [],
        "tools": [{"title": title, "url": reverse(name), "current": name == step} for name, title in tools],
    }
    return render(request, template, shown | context, status=status)
