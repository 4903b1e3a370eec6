"""An EHR for the preflight: everything right, until a test changes it."""

from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from connector.ehr.discovery import OAUTH_URIS
from connector.ehr.preflight import Report, Subject, run
from connector.ehr.preflight.texts import TEXTS
from connector.ehr.smart import Client, SigningKey
from connector.http import Deadline
from tests.servers import Reply, Server

ROOT = "/Interconnect-PRD"
BASE = f"{ROOT}/api/FHIR/R4"
METADATA = f"{BASE}/metadata"
CONFIGURATION = f"{BASE}/.well-known/smart-configuration"
OPENID = f"{ROOT}/oauth2/.well-known/openid-configuration"
KEYS = f"{ROOT}/api/epic/2019/Security/Open/PublicKeys/530027/OIDC"
TOKEN = f"{ROOT}/oauth2/token"
STATUS = f"{ROOT}/api/epic/2018/Telehealth/ContextLinking/SetExternalConnectionStatus"
CONTROL = f"{ROOT}/api/epic/2018/Telehealth/ContextLinking/PreflightNoSuchService"

PEM = ec.generate_private_key(ec.SECP384R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
BACKEND = Client("backend-1", SigningKey("key-1", PEM, "ES384"))

WAY = {"address-internal": "info", "http-allowed": "info"}
STATED = {
    "metadata-read": "ok",
    "release-r4": "ok",
    "software-supported": "ok",
    "resources-offered": "ok",
    "audit-event-not-offered": "info",
}
SMART = {
    "smart-configuration": "ok",
    "pkce-s256": "ok",
    "client-auth-fits": "ok",
    "algorithms-fits": "ok",
    "launch-listed": "ok",
}
OPEN_ID = {"openid-found": "ok", "keys-found": "ok"}
SERVICES = {"backend-token": "ok", "status-answers": "ok"}
HEALTHY = WAY | {"clock-right": "ok"} | STATED | SMART | OPEN_ID | SERVICES


@dataclass(frozen=True)
class Ehr:
    """A scripted server that answers like Epic of May 2026."""

    server: Server

    @property
    def base_url(self) -> str:
        return self.server.url + BASE

    @property
    def issuer(self) -> str:
        return f"{self.server.url}{ROOT}/oauth2"

    def set_up(self) -> None:
        """Answer everything as it should be."""
        self.server.answer(METADATA, Reply(self.statement(), headers={"Content-Type": "application/fhir+json"}))
        self.server.answer(CONFIGURATION, Reply(self.configuration()))
        self.server.answer(OPENID, Reply({"issuer": self.issuer, "jwks_uri": self.server.url + KEYS}))
        self.server.answer(
            KEYS, Reply({"keys": [{"kty": "RSA", "kid": "a/b+c=", "use": "sig", "n": "AQ", "e": "AQAB"}]})
        )
        self.server.answer(TOKEN, Reply({"access_token": "s3cr3t-t0k3n", "token_type": "bearer", "expires_in": 3600}))
        self.server.answer(STATUS, Reply(status=405, headers={"Allow": "GET"}))

    def configuration(self, **changes: Any) -> dict[str, Any]:
        """The smart-configuration as Epic's, with changes; None takes a member away."""
        return {
            "issuer": self.issuer,
            "jwks_uri": self.server.url + KEYS,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic", "private_key_jwt"],
            "token_endpoint_auth_signing_alg_values_supported": ["RS256", "RS384", "ES384"],
            "scopes_supported": ["epic.scanning.dmsusername", "fhirUser", "launch", "openid", "profile"],
            "capabilities": ["launch-ehr", "context-ehr-patient", "sso-openid-connect"],
            "code_challenge_methods_supported": ["S256"],
        } | changes

    def statement(self, **changes: Any) -> dict[str, Any]:
        """The CapabilityStatement as Epic's, with changes."""
        uris = [{"url": name, "valueUri": f"{self.issuer}/{name}"} for name in ("authorize", "token")]
        kinds = ("Practitioner", "Patient", "Appointment", "Encounter")
        read = [{"type": kind, "interaction": [{"code": "read"}, {"code": "search-type"}]} for kind in kinds]
        security = {"extension": [{"url": OAUTH_URIS, "extension": uris}]}
        return {
            "resourceType": "CapabilityStatement",
            "fhirVersion": "4.0.1",
            "software": {"name": "Epic", "version": "May 2026", "releaseDate": "2026-05-11"},
            "implementation": {"description": "PRD", "url": f"{self.base_url}/"},
            "rest": [{"mode": "server", "security": security, "resource": read}],
        } | changes

    def report(self, *, seconds: float = 10, **changes: Any) -> Report:
        """What a preflight of this EHR finds."""
        usual: dict[str, Any] = {
            "base_url": self.base_url,
            "environment": "testing",
            "client_id": "client-1",
            "backend": BACKEND,
            "status_url": self.server.url + STATUS,
        }
        return run(Subject(**(usual | changes)), deadline=Deadline.after(seconds))


def levels(report: Report) -> dict[str, str]:
    """The level of each finding, by its code. No code comes twice, and each has a text."""
    codes = [finding.check for finding in report.findings]
    assert len(codes) == len(set(codes))
    assert set(codes) <= set(TEXTS)
    return {finding.check: finding.level for finding in report.findings}


def without(*gone: str) -> dict[str, str]:
    """What is found of a healthy EHR, but for these."""
    return {check: level for check, level in HEALTHY.items() if check not in gone}
