"""Client records: what the EHR's client registration must hold for each of our client ids."""

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from connector import agreement
from connector.addresses import public_url
from connector.models import Connection, Revision
from portal.records.fdi import DOORS
from portal.records.shapes import ClientRecord


def jwks_url(connection: Connection) -> str:
    """Where the public keys of the connection's environment are."""
    return public_url("jwks", connection.environment)


def client_records(connection: Connection, revision: Revision) -> list[ClientRecord]:
    """What Epic must know of our client ids before the approver's sign-in can work."""
    agreed = agreement.load(revision.settings)
    certificate = reverse("record_certificate", args=[connection.ref]) if agreed.authentication == "certificate" else ""
    proof = {"jwks_url": "" if certificate else jwks_url(connection), "certificate": certificate}
    sign_in = public_url("ehr_signin_callback")
    scopes = " ".join(dict.fromkeys(f"{agreed.provider_scopes} {agreed.sign_in_scopes}".split()))
    provider = (sign_in, *_callbacks(connection, "provider_client_id"))
    patient = _callbacks(connection, "patient_client_id")
    return [
        ClientRecord(_("Provider app"), agreed.provider_client_id, provider, scopes, kind="client-provider", **proof),
        ClientRecord(
            _("Patient app"), agreed.patient_client_id, patient, agreed.patient_scopes, kind="client-patient", **proof
        ),
        ClientRecord(
            _("Backend app"), agreed.backend_client_id, (), agreed.backend_scopes, kind="client-backend", **proof
        ),
    ]


def _callbacks(connection: Connection, client_id: str) -> tuple[str, ...]:
    """The redirect URIs of the doors that use this client id."""
    doors = [name for name, door in DOORS.items() if door.client_id == client_id]
    return tuple(public_url("launch_callback", connection.ref, name) for name in doors)
