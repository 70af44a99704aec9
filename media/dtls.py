"""DTLS-SRTP (RFC 5764) over any datagram sender. The only file that touches aiortc's private parts.

aiortc 1.16.0 does the handshake; SRTP goes past its packet path. Both the server (role "server"
towards browsers) and a client of ours use `DtlsEndpoint`. Only DTLS datagrams reach aiortc, and of
them no plaintext alert: anybody who can forge a source address could otherwise end a handshake.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from aiortc import rtcdtlstransport as _aiortc

from media.batch import Lane
from media.block import Block, Copy
from media.srtp import MAX_PACKET, Inbound, Outbound
from media.stats import Drop, Traffic

HANDSHAKE_LIMIT = 30.0
"""Seconds from `start` until a handshake counts as failed."""
ATTEMPTS = 3
"""A handshake that fails on forged bytes is begun anew; the peer's retransmission completes it."""
MAX_SOURCES = 256
"""SSRCs one peer may send from; libsrtp keeps a replay window for each of them."""
_QUEUE = 32
_HEADER = 13
_ALERT = 21
_PLAINTEXT_TYPES = range(20, 28)
_UNIFIED_HEADER = range(32, 64)


class DtlsState(StrEnum):
    NEW = "new"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    FAILED = "failed"
    CLOSED = "closed"


class Certificate:
    """A self-signed certificate; a worker makes one and uses it for all its transports."""

    def __init__(self) -> None:
        self.private = _aiortc.RTCCertificate.generateCertificate()

    def parameters(self, role: str = "auto") -> dict[str, Any]:
        """mediasoup's DtlsParameters."""
        fingerprints = [
            {"algorithm": entry.algorithm, "value": entry.value} for entry in self.private.getFingerprints()
        ]
        return {"role": role, "fingerprints": fingerprints}


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
        self._feed = _Feed(send, clock)
        self._connection: _Connection | None = None
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

    async def _handshake(self, role: str, remote: _aiortc.RTCDtlsParameters) -> None:
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

    async def _attempt(self, role: str, remote: _aiortc.RTCDtlsParameters) -> bool:
        """Whether this connection decided: connected, or a peer that is not who it should be."""
        self._stop_connection()
        self._feed.begin()
        connection = self._connection = _Connection(self._feed, self._certificate.private)
        connection._set_role(role)
        connection.on("statechange", lambda: self._connection_changed(connection))
        await connection.start(remote)
        if connection._state is _aiortc.State.CONNECTED:
            self.rtt = self._feed.rtt
            self._inbound, self._outbound = connection._rx_srtp, connection._tx_srtp
            self.trailer = self._outbound.trailer
            self._change(DtlsState.CONNECTED)
            return True
        if connection.stranger:
            self._end(DtlsState.FAILED)
        return connection.stranger

    def _connection_changed(self, connection: _Connection) -> None:
        if connection._state is _aiortc.State.CLOSED and self.state is DtlsState.CONNECTED:
            self._end(DtlsState.CLOSED)

    def _stop_connection(self) -> None:
        """Run aiortc's `stop` to its end at once: with our sender it never waits.

        Its listener refers back to the connection: without it OpenSSL's and libsrtp's memory, with the keys,
        is freed at once, and not when Python looks for cycles, minutes later.
        """
        connection, self._connection = self._connection, None
        if connection is None:
            return
        connection.remove_all_listeners()
        stopping = connection.stop()
        try:
            stopping.send(None)
        except StopIteration:
            return
        stopping.close()

    def _end(self, state: DtlsState) -> None:
        self._inbound = self._outbound = None
        self._change(state)

    def _change(self, state: DtlsState) -> None:
        if self.state is not state and self.state is not DtlsState.CLOSED:
            self.state = state
            self._on_state(state)


