"""A producer: what one publisher sends from one source, in one or more layers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from media import layers, rtcp, vp8
from media.burst import Burst
from media.demand import Demand
from media.keyframes import h264_keyframe
from media.ortc import AUDIO_LEVEL, MID, NACK, REPAIRED_RID, RID, ProducerParameters
from media.rtp import RtpPacket, audio_level
from media.stats import Drop, ProducerStats
from media.stream import ASKED_FOR, VIDEO_ROOM, Media, Placed, Stream

if TYPE_CHECKING:
    from media.consumer import Consumer
    from media.transport import Transport

SOURCES = ("camera", "microphone", "screen", "interpretation", "mix")
MOST_RELAYED = 0.4
"""No listener makes an encoder prepare for more: redundancy is taken from everybody's sound."""
COMES_WITHIN = 2.0
"""Seconds after which a layer that was asked for, and does not come, is not counted with."""
_NONE: dict[int, bytes] = {}
_ASKED_AT_ONCE = 200
"""Packets that one NACK names, so that it stays below 900 bytes."""


class Producer:
    """Counts and unwraps what comes, and hands it to its consumers without decoding it."""

    def __init__(
        self,
        id_: str,
        transport: Transport,
        source: str,
        parameters: ProducerParameters,
    ) -> None:
        self.id = id_
        self.transport = transport
        self.owner = transport.owner
        self.source = source
        self.parameters = parameters
        self.kind = parameters.kind
        self.paused = False
        self.closed = False
        self.consumers: dict[str, Consumer] = {}
        self.recovered = 0
        self._burst: Burst | None = None
        self._video = parameters.kind == "video"
        self._retired: set[int] = set()
        self.streams: list[Stream | None] = [
            None if encoding.ssrc is None else self._stream(encoding.ssrc, layer)
            for layer, encoding in enumerate(parameters.encodings)
        ]
        self._vp8 = parameters.mime_type == "video/VP8"
        self._guessed = layers.guessed(len(parameters.encodings))
        self.demand = Demand(len(parameters.encodings), transport.router.clock())
        self._forwarded = parameters.forwarded_extensions
        self._level_id = parameters.extension_ids.get(AUDIO_LEVEL)

    def _stream(self, ssrc: int, layer: int) -> Stream:
        repair = ASKED_FOR if NACK in self.parameters.feedback else 0.0
        room = VIDEO_ROOM // len(self.parameters.encodings)
        return Stream(ssrc, layer, self.parameters.clock_rate, repair, room)

    @property
    def present_streams(self) -> list[Stream]:
        return [stream for stream in self.streams if stream is not None]

    def layer(self, highest: int | None, now: float) -> Stream | None:
        """The highest layer that is alive and not above `highest`; the next one above rather than none."""
        alive = self.alive(now)
        return max(alive, key=lambda stream: layers.rank(stream.layer, highest)) if alive else None

    def rates(self, now: float) -> dict[int, tuple[float, ...]]:
        """bit/s of the layers that can be had, up to each temporal layer: those that come, and those that
        would if somebody wanted them. Nothing while none comes."""
        alive = {stream.layer for stream in self.alive(now)}
        if not alive:
            return {}
        found = {}
        for layer, stream in enumerate(self.streams):
            if layer in alive or not self.demand.asked_for(layer, now, longer=COMES_WITHIN):
                known = None if stream is None else stream.rates.read(now)
                found[layer] = known or (self._guessed[layer],)
        return found

    def tell_demand(self, now: float) -> None:
        """Tell the controller when other layers are needed than were."""
        if len(self.streams) < 2 or self.paused:
            return
        needed = {layer for each in self.consumers.values() for layer in each.needed()}
        told = self.demand.note(needed, {stream.layer for stream in self.alive(now)}, now)
        if told is not None:
            router = self.transport.router
            router.emit("layersNeeded", {"room": router.id, "producer": self.id, "layers": told})

    def alive(self, now: float) -> list[Stream]:
        """Those that bring pictures now. One that brings none while others do has been stopped."""
        active = [stream for stream in self.streams if stream is not None and stream.active(now)]
        if len(active) < 2:
            return active
        newest = max(stream.media_at or 0.0 for stream in active)
        return [stream for stream in active if newest - (stream.media_at or 0.0) < layers.STOPPED]

    def recognise(self, packet: RtpPacket) -> tuple[int, bool] | None:
        """(layer, whether it is RTX) by MID and RID (RFC 8843, RFC 8852), `None` when it is not ours."""
        known = self.parameters
        if packet.ssrc in self._retired:
            return None
        ids = known.extension_ids
        if known.mid is not None and MID in ids and packet.extensions.get(ids[MID]) != known.mid.encode():
            return None
        resent = packet.payload_type == known.rtx_payload_type
        if not resent and packet.payload_type != known.payload_type:
            return None
        identifier = packet.extensions.get(ids.get(REPAIRED_RID if resent else RID, -1))
        for layer, encoding in enumerate(known.encodings):
            if encoding.rid is not None and identifier == encoding.rid.encode():
                return layer, resent
        alone = len(known.encodings) == 1 and known.mid is not None and MID in ids
        return (0, resent) if alone else None

    def learn(self, layer: int, ssrc: int) -> Stream | None:
        """Begin the layer's stream; returns the one that it replaces, of which nothing is taken again."""
        replaced = self.streams[layer]
        self.streams[layer] = self._stream(ssrc, layer)
        if replaced is not None:
            self._retired.add(replaced.ssrc)
            replaced.recent.clear()
            for consumer in self.consumers.values():
                if consumer.stream is replaced:
                    consumer.restart()
        return replaced

    def receive(self, stream: Stream, packet: RtpPacket, now: float) -> None:
        if packet.payload_type != self.parameters.payload_type:
            self._drop(Drop.UNKNOWN_PAYLOAD_TYPE)
            return
        if self._burst is not None and self._burst.stream is not stream:
            self.hand_on()
        missing = stream.missing
        if missing.waiting:
            rtt = self.transport.round_trip
            if missing.answers(stream.place(packet.sequence), now, rtt):
                self._recover(stream, packet.sequence, packet, packet.payload, now)
                return
        placed = stream.accept(packet.sequence, packet.timestamp, now, len(packet.data))
        self._hand_on(stream, placed, packet, packet.payload, now)
        if now >= missing.ask_at:
            self._ask_missing(stream, now)

    def receive_resent(self, stream: Stream, packet: RtpPacket, now: float) -> None:
        """RTX (RFC 4588): the original sequence number comes before the original payload."""
        payload = packet.payload
        if packet.payload_type != self.parameters.rtx_payload_type or len(payload) <= 2:
            self._drop(Drop.EMPTY_PAYLOAD)
            return
        self._recover(stream, int.from_bytes(payload[:2], "big"), packet, payload[2:], now)

    def _recover(self, stream: Stream, sequence: int, packet: RtpPacket, payload: bytes, now: float) -> None:
        """Take back what was asked for, and nothing else."""
        number = stream.place(sequence)
        lost = stream.missing.take(number)
        if lost is None:
            self._drop(Drop.NOT_ASKED)
            return
        if lost.tries == 1:
            self.transport.measured(now - lost.asked_at)
        self.recovered += 1
        self._hand_on(stream, stream.recover(number, packet.timestamp, lost.after), packet, payload, now)

    def _hand_on(
        self, stream: Stream, placed: Placed | None, packet: RtpPacket, payload: bytes, now: float
    ) -> None:
        if placed is None:
            self._drop(Drop.OUT_OF_SEQUENCE)
            return
        if self.paused:
            self._drop(Drop.PAUSED)
            return
        self._hear(packet, now)
        media = self._media(stream, placed, packet, payload, now)
        if not payload:
            self.hand_on()
            for consumer in self.consumers.values():
                consumer.skip(media)
            return
        stream.media_at = now
        if self._video:
            stream.rates.add(media.temporal, len(payload))
            stream.recent.add(media.sequence, media, len(payload), now)
        if self._burst is None or not self._burst.take(media):
            self.hand_on()
            self._burst = Burst(media)

    def hand_on(self) -> None:
        """Give consumers what has come and follows on one another; nothing waits after this."""
        burst, self._burst = self._burst, None
        if burst is None:
            return
        for consumer in self.consumers.values():
            consumer.forward(burst)
        for media in burst.media:
            media.packets.clear()

    def _media(self, stream: Stream, placed: Placed, packet: RtpPacket, payload: bytes, now: float) -> Media:
        extensions = self._translated(packet) if self._forwarded and packet.extensions else _NONE
        sequence, timestamp, after = placed
        if self._vp8:
            described: vp8.Vp8 | None = vp8.describe(payload)
            assert described is not None
            keyframe, picture = described.keyframe, stream.picture_of(described)
        else:
            described, picture = None, -1
            keyframe = self._video and h264_keyframe(payload)
        marker = packet.marker
        return Media(
            stream, sequence, timestamp, after, marker, payload, extensions, keyframe, now, described, picture
        )

    def _translated(self, packet: RtpPacket) -> dict[int, bytes]:
        """Extensions that pass unchanged, under the ids that listeners know; too long ones stay out."""
        found = {}
        for theirs, ours in self._forwarded.items():
            value = packet.extensions.get(theirs)
            if value is not None and 1 <= len(value) <= 16:
                found[ours] = value
        return found

    def _hear(self, packet: RtpPacket, now: float) -> None:
        element = packet.extensions.get(self._level_id) if self._level_id is not None else None
        if element:
            level, _ = audio_level(element)
            self.transport.router.speakers.hear(self.id, self.owner, level, now)

    def receive_report(self, stream: Stream, report: rtcp.SenderReport, now: float) -> None:
        stream.reported(report.ntp, report.rtp_timestamp, now)
        if self.paused:
            return
        for consumer in self.consumers.values():
            consumer.relay_report(stream, report, now)

    def report(self, stream: Stream, now: float) -> rtcp.ReportBlock | None:
        """What a publisher is told of a stream, `None` before it has begun.

        Of sound the recent loss is that of the listener who misses most: the publisher's encoder then adds
        as much redundancy (Opus in-band FEC). The sum of what was lost stays the publisher's own, by which
        browsers judge their own line.
        """
        block = stream.statistics.report(now)
        if block is None or self._video:
            return block
        missed = max((consumer.missed(now) for consumer in self.consumers.values()), default=0.0)
        return replace(block, fraction_lost=max(block.fraction_lost, int(256 * min(missed, MOST_RELAYED))))

    def repair(self, now: float) -> bool:
        """Ask again for what is missing still, and let go of what is too old to be asked for. Whether
        anything is missing that is asked for.

        A picture that waits for what will not come is begun anew: listeners notice only after seconds.
        """
        missing = False
        for stream in self.present_streams:
            stream.recent.expire(now)
            if stream.missing.waiting and self._asks:
                missing = True
                self._ask_missing(stream, now)
            if stream.missing.gave_up() and self._video and self.consumers:
                stream.keyframes.want()
        return missing

    @property
    def _asks(self) -> bool:
        return not self.paused and self.transport.connected

    def _ask_missing(self, stream: Stream, now: float) -> None:
        if not self._asks:
            return
        sequences = stream.missing.due(now, self.transport.round_trip)
        for at in range(0, len(sequences), _ASKED_AT_ONCE):
            asked = sequences[at : at + _ASKED_AT_ONCE]
            self.transport.dtls.send_rtcp(rtcp.build_nack(self.transport.local_ssrc, stream.ssrc, asked))

    def refresh(self, now: float) -> None:
        """Ask for the keyframes that consumers wait for, and for those that were held back."""
        if not self._video or self.paused:
            return
        awaited = {consumer.awaited_layer(now) for consumer in self.consumers.values()}
        for stream in self.present_streams:
            self._ask_if_due(stream, now, awaited=stream in awaited)

    def ask_keyframe(self, stream: Stream, now: float) -> None:
        stream.keyframes.want()
        self._ask_if_due(stream, now)

    def _ask_if_due(self, stream: Stream, now: float, *, awaited: bool = False) -> None:
        if self._asks and stream.keyframes.due(now, awaited=awaited):
            self.transport.dtls.send_rtcp(rtcp.build_pli(self.transport.local_ssrc, stream.ssrc))

    def pause(self) -> None:
        """What was sent before or meanwhile is not taken later, and not sent again."""
        self.paused = True
        self._begin_anew()
        self.transport.router.speakers.forget(self.id)

    def resume(self, now: float) -> None:
        if not self.paused:
            return
        self.paused = False
        self._begin_anew()
        self.refresh(now)

    def _begin_anew(self) -> None:
        for stream in self.present_streams:
            stream.begin_anew()
        for consumer in self.consumers.values():
            consumer.restart()

    def close(self) -> None:
        """Irreversible, idempotent; closes the consumers."""
        if self.closed:
            return
        self.closed = True
        for consumer in list(self.consumers.values()):
            consumer.close("producer_closed")
        for stream in self.present_streams:
            stream.recent.clear()
        self._burst = None
        self.streams = [None] * len(self.streams)
        self.transport.forget_producer(self)
        self.transport.router.forget_producer(self)
        self.transport.router.emit("producerClosed", {"producer": self.id})

    def stats(self, now: float) -> ProducerStats:
        streams = self.present_streams
        main = self.layer(None, now) or (streams[-1] if streams else None)
        highest = main.statistics.highest_timestamp if main else None
        return ProducerStats(
            id=self.id,
            owner=self.owner,
            source=self.source,
            kind=self.kind,
            packets=sum(stream.statistics.packets for stream in streams),
            bytes=sum(stream.statistics.bytes for stream in streams),
            lost=sum(stream.statistics.lost for stream in streams),
            jitter=main.statistics.jitter_seconds if main else 0.0,
            level=self.transport.router.speakers.level(self.id, now) if self.kind == "audio" else None,
            highest_timestamp=None if highest is None else highest & 0xFFFFFFFF,
            paused=self.paused,
            recovered=self.recovered,
        )

    def _drop(self, reason: Drop) -> None:
        self.transport.traffic.drop(reason)
