"""The controlling side of a media worker: what signaling uses."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.media import MediaSettings
from media.errors import WorkerError
from media.ortc import RtpCapabilities
from media.process import Process
from media.table import Table

__all__ = ["Hello", "Table", "WorkerClient", "WorkerError", "start_worker"]

log = logging.getLogger(__name__)

PROTOCOL = 1
START_LIMIT = 15.0
PROGRAM, INTERPRETED = "media", "media.worker"
"""The module that a worker's process runs."""
_MAX_LINE = 64 << 20
"""A dump holds everything, so it may be longer than a request."""


@dataclass(frozen=True)
class Hello:
    """The worker's first words; `dump` has rooms, transports, producers and consumers."""

    protocol: int
    pid: int
    port: int
    rtp_capabilities: RtpCapabilities
    dump: dict[str, Any]


class WorkerClient:
    """One control connection. Calls raise `WorkerError`; `worker_lost` when the connection ends."""

    def __init__(
        self,
        hello: Hello,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        on_event: Callable[[str, dict[str, Any]], None],
        on_lost: Callable[[], None],
    ) -> None:
        self.hello = hello
        self._reader, self._writer = reader, writer
        self._on_event, self._on_lost = on_event, on_lost
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._closed = False
        self._task = asyncio.get_running_loop().create_task(self._read())

    @classmethod
    async def connect(
        cls, path: Path, on_event: Callable[[str, dict[str, Any]], None], on_lost: Callable[[], None]
    ) -> WorkerClient:
        """Replaces any other controller. `OSError` when nobody listens, `WorkerError` for a strange hello."""
        reader, writer = await asyncio.open_unix_connection(str(path), limit=_MAX_LINE)
        try:
            hello = _read_hello(await reader.readline())
        except BaseException:
            writer.close()
            raise
        return cls(hello, reader, writer, on_event, on_lost)

    def close(self) -> None:
        """Idempotent; closes only the connection, `on_lost` is not called."""
        if self._closed:
            return
        self._closed = True
        self._task.cancel()
        self._writer.close()
        self._fail_waiting()

    async def create_transport(
        self,
        *,
        room: str,
        owner: str,
        transport: str,
        direction: str,
        rtp_capabilities: RtpCapabilities | None = None,
    ) -> dict[str, Any]:
        """`{id, iceParameters, iceCandidates, dtlsParameters}`; `direction` is send or recv."""
        return await self._call(
            "createTransport",
            room=room,
            owner=owner,
            transport=transport,
            direction=direction,
            rtpCapabilities=rtp_capabilities,
        )

    async def connect_transport(self, transport: str, dtls_parameters: Mapping[str, Any]) -> None:
        """Returns at once; the outcome is an event `transportState`."""
        await self._call("connectTransport", transport=transport, dtlsParameters=dtls_parameters)

    async def restart_ice(self, transport: str) -> dict[str, Any]:
        """New iceParameters."""
        return await self._call("restartIce", transport=transport)

    async def close_transport(self, transport: str) -> None:
        await self._call("closeTransport", transport=transport)

    async def produce(
        self, *, transport: str, producer: str, kind: str, source: str, rtp_parameters: Mapping[str, Any]
    ) -> None:
        await self._call(
            "produce",
            transport=transport,
            producer=producer,
            kind=kind,
            source=source,
            rtpParameters=rtp_parameters,
        )

    async def pause_producer(self, producer: str) -> None:
        await self._call("pauseProducer", producer=producer)

    async def resume_producer(self, producer: str) -> None:
        await self._call("resumeProducer", producer=producer)

    async def close_producer(self, producer: str) -> None:
        await self._call("closeProducer", producer=producer)

    async def consume(self, *, consumer: str, transport: str, producer: str) -> dict[str, Any]:
        """`{kind, rtpParameters}` of a paused consumer; `not_allowed` when the table forbids it."""
        return await self._call("consume", consumer=consumer, transport=transport, producer=producer)

    async def resume_consumer(self, consumer: str) -> None:
        await self._call("resumeConsumer", consumer=consumer)

    async def request_keyframe(self, consumer: str) -> None:
        """Of the source, for a listener who gets packets and sees nothing."""
        await self._call("requestKeyframe", consumer=consumer)

    async def pause_consumer(self, consumer: str) -> None:
        await self._call("pauseConsumer", consumer=consumer)

    async def close_consumer(self, consumer: str) -> None:
        await self._call("closeConsumer", consumer=consumer)

    async def set_preferred_layers(
        self, consumer: str, spatial: int, temporal: int | None = None, *, first: bool = False
    ) -> None:
        """`first`: before the listener's other pictures, and never without its motion."""
        await self._call(
            "setPreferredLayers", consumer=consumer, spatial=spatial, temporal=temporal, first=first
        )

    async def set_table(self, room: str, revision: int, allow: Table, entering: Iterable[str] = ()) -> None:
        """The whole table of the room; returns after everything forbidden is dropped. `entering`: listeners
        who come into a room that is otherwise as it was."""
        listed = {
            listener: {owner: list(sources) for owner, sources in owners.items()}
            for listener, owners in allow.items()
        }
        await self._call("setTable", room=room, revision=revision, allow=listed, entering=sorted(entering))

    async def close_owner(self, room: str, owner: str) -> None:
        await self._call("closeOwner", room=room, owner=owner)

    async def close_room(self, room: str) -> None:
        await self._call("closeRoom", room=room)

    async def stats(self, room: str | None = None) -> dict[str, Any]:
        return await self._call("stats", room=room)

    async def ping(self) -> None:
        """Does it answer?"""
        await self._call("ping")

    async def shutdown(self) -> None:
        """Ask the process to end."""
        await self._call("shutdown")

    async def _call(self, method: str, **params: Any) -> dict[str, Any]:
        if self._closed:
            raise WorkerError("worker_lost", "the connection to the media worker is closed")
        number = next(self._numbers)
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        try:
            request = {"id": number, "method": method, "params": params}
            self._writer.write(json.dumps(request, separators=(",", ":")).encode() + b"\n")
            return await future
        finally:
            self._waiting.pop(number, None)

    async def _read(self) -> None:
        try:
            while line := await self._reader.readline():
                self._take(json.loads(line))
        except (OSError, ValueError) as error:
            log.error("the media worker's connection broke: %s", error)
        self._lose()

    def _take(self, message: dict[str, Any]) -> None:
        if "event" in message:
            try:
                self._on_event(message["event"], message["data"])
            except Exception:
                log.exception("handling the worker's event %s failed", message["event"])
            return
        future = self._waiting.get(message.get("id") or 0)
        if future is None or future.done():
            return
        error = message.get("error")
        if error is None:
            future.set_result(message["result"])
        else:
            future.set_exception(WorkerError(error["code"], error["message"]))

    def _lose(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._writer.close()
        self._fail_waiting()
        self._on_lost()

    def _fail_waiting(self) -> None:
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(WorkerError("worker_lost", "the connection to the media worker ended"))


def _read_hello(line: bytes) -> Hello:
    try:
        hello = json.loads(line)["hello"]
        greeting = Hello(
            protocol=hello["protocol"],
            pid=hello["pid"],
            port=hello["port"],
            rtp_capabilities=hello["rtpCapabilities"],
            dump=hello["dump"],
        )
    except (ValueError, KeyError, TypeError) as error:
        raise WorkerError("worker_failed", "the media worker did not greet") from error
    if greeting.protocol != PROTOCOL:
        raise WorkerError("worker_failed", f"the media worker speaks protocol {greeting.protocol}")
    return greeting


async def start_worker(settings: MediaSettings, path: Path) -> Process:
    """Spawn a worker in a session of its own and wait until it listens; the caller ends it by its pid.

    `WorkerError` worker_failed with the exit code when it does not come up (2: port or socket taken).
    """
    readable, writable = os.pipe()
    try:
        process = _spawn(settings, path, writable)
    except BaseException:
        os.close(readable)
        raise
    finally:
        os.close(writable)
    ready = b""
    try:
        async with asyncio.timeout(START_LIMIT):
            ready = await _read_byte(readable)
    except TimeoutError:
        pass
    finally:
        if not ready:
            process.kill()
    if ready:
        return process
    code = await process.wait()
    raise WorkerError("worker_failed", f"the media worker did not start (exit code {code})")


def _spawn(settings: MediaSettings, path: Path, ready_fd: int) -> Process:
    return Process.spawn([*command(settings, path), "--ready-fd", str(ready_fd)], ready_fd)


def command(settings: MediaSettings, path: Path) -> list[str]:
    """What starts a worker that is controlled over this socket."""
    program = PROGRAM if settings.compiled else INTERPRETED
    return [sys.executable, "-m", program, "--socket", str(path), "--settings", settings.to_json()]


async def _read_byte(descriptor: int) -> bytes:
    """One byte from a pipe, or nothing when its other end closes; closes the pipe."""
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", buffering=0)
    )
    try:
        return await reader.read(1)
    finally:
        transport.close()
