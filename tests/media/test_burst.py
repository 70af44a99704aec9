"""What comes together is forwarded as if each packet had come alone."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from media import rtcp, rtp
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
from tests.media.layered import MID, RID, RIDS, STEP, Camera, Layer
from tests.media.room import Room, out

PACKETS = 24


def camera() -> list[bytes]:
    """Pictures of four packets, two of them bandwidth probes; the third picture is a keyframe too."""
    source, made = vp8(), []
    for number in range(PACKETS):
        payload = b"" if number in (9, 10) else (KEYFRAME if number in (0, 8) else DELTA) + bytes((number,))
        made.append(source.packet(payload, marker=number % 4 == 3))
    return made


def heard(groups: list[list[bytes]], listeners: int = 3) -> list[list[tuple[int, int, bytes, bool]]]:
    """What reaches each listener; numbers are counted from each listener's first."""
    room = Room()
    try:
        room.allow({f"l{number}": {"speaker": ["camera"]} for number in range(listeners)})
        speaker = room.transport("speaker", "send")
        producer = room.produce(speaker, "cam", "video", "camera", VP8_PARAMETERS)
        ends = [room.transport(f"l{number}", "recv") for number in range(listeners)]
        consumers = [room.consume(end, producer) for end in ends]
        for group in groups:
            speaker.receive_rtp(group, room.now)
        found = []
        for end, consumer in zip(ends, consumers, strict=True):
            packets = out(end).rtp
            assert consumer.packets == len(packets)
            assert consumer.octets == sum(len(each.payload) for each in packets)
            found.append(
                [
                    (
                        each.sequence - packets[0].sequence & 0xFFFF,
                        each.timestamp,
                        each.payload,
                        each.marker,
                    )
                    for each in packets
                ]
            )
        return found
    finally:
        room.close()


@given(st.data())
def test_how_packets_come_together_changes_nothing(data: st.DataObject) -> None:
    """Lost, late and doubled ones among them."""
    order = data.draw(st.lists(st.integers(0, PACKETS - 1), max_size=2 * PACKETS))
    packets = camera()
    arrived = packets[:2] + [packets[number] for number in sorted(order, key=lambda n: n + n % 3)]
    cuts = sorted(data.draw(st.sets(st.integers(1, len(arrived)))))
    groups = [arrived[start:end] for start, end in zip([0, *cuts], [*cuts, len(arrived)], strict=True)]
    assert heard(groups) == heard([[packet] for packet in arrived])


def test_packets_of_two_sources_that_come_together_are_told_apart() -> None:
    room = Room()
    room.allow({"l": {"speaker": ["camera", "screen"]}})
    speaker, end = room.transport("speaker", "send"), room.transport("l", "recv")
    other = {**VP8_PARAMETERS, "mid": "7", "encodings": [{"ssrc": 4711}]}
    ssrcs = [
        room.consume(end, room.produce(speaker, source, "video", source, parameters)).ssrc
        for source, parameters in (("camera", VP8_PARAMETERS), ("screen", other))
    ]
    first, second = vp8(), Source(4711, 96, 3000)
    speaker.receive_rtp(
        [
            source.packet(payload)
            for payload in (KEYFRAME, DELTA + b"1", DELTA + b"2")
            for source in (first, second)
        ],
        room.now,
    )
    for ssrc in ssrcs:
        assert [each.payload for each in out(end).rtp if each.ssrc == ssrc] == [
            KEYFRAME,
            DELTA + b"1",
            DELTA + b"2",
        ]
    room.close()


@dataclass(frozen=True)
class Turn:
    """What comes in one turn: so many pictures of every layer, the first of them a keyframe in those of
    `keys`. `lost` numbers packets that do not come, `late` those that come last. Before it each listener
    wishes for layers, `None` for no change."""

    moments: int
    keys: frozenset[int] = frozenset()
    lost: frozenset[int] = frozenset()
    late: frozenset[int] = frozenset()
    wishes: tuple[tuple[int, int | None] | None, ...] = ()


