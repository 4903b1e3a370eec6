"""Everything a preflight asks. Questions that do not need each other's answers are asked at the same time, in three
rounds with a share of the time each, so that one silent server leaves the others theirs.

Nothing here writes at the EHR: documents that anybody may read, a token that is dropped, and OPTIONS (RFC 9110 §9.2.1:
safe) at the status service, whose own call would write.
"""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any
from urllib.parse import urljoin, urlsplit

from django.utils import timezone

from connector import tls
from connector.ehr import discovery, smart
from connector.ehr.discovery import Asked, Endpoints
from connector.ehr.preflight.shapes import Subject
from connector.errors import Permanent, WireError
from connector.http import Answer, Deadline, fetch, is_allow_listed, is_public, resolve

MOST_FOR_NETWORK = 6.0  # seconds for name and handshake: who takes longer is too slow for a launch anyway
NETWORK_SHARE, DOCUMENTS_SHARE = 0.4, 0.6
NO_SUCH_SERVICE = "PreflightNoSuchService"


@dataclass(frozen=True)
class Got:
    """One question and what came: an answer, or an error of the wire. `asked` is empty when it was never put."""

    asked: str = ""
    url: str = ""
    answer: Answer | None = None
    error: WireError | None = None
    route: tuple[str, ...] = ()
    given: float = 0.0  # seconds it was given
    took: float = 0.0
    at: datetime | None = None  # halfway between question and answer

    @property
    def status(self) -> int:
        return self.answer.status if self.answer else 0

    @cached_property
    def document(self) -> dict[str, Any]:
        """The answer as a JSON object, empty where it is none or not a success."""
        return self.answer.json_or_empty() if self.answer and self.answer.ok else {}


@dataclass(frozen=True)
class Address:
    """Where a base URL leads: how, and what is wrong with it."""

    scheme: str = ""
    host: str = ""
    port: int = 0
    fault: str = ""  # empty when it may be called
    public: bool = True


@dataclass(frozen=True)
class Seen:
    """All that was asked of one subject, for the checks to judge."""

    subject: Subject
    base_url: str = ""
    address: Address = field(default_factory=Address)
    handshake: tls.Handshake | None = None
    unreachable: WireError | None = None
    given: float = 0.0  # seconds for reaching the host
    metadata: Got = field(default_factory=Got)
    configuration: Got = field(default_factory=Got)
    openid: Got = field(default_factory=Got)
    keys: Got = field(default_factory=Got)
    token: Got = field(default_factory=Got)
    status: Got = field(default_factory=Got)
    control: Got = field(default_factory=Got)
    repositories: tuple[Got, ...] = ()

    @property
    def reachable(self) -> bool:
        """Whether there is any use in asking further."""
        faulty = self.handshake is not None and bool(self.handshake.fault)
        return not (self.address.fault or self.unreachable or faulty)

    @cached_property
    def statement(self) -> dict[str, Any]:
        """The CapabilityStatement; empty where none came."""
        try:
            return discovery.statement_of(self.metadata.answer) if self.metadata.answer else {}
        except WireError:
            return {}

    @cached_property
    def endpoints(self) -> Endpoints | None:
        """The endpoints that a launch would find now, by the same rules."""
        try:
            configuration = self.configuration.answer
            found = discovery.configured(self.base_url, configuration) if configuration else None
            if found or not configuration:
                return found
            return discovery.stated(self.base_url, self.statement)
        except WireError:
            return None


def look(subject: Subject, deadline: Deadline) -> Seen:
    """Ask a subject everything that can be asked before the deadline. Never raises for what a server does."""
    seen = _reach(_typed(subject), _share(deadline, NETWORK_SHARE, MOST_FOR_NETWORK))
    if not seen.reachable:
        return seen
    seen = replace(seen, **_together(_documents(seen, _share(deadline, DOCUMENTS_SHARE))))
    return replace(seen, **_together(_sign_in(seen, deadline)))


def _typed(subject: Subject) -> Seen:
    try:
        base_url = discovery.normalise(subject.base_url)
    except ValueError:
        return Seen(subject, address=Address(fault="bad"))
    parts = urlsplit(base_url)
    port = parts.port or discovery.DEFAULT_PORTS[parts.scheme]
    return Seen(subject, base_url, Address(parts.scheme, parts.hostname or "", port))


def _reach(seen: Seen, deadline: Deadline) -> Seen:
    """Look up the host, then shake hands with it."""
    if seen.address.fault:
        return seen
    seen = replace(seen, address=_resolved(seen.address, deadline), given=_left(deadline))
    if seen.address.fault or seen.address.scheme != "https":
        return seen
    try:
        where = seen.address
        return replace(seen, handshake=tls.shake_hands(where.host, where.port, deadline=deadline))
    except WireError as error:
        return replace(seen, unreachable=error)


def _resolved(address: Address, deadline: Deadline) -> Address:
    if address.scheme == "http" and not is_allow_listed(address.host, address.port):
        return replace(address, fault="http")
    try:
        found = resolve(address.host, address.port, seconds=max(0.1, _left(deadline)))
        return replace(address, public=is_public(found))
    except Permanent:
        return replace(address, fault="private")
    except TimeoutError:
        return replace(address, fault="slow")
    except (OSError, UnicodeError):
        return replace(address, fault="unknown")


