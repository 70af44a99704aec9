"""ICE over TCP (RFC 6544, passive), for whoever is where UDP does not pass: datagrams framed as in RFC 4571.

A listener looks like the UDP sockets of a port; each connection is read by itself. What the kernel does not
take at once waits here, up to a limit, and is withdrawn like everything else that waits.
"""

from __future__ import annotations

import asyncio
import resource
import socket
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from media.batch import BATCH, Address, Path, Received, together
from media.block import Piece, cut
from media.srtp import MAX_DATAGRAM, Arena
from media.stats import Drop, Traffic

PATIENCE = 10.0
"""Seconds that a connection stands without an authenticated binding."""
MOST_CONNECTIONS = 4096
"""On one listener; fewer where the process may open fewer files."""
MOST_STRANGERS = 256
"""Connections without one; the oldest makes room for the next."""
MOST_WAITING = 256 << 10
"""Bytes that wait for the kernel on one connection; beyond that packets are dropped."""
_KERNEL_BUFFER = 64 << 10
_CHUNK = 16 << 10
_AT_ONCE = 32
_HEAD = 2


class Paths(Protocol):
    """Whose path is whose: the ICE agent."""

    def find(self, path: Path, /) -> object | None: ...
    def lost(self, path: Path) -> None: ...


Read = Callable[["TcpConnection"], None]


class TcpListener:
    """`read` is called when a connection has something to `receive`, or has ended."""

    def __init__(self, opened: socket.socket, index: int, traffic: Traffic, paths: Paths, read: Read) -> None:
        self.arena = Arena(BATCH * MAX_DATAGRAM)
        self.traffic, self.paths, self.read = traffic, paths, read
        self._socket, self._index = opened, index
        self._connections: dict[Address, TcpConnection] = {}
        self._strangers: dict[Address, TcpConnection] = {}
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        self._most = MOST_CONNECTIONS if files < 0 else min(MOST_CONNECTIONS, files // 2)

    def __len__(self) -> int:
        return len(self._connections)

    def fileno(self) -> int:
        return self._socket.fileno()

    def receive(self) -> Iterable[Received]:
        """Takes in who has come; what they send is received from their connections."""
        for _ in range(_AT_ONCE):
            try:
                opened, address = self._socket.accept()
            except OSError:
                break
            self._take(opened, address)
        return ()

    def _take(self, opened: socket.socket, address: Address) -> None:
        if len(self._strangers) >= MOST_STRANGERS:
            for each in [one for one in self._strangers.values() if one.known]:
                del self._strangers[each.path[1]]
        if len(self._strangers) >= MOST_STRANGERS:
            next(iter(self._strangers.values())).close()
        if len(self._connections) >= self._most:
            opened.close()
            return
        opened.setblocking(False)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _KERNEL_BUFFER)
        made = TcpConnection(opened, (self._index, address), self)
        self._connections[address] = self._strangers[address] = made

    def forget(self, connection: TcpConnection) -> None:
        """It has ended."""
        for known in (self._connections, self._strangers):
            known.pop(connection.path[1], None)
        self.paths.lost(connection.path)

    def lane(self, address: Address, traffic: Traffic) -> TcpLane:
        return TcpLane(self, address, traffic)

    def send(self, datagram: bytes, address: Address, of: object = None) -> bool:
        connection = self._connections.get(address)
        if connection is None or not connection.send(datagram, of):
            self.traffic.drop(Drop.SEND_FAILED if connection is None else Drop.QUEUE_FULL)
            return False
        self.traffic.sent(len(datagram))
        return True

    def withdraw(self, of: object) -> None:
        for each in self._connections.values():
            each.withdraw(of)

    def flush(self) -> None: ...

    def close(self) -> None:
        for each in list(self._connections.values()):
            each.close()
        self._socket.close()


