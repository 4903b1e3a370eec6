"""What is known to be wrong with a trail: signed, so that whoever can only write to the database adds nothing to it,
and with what stood there, so that the same place is not changed once more unseen."""

import hashlib
import json
from typing import Any
from uuid import UUID

from connector import keys, verify
from connector.models import Verification
from connector.trail.chain import members, sealed
from connector.verify import Finding

# Entries that a checkpoint knows and the trail has not are others once it is that long again.
GONE = {"cut", "rewritten"}


def unknown(row: Verification | None, findings: list[Finding]) -> list[Finding]:
    """Those that no operator has accepted as they are now."""
    accepted = _signed(row) if row and findings else []
    return [one for one in findings if row is None or not _is_among(accepted, one, row.organization_id)]


def _is_among(accepted: list[list[Any]], finding: Finding, organization_id: UUID) -> bool:
    if finding.code in GONE:
        return any(number == finding.number and code in GONE for code, number, _ in accepted)
    return [*finding, _seen(organization_id, finding.number)] in accepted


def accept(row: Verification, findings: list[Finding]) -> None:
    """Keep these as known, beside those that are."""
    listed = [*_signed(row), *([*one, _seen(row.organization_id, one.number)] for one in findings)]
    key = keys.audit_key()
    signature = keys.audit_sign(key, _told(row, listed))
    row.accepted = {"findings": listed, "kid": key.kid, "signature": signature}


def _signed(row: Verification) -> list[list[Any]]:
    """What the row says is known, where the connector has signed it: [code, entry, what stood there]."""
    listed, x = row.accepted.get("findings", []), keys.trusted_audit_keys().get(row.accepted.get("kid", ""))
    is_ours = x is not None and verify.is_signed(_told(row, listed), row.accepted.get("signature", ""), x)
    return listed if is_ours else []


def _told(row: Verification, listed: list[list[Any]]) -> str:
    digest = hashlib.sha256(json.dumps(listed).encode()).hexdigest()
    return f"trail-known-v1 {row.organization_id} {digest}"


def _seen(organization_id: UUID, number: int) -> str:
    """What stands at an entry's place; where it is missing, what follows the gap."""
    entry = sealed(organization_id, number - 1).first()
    return verify.digest("", str(organization_id), members(entry)) if entry else ""
