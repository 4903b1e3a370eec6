"""Keys: made when first needed, wrapped at rest by a key-encryption key, found by kid, one current per purpose."""

from connector.keys.fields import current, decrypt, encrypt, hash_of
from connector.keys.material import Material, Place, store, unwrap
from connector.keys.pairs import (
    audit_key,
    audit_keys,
    audit_sign,
    certificate_of,
    notification_key,
    notification_private,
    published_keys,
    signing_certificate,
    signing_key,
    trusted_audit_keys,
)
from connector.keys.rotation import (
    Line,
    State,
    forget_due,
    is_due,
    is_held_by_hand,
    lines,
    overlap,
    replace_at_once,
    rotate,
)

__all__ = [
    "Line",
    "Material",
    "Place",
    "State",
    "audit_key",
    "audit_keys",
    "audit_sign",
    "certificate_of",
    "current",
    "decrypt",
    "encrypt",
    "forget_due",
    "hash_of",
    "is_due",
    "is_held_by_hand",
    "lines",
    "notification_key",
    "notification_private",
    "overlap",
    "published_keys",
    "replace_at_once",
    "rotate",
    "signing_certificate",
    "signing_key",
    "store",
    "trusted_audit_keys",
    "unwrap",
]