class TcpLane:
    def __init__(self, of: TcpListener, address: Address, traffic: Traffic) -> None:
        self.arena = of.arena
        self._listener, self._address, self._traffic = of, address, traffic

    def room(self, size: int) -> int:
        return 0

    def put(self, at: int, pieces: Sequence[Piece], of: object) -> None:
        for piece in pieces:
            for place, size in cut(piece):
                self.send(self.arena.memory[at + place : at + place + size], of)

    def send(self, datagram: bytes, of: object = None) -> bool:
        if not self._listener.send(datagram, self._address, of):
            self._traffic.drop(Drop.SEND_FAILED)
            return False
        self._traffic.sent(len(datagram))
        return True


@dataclass(slots=True)
class _Frame:
    """What waits, and what it is of; the kernel may have the beginning of the first."""

    rest: bytes
    of: object
    begun: bool


class TcpConnection:
    def __init__(self, opened: socket.socket, path: Path, listener: TcpListener) -> None:
        self.path = path
        self._socket, self._listener = opened, listener
        self._read = bytearray()
        self._waiting: deque[_Frame] = deque()
        self._size = 0
        self._broken = False
        self._loop: Any = asyncio.get_running_loop()
        self._loop.add_reader(opened.fileno(), listener.read, self)
        self._timer = self._loop.call_later(PATIENCE, self._look)

    @property
    def known(self) -> bool:
        return self._listener.paths.find(self.path) is not None

    @property
    def closed(self) -> bool:
        return self._socket.fileno() < 0

    def receive(self) -> Iterable[Received]:
        """What has come. Frames that nobody of ours would send end the connection."""
        return together(self._frames())

    def _frames(self) -> Iterator[tuple[bytes, Path]]:
        try:
            data = b"" if self.closed else self._socket.recv(_CHUNK)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        self._read += data
        at = 0
        while len(self._read) - at >= _HEAD:
            size = int.from_bytes(self._read[at : at + _HEAD], "big")
            if not 0 < size < MAX_DATAGRAM:
                self.close()
                return
            if len(self._read) - at < _HEAD + size:
                break
            at += _HEAD + size
            yield bytes(self._read[at - size : at]), self.path
            if self.closed:
                return
        del self._read[:at]

    def send(self, datagram: bytes, of: object) -> bool:
        """To the kernel, or behind what waits; False when there is no room."""
        frame = len(datagram).to_bytes(_HEAD, "big") + datagram
        if self._broken or self.closed or self._size + len(frame) > MOST_WAITING:
            return False
        taken = 0 if self._waiting else self._hand_over(frame)
        if taken == len(frame) or self._broken:
            return not self._broken
        if not self._waiting:
            self._loop.add_writer(self._socket.fileno(), self._go_on)
        self._waiting.append(_Frame(frame[taken:], of, taken > 0))
        self._size += len(frame) - taken
        return True

    def _hand_over(self, data: bytes) -> int:
        try:
            return self._socket.send(data)
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError:
            self._broken = True
            self._loop.call_soon(self.close)
            return 0

    def _go_on(self) -> None:
        while self._waiting and not self._broken:
            first = self._waiting[0]
            taken = self._hand_over(first.rest)
            self._size -= taken
            if taken < len(first.rest):
                first.rest, first.begun = first.rest[taken:], first.begun or taken > 0
                return
            self._waiting.popleft()
        self._loop.remove_writer(self._socket.fileno())

    def withdraw(self, of: object) -> None:
        """What the kernel has the beginning of ends in zeros: the next is found, this is not opened."""
        if not any(each.of is of for each in self._waiting):
            return
        kept = deque(each for each in self._waiting if each.of is not of or each.begun)
        for each in kept:
            if each.of is of:
                each.rest, each.of = bytes(len(each.rest)), None
        self._waiting, self._size = kept, sum(len(each.rest) for each in kept)

    def _look(self) -> None:
        if self.known:
            self._timer = self._loop.call_later(PATIENCE, self._look)
        else:
            self.close()

    def close(self) -> None:
        """Idempotent; what waits is gone."""
        if self.closed:
            return
        self._timer.cancel()
        self._loop.remove_reader(self._socket.fileno())
        self._loop.remove_writer(self._socket.fileno())
        self._socket.close()
        self._waiting.clear()
        self._listener.forget(self)
