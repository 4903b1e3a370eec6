"""The YAML file of an organization's configuration: its shape, and how it is read. All that is wrong is said with its
path."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from math import inf
from typing import Any, Literal, get_args, get_origin, get_type_hints
from uuid import UUID

import yaml
from django.core.exceptions import ValidationError as InvalidField
from pydantic import TypeAdapter, ValidationError

from connector import agreement
from connector.agreement import LONGEST_NAME, AuditRepository, Settings
from connector.ehr.discovery import normalise
from connector.models import Environment, Revision
from portal.configure.details import DetailsForm
from portal.configure.forms import URL_FAULTS
from portal.configure.settings_fields import NAME
from portal.configure.settings_form import is_header, twice
from portal.labels import NESTED

VERSION = 1
DETAILS = ("label", "notification_mail", "help_line", "help_hours", "retention_days")
APPROVER = ("approver_name", "approver_upn", "approver_mail")
LONGEST_URL = 500
MOST_BY_ALIASES = 100_000  # values more than the file itself holds
KEPT = "secret_kid"  # of a secret that the connection holds
SITE = re.compile(r"[^\s;,'\"]+")  # one source of a Content-Security-Policy, and nothing that ends it


@dataclass(frozen=True)
class Approver:
    """Who approves, as the directory names him."""

    oid: UUID
    name: str
    upn: str
    mail: str = ""  # where the directory knows one


@dataclass(frozen=True)
class Listed:
    """One connection in the file."""

    base_url: str
    environment: Literal["testing", "production"]
    approver: Approver
    label: str = ""
    notification_mail: str = ""
    help_line: str = ""
    help_hours: str = ""
    retention_days: int = 30
    settings: Settings = field(default_factory=Settings)

    @property
    def identity(self) -> tuple[str, str]:
        """What makes it the same connection: Epic compares paths without regard to case."""
        return self.base_url.lower(), self.environment


@dataclass(frozen=True)
class File:
    """The whole file."""

    version: int
    organization: UUID
    connections: tuple[Listed, ...] = ()


class Wrong(Exception):
    """A file that is not imported. `sentences` say each what is wrong and where."""

    def __init__(self, sentences: list[str]) -> None:
        super().__init__("\n".join(sentences))
        self.sentences = sentences


ADAPTER = TypeAdapter(File)


def flat(value: Any, path: str = "") -> dict[str, object]:
    """Every value of nested dataclasses and mappings, by its path; of several, with their numbers."""
    if is_dataclass(value):
        value = {f".{field.name}": getattr(value, field.name) for field in fields(value)}
    elif isinstance(value, tuple) and any(map(is_dataclass, value)):
        value = {f"[{place}]": one for place, one in enumerate(value)}
    elif isinstance(value, Mapping):
        value = {f".{name}": one for name, one in value.items()}
    else:
        return {path: value}
    inner = (flat(one, f"{path}{name}".lstrip(".")) for name, one in value.items())
    return {name: one for part in inner for name, one in part.items()}


class _Loader(yaml.SafeLoader):
    """SafeLoader that refuses a member that stands twice in one mapping, where YAML would take the last, and aliases
    that stand for too much: a few lines of them can fill any memory."""

    def get_single_node(self) -> yaml.Node | None:
        node, known = super().get_single_node(), dict[int, float]()
        if node and _weight(node, known) - len(known) > MOST_BY_ALIASES:
            raise Wrong(["the file: its aliases stand for too much. Write out what they stand for."])
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = (key for key, _value in node.value if isinstance(key, yaml.ScalarNode))  # no other can be one
        names = Counter(self.construct_object(key) for key in keys)
        twice = [str(name) for name, times in names.items() if times > 1]
        if twice:
            raise Wrong([f"line {node.start_mark.line + 1}: {', '.join(sorted(twice))} stands there twice."])
        return super().construct_mapping(node, deep)


def _weight(node: yaml.Node, known: dict[int, float]) -> float:
    """How many values a node comes to with its aliases written out; no end of them where it stands in itself. `known`
    is what each node weighs, by its identity."""
    if id(node) not in known:
        known[id(node)] = inf
        pairs = node.value if isinstance(node, yaml.MappingNode) else ()
        inner = node.value if isinstance(node, yaml.SequenceNode) else [one for pair in pairs for one in pair]
        known[id(node)] = 1 + sum(_weight(one, known) for one in inner)
    return known[id(node)]


def read(text: str) -> File:
    """The file that a YAML text holds; raises Wrong with everything that is wrong in it."""
    try:
        document = yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        raise Wrong([f"{f'line {mark.line + 1}' if mark else 'the file'}: this cannot be read as YAML."]) from error
    if not isinstance(document, dict):
        raise Wrong(["the file: it must hold version, organization and connections."])
    if document.get("version") != VERSION or document["version"] is True:
        raise Wrong([f"version: must be {VERSION}. This connector reads no other."])
    if unknown := list(_unknown(document, File, "")):
        raise Wrong([f"{path}: there is no such field." for path in unknown])
    try:
        file = ADAPTER.validate_python(_with_defaults(document))
    except ValidationError as error:
        raise Wrong([f"{_path(one['loc'])}: {one['msg']}." for one in error.errors()]) from error
    return _checked(file)


def _unknown(document: object, kind: Any, path: str) -> Iterator[str]:
    """The paths of members that the dataclass `kind` does not have, nor those inside it."""
    if kind == tuple[AuditRepository, ...]:
        document = agreement.repositories(document)
    if get_origin(kind) is tuple and isinstance(document, list):
        for place, one in enumerate(document):
            yield from _unknown(one, get_args(kind)[0], f"{path}[{place}]")
    if is_dataclass(kind) and isinstance(document, dict):
        hints = {name: hint for name, hint in get_type_hints(kind).items() if name != KEPT}
        for name, value in document.items():
            inner = f"{path}.{name}".lstrip(".")
            yield from _unknown(value, hints[name], inner) if name in hints else [inner]


def _with_defaults(document: dict[str, Any]) -> dict[str, Any]:
    """The document with the operator's defaults of each environment where its settings are silent."""
    listed = document.get("connections")
    if not isinstance(listed, list):
        return document
    return document | {"connections": [_one_with_defaults(one) for one in listed]}


