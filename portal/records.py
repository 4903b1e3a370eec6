"""Integration records: what the analyst enters in Epic, rendered from a revision and never stored."""

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from connector import access, agreement
from connector.addresses import public_url
from connector.models import Connection, Revision
from connector.signin import signed_in
from portal import shell

WINDOW = "6"  # LAUNCHTYPE: a window of its own


@dataclass(frozen=True)
class Row:
    """One value to enter. `attested`: seen in Epic's own or several customers' records; else confirm it with Epic."""

    mnemonic: str
    value: str
    attested: bool


@dataclass(frozen=True)
class Record:
    """One FDI record."""

    title: str | Promise
    rows: tuple[Row, ...]

    @property
    def block(self) -> str:
        """All rows as lines, for copying at once."""
        return "\n".join(f"{row.mnemonic}={row.value}" for row in self.rows)


@dataclass(frozen=True)
class ClientRecord:
    """What the client registration of one client id must hold before anybody can sign in with it."""

    title: str | Promise
    client_id: str
    redirect_uris: tuple[str, ...]
    scopes: str
    jwks_url: str

    @property
    def block(self) -> str:
        """All addresses as lines, for copying at once."""
        return "\n".join([*(f"REDIRECT {uri}" for uri in self.redirect_uris), f"JWKS {self.jwks_url}"])


def jwks_url(connection: Connection) -> str:
    return public_url("jwks", connection.environment)


def launch_records(connection: Connection, revision: Revision) -> list[Record]:
    """The records behind the two buttons, for the clinician and for the patient."""
    agreed = agreement.load(revision.settings)
    doors = [
        (_("Provider: Begin virtual visit"), "provider", agreed.provider_client_id, agreed.provider_context),
        (_("Patient: Begin virtual visit"), "patient", agreed.patient_client_id, agreed.patient_context),
    ]
    return [
        Record(
            title,
            (
                Row("URL", public_url("launch", connection.ref, door), attested=True),
                Row("CLIENTID", client_id, attested=True),
                Row("LAUNCHTYPE", WINDOW, attested=True),
                Row("CONTEXT", context, attested=False),
            ),
        )
        for title, door, client_id, context in doors
    ]


def client_records(connection: Connection, revision: Revision) -> list[ClientRecord]:
    """What Epic must know of our client ids before the approver's sign-in can work."""
    agreed, ref, keys = agreement.load(revision.settings), connection.ref, jwks_url(connection)
    provider = (public_url("ehr_signin_callback"), public_url("launch_callback", ref, "provider"))
    patient = (public_url("launch_callback", ref, "patient"),)
    scopes = " ".join(dict.fromkeys(f"{agreed.provider_scopes} {agreed.sign_in_scopes}".split()))
    return [
        ClientRecord(_("Provider app"), agreed.provider_client_id, provider, scopes, keys),
        ClientRecord(_("Patient app"), agreed.patient_client_id, patient, agreed.patient_scopes, keys),
        ClientRecord(_("Backend app"), agreed.backend_client_id, (), agreed.backend_scopes, keys),
    ]


def is_told(connection: Connection) -> bool:
    """Whether the EHR can be told who is connected: both codes of its status service are known."""
    return agreement.load(connection.shown.settings).status.complete


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """Every approved connection, with its records one click away."""
    connections = [c for c in access.connections_of(signed_in(request)) if c.live_id]
    return shell.page(request, "portal/records.html", "records", connections=connections)


@require_GET
def records(request: HttpRequest, ref: str) -> HttpResponse:
    """The integration records of one connection's live revision."""
    connection = access.connection_of(signed_in(request), ref)
    shown = launch_records(connection, connection.live) if connection.live else []
    return shell.page(
        request, "portal/record.html", "records", connection=connection, records=shown, told=is_told(connection)
    )
