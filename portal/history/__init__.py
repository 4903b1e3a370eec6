"""The history of a connection and of its organization: who did what, when, from where."""

from portal.history.keep import record
from portal.history.lines import newest

__all__ = ["newest", "record"]
