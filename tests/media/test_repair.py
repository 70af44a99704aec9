"""Repair with literal time: what is asked for, what comes again, and what no NACK brings back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media import red, rtcp, rtp
from media.consumer import RESENT_MOST, RESENT_RATE, SOUND_RESENT_MOST, Consumer
from media.stats import Drop
from media.stream import ASKED_FOR, AUDIO_KEPT, LEAST_WAIT, VIDEO_KEPT, VIDEO_ROOM
from media.transport import FEEDBACK_MOST
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
from tests.media.room import Room, out, plis

BOTH = {"listener": {"speaker": ["microphone", "camera"]}}
RTX_SSRC, RTX_TYPE = 2223, 97
RED_TYPE = 103
STEP = 0.02


@pytest.fixture
def room() -> Iterator[Room]:
    opened = Room()
    yield opened
    opened.close()


class Speaker:
    """A publisher that keeps what it sends; `lose` makes a packet that never arrives by itself."""

    def __init__(self, room: Room, owner: str = "speaker") -> None:
        self.room = room
        self.transport = room.transport(owner, "send")
        self.microphone = room.produce(self.transport, f"{owner}-mic", "audio", "microphone", OPUS_PARAMETERS)
        self.camera = room.produce(self.transport, f"{owner}-cam", "video", "camera", VP8_PARAMETERS)
        self.voice, self.picture = opus(), vp8()
        self._rtx = 0

    def speak(self, payload: bytes = b"voice") -> bytes:
        packet = self.lose(self.voice, payload)
        self.send(packet)
        return packet

    def show(self, payload: bytes = DELTA) -> bytes:
        packet = self.lose(self.picture, payload)
        self.send(packet)
        return packet

    def lose(self, source: Source, payload: bytes) -> bytes:
        return source.packet(payload)

    def send(self, packet: bytes) -> None:
        self.transport.receive_rtp([packet], self.room.now)

    def resend(self, packet: bytes, ssrc: int = RTX_SSRC) -> None:
        """Video as RTX."""
        original = rtp.parse(packet)
        self._rtx += 1
        self.send(
            rtp.build(
                payload_type=RTX_TYPE,
                sequence=self._rtx,
                timestamp=original.timestamp,
                ssrc=ssrc,
                payload=original.sequence.to_bytes(2, "big") + original.payload,
                marker=original.marker,
            )
        )

    @property
    def asked(self) -> list[tuple[int, tuple[int, ...]]]:
        """(SSRC, sequence numbers) of every NACK so far."""
        return [
            (each.media_ssrc, each.sequences)
            for each in out(self.transport).rtcp
            if isinstance(each, rtcp.Nack)
        ]


class Listener:
    def __init__(self, room: Room, owner: str = "listener") -> None:
        self.room = room
        self.transport = room.transport(owner, "recv")
        self._count = 0

    def listen(self, speaker: Speaker, kind: str) -> Consumer:
        producer = speaker.microphone if kind == "audio" else speaker.camera
        self._count += 1
        return self.room.consume(self.transport, producer, f"{self.transport.id}-{self._count}")

    def nack(self, ssrc: int, *sequences: int) -> None:
        self.transport._receive_rtcp(rtcp.build_nack(1, ssrc, sequences), self.room.now)

    @property
    def got(self) -> list[rtp.RtpPacket]:
        return out(self.transport).rtp

    @property
    def drops(self) -> dict[Drop, int]:
        return dict(self.transport.traffic.drops)


@pytest.fixture
def pair(room: Room) -> tuple[Speaker, Listener]:
    room.allow(BOTH)
    return Speaker(room), Listener(room)


# from publishers


def test_what_is_missing_is_asked_for_at_once_and_again_after_a_round_trip(
    room: Room, pair: tuple[Speaker, Listener]
) -> None:
    speaker, _ = pair
    speaker.transport.rtt = 0.1
    speaker.show(KEYFRAME)
    lost = rtp.parse(speaker.lose(speaker.picture, DELTA)).sequence
    speaker.show()
    assert speaker.asked == [(2222, (lost,))]
    for _ in range(4):
        room.tick()
    assert len(speaker.asked) == 1
    room.tick()
    assert speaker.asked == [(2222, (lost,))] * 2


def test_sound_is_asked_for_too_and_taken_back_as_it_was(room: Room, pair: tuple[Speaker, Listener]) -> None:
    speaker, listener = pair
    listener.listen(speaker, "audio")
    speaker.speak(b"1")
    lost = speaker.lose(speaker.voice, b"2")
    speaker.speak(b"3")
    assert speaker.asked == [(1111, (rtp.parse(lost).sequence,))]
    room.now += 0.08
    speaker.send(lost)
    assert [each.payload for each in listener.got] == [b"1", b"3", b"2"]
    first = listener.got[0].sequence
    assert [(each.sequence - first) & 0xFFFF for each in listener.got] == [0, 2, 1]


def test_recovered_packets_still_count_as_lost_on_the_way(room: Room, pair: tuple[Speaker, Listener]) -> None:
    speaker, _ = pair
    speaker.speak()
    sound = speaker.lose(speaker.voice, b"lost")
    speaker.speak()
    room.now += 0.08
    speaker.send(sound)
    stats = speaker.microphone.stats(room.now)
    assert (stats.lost, stats.recovered) == (1, 1)


def test_a_reordered_packet_is_neither_lost_nor_recovered(room: Room, pair: tuple[Speaker, Listener]) -> None:
    speaker, _ = pair
    speaker.transport.rtt = 0.1
    speaker.speak()
    late = speaker.lose(speaker.voice, b"late")
    speaker.speak()
    room.now += 0.01
    speaker.send(late)
    stats = speaker.microphone.stats(room.now)
    assert (stats.lost, stats.recovered) == (0, 0)
    assert speaker.transport.rtt == 0.1


def test_the_answer_to_a_first_request_measures_the_round_trip(
    room: Room, pair: tuple[Speaker, Listener]
) -> None:
    speaker, _ = pair
    speaker.show(KEYFRAME)
    first, second = speaker.lose(speaker.picture, DELTA), speaker.lose(speaker.picture, DELTA)
    speaker.show()
    room.now += 0.06
    speaker.resend(first)
    assert speaker.transport.rtt == pytest.approx(0.06)
    for _ in range(3):
        room.tick(0.05)
    speaker.resend(second)
    assert speaker.transport.rtt == pytest.approx(0.06)


def test_what_was_not_asked_for_or_came_already_is_refused(
    room: Room, pair: tuple[Speaker, Listener]
) -> None:
    speaker, listener = pair
    listener.listen(speaker, "video")
    early = speaker.lose(speaker.picture, KEYFRAME)
    first = speaker.show(KEYFRAME)
    lost = speaker.lose(speaker.picture, DELTA)
    speaker.show()
    speaker.resend(early)
    speaker.resend(first)
    speaker.resend(lost)
    speaker.resend(lost)
    assert len(listener.got) == 3
    assert speaker.transport.traffic.drops == {Drop.NOT_ASKED: 3}


def test_a_publisher_without_nack_is_not_asked(room: Room) -> None:
    silent = {**VP8_PARAMETERS, "codecs": [{**VP8_PARAMETERS["codecs"][0], "rtcpFeedback": []}]}
    transport = room.transport("speaker", "send")
    room.produce(transport, "cam", "video", "camera", silent)
    picture = vp8()
    for packet in (picture.packet(KEYFRAME), picture.packet(DELTA), picture.packet(DELTA)):
        if rtp.parse(packet).sequence != 65501:
            transport.receive_rtp([packet], room.now)
    room.tick(1.0)
    assert not [each for each in out(transport).rtcp if isinstance(each, rtcp.Nack)]


def test_what_was_sent_before_or_in_a_pause_is_never_taken_later(
    room: Room, pair: tuple[Speaker, Listener]
) -> None:
    speaker, listener = pair
    listener.listen(speaker, "audio")
    speaker.speak(b"1")
    before = speaker.lose(speaker.voice, b"before")
    speaker.speak(b"2")
    speaker.microphone.pause()
    speaker.speak(b"private")
    within = speaker.lose(speaker.voice, b"private too")
    speaker.speak(b"private")
    asked = len(speaker.asked)
    room.tick(0.5)
    speaker.microphone.resume(room.now)
    for late in (before, within):
        speaker.send(late)
    speaker.speak(b"3")
    room.tick(0.5)
    for late in (before, within):
        speaker.send(late)
    assert len(speaker.asked) == asked == 1
    assert [each.payload for each in listener.got] == [b"1", b"2", b"3"]


def test_there_is_haste_while_something_is_missing_but_not_in_a_pause(
    room: Room, pair: tuple[Speaker, Listener]
) -> None:
    speaker, _ = pair
    speaker.speak()
    assert not speaker.microphone.repair(room.now)
    speaker.lose(speaker.voice, b"lost")
    speaker.speak()
    assert speaker.microphone.repair(room.now)
    speaker.microphone.pause()
    speaker.speak()
    speaker.lose(speaker.voice, b"lost")
    speaker.speak()
    assert not speaker.microphone.repair(room.now)


def test_a_stream_that_was_replaced_does_not_come_back(room: Room) -> None:
    room.allow(BOTH)
    transport, listener = room.transport("speaker", "send"), Listener(room)
    room.consume(listener.transport, room.produce(transport, "cam", "video", "camera", SIMULCAST_PARAMETERS))
    named = {4: b"1", 10: b"q"}
    old, new = Source(31, 96, 3000), Source(32, 96, 3000)
    late = old.packet(KEYFRAME, named)
    for packet in (old.packet(KEYFRAME, named), new.packet(KEYFRAME, named), late):
        transport.receive_rtp([packet], room.now)
    assert len(listener.got) == 2
    assert transport.traffic.drops == {Drop.UNKNOWN_SSRC: 1}


# to listeners


def test_lost_video_is_sent_again_as_rtx(room: Room, pair: tuple[Speaker, Listener]) -> None:
    speaker, listener = pair
    consumer = listener.listen(speaker, "video")
    for _ in range(3):
        speaker.show(KEYFRAME)
    second = listener.got[1]
    room.now += 0.2
    listener.nack(consumer.ssrc, second.sequence)
    again = listener.got[3]
    assert consumer.rtx is not None
    assert again.ssrc == consumer.rtx.ssrc != consumer.ssrc
    assert again.payload_type == 102
    assert again.payload == second.sequence.to_bytes(2, "big") + KEYFRAME
    assert again.timestamp == second.timestamp
    assert again.extensions == {4: rtp.abs_send_time(room.now)} != second.extensions
    room.now += 0.2
    listener.nack(consumer.ssrc, second.sequence)
    assert (listener.got[4].sequence - again.sequence) & 0xFFFF == 1
    assert consumer.stats(room.now).resent == 2
    assert consumer.stats(room.now).packets == 3


def test_lost_sound_is_sent_again_as_the_same_bytes(room: Room, pair: tuple[Speaker, Listener]) -> None:
    speaker, listener = pair
    consumer = listener.listen(speaker, "audio")
    for number in range(3):
        speaker.speak(bytes((number,)))
    listener.nack(consumer.ssrc, listener.got[1].sequence)
    assert listener.got[3].data == listener.got[1].data


def test_a_packet_that_came_by_repair_can_be_asked_for_again(
    room: Room, pair: tuple[Speaker, Listener]
) -> None:
    speaker, listener = pair
    consumer = listener.listen(speaker, "video")
    speaker.show(KEYFRAME)
    lost = speaker.lose(speaker.picture, DELTA)
    speaker.show()
    number = listener.got[0].sequence + 1 & 0xFFFF
    listener.nack(consumer.ssrc, number)
    assert len(listener.got) == 2
    room.now += 0.1
    speaker.resend(lost)
    listener.nack(consumer.ssrc, number)
    assert [each.payload[:2] for each in listener.got[2:]] == [DELTA[:2], number.to_bytes(2, "big")]


def test_a_picture_that_waits_for_what_will_not_come_is_begun_anew(
    room: Room, pair: tuple[Speaker, Listener]
) -> None:
    speaker, listener = pair
    listener.listen(speaker, "video")
    speaker.show(KEYFRAME)
    speaker.lose(speaker.picture, DELTA)
    speaker.show()
    before = len(plis(speaker.transport))
    room.tick(ASKED_FOR - 0.05)
    assert len(plis(speaker.transport)) == before
    room.tick(0.1)
    assert len(plis(speaker.transport)) == before + 1
    room.tick(5.0)
    assert len(plis(speaker.transport)) == before + 1


def test_nobody_who_sees_no_picture_has_it_begun_anew(room: Room, pair: tuple[Speaker, Listener]) -> None:
    speaker, _ = pair
    speaker.show(KEYFRAME)
    speaker.lose(speaker.picture, DELTA)
    speaker.show()
    room.tick(ASKED_FOR + 0.1)
    room.tick()
    assert plis(speaker.transport) == []


def test_who_asks_for_what_is_not_kept_any_longer_gets_a_keyframe_once(
    room: Room, pair: tuple[Speaker, Listener]
) -> None:
    speaker, listener = pair
    consumer = listener.listen(speaker, "video")
    for payload in (KEYFRAME, DELTA, DELTA):
        speaker.show(payload)
    numbers = [each.sequence for each in listener.got]
    room.tick(VIDEO_KEPT + 0.5)
    speaker.show()
    before = len(plis(speaker.transport))
    listener.nack(consumer.ssrc, *numbers[1:])
    assert len(plis(speaker.transport)) == before + 1
    for _ in range(3):
        room.tick(1.5)
        listener.nack(consumer.ssrc, *numbers[1:])
    assert len(plis(speaker.transport)) == before + 1
    later = listener.got[-1].sequence
    room.tick(VIDEO_KEPT + 0.5)
    speaker.show(KEYFRAME)
    speaker.show()
    listener.nack(consumer.ssrc, later + 1)
    assert len(plis(speaker.transport)) == before + 1
    room.tick(VIDEO_KEPT + 0.5)
    speaker.show()
    listener.nack(consumer.ssrc, later + 1)
    assert len(plis(speaker.transport)) == before + 2


def test_who_asks_for_what_we_miss_ourselves_waits_for_it(room: Room, pair: tuple[Speaker, Listener]) -> None:
    speaker, listener = pair
    consumer = listener.listen(speaker, "video")
    speaker.show(KEYFRAME)
    speaker.lose(speaker.picture, DELTA)
    room.tick(0.5)
    speaker.show()
    before = len(plis(speaker.transport))
    room.tick(0.7)
    listener.nack(consumer.ssrc, listener.got[0].sequence + 1)
    assert listener.drops == {Drop.NACK_GONE: 1}
    assert len(plis(speaker.transport)) == before


@pytest.mark.parametrize(("kind", "kept"), [("audio", AUDIO_KEPT), ("video", VIDEO_KEPT)])
def test_packets_can_be_asked_for_so_long(
    room: Room, pair: tuple[Speaker, Listener], kind: str, kept: float
) -> None:
    speaker, listener = pair
    consumer = listener.listen(speaker, kind)
    (speaker.speak if kind == "audio" else speaker.show)(KEYFRAME)
    number = listener.got[0].sequence
    room.now += kept - 0.01
    listener.nack(consumer.ssrc, number)
    assert len(listener.got) == 2
    room.now += 0.2
    listener.nack(consumer.ssrc, number)
    assert len(listener.got) == 2
    assert listener.drops == {Drop.NACK_GONE: 1}


def test_a_source_that_falls_silent_is_not_kept(room: Room, pair: tuple[Speaker, Listener]) -> None:
    speaker, _ = pair
    speaker.show(KEYFRAME)
    stream = speaker.camera.present_streams[0]
    assert len(stream.recent) == 1
    room.tick(VIDEO_KEPT + 0.1)
    assert len(stream.recent) == 0


def test_asking_twice_within_a_round_trip_brings_one_answer(
    room: Room, pair: tuple[Speaker, Listener]
) -> None:
    speaker, listener = pair
    consumer = listener.listen(speaker, "video")
    listener.transport.rtt = 0.1
    speaker.show(KEYFRAME)
    number = listener.got[0].sequence
    listener.nack(consumer.ssrc, number)
    room.now += 0.05
    listener.nack(consumer.ssrc, number)
    assert len(listener.got) == 2
    assert listener.drops == {Drop.NACK_LIMIT: 1}
    room.now += 0.07
    listener.nack(consumer.ssrc, number)
    assert len(listener.got) == 3


def test_who_is_far_and_asks_every_tenth_of_a_second_is_answered_once_in_a_round_trip(
    room: Room, pair: tuple[Speaker, Listener]
) -> None:
    speaker, listener = pair
    consumer = listener.listen(speaker, "video")
    listener.transport.rtt = 0.3
    for _ in range(20):
        speaker.show(KEYFRAME)
    numbers = [each.sequence for each in listener.got]
    for _ in range(8):
        listener.nack(consumer.ssrc, *numbers)
        room.now += 0.1
    assert len(listener.got) == 3 * len(numbers)


@pytest.mark.parametrize("kind", ["audio", "video"])
def test_a_storm_of_nacks_brings_no_more_than_the_budget_and_others_go_on(room: Room, kind: str) -> None:
    room.allow({**BOTH, "second": {"speaker": ["microphone", "camera"]}})
    speaker, listener, second = Speaker(room), Listener(room), Listener(room, "second")
    consumer = listener.listen(speaker, kind)
    second.listen(speaker, kind)
    show = speaker.speak if kind == "audio" else speaker.show
    for _ in range(100):
        show(KEYFRAME)
    numbers = [each.sequence for each in listener.got]
    for _ in range(2000):
        listener.nack(consumer.ssrc, *numbers)
        room.now += 0.0005
    resent = len(listener.got) - 100
    assert 0 < resent <= (SOUND_RESENT_MOST if kind == "audio" else RESENT_MOST + RESENT_RATE)
    assert listener.drops[Drop.NACK_LIMIT] > 1900
    assert len(second.got) == 100
    show(KEYFRAME)
    assert len(second.got) == 101


def test_feedback_beyond_its_rate_is_not_read(room: Room, pair: tuple[Speaker, Listener]) -> None:
    speaker, listener = pair
    consumer = listener.listen(speaker, "video")
    flood = rtcp.build_nack(1, consumer.ssrc, range(0, 60_000, 17 * 12))
    for _ in range(2 * FEEDBACK_MOST // len(flood)):
        listener.transport._receive_rtcp(flood, room.now)
    assert listener.drops[Drop.FEEDBACK_LIMIT] >= FEEDBACK_MOST // len(flood)


# the switch: the one who leaves


@pytest.mark.parametrize("kind", ["audio", "video"])
def test_a_closed_consumer_answers_no_nack(room: Room, pair: tuple[Speaker, Listener], kind: str) -> None:
    speaker, listener = pair
    consumer = listener.listen(speaker, kind)
    for _ in range(5):
        (speaker.speak if kind == "audio" else speaker.show)(KEYFRAME)
    numbers = [each.sequence for each in listener.got]
    room.allow({})
    listener.nack(consumer.ssrc, *numbers)
    if consumer.rtx is not None:
        listener.nack(consumer.rtx.ssrc, *numbers, 0, 1, 2)
    consumer.resend(numbers, room.now)
    assert len(listener.got) == 5
    assert listener.drops[Drop.NACK_STRANGER] == (1 if consumer.rtx is None else 2)
    assert consumer.producer.consumers == {}


def test_a_nack_that_names_another_listeners_ssrc_is_dropped_and_counted(room: Room) -> None:
    room.allow({**BOTH, "second": {"speaker": ["camera"]}})
    speaker, listener, second = Speaker(room), Listener(room), Listener(room, "second")
    consumer = listener.listen(speaker, "video")
    speaker.show(KEYFRAME)
    second.nack(consumer.ssrc, listener.got[0].sequence)
    assert (len(listener.got), second.got) == (1, [])
    assert second.drops == {Drop.NACK_STRANGER: 1}


def test_a_listener_whose_path_is_lost_gets_nothing_again(room: Room, pair: tuple[Speaker, Listener]) -> None:
    speaker, listener = pair
    consumer = listener.listen(speaker, "audio")
    speaker.speak()
    listener.transport.connected = False
    listener.nack(consumer.ssrc, listener.got[0].sequence)
    assert len(listener.got) == 1


# the switch: the one who comes


@pytest.mark.parametrize("kind", ["audio", "video"])
def test_a_new_consumer_brings_back_nothing_from_before_it_began(
    room: Room, pair: tuple[Speaker, Listener], kind: str
) -> None:
    speaker, listener = pair
    listener.listen(speaker, kind)
    show = speaker.speak if kind == "audio" else speaker.show
    for _ in range(20):
        show(KEYFRAME)
        room.now += STEP
    room.allow({})
    for _ in range(5):
        show(KEYFRAME + b"secret")
        room.now += STEP
    room.allow(BOTH)
    consumer = listener.listen(speaker, kind)
    for _ in range(30):
        show(KEYFRAME)
        room.now += STEP
    fresh = [each for each in listener.got if each.ssrc == consumer.ssrc]
    assert fresh
    count = len(listener.got)
    listener.nack(consumer.ssrc, *((fresh[0].sequence - back) & 0xFFFF for back in range(500, 0, -1)))
    assert len(listener.got) == count
    assert listener.drops[Drop.NACK_GONE] == 500
    listener.nack(consumer.ssrc, fresh[0].sequence)
    assert len(listener.got) == count + 1
    assert not any(b"secret" in each.payload for each in listener.got)


def test_what_an_outage_held_back_at_the_switch_never_reaches_the_newcomer(
    room: Room, pair: tuple[Speaker, Listener]
) -> None:
    room.allow({})
    speaker, listener = pair
    for _ in range(10):
        speaker.speak()
        room.now += STEP
    lost = []
    for number in range(50):
        lost.append(speaker.lose(speaker.voice, b"secret"))
        room.now += STEP
        if number == 40:
            room.allow(BOTH)
            listener.listen(speaker, "audio")
    speaker.speak()
    assert speaker.asked
    room.now += 0.08
    for packet in lost:
        speaker.send(packet)
    for _ in range(30):
        room.now += STEP
        speaker.speak()
    assert listener.got
    assert not [each for each in listener.got if each.payload == b"secret"]


def test_a_keyframe_that_is_lost_after_the_switch_begins_the_picture_when_it_is_recovered(
    room: Room, pair: tuple[Speaker, Listener]
) -> None:
    room.allow({})
    speaker, listener = pair
    speaker.show(KEYFRAME)
    room.allow(BOTH)
    consumer = listener.listen(speaker, "video")
    while room.now < 100 + LEAST_WAIT + 0.1:
        room.now += STEP
        speaker.picture.timestamp += 1800 - 3000
        speaker.show(DELTA)
    key, second = speaker.lose(speaker.picture, KEYFRAME), speaker.show(DELTA)
    assert listener.got == []
    room.now += 0.06
    speaker.resend(key)
    assert [each.payload for each in listener.got] == [KEYFRAME]
    speaker.show(DELTA)
    listener.nack(consumer.ssrc, listener.got[0].sequence + 1 & 0xFFFF)
    assert listener.got[2].payload[2:] == rtp.parse(second).payload


def test_layers_share_the_room_for_packets_that_may_be_asked_for_again(room: Room) -> None:
    speaker = room.transport("speaker", "send")
    layers = {**VP8_PARAMETERS, "encodings": [{"ssrc": 3000 + layer} for layer in range(8)]}
    producer = room.produce(speaker, "cam", "video", "camera", layers)
    sources = [vp8(3000 + layer) for layer in range(8)]
    for _ in range(600):
        for source in sources:
            speaker.receive_rtp([source.packet(KEYFRAME + bytes(1100))], room.now)
        room.now += 0.0001
    kept = [len(stream.recent) for stream in producer.present_streams]
    assert min(kept) > 200
    assert sum(kept) * (1100 + len(KEYFRAME)) <= VIDEO_ROOM


# random histories

OWNERS = ("newcomer", "officer", "neighbour")
TABLES = (
    {},
    {"newcomer": {"officer": ["microphone", "camera"]}, "officer": {"newcomer": ["microphone", "camera"]}},
    {
        "newcomer": {"neighbour": ["microphone", "camera"]},
        "neighbour": {"newcomer": ["microphone", "camera"]},
    },
    {"officer": {"newcomer": ["microphone"]}, "neighbour": {"officer": ["camera"]}},
)
Step = tuple[str, int, int]


class History:
    """Three people whose payloads say who sent them and when; every delivery is checked against the table.

    Their lines are long and bad, so that sound goes as RED.
    """

    def __init__(self) -> None:
        self.room = Room()
        self.speakers = {owner: Speaker(self.room, owner) for owner in OWNERS}
        self.listeners = {owner: Listener(self.room, owner) for owner in OWNERS}
        self.allowed_at: dict[tuple[str, str, str], float] = {}
        self.unsent: list[tuple[str, str, bytes]] = []
        self.ssrcs: dict[str, list[int]] = {owner: [] for owner in OWNERS}
        self.seen = dict.fromkeys(OWNERS, 0)
        self.keys: set[tuple[str, int, int]] = set()
        self.delivered = self.repeated = 0

    def switch(self, table: dict[str, dict[str, list[str]]]) -> None:
        now = {
            (listener, owner, source)
            for listener, owners in table.items()
            for owner, sources in owners.items()
            for source in sources
        }
        self.allowed_at = {pair: self.allowed_at.get(pair, self.room.now) for pair in now}
        self.room.allow(table)
        for listener, owner, source in sorted(now):
            kind = "audio" if source == "microphone" else "video"
            producer = self.speakers[owner].microphone if kind == "audio" else self.speakers[owner].camera
            listening = self.listeners[listener]
            if not any(each.producer is producer for each in listening.transport.consumers.values()):
                consumer = listening.listen(self.speakers[owner], kind)
                self.ssrcs[listener] += [consumer.ssrc, *([consumer.rtx.ssrc] if consumer.rtx else [])]

    def send(self, owner: str, kind: str, *, lost: bool) -> None:
        speaker = self.speakers[owner]
        source = speaker.voice if kind == "microphone" else speaker.picture
        source.timestamp = int(self.room.now * (48_000 if kind == "microphone" else 90_000))
        head = b"" if kind == "microphone" else KEYFRAME
        packet = source.packet(head + f"|{owner}|{kind}|{self.room.now}".encode())
        if lost:
            self.unsent.append((owner, kind, packet))
        else:
            speaker.send(packet)

    def late(self, number: int, *, again: bool) -> None:
        if not self.unsent:
            return
        owner, kind, packet = self.unsent[number % len(self.unsent)]
        speaker = self.speakers[owner]
        if again and kind == "camera":
            speaker.resend(packet)
        elif self._may_come(speaker, packet):
            speaker.send(packet)

    def _may_come(self, speaker: Speaker, packet: bytes) -> bool:
        """As it was: a quarter of a second late, or any time after it was asked for."""
        original = rtp.parse(packet)
        sent = float(original.payload.rsplit(b"|", 1)[1])
        asked = any(ssrc == original.ssrc and original.sequence in named for ssrc, named in speaker.asked)
        return asked or self.room.now - sent < 0.25

    def ask(self, owner: str, number: int) -> None:
        """For what the listener ever had, and around it, under every SSRC it ever knew."""
        listener = self.listeners[owner]
        for ssrc in self.ssrcs[owner]:
            around = [each.sequence for each in listener.got if each.ssrc == ssrc][-3:] or [number]
            listener.nack(ssrc, *((each + off) & 0xFFFF for each in around for off in range(-8, 3)))

    def check(self) -> None:
        for owner, listener in self.listeners.items():
            for packet in listener.got[self.seen[owner] :]:
                for payload in frames(packet):
                    speaker, kind, sent = payload.rsplit(b"|", 3)[1:]
                    pair = owner, speaker.decode(), kind.decode()
                    assert pair in self.allowed_at, pair
                    assert float(sent) > self.allowed_at[pair] or self.allowed_at[pair] == 0.0
                    self.delivered += 1
                self.repeated += len(frames(packet)) - 1
            self.seen[owner] = len(listener.got)
            listener.transport.rtt = 0.2
            listener.transport.loss.heard(0.3, self.room.now)


def frames(packet: rtp.RtpPacket) -> list[bytes]:
    if packet.payload_type != RED_TYPE:
        return [packet.payload]
    return [frame for _, _, frame in red.parse(packet.payload)]


steps = st.tuples(
    st.sampled_from(
        ["send"] * 6 + ["lose"] * 3 + ["late", "again", "again", "ask", "ask", "switch", "pause"]
    ),
    st.integers(0, 5),
    st.integers(0, 400),
)


@settings(max_examples=40)
@given(st.lists(steps, min_size=40, max_size=250))
def test_in_no_history_does_a_packet_reach_a_listener_for_whom_it_was_not_sent(history: list[Step]) -> None:
    run(history)


def run(history: list[Step]) -> History:
    meeting = History()
    try:
        for action, who, number in history:
            owner, kind = OWNERS[who % 3], ("microphone", "camera")[who // 3]
            match action:
                case "send" | "lose":
                    meeting.send(owner, kind, lost=action == "lose")
                case "late" | "again":
                    meeting.late(number, again=action == "again")
                case "ask":
                    meeting.ask(owner, number)
                case "switch":
                    meeting.switch(TABLES[number % len(TABLES)])
                case "pause":
                    meeting.room.tick(number / 100)
            meeting.check()
            meeting.room.tick(number / 5000)
            meeting.check()
    finally:
        meeting.room.close()
    return meeting


def test_the_histories_do_deliver_and_repair() -> None:
    """Else the test above would prove nothing."""
    history: list[Step] = [("send", who, 0) for who in range(6)] + [("switch", 0, 1)]
    for number in range(120):
        history += [("lose" if number % 7 == 3 else "send", 0, 100), ("again", 0, number), ("ask", 1, 0)]
    meeting = run(history)
    assert meeting.delivered > 100
    assert meeting.repeated > 100
    assert meeting.speakers["newcomer"].microphone.recovered > 2
    got = [each.data for each in meeting.listeners["officer"].got]
    assert len(got) > len(set(got))
