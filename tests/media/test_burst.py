"""What comes together is forwarded as if each packet had come alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.media.endpoint import DELTA, KEYFRAME, VP8_PARAMETERS, Source, vp8
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
