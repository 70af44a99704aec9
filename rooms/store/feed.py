"""What a subscriber has not read yet."""

import asyncio
from collections import deque

from rooms.store.base import Recorded, SlowReader

LIMIT = 1024
"""Events that a subscriber may be behind before it is told that it has missed some."""

Item = Recorded | Exception
"""An event, or why it could not be read."""


class Subscription:
    """An iterator for one reader. `position` numbers the events of the whole store, from 1."""

    def __init__(self, prefix: str, limit: int = LIMIT) -> None:
        self._prefix = prefix
        self._limit = limit
        self._since = 0
        self._waiting: deque[tuple[int, Item]] = deque()
        self._error: Exception | None = None
        self._over = False
        self._wake = asyncio.Event()

    def begin(self, since: int) -> None:
        """Only positions above `since` count."""
        self._since = since

    def offer(self, position: int, stream: str, item: Item) -> None:
        if self._over or not stream.startswith(self._prefix):
            return
        if len(self._waiting) >= self._limit:
            self.end(SlowReader(f"more than {self._limit} events behind"))
            return
        self._waiting.append((position, item))
        self._wake.set()

    def end(self, error: Exception | None = None) -> None:
        """Nothing more comes; `error` is raised after what is waiting."""
        if not self._over:
            self._over = True
            self._error = error
            self._wake.set()

    def __aiter__(self) -> "Subscription":
        return self

    async def __anext__(self) -> Recorded:
        while True:
            while self._waiting:
                position, item = self._waiting.popleft()
                if position <= self._since:
                    continue
                if isinstance(item, Exception):
                    raise item
                return item
            if self._over:
                raise self._error or StopAsyncIteration
            self._wake.clear()
            await self._wake.wait()
