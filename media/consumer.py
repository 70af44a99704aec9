"""A consumer: one producer's stream, renumbered, on its way to one listener."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from media import rtcp, rtp
from media.cache import RecentPackets
from media.loss import Loss
from media.ortc import ABS_SEND_TIME, CONSUMER_EXTENSION_IDS, RtpParameters
from media.resend import Budget, Resends, Rtx
from media.sequence import SequenceMap
from media.stats import ConsumerStats, Drop
from media.stream import AUDIO_KEPT, Media, Stream, Threshold

if TYPE_CHECKING:
    from media.producer import Producer
    from media.transport import Transport

AUDIO_ROOM = 64 << 10
"""Bytes of sent sound that are kept for one listener at most."""
RESENT_RATE, RESENT_MOST = 250, 400
"""Packets that one listener may have again of one source: a second, and at once."""
ASKED_RATE, ASKED_MOST = 2000, 2000
"""Packets that it may name in NACKs."""
_ABS_SEND_TIME_ID = CONSUMER_EXTENSION_IDS[ABS_SEND_TIME]


class Consumer:
    """Exists only while the table allows its pair; starts paused.

    Timestamps are the source's. One layer is chosen at the start and kept. Video begins with a
    keyframe, and everything begins above `threshold`. Lost video is sent again as RTX, made anew from
    what the source sent; lost sound as the very datagram that was sent before.
    """

    def __init__(
        self,
        id_: str,
        transport: Transport,
        producer: Producer,
        parameters: RtpParameters,
        threshold: Threshold | None,
        first_sequence: int,
        first_rtx_sequence: int,
    ) -> None:
        self.id = id_
        self.transport = transport
        self.producer = producer
        self.parameters = parameters
        self.threshold = threshold
        encoding = parameters["encodings"][0]
        self.ssrc = encoding["ssrc"]
        self.cname = parameters["rtcp"]["cname"]
        self.paused = True
        self.closed = False
        self.spatial: int | None = None
        self.stream: Stream | None = None
        self.packets = self.octets = self.resent = 0
        self.first_timestamp: int | None = None
        self._payload_type = parameters["codecs"][0]["payloadType"]
        self._extensions = frozenset(entry["id"] for entry in parameters["headerExtensions"])
        self._form = f"{self._payload_type} {sorted(self._extensions)}"
        self._video = producer.kind == "video"
        self._sequence = SequenceMap(first_sequence)
        self._limit: int | None = None
        self.rtx: Rtx | None = None
        if "rtx" in encoding:
            payload_type = parameters["codecs"][1]["payloadType"]
            self.rtx = Rtx(encoding["rtx"]["ssrc"], payload_type, first_rtx_sequence)
        feedback = parameters["codecs"][0]["rtcpFeedback"]
        self._keeps_sent = not self._video and {"type": "nack", "parameter": ""} in feedback
        self._sent: RecentPackets[bytes] = RecentPackets(AUDIO_KEPT, AUDIO_ROOM)
        self._asked = Budget(ASKED_RATE, ASKED_MOST)
        self._resends = Resends(RESENT_RATE, RESENT_MOST)
        self._reported: tuple[int, float] | None = None
        self._begun_anew = -1
        self._loss = Loss()

    @property
    def flowing(self) -> bool:
        return not self.paused and self.transport.connected

    def resume(self, now: float) -> None:
        self.paused = False
        self.producer.refresh(now)

    def restart(self) -> None:
        """Begin anew (after a pause of the source or a lost path): video at the next keyframe.

        Nothing from before is sent any more, nor again.
        """
        self.transport.withdraw(self)
        self.stream = None
        self._begun_anew = -1
        self._sequence.restart()
        self._sent.clear()
        self._loss.forget()

    def prefer(self, spatial: int) -> None:
        """The highest layer to choose; counts at the next start."""
        self.spatial = spatial

    def forward(self, media: Media) -> None:
        if self.paused or not self.transport.connected:
            return
        if media.stream is not self.stream and not self._begins(media):
            return
        if self._limit is not None and media.timestamp <= self._limit:
            self._drop(Drop.BELOW_THRESHOLD)
            return
        sequence = self._sequence.place(media.sequence)
        if sequence is None:
            self._drop(Drop.OUT_OF_SEQUENCE)
            return
        packet = media.packets.get(self._form) or self._packet(media)
        number, timestamp = sequence & 0xFFFF, media.timestamp & 0xFFFFFFFF
        if self._keeps_sent:
            sent = self._send_and_keep(
                rtp.renumbered(packet, number, timestamp, self.ssrc), number, media.now
            )
        else:
            sent = self.transport.dtls.forward(packet, number, timestamp, self.ssrc, self)
        if sent:
            self.packets += 1
            self.octets += len(media.payload)

    def _packet(self, media: Media) -> bytes:
        """As every listener with the same codec and extensions gets it, but for its numbers."""
        packet = media.packets[self._form] = rtp.build(
            payload_type=self._payload_type,
            sequence=0,
            timestamp=0,
            ssrc=0,
            payload=media.payload,
            marker=media.marker,
            extensions=rtp.extension_block(self._elements(media, media.now)),
        )
        return packet

    def _send_and_keep(self, packet: bytes, sequence: int, now: float) -> bool:
        datagram = self.transport.dtls.protect_rtp(packet)
        if datagram is None:
            return False
        self._sent.add(sequence, datagram, len(datagram), now)
        return self.transport.dtls.send_protected(datagram, self)

    def skip(self, media: Media) -> None:
        """A packet without payload (bandwidth probe): left out without a gap."""
        if media.stream is self.stream:
            self._sequence.skip(media.sequence)

    def resend(self, sequences: Sequence[int], now: float) -> None:
        """Answer the listener's NACK as far as the packets are kept and the budget goes."""
        if not self._asked.spend(len(sequences), now):
            self._drop(Drop.NACK_LIMIT)
            return
        rtt = self.transport.round_trip
        for sequence in sequences:
            lost = self._kept(sequence, now)
            if lost is None:
                self._drop(Drop.NACK_GONE)
                self._begin_anew(sequence, now)
            elif not self._resends.allow(sequence, rtt, now):
                self._drop(Drop.NACK_LIMIT)
            elif self._send_again(sequence, lost, now):
                self.resent += 1

    def _kept(self, sequence: int, now: float) -> Media | bytes | None:
        """What this consumer sent, or would have sent, under that number since it began."""
        if self.rtx is None or self.stream is None:
            return self._sent.get(sequence, now)
        source = self._sequence.source(sequence)
        media = None if source is None else self.stream.recent.get(source, now)
        if media is None or (self._limit is not None and media.timestamp <= self._limit):
            return None
        return media

    def _begin_anew(self, sequence: int, now: float) -> None:
        """The listener waits for what cannot be sent again, and would ask for a keyframe only after seconds.
        One keyframe serves for everything that was sent before it was asked for."""
        source = None if self.stream is None else self._sequence.source(sequence)
        if self.stream is None or source is None or source <= self._begun_anew:
            return
        if source not in self.stream.missing.waiting:
            self._begun_anew = self.stream.statistics.highest_sequence or source
            self.keyframe_asked(now)

    def _send_again(self, sequence: int, lost: Media | bytes, now: float) -> bool:
        if isinstance(lost, bytes):
            return self.transport.dtls.send_protected(lost, self)
        assert self.rtx is not None
        extensions = rtp.extension_block(self._elements(lost, now))
        return self.transport.dtls.send_rtp(
            self.rtx.packet(
                sequence, lost.timestamp, lost.payload, marker=lost.marker, extensions=extensions
            ),
            self,
        )

    def _begins(self, media: Media) -> bool:
        if self.stream is not None or media.stream is not self.producer.layer(self.spatial, media.now):
            return False
        limit = None
        if self.threshold is not None:
            limit = self.threshold.of(media.stream)
            if media.after < self.threshold.passes_at or (limit is not None and media.timestamp <= limit):
                self._drop(Drop.BELOW_THRESHOLD)
                return False
        if self._video and not media.keyframe:
            self._drop(Drop.AWAITING_KEYFRAME)
            return False
        self.stream, self._limit = media.stream, limit
        if self.first_timestamp is None:
            self.first_timestamp = media.timestamp & 0xFFFFFFFF
        return True

    def _elements(self, media: Media, now: float) -> dict[int, bytes]:
        elements = {id_: value for id_, value in media.extensions.items() if id_ in self._extensions}
        if _ABS_SEND_TIME_ID in self._extensions:
            elements[_ABS_SEND_TIME_ID] = rtp.abs_send_time(now)
        return elements

    def awaited_layer(self, now: float) -> Stream | None:
        """The stream whose keyframe is needed to begin; `None` while none is needed or may be asked for."""
        if not self._video or self.stream is not None or not self.flowing:
            return None
        if self.threshold is not None and now < self.threshold.passes_at:
            return None
        return self.producer.layer(self.spatial, now)

    def keyframe_asked(self, now: float) -> None:
        """The listener's decoder asks."""
        if self._video and self.flowing and self.stream is not None:
            self.producer.ask_keyframe(self.stream, now)

    def relay_report(self, stream: Stream, report: rtcp.SenderReport, now: float) -> None:
        """The source's sender report under our SSRC, with our counts."""
        if stream is not self.stream or not self.flowing:
            return
        if self._limit is not None and stream.unwrap(report.rtp_timestamp) <= self._limit:
            return
        packet = rtcp.build_sender_report(
            self.ssrc,
            ntp=report.ntp,
            rtp_timestamp=report.rtp_timestamp,
            packet_count=self.packets,
            octet_count=self.octets,
            cname=self.cname,
        )
        if self.transport.dtls.send_rtcp(packet, self):
            self._reported = rtp.compact_ntp(report.ntp), now

    def missed(self, now: float) -> float:
        """The share of what is sent that the listener has to do without, 0 to 1."""
        return self._loss.at(now) if self.flowing else 0.0

    def heard(self, block: rtcp.ReportBlock, now: float) -> float | None:
        """Round trip in seconds when the listener's report answers our latest sender report."""
        if self.stream is not None:
            self._loss.heard(block.fraction_lost / 256, now)
        if self._reported is None or block.lsr != self._reported[0]:
            return None
        return max(0.0, now - self._reported[1] - block.dlsr / 65536)

    def close(self, reason: str | None = None) -> None:
        """Irreversible, idempotent; `reason` is told to the controller."""
        if self.closed:
            return
        self.closed = True
        self.paused = True
        self.restart()
        self.producer.consumers.pop(self.id, None)
        self.transport.forget_consumer(self)
        self.transport.router.forget_consumer(self)
        if reason is not None:
            self.transport.router.emit("consumerClosed", {"consumer": self.id, "reason": reason})

    def stats(self, now: float) -> ConsumerStats:
        stream = self.stream or self.producer.layer(self.spatial, now)
        threshold = self.threshold.of(stream) if self.threshold and stream else None
        return ConsumerStats(
            id=self.id,
            transport=self.transport.id,
            listener=self.transport.owner,
            producer=self.producer.id,
            owner=self.producer.owner,
            source=self.producer.source,
            packets=self.packets,
            bytes=self.octets,
            threshold=None if threshold is None else threshold & 0xFFFFFFFF,
            first_timestamp=self.first_timestamp,
            paused=self.paused,
            resent=self.resent,
        )

    def _drop(self, reason: Drop) -> None:
        self.transport.traffic.drop(reason)
