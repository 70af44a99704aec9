"""The media workers of this machine, and which meeting's media is where.

A meeting has one worker. It goes to the one with the fewest, when its first device sends or receives; and to
another as soon as its own is gone.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from config.media import MediaSettings
from signaling import leftover
from signaling.dump import RoomDump
from signaling.worker import Worker

Found = tuple[Worker, list[RoomDump]]
"""A worker that has gone on without us, and its rooms."""


class Listener(Protocol):
    """Who is told what the workers do: the hub."""

    def on_media(self, event: str, data: dict[str, Any]) -> None: ...

    async def on_media_lost(self, worker: Worker) -> None:
        """What it held is lost; its meetings are to ask for a place again."""


class Workers:
    def __init__(
        self, settings: MediaSettings, socket: Path, ack_timeout: float, *, count: int = 1, silence: float
    ) -> None:
        """`socket`: of the first; the others have a number in its name. The ports are in sequence too."""
        self._ack_timeout = ack_timeout
        self._socket = socket
        self.all = [
            Worker(_with_port(settings, place), _numbered(socket, place), ack_timeout, silence)
            for place in range(count)
        ]
        self._listener: Listener | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def running(self) -> bool:
        return any(worker.running for worker in self.all)

    @property
    def router_capabilities(self) -> dict[str, Any]:
        """The same of all. Raises `ServiceUnavailable`."""
        return next((w for w in self.all if w.running), self.all[0]).router_capabilities

    @property
    def load(self) -> Sequence[int]:
        """How many meetings each has."""
        return [len(worker.rooms) for worker in self.all]

    def place(self) -> Worker:
        """Where the next meeting goes."""
        running = [worker for worker in self.all if worker.running]
        return min(running or self.all, key=lambda worker: len(worker.rooms))

    async def start(self, listener: Listener) -> list[Found]:
        """Takes over the workers that are there, and starts the others. Raises `ServiceUnavailable`."""
        self._listener = listener
        await self._end_surplus()
        started = await asyncio.gather(*(worker.start(self) for worker in self.all), return_exceptions=True)
        for failed in started:
            if isinstance(failed, BaseException):
                raise failed
        return [(w, rooms) for w, rooms in zip(self.all, started, strict=True) if isinstance(rooms, list)]

    async def hand_over(self) -> None:
        """Those that carry media run on alone, for the service that starts next; the others end."""
        await asyncio.gather(*(worker.hand_over() for worker in self.all))
        await self._settled()

    async def close(self) -> None:
        await asyncio.gather(*(worker.close() for worker in self.all))
        await self._settled()

    def on_media(self, event: str, data: dict[str, Any]) -> None:
        if self._listener is not None:
            self._listener.on_media(event, data)

    def on_media_gone(self, worker: Worker) -> None:
        """Its meetings need not wait for another in its place, where there is one already."""
        if self.running and self._listener is not None:
            task = asyncio.create_task(self._listener.on_media_lost(worker))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def on_media_lost(self, worker: Worker) -> None:
        if self._listener is not None:
            await self._listener.on_media_lost(worker)

    async def _settled(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _end_surplus(self) -> None:
        """Workers that were left behind when there were more of them."""
        for socket in self._socket.parent.glob(_numbered(self._socket, "*").name):
            if socket in [_numbered(self._socket, place) for place in range(len(self.all))]:
                continue
            pid = leftover.listener_of(socket)
            if pid is not None:
                await leftover.end(pid, self._ack_timeout)
            socket.unlink(missing_ok=True)


def _with_port(settings: MediaSettings, place: int) -> MediaSettings:
    return settings if settings.port == 0 else replace(settings, port=settings.port + place)


def _numbered(socket: Path, place: int | str) -> Path:
    return socket if place == 0 else socket.with_name(f"{socket.stem}-{place}{socket.suffix}")
