"""A consumer: one producer's stream, renumbered, on its way to one listener."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from media import layers, red, rtcp, rtp, vp8
from media.block import Block, copied
from media.burst import Burst
from media.cache import RecentRing
from media.leg import Leg
from media.loss import Loss, OwnLoss
from media.ortc import ABS_SEND_TIME, CONSUMER_EXTENSION_IDS, RtpParameters, offered_media, offered_red
from media.protection import Protection
from media.resend import Budget, Resends, Rtx
from media.sequence import SequenceMap
from media.stats import ConsumerStats, Drop
from media.stream import AUDIO_KEPT, Media, Stream, Threshold
from media.vp8 import Pictures

if TYPE_CHECKING:
    from media.producer import Producer
    from media.transport import Transport

RESENT_RATE, RESENT_MOST = 250, 400
"""Packets that one listener may have again of one picture: a second, and at once."""
SOUND_RESENT_SHARE, SOUND_RESENT_MOST = 0.8, 100
"""Packets of one sound that it may have again: for each new one, and at once. On a line that carries less
than what is sent, what is sent again would else leave no room for what is new."""
ASKED_RATE, ASKED_MOST = 2000, 2000
"""Packets that it may name in NACKs."""
REPORTS_KEPT = 8
"""Sender reports that a listener may still answer: the last to come is not always the last that was sent."""
PADDING_FROM = 16
"""Packets that a probe repeats at most in a turn."""
ALL_TEMPORAL = 9
"""More temporal layers than there can be."""
_ABS_SEND_TIME_ID = CONSUMER_EXTENSION_IDS[ABS_SEND_TIME]


class Consumer:
    """Exists only while the table allows its pair; starts paused.

    It plays one layer at a time, the best of those that are alive, and goes over to another at a keyframe
    of that one. Timestamps are those of the layer that it began with. Everything begins above `threshold`,
    another layer too. Lost video is sent again as RTX, made anew from what the source sent; lost sound as
    the very datagram that was sent before.
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
        self.wanted_spatial: int | None = None
        self.wanted_temporal: int | None = None
        """The highest layers that its page has use for; `None`: all."""
        self.first = False
        """Whether its page shows signs that must be read."""
        self.spatial: int | None = None
        self.temporal: int | None = None
        """The highest that it gets of them."""
        self.packets = self.octets = self.resent = self.resent_octets = 0
        self.first_timestamp: int | None = None
        media = offered_media(parameters)
        self._payload_type = media["payloadType"]
        self._extensions = frozenset(entry["id"] for entry in parameters["headerExtensions"])
        self._form = f"{self._payload_type} {sorted(self._extensions)}"
        self._video = producer.kind == "video"
        self._first_sequence = first_sequence
        self._leg: Leg | None = None
        self._last: Leg | None = None
        """The one that plays, or played before a restart."""
        self._earlier: Leg | None = None
        """The layer before, for what is still asked for of it."""
        self._short = False
        self._thin = ALL_TEMPORAL
        """The highest temporal layer that passes."""
        self.rtx: Rtx | None = None
        if "rtx" in encoding:
            payload_type = parameters["codecs"][1]["payloadType"]
            self.rtx = Rtx(encoding["rtx"]["ssrc"], payload_type, first_rtx_sequence)
        self._keeps_sent = not self._video and {"type": "nack", "parameter": ""} in media["rtcpFeedback"]
        self._sent: RecentRing[bytes] = RecentRing(AUDIO_KEPT)
        self._earned = 0
        """Packets of sound that have earned what may be sent again."""
        self._asked = Budget(ASKED_RATE, ASKED_MOST)
        self._resends = Resends(RESENT_RATE, RESENT_MOST) if self._video else Resends(0, SOUND_RESENT_MOST)
        self._reports: deque[tuple[int, float]] = deque(maxlen=REPORTS_KEPT)
        """Of the latest sender reports: the middle of the time in each, and when it was sent."""
        self._begun_anew = -1
        self._loss = Loss()
        self._own_loss = OwnLoss()
        red_type = offered_red(parameters)
        self.protection = None if red_type is None else Protection(red_type)
        self._alone = self._keeps_sent or self.protection is not None
        """Whether every packet is made for this listener by itself."""

    @property
    def stream(self) -> Stream | None:
        """The layer that plays."""
        return None if self._leg is None else self._leg.stream

    @property
    def flowing(self) -> bool:
        return not self.paused and self.transport.connected

    def resume(self, now: float) -> None:
        self.paused = False
        self.protect(now)
        self.producer.refresh(now)

    def restart(self) -> None:
        """Begin anew (after a pause of the source or a lost path): video at the next keyframe.

        Nothing from before is sent any more, nor again.
        """
        self.transport.withdraw(self)
        self._leg = self._earlier = None
        self._begun_anew = -1
        self._sent.clear()
        self._loss.forget()
        if self.protection is not None:
            self.protection.restart()

    def pause(self) -> None:
        """Nobody looks: nothing is sent until `resume`, and then from a keyframe on."""
        self.paused = True
        self.restart()

    def prefer(self, spatial: int, temporal: int | None, now: float, *, first: bool = False) -> None:
        """The highest layers that its page has use for; the picture goes over to them at a keyframe."""
        self.wanted_spatial, self.wanted_temporal, self.first = spatial, temporal, first
        self.choose(spatial, temporal, now)
        self.transport.allocation.share(now)

    def choose(self, spatial: int | None, temporal: int | None, now: float, *, short: bool = False) -> None:
        """The highest layers that it gets, from a keyframe on. `short`: no more than these can be had, so
        there are fewer pictures at once."""
        if (spatial, temporal, short) == (self.spatial, self.temporal, self._short):
            return
        self.spatial, self.temporal, self._short = spatial, temporal, short
        self._thin = min(self._thin, self._thinnest())
        self.producer.refresh(now)

    def _thinnest(self) -> int:
        """The highest temporal layer that may pass: the lowest alone while the picture is larger than there
        is room for."""
        leg = self._leg
        if self._short and leg is not None and leg.stream.layer > (self.spatial or 0):
            return 0
        return ALL_TEMPORAL if self.temporal is None else self.temporal

    def needed(self) -> set[int]:
        """The layers that its source is to send for it."""
        if self.paused:
            return set()
        most = len(self.producer.streams) - 1
        aim = most if self.spatial is None else min(self.spatial, most)
        return {aim} if self._leg is None else {aim, self._leg.stream.layer}

    def forward(self, burst: Burst) -> None:
        if self.paused or not self.transport.connected:
            return
        leg = self._leg
        if self._alone or leg is None or burst.stream is not leg.stream:
            whole = False
        else:
            whole = self._forward_whole(leg, burst)
        if not whole:
            for media in burst.media:
                self._forward_alone(media)

    def _forward_whole(self, leg: Leg, burst: Burst) -> bool:
        """Whether all of it could be sent as every listener of this form gets it, under other numbers."""
        if burst.temporal > self._thin:
            return False
        if leg.limit is not None and burst.lowest <= leg.limit:
            return False
        if not leg.numbers.goes_on(burst.first):
            return False
        dtls, count = self.transport.dtls, len(burst.media)
        block = burst.blocks.get((self._form, dtls.trailer)) or self._block(burst)
        patches = () if leg.pictures is None else _patches(block, burst, leg.pictures)
        if patches is None:
            return False
        sequence = leg.numbers.place_together(burst.first, count)
        failed = len(dtls.forward(block, copied((sequence, self.ssrc, leg.shift, patches)), self))
        self.packets += count - failed
        self.octets += burst.octets * (count - failed) // count
        return True

    def _block(self, burst: Burst) -> Block:
        """As every listener of the same form gets it, but for numbers and SSRC."""
        trailer = self.transport.dtls.trailer
        usual = rtp.extension_block(self._elements({}, burst.media[0].now))
        packets = [
            media.packets.get(self._form) or self._packet(media, None if media.extensions else usual)
            for media in burst.media
        ]
        found = Block(packets, [media.timestamp for media in burst.media], trailer)
        burst.blocks[self._form, trailer] = found
        return found

    def _forward_alone(self, media: Media) -> None:
        leg = self._leg
        if leg is None or media.stream is not leg.stream:
            leg = self._begin(media)
            if leg is None:
                return
        if leg.limit is not None and media.timestamp <= leg.limit:
            self._drop(Drop.BELOW_THRESHOLD)
            return
        if media.temporal > self._thin and self._leaves_out(leg, media):
            return
        picture = None
        if leg.pictures is not None and (picture := leg.pictures.place(media.picture)) is None:
            self._drop(Drop.OUT_OF_SEQUENCE)
            return
        sequence = leg.numbers.place(media.sequence)
        if sequence is None:
            self._drop(Drop.OUT_OF_SEQUENCE)
            return
        protection, packet = self.protection, media.packets.get(self._form)
        if protection is not None and (before := protection.before(media, media.now)):
            packet = self._red_packet(media, protection.payload_type, before)
        whole: bytes | bytearray = packet or self._packet(media)
        if picture is not None:
            whole = _with_picture(whole, len(whole) - len(media.payload), leg, media, picture)
        sent = self.transport.dtls.forward_one(whole, sequence, media.timestamp + leg.shift, self.ssrc, self)
        if sent is None:
            return
        self.packets += 1
        self.octets += len(media.payload)
        if self._keeps_sent:
            self._sent.add(sequence & 0xFFFF, sent, media.now)

    def _red_packet(self, media: Media, payload_type: int, before: Sequence[red.Sound]) -> bytes:
        form = f"{self._form} {[each.sequence for each in before]}"
        known = media.packets.get(form)
        return known or self._built(media, form, payload_type, red.build(self._payload_type, media, before))

    def _packet(self, media: Media, extensions: bytes | None = None) -> bytes:
        return self._built(media, self._form, self._payload_type, media.payload, extensions)

    def _built(
        self, media: Media, form: str, payload_type: int, payload: bytes, extensions: bytes | None = None
    ) -> bytes:
        """As every listener with the same codec and extensions gets it, but for its numbers."""
        if extensions is None:
            extensions = rtp.extension_block(self._elements(media.extensions, media.now))
        packet = media.packets[form] = rtp.build(
            payload_type=payload_type,
            sequence=0,
            timestamp=0,
            ssrc=0,
            payload=payload,
            marker=media.marker,
            extensions=extensions,
        )
        return packet

    def skip(self, media: Media) -> None:
        """A packet without payload (bandwidth probe): left out without a gap."""
        if self._leg is not None and media.stream is self._leg.stream:
            self._leg.numbers.skip(media.sequence)

    def _leaves_out(self, leg: Leg, media: Media) -> bool:
        """Whether the packet is of a picture too many. One that is under way goes to its end; what comes late
        has its number already."""
        described = media.vp8
        if described is None or media.picture < 0:
            return False
        pictures = leg.pictures
        if pictures is None or not pictures.skipped(media.picture):
            if not described.begins or not leg.numbers.ahead(media.sequence):
                return False
            if described.sync and media.temporal <= self._thinnest():
                self._thin = media.temporal
                return False
            if pictures is None:
                pictures = leg.pictures = Pictures.unchanged_until(media.picture)
            pictures.skip(media.picture)
        leg.numbers.skip(media.sequence)
        return True

    def resend(self, sequences: Sequence[int], now: float) -> None:
        """Answer the listener's NACK as far as the packets are kept and the budget goes."""
        if not self._asked.spend(len(sequences), now):
            self._drop(Drop.NACK_LIMIT)
            return
        rtt = self.transport.round_trip
        if self.protection is not None:
            self.protection.asked(sequences)
        if self._keeps_sent:
            self._resends.earn(SOUND_RESENT_SHARE * (self.packets - self._earned))
            self._earned = self.packets
        for sequence in sequences:
            lost = self._kept(sequence, now)
            if lost is None:
                self._drop(Drop.NACK_GONE)
                self._begin_anew(sequence, now)
            elif not self._resends.allow(sequence, rtt, now):
                self._drop(Drop.NACK_LIMIT)
            elif self._send_again(sequence, lost, now):
                self.resent += 1
                self.resent_octets += len(lost) if isinstance(lost, bytes) else len(lost[1].payload)

    def pad(self, octets: int, now: float) -> int:
        """Send packets of the last moments once more, as RTX, until it is so much; how much it was."""
        leg, sent = self._leg, 0
        if leg is None or self.rtx is None or not self.flowing:
            return 0
        for _, media in leg.stream.recent.newest(PADDING_FROM, now):
            number = leg.numbers.known(media.sequence)
            lost = None if number is None else self._kept(number & 0xFFFF, now)
            if sent >= octets:
                break
            if number is not None and lost is not None and self._send_again(number & 0xFFFF, lost, now):
                sent += len(media.payload)
        self.resent_octets += sent
        return sent

    def _kept(self, sequence: int, now: float) -> tuple[Leg, Media] | bytes | None:
        """What this consumer sent, or would have sent, under that number since it began."""
        if self.rtx is None:
            return self._sent.get(sequence, now)
        for leg in (self._leg, self._earlier):
            source = None if leg is None else leg.numbers.source(sequence)
            if leg is None or source is None:
                continue
            media = leg.stream.recent.get(source, now)
            if media is None or (leg.limit is not None and media.timestamp <= leg.limit):
                return None
            if leg.pictures is not None and leg.pictures.known(media.picture) is None:
                return None
            return leg, media
        return None

    def _begin_anew(self, sequence: int, now: float) -> None:
        """The listener waits for what cannot be sent again, and would ask for a keyframe only after seconds.
        One keyframe serves for everything that was sent before it was asked for."""
        leg = self._leg
        source = None if leg is None else leg.numbers.source(sequence)
        if leg is None or source is None or source <= self._begun_anew:
            return
        stream = leg.stream
        if source not in stream.missing.waiting and stream.recent.get(source, now) is None:
            self._begun_anew = stream.statistics.highest_sequence or source
            self.keyframe_asked(now)

    def _send_again(self, sequence: int, lost: tuple[Leg, Media] | bytes, now: float) -> bool:
        if isinstance(lost, bytes):
            return self.transport.dtls.send_protected(lost, self)
        assert self.rtx is not None
        leg, media = lost
        payload: bytes | bytearray = media.payload
        if leg.pictures is not None and (picture := leg.pictures.known(media.picture)) is not None:
            payload = _with_picture(payload, 0, leg, media, picture)
        return self.transport.dtls.send_rtp(
            self.rtx.packet(
                sequence,
                media.timestamp + leg.shift,
                bytes(payload),
                marker=media.marker,
                extensions=rtp.extension_block(self._elements(media.extensions, now)),
            ),
            self,
        )

    def _begin(self, media: Media) -> Leg | None:
        """The stretch that begins with this packet, if one may."""
        playing = self._leg
        if playing is None:
            if media.stream is not self.producer.layer(self.spatial, media.now):
                return None
        elif not media.keyframe or not self._better(media.stream, playing.stream, media.now):
            return None
        limit = None
        if self.threshold is not None:
            limit = self.threshold.of(media.stream)
            if media.after < self.threshold.passes_at or (limit is not None and media.timestamp <= limit):
                self._drop(Drop.BELOW_THRESHOLD)
                return None
        if self._video and not media.keyframe:
            self._drop(Drop.AWAITING_KEYFRAME)
            return None
        before = self._last
        self._leg = self._last = (
            Leg(media.stream, limit, SequenceMap(self._first_sequence))
            if before is None
            else before.follow(media, limit)
        )
        self._earlier, self._begun_anew = playing, -1
        self._thin = self._thinnest()
        if self.first_timestamp is None:
            self.first_timestamp = media.timestamp & 0xFFFFFFFF
        return self._leg

    def _better(self, candidate: Stream, playing: Stream, now: float) -> bool:
        if layers.rank(candidate.layer, self.spatial) > layers.rank(playing.layer, self.spatial):
            return True
        return playing not in self.producer.alive(now)

    def _elements(self, extensions: Mapping[int, bytes], now: float) -> dict[int, bytes]:
        """Those of the source that the listener knows, and our own."""
        elements = {id_: value for id_, value in extensions.items() if id_ in self._extensions}
        if _ABS_SEND_TIME_ID in self._extensions:
            elements[_ABS_SEND_TIME_ID] = rtp.abs_send_time(now)
        return elements

    def awaited_layer(self, now: float) -> Stream | None:
        """The stream whose keyframe is needed, to begin or to go over to it; `None` while none is needed or
        may be asked for."""
        if not self._video or not self.flowing:
            return None
        if self._leg is not None and len(self.producer.streams) == 1:
            return None
        if self.threshold is not None and now < self.threshold.passes_at:
            return None
        best = self.producer.layer(self.spatial, now)
        return None if self._leg is not None and best is self._leg.stream else best

    def keyframe_asked(self, now: float) -> None:
        """The listener's decoder asks."""
        if self._video and self.flowing and self._leg is not None:
            self.producer.ask_keyframe(self._leg.stream, now)

    def relay_report(self, stream: Stream, report: rtcp.SenderReport, now: float) -> None:
        """The source's sender report under our SSRC, with our counts."""
        leg = self._leg
        if leg is None or stream is not leg.stream or not self.flowing:
            return
        if leg.limit is not None and stream.unwrap(report.rtp_timestamp) <= leg.limit:
            return
        packet = rtcp.build_sender_report(
            self.ssrc,
            ntp=report.ntp,
            rtp_timestamp=report.rtp_timestamp + leg.shift,
            packet_count=self.packets,
            octet_count=self.octets,
            cname=self.cname,
        )
        if self.transport.dtls.send_rtcp(packet, self):
            self._reports.append((rtp.compact_ntp(report.ntp), now))

    def missed(self, now: float) -> float:
        """The share of what is sent that the listener has to do without, 0 to 1."""
        sent = 1 if self.protection is None else 1 + self.protection.redundancy.blocks
        return self._loss.at(now) ** sent if self.flowing else 0.0

    def protect(self, now: float) -> None:
        """Send earlier frames along as the listener's line needs it."""
        if self.protection is not None:
            line = self.transport
            left = self._loss.at(now)
            self.protection.judge(line.loss.at(now), left, line.rtt, line.allocation.room(now), now)

    def heard(self, block: rtcp.ReportBlock, now: float) -> float | None:
        """Round trip in seconds when the listener's report answers one of our latest sender reports."""
        if self._leg is not None:
            share = block.fraction_lost / 256
            self._loss.heard(share, now)
            sent = self.packets + (self.resent if self.rtx is None else 0)
            own = self._own_loss.of(share, self._leg.numbers.next - self._first_sequence, sent)
            if own is not None:
                self.transport.loss.heard(own, now)
        for lsr, sent_at in self._reports:
            if lsr == block.lsr:
                return max(0.0, now - sent_at - block.dlsr / 65536)
        return None

    def close(self, reason: str | None = None) -> None:
        """Irreversible, idempotent; `reason` is told to the controller."""
        if self.closed:
            return
        self.closed = True
        self.paused = True
        self.restart()
        self._last = None
        self.producer.consumers.pop(self.id, None)
        self.transport.forget_consumer(self)
        self.transport.router.forget_consumer(self)
        if reason is not None:
            self.transport.router.emit("consumerClosed", {"consumer": self.id, "reason": reason})

    def stats(self, now: float) -> ConsumerStats:
        stream = self.stream or self.producer.layer(self.spatial, now)
        threshold = self.threshold.of(stream) if self.threshold and stream else None
        temporal = self.producer.rates(now).get(stream.layer, ()) if self._video and stream else ()
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
            redundant=0 if self.protection is None else self.protection.packets,
            spatial=None if self.stream is None else self.stream.layer,
            temporal=None if self._thin == ALL_TEMPORAL else self._thin,
            spatial_layers=len(self.producer.streams) if self._video else 0,
            temporal_layers=len(temporal),
        )

    def _drop(self, reason: Drop) -> None:
        self.transport.traffic.drop(reason)


def _patches(block: Block, burst: Burst, pictures: Pictures) -> list[tuple[int, bytes]] | None:
    """What makes the packets name their pictures by the listener's numbers; `None` when that is to be found
    for one after the other."""
    placed = pictures.place_together([media.picture for media in burst.media])
    if placed is None:
        return None
    found = []
    for media, (at, size, _), picture in zip(burst.media, block.places, placed, strict=True):
        assert media.vp8 is not None
        place = at + size - len(media.payload) + media.vp8.picture_at
        found.append((place, vp8.renumbered(media.vp8, picture, pictures.tl0)))
    return found


def _with_picture(packet: bytes | bytearray, at: int, leg: Leg, media: Media, picture: int) -> bytearray:
    """A copy whose payload, from `at` on, names the picture by the listener's number."""
    assert leg.pictures is not None
    assert media.vp8 is not None
    copy = bytearray(packet)
    patch = vp8.renumbered(media.vp8, picture, leg.pictures.tl0)
    place = at + media.vp8.picture_at
    copy[place : place + len(patch)] = patch
    return copy
