"""SMART scopes in both grammars: what is asked is written in the one that the server knows, what it grants is read in
either.

SMART App Launch 1.0: `user/Appointment.read`, `.write`, `.*`. 2.0: `user/Appointment.rs`, of the letters c r u d s in
this order, then perhaps a query. `read` is `rs`, `write` is `cud` (SMART 2.2 §"Scopes for requesting FHIR Resources").
"""

import re
from dataclasses import dataclass
from typing import Literal

Grammar = Literal["v1", "v2", "either"]
RESOURCE = re.compile(r"(patient|user|system)/([A-Za-z]+|\*)\.(read|write|\*|(?=[cruds])c?r?u?d?s?)(\?\S+)?")
RIGHTS = {"read": "rs", "write": "cud", "*": "cruds"}  # the narrower words first
IDENTITY = frozenset({"openid", "fhirUser", "profile"})


@dataclass(frozen=True)
class Scope:
    """What may be done with resources of one type. `rights` are letters of `cruds`; `query` narrows it, in v2 alone."""

    level: str
    resource: str
    rights: str
    query: str = ""

    def in_v1(self) -> str:
        """The narrowest word of v1 that holds all of it: single letters and queries have none of their own."""
        word = next(word for word, rights in RIGHTS.items() if set(self.rights) <= set(rights))
        return f"{self.level}/{self.resource}.{word}"

    def in_v2(self) -> str:
        return f"{self.level}/{self.resource}.{self.rights}{self.query}"


def parse(word: str) -> Scope | None:
    """A scope for resources, in either grammar; None for any other (`launch`, `openid`) and for what is no scope."""
    found = RESOURCE.fullmatch(word)
    if not found:
        return None
    level, resource, rights, query = found.groups()
    return Scope(level, resource, RIGHTS.get(rights, rights), query or "")


def written(scopes: str, *, grammar: Grammar, openid: bool) -> str:
    """The scopes as a server is asked for them. One that knows either grammar gets them as they stand; one from before
    OpenID is not asked who signed in."""
    words = [word for word in scopes.split() if openid or word not in IDENTITY]
    return " ".join(dict.fromkeys(_in(grammar, word) for word in words))


def _in(grammar: Grammar, word: str) -> str:
    scope = parse(word)
    if scope is None or grammar == "either":
        return word
    return scope.in_v1() if grammar == "v1" else scope.in_v2()


def reads(granted: str, resource: str) -> bool:
    """Whether granted scopes let their holder read a resource of this type."""
    found = filter(None, map(parse, granted.split()))
    return any(scope.resource in {resource, "*"} and "r" in scope.rights for scope in found)