def checked_parameters(parameters: Mapping[str, Any]) -> tuple[str, _aiortc.RTCDtlsParameters]:
    """Our role and the peer's fingerprints; `ValueError` when there is nothing to check the peer by."""
    remote_role = parameters.get("role", "auto")
    if remote_role not in ("auto", "client", "server"):
        raise ValueError("dtlsParameters.role must be auto, client or server")
    entries = parameters.get("fingerprints")
    if not isinstance(entries, list) or not 0 < len(entries) <= 8:
        raise ValueError("dtlsParameters.fingerprints must hold one to eight entries")
    fingerprints = [_fingerprint(entry) for entry in entries]
    if not any(entry.algorithm.lower() in _aiortc.X509_DIGEST_ALGORITHMS for entry in fingerprints):
        raise ValueError("dtlsParameters.fingerprints: sha-256, sha-384 or sha-512 is needed")
    role = "client" if remote_role == "server" else "server"
    return role, _aiortc.RTCDtlsParameters(fingerprints=fingerprints)


def _fingerprint(entry: object) -> _aiortc.RTCDtlsFingerprint:
    match entry:
        case {"algorithm": str(algorithm), "value": str(value)}:
            return _aiortc.RTCDtlsFingerprint(algorithm=algorithm, value=value)
    raise ValueError("a fingerprint is {algorithm, value}")


def without_plaintext_alerts(data: bytes) -> bytes:
    """The datagram without alert records of epoch 0; nothing when it is malformed (RFC 6347 section 4.1)."""
    kept = bytearray()
    at = 0
    while at < len(data):
        if data[at] in _UNIFIED_HEADER:
            return bytes(kept) + data[at:]
        end = at + _HEADER + int.from_bytes(data[at + 11 : at + 13], "big")
        if data[at] not in _PLAINTEXT_TYPES or at + _HEADER > len(data) or end > len(data):
            return b""
        if data[at] != _ALERT or data[at + 3 : at + 5] != b"\0\0":
            kept += data[at:end]
        at = end
    return bytes(kept)


class _Feed:
    """Stands in for aiortc's RTCIceTransport, of which it uses `role`, `_recv` and `_send`."""

    role = "controlled"

    def __init__(self, send: Callable[[bytes], object], clock: Callable[[], float]) -> None:
        self._datagram_out = send
        self._clock = clock
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue(_QUEUE)
        self._flight_sent: float | None = None
        self._asked = self._answer = b""
        self.rtt: float | None = None

    def begin(self) -> None:
        """What has been answered before is another connection's."""
        self._asked = self._answer = b""

    def put(self, data: bytes, now: float) -> bool:
        if self._answer and data[_HEADER:] == self._asked:
            # OpenSSL says nothing to a hello that it has seen, until its own timer fires: after a second at
            # the soonest, where a browser asks again after 50 ms.
            self._datagram_out(self._answer)
            return True
        if self._flight_sent is not None:
            taken = max(0.0, now - self._flight_sent)
            self.rtt = taken if self.rtt is None else min(self.rtt, taken)
            self._flight_sent = None
        try:
            self._waiting.put_nowait(data)
        except asyncio.QueueFull:
            return False
        return True

    async def _recv(self) -> bytes:
        data = await self._waiting.get()
        self._asked, self._answer = data[_HEADER:], b""
        return data

    async def _send(self, data: bytes) -> None:
        self._flight_sent = self._clock()
        self._answer = data
        self._datagram_out(data)


class _Connection(_aiortc.RTCDtlsTransport):  # type: ignore[misc]
    """aiortc's DTLS, with SRTP sessions that refuse to protect one sequence number twice.

    Under GCM a repeated index with other bytes would give the keystream away.
    """

    def __init__(self, feed: _Feed, certificate: Any) -> None:
        super().__init__(feed, [certificate])
        self.stranger = False

    def _validate_peer_identity(self, remoteParameters: _aiortc.RTCDtlsParameters) -> None:
        super()._validate_peer_identity(remoteParameters)
        self.stranger = self._state is _aiortc.State.FAILED

    def _setup_srtp(self) -> None:
        chosen = self._ssl.get_selected_srtp_profile()
        profile = next((known for known in self._srtp_profiles if known.openssl_profile == chosen), None)
        if profile is None:
            self._set_state(_aiortc.State.FAILED)
            return
        material = self._ssl.export_keying_material(
            b"EXTRACTOR-dtls_srtp", 2 * (profile.key_length + profile.salt_length)
        )
        ours = 1 if self._role == "server" else 0
        self._tx_srtp = Outbound(profile.libsrtp_profile, profile.get_key_and_salt(material, ours))
        self._rx_srtp = Inbound(profile.libsrtp_profile, profile.get_key_and_salt(material, 1 - ours))
