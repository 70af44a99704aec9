"""One thread that owns one SQLite connection and does its jobs in order."""

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from rooms.store.base import StoreUnavailable

T = TypeVar("T")
QUEUE_LIMIT = 4096
"""Jobs that may wait; beyond that the store counts as unavailable."""

_Job = tuple[Callable[[sqlite3.Connection], Any], "Future[Any]"]
_OUR_MISTAKES = (sqlite3.ProgrammingError, sqlite3.DataError, sqlite3.NotSupportedError)


class ConnectionThread:
    """`after` runs after each job and each wait; `idle` says how long to wait at most, in seconds."""

    def __init__(
        self,
        name: str,
        connect: Callable[[], sqlite3.Connection],
        after: Callable[[sqlite3.Connection], None] = lambda _: None,
        idle: Callable[[], float | None] = lambda: None,
    ) -> None:
        self._connect = connect
        self._after = after
        self._idle = idle
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._started: Future[None] = Future()
        self._ended: Future[None] = Future()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)

    async def start(self) -> None:
        """Raises StoreUnavailable when the database cannot be opened; the thread is gone then."""
        self._thread.start()
        try:
            await asyncio.shield(asyncio.wrap_future(self._started))
        except BaseException:
            await self.close()
            raise

    async def run(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Raises what the job raises; SQLite's own troubles as StoreUnavailable."""
        if self._closed:
            raise StoreUnavailable("the store is closed")
        if self._jobs.qsize() >= QUEUE_LIMIT:
            raise StoreUnavailable(f"more than {QUEUE_LIMIT} calls are waiting for the store")
        future: Future[T] = Future()
        self._jobs.put((job, future))
        return await asyncio.wrap_future(future)

    async def close(self) -> None:
        """Does what is waiting, then ends the thread."""
        if not self._closed:
            self._closed = True
            self._jobs.put(None)
        await asyncio.shield(asyncio.wrap_future(self._ended))
        self._thread.join()

    def _work(self) -> None:
        try:
            connection = self._connect()
        except Exception as error:
            self._started.set_exception(_understood(error))
            self._ended.set_result(None)
            return
        self._started.set_result(None)
        try:
            while True:
                try:
                    job = self._jobs.get(timeout=self._idle())
                except queue.Empty:
                    self._after(connection)
                    continue
                if job is None:
                    return
                _do(connection, *job)
                del job  # with its result, while nothing is to be done
                self._after(connection)
        finally:
            connection.close()
            self._ended.set_result(None)


def _do(
    connection: sqlite3.Connection, job: Callable[[sqlite3.Connection], Any], future: "Future[Any]"
) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = job(connection)
    except Exception as error:
        future.set_exception(_understood(error))
    else:
        future.set_result(result)


def _understood(error: Exception) -> Exception:
    """Locked, full, damaged, not a database: the store is unavailable. A mistake of ours stays what it is."""
    if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, _OUR_MISTAKES):
        unavailable = StoreUnavailable(f"the database cannot be used: {error}")
        unavailable.__cause__ = error
        return unavailable
    return error
