"""Entra and Graph for one organization, scripted: fast where a whole house is not needed."""

import uuid
from typing import Any

from pytest_django import Settings

from connector.models import Administrator, Organization
from tests.servers import Reply, Server
from tests.visits import factories
from tests.visits.factories import administrator

REFUSED = {"error": {"code": "Forbidden", "message": "No application access policy found for this app"}}
DENIED = {"error": {"code": "Authorization_RequestDenied", "message": "Insufficient privileges."}}
TEAMS = {"servicePlanName": "TEAMS1"}


def sku(part: str = "SPE_E3", status: str = "Enabled", **counts: int) -> dict[str, Any]:
    return {
        "skuId": str(uuid.uuid4()),
        "skuPartNumber": part,
        "capabilityStatus": status,
        "prepaidUnits": {"enabled": counts.get("units", 25)},
        "consumedUnits": counts.get("used", 7),
        "servicePlans": [TEAMS],
    }


class Microsoft:
    """A tenant in which everything is in order; tests break one thing."""

    def __init__(self, server: Server, settings: Settings) -> None:
        settings.ENTRA_AUTHORITY = settings.GRAPH_URL = server.url
        settings.TEAMS_HOSTS = frozenset({"teams.example"})
        self.server, self.organization = server, factories.organization()
        self.administrator: Administrator = administrator(self.organization).administers.get()
        self.oid = str(self.administrator.user.oid)
        self.consent(True)
        self.answer("organization", {"value": [{"displayName": "Riverside", "countryLetterCode": "US"}]})
        self.answer(f"users/{self.oid}", {"id": self.oid, "displayName": "Ada", "userPrincipalName": "ada@r.example"})
        self.answer(f"users/{self.oid}/transitiveMemberOf/microsoft.graph.directoryRole", {"value": []})
        self.licence(True, [sku()])
        self.policy(True)

    def answer(self, path: str, body: dict[str, Any], status: int = 200, **how: Any) -> None:
        self.server.answer(f"/v1.0/{path}", Reply(body, status, **how))

    def consent(self, given: bool) -> None:
        body = {"access_token": "token", "expires_in": 3600} if given else {"error_description": "AADSTS700016: no"}
        self.server.answer(f"/{self.organization.tid}/oauth2/v2.0/token", Reply(body, 200 if given else 400))

    def policy(self, granted: bool) -> None:
        made = {"id": "m1", "joinWebUrl": "https://teams.example/meet/1"}
        self.answer(
            f"users/{self.oid}/onlineMeetings/createOrGet", made if granted else REFUSED, 201 if granted else 403
        )
        self.server.answer(f"/v1.0/users/{self.oid}/onlineMeetings/m1", Reply(status=204))

    def licence(self, given: bool, skus: list[dict[str, Any]]) -> None:
        self.answer(f"users/{self.oid}/licenseDetails/getTeamsLicensingDetails", {"hasTeamsLicense": given})
        self.answer("subscribedSkus", {"value": skus})

    def down(self, path: str) -> None:
        self.server.answer(f"/v1.0/{path}", Reply("<h1>Bad gateway</h1>", 502))


def others(organization: Organization) -> None:
    """One more administrator."""
    administrator(organization)
