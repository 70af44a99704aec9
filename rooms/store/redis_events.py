"""The events of the Redis store."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from rooms import audit
from rooms.events import Event
from rooms.store import keys
from rooms.store.base import (
    ContentErased,
    Fenced,
    Recorded,
    StoreUnavailable,
    VersionConflict,
    check_stream_name,
    is_stream_name,
)
from rooms.store.codec import Codec, Encoded, close_link, open_links
from rooms.store.feed import Subscription
from rooms.store.redis_audit import RedisBooks
from rooms.store.redis_feed import RedisFeed, keys_of
from rooms.store.redis_link import PAUSE, RedisLink, Script, Unsure
from rooms.store.redis_names import (
    Names,
    Standing,
    beginning_with,
    entry_fields,
    read_link,
    service_head,
    standing,
)
from rooms.store.redis_plan import Owned, Plan, known_hash
from rooms.store.redis_records import LOADING
from rooms.store.redis_scripts import APPEND, ERASE, GUARD
from rooms.store.redis_scrub import scrub

_TRIES = 100
"""For changes that others get in between: of the service's chain, or of a stream's keys."""


class RedisEvents:
    def __init__(
        self,
        link: RedisLink,
        names: Names,
        feed: RedisFeed,
        codec: Codec,
        vault: Callable[[], keys.Vault],
        clock: Callable[[], float],
    ) -> None:
        self._link = link
        self._names = names
        self._feed = feed
        self._codec = codec
        self._vault = vault
        self._clock = clock
        self._books = RedisBooks(link, names)
        self._chain = asyncio.Lock()
        """Who adds to the service's chain does so in turn, as far as this node is concerned."""

    async def append(
        self, stream: str, expected_version: int, events: Sequence[Event], *, fence: int = 0
    ) -> int:
        check_stream_name(stream)
        encoded = [self._codec.encode(event) for event in events]
        if expected_version or not stream.startswith(audit.CHRONICLED):
            return await self._append(stream, expected_version, encoded, fence)
        async with self._chain:
            return await self._append(stream, expected_version, encoded, fence)

    async def guard(self, stream: str, fence: int) -> None:
        """From here on a lower fencing token is refused, also before this one has written anything. Raises
        Fenced, StoreUnavailable."""
        if not await self._sent(GUARD, [self._names.fences], [check_stream_name(stream), fence]):
            raise Fenced(f"{stream} belongs to somebody else now")

    async def read(self, stream: str, after: int = 0) -> Sequence[Recorded]:
        """Keys are read after the events, so that none is missing for an event that is seen."""
        if not is_stream_name(stream):
            return []
        after = max(after, 0)
        rows, owned = await self._link.ask(
            ["XRANGE", self._names.events(stream), f"{after}-0", "+"], ["HGETALL", self._names.keys(stream)]
        )
        links = [read_link(stream, row) for row in rows]
        before = audit.NOTHING
        if after > 0 and links and links[0].version == after:
            before = audit.Head(after, links.pop(0).hash)
        return open_links(self._codec, links, before, keys_of(owned), self._vault())

    async def streams(self, prefix: str) -> Sequence[str]:
        [found] = await self._link.ask(["ZRANGEBYLEX", self._names.streams, *beginning_with(prefix)])
        return [name.decode() for name in found]

    @asynccontextmanager
    async def subscribe(self, prefix: str) -> AsyncIterator[AsyncIterator[Recorded]]:
        subscription = Subscription(prefix)
        try:
            await self._feed.add(subscription)
            yield subscription
        finally:
            self._feed.discard(subscription)

    async def erase(self, stream: str, owner: str) -> None:
        async with self._chain:
            await self._erase(stream, owner)
        await scrub(self._link)

    async def verify(self, exported: audit.Heads | None = None) -> Sequence[audit.Fault]:
        return await self._books.verify(exported)

    async def heads(self) -> audit.Heads:
        return await self._books.heads()

    async def _append(self, stream: str, expected: int, encoded: Sequence[Encoded], fence: int) -> int:
        for _ in range(_TRIES):
            plan = await self._planned(stream, expected, encoded)
            if not encoded:
                return expected
            answer = await self._sent(APPEND, self._append_keys(stream), plan.arguments(fence))
            match answer[0]:
                case b"done":
                    return expected + len(encoded)
                case b"version":
                    raise VersionConflict(stream, expected, answer[1])
                case b"fenced":
                    raise Fenced(f"{stream} belongs to somebody else now")
                case b"loading":
                    raise StoreUnavailable(LOADING)
        raise StoreUnavailable("others are always faster")

    async def _planned(self, stream: str, expected: int, encoded: Sequence[Encoded]) -> Plan:
        """Raises VersionConflict, ContentErased."""
        owners = sorted({one.owner for one in encoded if one.owner is not None})
        before, service, held = await self._look(stream, owners)
        if before.head.version != expected:
            raise VersionConflict(stream, expected, before.head.version)
        owned = {owner: self._key(stream, owner, wrapped) for owner, wrapped in held.items()}
        links: list[audit.Link] = []
        head = before.head
        for one in encoded:
            key = None if one.owner is None else owned[one.owner].key
            links.append(close_link(one, head, stream, key))
            head = audit.Head(links[-1].version, links[-1].hash)
        created = None
        if encoded and expected == 0 and stream.startswith(audit.CHRONICLED):
            first = audit.Head(1, links[0].hash)
            created = audit.entry(service, audit.EntryKind.CREATED, stream, "", self._clock(), first)
        return Plan(stream, before.head, links, owned, service, created)

    async def _look(
        self, stream: str, owners: Sequence[str]
    ) -> tuple[Standing, audit.Head, dict[str, bytes | None]]:
        names = self._names
        head, service, *rest = await self._link.ask(
            ["HGET", names.heads, stream],
            ["HMGET", names.meta, "service_version", "service_hash"],
            *([["HMGET", names.keys(stream), *owners]] if owners else []),
        )
        return standing(head), service_head(service), dict(zip(owners, rest[0] if rest else (), strict=True))

    def _key(self, stream: str, owner: str, wrapped: bytes | None) -> Owned:
        if wrapped is None:
            key = keys.new_key()
            return Owned(key, self._vault().wrap(stream, owner, key), new=True)
        if not wrapped:
            raise ContentErased(f"the content of {owner} in {stream} is erased")
        return Owned(self._vault().unwrap(stream, owner, wrapped), wrapped, new=False)

    async def _erase(self, stream: str, owner: str) -> None:
        names = self._names
        for _ in range(_TRIES):
            before, service, held = await self._look(stream, [owner])
            if before.head.version == 0:
                raise LookupError(f"there is no stream {stream}")
            if held[owner] == b"":
                return
            made = audit.entry(service, audit.EntryKind.ERASED, stream, owner, self._clock(), before.head)
            keys_ = [names.meta, names.heads, names.keys(stream), names.entries]
            stood = [before.written(), known_hash(service), *entry_fields(made)]
            answer = await self._sent(ERASE, keys_, [stream, owner, *stood])
            if answer[0] == b"done":
                return
            if answer[0] == b"loading":
                raise StoreUnavailable(LOADING)
        raise StoreUnavailable("others are always faster")

    async def _sent(self, script: Script, keys_: Sequence[str], args: Sequence[bytes | str | int]) -> Any:
        """A change whose answer is lost is sent again: it knows itself, and is made once."""
        until = time.monotonic() + self._link.server.timeout
        while True:
            try:
                return await self._link.change(script, keys_, args)
            except Unsure:
                if time.monotonic() > until:
                    raise
                await asyncio.sleep(PAUSE)

    def _append_keys(self, stream: str) -> list[str]:
        names = self._names
        return [
            names.meta,
            names.heads,
            names.streams,
            names.fences,
            names.events(stream),
            names.keys(stream),
            names.feed,
            names.entries,
        ]
