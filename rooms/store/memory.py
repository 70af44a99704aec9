"""A store in memory, for tests and for trying things out: the bytes of the other stores, without a disk."""

import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from rooms import audit
from rooms.events import Event
from rooms.store import keys
from rooms.store.base import (
    ContentErased,
    Fenced,
    Record,
    Recorded,
    Store,
    StoreUnavailable,
    VersionConflict,
    check_stream_name,
)
from rooms.store.codec import (
    Codec,
    close_link,
    content_owner,
    decode_value,
    encode_record,
    meeting_codec,
    open_links,
)
from rooms.store.feed import Subscription


def open_memory(*, clock: Callable[[], float] = time.time, codec: Codec | None = None) -> Store:
    return MemoryStore(clock, codec or meeting_codec())


class MemoryStore:
    def __init__(self, clock: Callable[[], float], codec: Codec) -> None:
        self.events = MemoryEvents(clock, codec)
        self.records = MemoryRecords(clock)

    async def close(self) -> None:
        self.events.close()
        self.records.close()


class MemoryEvents:
    """Nothing awaits while it changes something, so every call is atomic."""

    def __init__(self, clock: Callable[[], float], codec: Codec) -> None:
        self._clock = clock
        self._codec = codec
        self._vault = keys.Vault(keys.new_key())
        self._links: dict[str, list[audit.Link]] = {}
        self._keys: dict[str, dict[str, bytes | None]] = {}
        self._fences: dict[str, int] = {}
        self._entries: list[audit.Entry] = []
        self._position = 0
        self._subscriptions: set[Subscription] = set()
        self._closed = False

    async def append(
        self, stream: str, expected_version: int, events: Sequence[Event], *, fence: int = 0
    ) -> int:
        self._open()
        check_stream_name(stream)
        encoded = [self._codec.encode(event) for event in events]
        if fence < self._fences.get(stream, 0):
            raise Fenced(f"{stream} belongs to somebody else now")
        head = self._head(stream)
        if head.version != expected_version:
            raise VersionConflict(stream, expected_version, head.version)
        wrapped = dict(self._keys.get(stream, {}))
        made: list[audit.Link] = []
        for one in encoded:
            key = None if one.owner is None else self._key(stream, one.owner, wrapped)
            made.append(close_link(one, head, stream, key))
            head = audit.Head(made[-1].version, made[-1].hash)
        if not made:
            return head.version
        self._keys[stream] = wrapped
        self._fences[stream] = fence
        self._links.setdefault(stream, []).extend(made)
        if expected_version == 0 and stream.startswith(audit.CHRONICLED):
            created = audit.Head(1, made[0].hash)
            self._entries.append(
                audit.entry(self._service(), audit.EntryKind.CREATED, stream, "", self._clock(), created)
            )
        self._publish(stream, made, expected_version)
        return head.version

    async def read(self, stream: str, after: int = 0) -> Sequence[Recorded]:
        self._open()
        links = self._links.get(stream, [])
        after = max(after, 0)
        before = audit.Head(after, links[after - 1].hash) if 0 < after <= len(links) else audit.NOTHING
        return open_links(self._codec, links[after:], before, self._keys.get(stream, {}), self._vault)

    async def streams(self, prefix: str) -> Sequence[str]:
        self._open()
        return sorted(name for name in self._links if name.startswith(prefix))

    @asynccontextmanager
    async def subscribe(self, prefix: str) -> AsyncIterator[AsyncIterator[Recorded]]:
        self._open()
        subscription = Subscription(prefix)
        self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)

    async def erase(self, stream: str, owner: str) -> None:
        self._open()
        if stream not in self._links:
            raise LookupError(f"there is no stream {stream}")
        wrapped = self._keys.setdefault(stream, {})
        if owner in wrapped and wrapped[owner] is None:
            return
        wrapped[owner] = None
        head = self._head(stream)
        self._entries.append(
            audit.entry(self._service(), audit.EntryKind.ERASED, stream, owner, self._clock(), head)
        )

    async def verify(self, exported: audit.Heads | None = None) -> Sequence[audit.Fault]:
        self._open()
        there = {
            (stream, owner): key is not None
            for stream, owned in self._keys.items()
            for owner, key in owned.items()
        }
        links = ((one, content_owner(one)) for stream in sorted(self._links) for one in self._links[stream])
        return audit.check(links, audit.Books(await self.heads(), self._entries, there), exported)

    async def heads(self) -> audit.Heads:
        self._open()
        return audit.Heads(self._service(), {stream: self._head(stream) for stream in self._links})

    def close(self) -> None:
        self._closed = True
        for subscription in self._subscriptions:
            subscription.end()

    def _open(self) -> None:
        if self._closed:
            raise StoreUnavailable("the store is closed")

    def _head(self, stream: str) -> audit.Head:
        links = self._links.get(stream)
        return audit.Head(links[-1].version, links[-1].hash) if links else audit.NOTHING

    def _service(self) -> audit.Head:
        return (
            audit.Head(self._entries[-1].number, self._entries[-1].hash) if self._entries else audit.NOTHING
        )

    def _key(self, stream: str, owner: str, wrapped: dict[str, bytes | None]) -> bytes:
        if owner not in wrapped:
            wrapped[owner] = self._vault.wrap(stream, owner, keys.new_key())
        found = wrapped[owner]
        if found is None:
            raise ContentErased(f"the content of {owner} in {stream} is erased")
        return self._vault.unwrap(stream, owner, found)

    def _publish(self, stream: str, made: Sequence[audit.Link], after: int) -> None:
        if not self._subscriptions:
            return
        before = audit.NOTHING if after == 0 else audit.Head(after, made[0].previous)
        for recorded in open_links(self._codec, made, before, self._keys[stream], self._vault):
            self._position += 1
            for subscription in self._subscriptions:
                subscription.offer(self._position, stream, recorded)


