"""The store in one SQLite file, which is the default.

One thread writes, another reads; other processes may use the same file. Beside `<name>.db` lie SQLite's own
`-wal` and `-shm` and the key file `<name>.key`, all of mode 0600.
"""

import asyncio
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from rooms import audit
from rooms.events import Event
from rooms.store import keys
from rooms.store.base import (
    ContentErased,
    CorruptLog,
    Fenced,
    Recorded,
    Store,
    StoreUnavailable,
    UnknownEvent,
    VersionConflict,
    check_stream_name,
    is_stream_name,
)
from rooms.store.codec import (
    Codec,
    Encoded,
    close_link,
    content_owner,
    meeting_codec,
    open_link,
    open_links,
)
from rooms.store.feed import Item, Subscription
from rooms.store.records import SqliteRecords
from rooms.store.schema import connect, migrate, transaction
from rooms.store.thread import ConnectionThread

BUSY = 2.0
"""Seconds to wait for another process that holds the file."""
POLL = 0.25
"""Seconds between looks for what other processes have appended, while anybody subscribes."""
_FEED_BATCH = 500
_LINK = "stream, version, head, content, previous, hash"


async def open_sqlite(
    path: Path,
    *,
    clock: Callable[[], float] = time.time,
    codec: Codec | None = None,
    busy: float = BUSY,
) -> Store:
    """Opens the database, making it and its folder (mode 0700) when absent. Raises StoreUnavailable."""
    store = SqliteStore(path, clock, codec or meeting_codec(), busy)
    await store.open()
    return store


class SqliteStore:
    def __init__(self, path: Path, clock: Callable[[], float], codec: Codec, busy: float) -> None:
        self._path = path
        self._busy = busy
        self._key_path = path.with_suffix(".key")
        self._vault: keys.Vault | None = None
        self._feed = _Feed(codec, self._the_vault, asyncio.get_running_loop())
        self._writer = ConnectionThread("store-writer", self._open_file, self._feed.pump, self._feed.idle)
        self._reader = ConnectionThread("store-reader", lambda: connect(path, busy))
        self.events = SqliteEvents(self._writer, self._reader, self._feed, codec, self._the_vault, clock)
        self.records = SqliteRecords(self._writer, self._reader, clock)

    async def open(self) -> None:
        await self._writer.start()
        try:
            await self._reader.start()
        except BaseException:
            await self._writer.close()
            raise

    async def close(self) -> None:
        await self._reader.close()
        await self._writer.close()
        self._feed.end()

    def _the_vault(self) -> keys.Vault:
        assert self._vault is not None
        return self._vault

    def _open_file(self) -> sqlite3.Connection:
        make_file(self._path)
        connection = connect(self._path, self._busy)
        try:
            self._vault = migrate(connection, self._path, self._key_path)
        except BaseException:
            connection.close()
            raise
        return connection


