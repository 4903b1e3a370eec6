"""Stored signing keys, read once."""

from joserfc.jwk import RSAKey

from sandbox.store import Document

_read: dict[str, RSAKey] = {}


def of(document: Document) -> RSAKey:
    """The key of a stored JWK with a kid. To read one checks its primes, which takes longer than all that is done with
    it: so it is kept."""
    kid = str(document["kid"])
    if kid not in _read:
        _read[kid] = RSAKey.import_key(document)
    return _read[kid]
