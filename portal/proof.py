"""One button that proves the set-up, and the page on which its steps appear."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from connector import problems
from connector.models import Proof
from connector.problems.table import ADMINISTRATOR, OPERATOR, Text
from portal import directory, shell
from portal.actors import actor_of
from portal.ready import keep, proving
from portal.ready.views import organization_of

TITLES: dict[str, Promise] = {
    "consent": gettext_lazy("Microsoft 365 answers the connector (admin consent)"),
    "meeting": gettext_lazy("A throwaway meeting is made (application access policy)"),
    "options": gettext_lazy("Its lobby is set"),
    "link": gettext_lazy("The link for patients' browsers is given"),
    "subscription": gettext_lazy("Microsoft agrees to tell who joins and leaves"),
    "handshake": gettext_lazy("Microsoft has reached the connector from outside"),
    "cleaning": gettext_lazy("Meeting and subscription are deleted again"),
}
STATES: dict[str, tuple[str, Promise]] = {
    "ok": ("ok", gettext_lazy("Done")),
    "running": ("waiting", gettext_lazy("Running")),
    "failed": ("error", gettext_lazy("Failed")),
    "skipped": ("off", gettext_lazy("Not tried")),
    "next": ("off", gettext_lazy("Comes next")),
}
# (step, code) -> cause, fix, who; where a code says the same at every step, connector.problems has it.
FAILURES: dict[tuple[str, str], tuple[Text, Text, Text]] = {
    ("options", "graph-refused"): (
        gettext_lazy("Teams refused to set the lobby of the meeting."),
        gettext_lazy("Compare this account's meeting policy in the Teams admin center. Visits go on without."),
        gettext_lazy("A Teams Administrator or a Global Administrator"),
    ),
    ("link", "graph-refused"): (
        gettext_lazy("Microsoft gives this app no link for patients' browsers."),
        gettext_lazy("Visits work without: patients get the ordinary link, and a phone may ask for the Teams app."),
        ADMINISTRATOR,
    ),
    ("subscription", "graph-refused"): (
        gettext_lazy("Microsoft refused to tell the connector who joins and leaves."),
        gettext_lazy("Give admin consent again, for OnlineMeetings.ReadWrite.All above all; then prove again."),
        gettext_lazy("A Global Administrator or a Privileged Role Administrator"),
    ),
    ("handshake", "handshake-unseen"): (
        gettext_lazy("Something answered Microsoft at the notification address, but it was not this connector."),
        gettext_lazy("Check that NOTIFICATION_URL leads to this deployment, and that its cache (CACHE_URL) is up."),
        OPERATOR,
    ),
}
UNREACHED = (
    gettext_lazy("Microsoft could not reach the connector at its notification address, or got no proper answer."),
    gettext_lazy("Open the address below to Microsoft Graph: public DNS, a valid certificate, no sign-in before it."),
    OPERATOR,
)
POLICY = (
    gettext_lazy("Teams refuses: no application access policy covers the account in whose name the meeting is made."),
    gettext_lazy("The PowerShell lines stand on “Getting ready”. After they were run it can take up to 48 hours."),
    gettext_lazy("A Teams Administrator or a Global Administrator"),
)
FAILURES |= {(step, "application-access-policy"): POLICY for step in TITLES}
FAILURES |= {(step, "notification-url"): UNREACHED for step in ("subscription", "handshake")}


@dataclass(frozen=True)
class Step:
    """One line of the proof's page."""

    title: Promise
    kind: str
    word: Promise
    seconds: float
    cause: Text = ""
    fix: Text = ""
    who: Text = ""
    address: str = ""


@require_http_methods(["GET", "POST"])
def proof(request: HttpRequest) -> HttpResponse:
    """The newest proof, as far as it is. A POST starts one, unless one runs."""
    organization = organization_of(request)
    if request.method == "POST":
        if page := directory.refusal(request, organization, waits=False):
            return page
        if keep.organizer_of(organization):
            proving.start(organization, actor_of(request, organization))
        return redirect("proof")
    newest = organization.proofs.first()
    context = _context(newest) | {"organizer": keep.organizer_of(organization)}
    if request.headers.get("HX-Request"):
        return render(request, "portal/proof_steps.html", context)
    return shell.page(request, "portal/proof.html", "ready", **context)


def _context(newest: Proof | None) -> dict[str, Any]:
    if newest is None:
        return {"proof": None}
    stalled = proving.is_stalled(newest)
    running = newest.finished_at is None and not stalled
    steps = _steps(newest, stalled)
    return {
        "proof": newest,
        "running": running,
        "stalled": stalled,
        "steps_of_proof": steps,
        "failed": sum(step.kind == "error" for step in steps),
    }


def _steps(newest: Proof, stalled: bool) -> list[Step]:
    known = {entry["step"]: entry for entry in newest.steps}
    return [_shown(name, known.get(name, {"state": "next", "code": "", "seconds": 0}), stalled) for name in TITLES]


def _shown(name: str, entry: dict[str, Any], stalled: bool) -> Step:
    state = "skipped" if stalled and entry["state"] in {"running", "next"} else entry["state"]
    kind, word = STATES[state]
    if state != "failed":
        return Step(TITLES[name], kind, word, entry["seconds"])
    cause, fix, who = _explained(name, entry["code"])
    address = f"{settings.NOTIFICATION_URL}/notifications/graph/" if entry["code"] == "notification-url" else ""
    return Step(TITLES[name], kind, word, entry["seconds"], cause, fix, who, address)


def _explained(step: str, code: str) -> tuple[Text, Text, Text]:
    if (step, code) in FAILURES:
        return FAILURES[step, code]
    found = problems.find(code)
    return found.what, found.check, found.who
