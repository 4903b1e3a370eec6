"""A meeting's join URLs. All of them carry the meeting's key or its digits, and nobody may read more out of it."""

import json
import re
import secrets
import uuid
from urllib.parse import quote, urlencode

from sandbox.standin import url_of


def new_key() -> str:
    """A meeting's key: the chat thread's id, with the characters that make encodings go wrong."""
    return f"19:meeting_{uuid.uuid4().hex}@thread.v2"


def new_digits() -> str:
    return "".join(secrets.choice("0123456789") for _ in range(13))


def long_link(key: str, tid: str, oid: str) -> str:
    """The form with thread id and context, percent-encoded in lower case as Teams writes it."""
    context = json.dumps({"Tid": tid, "Oid": oid}, separators=(",", ":"))
    return f"{url_of('teams')}/l/meetup-join/{lower_case(quote(key, safe=''))}/0?context={lower_case(quote(context))}"


def lower_case(encoded: str) -> str:
    return re.sub("%[0-9A-F]{2}", lambda escape: escape[0].lower(), encoded)


def short_link(digits: str, passcode: str) -> str:
    return f"{url_of('teams')}/meet/{digits}?p={passcode}"


def elsewhere(link: str) -> str:
    """A link as whoever fakes Teams would write it."""
    return link.replace(url_of("teams"), "https://teams.elsewhere.example")


def virtual_appointment_link(tid: str, key: str) -> str:
    """The link for a browser without an account."""
    return f"{url_of('teams')}/webrtc-svc/api/route?{urlencode({'tid': tid, 'convId': key})}"
