"""The sockets of a worker: one port number on every listen address, for UDP and for ICE over TCP.

Datagrams are told apart by their first byte (RFC 7983): STUN goes to the ICE agent, DTLS and SRTP
to the transport that authenticated their path. Everything else is counted by reason and dropped.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import time
from collections.abc import Callable, Sequence
from typing import Any

from config.media import Listen
from media.batch import Lane, UdpSocket, wrapped
from media.errors import PortTaken
from media.ice import IceAgent, Path, Refused
from media.srtp import MAX_DATAGRAM
from media.stats import Drop, Traffic
from media.tcp import TcpConnection, TcpListener

log = logging.getLogger(__name__)

_BUFFER = 4 << 20
_BIND_TRIES = 20
_LOGGED_FAULTS = 10


class Port:
    """Reads what has come, and writes what that brings about at the end of the same turn, or not at all."""

    def __init__(
        self,
        listen: Sequence[Listen],
        port: int,
        clock: Callable[[], float] = time.monotonic,
        *,
        batched: bool = True,
    ) -> None:
        self._clock = clock
        self._listen = tuple(listen)
        self.traffic = Traffic()
        self.agent = IceAgent()
        bound, listening = _bind_all(self._listen, port)
        self.number: int = bound[0].getsockname()[1]
        self._sockets: list[UdpSocket | TcpListener] = [
            wrapped(each, index, self.traffic, self._schedule, batched=batched)
            for index, each in enumerate(bound)
        ]
        self._sockets += [
            TcpListener(each, len(bound) + index, self.traffic, self, self._drain)
            for index, each in enumerate(listening)
        ]
        self._by_tcp = bool(listening)
        self.faults = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._draining = self._flush_due = False
        self.on_turn: Callable[[float], None] = lambda now: None
        """Called whenever something has come, and been taken, before what that brings about is sent."""

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        for each in self._sockets:
            self._loop.add_reader(each.fileno(), self._drain, each)

    def close(self) -> None:
        """Idempotent; what waits is sent before."""
        # uvloop's gives nothing back, where asyncio's promises a bool: compiled, that would be a fault.
        forget: Callable[[int], object] | None = None if self._loop is None else self._loop.remove_reader
        for each in self._sockets:
            if forget is not None and each.fileno() >= 0:
                forget(each.fileno())
            each.close()

    def candidates(self) -> list[dict[str, Any]]:
        """mediasoup's IceCandidates: host candidates for each address (RFC 8445 section 5.1.2, RFC 6544
        section 4.2), those for UDP first."""
        found = [
            self._candidate(entry, f"udp{index}", 65535 - index) for index, entry in enumerate(self._listen)
        ]
        if self._by_tcp:
            found += [
                {
                    **self._candidate(entry, f"tcp{index}", (4 << 13) + 8191 - index),
                    "protocol": "tcp",
                    "tcpType": "passive",
                }
                for index, entry in enumerate(self._listen)
            ]
        return found

    def _candidate(self, entry: Listen, foundation: str, preference: int) -> dict[str, Any]:
        return {
            "foundation": foundation,
            "priority": (126 << 24) | (preference << 8) | 255,
            "ip": entry.candidate_ip,
            "address": entry.candidate_ip,
            "protocol": "udp",
            "port": self.number,
            "type": "host",
        }

    def find(self, path: Path) -> object | None:
        """Who has authenticated this path."""
        return self.agent.find(path)

    def lost(self, path: Path) -> None:
        """The connection has ended."""
        self.agent.lost(path, self._clock())

    def send(self, data: bytes, path: Path) -> bool:
        """Hand a datagram to the kernel now, or drop it (counted) when the kernel would block."""
        return self._sockets[path[0]].send(data, path[1])

    def lane(self, path: Path, traffic: Traffic) -> Lane:
        """The way out to this path for whatever is sent often; `traffic` counts it."""
        return self._sockets[path[0]].lane(path[1], traffic)

    def withdraw(self, of: object) -> None:
        """Of this nothing that waits is sent."""
        for each in self._sockets:
            each.withdraw(of)

    def flush(self) -> None:
        """Nothing waits after this."""
        self._flush_due = False
        for each in self._sockets:
            each.flush()

    def _schedule(self) -> None:
        if not self._draining and not self._flush_due and self._loop is not None:
            self._flush_due = True
            self._loop.call_soon(self.flush)

    def _drain(self, opened: UdpSocket | TcpListener | TcpConnection) -> None:
        now = self._clock()
        self._draining = True
        try:
            for path, datagrams in opened.receive():
                self.take(datagrams, path, now)
            self.on_turn(now)
        finally:
            self._draining = False
            self.flush()

    def receive(self, data: bytes, path: Path, now: float) -> None:
        """Take one datagram; nothing that it contains can raise."""
        self.take((data,), path, now)

    def take(self, datagrams: Sequence[bytes], path: Path, now: float) -> None:
        """Take what came together from one sender. A fault costs only that sender."""
        self.traffic.received(sum(map(len, datagrams)), len(datagrams))
        try:
            self._dispatch(datagrams, path, now)
        except Exception:
            self.faults += 1
            if self.faults <= _LOGGED_FAULTS:
                log.exception("a datagram of %d bytes met a fault", max(map(len, datagrams)))

    def _dispatch(self, datagrams: Sequence[bytes], path: Path, now: float) -> None:
        media = [each for each in datagrams if each and 128 <= each[0] < 192 and len(each) < MAX_DATAGRAM]
        if len(media) < len(datagrams):
            for each in datagrams:
                if not each or not 128 <= each[0] < 192 or len(each) >= MAX_DATAGRAM:
                    self._control(each, path, now)
        if media:
            session = self.agent.find(path)
            if session is None:
                self.traffic.drop(Drop.UNKNOWN_ADDRESS, len(media))
            else:
                session.route.receive_srtp(media, now)

    def _control(self, data: bytes, path: Path, now: float) -> None:
        """STUN, DTLS, and what is neither."""
        if not data:
            self.traffic.drop(Drop.EMPTY)
            return
        if len(data) >= MAX_DATAGRAM:
            self.traffic.drop(Drop.TOO_LARGE)
            return
        first = data[0]
        if first < 4:
            self._stun(data, path, now)
            return
        session = self.agent.find(path)
        if session is None:
            self.traffic.drop(Drop.UNKNOWN_ADDRESS)
        elif 20 <= first < 64:
            self.agent.used(session, path, now)
            session.route.receive_dtls(data, now)
        else:
            self.traffic.drop(Drop.UNKNOWN_FIRST_BYTE)

    def _stun(self, data: bytes, path: Path, now: float) -> None:
        try:
            answer, _ = self.agent.receive(data, path, now)
        except Refused as refused:
            self.traffic.drop(refused.reason)
            return
        self.send(answer, path)


def _bind_all(listen: Sequence[Listen], port: int) -> tuple[list[socket.socket], list[socket.socket]]:
    """Bind every address to one number; with port 0 try others when the first is not free everywhere.

    Where a number that is asked for is taken for TCP, there is UDP only.
    """
    for _ in range(_BIND_TRIES):
        bound: list[socket.socket] = []
        try:
            bound = _bind_each(listen, port, socket.SOCK_DGRAM)
            return bound, _bind_each(listen, bound[0].getsockname()[1], socket.SOCK_STREAM)
        except PortTaken as error:
            if port and bound:
                log.info("%s: media goes over UDP only", error.strerror)
                return bound, []
            for opened in bound:
                opened.close()
            if port or error.errno != errno.EADDRINUSE:
                raise
    raise PortTaken(errno.EADDRINUSE, "no port is free on every listen address")


def _bind_each(listen: Sequence[Listen], port: int, kind: socket.SocketKind) -> list[socket.socket]:
    bound: list[socket.socket] = []
    for entry in listen:
        family = socket.AF_INET6 if ":" in entry.ip else socket.AF_INET
        sock = socket.socket(family, kind)
        bound.append(sock)
        sock.setblocking(False)
        try:
            if kind == socket.SOCK_STREAM:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                sock.bind((entry.ip, port))
                sock.listen()
            else:
                for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
                    sock.setsockopt(socket.SOL_SOCKET, option, _BUFFER)
                sock.bind((entry.ip, port))
        except OSError as error:
            for opened in bound:
                opened.close()
            what = "TCP" if kind == socket.SOCK_STREAM else "UDP"
            raise PortTaken(error.errno, f"{what} port {port} on {entry.ip}: {error.strerror}") from error
        port = sock.getsockname()[1]
    return bound
