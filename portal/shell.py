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

# What stands below the three steps: (URL name, title), for administrators.
TOOLS: tuple[tuple[str, Promise], ...] = (("status", gettext_lazy("Status")),)


def page(request: HttpRequest, template: str, step: str, *, status: int = 200, **context: Any) -> HttpResponse:
    """Render a portal page; `step` is the URL name of the step or tool it belongs to."""
    user = signed_in(request)
    connections = list(access.connections_of(user))
    administered = access.administered_by(user)
    organization = administered or (connections[0].organization if connections else None)
    steps = [
        ("configure", _("Configuration information"), bool(connections)),
        ("approve", _("Approve or view"), any(c.live_id for c in connections)),
        ("records", _("Review and finish"), any(c.live_id and not c.proposed_id for c in connections)),
    ]
    shown = {
        "organization": organization,
        "is_administrator": administered is not None,
        "steps": [
            {"title": title, "url": reverse(name), "done": done, "current": name == step} for name, title, done in steps
        ],
        "tools": [{"title": title, "url": reverse(name), "current": name == step} for name, title in TOOLS]
        if administered
        else [],
    }
    return render(request, template, shown | context, status=status)
