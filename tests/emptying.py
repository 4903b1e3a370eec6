"""Emptying tables while a house runs."""

from typing import Any

import psycopg
from psycopg import sql
from psycopg.errors import DeadlockDetected


def truncate(connection: psycopg.Connection[Any], names: list[str], how: str = "") -> None:
    """Empty these tables. A sweep that is in the middle of them may have to end first."""
    tables = sql.SQL(", ").join(sql.Identifier(name) for name in names)
    while True:
        try:
            connection.execute(sql.SQL("TRUNCATE {} ").format(tables) + sql.SQL(how))
        except DeadlockDetected:
            continue
        return
