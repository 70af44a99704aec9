"""A transport: one peer connection's ICE path, DTLS association, producers and consumers."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from media import rtcp, rtp
from media.allocation import Allocation
from media.consumer import Consumer
from media.dtls import Dtls, DtlsEndpoint, DtlsState
from media.errors import WorkerError
from media.handshake import Certificate
from media.ice import Path
from media.loss import Loss
from media.nack import UNKNOWN_RTT
from media.ortc import TRANSPORT_CC, DeviceCapabilities
from media.port import Port
from media.producer import Producer
from media.resend import Budget
from media.stats import Drop, Traffic, TransportStats
from media.stream import Stream
from media.twcc import TwccRecorder

if TYPE_CHECKING:
    from media.router import Router

MAX_PRODUCERS = 8
MAX_CONSUMERS = 512
TWCC_INTERVAL = 0.05
REPORT_INTERVAL = 1.0
_SLACK = 0.01
"""Seconds by which a timer may be early without missing its turn."""
_REPORTED_FOR = 3.0
FEEDBACK_RATE, FEEDBACK_MOST = 32_000, 64_000
"""Bytes of RTCP that a peer may send: a second, and at once."""


class TransportState(StrEnum):
    NEW = "new"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    FAILED = "failed"
    CLOSED = "closed"


class Transport:
    """Sends only while DTLS stands and the peer consents (its STUN is younger than 30 s)."""

    def __init__(
        self,
        id_: str,
        owner: str,
        direction: str,
        device: DeviceCapabilities,
        router: Router,
        port: Port,
        certificate: Certificate,
    ) -> None:
        self.id, self.owner, self.direction, self.device = id_, owner, direction, device
        self.router = router
        self.state = TransportState.NEW
        self.connected = False
        self.traffic = Traffic()
        self.rtt: float | None = None
        """Seconds: of the handshake, then of a receiver's reports or of a publisher's answers to NACKs."""
        self.loss = Loss()
        """On a receiver's line."""
        self.local_ssrc = secrets.randbits(31) | 1
        self.producers: dict[str, Producer] = {}
        self.consumers: dict[int, Consumer] = {}
        self._incoming: dict[int, tuple[Producer, int, bool]] = {}
        self._mids = itertools.count()
        self._port = port
        self._certificate = certificate
        self._path: Path | None = None
        self._twcc = TwccRecorder()
        self._twcc_id: int | None = None
        self._twcc_at = self._report_at = self._protect_at = 0.0
        self._feedback = Budget(FEEDBACK_RATE, FEEDBACK_MOST)
        self.allocation = Allocation(self, router.clock())
        self.ice = port.agent.open(self)
        self.dtls: Dtls = DtlsEndpoint(
            certificate,
            self._send,
            on_state=self._dtls_changed,
            on_rtp=lambda packet, now: self.receive_rtp((packet,), now),
            on_rtcp=self._receive_rtcp,
            traffic=self.traffic,
        )

    def description(self) -> dict[str, Any]:
        """What mediasoup-client makes its transport of."""
        return {
            "id": self.id,
            "iceParameters": self.ice.parameters(),
            "iceCandidates": self._port.candidates(),
            "dtlsParameters": self._certificate.parameters(),
        }

    def connect(self, dtls_parameters: Mapping[str, Any]) -> None:
        if self.dtls.state is not DtlsState.NEW:
            raise WorkerError("wrong_state", "the transport was connected before")
        try:
            self.dtls.start(dtls_parameters)
        except ValueError as error:
            raise WorkerError("invalid_parameters", str(error)) from error

    def restart_ice(self) -> dict[str, Any]:
        self._port.agent.restart(self.ice)
        return self.ice.parameters()

    # datagrams in and out

    def receive_dtls(self, data: bytes, now: float) -> None:
        self.dtls.receive_dtls(data, now)

    def receive_srtp(self, datagrams: Sequence[bytes], now: float) -> None:
        """Datagrams that came together."""
        self.receive_rtp(self.dtls.unprotected(datagrams, now), now)

    def receive_rtp(self, packets: Sequence[bytes], now: float) -> None:
        """Packets that came together, unprotected; they are handed on together."""
        try:
            for packet in packets:
                self._take_rtp(packet, now)
        finally:
            for producer in self.producers.values():
                producer.hand_on()

    def path_changed(self, now: float) -> None:
        self.allocation.elsewhere(now)
        self._go_by(self.ice.selected)
        self._settle(now)

    def _go_by(self, path: Path | None) -> None:
        self._path = path
        self.dtls.lane = None if path is None else self._port.lane(path, self.traffic)

    def withdraw(self, consumer: Consumer) -> None:
        """What the consumer has handed on, and the kernel has not got yet, is not sent."""
        self._port.withdraw(consumer)

    def _send(self, data: bytes) -> bool:
        return self._path is not None and self._port.send(data, self._path)

    def _dtls_changed(self, state: DtlsState) -> None:
        if state is DtlsState.CLOSED:
            self.close()
            return
        if state is DtlsState.CONNECTED:
            self.rtt = self.dtls.rtt
        self._settle(self.router.clock())

    def _settle(self, now: float) -> None:
        """Bring `state` and `connected` in line with DTLS and consent, and tell."""
        if self.state is TransportState.CLOSED:
            return
        consents = self.ice.consents(now)
        if not consents:
            self._go_by(None)
        match self.dtls.state:
            case DtlsState.CONNECTED:
                state = TransportState.CONNECTED if consents else TransportState.DISCONNECTED
            case DtlsState.CONNECTING:
                state = TransportState.CONNECTING
            case DtlsState.FAILED:
                state = TransportState.FAILED
            case _:
                state = TransportState.NEW
        if state is self.state:
            return
        self.state = state
        self.connected = state is TransportState.CONNECTED
        if self.connected:
            self._begin(now)
        self._tell()

    def _begin(self, now: float) -> None:
        for consumer in self.consumers.values():
            consumer.restart()
        for consumer in self.consumers.values():
            consumer.producer.refresh(now)

    def _tell(self) -> None:
        self.router.emit(
            "transportState",
            {"transport": self.id, "owner": self.owner, "room": self.router.id, "state": self.state.value},
        )

    # incoming packets

    def _take_rtp(self, data: bytes, now: float) -> None:
        try:
            packet = rtp.parse(data)
        except ValueError:
            self.traffic.drop(Drop.MALFORMED_RTP)
            return
        if self._twcc_id is not None:
            number = packet.extensions.get(self._twcc_id)
            if number is not None and len(number) == 2:
                self._twcc.add(int.from_bytes(number, "big"), now)
        known = self._incoming.get(packet.ssrc) or self._learn(packet)
        if known is None:
            self.traffic.drop(Drop.UNKNOWN_SSRC)
            return
        producer, layer, resent = known
        stream = producer.streams[layer]
        if stream is None:
            self.traffic.drop(Drop.UNKNOWN_SSRC)
        elif resent:
            producer.receive_resent(stream, packet, now)
        else:
            producer.receive(stream, packet, now)

    def _learn(self, packet: rtp.RtpPacket) -> tuple[Producer, int, bool] | None:
        """Take an unknown SSRC for the producer and layer that its MID and RID name, in place of an older."""
        for producer in self.producers.values():
            found = producer.recognise(packet)
            if found is None:
                continue
            layer, resent = found
            self._forget_incoming(producer, layer, resent)
            if not resent and producer.learn(layer, packet.ssrc) is not None:
                self._forget_incoming(producer, layer, resent=True)
            self._incoming[packet.ssrc] = producer, layer, resent
            return self._incoming[packet.ssrc]
        return None

    def _forget_incoming(self, producer: Producer, layer: int, resent: bool) -> None:
        old = [ssrc for ssrc, known in self._incoming.items() if known == (producer, layer, resent)]
        for ssrc in old:
            del self._incoming[ssrc]

    def _receive_rtcp(self, data: bytes, now: float) -> None:
        if not self._feedback.spend(len(data), now):
            self.traffic.drop(Drop.FEEDBACK_LIMIT)
            return
        try:
            messages = rtcp.parse(data)
        except ValueError:
            self.traffic.drop(Drop.MALFORMED_RTCP)
            return
        for message in messages:
            self._take(message, now)

    def _take(self, message: rtcp.RtcpMessage, now: float) -> None:
        match message:
            case rtcp.SenderReport():
                self._report_of(message, now)
                self._heard(message.reports, now)
            case rtcp.ReceiverReport():
                self._heard(message.reports, now)
            case rtcp.PictureLossIndication():
                self._keyframe_asked(message.media_ssrc, now)
            case rtcp.FullIntraRequest():
                for ssrc, _ in message.requests:
                    self._keyframe_asked(ssrc, now)
            case rtcp.Nack():
                self._packets_asked(message, now)
            case rtcp.Remb():
                self.allocation.estimated(message.bitrate, now)

    def _report_of(self, report: rtcp.SenderReport, now: float) -> None:
        known = self._incoming.get(report.ssrc)
        if known is None or known[2]:
            return
        stream = known[0].streams[known[1]]
        if stream is not None and stream.ssrc == report.ssrc:
            known[0].receive_report(stream, report, now)

    def _heard(self, blocks: tuple[rtcp.ReportBlock, ...], now: float) -> None:
        for block in blocks:
            consumer = self.consumers.get(block.ssrc)
            if consumer is not None and consumer.producer.kind == "video":
                self.allocation.lost(block.fraction_lost / 256, now)
            rtt = consumer.heard(block, now) if consumer is not None else None
            if rtt is not None:
                self.rtt = rtt
                self.allocation.measured(rtt, now)

    @property
    def round_trip(self) -> float:
        """`rtt`, or what is assumed until it is measured."""
        return UNKNOWN_RTT if self.rtt is None else self.rtt

    def measured(self, rtt: float) -> None:
        """The publisher answered a NACK after `rtt` seconds; a handshake takes longer, so it falls fast."""
        before = rtt if self.rtt is None else self.rtt
        self.rtt = before + (rtt - before) / (8 if rtt > before else 2)

    def _packets_asked(self, nack: rtcp.Nack, now: float) -> None:
        consumer = self.consumers.get(nack.media_ssrc)
        if consumer is None or not consumer.flowing:
            self.traffic.drop(Drop.NACK_STRANGER)
        else:
            consumer.resend(nack.sequences, now)

    def _keyframe_asked(self, ssrc: int, now: float) -> None:
        consumer = self.consumers.get(ssrc)
        if consumer is not None:
            consumer.keyframe_asked(now)

    # periodic work

    def tick(self, now: float) -> bool:
        """Consent, protection of sound, feedback to the publisher, requests for packets and keyframes.

        Whether it is to be called again soon: something is missing, or a line is being tried out.
        """
        if self.connected and not self.ice.consents(now):
            self._settle(now)
        if not self.connected:
            return False
        hurries = bool(self.consumers) and self.allocation.tick(now)
        if self.consumers and now >= self._protect_at - _SLACK:
            self._protect_at = now + REPORT_INTERVAL
            for consumer in self.consumers.values():
                consumer.protect(now)
        if not self.producers:
            return hurries
        if now >= self._twcc_at - _SLACK:
            self._twcc_at = now + TWCC_INTERVAL
            self._send_twcc()
        if now >= self._report_at - _SLACK:
            self._report_at = now + REPORT_INTERVAL
            self._send_reports(now)
        for producer in self.producers.values():
            hurries = producer.repair(now) or hurries
            producer.refresh(now)
            producer.tell_demand(now)
        return hurries

    def _send_twcc(self) -> None:
        about = next(iter(self._incoming), 0)
        while (feedback := self._twcc.build(self.local_ssrc, about)) is not None:
            self.dtls.send_rtcp(feedback)

    def _send_reports(self, now: float) -> None:
        blocks = [
            block
            for producer in self.producers.values()
            for stream in producer.present_streams
            if _recent(stream, now) and (block := producer.report(stream, now)) is not None
        ]
        if blocks:
            self.dtls.send_rtcp(rtcp.build_receiver_report(self.local_ssrc, blocks))

    # children

    def add_producer(self, producer: Producer) -> None:
        """Raise `WorkerError` when one of its SSRCs is taken on this transport."""
        if len(self.producers) >= MAX_PRODUCERS:
            raise WorkerError("limit_reached", f"a transport carries at most {MAX_PRODUCERS} producers")
        declared: dict[int, tuple[Producer, int, bool]] = {}
        for layer, encoding in enumerate(producer.parameters.encodings):
            for ssrc, resent in ((encoding.ssrc, False), (encoding.rtx_ssrc, True)):
                if ssrc is not None:
                    declared[ssrc] = producer, layer, resent
        if declared.keys() & self._incoming.keys():
            raise WorkerError("invalid_parameters", "an SSRC is in use on this transport")
        self._incoming.update(declared)
        self.producers[producer.id] = producer
        self._twcc_id = producer.parameters.extension_ids.get(TRANSPORT_CC, self._twcc_id)

    def forget_producer(self, producer: Producer) -> None:
        self.producers.pop(producer.id, None)
        self._incoming = {ssrc: known for ssrc, known in self._incoming.items() if known[0] is not producer}

    def ssrcs_of(self, producer: Producer) -> dict[str, dict[str, Any]]:
        """SSRC → {layer, rtx}."""
        return {
            str(ssrc): {"layer": layer, "rtx": resent}
            for ssrc, (owner, layer, resent) in self._incoming.items()
            if owner is producer
        }

    def new_mid(self) -> str:
        """A name for the next consumer's media section, used once (mediasoup-client keeps sections by it)."""
        return str(next(self._mids))

    def add_consumer(self, consumer: Consumer) -> None:
        if len(self.consumers) >= MAX_CONSUMERS:
            raise WorkerError("limit_reached", f"a transport carries at most {MAX_CONSUMERS} consumers")
        self.consumers[consumer.ssrc] = consumer

    def forget_consumer(self, consumer: Consumer) -> None:
        self.consumers.pop(consumer.ssrc, None)

    def close(self) -> None:
        """Irreversible, idempotent; closes producers and consumers, then tells the peer."""
        if self.state is TransportState.CLOSED:
            return
        self.state = TransportState.CLOSED
        self.connected = False
        for producer in list(self.producers.values()):
            producer.close()
        for consumer in list(self.consumers.values()):
            consumer.close("transport_closed")
        self.dtls.close()
        self._go_by(None)
        self._port.agent.close(self.ice)
        self.router.forget_transport(self)
        self._tell()

    def stats(self) -> TransportStats:
        return TransportStats(
            id=self.id,
            owner=self.owner,
            direction=self.direction,
            state=self.state.value,
            traffic=self.traffic,
            rtt=self.rtt,
        )


def _recent(stream: Stream, now: float) -> bool:
    heard = stream.statistics.last_arrival
    return heard is not None and now - heard < _REPORTED_FOR
