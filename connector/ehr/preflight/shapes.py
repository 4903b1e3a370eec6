"""What goes into a preflight and what comes out of it."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from django.utils.functional import Promise
from pydantic import TypeAdapter

from connector.ehr import smart

Level = Literal["ok", "info", "warns", "blocks"]
Kind = Literal["epic", "oracle", "other", ""]
LEVELS: tuple[Level, ...] = ("ok", "info", "warns", "blocks")


@dataclass(frozen=True)
class Finding:
    """One thing a preflight found. `check` is a code with a text of its own; `asked` and `came` are technical evidence,
    the same in every language: an address without its query; a status, a date, a version, never a body."""

    check: str
    level: Level
    asked: str = ""
    came: str = ""


@dataclass(frozen=True)
class Subject:
    """What is checked. With `backend`, a backend token is really obtained, and dropped. An empty `status_url` is
    unknown; `audit_addresses` are those of the repositories of AuditEvents; `approved_hosts` and `approved_kind` are
    what was approved, for finding drift."""

    base_url: str
    environment: str
    client_id: str = ""
    backend: smart.Client | None = None
    backend_scopes: str = ""
    status_url: str = ""
    audit_addresses: tuple[str, ...] = ()
    approved_hosts: frozenset[str] = frozenset()
    approved_kind: str = ""


@dataclass(frozen=True)
class Explanation:
    """A finding for people: what it is, why it matters, the fix and who fixes it (both empty where all is well)."""

    title: str | Promise
    why: str | Promise
    fix: str | Promise = ""
    who: str | Promise = ""


@dataclass(frozen=True)
class Report:
    """What a preflight found out. `hosts` are those that sign-in and launches would trust."""

    findings: tuple[Finding, ...]
    software: str = ""
    version: str = ""
    release: str = ""
    kind: Kind = ""
    hosts: frozenset[str] = frozenset()

    @property
    def worst(self) -> Level:
        """The gravest level among the findings; `ok` without any."""
        return max((finding.level for finding in self.findings), key=LEVELS.index, default="ok")

    @property
    def blocks(self) -> bool:
        """Whether launches cannot work as things are."""
        return self.worst == "blocks"

    def dump(self) -> dict[str, Any]:
        """The report as plain JSON."""
        return asdict(self) | {"findings": [asdict(finding) for finding in self.findings], "hosts": sorted(self.hosts)}

    @classmethod
    def load(cls, document: dict[str, Any]) -> "Report":
        """A report from what `dump` made, also in an older or newer release. Raises ValueError for anything else."""
        return _ADAPTER.validate_python(document)


_ADAPTER = TypeAdapter(Report)
