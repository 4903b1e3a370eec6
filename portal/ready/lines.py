"""The lines of Getting ready, in the order in which they are best done."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from portal.ready import checks
from portal.ready.checks import About, Finding

TEAMS_ADMINISTRATOR = _("A Teams Administrator or a Global Administrator")
CONNECTOR_ADMINISTRATOR = _("An administrator of the connector, here in the portal")


@dataclass(frozen=True)
class Line:
    """One thing to have in order. `own` lines are answered from the connector's own records, without asking anybody;
    `by_hand` ones are confirmed by a person who has looked."""

    name: str
    title: Promise
    why: Promise
    who: Promise
    check: Callable[[About], Finding]
    own: bool = False
    by_hand: bool = False
    of_connections: bool = False

    @property
    def instructions(self) -> str:
        return f"portal/ready/{self.name}.html"


_ALL = (
    Line(
        "consent",
        _("Admin consent"),
        _("Without it the connector cannot ask Microsoft 365 for anything."),
        _("A Global Administrator or a Privileged Role Administrator"),
        checks.consent,
    ),
    Line(
        "policy",
        _("Application access policy"),
        _("Teams lets the connector make meetings in a clinician's name only under this policy."),
        TEAMS_ADMINISTRATOR,
        checks.policy,
    ),
    Line(
        "licence",
        _("Teams licences"),
        _("A clinician without a Teams licence cannot hold a video visit."),
        _("A License Administrator, a User Administrator or a Global Administrator"),
        checks.teams_licence,
    ),
    Line(
        "product",
        _("Product licence"),
        _("The operator of this connector asks for it. Testing goes on without it; production is not approved."),
        _("A Billing Administrator or a Global Administrator"),
        checks.product_licence,
    ),
    Line(
        "anonymous",
        _("Anonymous join"),
        _("Patients join without an account. If Teams does not allow that, they cannot come in."),
        TEAMS_ADMINISTRATOR,
        checks.anonymous_join,
        by_hand=True,
    ),
    Line(
        "region",
        _("Region"),
        _("Everything the connector keeps about your organization stays in one region."),
        CONNECTOR_ADMINISTRATOR,
        checks.region,
        by_hand=True,
    ),
    Line(
        "administrators",
        _("Further administrators"),
        _("With two administrators nothing waits when one of them is away."),
        _("A Global Administrator, or a Privileged Role Administrator, who gives the role in Microsoft Entra"),
        checks.administrators,
        own=True,
    ),
    Line(
        "helplines",
        _("Help lines"),
        _("Every error page shows patients and clinicians whom to call."),
        CONNECTOR_ADMINISTRATOR,
        checks.help_lines,
        own=True,
    ),
    Line(
        "mail",
        _("Notification mail"),
        _("Problems and decisions are told to this address."),
        CONNECTOR_ADMINISTRATOR,
        checks.notification_mail,
        own=True,
    ),
    Line(
        "keys",
        _("Keys known to Epic"),
        _("The EHR believes the connector only when it knows its public keys."),
        _("The Epic customer analyst, with whoever maintains Epic's client records"),
        checks.ehr_keys,
        of_connections=True,
    ),
)
LINES = {line.name: line for line in _ALL}


def wanted() -> list[Line]:
    """The lines of this deployment: the product licence only where the operator lists products."""
    return [line for line in _ALL if line.name != "product" or settings.LICENCE_SKUS]


def particulars(oid: str) -> dict[str, Any]:
    """What instructions hold of this deployment: its ids, its products, and the PowerShell lines of the application
    access policy (prepare, then one of two ways to grant)."""
    grant = "Grant-CsApplicationAccessPolicy -PolicyName EHR-Connector"
    return {
        "client_id": settings.ENTRA_CLIENT_ID,
        "skus": sorted(settings.LICENCE_SKUS),
        "connect": "Connect-MicrosoftTeams",
        "new": f'New-CsApplicationAccessPolicy -Identity EHR-Connector -AppIds "{settings.ENTRA_CLIENT_ID}"',
        "everybody": f"{grant} -Global",
        "one": f'{grant} -Identity "{oid or "<object id>"}"',
    }
