"""What this stand-in asks of the Graph stand-in, and tells it."""

from urllib.parse import quote

import requests
from werkzeug.exceptions import NotFound

from sandbox.standin import url_of
from sandbox.store import Document

DEADLINE = 10


def meeting_by(reference: str) -> Document:
    """The meeting {key, tid, organizer, subject, options, attendees, …} by key or short digits. Raises NotFound."""
    answer = requests.get(address(reference), timeout=DEADLINE)
    if answer.status_code == 404:
        raise NotFound
    answer.raise_for_status()
    meeting: Document = answer.json()
    return meeting


def tell(key: str, event: Document) -> None:
    """Report one event of the meeting's call, for Graph to notify."""
    requests.post(f"{address(key)}/events", json=event, timeout=DEADLINE).raise_for_status()


def address(reference: str) -> str:
    return f"{url_of('graph')}/sandbox/meetings/{quote(reference, safe='')}"