def _documents(seen: Seen, deadline: Deadline) -> dict[str, Callable[[], Any]]:
    def document(path: str, accept: str) -> Callable[[], Got]:
        url, client_id = seen.base_url + path, seen.subject.client_id
        return lambda: replace(
            _ask(
                "GET", url, deadline, lambda: discovery.get(url, accept=accept, deadline=deadline, client_id=client_id)
            ),
            asked=f"GET {path}",
        )

    questions: dict[str, Callable[[], Any]] = {
        "metadata": document(discovery.METADATA, discovery.FHIR_JSON),
        "configuration": document(discovery.CONFIGURATION, discovery.JSON),
    }
    return questions | _status_service(seen.subject, deadline) | _repositories(seen.subject, deadline)


def _status_service(subject: Subject, deadline: Deadline) -> dict[str, Callable[[], Got]]:
    """OPTIONS at the service, and at a neighbour that cannot exist: many front doors answer every OPTIONS alike, and
    then the answer says nothing about the service."""
    url = without_query(subject.status_url)
    if not url:
        return {}

    def options(target: str) -> Callable[[], Got]:
        headers = {"Epic-Client-ID": subject.client_id} if subject.client_id else {}
        return lambda: _ask(
            "OPTIONS", target, deadline, lambda: Asked(fetch("OPTIONS", target, deadline=deadline, headers=headers))
        )

    return {"status": options(url), "control": options(urljoin(url, NO_SUCH_SERVICE))}


def _repositories(subject: Subject, deadline: Deadline) -> dict[str, Callable[[], tuple[Got, ...]]]:
    """What each repository of AuditEvents says of itself. Nothing is created there as a test."""

    def statement(address: str) -> Callable[[], Got]:
        url = f"{address}{discovery.METADATA}"
        asking = lambda: discovery.get(url, accept=discovery.FHIR_JSON, deadline=deadline)  # noqa: E731
        return lambda: _ask("GET", url, deadline, asking)

    questions = {address: statement(address) for address in subject.audit_addresses}
    return {"repositories": lambda: tuple(_together(questions).values())}


def _sign_in(seen: Seen, deadline: Deadline) -> dict[str, Callable[[], Got]]:
    found, questions = seen.endpoints, {}
    if found and found.issuer:
        url = f"{found.issuer.rstrip('/')}{discovery.OPENID}"
        questions["openid"] = lambda: _read(url, deadline)
    if found and found.jwks_uri:
        named = found.jwks_uri
        questions["keys"] = lambda: _read(named, deadline)
    elif found and found.issuer:
        questions["keys"] = lambda: _keys_of_issuer(url, deadline)
    backend = seen.subject.backend
    if found and backend and _may_have_our_assertion(found, seen.subject):
        questions["token"] = lambda: _token(found, backend, seen.subject.backend_scopes, deadline)
    return questions


def _keys_of_issuer(url: str, deadline: Deadline) -> Got:
    """Where the smart-configuration names no keys, the issuer's own document has to."""
    named = discovery.absolute(url, _read(url, _share(deadline, 0.5)).document.get("jwks_uri"))
    return _read(named, deadline) if named else Got()


def _may_have_our_assertion(found: Endpoints, subject: Subject) -> bool:
    """A token endpoint on another host than the approved ones gets nothing that is signed by us."""
    return not subject.approved_hosts or urlsplit(found.token).netloc.lower() in subject.approved_hosts


def _token(found: Endpoints, backend: smart.Client, scopes: str, deadline: Deadline) -> Got:
    form = {"grant_type": "client_credentials"} | ({"scope": scopes} if scopes else {})
    return _ask("POST", found.token, deadline, lambda: Asked(smart.ask_token(found.token, backend, form, deadline)))


def _read(url: str, deadline: Deadline) -> Got:
    headers = {"Accept": discovery.JSON}
    return _ask("GET", url, deadline, lambda: Asked(fetch("GET", url, deadline=deadline, headers=headers)))


def _ask(method: str, url: str, deadline: Deadline, question: Callable[[], Asked]) -> Got:
    asked = f"{method} {without_query(url)}"
    given, started, began = _left(deadline), time.monotonic(), timezone.now()
    try:
        came = question()
    except WireError as error:
        return Got(asked, url, error=error, given=given, took=time.monotonic() - started)
    halfway = began + (timezone.now() - began) / 2
    return Got(asked, url, came.answer, None, came.route, given, time.monotonic() - started, halfway)


def _together(questions: Mapping[str, Callable[[], Any]]) -> dict[str, Any]:
    """What came for questions that are asked at the same time; each of them ends at its own deadline."""
    if not questions:
        return {}
    with ThreadPoolExecutor(len(questions)) as asking:
        running = {name: asking.submit(copy_context().run, question) for name, question in questions.items()}
    return {name: future.result() for name, future in running.items()}


def _left(deadline: Deadline) -> float:
    return max(0.0, deadline.at - time.monotonic())


def _share(deadline: Deadline, part: float, most: float = float("inf")) -> Deadline:
    return Deadline.after(min(most, _left(deadline) * part))


def without_query(url: str) -> str:
    """An address as evidence: no query, no fragment, no credentials; empty when it is none."""
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return ""
    return f"{parts.scheme}://{host}{parts.path}" if parts.scheme and host else ""
