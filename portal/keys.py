"""Keys: the connector's own key pairs and the state each is in, and their rotation where that harms nobody else."""

from dataclasses import dataclass

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from connector import access, keys
from connector.addresses import public_url
from connector.keys import Line, State
from connector.models import Environment, Key
from connector.signin import signed_in
from portal import directory, rotation, shell
from portal.actors import actor_of

SIGNING, AUDIT = Key.Purpose.SIGNING, Key.Purpose.AUDIT
TITLES: dict[tuple[Key.Purpose, str], Promise] = {
    (SIGNING, "testing"): gettext_lazy("Signing keys for testing"),
    (SIGNING, "production"): gettext_lazy("Signing keys for production"),
    (Key.Purpose.NOTIFICATION, ""): gettext_lazy("Certificate for notifications of Microsoft Graph"),
    (AUDIT, ""): gettext_lazy("Keys that sign checkpoints of the audit trail"),
}
ICONS = {State.NEXT: "waiting", State.CURRENT: "ok", State.OLD: "info", State.RETIRED: "off"}


@dataclass(frozen=True)
class Row:
    """One key as the table shows it."""

    line: Line
    icon: str
    certificate: str


@dataclass(frozen=True)
class Section:
    """One purpose's keys."""

    title: Promise
    purpose: str
    environment: str
    jwks_url: str
    trail_url: str  # where the public keys of the audit trail are
    by_hand: bool
    rows: list[Row]

    @property
    def used(self) -> Line | None:
        """The key in use, if there is one yet."""
        return next((row.line for row in self.rows if row.line.state == State.CURRENT), None)

    @property
    def waits(self) -> bool:
        """Whether the key that follows is published already."""
        return any(row.line.state == State.NEXT for row in self.rows)


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """Every key of the deployment with its state, since when and until when."""
    organization = access.organization_of(signed_in(request))
    return shell.page(
        request,
        "portal/keys.html",
        "keys",
        sections=[_section(*pair) for pair in rotation.PAIRS],
        may_rotate=rotation.may_rotate(organization),
        signing=SIGNING,
    )


@require_POST
def rotate(request: HttpRequest) -> HttpResponse:
    """Rotate one key pair; at once where that was asked for and confirmed."""
    organization = access.organization_of(signed_in(request))
    pair = next((one for one in rotation.PAIRS if list(one) == [request.POST.get(k) for k in ("purpose", "of")]), None)
    at_once = request.POST.get("action") == "at-once"
    if pair is None or not rotation.may_rotate(organization) or (at_once and pair[0] != SIGNING):
        raise Http404
    if at_once and not request.POST.get("confirmed"):
        messages.error(request, _("Tick that you have read what stops working. Nothing was changed."))
        return redirect("keys")
    if page := directory.refusal(request, organization, waits=not at_once):  # a key that leaked goes, whoever is away
        return page
    actor, kid = actor_of(request, organization), request.POST.get("kid", "")
    made = rotation.rotate(*pair, actor=actor, at_once=at_once, instead_of=kid)
    if made is None:
        messages.warning(request, _("This was rotated in the meantime. Here is how it stands now."))
    else:
        messages.success(request, _("Done. The new key is %(kid)s.") % {"kid": made.kid})
    return redirect("keys")


def _section(purpose: Key.Purpose, environment: str) -> Section:
    signs = purpose == SIGNING
    return Section(
        TITLES[purpose, environment],
        purpose.value,
        environment,
        jwks_url=public_url("jwks", environment) if signs else "",
        trail_url=public_url("trail_keys") if purpose == AUDIT else "",
        by_hand=signs and keys.is_held_by_hand(Environment(environment).value),
        rows=[_row(line, signs) for line in keys.lines(purpose, environment)],
    )


def _row(line: Line, signs: bool) -> Row:
    shown = signs and line.state in {State.CURRENT, State.NEXT}
    return Row(line, ICONS[line.state], keys.certificate_of(line.key) if shown else "")
