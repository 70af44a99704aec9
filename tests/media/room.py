"""A router with literal time: transports without sockets, packets in as bytes, packets out as lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from config.media import Listen
from media import rtcp, rtp
from media.block import Block, Copy
from media.consumer import Consumer
from media.dtls import DtlsState
from media.handshake import Certificate
from media.ortc import router_capabilities, validate_capabilities
from media.port import Port
from media.producer import Producer
from media.router import Router
from media.table import PermissionTable
from media.transport import Transport
from tests.media.endpoint import binding_request

DEVICE = validate_capabilities(router_capabilities())
CERTIFICATE = Certificate()


@dataclass
class FakeDtls:
    """What a transport would have protected and sent."""

    state: DtlsState = DtlsState.CONNECTED
    rtt: float | None = None
    lane: object = None
    rtp: list[rtp.RtpPacket] = field(default_factory=list)
    rtcp: list[rtcp.RtcpMessage] = field(default_factory=list)
    together: list[int] = field(default_factory=list)
    """How many packets each block had."""

    trailer: int = 16

    def forward(self, block: Block, copy: Copy, of: object) -> list[int]:
        data = bytearray(block.data)
        for place, patch in copy.patches:
            data[place : place + len(patch)] = patch
        for number, (at, size, timestamp) in enumerate(block.places):
            packet = data[at : at + size]
            sequence, shifted = copy.sequence + number & 0xFFFF, timestamp + copy.shift & 0xFFFFFFFF
            self.send_rtp(rtp.renumbered(packet, sequence, shifted, copy.ssrc))
        self.together.append(len(block.places))
        return []

    def forward_one(
        self, packet: bytes | bytearray, sequence: int, timestamp: int, ssrc: int, of: object
    ) -> bytes:
        sent = rtp.renumbered(packet, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc)
        self.send_rtp(sent)
        return sent

    def send_rtp(self, packet: bytes, of: object = None) -> bool:
        self.rtp.append(rtp.parse(packet))
        return True

    def protect_rtp(self, packet: bytes) -> bytes | None:
        return packet

    def send_protected(self, datagram: bytes, of: object = None) -> bool:
        return self.send_rtp(datagram)

    def send_rtcp(self, packet: bytes, of: object = None) -> bool:
        self.rtcp += rtcp.parse(packet)
        return True

    def close(self) -> None:
        self.state = DtlsState.CLOSED


class Room:
    def __init__(self) -> None:
        self.now = 100.0
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.port = Port((Listen("127.0.0.1"),), 0)
        self.router = Router(
            "room",
            self.port,
            CERTIFICATE,
            lambda name, data: self.events.append((name, data)),
            lambda: self.now,
        )
        self.revision = 0
        self._numbers: dict[str, int] = {}

    def close(self) -> None:
        self.router.close()
        self.port.close()

    def transport(self, owner: str, direction: str, *, connected: bool = True) -> Transport:
        transport = self.router.create_transport(f"{owner}-{direction}", owner, direction, DEVICE)
        transport.dtls = FakeDtls(DtlsState.CONNECTED if connected else DtlsState.CONNECTING)  # type: ignore[assignment]
        self.bind(transport)
        return transport

    def bind(self, transport: Transport) -> None:
        """An authenticated binding request at `now`, from an address of its own."""
        number = self._numbers.setdefault(transport.id, 1000 + len(self._numbers))
        request = binding_request(transport.ice.parameters())
        self.port.agent.receive(request, (0, ("192.0.2.1", number)), self.now)

    def produce(
        self, transport: Transport, id_: str, kind: str, source: str, parameters: Mapping[str, Any]
    ) -> Producer:
        return self.router.produce(transport, id_, kind, source, parameters)

    def consume(self, transport: Transport, producer: Producer, id_: str = "") -> Consumer:
        consumer = self.router.consume(id_ or f"{producer.id}>{transport.owner}", transport, producer)
        consumer.resume(self.now)
        return consumer

    def allow(
        self, allow: Mapping[str, Mapping[str, Sequence[str]]], entering: frozenset[str] = frozenset()
    ) -> None:
        self.revision += 1
        self.router.set_table(PermissionTable.parse(self.revision, allow), self.now, entering)

    def tick(self, seconds: float = 0.025) -> None:
        self.now += seconds
        for transport in list(self.router.transports.values()):
            self.router.see_to(transport, self.now)
        self.router.tell_speakers(self.now)


def out(transport: Transport) -> FakeDtls:
    assert isinstance(transport.dtls, FakeDtls)
    return transport.dtls


def plis(transport: Transport) -> list[int]:
    return [each.media_ssrc for each in out(transport).rtcp if isinstance(each, rtcp.PictureLossIndication)]
