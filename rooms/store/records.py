"""The records of the SQLite store."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rooms.store.base import Record, storable_key
from rooms.store.codec import decode_value, encode_record
from rooms.store.schema import transaction
from rooms.store.thread import ConnectionThread


class SqliteRecords:
    def __init__(
        self, writer: ConnectionThread, reader: ConnectionThread, clock: Callable[[], float]
    ) -> None:
        self._writer = writer
        self._reader = reader
        self._clock = clock

    async def put_if_absent(
        self, kind: str, key: str, value: Mapping[str, Any], expires_at: float | None = None
    ) -> bool:
        text = encode_record(key, value, expires_at)

        def put(c: sqlite3.Connection) -> bool:
            with transaction(c):
                if _alive(c, kind, key, self._clock()) is not None:
                    return False
                _put(c, kind, key, text, expires_at)
            return True

        return await self._writer.run(put)

    async def get(self, kind: str, key: str) -> Record | None:
        if not storable_key(key):
            return None
        return await self._reader.run(lambda c: _alive(c, kind, key, self._clock()))

    async def compare_and_set(
        self, kind: str, key: str, version: int, value: Mapping[str, Any], expires_at: float | None = None
    ) -> bool:
        text = encode_record(key, value, expires_at)

        def replace(c: sqlite3.Connection) -> bool:
            with transaction(c):
                held = _alive(c, kind, key, self._clock())
                if held is None or held.version != version:
                    return False
                _put(c, kind, key, text, expires_at)
            return True

        return await self._writer.run(replace)

    async def delete(self, kind: str, key: str) -> bool:
        if not storable_key(key):
            return False

        def drop(c: sqlite3.Connection) -> bool:
            with transaction(c):
                alive = _alive(c, kind, key, self._clock()) is not None
                c.execute("DELETE FROM records WHERE kind = ? AND key = ?", (kind, key))
            return alive

        return await self._writer.run(drop)

    async def scan(self, kind: str, prefix: str = "") -> Sequence[tuple[str, Record]]:
        query = (
            "SELECT key, value, version, expires_at FROM records WHERE kind = ?1 AND key >= ?2"
            " AND substr(key, 1, length(?2)) = ?2 AND (expires_at IS NULL OR expires_at > ?3) ORDER BY key"
        )

        def found(c: sqlite3.Connection) -> list[tuple[str, Record]]:
            rows = c.execute(query, (kind, prefix, self._clock())).fetchall()
            return [
                (key, Record(decode_value(text), version, expires)) for key, text, version, expires in rows
            ]

        return await self._reader.run(found)

    async def sweep(self, now: float) -> int:
        def drop(c: sqlite3.Connection) -> int:
            with transaction(c):
                return c.execute("DELETE FROM records WHERE expires_at <= ?", (now,)).rowcount

        return await self._writer.run(drop)


def _alive(c: sqlite3.Connection, kind: str, key: str, now: float) -> Record | None:
    query = (
        "SELECT value, version, expires_at FROM records"
        " WHERE kind = ? AND key = ? AND (expires_at IS NULL OR expires_at > ?)"
    )
    row = c.execute(query, (kind, key, now)).fetchone()
    return None if row is None else Record(decode_value(row[0]), row[1], row[2])


def _put(c: sqlite3.Connection, kind: str, key: str, text: str, expires_at: float | None) -> None:
    query = "UPDATE meta SET value = value + 1 WHERE name = 'record_version' RETURNING value"
    [(version,)] = c.execute(query).fetchall()
    c.execute(
        "INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?, ?)",
        (kind, key, text, version, expires_at),
    )
