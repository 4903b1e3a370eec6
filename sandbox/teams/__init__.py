"""A stand-in for Microsoft Teams: the meeting behind a join URL, its lobby, and the roster it reports."""
