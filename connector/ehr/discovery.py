"""Where an EHR's SMART endpoints are and what software answers there.

SMART App Launch 2.2 §"Conformance": `/.well-known/smart-configuration`; before August 2021 and on DSTU2, Epic has only
the
`oauth-uris` extension of the CapabilityStatement. What servers send is read leniently: only what we use must be there.
"""

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any
from urllib.parse import urljoin, urlsplit

from connector.ehr.scopes import Grammar
from connector.errors import Permanent, Retry
from connector.http import Answer, Deadline, fetch
from connector.lasting import lasting

OAUTH_URIS = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
DEFAULT_PORTS = {"https": 443, "http": 80}
REDIRECTS = frozenset({301, 302, 303, 307, 308})
HOPS = 3
CONFIGURATION = "/.well-known/smart-configuration"
OPENID = "/.well-known/openid-configuration"
METADATA = "/metadata"
JSON, FHIR_JSON = "application/json", "application/fhir+json, application/json"
STATEMENTS = frozenset({"CapabilityStatement", "Conformance"})
RELEASES = {"1.0": "DSTU2", "3.0": "STU3", "4.0": "R4", "4.3": "R4B", "5.0": "R5"}
EPIC = re.compile(r"\bepic\b", re.IGNORECASE)
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
EPIC_VERSION = re.compile(rf"\b({'|'.join(MONTHS)})[a-z]*\.?\s+(\d{{4}})\b", re.IGNORECASE | re.ASCII)
EPIC_PKCE, EPIC_OPENID = (2019, 8), (2019, 11)  # the releases of Epic that have it first
# (whether permission-v1 is named, whether permission-v2 is) -> how scopes are written; before SMART 2 neither is
GRAMMARS: dict[tuple[bool, bool], Grammar] = {(True, True): "either", (False, True): "v2"}


@dataclass(frozen=True)
class Endpoints:
    """The SMART endpoints of one FHIR base URL and what its sign-in understands. `source` is `smart-configuration` or
    `metadata`; issuer and keys need OpenID.

    `pkce` is whether S256 is named. It is sent where `takes_pkce`: a server that says nothing passes over what it does
    not know (RFC 6749 §3.1). `takes_openid` = who signed in may be asked.
    """

    authorize: str
    token: str
    issuer: str = ""
    jwks_uri: str = ""
    pkce: bool = False
    source: str = "smart-configuration"
    takes_pkce: bool = True
    takes_openid: bool = True
    grammar: Grammar = "v1"

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


@dataclass(frozen=True)
class Asked:
    """The last answer to a GET, and where redirects led before it."""

    answer: Answer
    route: tuple[str, ...] = ()


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
    asked = get(f"{base_url}{CONFIGURATION}", accept=JSON, deadline=deadline, client_id=client_id)
    found = configured(base_url, asked.answer)
    if not found:
        return stated(base_url, read_metadata(base_url, deadline=deadline, client_id=client_id))
    if found.issuer and not found.jwks_uri:
        return replace(found, jwks_uri=jwks_uri_of(found.issuer, deadline))
    return found


def get(url: str, *, accept: str, deadline: Deadline, client_id: str = "") -> Asked:
    """GET a document that anybody may read, following at most HOPS redirects that stay on its scheme, host and port."""
    headers = {"Accept": accept} | ({"Epic-Client-ID": client_id} if client_id else {})
    answer, route = fetch("GET", url, deadline=deadline, headers=headers), [url]
    while answer.status in REDIRECTS and len(route) <= HOPS:
        target = absolute(route[-1], answer.headers.get("location"))
        route.append(target)
        if not same_origin(target, url):
            break
        answer = fetch("GET", target, deadline=deadline, headers=headers)
    return Asked(answer, tuple(route[1:]))


def same_origin(one: str, other: str) -> bool:
    """Whether two absolute addresses have scheme, host and port in common."""
    return urlsplit(one)[:2] == urlsplit(other)[:2]


def endpoints(base_url: str, *, deadline: Deadline, client_id: str = "") -> Endpoints:
    """`discover`, kept for an hour; when the EHR does not answer, what it said within the last day."""
    name = f"smart:{base_url}:{client_id}"
    ask = partial(discover, base_url, client_id=client_id)
    return Endpoints(**lasting(name, lambda patience: asdict(ask(deadline=patience)), deadline))


def describe(base_url: str, *, deadline: Deadline, client_id: str = "") -> Software:
    """Which software and FHIR release answers at a base URL. Raises Retry or Permanent."""
    return software_of(read_metadata(base_url, deadline=deadline, client_id=client_id))


