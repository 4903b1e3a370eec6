"""The database as something that can be away: it does not answer, has cut us off, or may not be written to."""

from django.db import InterfaceError, InternalError, OperationalError

# psycopg calls it an InternalError that a standby, or a database after a fail-over, is read-only.
AWAY = (OperationalError, InterfaceError, InternalError)
