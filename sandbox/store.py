"""What a stand-in remembers: tables of JSON documents in one SQLite file, so that it starts again with what it knew."""

import json
import sqlite3
import threading
from collections.abc import ItemsView, Iterator, MutableMapping, ValuesView
from pathlib import Path
from typing import Any

Document = dict[str, Any]


class Store:
    """One file of tables. Hold `lock` around a read that a write depends on."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.lock = threading.RLock()
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=OFF")
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS documents (kind TEXT, id TEXT, body TEXT, PRIMARY KEY (kind, id))"
        )

    def table(self, kind: str) -> "Table":
        """The documents of one kind, by id, in the order in which they first came."""
        return Table(self, kind)

    def forget(self) -> None:
        """Empty every table, as on the first day."""
        self.execute("DELETE FROM documents")

    def execute(self, sql: str, *values: str) -> list[tuple[str, ...]]:
        with self.lock:
            return self._database.execute(sql, values).fetchall()


class Table(MutableMapping[str, Document]):
    """A mapping from id to document. Documents are copies: write back what you change."""

    def __init__(self, store: Store, kind: str) -> None:
        self._store, self._kind = store, kind

    def __getitem__(self, key: str) -> Document:
        rows = self._store.execute("SELECT body FROM documents WHERE kind = ? AND id = ?", self._kind, key)
        if not rows:
            raise KeyError(key)
        document: Document = json.loads(rows[0][0])
        return document

    def __setitem__(self, key: str, document: Document) -> None:
        self._store.execute(
            "INSERT INTO documents VALUES (?, ?, ?) ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body",
            self._kind,
            key,
            json.dumps(document),
        )

    def __delitem__(self, key: str) -> None:
        with self._store.lock:
            self[key]
            self._store.execute("DELETE FROM documents WHERE kind = ? AND id = ?", self._kind, key)

    def __iter__(self) -> Iterator[str]:
        return iter(
            [
                row[0]
                for row in self._store.execute("SELECT id FROM documents WHERE kind = ? ORDER BY rowid", self._kind)
            ]
        )

    def __len__(self) -> int:
        return len(list(iter(self)))

    # Read at once: of what is read one by one, another thread may take the next away.
    def items(self) -> ItemsView[str, Document]:
        return self._read().items()

    def values(self) -> ValuesView[Document]:
        return self._read().values()

    def _read(self) -> dict[str, Document]:
        rows = self._store.execute("SELECT id, body FROM documents WHERE kind = ? ORDER BY rowid", self._kind)
        return {key: json.loads(body) for key, body in rows}