def software_of(document: dict[str, Any]) -> Software:
    """What a CapabilityStatement says of its software; its publisher where it names no software (Oracle Health)."""
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
    return statement_of(get(f"{base_url}{METADATA}", accept=FHIR_JSON, deadline=deadline, client_id=client_id).answer)


def statement_of(answer: Answer) -> dict[str, Any]:
    """The CapabilityStatement in an answer. Raises Retry("ehr-unavailable") or Permanent("not-fhir")."""
    _raise_if_busy(answer)
    document = answer.json_or_empty() if answer.ok else {}
    if str(document.get("resourceType")) in STATEMENTS:
        return document
    raise Permanent("not-fhir", host=answer.host, status=answer.status)


def _raise_if_busy(answer: Answer) -> None:
    if answer.status >= 500 or answer.status == 429:
        raise Retry("ehr-unavailable", after=answer.retry_after(), host=answer.host, status=answer.status)


def configured(base_url: str, answer: Answer) -> Endpoints | None:
    """The endpoints that a smart-configuration names; None where the metadata has to tell. Raises Retry."""
    _raise_if_busy(answer)
    document = answer.json_or_empty() if answer.ok else {}
    methods, capabilities = (texts(document.get(name)) for name in ("code_challenge_methods_supported", "capabilities"))
    found = Endpoints(
        authorize=absolute(f"{base_url}/", document.get("authorization_endpoint")),
        token=absolute(f"{base_url}/", document.get("token_endpoint")),
        issuer=absolute(f"{base_url}/", document.get("issuer")),
        jwks_uri=absolute(f"{base_url}/", document.get("jwks_uri")),
        pkce="S256" in methods,
        grammar=GRAMMARS.get(("permission-v1" in capabilities, "permission-v2" in capabilities), "v1"),
    )
    # A list of capabilities without OpenID says that there is none; no list says nothing.
    found = replace(found, takes_openid=found.openid or "sso-openid-connect" in capabilities or not capabilities)
    return found if found.authorize and found.token else None


def absolute(base: str, value: object) -> str:
    """An address that a server named, read against a base; empty when it is none that could be called."""
    try:
        url = urljoin(base, value) if isinstance(value, str) and value else ""
        parts = urlsplit(url)
        fit = parts.scheme in DEFAULT_PORTS and parts.hostname and parts.port != 0 and "@" not in parts.netloc
    except ValueError:
        return ""
    return url if fit else ""


def jwks_uri_of(issuer: str, deadline: Deadline) -> str:
    """OpenID Connect Discovery 1.0 §4: the keys that the issuer itself names."""
    answer = fetch("GET", f"{issuer.rstrip('/')}{OPENID}", deadline=deadline)
    return absolute(issuer, answer.json_or_empty().get("jwks_uri")) if answer.ok else ""


def stated(base_url: str, document: dict[str, Any]) -> Endpoints:
    """The endpoints that a CapabilityStatement names. Raises Permanent("no-smart-endpoints")."""
    uris = dict(_oauth_uris(document))
    authorize, token = (absolute(f"{base_url}/", uris.get(name)) for name in ("authorize", "token"))
    if not authorize or not token:
        raise Permanent("no-smart-endpoints", host=urlsplit(base_url).hostname or "")
    released = epic_release(software_of(document))
    return Endpoints(
        authorize=authorize,
        token=token,
        source="metadata",
        takes_pkce=released is None or released >= EPIC_PKCE,
        takes_openid=released is None or released >= EPIC_OPENID,
    )


def epic_release(software: Software) -> tuple[int, int] | None:
    """(year, month) of an Epic that tells its release; None for another EHR."""
    return released_of(software.version) if EPIC.search(software.name) else None


def released_of(version: str) -> tuple[int, int] | None:
    """(year, month) of an Epic version such as `November 2018` or `May 2026`; None for other forms."""
    found = EPIC_VERSION.search(version)
    return (int(found.group(2)), MONTHS.index(found.group(1).lower()) + 1) if found else None


def _oauth_uris(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for rest in dicts(document.get("rest")):
        security = rest.get("security")
        for extension in dicts(security.get("extension") if isinstance(security, dict) else None):
            if extension.get("url") == OAUTH_URIS:
                for member in dicts(extension.get("extension")):
                    yield str(member.get("url")), str(member.get("valueUri") or "")


def texts(value: object) -> list[str]:
    """The texts in what should be a list of them."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def dicts(value: object) -> list[dict[str, Any]]:
    """The objects in what should be a list of them; none where it is something else."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
