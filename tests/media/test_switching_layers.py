"""One listener, three layers: over at keyframes, with nothing missing and nothing twice, never black."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media import rtcp, rtp
from media.consumer import Consumer
from media.stats import Drop
from media.vp8 import describe
from tests.media.endpoint import SIMULCAST_PARAMETERS
from tests.media.layered import STEP, Camera, Layer, base_numbers, gapless, mark_of
from tests.media.room import Room, out, plis

ALL = {"listener": {"speaker": ["camera"]}}
TICK = STEP / 90_000


class Scene:
    """A camera with three layers and a listener who has it already, unless `allowed` is False."""

    def __init__(self, *, allowed: bool = True) -> None:
        self.room = Room()
        if allowed:
            self.room.allow(ALL)
        self.listener = self.room.transport("listener", "recv")
        self.speaker = self.room.transport("speaker", "send")
        self.producer = self.room.produce(self.speaker, "cam", "video", "camera", SIMULCAST_PARAMETERS)
        self.camera = Camera(self.speaker)

    def listen(self, spatial: int | None = None) -> Consumer:
        consumer = self.room.consume(self.listener, self.producer, "c")
        if spatial is not None:
            consumer.prefer(spatial, None, self.room.now)
        return consumer

    def shoot(self, count: int = 1, *, keys: set[int] | None = None) -> None:
        """`count` pictures; the first is a keyframe in the layers `keys`."""
        for number in range(count):
            self.room.tick(TICK)
            self.camera.shoot(self.room.now, keys if number == 0 and keys else set())

    def shoot_as_asked(self, count: int) -> None:
        """As an encoder would: a keyframe in every layer that was asked for one."""
        for _ in range(count):
            asked = plis(self.speaker)
            out(self.speaker).rtcp.clear()
            self.shoot(keys={each.number for each in self.camera.layers if each.source.ssrc in asked})

    @property
    def heard(self) -> list[rtp.RtpPacket]:
        return out(self.listener).rtp


@pytest.fixture
def scene() -> Iterator[Scene]:
    made = Scene()
    yield made
    made.room.close()


def playing(consumer: Consumer) -> int | None:
    return None if consumer.stream is None else consumer.stream.layer


def test_the_picture_goes_over_to_another_layer_at_its_keyframe_and_not_before(scene: Scene) -> None:
    scene.shoot(keys={0, 1, 2})
    consumer = scene.listen()
    scene.shoot(4, keys={0, 1, 2})
    assert playing(consumer) == 2
    out(scene.speaker).rtcp.clear()
    consumer.prefer(0, None, scene.room.now)
    scene.shoot(4)
    assert plis(scene.speaker) == [31]
    assert playing(consumer) == 2
    scene.shoot(4, keys={0})
    assert playing(consumer) == 0
    assert len(scene.heard) == 12
    assert gapless(scene.heard)
    assert base_numbers(scene.heard) == [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]


def test_its_counters_tell_which_of_how_many_layers_come(scene: Scene) -> None:
    scene.shoot(keys={0, 1, 2})
    consumer = scene.listen()
    scene.shoot(90, keys={0, 1, 2})

    def told() -> tuple[int | None, int, int | None, int]:
        stats = consumer.stats(scene.room.now)
        return stats.spatial, stats.spatial_layers, stats.temporal, stats.temporal_layers

    assert told() == (2, 3, None, 3)
    consumer.prefer(0, 0, scene.room.now)
    scene.shoot(8, keys={0})
    assert told() == (0, 3, 0, 3)
    consumer.pause()
    assert told()[:2] == (None, 3)


def test_timestamps_of_layers_are_brought_together_by_sender_reports(scene: Scene) -> None:
    scene.shoot(keys={0, 1, 2})
    consumer = scene.listen(spatial=0)
    scene.camera.report(scene.room.now + TICK)
    scene.shoot(3, keys={0})
    consumer.prefer(2, None, scene.room.now)
    scene.room.now += 0.2
    scene.shoot(3, keys={2})
    gaps = [after.timestamp - before.timestamp for before, after in pairwise(scene.heard)]
    assert gaps == [STEP] * 3 + [1] + [STEP] * 2, "the late arrival of a picture is not its time"
    out(scene.listener).rtcp.clear()
    scene.camera.report(scene.room.now + TICK)
    [told] = [each for each in out(scene.listener).rtcp if isinstance(each, rtcp.SenderReport)]
    assert told.rtp_timestamp == scene.heard[-1].timestamp + STEP


def test_reports_that_lie_move_the_picture_by_its_arrival(scene: Scene) -> None:
    scene.shoot(keys={0, 1, 2})
    consumer = scene.listen(spatial=0)
    scene.camera.report(scene.room.now + TICK)
    scene.camera.layers[2].source.timestamp += 90_000 * 3600
    scene.shoot(3, keys={0})
    consumer.prefer(2, None, scene.room.now)
    scene.shoot(3, keys={2})
    gaps = [after.timestamp - before.timestamp for before, after in pairwise(scene.heard)]
    assert gaps == [STEP] * 3 + [1] + [STEP] * 2


def test_a_layer_that_stops_is_left_for_one_that_goes_on(scene: Scene) -> None:
    scene.shoot(keys={0, 1, 2})
    consumer = scene.listen()
    scene.shoot(2, keys={2})
    scene.camera.on = {0, 1}
    scene.shoot_as_asked(25)
    assert playing(consumer) == 1
    assert gapless(scene.heard)
    scene.camera.on = {0}
    scene.shoot_as_asked(25)
    assert playing(consumer) == 0
    scene.camera.on = {0, 1, 2}
    scene.shoot_as_asked(40)
    assert playing(consumer) == 2
    assert gapless(scene.heard)


def test_whoever_wants_a_small_picture_gets_a_larger_one_rather_than_none(scene: Scene) -> None:
    scene.camera.on = {1, 2}
    scene.shoot(keys={1, 2})
    consumer = scene.listen(spatial=0)
    scene.shoot(3, keys={1, 2})
    assert playing(consumer) == 1
    scene.camera.on = {0, 1, 2}
    scene.shoot_as_asked(40)
    assert playing(consumer) == 0


def test_temporal_layers_are_left_out_without_a_trace(scene: Scene) -> None:
    scene.shoot(keys={0, 1, 2})
    consumer = scene.listen(spatial=1)
    scene.shoot(8, keys={1})
    consumer.prefer(1, 1, scene.room.now)
    scene.shoot(8)
    consumer.prefer(1, 0, scene.room.now)
    scene.shoot(8)
    consumer.prefer(1, 2, scene.room.now)
    scene.shoot(8)
    layers = [describe(each.payload).temporal for each in scene.heard]
    assert layers == [0, 2, 1, 2] * 2 + [0, 1] * 2 + [0] * 2 + [0, 2, 1, 2] * 2
    assert gapless(scene.heard)
    assert base_numbers(scene.heard)[-1] == 7


def test_a_higher_temporal_layer_comes_back_only_where_a_decoder_can_take_it(scene: Scene) -> None:
    scene.shoot(keys={0, 1, 2})
    consumer = scene.listen(spatial=0)
    consumer.prefer(0, 0, scene.room.now)
    scene.shoot(3, keys={0})
    consumer.prefer(0, 2, scene.room.now)
    scene.shoot(1)
    assert [describe(each.payload).temporal for each in scene.heard] == [0], "this picture is no sync"
    scene.shoot(4)
    assert [describe(each.payload).temporal for each in scene.heard] == [0, 0, 2, 1, 2]
    assert gapless(scene.heard)


def ask_again(scene: Scene, ssrc: int, sequences: list[int]) -> list[rtp.RtpPacket]:
    before = len(scene.heard)
    scene.listener._receive_rtcp(rtcp.build_nack(1, ssrc, sequences), scene.room.now)
    return scene.heard[before:]


def test_what_was_lost_before_and_after_a_switch_comes_again_as_it_was(scene: Scene) -> None:
    scene.shoot(keys={0, 1, 2})
    consumer = scene.listen(spatial=2)
    scene.shoot(6, keys={2})
    consumer.prefer(0, 1, scene.room.now)
    scene.shoot(8, keys={0})
    sent = list(scene.heard)
    again = ask_again(scene, consumer.ssrc, [each.sequence for each in sent])
    assert len(again) == len(sent)
    for packet, lost in zip(again, sent, strict=True):
        assert packet.payload == lost.sequence.to_bytes(2, "big") + lost.payload
        assert (packet.timestamp, packet.marker) == (lost.timestamp, lost.marker)
        assert packet.ssrc != lost.ssrc


def test_nothing_that_was_left_out_comes_again_and_nobody_is_asked_for_a_keyframe(scene: Scene) -> None:
    scene.shoot(keys={0, 1, 2})
    consumer = scene.listen(spatial=0)
    consumer.prefer(0, 0, scene.room.now)
    scene.shoot(9, keys={0})
    out(scene.speaker).rtcp.clear()
    around = [scene.heard[0].sequence + each & 0xFFFF for each in range(-20, 40)]
    known = {each.sequence for each in scene.heard}
    again = ask_again(scene, consumer.ssrc, around)
    assert {int.from_bytes(each.payload[:2], "big") for each in again} == known
    assert all(describe(each.payload[2:]).temporal == 0 for each in again)
    assert plis(scene.speaker) == []


class Adversary(Scene):
    """Packets of every layer are held back and come late, as sent or again; permission comes and goes."""

    LONGEST_HELD = 5
    """So many in a row, so that they stay within the threshold's wait."""

    def __init__(self, source: random.Random) -> None:
        super().__init__(allowed=False)
        self.random = source
        self.allowed_at: int | None = None
        self.held: list[tuple[Layer, bytes]] = []
        self.in_a_row = 0
        self.seen = 0

    def step(self) -> None:
        if self.allowed_at is None:
            self.permit()
        match self.random.randrange(12):
            case 0 if self.random.random() < 0.4:
                self.room.allow({})
                self.allowed_at = None
            case 2:
                self.camera.on = set(self.random.sample(range(3), self.random.randrange(1, 4)))
            case 3 | 4:
                for consumer in self.room.router.consumers.values():
                    consumer.prefer(self.random.randrange(3), self.random.choice([None, 0, 1]), self.room.now)
            case 5 | 6:
                self.release()
            case 7:
                self.ask_for_everything()
            case _:
                self.picture()
        self.check()

    def permit(self) -> None:
        self.room.allow(ALL)
        self.allowed_at = self.camera.moments
        self.listen()

    def picture(self) -> None:
        for _ in range(self.random.randrange(1, 12)):
            self.room.tick(TICK)
            asked = plis(self.speaker)
            out(self.speaker).rtcp.clear()
            keys = {each.number for each in self.camera.layers if each.source.ssrc in asked}
            lost = {each for each in range(3) if self.random.random() < 0.2}
            self.in_a_row = self.in_a_row + 1 if lost else 0
            if self.in_a_row > self.LONGEST_HELD:
                lost, self.in_a_row = set(), 0
            self.camera.shoot(self.room.now, keys, lost)
            self.held += [
                (self.camera.layers[n], self.camera.layers[n].sent[-1]) for n in lost & self.camera.on
            ]

    def release(self) -> None:
        self.random.shuffle(self.held)
        while self.held and self.random.random() < 0.9:
            layer, packet = self.held.pop()
            again = layer.again(packet) if self.random.random() < 0.5 else packet
            self.speaker.receive_rtp([again], self.room.now)

    def ask_for_everything(self) -> None:
        for consumer in self.room.router.consumers.values():
            around = [each.sequence + near & 0xFFFF for each in self.heard[-5:] for near in range(-15, 15)]
            self.listener._receive_rtcp(rtcp.build_nack(1, consumer.ssrc, around or [1]), self.room.now)

    def check(self) -> None:
        for packet in self.heard[self.seen :]:
            assert self.allowed_at is not None, "the pair is forbidden"
            assert mark_of(packet) > self.allowed_at, "sent before it was allowed"
        self.seen = len(self.heard)


@given(st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_nothing_of_any_layer_from_before_the_permission_is_heard(source: random.Random) -> None:
    adversary = Adversary(source)
    try:
        for _ in range(60):
            adversary.step()
    finally:
        adversary.room.close()


def test_the_adversary_gets_something_through_on_several_layers() -> None:
    """The test above is not content with silence."""
    adversary = Adversary(random.Random(7))
    layers = set()
    for _ in range(400):
        adversary.step()
        layers |= {playing(each) for each in adversary.room.router.consumers.values()}
    assert layers >= {0, 1, 2}
    assert adversary.seen > 200
    assert adversary.listener.traffic.drops[Drop.BELOW_THRESHOLD] > 0
    adversary.room.close()