LISTENERS = 2
_few = st.frozensets(st.integers(0, 23), max_size=3)
_layers = st.tuples(st.integers(0, 2), st.sampled_from([None, 0, 1, 2]))
turns = st.lists(
    st.builds(
        Turn,
        st.integers(1, 4),
        st.frozensets(st.integers(0, 2)),
        _few,
        _few,
        st.tuples(*[st.none() | _layers] * LISTENERS),
    ),
    min_size=1,
    max_size=12,
)


def pictures(layer: Layer, moments: int, *, key: bool) -> list[bytes]:
    """Each is two packets."""
    made = []
    for moment in range(moments):
        first = layer.next(key=key and moment == 0)
        layer.source.timestamp = layer.source.timestamp - STEP & 0xFFFFFFFF
        continued = b"\x80" + rtp.parse(first).payload[1:]
        made += [first, layer.source.packet(continued, {MID: b"1", RID: RIDS[layer.number].encode()})]
    return made


def watched(script: list[Turn], *, together: bool) -> list[list[tuple[object, ...]]]:
    """What reaches each listener, and then again, as everybody misses everything. Numbers are counted from
    each one's first."""
    room = Room()
    try:
        room.allow({f"l{number}": {"speaker": ["camera"]} for number in range(LISTENERS)})
        speaker = room.transport("speaker", "send")
        producer = room.produce(speaker, "cam", "video", "camera", SIMULCAST_PARAMETERS)
        ends = [room.transport(f"l{number}", "recv") for number in range(LISTENERS)]
        consumers = [room.consume(end, producer) for end in ends]
        camera = Camera(speaker)
        for turn in script:
            room.tick()
            for consumer, wish in zip(consumers, turn.wishes, strict=False):
                if wish is not None:
                    consumer.prefer(*wish, room.now)
            sent = [
                packet
                for layer in camera.layers
                for packet in pictures(layer, turn.moments, key=layer.number in turn.keys)
            ]
            came = [each for n, each in enumerate(sent) if n not in turn.lost | turn.late]
            came += [sent[n] for n in sorted(turn.late - turn.lost) if n < len(sent)]
            for group in [came] if together else [[packet] for packet in came]:
                speaker.receive_rtp(group, room.now)
        for end, consumer in zip(ends, consumers, strict=True):
            numbers = [each.sequence for each in out(end).rtp][:200]
            end._receive_rtcp(rtcp.build_nack(1, consumer.ssrc, numbers), room.now)
        return [
            [plainly(each, consumer.ssrc, out(end).rtp[0].sequence) for each in out(end).rtp]
            for end, consumer in zip(ends, consumers, strict=True)
        ]
    finally:
        room.close()


def plainly(packet: rtp.RtpPacket, ssrc: int, first: int) -> tuple[object, ...]:
    """Numbered from the listener's first, which is drawn by lot; what was sent again by its own number."""
    resent = packet.ssrc != ssrc
    number, payload = packet.sequence, packet.payload
    if resent:
        number, payload = int.from_bytes(payload[:2], "big"), payload[2:]
    return (
        *(resent, number - first & 0xFFFF, packet.timestamp, payload),
        *(packet.marker, packet.extensions),
    )


BEGIN = Turn(2, keys=frozenset((0, 1, 2)))


@given(turns)
@settings(max_examples=80, deadline=None)
def test_pictures_of_layers_that_come_together_are_as_if_they_had_come_alone(script: list[Turn]) -> None:
    """Over switches, with temporal layers left out, and packets that are lost or late."""
    assert watched([BEGIN, *script], together=True) == watched([BEGIN, *script], together=False)


def test_after_a_switch_packets_go_together_again() -> None:
    room = Room()
    room.allow({"l": {"speaker": ["camera"]}})
    speaker, end = room.transport("speaker", "send"), room.transport("l", "recv")
    consumer = room.consume(end, room.produce(speaker, "cam", "video", "camera", SIMULCAST_PARAMETERS))
    layers = Camera(speaker).layers
    for wish in (2, 0, 1, None):
        if wish is not None:
            consumer.prefer(wish, None, room.now)
        for key in (True, False):
            out(end).together.clear()
            for layer in layers:
                speaker.receive_rtp(pictures(layer, 4, key=key), room.now)
            room.tick()
        assert out(end).together == [8]
    consumer.prefer(2, 0, room.now)
    for key in (True, False):
        out(end).together.clear()
        for layer in layers:
            for picture in range(4):
                speaker.receive_rtp(pictures(layer, 1, key=key and picture == 0), room.now)
        room.tick()
    assert out(end).together == [2], "one picture of four is of the lowest temporal layer"
    numbers = [each.sequence for each in out(end).rtp]
    assert [after - before & 0xFFFF for before, after in pairwise(numbers)] == [1] * (len(numbers) - 1)
    room.close()


