"""A database as it stood at one moment, brought back before each test: who had signed in still is."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql
from psycopg.rows import DictRow

from tests.database import insisting

Database = psycopg.Connection[DictRow]
TABLES = "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'django_migrations'"
NOW, REMEMBERED = "public", "remembered"


class Remembered:
    """Copies of all tables in a schema of their own."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.tables = [row["name"] for row in database.execute(TABLES.encode())]
        for table in self.tables:
            self._say("CREATE TABLE {1} AS TABLE {0}", table)

    def bring_back(self) -> None:
        """Every row as it was. One transaction: foreign keys are looked at when it ends."""
        insisting(self._bring_back)

    def _bring_back(self) -> None:
        with self.database.transaction():
            names = sql.SQL(", ").join(sql.Identifier(NOW, table) for table in self.tables)
            self.database.execute(sql.SQL("TRUNCATE {}").format(names))
            for table in self.tables:
                self._say("INSERT INTO {0} TABLE {1}", table)

    def _say(self, statement: str, table: str) -> None:
        places = (sql.Identifier(schema, table) for schema in (NOW, REMEMBERED))
        self.database.execute(sql.SQL(statement).format(*places))


@contextmanager
def remembering(database: Database) -> Iterator[Remembered]:
    """What the database holds now, for as long as the block runs."""
    database.execute("CREATE SCHEMA remembered")
    try:
        yield Remembered(database)
    finally:
        database.execute("DROP SCHEMA remembered CASCADE")
