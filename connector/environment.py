"""Typed reading of environment variables. What is missing or wrong ends the process with a sentence a variable."""

import base64
import sys
from email.utils import parseaddr
from typing import Any, NoReturn, cast
from urllib.parse import urlsplit

from environs import EnvValidationError, FileAwareEnv
from marshmallow import ValidationError, validate


class Environment(FileAwareEnv):
    """Reads `NAME_FILE` in place of `NAME` (mounted secrets). A file that cannot be read is one more sentence at the
    end; an empty variable counts as unset."""

    def _get_value(self, env_key: str, default: Any) -> Any:
        try:
            return super()._get_value(env_key, default) or default
        except ValueError:
            self._errors[env_key].append(f"{env_key}_FILE does not name a file that can be read.")
            return default


# Deferred, so that an operator sees everything that is wrong at once.
env = Environment(eager=False, strip_whitespace=True)


def refuse(sentences: list[str]) -> NoReturn:
    """End the process with plain sentences instead of a traceback."""
    sys.exit("\n".join(["The connector cannot start:", *(f"  {sentence}" for sentence in sentences)]))


def seal() -> None:
    """Stop here when any variable that was read is missing or wrong."""
    try:
        env.seal()
    except EnvValidationError as error:
        messages = cast(dict[str, list[str]], error.error_messages)
        refuse([f"{name}: {' '.join(texts)}" for name, texts in sorted(messages.items())])


def base_url(value: str) -> str:
    """An http(s) URL with a host and no credentials or query, returned without a trailing slash; nothing for
    nothing."""
    if not value:
        return ""
    try:
        parts = urlsplit(value)
        wrong = not parts.hostname or parts.port == 0 or "@" in parts.netloc or parts.query or parts.fragment
    except ValueError:
        wrong = True
    if wrong or parts.scheme not in {"http", "https"}:
        raise ValidationError("must be a URL such as https://connector.hospital.example")
    return value.rstrip("/")


def key_ring(value: str) -> dict[str, bytes]:
    """`id:base64,id:base64` (32 bytes each) as a mapping; the first one wraps new keys, the others still unwrap old
    ones."""
    ring: dict[str, bytes] = {}
    for entry in value.split(","):
        kid, _, encoded = entry.strip().partition(":")
        try:
            secret = base64.b64decode(encoded, validate=True)
        except ValueError:
            secret = b""
        if not kid.isalnum() or len(secret) != 32 or kid in ring:
            raise ValidationError("must be id:base64 pairs of 32 random bytes, comma separated")
        ring[kid] = secret
    return ring


def codes(value: str) -> dict[str, str]:
    """`name=value,name=value` as a mapping."""
    pairs = [entry.partition("=") for entry in value.split(",") if entry.strip()]
    if any(not separator for _, separator, _ in pairs):
        raise ValidationError("must be name=value pairs, comma separated")
    return {name.strip(): code.strip() for name, _, code in pairs}


def hosts(value: str) -> frozenset[str]:
    """Comma separated `host` or `host:port` entries, lower case."""
    return frozenset(entry.strip().lower() for entry in value.split(",") if entry.strip())


def mailbox(value: str) -> str:
    """A mail address, alone or as `Name <address>`; nothing for nothing."""
    if value:
        error = "must be a mail address such as EHR Connector <connector@hospital.example>"
        validate.Email(error=error)(parseaddr(value)[1] if value.isprintable() else "")
    return value


env.add_parser("base_url", base_url)
env.add_parser("mailbox", mailbox)
env.add_parser("key_ring", key_ring)
env.add_parser("codes", codes)
env.add_parser("hosts", hosts)
