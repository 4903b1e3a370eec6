"""Integration records: what the analyst enters in Epic, rendered from a revision and never stored."""

from connector import agreement
from connector.models import Connection
from portal.records.clients import client_records, jwks_url
from portal.records.domains import Domain, domains
from portal.records.fdi import launch_records
from portal.records.shapes import ClientRecord, Option, Record, Row

__all__ = [
    "ClientRecord",
    "Domain",
    "Option",
    "Record",
    "Row",
    "client_records",
    "domains",
    "is_told",
    "jwks_url",
    "launch_records",
]


def is_told(connection: Connection) -> bool:
    """Whether the EHR can be told who is connected: both codes of its status service are known."""
    return agreement.load(connection.shown.settings).status.complete
