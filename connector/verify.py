#!/usr/bin/env python3
"""Says whether an exported audit trail was changed, cut, reordered or written anew: `python3 verify.py trail.jsonl`.

One file that travels with the export: it needs Python 3.11 and the package `cryptography`, nothing of the connector.
The connector itself chains and checks by the same rules, which stand here (docs/audit-trail.md).
"""

import argparse
import base64
import hashlib
import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

# A checkpoint in one line: organization, sequence, digest, time, kid, Ed25519 signature of all that stands before it.
CHECKPOINT = re.compile(
    r"trail-v1 ([0-9a-f-]{36}) ([0-9]{1,18}) ([0-9a-f]{64}) ([0-9TZ:-]{20}) ([0-9a-f]{12}) ([A-Za-z0-9_-]{86})"
)
LATE = timedelta(minutes=10)  # of an entry: the longest transaction, and clocks that differ

Json = dict[str, Any]

TEXTS = {
    "changed": "Entry {} was changed, or does not follow the entry before it.",
    "missing": "Entry {} is missing, and perhaps others after it.",
    "reordered": "Entry {} stands where it does not belong: it was moved or put in twice.",
    "back-dated": "Entry {} says that it was recorded before others that were sealed earlier: it was put in later.",
    "rewritten": "A signed checkpoint knows entry {} otherwise: the trail was written anew.",
    "cut": "A signed checkpoint knows entry {}, and the trail ends before it: it was cut off, or exported earlier.",
    "forged": "The checkpoint of entry {} is not signed by a trusted key of this trail.",
    "unreadable": "Line {} cannot be read: it was changed, or the file was cut off.",
    "unsigned": "No signed checkpoint vouches for what stands after entry {}.",
}


class Place(NamedTuple):
    """Where a trail is at: the sequence and the digest of an entry."""

    sequence: int = 0
    digest: str = ""


class Finding(NamedTuple):
    """What is wrong (a key of TEXTS), and with which entry."""

    code: str
    number: int

    @property
    def text(self) -> str:
        return TEXTS[self.code].format(self.number)


def digest(previous: str, organization: str, entry: Json) -> str:
    """SHA-256 over the previous digest and every kept member of an entry."""
    names = ("visit", "participant", "event", "at", "recorded_at", "detail")
    members = [entry["sequence"], organization, *(entry[name] for name in names)]
    return hashlib.sha256((previous + json.dumps(members, sort_keys=True)).encode()).hexdigest()


@dataclass(frozen=True)
class Checkpoint:
    """A signed word of the connector: at this time the trail of the organization ended with this entry."""

    organization: str
    place: Place
    time: str  # UTC, to the second: 2026-03-02T09:00:00Z
    kid: str
    signature: str = ""  # base64url without padding

    @property
    def told(self) -> str:
        """What is signed."""
        return f"trail-v1 {self.organization} {self.place.sequence} {self.place.digest} {self.time} {self.kid}"

    @property
    def line(self) -> str:
        return f"{self.told} {self.signature}"

    def is_signed_by(self, keys: dict[str, str]) -> bool:
        """Whether one of these public keys (kid to `x` of its JWK) signed it."""
        return self.kid in keys and is_signed(self.told, self.signature, keys[self.kid])


def checkpoints_in(text: str) -> Iterator[Checkpoint]:
    """The checkpoints that stand anywhere in a text, such as a line of a log."""
    for organization, sequence, digest_, time, kid, signature in CHECKPOINT.findall(text):
        yield Checkpoint(organization, Place(int(sequence), digest_), time, kid, signature)


def is_signed(told: str, signature: str, x: str) -> bool:
    """Whether the holder of an Ed25519 key (`x` of its JWK, RFC 8037) signed a text."""
    try:
        Ed25519PublicKey.from_public_bytes(_decoded(x)).verify(_decoded(signature), told.encode())
    except (InvalidSignature, ValueError):
        return False
    return True


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def takes_over(old: Json, new: Json) -> str:
    """What both keys of a rotation sign: that the second follows the first."""
    return f"trail-key-v1 {old['kid']} {old['x']} {new['kid']} {new['x']}"


