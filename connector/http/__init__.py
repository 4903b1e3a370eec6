"""The one door out. Every request the product sends has a deadline, goes to a public https address (or a host the
operator allow-lists), follows no redirect, reads no more than it must, and leaves neither address nor body in a log."""

from connector.http.answers import Answer, Deadline, keepable
from connector.http.calls import fetch
from connector.http.door import MAX_BYTES, Door, Session, session, trusted
from connector.http.reach import is_allow_listed, is_public, resolve

__all__ = [
    "MAX_BYTES",
    "Answer",
    "Deadline",
    "Door",
    "Session",
    "fetch",
    "is_allow_listed",
    "is_public",
    "keepable",
    "resolve",
    "session",
    "trusted",
]
