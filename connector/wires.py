"""From the agreement to the wire: our clients at an EHR, with the keys they sign with."""

from connector import agreement, keys
from connector.agreement import AuditRepository, Settings
from connector.ehr.smart import Client
from connector.models import Connection, Key


def live_settings(connection: Connection) -> Settings:
    """The settings that a connection serves launches with now; the defaults where none are approved."""
    return agreement.load(connection.live.settings) if connection.live else Settings()


def client(client_id: str, agreed: Settings, environment: str) -> Client:
    """A client id with the authentication that the revision settles."""
    if agreed.authentication == "client_secret_basic":
        return Client(client_id, secret=secret(agreed.secret_kid))
    return Client(client_id, key=keys.signing_key(environment))


def secret(kid: str) -> str:
    """The plain text of a secret that somebody entered in the portal."""
    return keys.unwrap(Key.objects.get(purpose=Key.Purpose.SECRET, kid=kid)).secret.decode()


def provider_client(agreed: Settings, environment: str) -> Client:
    return client(agreed.provider_client_id, agreed, environment)


def patient_client(agreed: Settings, environment: str) -> Client:
    return client(agreed.patient_client_id, agreed, environment)


def backend_client(agreed: Settings, environment: str) -> Client:
    """Backend services always sign: SMART has no client secret for them."""
    return Client(agreed.backend_client_id, key=keys.signing_key(environment))


def audit_client(repository: AuditRepository, agreed: Settings, environment: str) -> Client:
    """Our client at an AuditEvent repository's token endpoint."""
    return Client(repository.client_id or agreed.backend_client_id, key=keys.signing_key(environment))
