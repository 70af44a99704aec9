"""A Redis store as a whole: read out as it is at one moment, or filled.

While it is filled it carries a mark, with which nobody else uses it; a copy that was broken off is begun
anew.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from rooms import audit
from rooms.store import keys
from rooms.store.dump import CopyRefused, Dump, KeyRow, RecordRow, Row
from rooms.store.redis import RedisStore
from rooms.store.redis_audit import RedisBooks, View
from rooms.store.redis_link import Command, RedisLink
from rooms.store.redis_names import Names, Standing, entry_fields, link_fields
from rooms.store.redis_scripts import LOADED, LOADING

_COPIED = b"copied"
"""Stands where the name of the last append would."""


class RedisCopy:
    """Opens the store when it is needed."""

    def __init__(self, store: RedisStore) -> None:
        self._store = store
        self._books = RedisBooks(store.link, store.names)

    @asynccontextmanager
    async def dump(self) -> AsyncIterator[Dump]:
        await self._store.open()
        try:
            view = await self._books.view()
            yield Dump(view.heads, view.record_version, self._store.vault(), self._rows(view))
        finally:
            await self._store.close()

    @asynccontextmanager
    async def loading(self, heads: audit.Heads, record_version: int) -> AsyncIterator["_Loader"]:
        await self._store.open(loading=True)
        link, names = self._store.link, self._store.names
        try:
            if not await link.change(LOADING, [names.meta, names.heads, names.kinds, names.entries], []):
                raise CopyRefused(f"Redis at {link.server.where} is not empty")
            await self._clear()
            await link.order(*_beginning(names, heads, record_version))
            yield _Loader(link, names, self._store.vault(), self._books)
            await link.change(LOADED, [names.meta], [])
        finally:
            await self._store.close()

    async def _clear(self) -> None:
        """What a copy has left that was broken off."""
        link, names = self._store.link, self._store.names
        found: set[bytes] = set()
        cursor = b"0"
        while True:
            [(cursor, some)] = await link.ask(["SCAN", cursor, "MATCH", names.everything, "COUNT", 1000])
            found |= set(some)
            if cursor == b"0":
                break
        for key in found - {names.meta.encode()}:
            await link.order(["UNLINK", key])
        counters = ("position", "record_version", "service_version", "service_hash")
        await link.order(["HDEL", names.meta, *counters])

    async def _rows(self, view: View) -> AsyncIterator[Row]:
        for entry in view.entries:
            yield entry
        for stream, owned in sorted(view.keys.items()):
            for owner, wrapped in sorted(owned.items()):
                yield KeyRow(stream, owner, wrapped)
        for kind, held in sorted(view.records.items()):
            for key, value in sorted(held.items()):
                yield _record(kind, key, value)
        for stream in sorted(view.heads.streams):
            async for link in self._books.links(stream, view):
                yield link


class _Loader:
    def __init__(self, link: RedisLink, names: Names, vault: keys.Vault, books: RedisBooks) -> None:
        self._link = link
        self._names = names
        self._books = books
        self.vault = vault

    async def add(self, rows: Sequence[Row]) -> None:
        commands = [command for row in rows for command in self._commands(row)]
        if commands:
            await self._link.order(*commands)

    async def faults(self, heads: audit.Heads) -> Sequence[audit.Fault]:
        return await self._books.verify(heads)

    def _commands(self, row: Row) -> list[Command]:
        names = self._names
        match row:
            case audit.Link():
                return [["XADD", names.events(row.stream), f"{row.version}-0", *link_fields(row)]]
            case audit.Entry():
                return [["XADD", names.entries, f"{row.number}-0", *entry_fields(row)]]
            case KeyRow():
                return [["HSET", names.keys(row.stream), row.owner, row.wrapped or b""]]
            case RecordRow():
                return self._of_record(row)

    def _of_record(self, row: RecordRow) -> list[Command]:
        names = self._names
        expires = "-" if row.expires_at is None else repr(float(row.expires_at))
        commands: list[Command] = [
            ["SADD", names.kinds, row.kind],
            ["HSET", names.records(row.kind), row.key, f"{row.version} {expires} {row.text}"],
            ["ZADD", names.known(row.kind), 0, row.key],
        ]
        if row.expires_at is not None:
            commands.append(["ZADD", names.expiry, expires, f"{row.kind}\0{row.key}"])
        return commands


def _beginning(names: Names, heads: audit.Heads, record_version: int) -> list[Command]:
    commands: list[Command] = [["HSET", names.meta, "record_version", record_version]]
    if heads.service.version:
        commands.append(
            ["HSET", names.meta, "service_version", heads.service.version, "service_hash", heads.service.hash]
        )
    for stream, head in heads.streams.items():
        commands.append(["HSET", names.heads, stream, Standing(head, _COPIED).written()])
        commands.append(["ZADD", names.streams, 0, stream])
    return commands


def _record(kind: str, key: bytes, value: bytes) -> RecordRow:
    version, expires, text = value.split(b" ", 2)
    at = None if expires == b"-" else float(expires)
    return RecordRow(kind, key.decode(), text.decode(), int(version), at)
