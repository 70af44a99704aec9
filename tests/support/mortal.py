"""The service as a process that is killed, anywhere or at a certain step of a batch, and starts again.

Its media worker is a real one and outlives it, as it does outside of tests.
"""

import asyncio
import multiprocessing
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from ctypes import c_int, c_longlong
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import aiohttp

from config.settings import Settings
from media.client import Hello, WorkerClient
from rooms.commands import Command
from rooms.decide import decide
from rooms.errors import Rejected
from rooms.events import Event, MeetingPaused
from rooms.meeting import Meeting, fold
from rooms.store.base import StoreUnavailable
from rooms.store.sqlite import SqliteEvents, open_sqlite
from signaling import logs
from signaling.app import WORKER_SOCKET, make_tokens
from signaling.exchange import Exchange
from signaling.keys import KeyFolder
from signaling.leftover import listener_of
from signaling.live import Live
from signaling.restrictions import Restrictions
from signaling.services import Services
from signaling.serving import serve as run
from signaling.stores import DATABASE
from tests.support.inventory import allocated
from tests.support.service import SITE, Service, settings_for

STARTED = 60.0
LOOK_AGAIN = 0.02
COUNTED_EVERY = 0.5

Prepare = Callable[[], None]
Told = tuple[c_int, c_longlong]

STEPS: tuple[tuple[type, str], ...] = (
    (Exchange, "restrict"),
    (SqliteEvents, "append"),
    (Restrictions, "keep"),
    (Exchange, "allow"),
    (Live, "_tell"),
    (Exchange, "reconcile"),
)
"""The service can be killed just before and just after each of these."""


def context() -> ForkServerContext:
    made = multiprocessing.get_context("forkserver")
    made.set_forkserver_preload([__name__])
    return made


class Mortal:
    """`async with Mortal(path) as it`: `it.service` calls it, `kill` ends it, `start` brings it back.

    `steps_left`: it is killed at the so many-th step from now (0: never). `store_down`: nothing can be saved.
    `prepare`: called in the process before the service starts. `tasks`: how many there are in its loop.
    `allocated`: bytes in use.
    """

    def __init__(self, data: Path, prepare: Prepare | None = None, **changes: Any) -> None:
        self.data = data
        self._prepare = prepare
        self._context = context()
        self._ports = _free(socket.SOCK_STREAM), _free(socket.SOCK_DGRAM)
        self._changes = changes
        self.steps_left = self._context.RawValue(c_int, 0)
        self.store_down = self._context.RawValue(c_int, 0)
        self.tasks = self._context.RawValue(c_int, 0)
        self.allocated = self._context.RawValue(c_longlong, 0)
        self._process: ForkServerProcess | None = None

    @property
    def settings(self) -> Settings:
        settings = settings_for(self.data, **self._changes)
        http, media = self._ports
        return settings.model_copy(
            update={"http_port": http, "media_port": media, "public_url": f"http://localhost:{http}"}
        )

    @property
    def media_address(self) -> tuple[str, int]:
        return "127.0.0.1", self._ports[1]

    @property
    def worker_socket(self) -> Path:
        return self.data / WORKER_SOCKET

    async def __aenter__(self) -> Self:
        await self.start()
        self._http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True))
        tokens = make_tokens(self.settings, KeyFolder(self.settings.keys))
        token, _ = tokens.issue_staff(sub="lena", name="Lena Ek", role="host", sites=[SITE])
        url = f"http://127.0.0.1:{self._ports[0]}"
        self.service = Service(cast(Services, None), url, self._http, token)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.close()
        await self.kill()
        await self.end_worker()

    async def start(self) -> None:
        """Returns when its port takes connections; they are answered when it is ready."""
        self.steps_left.value = self.store_down.value = 0
        self._process = self._context.Process(
            target=serve,
            args=(
                self.settings,
                self.steps_left,
                self.store_down,
                (self.tasks, self.allocated),
                self._prepare,
            ),
        )
        self._process.start()
        async with asyncio.timeout(STARTED):
            while True:
                assert self._process.is_alive(), "it has ended by itself"
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", self._ports[0])
                except OSError:
                    await asyncio.sleep(LOOK_AGAIN)
                else:
                    writer.close()
                    return

    async def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            await self.dead()

    async def stop(self, number: signal.Signals) -> None:
        """As a person or an init system stops it; returns when it has ended."""
        os.kill(self.pid, number)
        await self.dead()

    async def dead(self) -> None:
        """Returns when it has died."""
        process, self._process = self._process, None
        if process is not None:
            await asyncio.to_thread(process.join, STARTED)
            assert not process.is_alive()
            process.close()

    @property
    def pid(self) -> int:
        assert self._process is not None
        assert self._process.pid is not None
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.is_alive()

    async def worker(self) -> Hello:
        """What the worker says of itself; only while the service is dead, for it has one controller."""
        client = await WorkerClient.connect(self.worker_socket, lambda event, data: None, lambda: None)
        client.close()
        return client.hello

    async def end_worker(self) -> None:
        """Whether it answers or not."""
        pid = listener_of(self.worker_socket)
        if pid is not None:
            os.kill(pid, signal.SIGKILL)

    async def saved(self, meeting: str) -> tuple[Sequence[Event], Meeting]:
        """The log, and the state that it and the kept restrictions give; while the service is dead."""
        store = await open_sqlite(self.data / DATABASE)
        try:
            log = [recorded.event for recorded in await store.events.read(f"meeting/{meeting}")]
        finally:
            await store.close()
        state = fold(log)
        assert state is not None
        for kept in Restrictions(self.data / "restrictions.jsonl").of(meeting):
            if not any(isinstance(event, MeetingPaused) for event in log[kept.version :]):
                state = _after(state, kept.command, kept.at)
        return log, state


def _after(state: Meeting, command: Command, at: float) -> Meeting:
    with suppress(Rejected):
        return fold(decide(state, command, at), state) or state
    return state


def serve(
    settings: Settings, steps_left: c_int, store_down: c_int, told: Told, prepare: Prepare | None
) -> None:
    """What the process runs."""
    logs.configure("error")
    if prepare is not None:
        prepare()
    for owner, name in STEPS:
        setattr(owner, name, _mortal(getattr(owner, name), steps_left))
    append = SqliteEvents.append

    async def append_if_up(self: SqliteEvents, *args: Any, **named: Any) -> int:
        if store_down.value:
            raise StoreUnavailable("the disk is full")
        return await append(self, *args)

    SqliteEvents.append = append_if_up  # type: ignore[method-assign]
    asyncio.run(_counted(settings, told))


async def _counted(settings: Settings, told: Told) -> None:
    tasks, bytes_ = told

    async def count() -> None:
        while True:
            tasks.value, bytes_.value = len(asyncio.all_tasks()) - 1, allocated()
            await asyncio.sleep(COUNTED_EVERY)

    counting = asyncio.create_task(count())
    try:
        await run(settings, hands_over=True)
    finally:
        counting.cancel()


def _mortal(step: Callable[..., Any], steps_left: c_int) -> Callable[..., Any]:
    def passed() -> None:
        if steps_left.value == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        steps_left.value = max(0, steps_left.value - 1)

    async def later(work: Awaitable[Any]) -> Any:
        result = await work
        passed()
        return result

    def call(*args: Any, **named: Any) -> Any:
        passed()
        result = step(*args, **named)
        if asyncio.iscoroutine(result):
            return later(result)
        passed()
        return result

    return call


def _free(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
