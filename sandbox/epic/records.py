"""Integration (FDI) records: what is pasted for each button, and how its context tokens are filled in."""

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from sandbox.epic.people import HYPERSPACE, MYCHART

# The slot of each button: who sees it and what it is called.
SLOTS = {
    "provider": (HYPERSPACE, "Provider: Begin virtual visit"),
    "patient": (MYCHART, "Patient: Begin virtual visit"),
    "group-provider": (HYPERSPACE, "Provider: Begin group visit"),
    "group-patient": (MYCHART, "Patient: Begin group visit"),
    "device-test": (MYCHART, "Patient: Test your device"),
    "board": (HYPERSPACE, "Provider: Visit board"),
}
FIELDS = ("URL", "CLIENTID", "LAUNCHTYPE", "CONTEXT")
IFRAME, NEW_WINDOW = "7", "6"
BLANKS = " \t\r\n\N{NO-BREAK SPACE}\N{ZERO WIDTH SPACE}\N{ZERO WIDTH NO-BREAK SPACE}"
QUOTES = "\"'`\N{LEFT DOUBLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}"
_LINE = re.compile(r"^([A-Za-z]+)\W*?[=\t:](.*)$")
_TOKEN = re.compile(r"%[A-Z][^%&=]*%")


def parse(text: str) -> dict[str, str]:
    """The mnemonics of a pasted block, a line each: `NAME=value` or `NAME<tab>value`, quotes and blanks tolerated.

    The last of two equal mnemonics counts; lines without a mnemonic are passed over.
    """
    found = (_LINE.match(_bare(line)) for line in text.splitlines())
    return {match[1].upper(): _bare(match[2]) for match in found if match}


def _bare(text: str) -> str:
    """The text without blanks around it, and without a pair of quotes around that."""
    text = text.strip(BLANKS)
    if len(text) > 1 and text[0] in QUOTES and text[-1] in QUOTES:
        return text[1:-1].strip(BLANKS)
    return text


def problems(slot: str, record: Mapping[str, str]) -> list[str]:
    """What keeps a record from being used, a sentence each; none when it is good. Only visits need CONTEXT."""
    needed = [name for name in FIELDS if name != "CONTEXT" or slot not in ("board", "device-test")]
    found = [f"{name} is missing." for name in needed if not record.get(name)]
    url = record.get("URL")
    if url and not _is_web_address(url):
        found.append("URL is no web address.")
    if record.get("LAUNCHTYPE") and not record["LAUNCHTYPE"].isdecimal():
        found.append("LAUNCHTYPE is no number.")
    return found


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def fill_in(context: str, values: Mapping[str, str]) -> dict[str, str]:
    """The context `key=value&…` with its tokens replaced by `values`; a token nobody knows stays as it is written."""
    pairs = (pair.partition("=") for pair in context.split("&") if pair)
    return {key: _TOKEN.sub(lambda token: values.get(token[0], token[0]), value) for key, _, value in pairs}
