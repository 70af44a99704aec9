"""A bad network between a client and the service: seeded, in virtual time (`Link`) or in real time.

relay = await UdpRelay.open(worker_address, up=Link(1, loss=0.1), down=Link(2, loss=0.1))
await peer.connect(ice, relay.candidates(candidates), dtls)

A browser is led through a relay by `media_listen = [{ip: 127.0.0.1, announced: 127.0.0.2}]` and a relay
that listens on 127.0.0.2 with the worker's port number.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from random import Random
from typing import Any, Self

Address = tuple[str, int]
Watch = Callable[[bytes, int], None]

STAMP = struct.Struct("!Q")

_BUFFER = 4 << 20
_DATAGRAM = 2048
_QUEUE = 0.5
"""Seconds of traffic that a link with a `rate` holds before it drops."""
_CHUNK = 1 << 16
_SO_TIMESTAMPNS = 35
_AFTER_STUN = 20
"""First bytes from here on are not STUN's (RFC 7983)."""
_TIMESPEC = struct.Struct("@qq")


class Link:
    """One direction. Tells for every datagram when it arrives, how often, or that it never does.

    `loss` is the share lost at random; `burst` the chances, per datagram, to enter and to leave a state in
    which everything is lost; `delay` and `jitter` seconds (the delay lies in delay..delay+jitter, and order
    is kept); `reorder` the share that is held back by `held` seconds and overtaken; `duplicate` the share
    that comes twice; `rate` bit/s; `outages` windows of time in which nothing passes; `block_udp` lets
    nothing pass at all. All may be changed while it runs.
    """

    def __init__(
        self,
        seed: int,
        *,
        loss: float = 0.0,
        burst: tuple[float, float] | None = None,
        delay: float = 0.0,
        jitter: float = 0.0,
        reorder: float = 0.0,
        held: float = 0.02,
        duplicate: float = 0.0,
        rate: float | None = None,
        outages: Sequence[tuple[float, float]] = (),
        block_udp: bool = False,
    ) -> None:
        self.loss, self.burst = loss, burst
        self.delay, self.jitter = delay, jitter
        self.reorder, self.held, self.duplicate = reorder, held, duplicate
        self.rate, self.outages, self.block_udp = rate, list(outages), block_udp
        self.offered = self.lost = 0
        self._random = Random(seed)
        self._bad = False
        self._free_at = self._last_at = 0.0

    def offer(self, size: int, now: float) -> list[float]:
        """When a datagram of `size` bytes that is sent at `now` arrives: no time, one, or two."""
        self.offered += 1
        sent_at = self._queued(size, now)
        if sent_at is None or self._swallowed(now):
            self.lost += 1
            return []
        at = sent_at + self.delay + self._random.uniform(0, self.jitter)
        if self._random.random() < self.reorder:
            at += self.held
        else:
            at = self._last_at = max(at, self._last_at)
        return [at, at] if self._random.random() < self.duplicate else [at]

    def _swallowed(self, now: float) -> bool:
        if self.burst is None:
            self._bad = False
        else:
            enter, leave = self.burst
            self._bad = self._random.random() >= leave if self._bad else self._random.random() < enter
        unlucky = self._random.random() < self.loss
        out = any(start <= now < end for start, end in self.outages)
        return self.block_udp or out or self._bad or unlucky

    def _queued(self, size: int, now: float) -> float | None:
        if self.rate is None:
            return now
        begins = max(now, self._free_at)
        if begins - now > _QUEUE:
            return None
        self._free_at = begins + 8 * size / self.rate
        return self._free_at