def trusted(keys: Iterable[Json], pinned: Iterable[Json]) -> dict[str, str]:
    """The keys (JWKs) that can be trusted, kid to `x`: the pinned ones, and those that a chain of rotations joins to
    them. A rotation is signed by both of its keys, so trust goes forth and back."""
    every, known = list(keys), {key["kid"]: key["x"] for key in pinned}
    links = [(old, new) for new in every for old in every if _follows(new, old)]
    ways = links + [(new, old) for old, new in links]
    while found := {b["kid"]: b["x"] for a, b in ways if known.get(a["kid"]) == a["x"] and b["kid"] not in known}:
        known |= found
    return known


def _follows(new: Json, old: Json) -> bool:
    followed = new.get("follows") or {}
    told, signatures = takes_over(old, new), followed.get("signatures", ())
    return followed.get("kid") == old["kid"] and [
        is_signed(told, signature, key["x"]) for signature, key in zip(signatures, (old, new), strict=False)
    ] == [True, True]


@dataclass
class Checker:
    """Follows a trail entry by entry, and keeps nothing of it but its place."""

    organization: str
    keys: dict[str, str]
    place: Place = field(default_factory=Place)
    findings: list[Finding] = field(default_factory=list)
    vouched: Checkpoint | None = None  # the last that held
    recorded: datetime | None = None  # the newest time that an entry or a checkpoint told
    _known: dict[int, list[Checkpoint]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        self.start = self.place

    @property
    def broken(self) -> int | None:
        """The first entry that something is wrong with."""
        return min((finding.number for finding in self.findings), default=None)

    @property
    def held(self) -> int:
        """Up to which entry the trail holds."""
        last = self.place.sequence
        return last if self.broken is None else max(min(last, self.broken - 1), 0)

    def entry(self, entry: Json) -> None:
        """The next entry: members as `digest` takes them, and the digest it claims."""
        number, expected = entry["sequence"], self.place.sequence + 1
        if number < expected:
            self._find("reordered", number)
            return
        if number > expected:
            self._find("missing", expected)
        elif entry["digest"] != digest(self.place.digest, self.organization, entry):
            self._find("changed", number)
        self.place = Place(number, entry["digest"])
        recorded = datetime.fromisoformat(entry["recorded_at"])
        if self.recorded and recorded < self.recorded - LATE:
            self._find("back-dated", number)
        self.recorded = max(filter(None, [self.recorded, recorded]))
        for checkpoint in self._known.pop(number, ()):
            self._compare(checkpoint)

    def checkpoint(self, checkpoint: Checkpoint) -> None:
        """A checkpoint: of the entry at hand, or of one that is still to come. One from before the start is passed
        over."""
        number = checkpoint.place.sequence
        if number < self.start.sequence:
            return
        if checkpoint.organization != self.organization or not checkpoint.is_signed_by(self.keys):
            self._find("forged", number)
        elif number > self.place.sequence:
            self._known[number].append(checkpoint)
        elif number == self.place.sequence:
            self._compare(checkpoint)
        else:
            self._find("reordered", number)

    def end(self) -> None:
        """No entry follows: checkpoints that know of more say that the trail was cut."""
        if beyond := [number for number in self._known if number > self.place.sequence]:
            self._find("cut", max(beyond))

    def _compare(self, checkpoint: Checkpoint) -> None:
        if checkpoint.place != self.place:
            self._find("rewritten", checkpoint.place.sequence)
            return
        self.vouched = checkpoint
        # When it was signed nothing was left to be sealed: what is sealed later was recorded later.
        self.recorded = max(filter(None, [self.recorded, datetime.fromisoformat(checkpoint.time)]))

    def _find(self, code: str, number: int) -> None:
        self.findings.append(Finding(code, number))


NO_EXPORT = "This is no export of an audit trail."


def check(lines: Iterable[str], against: Iterable[Checkpoint] = (), pinned: Iterable[Json] = ()) -> Checker:
    """Read an export: a header, public keys, then entries, each followed by the checkpoints that vouch for it.

    `against` are checkpoints that were kept elsewhere, `pinned` the public keys that were. ValueError for no export.
    """
    numbered, keys, pinned = ((number, _read(line)) for number, line in enumerate(lines, 1)), [], list(pinned)
    checker, last = _begin(next(numbered, NO_LINE)[1])
    first = next(numbered, NO_LINE)
    while first[1].get("type") == "key":
        keys.append(_key(first[1]))
        first = next(numbered, NO_LINE)
    checker.keys = trusted(keys, pinned or keys)
    for one in against:
        if one.organization == checker.organization and (last is None or one.place.sequence <= last):
            checker.checkpoint(one)
    for number, line in numbered if first is NO_LINE else chain([first], numbered):
        try:
            _follow(checker, line)
        except (ValueError, KeyError, TypeError):
            checker.findings.append(Finding("unreadable", number))
    checker.end()
    held = checker.vouched.place if checker.vouched else checker.start
    if held != checker.place:
        checker.findings.append(Finding("unsigned", held.sequence))
    return checker


NO_LINE: tuple[int, Json] = (0, {})


def _begin(header: Json) -> tuple[Checker, int | None]:
    """A checker at the place where an export begins, and with which entry it ends (None: with the newest)."""
    try:
        after = Place(int(header["after"]["sequence"]), str(header["after"]["digest"]))
        return Checker(str(header["organization"]), {}, after), None if header["last"] is None else int(header["last"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(NO_EXPORT) from error


def _read(line: str) -> Json:
    """A line as an object; an empty one for what is none."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _key(line: Json) -> Json:
    key = line.get("key")
    if isinstance(key, dict) and isinstance(key.get("kid"), str) and isinstance(key.get("x"), str):
        return key
    raise ValueError("A public key of this export cannot be read.")


def _follow(checker: Checker, line: Json) -> None:
    if line["type"] == "entry":
        checker.entry(line)
    elif line["type"] == "checkpoint":
        (checkpoint,) = checkpoints_in(line["line"])
        checker.checkpoint(checkpoint)
    else:
        raise ValueError(line["type"])


def main(arguments: list[str]) -> int:
    """0: nothing is wrong; 1: something is; 2: it could not be checked."""
    parser = argparse.ArgumentParser(description="Check an exported audit trail.")
    parser.add_argument("export", type=Path, help="trail.jsonl")
    parser.add_argument("--against", type=Path, help="a file with checkpoints that was kept elsewhere, such as a log")
    parser.add_argument("--keys", type=Path, help="the public keys that were kept elsewhere (a JSON Web Key Set)")
    given = parser.parse_args(arguments)
    try:
        against = list(checkpoints_in(given.against.read_text(errors="replace"))) if given.against else []
        pinned = json.loads(given.keys.read_text())["keys"] if given.keys else []
        with given.export.open(encoding="utf-8", errors="replace") as lines:
            checker = check(lines, against, pinned)
    except (OSError, ValueError, KeyError, TypeError) as error:
        sys.stderr.write(f"{error or NO_EXPORT}\n")
        return 2
    sys.stdout.write("\n".join(report(checker, against, pinned)) + "\n")
    return 1 if checker.findings else 0


def report(checker: Checker, against: list[Checkpoint], pinned: list[Json]) -> Iterator[str]:
    """What was found, in plain words."""
    yield f"Organization {checker.organization}, entries {checker.start.sequence + 1} to {checker.place.sequence}."
    yield from (one.text for one in checker.findings)
    if checker.vouched:
        place, time = checker.vouched.place, checker.vouched.time
        yield f"The last checkpoint that holds was signed {time}, at entry {place.sequence}."
    if not checker.findings:
        yield "Nothing was changed, removed, put in or moved."
    if not pinned:
        yield "The public keys are the export's own. Compare them with those you keep: --keys."
    if not [one for one in against if one.organization == checker.organization]:
        yield "No checkpoint was kept elsewhere: entries cut off at the end cannot be told. Give a log: --against."


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
