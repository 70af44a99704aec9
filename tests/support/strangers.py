"""Connections that keep no rule but TCP's: every byte is the test's, and nothing is read unasked."""

import asyncio
import socket
import struct
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

LEAST_WINDOW = 2048
"""What a stranger lets the kernel take in for them, so that the other side soon has to keep it."""
TEXT, PING = 1, 9
UPGRADE = (
    b"GET /api/v1/socket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
_FIELD = 4000


class Stranger:
    """One TCP connection."""

    def __init__(self) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, LEAST_WINDOW)
        self._socket.setblocking(False)

    async def connect(self, url: str) -> Self:
        parts = urlsplit(url)
        await asyncio.get_running_loop().sock_connect(self._socket, (parts.hostname, parts.port))
        return self

    async def say(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self._socket, data)

    async def hear(self, limit: float = 15.0) -> bytes:
        """What comes next; nothing when the connection has ended."""
        async with asyncio.timeout(limit):
            return await asyncio.get_running_loop().sock_recv(self._socket, 1 << 16)

    async def hear_all(self, limit: float = 15.0) -> bytes:
        """Everything until the other side ends the connection."""
        heard = b""
        async with asyncio.timeout(limit):
            while more := await self.hear(limit):
                heard += more
        return heard

    async def hear_until(self, end: bytes, limit: float = 15.0) -> bytes:
        heard = b""
        while end not in heard:
            more = await self.hear(limit)
            assert more, f"the connection has ended after {heard[-200:]!r}"
            heard += more
        return heard

    async def upgrade(self, *, fill: int = 0) -> Self:
        """To a WebSocket, with about so many bytes in the head that say nothing."""
        filling = b"X: %s\r\n" % (b"x" * _FIELD) * (fill // _FIELD)
        await self.say(UPGRADE + filling + b"\r\n")
        assert (await self.hear_until(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
        return self

    def close(self) -> None:
        self._socket.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def frame(opcode: int, payload: bytes = b"", *, last: bool = True) -> bytes:
    """A client's WebSocket frame (RFC 6455 section 5.2), masked with zeros."""
    size = len(payload)
    if size < 126:
        length = bytes((0x80 | size,))
    elif size < 1 << 16:
        length = b"\xfe" + struct.pack("!H", size)
    else:
        length = b"\xff" + struct.pack("!Q", size)
    return bytes((0x80 * last | opcode,)) + length + bytes(4) + payload


def memory(pid: int) -> int:
    """Bytes that a process has for itself alone (proc(5), RssAnon)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == "RssAnon":
            return int(value.split()[0]) * 1024
    raise AssertionError("the kernel does not tell")
