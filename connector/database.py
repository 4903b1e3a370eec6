"""The database as something that can be away: it does not answer, has no connection or no disk left, is shutting down,
or takes no writes, as a standby."""

from django.db import InterfaceError, InternalError, OperationalError

# SQLSTATEs (PostgreSQL, Appendix A) by how they begin: connections, resources, the operator's intervention, read-only.
# An error without one comes from the driver: nobody answered.
STATES = ("08", "53", "57P", "25006")


def is_away(error: BaseException | None) -> bool:
    """Whether this says that the database is away, and nothing about what was asked of it."""
    if not isinstance(error, (OperationalError, InterfaceError, InternalError)):
        return False
    state: str | None = getattr(error.__cause__, "sqlstate", None)
    return state is None or state.startswith(STATES)
