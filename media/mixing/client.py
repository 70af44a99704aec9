"""The controlling side of the mixing process: what signaling uses."""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
import sys
from collections.abc import Callable, Mapping
from typing import Any

from media.errors import WorkerError
from media.process import Process

PROGRAM = "media.mixing"
ANSWER_LIMIT = 2.5
LOOK_EVERY = 1.0
"""Seconds between two looks whether the process still answers."""
CONNECT_LIMIT = 15.0
START_LIMIT = 20.0
MAX_LINE = 1 << 20


class MixerClient:
    """One process, started by `start`. It ends with `close`, or by itself: then `lost` is called, once.

    Calls raise `WorkerError`; `mixer_lost` when the process is gone, `no_answer` when it stands still, and
    is ended therefore.
    """

    def __init__(
        self,
        process: Process,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        ended: Callable[[str], None],
        lost: Callable[[], None],
    ) -> None:
        """`ended` is called for a mix that has ended by itself."""
        self.process = process
        self._reader, self._writer = reader, writer
        self._ended, self._lost = ended, lost
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._closed = False
        self._tasks = asyncio.create_task(self._read()), asyncio.create_task(self._watch())

    @classmethod
    async def start(cls, ended: Callable[[str], None], lost: Callable[[], None]) -> MixerClient:
        ours, theirs = socket.socketpair()
        with theirs:
            descriptor = theirs.fileno()
            words = [sys.executable, "-m", PROGRAM, "--control-fd", str(descriptor)]
            process = Process.spawn(words, descriptor)
        reader, writer = await asyncio.open_connection(sock=ours, limit=MAX_LINE)
        return cls(process, reader, writer, ended, lost)

    async def open(self, mix: str, capabilities: Mapping[str, Any]) -> dict[str, Any]:
        """`{send, receive, rtpParameters}`: the DTLS parameters of its two transports, and what it sends."""
        return await self._call("open", START_LIMIT, mix=mix, capabilities=capabilities)

    async def connect(self, mix: str, send: Mapping[str, Any], receive: Mapping[str, Any]) -> None:
        """Both transports, with the worker's answers to `createTransport`; returns when they stand."""
        await self._call("connect", CONNECT_LIMIT, mix=mix, send=send, receive=receive)

    async def hear(self, mix: str, *, voice: str, owner: str, source: str, ssrc: int) -> None:
        await self._call("hear", mix=mix, voice=voice, owner=owner, source=source, ssrc=ssrc)

    async def forget(self, mix: str, voice: str) -> None:
        await self._call("forget", mix=mix, voice=voice)

    async def set(
        self, mix: str, voices: list[tuple[str, str, float, float]], over: str | None, automatic: bool
    ) -> None:
        """How loud each is: owner, source, level, level while `over` interprets over the floor."""
        await self._call("set", mix=mix, voices=voices, over=over, automatic=automatic)

    async def close_mix(self, mix: str) -> None:
        await self._call("close", mix=mix)

    async def close(self) -> None:
        """Idempotent; the process has ended on return."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        self._fail_waiting()
        self._writer.close()
        try:
            await asyncio.wait_for(self.process.wait(), 2.0)
        except TimeoutError:
            self.process.kill()
            await self.process.wait()

    async def _call(self, method: str, limit: float = ANSWER_LIMIT, /, **params: Any) -> dict[str, Any]:
        if self._closed:
            raise WorkerError("mixer_lost", "the mixing process is gone")
        number = next(self._numbers)
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        request = {"id": number, "method": method, "params": params}
        self._writer.write(json.dumps(request, separators=(",", ":")).encode() + b"\n")
        try:
            return await asyncio.wait_for(future, limit)
        except TimeoutError as error:
            self.process.kill()
            raise WorkerError("no_answer", "the mixing process does not answer") from error
        finally:
            self._waiting.pop(number, None)

    async def _watch(self) -> None:
        """One that stands still is ended, and noticed as one that has died."""
        limit = START_LIMIT
        while True:
            try:
                await self._call("ping", limit)
            except WorkerError:
                return
            limit = ANSWER_LIMIT
            await asyncio.sleep(LOOK_EVERY)

    async def _read(self) -> None:
        try:
            while line := await self._reader.readline():
                self._take(json.loads(line))
        except (OSError, ValueError):
            pass
        if not self._closed:
            self._closed = True
            self._fail_waiting()
            self._writer.close()
            self._lost()

    def _take(self, message: dict[str, Any]) -> None:
        if message.get("event") == "ended":
            self._ended(message["mix"])
            return
        future = self._waiting.get(message["id"])
        if future is None or future.done():
            return
        if "error" in message:
            future.set_exception(WorkerError(message["error"]["code"], message["error"]["message"]))
        else:
            future.set_result(message["result"])

    def _fail_waiting(self) -> None:
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(WorkerError("mixer_lost", "the mixing process is gone"))
