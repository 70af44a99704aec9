"""A media worker that an earlier service has left behind: a process, but no child of ours."""

import asyncio
import socket
import struct
from pathlib import Path

from media.process import Process

_CREDENTIALS = struct.Struct("3i")


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
        process = Process(pid)
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