def _one_with_defaults(one: Any) -> Any:
    if not isinstance(one, dict) or one.get("environment") not in Environment.values:
        return one
    return one | {"settings": _merged(agreement.dump(agreement.defaults(one["environment"])), one.get("settings", {}))}


def _merged(base: dict[str, Any], over: Any) -> Any:
    """`over` on top of `base`; the nested parts are merged member by member, but codes and headers belong together."""
    if not isinstance(over, dict):
        return over
    parts = {part: over.get(part, {}) for part in NESTED}
    whole = {part: base[part] | value if isinstance(value, dict) else value for part, value in parts.items()}
    return base | over | whole


def _path(place: tuple[int | str, ...]) -> str:
    return "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in place).lstrip(".") or "the file"


def _checked(file: File) -> File:
    """The file with each address as we keep it; raises Wrong for what only the product knows to be wrong."""
    found = [_checked_one(one, f"connections[{place}]") for place, one in enumerate(file.connections)]
    sentences = [sentence for _one, wrong in found for sentence in wrong]
    identities = [one.identity for one, _wrong in found]
    for place, identity in enumerate(identities):
        if identity in identities[:place]:
            sentences.append(f"connections[{place}]: this address stands there twice for {identity[1]}.")
    if sentences:
        raise Wrong(sentences)
    return replace(file, connections=tuple(one for one, _wrong in found))


def _checked_one(one: Listed, path: str) -> tuple[Listed, list[str]]:
    sentences = [f"{path}.{name}: holds a character that cannot be kept." for name in _unkept(one)]
    try:
        one = replace(one, base_url=normalise(one.base_url))
    except ValueError as error:
        sentences.append(f"{path}.base_url: {URL_FAULTS[str(error)]}")
    if not all(map(SITE.fullmatch, one.settings.frame_ancestors)):
        sentences.append(f"{path}.settings.frame_ancestors: must be sites such as https://portal.hospital.example.")
    if not all(is_header(*header) for header in one.settings.status.headers.items()):
        sentences.append(f"{path}.settings.status.headers: must be headers such as Epic-Client-ID, each with a value.")
    one, faults = _with_repositories(one)
    sentences += [f"{path}.settings.{fault}" for fault in faults]
    details = DetailsForm({name: getattr(one, name) for name in DETAILS})
    approver = Revision(**{f"approver_{name}": getattr(one.approver, name) for name in ("name", "upn", "mail")})
    sentences += [f"{path}.{name}: {' '.join(map(str, said))}" for name, said in details.errors.items()]
    sentences += [f"{path}.{line.replace('_', '.', 1)}" for line in _refused(approver)]
    if len(one.base_url) > LONGEST_URL:
        sentences.append(f"{path}.base_url: is longer than {LONGEST_URL} characters.")
    return one, sentences


def _with_repositories(one: Listed) -> tuple[Listed, list[str]]:
    """With the address of each AuditEvent repository as we keep it, or what is wrong with them."""
    kept, faults = list(one.settings.audit), []
    for place, repository in enumerate(kept):
        try:
            kept[place] = replace(repository, address=normalise(repository.address))
        except ValueError as error:
            faults.append(f"audit[{place}].address: {URL_FAULTS[str(error)]}")
        if len(repository.name) > LONGEST_NAME or not NAME.fullmatch(repository.name):
            faults.append(
                f"audit[{place}].name: must be a few letters, digits, spaces or hyphens, {LONGEST_NAME} at most."
            )
    faults += [f"audit[{place}].{name}: {text}" for place, name, text in twice(kept)]
    return replace(one, settings=replace(one.settings, audit=tuple(kept))), faults


def _unkept(one: Listed) -> list[str]:
    """The paths of texts that PostgreSQL does not take: those with a NUL, or half of a surrogate pair."""
    texts = {name: f"{name}{value}" for name, value in flat(one).items()}
    return [name for name, text in texts.items() if "\0" in text or any("\ud800" <= c <= "\udfff" for c in text)]


def _refused(revision: Revision) -> list[str]:
    """What the columns of the approver do not take, each with why."""
    try:
        revision.clean_fields(exclude={column.name for column in revision._meta.fields} - set(APPROVER))
    except InvalidField as error:
        return [f"{name}: {' '.join(said)}" for name, said in error.message_dict.items()]
    return []