def test_packets_that_go_on_in_number_and_back_in_time_stay_below_the_threshold() -> None:
    """However they come together."""
    for size in (1, 2, 8):
        room = Room()
        speaker, end = room.transport("speaker", "send"), room.transport("l", "recv")
        producer = room.produce(speaker, "cam", "video", "camera", VP8_PARAMETERS)
        source = vp8()
        speaker.receive_rtp([source.packet(KEYFRAME + b"before")], room.now)
        room.allow({"l": {"speaker": ["camera"]}})
        room.consume(end, producer)
        below = source.timestamp
        source.timestamp += 90_000
        room.tick(1.0)
        sent = [source.packet(KEYFRAME + b"after")]
        source.timestamp = below
        sent += [source.packet(DELTA + bytes((number,))) for number in range(8)]
        for packets in (sent[:1], *(sent[at : at + size] for at in range(1, len(sent), size))):
            speaker.receive_rtp(packets, room.now)
        assert [each.payload for each in out(end).rtp] == [KEYFRAME + b"after"]
        room.close()


def voices(groups: list[list[bytes]]) -> list[list[tuple[int, int, bytes]]]:
    """What two listeners get, one of them from the third group on each frame twice; what they get again is
    the same."""
    room = Room()
    try:
        room.allow({name: {"speaker": ["microphone"]} for name in ("near", "far")})
        speaker = room.transport("speaker", "send")
        producer = room.produce(speaker, "mic", "audio", "microphone", OPUS_PARAMETERS)
        ends = [room.transport(name, "recv") for name in ("near", "far")]
        consumers = [room.consume(end, producer) for end in ends]
        assert consumers[1].protection is not None
        for number, group in enumerate(groups):
            consumers[1].protection.redundancy.blocks = int(number > 1)
            speaker.receive_rtp(group, room.now)
        found = []
        for end, consumer in zip(ends, consumers, strict=True):
            sent = list(out(end).rtp)
            assert consumer.packets == len(sent)
            assert len({each.sequence for each in sent}) == len(sent)
            end._receive_rtcp(rtcp.build_nack(1, consumer.ssrc, [each.sequence for each in sent]), room.now)
            again = out(end).rtp[len(sent) :]
            assert {each.sequence: each.data for each in again} == {each.sequence: each.data for each in sent}
            found.append(
                [(each.sequence - sent[0].sequence & 0xFFFF, each.timestamp, each.payload) for each in sent]
            )
        return found
    finally:
        room.close()


@given(st.data())
def test_sound_that_comes_together_is_as_if_it_had_come_alone(data: st.DataObject) -> None:
    source = opus()
    packets = [source.packet(bytes((number,)) * 20) for number in range(16)]
    order = data.draw(st.lists(st.integers(0, 15), max_size=24))
    arrived = packets[:1] + [packets[number] for number in sorted(order, key=lambda n: n + n % 3)]
    cuts = sorted({1, 2} | data.draw(st.sets(st.integers(1, len(arrived)))))
    groups = [arrived[start:end] for start, end in zip([0, *cuts], [*cuts, len(arrived)], strict=True)]
    near, far = voices(groups)
    assert [near, far] == voices([[packet] for packet in arrived])


def test_a_frame_that_went_with_its_group_goes_along_with_the_next() -> None:
    source = opus()
    packets = [source.packet(bytes((number,)) * 20) for number in range(4)]
    near, far = voices([packets[:1], packets[1:2], packets[2:]])
    assert [payload for _, _, payload in near[2:]] == [bytes((number,)) * 20 for number in (2, 3)]
    assert [payload[-40:] for _, _, payload in far[2:]] == [
        bytes((number - 1,)) * 20 + bytes((number,)) * 20 for number in (2, 3)
    ]
