"""A media worker that a service which died has left behind: a process, but no child of ours."""

import asyncio
import contextlib
import os
import signal
import socket
import struct
from pathlib import Path

_CREDENTIALS = struct.Struct("3i")


class Leftover:
    """Has the shape of `asyncio.subprocess.Process` as far as a worker's keeper needs it."""

    def __init__(self, pid: int) -> None:
        """ProcessLookupError when it is gone."""
        self.pid = pid
        self.returncode: int | None = None
        self._descriptor = os.pidfd_open(pid)
        self._ended = asyncio.Event()
        asyncio.get_running_loop().add_reader(self._descriptor, self._end)

    def terminate(self) -> None:
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        self._send(signal.SIGKILL)

    async def wait(self) -> int:
        await self._ended.wait()
        return 0

    def forget(self) -> None:
        """Idempotent. It runs on, for another to find."""
        if self._descriptor >= 0:
            asyncio.get_running_loop().remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1

    def _send(self, number: int) -> None:
        if self._descriptor >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._descriptor, number)

    def _end(self) -> None:
        """How it ended is only told to its parent."""
        self.returncode = 0
        self.forget()
        self._ended.set()


def listener_of(path: Path) -> int | None:
    """The process that listens on a UNIX socket, whether it answers or not."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
            told = probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        except OSError:
            return None
    pid: int = _CREDENTIALS.unpack(told)[0]
    return pid


async def end(pid: int, within: float) -> None:
    """Asked first, killed after `within` seconds."""
    try:
        process = Leftover(pid)
    except ProcessLookupError:
        return
    try:
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), within)
        except TimeoutError:
            process.kill()
            await process.wait()
    finally:
        process.forget()