def make_file(path: Path) -> None:
    """SQLite gives its side files the mode of the database. Raises StoreUnavailable."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = not path.exists()
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        keys.only_owner(path)
        if new:
            keys.sync_folder(path.parent)
    except OSError as error:
        raise StoreUnavailable(f"the database {path} cannot be opened: {error.strerror}") from error


class SqliteEvents:
    def __init__(
        self,
        writer: ConnectionThread,
        reader: ConnectionThread,
        feed: "_Feed",
        codec: Codec,
        vault: Callable[[], keys.Vault],
        clock: Callable[[], float],
    ) -> None:
        self._writer = writer
        self._reader = reader
        self._feed = feed
        self._codec = codec
        self._vault = vault
        self._clock = clock

    async def append(
        self, stream: str, expected_version: int, events: Sequence[Event], *, fence: int = 0
    ) -> int:
        check_stream_name(stream)
        encoded = [self._codec.encode(event) for event in events]
        return await self._writer.run(lambda c: self._append(c, stream, expected_version, encoded, fence))

    async def read(self, stream: str, after: int = 0) -> Sequence[Recorded]:
        if not is_stream_name(stream):
            return []
        return await self._reader.run(lambda c: self._read(c, stream, max(after, 0)))

    async def streams(self, prefix: str) -> Sequence[str]:
        query = (
            "SELECT stream FROM streams WHERE stream >= ?1 AND substr(stream, 1, length(?1)) = ?1 ORDER BY 1"
        )
        return await self._reader.run(lambda c: [name for (name,) in c.execute(query, (prefix,))])

    @asynccontextmanager
    async def subscribe(self, prefix: str) -> AsyncIterator[AsyncIterator[Recorded]]:
        subscription = Subscription(prefix)
        self._feed.add(subscription)
        try:
            subscription.begin(await self._writer.run(self._feed.begin))
            yield subscription
        finally:
            self._feed.discard(subscription)

    async def erase(self, stream: str, owner: str) -> None:
        await self._writer.run(lambda c: self._erase(c, stream, owner))

    async def verify(self, exported: audit.Heads | None = None) -> Sequence[audit.Fault]:
        return await self._reader.run(lambda c: _verify(c, exported))

    async def heads(self) -> audit.Heads:
        return await self._reader.run(_heads)

    def _append(
        self, c: sqlite3.Connection, stream: str, expected: int, encoded: Sequence[Encoded], fence: int
    ) -> int:
        with transaction(c):
            _demand_not_fenced(c, stream, fence)
            head = _head(c, stream)
            if head.version != expected:
                raise VersionConflict(stream, expected, head.version)
            if not encoded:
                return head.version
            owned: dict[str, bytes] = {}
            fresh: list[tuple[str, str, bytes]] = []
            links: list[audit.Link] = []
            for one in encoded:
                if one.owner is not None and one.owner not in owned:
                    owned[one.owner] = self._key(c, stream, one.owner, fresh)
                links.append(close_link(one, head, stream, owned.get(one.owner or "")))
                head = audit.Head(links[-1].version, links[-1].hash)
            _write(c, links, fresh, fence)
            if expected == 0 and stream.startswith(audit.CHRONICLED):
                created = audit.Head(1, links[0].hash)
                _chronicle(c, audit.EntryKind.CREATED, stream, "", self._clock(), created)
        return head.version

    def _key(
        self, c: sqlite3.Connection, stream: str, owner: str, fresh: list[tuple[str, str, bytes]]
    ) -> bytes:
        query = "SELECT wrapped FROM content_keys WHERE stream = ? AND owner = ?"
        row = c.execute(query, (stream, owner)).fetchone()
        if row is None:
            key = keys.new_key()
            fresh.append((stream, owner, self._vault().wrap(stream, owner, key)))
            return key
        if row[0] is None:
            raise ContentErased(f"the content of {owner} in {stream} is erased")
        return self._vault().unwrap(stream, owner, row[0])

    def _read(self, c: sqlite3.Connection, stream: str, after: int) -> list[Recorded]:
        """Keys are read after the events, so that none is missing for an event that is seen."""
        query = f"SELECT {_LINK} FROM events WHERE stream = ? AND version >= ? ORDER BY version"
        links = [audit.Link(*row) for row in c.execute(query, (stream, after))]
        before = audit.NOTHING
        if after > 0 and links and links[0].version == after:
            before = audit.Head(after, links.pop(0).hash)
        return open_links(self._codec, links, before, _keys_of(c, stream), self._vault())

    def _erase(self, c: sqlite3.Connection, stream: str, owner: str) -> None:
        with transaction(c):
            head = _head(c, stream)
            if head.version == 0:
                raise LookupError(f"there is no stream {stream}")
            if _keys_of(c, stream).get(owner, b"") is not None:
                c.execute(
                    "INSERT INTO content_keys VALUES (?, ?, NULL)"
                    " ON CONFLICT (stream, owner) DO UPDATE SET wrapped = NULL",
                    (stream, owner),
                )
                _chronicle(c, audit.EntryKind.ERASED, stream, owner, self._clock(), head)
        [(blocked, _, _)] = c.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        if blocked:
            raise StoreUnavailable(
                "the key is destroyed, but not yet scrubbed from the log: repeat the erasure"
            )


class _Feed:
    """Finds what is new in the file, whoever wrote it, and hands it to the subscribers in the event loop.

    `begin`, `idle` and `pump` run in the writer's thread, all else in the loop's.
    """

    def __init__(
        self, codec: Codec, vault: Callable[[], keys.Vault], loop: asyncio.AbstractEventLoop
    ) -> None:
        self._codec = codec
        self._vault = vault
        self._loop = loop
        self._subscriptions: frozenset[Subscription] = frozenset()
        self._position: int | None = None

    def add(self, subscription: Subscription) -> None:
        self._subscriptions |= {subscription}

    def discard(self, subscription: Subscription) -> None:
        self._subscriptions -= {subscription}

    def end(self, error: Exception | None = None) -> None:
        for subscription in self._subscriptions:
            subscription.end(error)

    def idle(self) -> float | None:
        return POLL if self._subscriptions else None

    def begin(self, c: sqlite3.Connection) -> int:
        """The position that a subscription starts after."""
        latest: int = c.execute("SELECT coalesce(max(position), 0) FROM events").fetchone()[0]
        if self._position is None:
            self._position = latest
        return latest

    def pump(self, c: sqlite3.Connection) -> None:
        if not self._subscriptions:
            self._position = None
            return
        try:
            while self._position is not None and (batch := self._batch(c)):
                self._position = batch[-1][0]
                self._post(self._hand_out, batch)
        except sqlite3.Error as error:
            self._post(self.end, StoreUnavailable(f"the database cannot be read: {error}"))

    def _batch(self, c: sqlite3.Connection) -> list[tuple[int, str, Item]]:
        query = (
            f"SELECT position, {_LINK} FROM events WHERE position > ? ORDER BY position LIMIT {_FEED_BATCH}"
        )
        rows = [(row[0], audit.Link(*row[1:])) for row in c.execute(query, (self._position,))]
        wrapped = {stream: _keys_of(c, stream) for stream in {one.stream for _, one in rows}}
        return [(position, one.stream, self._item(one, wrapped[one.stream])) for position, one in rows]

    def _item(self, one: audit.Link, wrapped: Mapping[str, bytes | None]) -> Item:
        try:
            return open_link(self._codec, one, wrapped, self._vault())
        except (UnknownEvent, CorruptLog) as error:
            return error

    def _hand_out(self, batch: Sequence[tuple[int, str, Item]]) -> None:
        for position, stream, item in batch:
            for subscription in self._subscriptions:
                subscription.offer(position, stream, item)

    def _post(self, call: Callable[..., None], argument: Any) -> None:
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(call, argument)


def _head(c: sqlite3.Connection, stream: str) -> audit.Head:
    row = c.execute("SELECT version, hash FROM streams WHERE stream = ?", (stream,)).fetchone()
    return audit.NOTHING if row is None else audit.Head(*row)


def _demand_not_fenced(c: sqlite3.Connection, stream: str, fence: int) -> None:
    row = c.execute("SELECT fence FROM streams WHERE stream = ?", (stream,)).fetchone()
    if row is not None and fence < row[0]:
        raise Fenced(f"{stream} belongs to somebody else now")


def _write(
    c: sqlite3.Connection,
    links: Sequence[audit.Link],
    fresh: Sequence[tuple[str, str, bytes]],
    fence: int = 0,
) -> None:
    last = links[-1]
    c.execute(
        "INSERT INTO streams (stream, version, hash, fence) VALUES (?, ?, ?, ?) ON CONFLICT (stream)"
        " DO UPDATE SET version = excluded.version, hash = excluded.hash, fence = excluded.fence",
        (last.stream, last.version, last.hash, fence),
    )
    c.executemany("INSERT INTO content_keys VALUES (?, ?, ?)", fresh)
    c.executemany(
        f"INSERT INTO events ({_LINK}) VALUES (?, ?, ?, ?, ?, ?)",
        [(one.stream, one.version, one.head, one.content, one.previous, one.hash) for one in links],
    )


def _keys_of(c: sqlite3.Connection, stream: str) -> dict[str, bytes | None]:
    return dict(c.execute("SELECT owner, wrapped FROM content_keys WHERE stream = ?", (stream,)).fetchall())


def _chronicle(
    c: sqlite3.Connection, kind: audit.EntryKind, stream: str, owner: str, at: float, head: audit.Head
) -> None:
    made = audit.entry(_service_head(c), kind, stream, owner, at, head)
    c.execute(
        "INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            made.number,
            str(made.kind),
            made.stream,
            made.owner,
            made.at,
            made.version,
            made.stream_hash,
            made.previous,
            made.hash,
        ),
    )
    c.execute("INSERT OR REPLACE INTO meta VALUES ('service_version', ?)", (made.number,))
    c.execute("INSERT OR REPLACE INTO meta VALUES ('service_hash', ?)", (made.hash,))


def _service_head(c: sqlite3.Connection) -> audit.Head:
    query = "SELECT name, value FROM meta WHERE name IN ('service_version', 'service_hash')"
    found = dict(c.execute(query).fetchall())
    return audit.Head(found["service_version"], found["service_hash"]) if len(found) == 2 else audit.NOTHING


def _heads(c: sqlite3.Connection) -> audit.Heads:
    c.execute("BEGIN")
    try:
        return heads_now(c)
    finally:
        c.execute("COMMIT")


def heads_now(c: sqlite3.Connection) -> audit.Heads:
    rows = c.execute("SELECT stream, version, hash FROM streams")
    return audit.Heads(
        _service_head(c), {stream: audit.Head(version, hash_) for stream, version, hash_ in rows}
    )


def _verify(c: sqlite3.Connection, exported: audit.Heads | None) -> list[audit.Fault]:
    """One view of the file for all the checks."""
    c.execute("BEGIN")
    try:
        return verify_now(c, exported)
    finally:
        c.execute("COMMIT")


def verify_now(c: sqlite3.Connection, exported: audit.Heads | None) -> list[audit.Fault]:
    """Events are read one after the other."""
    entries = [audit.Entry(*row) for row in c.execute("SELECT * FROM entries ORDER BY number")]
    there = {
        (stream, owner): bool(is_there)
        for stream, owner, is_there in c.execute(
            "SELECT stream, owner, wrapped IS NOT NULL FROM content_keys"
        )
    }
    rows = c.execute(f"SELECT {_LINK} FROM events ORDER BY stream, version")
    links = ((one, content_owner(one)) for one in (audit.Link(*row) for row in rows))
    return audit.check(links, audit.Books(heads_now(c), entries, there), exported)
