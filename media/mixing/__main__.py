"""The mixing process: `python -m media.mixing --control-fd N`.

Newline-delimited JSON over an inherited socket, requests `{id, method, params}` with one answer each. It ends
when the other side of the socket is closed; nothing outlives who asked for it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import math
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from config import faults
from media.errors import WorkerError
from media.mixing.loudness import FRAME
from media.mixing.mix import Levels, Plan
from media.mixing.seat import Seat
from media.peer import PeerFailed

log = logging.getLogger(__name__)

MAX_LINE = 1 << 20
MAX_MIXES = 200
BEHIND = 5
"""Ticks; whoever is further behind leaves out what was missed."""

Params = dict[str, Any]


class Mixer:
    """All mixes of this process, and their one clock."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._seats: dict[str, Seat] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        self._at = self._loop.time()
        self._timer = self._loop.call_soon(self._tick)
        self._methods: dict[str, Callable[[Params], Params | Awaitable[Params]]] = {
            "ping": lambda params: {},
            "open": self._open,
            "connect": self._connect,
            "hear": self._hear,
            "forget": self._forget,
            "set": self._set,
            "close": self._close,
        }

    async def serve(self, reader: asyncio.StreamReader) -> None:
        """Until the other side is gone."""
        with contextlib.suppress(ConnectionError):
            while line := await reader.readline():
                request = json.loads(line)
                task = asyncio.create_task(self._answer(request["id"], request["method"], request["params"]))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        self._timer.cancel()
        for task in self._tasks:
            task.cancel()
        for seat in self._seats.values():
            seat.close()
        self._seats.clear()

    async def _answer(self, id_: int, method: str, params: Params) -> None:
        try:
            found = self._methods[method](params)
            self._write({"id": id_, "result": await found if isinstance(found, Awaitable) else found})
        except WorkerError as error:
            self._write({"id": id_, "error": {"code": error.code, "message": error.message}})
        except PeerFailed as error:
            self._write({"id": id_, "error": {"code": "not_connected", "message": str(error)}})
        except Exception:
            log.exception("the method %s met a fault", method)
            failure = {"code": "internal_error", "message": "the mixer could not carry this out"}
            self._write({"id": id_, "error": failure})

    def _write(self, message: dict[str, Any]) -> None:
        self._writer.write(json.dumps(message, separators=(",", ":")).encode() + b"\n")

    def _tick(self) -> None:
        now = self._loop.time()
        behind = int((now - self._at) / FRAME)
        if behind > BEHIND:
            self._at += behind * FRAME
            for seat in self._seats.values():
                seat.skip(behind)
        while self._at <= now:
            self._at += FRAME
            for id_, seat in list(self._seats.items()):
                try:
                    seat.tick(now)
                except Exception:
                    log.exception("a mix met a fault and is closed")
                    self._end(id_)
        self._timer = self._loop.call_at(self._at, self._tick)

    def _open(self, params: Params) -> Params:
        if params["mix"] in self._seats or len(self._seats) >= MAX_MIXES:
            raise WorkerError("limit_reached", "the mix exists, or there are too many")
        id_ = params["mix"]
        seat = self._seats[id_] = Seat(params["capabilities"], lambda: self._end(id_))
        return seat.offer

    async def _connect(self, params: Params) -> Params:
        await self._seat(params).connect(params["send"], params["receive"])
        return {}

    def _hear(self, params: Params) -> Params:
        try:
            self._seat(params).hear(params["voice"], params["owner"], params["source"], params["ssrc"])
        except ValueError as error:
            raise WorkerError("limit_reached", str(error)) from error
        return {}

    def _forget(self, params: Params) -> Params:
        self._seat(params).forget(params["voice"])
        return {}

    def _set(self, params: Params) -> Params:
        self._seat(params).set(plan_of(params))
        return {}

    def _close(self, params: Params) -> Params:
        seat = self._seats.pop(params["mix"], None)
        if seat is not None:
            seat.close()
        return {}

    def _end(self, id_: str) -> None:
        """By itself: whoever asked for it is told."""
        seat = self._seats.pop(id_, None)
        if seat is not None:
            seat.close()
            self._write({"event": "ended", "mix": id_})

    def _seat(self, params: Params) -> Seat:
        seat = self._seats.get(params["mix"])
        if seat is None:
            raise WorkerError("unknown_mix", "there is no such mix")
        return seat


def plan_of(params: Params) -> Plan:
    """From `{voices: [[owner, source, level, lowered], …], over, automatic}`."""
    levels = {
        (owner, source): Levels(_level(level), _level(lowered))
        for owner, source, level, lowered in params["voices"]
    }
    return Plan(levels, params["over"], params["automatic"])


def _level(value: float) -> float:
    if not math.isfinite(value):
        raise WorkerError("invalid_parameters", "a level is a number")
    return min(1.0, max(0.0, value))


async def _run(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(faults.in_loop)
    reader, writer = await asyncio.open_connection(sock=socket.socket(fileno=descriptor), limit=MAX_LINE)
    mixer = Mixer(writer)
    serving = asyncio.create_task(mixer.serve(reader))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, serving.cancel)
    try:
        with contextlib.suppress(asyncio.CancelledError):
            await serving
    finally:
        mixer.close()
        writer.close()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m media.mixing", description="Mixes for who cannot.")
    parser.add_argument("--control-fd", type=int, required=True, help="descriptor of the control socket")
    chosen = parser.parse_args(arguments)
    handler = logging.StreamHandler()
    handler.setFormatter(faults.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    faults.watch()
    with asyncio.Runner(loop_factory=_loop_factory) as runner:
        runner.run(_run(chosen.control_fd))
    return 0


def _loop_factory() -> asyncio.AbstractEventLoop:
    """uvloop where it is installed."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


if __name__ == "__main__":
    sys.exit(main())
