"""What listeners report of loss, and how much of it the publisher is told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media import rtcp
from media.consumer import Consumer
from media.loss import FALLS, HALVES, HOLDS, RISES, Loss
from media.producer import MOST_RELAYED, Producer
from media.transport import Transport
from tests.media.endpoint import KEYFRAME, OPUS_PARAMETERS, VP8_PARAMETERS, Source, opus, vp8
from tests.media.room import Room, out

SHARES = st.floats(0, 1)


def test_loss_rises_fast_and_falls_slowly() -> None:
    loss = Loss()
    loss.heard(0.2, 10.0)
    assert loss.at(10.0) == pytest.approx(RISES * 0.2)
    loss.heard(0.0, 11.0)
    assert loss.at(11.0) == pytest.approx(RISES * 0.2 * (1 - FALLS))


def test_what_is_not_heard_of_any_more_fades() -> None:
    loss = Loss()
    loss.heard(1.0, 10.0)
    assert loss.at(10.0 + HOLDS) == loss.at(10.0) == RISES
    assert loss.at(10.0 + HOLDS + HALVES) == pytest.approx(RISES / 2)
    assert loss.at(10.0 + HOLDS + 20 * HALVES) < 1e-5


@given(st.lists(st.tuples(SHARES, st.floats(0, 60)), max_size=20), st.floats(0, 60))
def test_loss_lies_between_nothing_and_the_worst_report(
    reports: list[tuple[float, float]], later: float
) -> None:
    loss, now = Loss(), 0.0
    for share, passes in reports:
        now += passes
        loss.heard(share, now)
    assert 0 <= loss.at(now + later) <= loss.at(now) <= max((share for share, _ in reports), default=0)


@given(SHARES)
def test_loss_that_lasts_is_soon_told_in_full(share: float) -> None:
    loss = Loss()
    for second in range(4):
        loss.heard(share, 5.0 * second)
    assert loss.at(15.0) == pytest.approx(share, rel=0.01)


# what the publisher is told


@pytest.fixture
def room() -> Iterator[Room]:
    opened = Room()
    yield opened
    opened.close()


class Stage:
    """One speaker, and listeners who may hear and see them."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self.everybody("first", "second")
        self.speaker = room.transport("speaker", "send")
        self.microphone = room.produce(self.speaker, "mic", "audio", "microphone", OPUS_PARAMETERS)
        self.camera = room.produce(self.speaker, "cam", "video", "camera", VP8_PARAMETERS)
        self.voice, self.picture = opus(), vp8()

    def everybody(self, *listeners: str) -> None:
        self.room.allow({each: {"speaker": ["microphone", "camera"]} for each in listeners})

    def listener(self, owner: str, producer: Producer, *, red: bool = True) -> tuple[Transport, Consumer]:
        known = self.room.router.transports.get(f"{owner}-recv")
        transport = known or self.room.transport(owner, "recv")
        consumer = self.room.consume(transport, producer)
        if not red:
            consumer.protection = None
        return transport, consumer

    def speak(self, source: Source | None = None, payload: bytes = b"voice") -> None:
        self.speaker.receive_rtp([(source or self.voice).packet(payload)], self.room.now)

    def told(self, ssrc: int = 1111, seconds: float = 1.0) -> list[rtcp.ReportBlock]:
        """What the publisher is told of its stream within so many seconds of going on."""
        out(self.speaker).rtcp.clear()
        for _ in range(round(seconds / 0.02)):
            self.speak()
            self.room.tick(0.02)
        reports = [each for each in out(self.speaker).rtcp if isinstance(each, rtcp.ReceiverReport)]
        return [block for each in reports for block in each.reports if block.ssrc == ssrc]


def report(transport: Transport, ssrc: int, share: float, now: float) -> None:
    block = rtcp.ReportBlock(ssrc, int(share * 256), 0, 0, 0)
    transport._receive_rtcp(rtcp.build_receiver_report(1, [block]), now)


def told(share: float) -> int:
    return int(256 * share)


def test_the_publisher_of_sound_is_told_what_the_worst_listener_misses(room: Room) -> None:
    stage = Stage(room)
    stage.speak()
    (one, first), (two, second) = (
        stage.listener(each, stage.microphone, red=False) for each in ("first", "second")
    )
    assert stage.told()[-1].fraction_lost == 0
    for _ in range(4):
        report(one, first.ssrc, 0.2, room.now)
        report(two, second.ssrc, 0.05, room.now)
    block = stage.told()[-1]
    assert block.fraction_lost == pytest.approx(told(0.2), abs=2)
    assert block.cumulative_lost == 0
    first.close()
    assert stage.told()[-1].fraction_lost == pytest.approx(told(0.05), abs=2)


def test_the_publishers_own_loss_is_told_when_it_is_worse(room: Room) -> None:
    stage = Stage(room)
    stage.speak()
    transport, consumer = stage.listener("first", stage.microphone)
    report(transport, consumer.ssrc, 0.02, room.now)
    stage.told()
    for _ in range(25):
        stage.voice.packet(b"lost")
    block = stage.told()[-1]
    assert block.fraction_lost == pytest.approx(told(1 / 3), abs=4)
    assert block.cumulative_lost == 25


def test_no_listener_makes_an_encoder_prepare_for_more_than_a_part(room: Room) -> None:
    stage = Stage(room)
    stage.speak()
    transport, consumer = stage.listener("first", stage.microphone)
    stage.told()
    for _ in range(6):
        report(transport, consumer.ssrc, 0.99, room.now)
    assert stage.told()[-1].fraction_lost == told(MOST_RELAYED)


def test_loss_of_pictures_is_not_relayed(room: Room) -> None:
    stage = Stage(room)
    stage.speak(stage.picture, KEYFRAME)
    transport, consumer = stage.listener("first", stage.camera)
    stage.speak(stage.picture, KEYFRAME)
    assert consumer.packets
    report(transport, consumer.ssrc, 0.5, room.now)
    assert [block.fraction_lost for block in stage.told(2222)] == [0]


def test_who_is_not_allowed_any_more_or_listens_to_nothing_does_not_count(room: Room) -> None:
    stage = Stage(room)
    stage.speak()
    (one, first), (two, second) = (stage.listener(each, stage.microphone) for each in ("first", "second"))
    stage.told()
    report(one, first.ssrc, 0.4, room.now)
    report(two, second.ssrc, 0.4, room.now)
    second.paused = True
    stage.everybody("second")
    report(one, first.ssrc, 0.4, room.now)
    assert stage.told()[-1].fraction_lost == 0


def test_a_report_on_somebody_elses_stream_does_not_count(room: Room) -> None:
    stage = Stage(room)
    stage.speak()
    (_, first), (two, _) = (stage.listener(each, stage.microphone) for each in ("first", "second"))
    stage.told()
    report(two, first.ssrc, 0.4, room.now)
    assert stage.told()[-1].fraction_lost == 0


def test_a_listener_who_reports_no_more_is_forgotten(room: Room) -> None:
    stage = Stage(room)
    stage.speak()
    transport, consumer = stage.listener("first", stage.microphone, red=False)
    stage.told()
    report(transport, consumer.ssrc, 0.2, room.now)
    assert stage.told(seconds=HOLDS - 1)[-1].fraction_lost > 0
    for _ in range(12):
        room.bind(stage.speaker)
        room.bind(transport)
        block = stage.told(seconds=4.0)[-1]
    assert block.fraction_lost == 0
