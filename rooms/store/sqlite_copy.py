"""A SQLite store as a whole: read out at one moment, or filled in one transaction."""

import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from rooms import audit
from rooms.store import keys, sqlite
from rooms.store.dump import BATCH, CopyRefused, Dump, KeyRow, RecordRow, Row
from rooms.store.schema import connect, migrate
from rooms.store.thread import ConnectionThread

BUSY = 10.0
_QUERIES = (
    (audit.Entry, "SELECT * FROM entries ORDER BY number"),
    (KeyRow, "SELECT stream, owner, wrapped FROM content_keys ORDER BY stream, owner"),
    (RecordRow, "SELECT kind, key, value, version, expires_at FROM records ORDER BY kind, key"),
    (
        audit.Link,
        "SELECT stream, version, head, content, previous, hash FROM events ORDER BY stream, version",
    ),
)
_INSERTS: dict[type, str] = {
    audit.Entry: "INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    KeyRow: "INSERT INTO content_keys VALUES (?, ?, ?)",
    RecordRow: "INSERT INTO records VALUES (?, ?, ?, ?, ?)",
    audit.Link: "INSERT INTO events (stream, version, head, content, previous, hash)"
    " VALUES (?, ?, ?, ?, ?, ?)",
}


class SqliteCopy:
    """`path`: the database, which is made for a target. Its key file lies beside it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._vault: keys.Vault | None = None

    @asynccontextmanager
    async def dump(self) -> AsyncIterator[Dump]:
        if not self._path.is_file():
            raise CopyRefused(f"there is no database {self._path}")
        async with self._connected() as thread:
            await thread.run(lambda c: c.execute("BEGIN").fetchall())
            heads = await thread.run(sqlite.heads_now)
            version = await thread.run(_record_version)
            assert self._vault is not None
            yield Dump(heads, version, self._vault, self._rows(thread))

    @asynccontextmanager
    async def loading(self, heads: audit.Heads, record_version: int) -> AsyncIterator["_Loader"]:
        async with self._connected() as thread:
            await thread.run(lambda c: _begin(c, self._path, heads, record_version))
            assert self._vault is not None
            yield _Loader(thread, self._vault)
            await thread.run(lambda c: c.execute("COMMIT").fetchall())

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[ConnectionThread]:
        """What has not been committed when the connection ends is undone."""
        thread = ConnectionThread("store-copy", self._connect)
        await thread.start()
        try:
            yield thread
        finally:
            await thread.close()

    def _connect(self) -> sqlite3.Connection:
        sqlite.make_file(self._path)
        connection = connect(self._path, BUSY)
        try:
            self._vault = migrate(connection, self._path, self._path.with_suffix(".key"))
        except BaseException:
            connection.close()
            raise
        return connection

    async def _rows(self, thread: ConnectionThread) -> AsyncIterator[Row]:
        for kind, query in _QUERIES:
            cursor = await thread.run(lambda c, query=query: c.execute(query))  # type: ignore[misc]
            while rows := await thread.run(lambda _, cursor=cursor: cursor.fetchmany(BATCH)):  # type: ignore[misc]
                for row in rows:
                    yield kind(*row)


class _Loader:
    def __init__(self, thread: ConnectionThread, vault: keys.Vault) -> None:
        self._thread = thread
        self.vault = vault

    async def add(self, rows: Sequence[Row]) -> None:
        def insert(c: sqlite3.Connection) -> None:
            for row in rows:
                c.execute(_INSERTS[type(row)], tuple(_values(row)))

        await self._thread.run(insert)

    async def faults(self, heads: audit.Heads) -> Sequence[audit.Fault]:
        return await self._thread.run(lambda c: sqlite.verify_now(c, heads))


def _begin(c: sqlite3.Connection, path: Path, heads: audit.Heads, record_version: int) -> None:
    c.execute("BEGIN IMMEDIATE")
    for table in ("streams", "records", "entries"):
        if c.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone() is not None:
            raise CopyRefused(f"{path} is not empty")
    c.executemany(
        "INSERT INTO streams (stream, version, hash) VALUES (?, ?, ?)",
        [(stream, head.version, head.hash) for stream, head in heads.streams.items()],
    )
    c.execute("UPDATE meta SET value = ? WHERE name = 'record_version'", (record_version,))
    if heads.service.version:
        c.execute("INSERT INTO meta VALUES ('service_version', ?)", (heads.service.version,))
        c.execute("INSERT INTO meta VALUES ('service_hash', ?)", (heads.service.hash,))


def _record_version(c: sqlite3.Connection) -> int:
    [(version,)] = c.execute("SELECT value FROM meta WHERE name = 'record_version'").fetchall()
    return int(version)


def _values(row: Row) -> Iterator[object]:
    return (getattr(row, name) for name in row.__slots__)
