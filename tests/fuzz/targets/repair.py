"""Two publishers and two listeners: packets, retransmissions, feedback, switches and pauses in any order.

Nothing reaches a listener but what the publisher sent, over an open consumer that the table allows now. No
number of an outgoing stream means two packets. What is kept, and what one step brings about, is bounded.
"""

from __future__ import annotations

from media import rtcp, rtp
from media.consumer import RESENT_MOST, Consumer
from media.errors import WorkerError
from media.nack import MOST_MISSING
from media.stream import VIDEO_ROOM
from media.transport import Transport, TransportState
from tests.fuzz.reading import Input
from tests.fuzz.target import Target
from tests.media.endpoint import (
    DELTA,
    KEYFRAME,
    OPUS_PARAMETERS,
    SIMULCAST_PARAMETERS,
    VP8_PARAMETERS,
    Source,
    opus,
    vp8,
)
from tests.media.room import Room, out

_RTX_SSRC, _RTX_TYPE, _MID, _RID, _REPAIRED = 2223, 97, 4, 10, 11
_MOST_STEPS = 150
_PAIRS = [
    (listener, owner, source)
    for listener in ("listener", "second")
    for owner, source in (("speaker", "microphone"), ("speaker", "camera"), ("other", "camera"))
]


class Stage:
    def __init__(self) -> None:
        self.room = room = Room()
        self.publishers = [room.transport(owner, "send") for owner in ("speaker", "other")]
        self.listeners = [room.transport(owner, "recv") for owner in ("listener", "second")]
        speaker, other = self.publishers
        self.producers = {
            ("speaker", "microphone"): room.produce(speaker, "mic", "audio", "microphone", OPUS_PARAMETERS),
            ("speaker", "camera"): room.produce(speaker, "cam", "video", "camera", VP8_PARAMETERS),
            ("other", "camera"): room.produce(other, "layers", "video", "camera", SIMULCAST_PARAMETERS),
        }
        self.sources = [opus(), vp8(), *(vp8(3000 + layer) for layer in range(3))]
        self.consumers: dict[int, tuple[Consumer, bool]] = {}
        """By SSRC, ended ones too, and whether it is the SSRC of retransmissions."""
        self.sent: dict[str, set[bytes]] = {"speaker": set(), "other": set()}
        self.numbered: dict[tuple[int, int], bytes] = {}
        self.seen = [0, 0]
        self.steps = 0

    # what people do

    def publish(self, source: Input) -> None:
        index = source.number() % len(self.sources)
        stream, flags = self.sources[index], source.number()
        if flags & 0x80:
            stream.sequence = (stream.sequence + source.signed()) & 0xFFFF
        if flags & 0x40:
            stream.timestamp = (stream.timestamp + source.signed(2)) & 0xFFFFFFFF
        if flags & 0x20:
            stream.sequence, stream.timestamp = source.number(2), source.number(4)
        extensions = {}
        if index >= 2:
            extensions = {_MID: b"1", _RID: b"qhf"[index - 2 : index - 1]}
            stream.ssrc = 3000 + index + 8 * (flags & 3)
        payload = b"" if flags & 0x10 else (KEYFRAME if flags & 4 else DELTA) + b"%d" % self.steps
        self.arrive(self.publishers[index >= 2], stream.packet(payload, extensions, bool(flags & 8)))

    def resend(self, source: Input) -> None:
        """RTX, of something that may have been missing, and with something else in it perhaps."""
        index = 1 + source.number() % 4
        stream, back = self.sources[index], source.number()
        rtx = Source(_RTX_SSRC if index == 1 else 4000 + index, _RTX_TYPE, 3000, stream.timestamp, self.steps)
        extensions = {} if index == 1 else {_MID: b"1", _REPAIRED: b"qhf"[index - 2 : index - 1]}
        original = (stream.sequence - back & 0xFFFF).to_bytes(2, "big")
        payload = original + (KEYFRAME if back & 1 else DELTA) + b"again %d" % self.steps
        self.arrive(self.publishers[index >= 2], rtx.packet(payload[: source.number()], extensions))

    def arrive(self, transport: Transport, datagram: bytes) -> None:
        try:
            payload = rtp.parse(datagram).payload
        except ValueError:
            payload = b""
        self.sent[transport.owner] |= {payload, payload[2:]}
        transport.receive_rtp([datagram], self.room.now)

    def feed_back(self, source: Input) -> None:
        transport = source.of(self.listeners)
        ssrc = source.of([*self.consumers, *transport.consumers, 1111, 2222])
        sender = transport.local_ssrc
        match source.number() % 6:
            case 0 | 1:
                got = [each.sequence for each in out(transport).rtp if each.ssrc == ssrc]
                newest = got[-1] if got else source.number(2)
                around = [(newest - source.number() + 8) & 0xFFFF for _ in range(1 + source.number() % 20)]
                packet = rtcp.build_nack(sender, ssrc, around)
            case 2:
                packet = rtcp.build_pli(sender, ssrc) * (1 + source.number() % 40)
            case 3:
                packet = rtcp.build_fir(sender, ssrc, source.number())
            case 4:
                packet = rtcp.build_remb(sender, source.number(4), [ssrc])
            case _:
                block = rtcp.ReportBlock(
                    ssrc,
                    source.number(),
                    source.signed(2),
                    source.number(4),
                    0,
                    source.number(4),
                    source.number(4),
                )
                packet = rtcp.build_receiver_report(sender, [block])
        transport._receive_rtcp(packet, self.room.now)

    def switch(self, allowed: int) -> None:
        table: dict[str, dict[str, list[str]]] = {}
        for bit, (listener, owner, source) in enumerate(_PAIRS):
            if allowed >> bit & 1:
                table.setdefault(listener, {}).setdefault(owner, []).append(source)
        self.room.allow(table)

    def consume(self) -> None:
        for listener, owner, source in _PAIRS:
            producer = self.producers[owner, source]
            transport = self.listeners[listener == "second"]
            if producer.closed or any(each.producer is producer for each in transport.consumers.values()):
                continue
            try:
                consumer = self.room.consume(transport, producer, f"c{len(self.consumers)}")
            except WorkerError as error:
                assert error.code == "not_allowed"
                continue
            self.consumers[consumer.ssrc] = consumer, False
            if consumer.rtx is not None:
                self.consumers[consumer.rtx.ssrc] = consumer, True

    def act(self, source: Input) -> None:
        producer, how = source.of(list(self.producers.values())), source.number()
        match how % 5:
            case 0:
                producer.pause()
            case 1 | 2:
                producer.resume(self.room.now)
            case 3 if self.consumers:
                consumer, _ = self.consumers[source.of(list(self.consumers))]
                consumer.close("left")
            case 3:
                pass
            case _ if self.consumers:
                consumer, _ = self.consumers[source.of(list(self.consumers))]
                consumer.prefer(how // 5 % 4, None if how > 127 else how % 3, self.room.now)
                if not consumer.closed:
                    consumer.resume(self.room.now)

    def step(self, source: Input) -> None:
        self.steps += 1
        match source.number() % 16:
            case 0 | 1 | 2 | 3 | 4 | 5:
                self.publish(source)
            case 6 | 7:
                self.resend(source)
            case 8:
                self.arrive(source.of(self.publishers), source.chunk())
            case 9:
                source.of([*self.publishers, *self.listeners])._receive_rtcp(source.chunk(), self.room.now)
            case 10 | 11:
                self.feed_back(source)
            case 12:
                self.room.tick(source.number() / 100)
            case 13:
                self.switch(source.number())
                self.consume()
            case 14:
                self.act(source)
            case _:
                self.room.tick(source.number() / 4)
                self.room.bind(source.of([*self.publishers, *self.listeners]))

    # what must hold

    def check(self) -> None:
        for index, transport in enumerate(self.listeners):
            packets = out(transport).rtp[self.seen[index] :]
            self.seen[index] += len(packets)
            assert len(packets) <= RESENT_MOST + len(self.sources)
            for packet in packets:
                self._check_packet(transport, packet)
        for transport in [*self.publishers, *self.listeners]:
            assert transport.state is not TransportState.CLOSED
        for producer in self.producers.values():
            assert sum(stream.recent._size for stream in producer.present_streams) <= VIDEO_ROOM
            assert all(len(stream.missing.waiting) <= MOST_MISSING for stream in producer.present_streams)
        assert all(len(out(each).rtcp) <= 40 * self.steps for each in self.publishers)

    def _check_packet(self, transport: Transport, packet: rtp.RtpPacket) -> None:
        consumer, resent = self.consumers[packet.ssrc]
        producer = consumer.producer
        assert consumer.flowing
        assert not consumer.closed
        assert consumer.transport is transport
        assert self.room.router.table.allows(transport.owner, producer.owner, producer.source)
        payload = packet.payload[2:] if resent else packet.payload
        assert payload in self.sent[producer.owner]
        before = self.numbered.setdefault((packet.ssrc, packet.sequence), packet.data)
        assert before == packet.data, "one number, two packets"


def check(data: bytes) -> None:
    source, stage = Input(data), Stage()
    try:
        for _ in range(_MOST_STEPS):
            if not source:
                break
            stage.step(source)
            stage.check()
    finally:
        stage.room.close()


_ALL = b"\x0d\xff"
_KEY, _NEXT, _VOICE = b"\0\1\4", b"\0\1\0", b"\0\0\0"
_SKIP = b"\0\1\x80\1"
_PAUSE = b"\x0c\x28"
TARGET = Target(
    check,
    seeds=[
        _ALL + _KEY + _PAUSE + _NEXT * 3 + _VOICE * 3,
        _ALL + _PAUSE + _KEY + _NEXT + _SKIP + b"\x0c\x03" + b"\x06\0\2\xff" + b"\x0a\0\0\0\4\x03\x07\x08",
        _ALL + _PAUSE + b"\0\2\4\0\2\0\0\3\4\0\4\4" + b"\0\2\5" + b"\x06\1\1\xff",
        _ALL + _PAUSE + _KEY + b"\x0d\x00" + _NEXT + b"\x0d\xff" + _KEY + _PAUSE + _KEY,
        _ALL + _PAUSE + _KEY + b"\x0e\1\0" + _NEXT + b"\x0e\1\1" + _NEXT + _KEY,
        _ALL + _PAUSE + _VOICE * 8 + b"\x0a\0\0\0\5\1\2\3\4\5\6" * 4,
        _ALL + b"\x0a\0\0\2\x27" * 4 + b"\x0a\1\1\5" + bytes(15) + b"\x0f\xff\3" + _KEY,
        _ALL + b"\x08\0\x0c" + opus().packet()[:12] + b"\x09\2\x0c" + rtcp.build_pli(1, 2),
    ],
)
