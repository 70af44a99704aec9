"""The media process: `python -m media.worker --socket PATH [--settings JSON] [--ready-fd N]`.

One controller at a time speaks newline-delimited JSON over a UNIX socket of mode 0600; a new
connection replaces the old one. Exit code 2 when the port or the socket is taken.
"""

from __future__ import annotations

import argparse
import asyncio
import errno
import fcntl
import json
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from config import faults
from config.media import MediaSettings
from media.errors import PortTaken, WorkerError
from media.exchange import Exchange
from media.memory import collect_rarely
from media.port import Port

log = logging.getLogger(__name__)

PROTOCOL = 1
MAX_LINE = 1 << 20
MAX_UNSENT = 8 << 20
"""Bytes a controller may leave unread before it is disconnected; it gets a dump when it comes back."""
EARLY = 0.2
"""By which share of the pause before it a part of the periodic work may be sooner while the process is awake
anyhow: to wake up costs more than the work."""
IDLE_LOOK = 1.0
LOCK_TRIES, LOCK_PAUSE = 20, 0.05
TAKEN = 2


class Worker:
    """Owns the port, the rooms, the control socket and the timers."""

    def __init__(self, settings: MediaSettings, path: Path) -> None:
        self._settings = settings
        self._path = path
        self.port = Port(settings.listen, settings.port, batched=settings.batched)
        self.exchange = Exchange(self.port, self._emit)
        self._controller: asyncio.StreamWriter | None = None
        self._left = False
        """A controller has been here and is gone."""
        self._connections: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._lock: int | None = None
        self._ended = asyncio.Event()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._tick_from = 0.0

    async def start(self) -> None:
        """Raise `PortTaken` when another worker has the socket path."""
        self._lock = await _lock(self._path)
        listener = _control_socket(self._path)
        self._server = await asyncio.start_unix_server(self._accept, sock=listener, limit=MAX_LINE)
        self.port.start()
        self.port.on_turn = self._turn
        self._begin_orphan_limits()
        self._tick(time.monotonic())

    async def run(self) -> None:
        """Until `end`, a signal, `shutdown`, or the orphan limit."""
        await self._ended.wait()

    def end(self) -> None:
        self._ended.set()

    async def close(self) -> None:
        self.end()
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self.exchange.close()
        self.port.close()
        if self._server is not None:
            self._server.close()
            self._path.unlink(missing_ok=True)
        for connection in list(self._connections):
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    # time

    def _turn(self, now: float) -> None:
        if now >= self._tick_from:
            self._timers["tick"].cancel()
            self._tick(now)

    def _tick(self, now: float | None = None) -> None:
        now = time.monotonic() if now is None else now
        try:
            self.exchange.tick(now)
        except Exception:
            log.exception("the periodic work met a fault")
        pause = self.exchange.pause
        self._tick_from = now + pause * (1 - EARLY)
        self._timers["tick"] = asyncio.get_running_loop().call_later(pause, self._tick)

    def _begin_orphan_limits(self) -> None:
        loop = asyncio.get_running_loop()
        self._timers["forbid"] = loop.call_later(self._settings.orphan_forbid, self._forbid)
        self._timers["end"] = loop.call_later(self._settings.orphan_end, self._abandon)

    def _end_orphan_limits(self) -> None:
        for name in ("forbid", "end", "idle"):
            timer = self._timers.pop(name, None)
            if timer is not None:
                timer.cancel()

    def _forbid(self) -> None:
        log.warning("no controller for %g s: everything is forbidden", self._settings.orphan_forbid)
        self.exchange.forbid_everything()
        if self._left:
            self._end_when_idle()

    def _end_when_idle(self) -> None:
        """Those who are connected may be taken over yet; for nobody there is no need to wait."""
        if self.exchange.idle:
            self.end()
        else:
            self._timers["idle"] = asyncio.get_running_loop().call_later(IDLE_LOOK, self._end_when_idle)

    def _abandon(self) -> None:
        log.warning("no controller for %g s: ending", self._settings.orphan_end)
        self.end()

    # control

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        self._replace_controller(writer)
        try:
            self._write(writer, {"hello": self._hello()})
            await self._serve(reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._connections.discard(task)
            self._lose_controller(writer)
            writer.close()

    def _replace_controller(self, writer: asyncio.StreamWriter) -> None:
        old, self._controller = self._controller, writer
        if old is not None:
            old.close()
        self._end_orphan_limits()

    def _lose_controller(self, writer: asyncio.StreamWriter) -> None:
        if self._controller is writer:
            self._controller = None
            self._left = True
            if not self._ended.is_set():
                self._begin_orphan_limits()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while self._controller is writer:
            try:
                line = await reader.readuntil(b"\n")
            except asyncio.IncompleteReadError:
                return
            except asyncio.LimitOverrunError as error:
                await _skip_line(reader, error.consumed)
                self._write(writer, _failure(None, "invalid_parameters", "a line is longer than 1 MiB"))
                continue
            if self._controller is writer:
                self._write(writer, self._answer(line))
                await writer.drain()

    def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            request = json.loads(line)
        except (ValueError, RecursionError):
            return _failure(None, "invalid_parameters", "the line is not JSON")
        match request:
            case {"id": int(id_), "method": str(method)}:
                return self._call(id_, method, request.get("params", {}))
            case {"id": int(id_)}:
                return _failure(id_, "invalid_parameters", "a request is {id, method, params}")
        return _failure(None, "invalid_parameters", "a request is {id, method, params}")

    def _call(self, id_: int, method: str, params: object) -> dict[str, Any]:
        if not isinstance(params, dict):
            return _failure(id_, "invalid_parameters", "params must be an object")
        if method == "shutdown":
            asyncio.get_running_loop().call_soon(self.end)
            return {"id": id_, "result": {}}
        try:
            return {"id": id_, "result": self.exchange.call(method, params)}
        except WorkerError as error:
            return _failure(id_, error.code, error.message)
        except Exception:
            log.exception("the method %s met a fault", method[:64])
            return _failure(id_, "internal_error", "the worker could not carry this out")

    def _hello(self) -> dict[str, Any]:
        return {
            "protocol": PROTOCOL,
            "pid": os.getpid(),
            "port": self.port.number,
            "rtpCapabilities": self.exchange.capabilities,
            "dump": self.exchange.dump(),
        }

    def _emit(self, event: str, data: dict[str, Any]) -> None:
        if self._controller is not None:
            self._write(self._controller, {"event": event, "data": data})

    def _write(self, writer: asyncio.StreamWriter, message: dict[str, Any]) -> None:
        transport = writer.transport
        if transport.is_closing():
            return
        if transport.get_write_buffer_size() > MAX_UNSENT:
            log.error("the controller does not read: disconnecting it")
            transport.abort()
            return
        writer.write(json.dumps(message, separators=(",", ":")).encode() + b"\n")


async def _skip_line(reader: asyncio.StreamReader, consumed: int) -> None:
    """Read on to the end of a line that does not fit."""
    while True:
        await reader.readexactly(consumed)
        try:
            await reader.readuntil(b"\n")
        except asyncio.LimitOverrunError as error:
            consumed = error.consumed
        except asyncio.IncompleteReadError as error:
            raise ConnectionResetError from error
        else:
            return


def _failure(id_: int | None, code: str, message: str) -> dict[str, Any]:
    return {"id": id_, "error": {"code": code, "message": message}}


async def _lock(path: Path) -> int:
    """A descriptor that holds the lock beside the socket path for as long as this process lives. One that is
    just ending is waited for."""
    descriptor = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    for _ in range(LOCK_TRIES):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            await asyncio.sleep(LOCK_PAUSE)
        else:
            return descriptor
    os.close(descriptor)
    raise PortTaken(errno.EWOULDBLOCK, f"control socket {path}: another worker has it")


def _control_socket(path: Path) -> socket.socket:
    """A bound socket of mode 0600 in place of one that was left behind."""
    if path.is_socket():
        path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.setblocking(False)
    mask = os.umask(0o177)
    try:
        listener.bind(str(path))
    except OSError as error:
        listener.close()
        raise PortTaken(error.errno, f"control socket {path}: {error.strerror or error}") from error
    finally:
        os.umask(mask)
    return listener


async def _serve_until_ended(settings: MediaSettings, path: Path, ready_fd: int | None) -> int:
    try:
        worker = Worker(settings, path)
    except PortTaken as error:
        return _taken(error)
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(faults.in_loop)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, worker.end)
    try:
        await worker.start()
    except PortTaken as error:
        await worker.close()
        return _taken(error)
    if ready_fd is None or _tell_ready(ready_fd):
        await worker.run()
    await worker.close()
    return 0


def _tell_ready(descriptor: int) -> bool:
    """False when whoever started this process is gone, so that nobody knows of it."""
    try:
        os.write(descriptor, b"\n")
    except BrokenPipeError:
        return False
    finally:
        os.close(descriptor)
    return True


def _taken(error: PortTaken) -> int:
    sys.stderr.write(f"media worker: {error.strerror or error}\n")
    return TAKEN


def _loop_factory() -> asyncio.AbstractEventLoop:
    """uvloop where it is installed."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def _configure_log() -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(faults.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    faults.watch()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="motesrum media", description="Forwards the media of meetings.")
    parser.add_argument("--socket", type=Path, required=True, help="path of the control socket")
    parser.add_argument("--settings", default="{}", help="MediaSettings as JSON")
    parser.add_argument("--ready-fd", type=int, help="gets one byte when the worker listens")
    chosen = parser.parse_args(arguments)
    _configure_log()
    try:
        settings = MediaSettings.from_json(chosen.settings)
    except ValueError as error:
        parser.error(str(error))
    collect_rarely()
    with asyncio.Runner(loop_factory=_loop_factory) as runner:
        return runner.run(_serve_until_ended(settings, chosen.socket, chosen.ready_fd))


if __name__ == "__main__":
    sys.exit(main())
