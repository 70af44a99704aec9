"""What is new in Redis, whoever wrote it, handed to the subscribers."""

import asyncio
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

from redis.exceptions import RedisError

from rooms.store import keys
from rooms.store.base import CorruptLog, SlowReader, StoreUnavailable, UnknownEvent
from rooms.store.codec import Codec, open_link
from rooms.store.feed import LIMIT, Item, Subscription
from rooms.store.redis_link import PAUSE, Command, RedisLink, cancellable, converse
from rooms.store.redis_names import Names, pairs, read_link
from rooms.store.redis_server import make_pool

BLOCK = 1.0
"""Seconds that Redis waits for something new before it says that there is nothing."""
_BATCH = 4 * LIMIT


class RedisFeed:
    def __init__(self, link: RedisLink, names: Names, codec: Codec, vault: Callable[[], keys.Vault]) -> None:
        self._link = link
        self._names = names
        self._codec = codec
        self._vault = vault
        self._pool = make_pool(link.server, link.server.timeout + BLOCK)
        self._subscriptions: frozenset[Subscription] = frozenset()
        self._position = 0
        self._task: asyncio.Task[None] | None = None

    async def add(self, subscription: Subscription) -> None:
        """Added first, so that it misses nothing while the position is asked for. Raises StoreUnavailable."""
        self._subscriptions |= {subscription}
        latest = await self._latest()
        subscription.begin(latest)
        if self._task is None:
            self._position = latest
            self._task = asyncio.create_task(self._follow())

    def discard(self, subscription: Subscription) -> None:
        self._subscriptions -= {subscription}
        if not self._subscriptions and self._task is not None:
            self._task.cancel()
            self._task = None

    async def close(self) -> None:
        """Hands out what is there already, and ends. Before the link is closed."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            try:
                [found] = await self._link.ask(self._command(wait=False))
                await self._take(found)
            except StoreUnavailable:
                pass
        self._end()
        await self._pool.disconnect()

    def _end(self, error: Exception | None = None) -> None:
        for subscription in self._subscriptions:
            subscription.end(error)

    async def _latest(self) -> int:
        [position] = await self._link.ask(["HGET", self._names.meta, "position"])
        return int(position or 0)

    async def _follow(self) -> None:
        """A Redis that was away has kept what came meanwhile; one that stands further back has lost some."""
        lost = False
        while True:
            try:
                if lost and await self._latest() < self._position:
                    self._position = await self._latest()
                    self._end(SlowReader("the feed has been broken off"))
                found = await self._wait()
                await self._take(found)
                lost = False
            except (StoreUnavailable, RedisError, OSError):
                lost = True
                await asyncio.sleep(PAUSE)

    async def _wait(self) -> Any:
        with cancellable():
            connection = await self._pool.get_connection()  # type: ignore[no-untyped-call]
            try:
                [found] = await converse(connection, [self._command(wait=True)])
            finally:
                await self._pool.release(connection)
        if isinstance(found, Exception):
            raise found
        return found

    def _command(self, *, wait: bool) -> Command:
        block: Command = ["BLOCK", int(BLOCK * 1000)] if wait else []
        return ["XREAD", "COUNT", _BATCH, *block, "STREAMS", self._names.feed, f"{self._position}-0"]

    async def _take(self, found: Any) -> None:
        """All of a batch is handed out at once, so that a reader's delay is counted rightly."""
        rows = found[0][1] if found else []
        told = [_told(row) for row in rows]
        if not told:
            return
        if told[0][0] > self._position + 1:
            self._end(SlowReader("the feed no longer holds what came next"))
        items: list[tuple[int, str, Item]] = []
        for stream, group in groupby(told, key=lambda each: each[1]):
            items += await self._items(stream, list(group))
        self._position = told[-1][0]
        for position, stream, item in items:
            for subscription in self._subscriptions:
                subscription.offer(position, stream, item)

    async def _items(self, stream: str, told: Sequence[tuple[int, str, int]]) -> list[tuple[int, str, Item]]:
        span = f"{told[0][2]}-0", f"{told[-1][2]}-0"
        rows, owned = await self._link.ask(
            ["XRANGE", self._names.events(stream), *span], ["HGETALL", self._names.keys(stream)]
        )
        wrapped = keys_of(owned)
        links = {link.version: link for link in (read_link(stream, row) for row in rows)}
        items: list[tuple[int, str, Item]] = []
        for position, _, version in told:
            try:
                one = links.get(version)
                if one is None:
                    raise CorruptLog(f"{stream} version {version} is gone")
                items.append((position, stream, open_link(self._codec, one, wrapped, self._vault())))
            except (UnknownEvent, CorruptLog) as error:
                items.append((position, stream, error))
        return items


def keys_of(owned: Sequence[bytes]) -> dict[str, bytes | None]:
    """Owner → wrapped key, None where it was destroyed."""
    return {owner.decode(): wrapped or None for owner, wrapped in pairs(owned).items()}


def _told(row: Sequence[Any]) -> tuple[int, str, int]:
    id_, flat = row
    fields = pairs(flat)
    return int(id_.partition(b"-")[0]), fields[b"stream"].decode(), int(fields[b"version"])
