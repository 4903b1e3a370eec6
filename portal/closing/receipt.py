"""The receipt of an end: what was destroyed, when, at whose word, and what remains where. A JSON document with its
digest, signed by the deployment's audit key (JWS, RFC 7515 and RFC 8037): the key is in its header, and published with
those that sign checkpoints of the trail, for good."""

import hashlib
import json
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone, translation

from connector import keys, mail, trail
from connector.crypto import base64url
from connector.models import Closing, Entry
from portal.closing.texts import REMAINS, REMAINS_OF_KEYS

TYPE = "ehr-connector-receipt+json"


def note_trail(closing: Closing) -> None:
    """Keep where the trail ended: whoever exported it can show by this that the export is whole and unchanged."""
    entries = Entry.objects.filter(organization=closing.organization)
    if closing.organization:
        trail.seal_all(closing.organization.pk)
    last = entries.exclude(sequence=None).order_by("-sequence").first()
    told = {"entries": entries.count(), "sequence": last and last.sequence, "digest": last.digest if last else ""}
    _note(closing, trail=told)


def note_keys(closing: Closing, kids: list[str], beyond: bool) -> None:
    """Keep which keys were destroyed, and whether `beyond` this database: in every backup too. A second try finds
    fewer."""
    known = closing.receipt.get("keys", {}).get("kids", [])
    _note(closing, keys={"kids": sorted({*known, *kids}), "also_in_backups": beyond})


def _note(closing: Closing, **facts: Any) -> None:
    closing.receipt = closing.receipt | facts
    closing.save(update_fields=["receipt"])


@transaction.atomic
def issue(pk: UUID) -> None:
    """Write, sign and mail the receipt, once."""
    closing = Closing.objects.select_for_update().get(pk=pk)
    if closing.step == Closing.Step.DONE:
        return
    closing.finished_at = timezone.now()
    with translation.override(settings.LANGUAGE_CODE):
        closing.receipt = _written(closing)
    text = as_text(closing.receipt)
    closing.digest = hashlib.sha256(text.encode()).hexdigest()
    closing.signature = _signed(text)
    closing.step, closing.code = Closing.Step.DONE, ""
    closing.save()
    told = {"name_of": closing.name, "by": closing.asked_by_name, "day": f"{closing.finished_at:%Y-%m-%d %H:%M} UTC"}
    mail.tell(
        None, None, "ended", closing.recipients, digest=closing.digest, signature=closing.signature, path="/", **told
    )


def _written(closing: Closing) -> dict[str, Any]:
    known: dict[str, Any] = closing.receipt
    beyond = bool(known.get("keys", {}).get("also_in_backups"))
    at_microsoft = {name: number for name, number in closing.counts.items() if "." not in name}
    return known | {
        "number": str(closing.pk),
        "kind": "end-of-an-organization",
        "deployment": settings.PUBLIC_URL,
        "organization": {"name": closing.name, "tenant": str(closing.tid)},
        "asked": {"by": closing.asked_by_name, "from": closing.address, "at": closing.asked_at.isoformat()},
        "ended_at": closing.finished_at and closing.finished_at.isoformat(),
        "removed_at_microsoft": at_microsoft,
        "deleted_rows": {name: number for name, number in closing.counts.items() if "." in name},
        "remains": [{"where": str(where), "what": str(what)} for where, what in (REMAINS_OF_KEYS[beyond], *REMAINS)],
    }


def as_text(receipt: dict[str, Any]) -> str:
    """The receipt as it is digested and signed: members sorted, no spaces between them."""
    return json.dumps(receipt, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _signed(text: str) -> str:
    key = keys.audit_key()
    header = {"alg": "EdDSA", "kid": key.kid, "typ": TYPE, "jwk": key.public}
    signed = ".".join(base64url(part.encode()) for part in (json.dumps(header), text))
    return f"{signed}.{keys.audit_sign(key, signed)}"


def as_file(closing: Closing) -> str:
    """The document that is downloaded."""
    document = {"receipt": closing.receipt, "sha256": closing.digest, "signature": closing.signature}
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
