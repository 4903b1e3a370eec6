"""One value against what it should be: right, right but for how it is written, or wrong and in what. Pure."""

import html
import re
import unicodedata
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from urllib.parse import SplitResult, unquote, urlsplit

from portal.checker.findings import Fault

Repair = Callable[[str], str]
QUOTES = "\"'`\N{DOUBLE LOW-9 QUOTATION MARK}"
TOKEN = re.compile(r"%([^%&=]*)%")
ENDING = re.compile(r"(?<=[^.,;\s])[.,;]+\s*$")
# What copying through HTML does. Not html.unescape: it also reads the &not of “&note=”.
ESCAPED = re.compile(r"&(?:amp|lt|gt|quot|#0*38|#0*37|#x26|#x25|percnt|equals|#0*61);", re.I)
# Tokens that are no part of a record of ours, but are Epic's.
GROUP, SINGLE = "CONFERENCEID", "CSN"
RELEASE = re.compile(r"/(DSTU2|STU3|R4|R4B|R5|FHIR|FHDST)/?$", re.I)


def _without_invisible(text: str) -> str:
    return "".join(one for one in text if unicodedata.category(one) not in ("Cf", "Cc") or one in "\t\n\r")


def _without_quotes(text: str) -> str:
    inner = text.strip()
    quoted = len(inner) > 1 and _is_quote(inner[0]) and _is_quote(inner[-1])
    return inner[1:-1] if quoted else text


def _is_quote(one: str) -> bool:
    return one in QUOTES or unicodedata.category(one) in ("Pi", "Pf")


def _plain(one: str) -> str:
    """A character of a typewriter for one of a typesetter."""
    if unicodedata.category(one) == "Pd" or one == "\N{MINUS SIGN}":
        return "-"
    return '"' if unicodedata.category(one) in ("Pi", "Pf") else one


def _without_breaks(text: str) -> str:
    lines = text.splitlines()
    return "".join(line.strip() for line in lines) if len(lines) > 1 else text


MOST_PARTS = 10  # of a context that are told one by one

# In the order in which they are undone; each with the fault that it shows.
REPAIRS: dict[str, Repair] = {
    "invisible": _without_invisible,
    "break": _without_breaks,
    "quotes": _without_quotes,
    "whitespace": str.strip,
    "typography": lambda text: "".join(map(_plain, unicodedata.normalize("NFKC", text))),
    "escaped": lambda text: ESCAPED.sub(lambda match: html.unescape(match[0]), text),
    "ending": lambda text: ENDING.sub("", text),
}


def tidy(text: str) -> str:
    """The text without what copying does to it."""
    for repair in REPAIRS.values():
        text = repair(text)
    return text


def bare(text: str) -> str:
    """For comparing: tidy and without any blank."""
    return "".join(tidy(text).split())


def writing(given: str, expected: str) -> tuple[Fault, ...] | None:
    """How a right value is written otherwise: nothing when it is exact, None when it is not right."""
    if given == expected:
        return ()
    if bare(given) != bare(expected):
        return None
    found, text = [], given
    for code, repair in REPAIRS.items():
        repaired = repair(text)
        if repaired != text:
            found.append(Fault(code))
        text = repaired
    if text != expected and not any(fault.code == "whitespace" for fault in found) and text.split() != expected.split():
        found.append(Fault("whitespace"))
    return tuple(found) or (Fault("whitespace"),)


def of_address(given: str, expected: str) -> list[Fault]:
    """What is wrong with an address."""
    mine, right = _split(given), _split(expected)
    if mine is None or right is None:
        return _of_text(given, expected) if expected.startswith(given) else [Fault("not-address")]
    return [
        *_of_scheme(mine, right),
        *_of_host(mine, right),
        *_of_path(mine.path, right.path),
        *([Fault("query")] if mine.query or mine.fragment else []),
    ]


def _split(address: str) -> SplitResult | None:
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    return parts if parts.scheme in ("http", "https") and parts.netloc else None


def _of_scheme(mine: SplitResult, right: SplitResult) -> list[Fault]:
    if mine.scheme == right.scheme:
        return []
    return [Fault("scheme", {"given": f"{mine.scheme}://", "expected": f"{right.scheme}://"})]


def _of_host(mine: SplitResult, right: SplitResult) -> list[Fault]:
    if mine.netloc.lower() == right.netloc.lower():
        return []
    return [Fault("host", {"given": mine.netloc, "expected": right.netloc})]


def _of_path(given: str, expected: str) -> list[Fault]:
    """Launch paths are /launch/<ref>/<door>/, so the last two segments say whose they are."""
    if given == expected:
        return []
    slashes = {(True, False): "slash-extra", (False, True): "slash-missing"}
    slash = slashes.get((given.endswith("/"), expected.endswith("/")))
    faults = [Fault(slash)] if slash else []
    mine, right = given.strip("/").split("/"), expected.strip("/").split("/")
    if mine == right:
        return faults
    if [one.lower() for one in mine] == [one.lower() for one in right]:
        return [*faults, Fault("case")]
    return faults + _of_segments(mine, right)


