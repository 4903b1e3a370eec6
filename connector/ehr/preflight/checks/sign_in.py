"""What signing in and launching need: SMART endpoints, S256, client authentication, OpenID, keys, launch context."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from connector.ehr.discovery import dicts, texts
from connector.ehr.preflight.asking import Seen
from connector.ehr.preflight.checks.fhir import kind_of
from connector.ehr.preflight.evidence import fault, plain, told
from connector.ehr.preflight.shapes import Finding, Level
from connector.http import is_allow_listed

OURS = frozenset({"RS384", "ES384"})
LAUNCHING = ("launch-ehr", "context-ehr-patient", "context-ehr-encounter", "sso-openid-connect", "permission-user")
KEY_TYPES = ("RSA", "EC")


def endpoints(seen: Seen) -> Iterator[Finding]:
    """Where sign-in and token endpoint are named."""
    got, found = seen.configuration, seen.endpoints
    if not found:
        temporary = fault(got) in {"slow", "unreachable", "too-large", "busy", "down"}
        yield Finding("smart-unavailable" if temporary else "smart-missing", "blocks", got.asked, told(got))
    elif found.source == "metadata":
        yield Finding("smart-metadata", "info", got.asked, told(got))
    else:
        yield Finding("smart-configuration", "ok", got.asked, told(got))
    insecure = [url for url in (found.authorize, found.token) if _insecure(url)] if found else []
    if insecure:
        yield Finding("endpoint-http", "blocks", got.asked, plain(urlsplit(insecure[0]).hostname))


def _insecure(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme != "https" and not is_allow_listed(parts.hostname or "", parts.port)


def code_challenge(seen: Seen) -> Iterator[Finding]:
    """PKCE with S256 (RFC 7636). Epic has it since August 2019 and names it in the smart-configuration."""
    if seen.endpoints:
        level: Level = "info" if seen.endpoints.source == "metadata" else "warns"
        came = ", ".join(_listed(seen, "code_challenge_methods_supported"))
        here = Finding("pkce-s256", "ok", seen.configuration.asked, plain(came))
        yield here if seen.endpoints.pkce else Finding("pkce-missing", level, seen.configuration.asked, plain(came))


def client_authentication(seen: Seen) -> Iterator[Finding]:
    """Whether the token endpoint says that it takes what we sign, and the algorithms we sign with."""
    if seen.endpoints:
        methods = _listed(seen, "token_endpoint_auth_methods_supported")
        yield _one_of(seen, "client-auth", methods, frozenset({"private_key_jwt"}))
        algorithms = _listed(seen, "token_endpoint_auth_signing_alg_values_supported")
        yield _one_of(seen, "algorithms", algorithms, OURS)


def _one_of(seen: Seen, check: str, listed: list[str], wanted: frozenset[str]) -> Finding:
    came = plain(", ".join(listed))
    if not listed:
        return Finding(f"{check}-unlisted", "info", seen.configuration.asked)
    if wanted & set(listed):
        return Finding(f"{check}-fits", "ok", seen.configuration.asked, came)
    return Finding(f"{check}-unlike", "warns", seen.configuration.asked, came)


def _listed(seen: Seen, member: str) -> list[str]:
    """A list of the smart-configuration; of the OpenID document where the first has none."""
    return texts(seen.configuration.document.get(member)) or texts(seen.openid.document.get(member))


def launch(seen: Seen) -> Iterator[Finding]:
    """What is said of EHR launch. Epic says little, so silence means nothing."""
    if seen.endpoints:
        listed = texts(seen.configuration.document.get("capabilities"))
        known, asked = ", ".join(name for name in LAUNCHING if name in listed), seen.configuration.asked
        here = Finding("launch-listed", "ok", asked, known)
        yield here if "launch-ehr" in listed else Finding("launch-unlisted", "info", asked, known)


def openid(seen: Seen) -> Iterator[Finding]:
    """Whether the EHR says who signs in, and whether its issuer agrees with the issuer's own document."""
    if not seen.endpoints:
        return
    issuer, got = seen.endpoints.issuer, seen.openid
    if not issuer:
        yield Finding("openid-missing", "info", seen.configuration.asked)
        return
    named = got.document.get("issuer")
    if not isinstance(named, str):
        yield Finding("openid-unreadable", "warns", got.asked, told(got))
    elif named.rstrip("/") != issuer.rstrip("/"):
        yield Finding("openid-mismatch", "blocks", got.asked, plain(named))
    else:
        yield Finding("openid-found", "ok", got.asked, plain(issuer))


def keys(seen: Seen) -> Iterator[Finding]:
    """Whether the keys that verify who signed in can be had."""
    if not seen.endpoints or not seen.endpoints.openid:
        return
    got = seen.keys
    if not got.asked:
        yield Finding("keys-not-named", "blocks", seen.openid.asked or seen.configuration.asked)
        return
    usable = [key for key in dicts(got.document.get("keys")) if _verifies(key)]
    kinds = ", ".join(sorted({str(key["kty"]) for key in usable}))
    if usable:
        yield Finding("keys-found", "ok", got.asked, f"{len(usable)} {kinds}")
    else:
        yield Finding("keys-unreadable" if fault(got) else "keys-none", "blocks", got.asked, told(got))


def _verifies(key: dict[str, Any]) -> bool:
    """Whether a JWK is a public key for signatures (RFC 7517 §4: `use` is optional)."""
    return key.get("kty") in KEY_TYPES and key.get("use", "sig") == "sig" and bool(key.get("n") or key.get("x"))


def drift(seen: Seen) -> Iterator[Finding]:
    """Whether what was approved is still what answers."""
    approved, kind = seen.subject.approved_hosts, kind_of(seen.statement)
    if approved and seen.endpoints:
        strange = sorted(seen.endpoints.hosts() - approved)
        asked = (seen.configuration if seen.endpoints.source != "metadata" else seen.metadata).asked
        moved = Finding("drift-hosts", "blocks", asked, plain(", ".join(strange)))
        yield moved if strange else Finding("drift-none", "ok", asked, plain(", ".join(sorted(approved))))
    if seen.subject.approved_kind and kind and kind != seen.subject.approved_kind:
        yield Finding("drift-kind", "warns", seen.metadata.asked, f"{seen.subject.approved_kind} -> {kind}")
