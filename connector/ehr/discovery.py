"""Where an EHR's SMART endpoints are and what software answers there.

SMART App Launch 2.2 §"Conformance": `/.well-known/smart-configuration`; before August 2021 and on DSTU2, Epic has only
the
`oauth-uris` extension of the CapabilityStatement. What servers send is read leniently: only what we use must be there.
"""

import ipaddress
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

from django.core.cache import cache

from connector.cached import quietly
from connector.errors import Permanent, Retry, WireError
from connector.http import Answer, Deadline, fetch

OAUTH_URIS = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
FRESH_SECONDS = 3600
STALE_SECONDS = 86_400
DEFAULT_PORTS = {"https": 443, "http": 80}
RELEASES = {"1.0": "DSTU2", "3.0": "STU3", "4.0": "R4", "4.3": "R4B", "5.0": "R5"}


@dataclass(frozen=True)
class Endpoints:
    """The SMART endpoints of one FHIR base URL. `source` is `smart-configuration` or `metadata`; issuer and keys need
    OpenID."""

    authorize: str
    token: str
    issuer: str = ""
    jwks_uri: str = ""
    pkce: bool = False
    source: str = "smart-configuration"

    @property
    def openid(self) -> bool:
        return bool(self.issuer or self.jwks_uri)

    def hosts(self) -> frozenset[str]:
        """The hosts that sign-in and launches will trust."""
        return frozenset(urlsplit(url).netloc.lower() for url in (self.authorize, self.token, self.issuer) if url)


@dataclass(frozen=True)
class Software:
    """What the CapabilityStatement says of itself: `Epic`, `May 2026`, `R4`."""

    name: str
    version: str
    release: str


def normalise(url: str) -> str:
    """A FHIR base URL as we keep it: scheme and host in lower case, no default port, no trailing slash; the path as
    written.

    Raises ValueError with the code of what is wrong: scheme, host, credentials, query, release.
    """
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise ValueError("host") from error
    faults = {
        "scheme": parts.scheme.lower() not in {"https", "http"},
        "credentials": "@" in parts.netloc,
        "query": bool(parts.query or parts.fragment),
        # urlsplit's lower case turns look-alikes such as the Kelvin sign into ASCII: ask before it.
        "host": not (parts.netloc.isascii() and _plausible_host(host)),
    }
    for code, wrong in faults.items():
        if wrong:
            raise ValueError(code)
    netloc = f"[{host}]" if ":" in host else host
    shown_port = "" if port in {None, DEFAULT_PORTS[parts.scheme.lower()]} else f":{port}"
    return f"{parts.scheme.lower()}://{netloc}{shown_port}{parts.path.rstrip('/')}"


def _plausible_host(host: str) -> bool:
    if ":" in host:
        try:
            return bool(ipaddress.ip_address(host))
        except ValueError:
            return False
    labels = host.split(".")
    return host.isascii() and len(host) <= 253 and all(label and label.replace("-", "").isalnum() for label in labels)


def same_base(one: str, other: str) -> bool:
    """Whether two FHIR base URLs name the same endpoint: case and a trailing slash do not matter (Epic sends both
    forms)."""
    return one.rstrip("/").lower() == other.rstrip("/").lower()


def discover(base_url: str, *, deadline: Deadline, client_id: str = "") -> Endpoints:
    """The endpoints of a FHIR base URL, asked live: smart-configuration, else metadata. Raises Retry or Permanent."""
    headers = {"Accept": "application/json"} | ({"Epic-Client-ID": client_id} if client_id else {})
    answer = fetch("GET", f"{base_url}/.well-known/smart-configuration", deadline=deadline, headers=headers)
    if answer.ok and (document := answer.json_or_empty()):
        found = _from_configuration(base_url, document, deadline)
        if found.authorize and found.token:
            return found
    elif answer.status >= 500 or answer.status == 429:
        raise Retry("ehr-unavailable", after=answer.retry_after(), host=answer.host, status=answer.status)
    return _from_metadata(base_url, read_metadata(base_url, deadline=deadline, client_id=client_id))


