"""The way to the EHR: name, address, TLS, redirects, speed and clock."""

from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from connector import tls
from connector.ehr import discovery
from connector.ehr.preflight.asking import Got, Seen, without_query
from connector.ehr.preflight.evidence import SLOW, lost
from connector.ehr.preflight.shapes import Finding, Level

ADDRESS_FAULTS = {
    "bad": "address-bad",
    "http": "http-refused",
    "private": "address-private",
    "slow": "address-slow",
    "unknown": "address-unknown",
}
EXPIRES_SOON_DAYS = 30
SLOW_SECONDS = 4.0  # a launch has 8 for everything
SKEW_SECONDS, SKEW_TOO_MUCH = 30, 240  # an assertion of ours lives 240 seconds


def address(seen: Seen) -> Iterator[Finding]:
    """Whether the name leads to an address that we may call, and over what."""
    where = seen.address
    asked = f"DNS {where.host}" if where.host else ""
    if where.fault:
        yield Finding(ADDRESS_FAULTS[where.fault], "blocks", asked)
        return
    yield Finding("address-found", "ok", asked) if where.public else Finding("address-internal", "info", asked)
    if where.scheme == "http":
        yield Finding("http-allowed", "warns" if seen.subject.environment == "production" else "info")


def handshake(seen: Seen) -> Iterator[Finding]:
    """Whether the host answers, in a TLS that is good enough, with a certificate that can be trusted."""
    asked = f"TLS {seen.address.host}:{seen.address.port}"
    if seen.unreachable:
        code = seen.unreachable.code
        yield Finding("connect-slow" if code in SLOW else "connect-refused", "blocks", asked, lost(code, seen.given))
    elif seen.handshake and seen.handshake.fault:
        yield Finding(f"tls-{seen.handshake.fault}", "blocks", asked, _certificate(seen.handshake))
    elif seen.handshake:
        yield Finding("tls-trusted", "ok", asked, f"{seen.handshake.protocol}, {_certificate(seen.handshake)}")
        yield from _expiry(seen.handshake, asked)


def _expiry(shaken: tls.Handshake, asked: str) -> Iterator[Finding]:
    if shaken.certificate and tls.days_left(shaken.certificate) < EXPIRES_SOON_DAYS:
        yield Finding("tls-expires-soon", "warns", asked, f"valid until {shaken.certificate.not_after:%Y-%m-%d}")


def _certificate(shaken: tls.Handshake) -> str:
    found = shaken.certificate
    if not found:
        return ""
    names = ", ".join(name for name in found.names if name.isprintable())[:200]
    return f"{names}, valid {found.not_before:%Y-%m-%d} to {found.not_after:%Y-%m-%d}"


def redirects(seen: Seen) -> Iterator[Finding]:
    """Where the base URL's documents have moved to. Discovery follows a few steps on the same host, nothing else
    does."""
    asked = [got for got in (seen.metadata, seen.configuration) if _redirected(got)]
    if asked:
        got = asked[0]
        level: Level = "warns" if seen.endpoints else "blocks"
        target = without_query(got.route[-1]) if got.route else ""
        yield Finding(_redirect(got), level, got.asked, f"{got.status} {target}".strip())


def _redirected(got: Got) -> bool:
    return bool(got.route) or got.status in discovery.REDIRECTS


def _redirect(got: Got) -> str:
    if got.status not in discovery.REDIRECTS:
        return "redirect-followed"
    stays = not got.route or not got.route[-1] or discovery.same_origin(got.route[-1], got.url)
    return "redirect-loop" if stays else "redirect-elsewhere"


def speed(seen: Seen) -> Iterator[Finding]:
    """Whether what a launch waits for comes in time."""
    slowest = max((seen.metadata, seen.configuration), key=lambda got: got.took if got.answer else 0.0)
    if slowest.answer and slowest.took > SLOW_SECONDS:
        yield Finding("answers-slowly", "warns", slowest.asked, f"{slowest.took:.1f} s")


def clock(seen: Seen) -> Iterator[Finding]:
    """How far the EHR's clock and ours are apart: what we sign is good for four minutes."""
    got = next((got for got in (seen.configuration, seen.metadata) if got.answer), Got())
    if not got.answer or not got.at:
        return
    theirs = _date(got)
    if theirs is None:
        yield Finding("clock-unknown", "info", got.asked)
        return
    skew = (theirs - got.at).total_seconds()
    came = f"{abs(skew):.0f} s {'ahead' if skew > 0 else 'behind'}"
    level: Level = "ok" if abs(skew) <= SKEW_SECONDS else "warns" if abs(skew) <= SKEW_TOO_MUCH else "blocks"
    yield Finding("clock-right" if level == "ok" else "clock-wrong", level, got.asked, came)


def _date(got: Got) -> datetime | None:
    """The Date of an answer (RFC 9110 §6.6.1); none where a cache gave an old one."""
    headers = got.answer.headers if got.answer else {}
    try:
        date = parsedate_to_datetime(headers.get("date", ""))
    except (ValueError, TypeError, OverflowError):
        return None
    fresh = headers.get("age", "0").strip() in {"", "0"}
    return date.replace(tzinfo=date.tzinfo or UTC) if fresh else None
