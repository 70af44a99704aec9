"""What a meeting does later: named timers, each of which starts one piece of work."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from rooms.errors import Rejected
from signaling.errors import ServiceUnavailable

log = structlog.get_logger(__name__)

Work = Callable[[], Coroutine[Any, Any, Any]]


class Timers:
    """A name has one timer at a time: the later `set` replaces the earlier. Instants are `clock`'s.

    Nothing is done before `begin`, however late it becomes. `done` is called whenever work has ended.
    """

    def __init__(
        self, owner: str, clock: Callable[[], float], done: Callable[[], None] = lambda: None
    ) -> None:
        self._owner = owner
        self._clock = clock
        self._done = done
        self._held: dict[str, tuple[float, Work]] | None = {}
        self._waiting: dict[str, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    def begin(self) -> None:
        held, self._held = self._held or {}, None
        for name, (at, work) in held.items():
            self.set(name, at, work)

    def set(self, name: str, at: float, work: Work) -> None:
        self.cancel(name)
        if self._closed:
            return
        if self._held is not None:
            self._held[name] = at, work
            return
        delay = max(0.0, at - self._clock())
        self._waiting[name] = asyncio.get_running_loop().call_later(delay, self._begin, name, work)

    def cancel(self, name: str) -> None:
        if self._held is not None:
            self._held.pop(name, None)
        timer = self._waiting.pop(name, None)
        if timer is not None:
            timer.cancel()

    @property
    def working(self) -> bool:
        return bool(self._tasks)

    def stop(self) -> None:
        """Nothing begins after this."""
        self._closed = True
        self._held = None
        for name in list(self._waiting):
            self.cancel(name)

    async def close(self) -> None:
        """Returns when the work that has begun is done."""
        self.stop()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _begin(self, name: str, work: Work) -> None:
        del self._waiting[name]
        task = asyncio.create_task(self._run(name, work))
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._done()

    async def _run(self, name: str, work: Work) -> None:
        try:
            await work()
        except (Rejected, ServiceUnavailable) as error:
            log.warning("later work failed", meeting=self._owner, work=name, error=error.message)
        except Exception:
            log.exception("later work failed", meeting=self._owner, work=name)