def endpoints(base_url: str, *, deadline: Deadline, client_id: str = "") -> Endpoints:
    """`discover`, kept for an hour; when the EHR does not answer, what it said within the last day."""
    name = f"smart:{base_url}:{client_id}"
    if fresh := quietly(lambda: cache.get(name)):
        return Endpoints(**fresh)
    try:
        found = discover(base_url, deadline=deadline, client_id=client_id)
    except WireError:
        if stale := quietly(lambda: cache.get(f"{name}:stale")):
            return Endpoints(**stale)
        raise
    quietly(lambda: cache.set(name, asdict(found), FRESH_SECONDS))
    quietly(lambda: cache.set(f"{name}:stale", asdict(found), STALE_SECONDS))
    return found


def describe(base_url: str, *, deadline: Deadline, client_id: str = "") -> Software:
    """Which software and FHIR release answers at a base URL. Raises Retry or Permanent."""
    document = read_metadata(base_url, deadline=deadline, client_id=client_id)
    software = document.get("software")
    software = software if isinstance(software, dict) else {}
    release = str(document.get("fhirVersion", ""))
    return Software(
        name=str(software.get("name") or document.get("publisher") or "")[:100],
        version=str(software.get("version") or "")[:100],
        release=RELEASES.get(release[:3], release[:20]),
    )


def read_metadata(base_url: str, *, deadline: Deadline, client_id: str = "") -> dict[str, Any]:
    """The CapabilityStatement (DSTU2: Conformance) as JSON; Epic sends XML unless asked otherwise."""
    headers = {"Accept": "application/fhir+json, application/json"} | (
        {"Epic-Client-ID": client_id} if client_id else {}
    )
    answer = fetch("GET", f"{base_url}/metadata", deadline=deadline, headers=headers)
    if answer.ok and (document := answer.json_or_empty()):
        if document.get("resourceType") in {"CapabilityStatement", "Conformance"}:
            return document
        raise Permanent("not-fhir", host=answer.host, status=answer.status)
    raise _metadata_problem(answer)


def _metadata_problem(answer: Answer) -> WireError:
    if answer.status >= 500 or answer.status == 429:
        return Retry("ehr-unavailable", after=answer.retry_after(), host=answer.host, status=answer.status)
    return Permanent("not-fhir", host=answer.host, status=answer.status)


def _from_configuration(base_url: str, document: dict[str, Any], deadline: Deadline) -> Endpoints:
    def url(member: str) -> str:
        value = document.get(member)
        return urljoin(f"{base_url}/", value) if isinstance(value, str) and value else ""

    issuer, jwks_uri = url("issuer"), url("jwks_uri")
    if issuer and not jwks_uri:
        jwks_uri = jwks_uri_of(issuer, deadline)
    methods = document.get("code_challenge_methods_supported")
    return Endpoints(
        authorize=url("authorization_endpoint"),
        token=url("token_endpoint"),
        issuer=issuer,
        jwks_uri=jwks_uri,
        pkce="S256" in methods if isinstance(methods, list) else False,
    )


def jwks_uri_of(issuer: str, deadline: Deadline) -> str:
    """OpenID Connect Discovery 1.0 §4: the keys that the issuer itself names."""
    answer = fetch("GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration", deadline=deadline)
    return str(answer.json_or_empty().get("jwks_uri") or "") if answer.ok else ""


def _from_metadata(base_url: str, document: dict[str, Any]) -> Endpoints:
    uris = dict(_oauth_uris(document))
    if not uris.get("authorize") or not uris.get("token"):
        raise Permanent("no-smart-endpoints", host=urlsplit(base_url).hostname or "")
    return Endpoints(
        authorize=urljoin(f"{base_url}/", uris["authorize"]),
        token=urljoin(f"{base_url}/", uris["token"]),
        source="metadata",
    )


def _oauth_uris(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for rest in _dicts(document.get("rest")):
        security = rest.get("security")
        for extension in _dicts(security.get("extension") if isinstance(security, dict) else None):
            if extension.get("url") == OAUTH_URIS:
                for member in _dicts(extension.get("extension")):
                    yield str(member.get("url")), str(member.get("valueUri") or "")


def _dicts(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