class MemoryRecords:
    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._held: dict[tuple[str, str], tuple[str, int, float | None]] = {}
        self._written = 0
        self._closed = False

    async def put_if_absent(
        self, kind: str, key: str, value: Mapping[str, Any], expires_at: float | None = None
    ) -> bool:
        self._open()
        text = encode_record(key, value, expires_at)
        if self._alive(kind, key) is not None:
            return False
        self._write(kind, key, text, expires_at)
        return True

    async def get(self, kind: str, key: str) -> Record | None:
        self._open()
        return self._alive(kind, key)

    async def compare_and_set(
        self, kind: str, key: str, version: int, value: Mapping[str, Any], expires_at: float | None = None
    ) -> bool:
        self._open()
        text = encode_record(key, value, expires_at)
        held = self._alive(kind, key)
        if held is None or held.version != version:
            return False
        self._write(kind, key, text, expires_at)
        return True

    async def delete(self, kind: str, key: str) -> bool:
        self._open()
        alive = self._alive(kind, key) is not None
        self._held.pop((kind, key), None)
        return alive

    async def scan(self, kind: str, prefix: str = "") -> Sequence[tuple[str, Record]]:
        self._open()
        names = sorted(key for held, key in self._held if held == kind and key.startswith(prefix))
        found = [(key, self._alive(kind, key)) for key in names]
        return [(key, record) for key, record in found if record is not None]

    async def sweep(self, now: float) -> int:
        self._open()
        gone = [
            name for name, (_, _, expires) in self._held.items() if expires is not None and expires <= now
        ]
        for name in gone:
            del self._held[name]
        return len(gone)

    def close(self) -> None:
        self._closed = True

    def _open(self) -> None:
        if self._closed:
            raise StoreUnavailable("the store is closed")

    def _write(self, kind: str, key: str, text: str, expires_at: float | None) -> None:
        self._written += 1
        self._held[kind, key] = (text, self._written, expires_at)

    def _alive(self, kind: str, key: str) -> Record | None:
        held = self._held.get((kind, key))
        if held is None or (held[2] is not None and held[2] <= self._clock()):
            return None
        return Record(decode_value(held[0]), held[1], held[2])
