"""DTLS-SRTP (RFC 5764) over any datagram sender.

Both the server (role "server" towards browsers) and a client of ours use `DtlsEndpoint`. No plaintext alert
reaches the handshake: anybody who can forge a source address could otherwise end it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Protocol

from media.batch import Lane
from media.block import Block, Copy
from media.handshake import HEADER, Certificate, Connection, Feed, Remote, checked_parameters
from media.srtp import MAX_PACKET, Inbound, Outbound
from media.stats import Drop, Traffic

HANDSHAKE_LIMIT = 30.0
"""Seconds from `start` until a handshake counts as failed."""
ATTEMPTS = 3
"""A handshake that fails on forged bytes is begun anew; the peer's retransmission completes it."""
MAX_SOURCES = 256
"""SSRCs one peer may send from; libsrtp keeps a replay window for each of them."""
_ALERT = 21
_PLAINTEXT_TYPES = range(20, 28)
_UNIFIED_HEADER = range(32, 64)


class DtlsState(StrEnum):
    NEW = "new"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    FAILED = "failed"
    CLOSED = "closed"


class Dtls(Protocol):
    """What a transport needs of its association; see `DtlsEndpoint`."""

    state: DtlsState
    rtt: float | None
    lane: Lane | None
    trailer: int

    def start(self, parameters: Mapping[str, Any]) -> None: ...
    def receive_dtls(self, data: bytes, now: float) -> None: ...
    def unprotected(self, datagrams: Sequence[bytes], now: float) -> list[bytes]: ...
    def forward(self, block: Block, copy: Copy, of: object) -> Sequence[int]: ...
    def forward_one(
        self, packet: bytes | bytearray, sequence: int, timestamp: int, ssrc: int, of: object
    ) -> bytes | None: ...
    def send_rtcp(self, packet: bytes, of: object = None) -> bool: ...
    def send_rtp(self, packet: bytes, of: object = None) -> bool: ...
    def send_protected(self, datagram: bytes, of: object = None) -> bool: ...
    def close(self) -> None: ...


