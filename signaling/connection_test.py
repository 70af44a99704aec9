"""A path to media for whoever tests their connection: nothing goes over it, and it is gone after a minute.

Its room has no table, so the worker allows nothing in it. A relay that is entered for it reaches media alone.
"""

import asyncio
import contextlib
import secrets
from hashlib import sha256
from typing import Any

from media.client import WorkerError
from signaling.errors import ServiceUnavailable
from signaling.problems import Problem
from signaling.turn import Turn
from signaling.worker import Worker
from signaling.workers import Workers

ROOM = "connection-test"
LASTS = 60.0
MOST = 150
"""Paths at a time: a test takes five."""
PLACES = 32
"""Of those who test, for a relay, which lets each have so many paths (coturn: `user-quota`): so all who test
leave some to meetings. A path stays while somebody refreshes it, whatever it was entered with."""


def place_of(address: str) -> str:
    return f"connection-test {int(sha256(address.encode()).hexdigest(), 16) % PLACES}"


class ConnectionTest:
    def __init__(self, workers: Workers, turn: Turn) -> None:
        self._workers = workers
        self._turn = turn
        self._closing: dict[str, asyncio.Task[None]] = {}

    async def begin(self, address: str) -> dict[str, Any]:
        """What a browser at that address needs to look for the path, with the relays. Raises Problem when too
        many test."""
        if len(self._closing) >= MOST:
            after = {"Retry-After": str(int(LASTS))}
            raise Problem(429, "too_many_requests", "too many test their connection now", headers=after)
        transport = f"test_{secrets.token_hex(8)}"
        worker = self._workers.place()
        self._closing[transport] = asyncio.create_task(self._close_later(worker, transport))
        try:
            offer: dict[str, Any] = await worker.call(
                lambda client: client.create_transport(
                    room=ROOM, owner=transport, transport=transport, direction="send"
                )
            )
        except BaseException:
            self._closing.pop(transport).cancel()
            raise
        return {"ice_servers": self._turn.servers(place_of(address), LASTS), "transport": offer}

    async def _close_later(self, worker: Worker, transport: str) -> None:
        await asyncio.sleep(LASTS)
        with contextlib.suppress(WorkerError, ServiceUnavailable):
            await worker.call(lambda client: client.close_transport(transport))
        self._closing.pop(transport, None)

    async def close(self) -> None:
        tasks = list(self._closing.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._closing.clear()
