"""Getting ready: everything outstanding before the first visit, line by line, each with who can do it."""

from portal.ready.licences import licence_allows

__all__ = ["licence_allows"]