class DtlsEndpoint:
    """One end of a DTLS association.

    `send` takes a datagram for the peer; what is protected goes by `lane` once there is one. `on_rtp` and
    `on_rtcp` get unprotected packets with their time of arrival; `on_state` every change of `state`.
    Nothing is called after `close`.
    """

    def __init__(
        self,
        certificate: Certificate,
        send: Callable[[bytes], object],
        *,
        on_state: Callable[[DtlsState], None],
        on_rtp: Callable[[bytes, float], None],
        on_rtcp: Callable[[bytes, float], None],
        traffic: Traffic | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.state = DtlsState.NEW
        self.rtt: float | None = None
        self.lane: Lane | None = None
        self.trailer = 0
        """By how many bytes an RTP packet grows when it is protected."""
        self.traffic = traffic or Traffic()
        self._certificate = certificate
        self._send = send
        self._on_state, self._on_rtp, self._on_rtcp = on_state, on_rtp, on_rtcp
        self._feed = Feed(send, clock)
        self._connection: Connection | None = None
        self._task: asyncio.Task[None] | None = None
        self._inbound: Inbound | None = None
        self._outbound: Outbound | None = None
        self._sources: set[bytes] = set()

    def start(self, parameters: Mapping[str, Any]) -> None:
        """Begin the handshake with the peer's DtlsParameters (see `checked_parameters`)."""
        if self.state is not DtlsState.NEW:
            raise RuntimeError("the handshake was started already")
        role, remote = checked_parameters(parameters)
        self._change(DtlsState.CONNECTING)
        self._task = asyncio.get_running_loop().create_task(self._handshake(role, remote))

    def receive_dtls(self, data: bytes, now: float) -> None:
        """Take a datagram whose first byte is 20–63; kept (bounded) also before `start`."""
        self.traffic.received(len(data))
        if self.state in (DtlsState.FAILED, DtlsState.CLOSED):
            self.traffic.drop(Drop.NOT_CONNECTED)
            return
        cleaned = without_plaintext_alerts(data)
        if not cleaned:
            self.traffic.drop(Drop.MALFORMED_DTLS)
        elif not self._feed.put(cleaned, now):
            self.traffic.drop(Drop.QUEUE_FULL)

    def receive_srtp(self, data: bytes, now: float) -> None:
        """Take a datagram whose first byte is 128–191."""
        for packet in self.unprotected((data,), now):
            self._on_rtp(packet, now)

    def unprotected(self, datagrams: Sequence[bytes], now: float) -> list[bytes]:
        """The RTP packets of such datagrams; `on_rtcp` gets what is RTCP."""
        self.traffic.received(sum(map(len, datagrams)), len(datagrams))
        found: list[bytes] = []
        for data in datagrams:
            if self._inbound is None:
                self.traffic.drop(Drop.NOT_CONNECTED)
                continue
            if len(data) < 12:
                self.traffic.drop(Drop.SRTP)
                continue
            feedback = 192 <= data[1] <= 223
            source = data[4:8] if feedback else data[8:12]
            if source not in self._sources and len(self._sources) >= MAX_SOURCES:
                self.traffic.drop(Drop.UNKNOWN_SSRC)
                continue
            plain = self._inbound.unprotect_rtcp(data) if feedback else self._inbound.unprotect_rtp(data)
            if plain is None:
                self.traffic.drop(Drop.SRTP)
                continue
            self._sources.add(source)
            if feedback:
                self._on_rtcp(plain, now)
            else:
                found.append(plain)
        return found

    def forward(self, block: Block, copy: Copy, of: object) -> Sequence[int]:
        """Send a copy of RTP packets by the lane, protected where it waits.

        Gives the places in the block of those that could not be sent; they are counted.
        """
        outbound, lane = self._outbound, self.lane
        if outbound is None or lane is None:
            reason = Drop.NOT_CONNECTED if outbound is None else Drop.SEND_FAILED
            self.traffic.drop(reason, len(block.places))
            return [place for place, _, _ in block.places]
        at = lane.room(len(block.data))
        failed = outbound.protect_block(lane.arena, at, block, copy)
        if failed:
            too_large = sum(size > MAX_PACKET for _, size, _ in block.places)
            self.traffic.drop(Drop.TOO_LARGE, too_large)
            self.traffic.drop(Drop.SRTP, len(failed) - too_large)
        lane.put(at, block.without(failed) if failed else block.pieces, of)
        return failed

    def forward_one(
        self, packet: bytes | bytearray, sequence: int, timestamp: int, ssrc: int, of: object
    ) -> bytes | None:
        """The same for a single packet: the datagram, which may be sent again as it is, or `None`."""
        outbound, lane = self._outbound, self.lane
        if outbound is None or lane is None:
            self.traffic.drop(Drop.NOT_CONNECTED if outbound is None else Drop.SEND_FAILED)
            return None
        arena, at = lane.arena, lane.room(len(packet) + outbound.trailer)
        size = outbound.protect_one(arena, at, packet, sequence, timestamp, ssrc)
        if not size:
            self.traffic.drop(Drop.TOO_LARGE if len(packet) > MAX_PACKET else Drop.SRTP)
            return None
        lane.put(at, ((0, size, size, 1),), of)
        return arena.memory[at : at + size]  # type: ignore[no-any-return]

    def send_rtp(self, packet: bytes, of: object = None) -> bool:
        """Protect and send; False (counted) when it could not be. `of` is what the packet belongs to."""
        datagram = self.protect_rtp(packet)
        return datagram is not None and self.send_protected(datagram, of)

    def send_rtcp(self, packet: bytes, of: object = None) -> bool:
        outbound = self._outbound_for(packet)
        datagram = None if outbound is None else self._counted(outbound.protect_rtcp(packet))
        return datagram is not None and self.send_protected(datagram, of)

    def protect_rtp(self, packet: bytes) -> bytes | None:
        """The datagram for `send_protected`; `None` (counted) when it cannot be made.

        A sequence number is protected once; what may be sent again as it was is kept in this form.
        """
        outbound = self._outbound_for(packet)
        return None if outbound is None else self._counted(outbound.protect_rtp(packet))

    def _outbound_for(self, packet: bytes | bytearray) -> Outbound | None:
        if self._outbound is None:
            self.traffic.drop(Drop.NOT_CONNECTED)
        elif len(packet) > MAX_PACKET:
            self.traffic.drop(Drop.TOO_LARGE)
        else:
            return self._outbound
        return None

    def _counted(self, datagram: bytes | None) -> bytes | None:
        if datagram is None:
            self.traffic.drop(Drop.SRTP)
        return datagram

    def send_protected(self, datagram: bytes, of: object = None) -> bool:
        if self.lane is not None:
            return self.lane.send(datagram, of)
        if not self._send(datagram):
            self.traffic.drop(Drop.SEND_FAILED)
            return False
        self.traffic.sent(len(datagram))
        return True

    def close(self) -> None:
        """Tell the peer (close_notify) and stop; irreversible, idempotent. No key remains."""
        self._end(DtlsState.CLOSED)
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self._stop_connection()

    async def _handshake(self, role: str, remote: Remote) -> None:
        try:
            async with asyncio.timeout(HANDSHAKE_LIMIT):
                for _ in range(ATTEMPTS):
                    if await self._attempt(role, remote):
                        return
        except TimeoutError:
            pass
        self._stop_connection()
        if self.state is DtlsState.CONNECTING:
            self._end(DtlsState.FAILED)

    async def _attempt(self, role: str, remote: Remote) -> bool:
        """Whether this connection decided: connected, or a peer that is not who it should be."""
        self._stop_connection()
        self._feed.begin()
        connection = Connection(self._feed, self._certificate, role, self._changed)
        self._connection = connection
        await connection.start(remote)
        if connection.connected:
            self.rtt = self._feed.rtt
            self._inbound, self._outbound = connection.sessions
            self.trailer = self._outbound.trailer
            self._change(DtlsState.CONNECTED)
            return True
        if connection.stranger:
            self._end(DtlsState.FAILED)
        return connection.stranger

    def _changed(self, connection: Connection) -> None:
        if connection.closed and self.state is DtlsState.CONNECTED:
            self._end(DtlsState.CLOSED)

    def _stop_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.stop_now()

    def _end(self, state: DtlsState) -> None:
        self._inbound = self._outbound = None
        self._change(state)

    def _change(self, state: DtlsState) -> None:
        if self.state is not state and self.state is not DtlsState.CLOSED:
            self.state = state
            self._on_state(state)


def without_plaintext_alerts(data: bytes) -> bytes:
    """The datagram without alert records of epoch 0; nothing when it is malformed (RFC 6347 section 4.1)."""
    kept = bytearray()
    at = 0
    while at < len(data):
        if data[at] in _UNIFIED_HEADER:
            return bytes(kept) + data[at:]
        end = at + HEADER + int.from_bytes(data[at + 11 : at + 13], "big")
        if data[at] not in _PLAINTEXT_TYPES or at + HEADER > len(data) or end > len(data):
            return b""
        if data[at] != _ALERT or data[at + 3 : at + 5] != b"\0\0":
            kept += data[at:end]
        at = end
    return bytes(kept)
