"""A WebRTC endpoint without a browser: one UDP socket, ICE controlling, DTLS client, SRTP both ways.

It talks to an ICE-lite server such as ours, given mediasoup's transport parameters. Nothing is decoded.
"""

import asyncio
import ipaddress
import socket
import struct
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from enum import StrEnum
from typing import Any

from media.checks import Address, Checks, Path
from media.dtls import DtlsEndpoint, DtlsState
from media.handshake import Certificate

OnPacket = Callable[[bytes, int], None]
"""Called with an unprotected packet and its arrival in nanoseconds of CLOCK_REALTIME."""

_SO_TIMESTAMPNS = 35
_TIMESPEC = struct.Struct("@qq")
_DATAGRAM = 2048
_BURST = 64
_BUFFER = 1 << 20


class PeerState(StrEnum):
    NEW = "new"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    FAILED = "failed"
    CLOSED = "closed"


class PeerFailed(ConnectionError):
    """The transport did not come up, with the step that failed."""


class Peer:
    """One transport. `connect` once, then send; `close` is irreversible and idempotent.

    With `kernel_time` arrivals are stamped by the kernel (SO_TIMESTAMPNS), otherwise when they are read.
    """

    def __init__(
        self,
        *,
        on_rtp: OnPacket = lambda packet, arrived: None,
        on_rtcp: OnPacket = lambda packet, arrived: None,
        on_state: Callable[[PeerState], None] = lambda state: None,
        kernel_time: bool = False,
    ) -> None:
        self.state = PeerState.NEW
        self.stray = 0
        self._on_rtp, self._on_rtcp, self._on_state = on_rtp, on_rtcp, on_state
        self._kernel_time = kernel_time
        self._certificate = Certificate()
        self._socket: socket.socket | None = None
        self._checks: Checks | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._settled: asyncio.Future[None] | None = None
        self._remote_dtls: dict[str, Any] = {}
        self._arrived = 0
        self._dtls = DtlsEndpoint(
            self._certificate,
            self._send,
            on_state=self._dtls_changed,
            on_rtp=lambda packet, _: self._on_rtp(packet, self._arrived),
            on_rtcp=lambda packet, _: self._on_rtcp(packet, self._arrived),
        )

    @property
    def dtls_parameters(self) -> dict[str, Any]:
        """Ours, for `media.connectTransport`; hand them over before `connect`."""
        return self._certificate.parameters("client")

    @property
    def traffic(self) -> dict[str, Any]:
        """Packet and byte counters and drops by reason."""
        return self._dtls.traffic.to_dict()

    @property
    def local_address(self) -> Address | None:
        """Where our socket is bound."""
        return None if self._socket is None else self._socket.getsockname()[:2]

    async def connect(
        self,
        ice_parameters: Mapping[str, Any],
        ice_candidates: Iterable[Mapping[str, Any]],
        dtls_parameters: Mapping[str, Any],
        *,
        limit: float = 15.0,
    ) -> None:
        """Find a path and finish the handshake within `limit` seconds, else `PeerFailed`."""
        if self.state is not PeerState.NEW:
            raise PeerFailed(f"this peer is {self.state} already")
        addresses, family = udp_addresses(ice_candidates)
        self._loop = asyncio.get_running_loop()
        self._remote_dtls = {**dtls_parameters, "role": "server"}
        self._checks = Checks(ice_parameters, addresses, self._loop.time())
        self._settled = self._loop.create_future()
        self._open(family)
        self._change(PeerState.CONNECTING)
        self._run_checks()
        try:
            async with asyncio.timeout(limit):
                await self._settled
        except TimeoutError:
            found = self._checks.selected is not None
            step = "no DTLS handshake" if found else "no answer to connectivity checks"
            self._fail()
            raise PeerFailed(step) from None

    def restart(self, ice_parameters: Mapping[str, Any]) -> None:
        """Use new remote credentials (`media.restartIce`); packets keep flowing meanwhile."""
        if self._checks is None or self.state is PeerState.CLOSED:
            raise PeerFailed("nothing to restart")
        self._checks.restart(ice_parameters, self._loop.time())
        self._run_checks()

    def send_rtp(self, packet: bytes) -> bool:
        """Protect and send; False (counted) when it could not be."""
        return self._dtls.send_rtp(packet)

    def send_rtcp(self, packet: bytes) -> bool:
        return self._dtls.send_rtcp(packet)

    def close(self) -> None:
        if self.state is PeerState.CLOSED:
            return
        self._change(PeerState.CLOSED)
        self._dtls.close()
        self._release()
        if self._settled is not None and not self._settled.done():
            self._settled.set_exception(PeerFailed("closed"))

    def _open(self, family: int) -> None:
        opened = self._socket = socket.socket(family, socket.SOCK_DGRAM)
        opened.setblocking(False)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        if self._kernel_time:
            opened.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        opened.bind(("::" if family == socket.AF_INET6 else "0.0.0.0", 0))
        self._loop.add_reader(opened.fileno(), self._readable)

    def _readable(self) -> None:
        for _ in range(_BURST):
            if self._socket is None:
                return
            try:
                datagram, address = self._receive(self._socket)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                continue
            self._dispatch(datagram, address)

    def _receive(self, opened: socket.socket) -> tuple[bytes, Address]:
        if not self._kernel_time:
            datagram, address = opened.recvfrom(_DATAGRAM)
            self._arrived = time.time_ns()
            return datagram, address[:2]
        datagram, ancillary, _, address = opened.recvmsg(_DATAGRAM, 64)
        self._arrived = time.time_ns()
        for level, kind, value in ancillary:
            if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS and len(value) >= _TIMESPEC.size:
                seconds, nanoseconds = _TIMESPEC.unpack_from(value)
                self._arrived = seconds * 1_000_000_000 + nanoseconds
        return datagram, address[:2]

    def _dispatch(self, datagram: bytes, address: Address) -> None:
        """RFC 7983: STUN, DTLS and SRTP share the socket and differ in their first byte."""
        checks = self._checks
        if not datagram or checks is None:
            return
        first, now = datagram[0], self._loop.time()
        if first < 4:
            checks.receive(datagram, address, now)
            self._run_checks()
        elif address not in (checks.selected, checks.nominee):
            self.stray += 1
        elif first >= 128:
            self._dtls.receive_srtp(datagram, now)
        elif 20 <= first < 64:
            self._dtls.receive_dtls(datagram, now)

    def _run_checks(self) -> None:
        checks = self._checks
        if checks is None or self._socket is None:
            return
        if self._timer is not None:
            self._timer.cancel()
        for datagram, address in checks.due(self._loop.time()):
            self._send_to(datagram, address)
        if checks.path is Path.LAPSED:
            self._fail()
            return
        if checks.path is Path.CONNECTED and self._dtls.state is DtlsState.NEW:
            self._dtls.start(self._remote_dtls)
        self._timer = self._loop.call_at(checks.next_at, self._run_checks)

    def _send(self, datagram: bytes) -> bool:
        if self._checks is None or self._checks.selected is None:
            return False
        return self._send_to(datagram, self._checks.selected)

    def _send_to(self, datagram: bytes, address: Address) -> bool:
        if self._socket is None:
            return False
        with suppress(OSError):
            return self._socket.sendto(datagram, address) == len(datagram)
        return False

    def _dtls_changed(self, state: DtlsState) -> None:
        if state is DtlsState.CONNECTED:
            self._change(PeerState.CONNECTED)
            if self._settled is not None and not self._settled.done():
                self._settled.set_result(None)
        elif state is DtlsState.FAILED:
            self._fail()
        elif state is DtlsState.CLOSED and self.state is not PeerState.FAILED:
            self.close()

    def _fail(self) -> None:
        """Whoever lets go of it then leaves nothing behind that still waits."""
        self._change(PeerState.FAILED)
        self._dtls.close()
        if self._settled is not None and not self._settled.done():
            self._settled.set_exception(PeerFailed("the DTLS handshake failed"))
        self._release()

    def _release(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._socket is not None:
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()
            self._socket = None

    def _change(self, state: PeerState) -> None:
        if self.state not in (state, PeerState.CLOSED):
            self.state = state
            self._on_state(state)


def udp_addresses(candidates: Iterable[Mapping[str, Any]]) -> tuple[list[Address], int]:
    """Host candidates over UDP, best first, all of one address family (IPv4 if there is any)."""
    found = []
    for candidate in candidates:
        if str(candidate.get("protocol", "")).lower() != "udp":
            continue
        address = str(candidate.get("address") or candidate.get("ip"))
        version = ipaddress.ip_address(address).version
        found.append((version, -int(candidate.get("priority", 0)), (address, int(candidate["port"]))))
    if not found:
        raise PeerFailed("the server offers no UDP candidate")
    found.sort()
    version = found[0][0]
    family = socket.AF_INET if version == 4 else socket.AF_INET6
    return [address for kind, _, address in found if kind == version], family


__all__ = ["OnPacket", "Peer", "PeerFailed", "PeerState", "udp_addresses"]
