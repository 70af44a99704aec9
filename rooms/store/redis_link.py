"""Talking to Redis: what is asked may be asked again, what is changed is sent once."""

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    NoPermissionError,
    NoScriptError,
    RedisError,
    ResponseError,
)

from rooms.store.base import StoreUnavailable
from rooms.store.redis_server import RedisServer, demand_durable, facts, make_pool

T = TypeVar("T")
Command = Sequence[Any]
CONNECTIONS = 16
"""At once, at most."""
PAUSE = 0.05
"""Seconds between attempts."""


class Unsure(StoreUnavailable):
    """The change was sent, and it is not known whether it was made."""


class _NotSent(StoreUnavailable):
    pass


class Script:
    """Runs in Redis, whole or not at all. `name` is for messages."""

    def __init__(self, name: str, source: str) -> None:
        self.name = name
        self.source = source.strip()
        self.digest = hashlib.sha1(self.source.encode(), usedforsecurity=False).hexdigest()

    def call(self, keys: Sequence[str], args: Command, *, known: bool = True) -> Command:
        """`known`: Redis has seen it before."""
        how = ("EVALSHA", self.digest) if known else ("EVAL", self.source)
        return [*how, len(keys), *keys, *args]


class RedisLink:
    def __init__(self, server: RedisServer) -> None:
        self.server = server
        self._pool = make_pool(server)
        self._places = asyncio.Semaphore(CONNECTIONS)
        self._failing_since: float | None = None
        self._looking: asyncio.Task[None] | None = None
        self._closed = False

    async def open(self) -> None:
        """Raises StoreUnavailable, also for a Redis that could lose what it has acknowledged."""
        [info] = await self.ask(["INFO"])
        [config] = await self.ask(["CONFIG", "GET", "appendonly", "appendfsync", "maxmemory-policy"])
        demand_durable(facts(info), config)

    async def close(self) -> None:
        """Waits for what is under way."""
        if self._closed:
            return
        self._closed = True
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        for _ in range(CONNECTIONS):
            await self._places.acquire()
        await self._pool.disconnect()
        for _ in range(CONNECTIONS):
            self._places.release()

    async def ask(self, *commands: Command) -> list[Any]:
        """The answers to commands that change nothing. Raises StoreUnavailable."""
        return await self._again(lambda: self._exchange(commands), (_NotSent, Unsure))

    async def together(self, *commands: Command) -> list[Any]:
        """As `ask`, and all answers are of the same moment."""
        answers = await self.ask(["MULTI"], *commands, ["EXEC"])
        found: list[Any] = answers[-1]
        return found

    async def change(self, script: Script, keys: Sequence[str], args: Command) -> Any:
        """What the script gives, once it is as durable as it should be. Raises Unsure, StoreUnavailable."""

        async def run() -> Any:
            try:
                return await self._changed(script.call(keys, args))
            except NoScriptError:
                return await self._changed(script.call(keys, args, known=False))

        return await self._again(run, (_NotSent,))

    async def order(self, *commands: Command) -> list[Any]:
        """Sent once; whether it is durable on replicas is not waited for. Raises Unsure, StoreUnavailable."""
        return await self._again(lambda: self._exchange(commands), (_NotSent,))

    async def _changed(self, command: Command) -> Any:
        if not self.server.replicas:
            return (await self._exchange([command]))[0]
        wait = ["WAIT", self.server.replicas, int(self.server.timeout * 500)]
        answer, have = await self._exchange([command, wait])
        if have < self.server.replicas:
            raise Unsure(f"{have} replicas have it, and {self.server.replicas} must")
        return answer

    async def _again(
        self, attempt: Callable[[], Awaitable[T]], repeatable: tuple[type[StoreUnavailable], ...]
    ) -> T:
        """When it has failed for as long as one waits for an answer, nobody else is kept waiting: all are
        refused until somebody who looks has found it again."""
        begun = time.monotonic()
        if self._failing_since is not None and begun - self._failing_since > self.server.timeout:
            raise _NotSent(f"Redis at {self.server.where} is away")
        while True:
            try:
                answer = await attempt()
            except (_NotSent, Unsure) as error:
                self._failed()
                if time.monotonic() - begun < self.server.timeout and isinstance(error, repeatable):
                    await asyncio.sleep(PAUSE)
                    continue
                raise
            except ResponseError as error:
                raise _refused(error, self.server) from error
            self._failing_since = None
            return answer

    def _failed(self) -> None:
        if self._failing_since is None:
            self._failing_since = time.monotonic()
        if self._looking is None and not self._closed:
            self._looking = asyncio.create_task(self._look())

    async def _look(self) -> None:
        while self._failing_since is not None:
            await asyncio.sleep(PAUSE)
            try:
                await self._exchange([["PING"]])
            except (_NotSent, Unsure):
                continue
            except (StoreUnavailable, ResponseError):
                pass  # it answers: whoever asks next is told what it says
            self._failing_since = None
        self._looking = None

    async def _exchange(self, commands: Sequence[Command]) -> list[Any]:
        async with self._places:
            with cancellable():
                answers = await self._answers(commands)
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return answers

    async def _answers(self, commands: Sequence[Command]) -> list[Any]:
        if self._closed:
            raise StoreUnavailable("the store is closed")
        try:
            connection = await self._pool.get_connection()  # type: ignore[no-untyped-call]
        except AuthenticationError as error:
            raise self._refused_user(error) from error
        except (RedisError, OSError) as error:
            raise _NotSent(f"Redis at {self.server.where} cannot be reached: {_text(error)}") from error
        try:
            return await converse(connection, commands)
        except AuthenticationError as error:
            raise self._refused_user(error) from error
        except (RedisError, OSError) as error:
            raise Unsure(f"Redis at {self.server.where} does not answer: {_text(error)}") from error
        finally:
            await self._pool.release(connection)

    def _refused_user(self, error: AuthenticationError) -> StoreUnavailable:
        return StoreUnavailable(f"Redis at {self.server.where} refuses the user: {error}")


@contextmanager
def cancellable() -> Iterator[None]:
    """Up to Python 3.11 `wait_for`, with which commands are sent, can lose a cancellation."""
    task = asyncio.current_task()
    before = 0 if task is None else task.cancelling()
    try:
        yield
    finally:
        if task is not None and task.cancelling() > before:
            raise asyncio.CancelledError


async def converse(connection: AbstractConnection, commands: Sequence[Command]) -> list[Any]:
    """A connection on which something was left unread is not used again."""
    answers: list[Any] = []
    try:
        await connection.send_packed_command(connection.pack_commands(commands))
        for _ in commands:
            try:
                answers.append(await connection.read_response())
            except BusyLoadingError:
                raise
            except ResponseError as error:
                answers.append(error)
    except BaseException:
        await connection.disconnect(nowait=True)
        raise
    return answers


def _refused(error: ResponseError, server: RedisServer) -> StoreUnavailable:
    if isinstance(error, NoPermissionError):
        return StoreUnavailable(f"the user of Redis at {server.where} lacks a right: {error}")
    return StoreUnavailable(f"Redis at {server.where} refuses: {error}")


def _text(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