class UdpRelay:
    """Takes datagrams at `address` and gives every client a socket of its own towards `target`.

    The time of both links begins at 0 when the relay is opened. A client keeps the `up` and `down` that were
    there when it came. `watch` is shown every datagram that comes from the target, before its link may lose
    it, with the kernel's time of its arrival (nanoseconds of CLOCK_REALTIME); the client then finds that time
    as a `STAMP` at the datagram's end.
    """

    def __init__(self, target: Address, up: Link, down: Link, watch: Watch | None = None) -> None:
        self.target, self.up, self.down, self.watch = target, up, down, watch
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._clients: dict[Address, tuple[socket.socket, Link]] = {}
        self._timers: set[asyncio.TimerHandle] = set()
        self._abandoned: set[Address] = set()
        self._hollow: set[Address] = set()

    @classmethod
    async def open(
        cls,
        target: Address,
        *,
        up: Link,
        down: Link,
        listen: Address = ("127.0.0.1", 0),
        watch: Watch | None = None,
    ) -> Self:
        relay = cls(target, up, down, watch)
        relay._socket = relay._bound(listen, relay._from_client)
        return relay

    _socket: socket.socket

    @property
    def address(self) -> Address:
        host, port = self._socket.getsockname()
        return host, port

    @property
    def now(self) -> float:
        """Seconds since the relay was opened, the time of `Link.outages`."""
        return self._loop.time() - self._began

    def candidates(self, candidates: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """The first of the worker's UDP candidates, with this relay's address in place of its own."""
        host, port = self.address
        first = next(each for each in candidates if each["protocol"] == "udp")
        return [{**first, "ip": host, "address": host, "port": port}]

    def abandon(self, up: Link | None = None) -> None:
        """The addresses that clients (of that link) have now are dead for ever: another network is there."""
        self._abandoned |= {client for client, (_, link) in self._clients.items() if up is None or link is up}

    def hollow(self) -> None:
        """Only ICE's checks reach the addresses that clients have now: paths look well and bring nothing."""
        self._hollow |= self._clients.keys()

    def close(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        for opened in (self._socket, *(upstream for upstream, _ in self._clients.values())):
            self._loop.remove_reader(opened.fileno())
            opened.close()
        self._clients.clear()

    def _bound(self, address: Address, take: Callable[[bytes, Address], None]) -> socket.socket:
        opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        opened.setblocking(False)
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            opened.setsockopt(socket.SOL_SOCKET, option, _BUFFER)
        opened.bind(address)
        self._loop.add_reader(opened.fileno(), _drain, opened, take)
        return opened

    def _from_client(self, datagram: bytes, client: Address) -> None:
        if client in self._abandoned:
            return
        upstream, up = self._clients.get(client) or self._introduce(client)
        self._pass(up, upstream, datagram, self.target)

    def _introduce(self, client: Address) -> tuple[socket.socket, Link]:
        down = self.down

        def take(answer: bytes, _: Address) -> None:
            self._to_client(answer, client, down)

        upstream = self._bound((self.target[0], 0), take)
        if self.watch is not None:
            upstream.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            self._loop.add_reader(upstream.fileno(), _drain_stamped, upstream, take, self.watch)
        self._clients[client] = upstream, self.up
        return self._clients[client]

    def _to_client(self, answer: bytes, client: Address, down: Link) -> None:
        passes = client not in self._hollow or answer[0] < _AFTER_STUN
        if client not in self._abandoned and passes:
            self._pass(down, self._socket, answer, client)

    def _pass(self, link: Link, opened: socket.socket, datagram: bytes, address: Address) -> None:
        now = self.now
        for at in link.offer(len(datagram), now):
            if at <= now:
                _send(opened, datagram, address)
            else:
                self._later(at, opened, datagram, address)

    def _later(self, at: float, opened: socket.socket, datagram: bytes, address: Address) -> None:
        def deliver() -> None:
            self._timers.discard(timer)
            _send(opened, datagram, address)

        timer = self._loop.call_at(self._began + at, deliver)
        self._timers.add(timer)


def _drain(opened: socket.socket, take: Callable[[bytes, Address], None]) -> None:
    while True:
        try:
            datagram, address = opened.recvfrom(_DATAGRAM)
        except OSError:
            return
        take(datagram, address[:2])


def _drain_stamped(opened: socket.socket, take: Callable[[bytes, Address], None], watch: Watch) -> None:
    while True:
        try:
            datagram, ancillary, _, address = opened.recvmsg(_DATAGRAM, 64)
        except OSError:
            return
        arrived = _kernel_time(ancillary)
        watch(datagram, arrived)
        take(datagram + STAMP.pack(arrived), address[:2])


def _kernel_time(ancillary: Iterable[tuple[int, int, bytes]]) -> int:
    for level, kind, value in ancillary:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS:
            seconds, nanoseconds = _TIMESPEC.unpack_from(value)
            return int(seconds * 1_000_000_000 + nanoseconds)
    return time.time_ns()


def _send(opened: socket.socket, datagram: bytes, address: Address) -> None:
    try:
        opened.sendto(datagram, address)
    except OSError:
        return


class TcpRelay:
    """Passes bytes both ways until it is told to stall, to cut, or to refuse."""

    def __init__(self, target: Address) -> None:
        self.target = target
        self.refuses = False
        self.accepted = 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._flows = asyncio.Event()
        self._flows.set()

    @classmethod
    async def open(cls, target: Address, listen: Address = ("127.0.0.1", 0)) -> Self:
        relay = cls(target)
        relay._server = await asyncio.start_server(relay._accept, *listen)
        return relay

    _server: asyncio.Server

    @property
    def address(self) -> Address:
        host, port = self._server.sockets[0].getsockname()
        return host, port

    def stall(self) -> None:
        """Connections stay, and nothing passes any more."""
        self._flows.clear()

    def go_on(self) -> None:
        self._flows.set()

    def cut(self) -> None:
        """Reset every connection; new ones are taken unless `refuses` is set."""
        for writer in self._writers:
            writer.transport.abort()

    async def close(self) -> None:
        self._server.close()
        self.cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        far: asyncio.StreamWriter | None = None
        try:
            if self.refuses:
                return
            self.accepted += 1
            far_reader, far = await asyncio.open_connection(*self.target)
            self._writers.add(far)
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pump(reader, far))
                both.create_task(self._pump(far_reader, writer))
        except* (OSError, asyncio.CancelledError):
            pass
        finally:
            for each in (writer, far):
                if each is not None:
                    self._writers.discard(each)
                    each.transport.abort()
            self._tasks.discard(task)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(_CHUNK):
            await self._flows.wait()
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
