"""A media worker that an earlier service has left behind: a process, but no child of ours."""

import asyncio
import socket
import struct
from pathlib import Path

from media.process import Process

_CREDENTIALS = struct.Struct("3i")
_LISTENS = 0x10000
"""SO_ACCEPTCON"""


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


def listens(path: Path) -> bool:
    """Whether a process listens on a UNIX socket, without asking it: whoever connects to a media worker takes
    it over (Linux; proc(5), /proc/net/unix)."""
    wanted = path.resolve()
    for line in Path("/proc/net/unix").read_text(encoding="utf-8", errors="replace").splitlines()[1:]:
        fields = line.split(maxsplit=7)
        if len(fields) == 8 and int(fields[3], 16) & _LISTENS and Path(fields[7]).resolve() == wanted:
            return True
    return False


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
