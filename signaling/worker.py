"""A media worker's keeper: one process is running, and what it says reaches the meetings.

A worker that does not acknowledge a restriction in time, or does not answer at all, is killed, which forbids
everything at once. One that a service which died has left behind is taken over as it is, media and all.
"""

import asyncio
import contextlib
import itertools
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Protocol

import structlog

from config.media import MediaSettings
from media.client import Table, WorkerClient, WorkerError, start_worker
from media.process import Process
from signaling import leftover
from signaling.dump import RoomDump, rooms_of
from signaling.errors import ServiceUnavailable

log = structlog.get_logger(__name__)

START_DEADLINE = 20.0
CALL_DEADLINE = 10.0
RESTART_PAUSE = 0.5
WATCH_EVERY = 0.5

_generations = itertools.count(1)


class MediaListener(Protocol):
    """Who is told what the worker does."""

    def on_media(self, event: str, data: dict[str, Any]) -> None: ...

    def on_media_gone(self, worker: "Worker") -> None:
        """It is dead, and another is being started."""

    async def on_media_lost(self, worker: "Worker") -> None:
        """Another runs in the place of the one that is gone."""


class Worker:
    def __init__(self, settings: MediaSettings, socket: Path, ack_timeout: float, silence: float) -> None:
        """`silence`: seconds without an answer after which it is taken for stalled."""
        self._settings = settings
        self._socket = socket
        self._ack_timeout = ack_timeout
        self._silence = silence
        self._client: WorkerClient | None = None
        self._process: Process | None = None
        self._listener: MediaListener | None = None
        self._restart: asyncio.Task[None] | None = None
        self._watch: asyncio.Task[None] | None = None
        self._closing = False
        self.generation = 0
        """Tells apart all workers that there have been."""
        self.rooms: set[str] = set()
        """Those with devices that send or receive."""

    @property
    def running(self) -> bool:
        return self._client is not None

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    @property
    def port(self) -> int:
        return self._running().hello.port

    @property
    def router_capabilities(self) -> dict[str, Any]:
        return dict(self._running().hello.rtp_capabilities)

    async def start(self, listener: MediaListener) -> list[RoomDump] | None:
        """Takes over the worker that is there, whose rooms are the result, or starts one: None.

        Raises `ServiceUnavailable` when it cannot; its message says why.
        """
        self._listener = listener
        rooms = await self._adopt() if self._socket.exists() else None
        if rooms is None:
            await self._launch()
        self._watch = asyncio.create_task(self._watch_over())
        return rooms

    async def hand_over(self) -> None:
        """A worker that carries media runs on alone, for the service that starts next; any other one ends."""
        await self._stop_restarting()
        if await self._carries_media():
            assert self._client is not None
            assert self._process is not None
            log.info("the media worker goes on without us", pid=self.pid)
            self._client.close()
            self._process.forget()
            self._client = self._process = None
        await self.close()

    async def _carries_media(self) -> bool:
        if self._client is None:
            return False
        try:
            told = await asyncio.wait_for(self._client.stats(), self._ack_timeout)
        except (WorkerError, TimeoutError, OSError):
            return False
        return bool(told["transports"])

    async def _stop_restarting(self) -> None:
        self._closing = True
        for task in (self._watch, self._restart):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    async def close(self) -> None:
        await self._stop_restarting()
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(WorkerError, TimeoutError, OSError):
                await asyncio.wait_for(client.shutdown(), self._ack_timeout)
            client.close()
        await self._ended()

    async def _ended(self) -> None:
        """Killed if it does not go by itself."""
        process, self._process = self._process, None
        if process is None:
            return
        try:
            await asyncio.wait_for(process.wait(), self._ack_timeout)
        except TimeoutError:
            process.kill()
            await process.wait()

    async def set_table(
        self, room: str, revision: int, table: Table, entering: frozenset[str] = frozenset()
    ) -> None:
        """Returns when the worker has acknowledged, or is dead: either way nothing else flows.

        Raises `ServiceUnavailable` in the second case.
        """
        client = self._running()
        try:
            await asyncio.wait_for(client.set_table(room, revision, table, entering), self._ack_timeout)
        except (TimeoutError, WorkerError, OSError) as error:
            log.error("worker does not acknowledge, killing it", room=room, error=repr(error))
            self._kill()
            raise ServiceUnavailable(
                "media_unavailable", "media does not answer; it is started again"
            ) from error

    async def call(self, ask: Callable[[WorkerClient], Awaitable[Any]]) -> Any:
        """The answer to any other request. Raises `WorkerError`; `ServiceUnavailable` without an answer."""
        client = self._running()
        try:
            return await asyncio.wait_for(ask(client), CALL_DEADLINE)
        except WorkerError as error:
            if error.code != "worker_lost":
                raise
            raise ServiceUnavailable(
                "media_unavailable", "media is being started; try again in a moment"
            ) from error
        except (TimeoutError, OSError) as error:
            raise ServiceUnavailable("media_unavailable", "media does not answer") from error

    def _running(self) -> WorkerClient:
        if self._client is None:
            raise ServiceUnavailable("media_unavailable", "media is being started; try again in a moment")
        return self._client

    async def _adopt(self) -> list[RoomDump] | None:
        """None for a worker that does not answer, speaks another protocol or has another port than it should:
        it is ended."""
        client = None
        try:
            client = await asyncio.wait_for(
                WorkerClient.connect(self._socket, self._on_event, self._on_lost), self._ack_timeout
            )
            if self._settings.port not in (0, client.hello.port):
                raise WorkerError("worker_failed", f"it uses media port {client.hello.port}")
            rooms = rooms_of(client.hello.dump)
            self._process = Process(client.hello.pid)
        except (OSError, WorkerError, TimeoutError, ValueError, LookupError, TypeError) as error:
            log.warning("the media worker that was left behind is ended", why=str(error))
            if client is not None:
                client.close()
            pid = leftover.listener_of(self._socket)
            if pid is not None:
                await leftover.end(pid, self._ack_timeout)
            self._socket.unlink(missing_ok=True)
            return None
        self._client = client
        self.generation = next(_generations)
        log.info("the media worker goes on", pid=self.pid, rooms=len(rooms))
        return rooms

    async def _launch(self) -> None:
        self._socket.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            async with asyncio.timeout(START_DEADLINE):
                self._process = await start_worker(self._settings, self._socket)
                self._client = await WorkerClient.connect(self._socket, self._on_event, self._on_lost)
                self.generation = next(_generations)
        except (TimeoutError, OSError, WorkerError) as error:
            self._kill_process()
            raise ServiceUnavailable(
                "media_unavailable", str(error) or "the media worker does not start"
            ) from error

    async def _watch_over(self) -> None:
        """Whoever answers nothing is as good as gone, and would forbid nothing either."""
        while True:
            await asyncio.sleep(WATCH_EVERY)
            client = self._client
            if client is None:
                continue
            try:
                async with asyncio.timeout(self._silence):
                    await client.ping()
            except TimeoutError:
                if client is self._client:
                    log.error("worker does not answer, killing it", pid=self.pid)
                    self._kill()
            except (WorkerError, OSError):
                continue

    def _on_event(self, event: str, data: dict[str, Any]) -> None:
        if self._listener is not None:
            self._listener.on_media(event, data)

    def _on_lost(self) -> None:
        if self._client is None or self._closing:
            return
        log.warning("the media worker is gone, starting another", pid=self.pid)
        self._kill()

    async def _start_again(self) -> None:
        """Until one runs; it can be lost again while the meetings still take it up."""
        while self._client is None and not self._closing:
            await self._ended()
            try:
                await self._launch()
            except ServiceUnavailable as error:
                log.error("the media worker does not start", error=error.message)
                await asyncio.sleep(RESTART_PAUSE)
            else:
                assert self._listener is not None
                await self._listener.on_media_lost(self)

    def _kill_process(self) -> None:
        if self._process is not None:
            self._process.kill()

    def _kill(self) -> None:
        client, self._client = self._client, None
        self._kill_process()
        if client is not None:
            client.close()
            self.rooms.clear()
            if self._restart is None or self._restart.done():
                self._restart = asyncio.create_task(self._start_again())
            if self._listener is not None:
                self._listener.on_media_gone(self)