def _of_segments(mine: list[str], right: list[str]) -> list[Fault]:
    if mine[:-1] == right and mine[-1] == "callback":
        return [Fault("callback")]
    if "fhir" in [one.lower() for one in mine] and "launch" in right:
        return [Fault("fhir-url")]
    if len(mine) != len(right):
        return [Fault("cut" if len(mine) < len(right) else "more")]
    codes = {-1: "door", -2: "ref"} if "launch" in right else {}
    pairs = [(codes.get(n, "unlike"), mine[n], right[n]) for n in range(-1, -len(right) - 1, -1) if mine[n] != right[n]]
    return [Fault(code, {"given": one, "expected": other}) for code, one, other in pairs]


def of_fhir(given: str, expected: str) -> list[Fault]:
    """What is wrong with a FHIR base URL, whose end names the release."""
    given = given.rstrip("/")
    if given.lower() == expected.lower():
        return [Fault("case-harmless")]
    if expected.lower().startswith(f"{given.lower()}/"):
        return [Fault("fhir-suffix", {"suffix": expected[len(given) :]})]
    mine, right = RELEASE.search(given), RELEASE.search(expected)
    if mine and right and mine[1].lower() != right[1].lower():
        return [Fault("fhir-release", {"given": mine[0], "expected": right[0]})]
    return of_address(given, expected)


def of_context(given: str, expected: str) -> list[Fault]:
    """What is wrong with a context: `name=value` pairs, most values a token between percent signs."""
    mine, right = _pairs(given), _pairs(expected)
    if mine == right and len(given) == len(expected):
        return [Fault("order")]
    faults = [Fault("percent")] if given.count("%") % 2 else []
    lacking = [name for name in right if name not in mine]
    extra = [name for name in mine if name not in right][:MOST_PARTS]
    faults += _of_names(lacking, extra)
    for name in right:
        if name in mine and mine[name] != right[name]:
            faults += _of_value(name, mine[name], right[name])
    return faults


def _pairs(context: str) -> dict[str, str]:
    parts = (part.partition("=") for part in context.split("&"))
    return {name: value for name, _, value in parts}


def _of_names(lacking: list[str], extra: list[str]) -> list[Fault]:
    faults = []
    for name in lacking:
        small = {one.lower(): one for one in extra}
        like = get_close_matches(name.lower(), small, 1, 0.8)
        if like:
            extra = [one for one in extra if one != small[like[0]]]
            faults.append(Fault("part-like", {"given": small[like[0]], "part": name}))
        else:
            faults.append(Fault("part-missing", {"part": name}))
    return faults + [Fault("part-extra", {"part": name}) for name in extra if name]


def _of_value(name: str, given: str, expected: str) -> list[Fault]:
    token, right = TOKEN.fullmatch(given), TOKEN.fullmatch(expected)
    if right is None:
        return [Fault("unlike")]
    if token is None:
        return [] if "%" in given else [Fault("filled", {"part": name})]
    if (token[1], right[1]) == (SINGLE, GROUP):
        return [Fault("csn-in-group")]
    if (token[1], right[1]) == (GROUP, SINGLE):
        return [Fault("conference-in-visit")]
    return [_of_token(token[1], right[1])]


def _of_token(given: str, expected: str) -> Fault:
    """Every token that is not the record's: Epic leaves one that it does not know as it is written."""
    about = {"given": f"%{given}%", "meant": f"%{expected}%", "expected": f"%{expected}%"}
    near = get_close_matches(given.upper(), [expected], 1, 0.6) or sorted(given.upper()) == sorted(expected)
    return Fault("token-like" if near else "token-other", about)


def _of_text(given: str, expected: str) -> list[Fault]:
    if given and given in expected:
        return [Fault("cut")]
    if expected and expected in given:
        return [Fault("more")]
    return [Fault("unlike")]


def of_number(given: str, expected: str) -> list[Fault]:
    """What is wrong with a LAUNCHTYPE."""
    return [Fault("unlike" if given.isdecimal() else "launch-type")]


JUDGES: Mapping[str, Callable[[str, str], list[Fault]]] = {
    "URL": of_address,
    "REDIRECT": of_address,
    "JWKS": of_address,
    "FHIR": of_fhir,
    "CONTEXT": of_context,
    "LAUNCHTYPE": of_number,
}


def wrong(mnemonic: str, given: str, expected: str) -> tuple[Fault, ...]:
    """What is wrong with a value that is not right however it is written; never empty."""
    given = tidy(given)
    if not given:
        return (Fault("empty"),)
    if given != expected and unquote(given) == expected:
        return (Fault("encoded"),)
    if given.lower() == expected.lower() and mnemonic != "FHIR":
        return (Fault("case"),)
    found = JUDGES.get(mnemonic, _of_text)(given, expected)
    return tuple(found or _of_text(given, expected))
