"""A listener's line and their pictures, in a router with literal time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from media import rtcp
from media.allocation import EVERY
from media.demand import KEPT
from media.downlink import PROBE
from media.vp8 import describe
from tests.media.endpoint import OPUS_PARAMETERS
from tests.media.room import out
from tests.media.test_switching_layers import Scene, playing


@pytest.fixture
def scene() -> Iterator[Scene]:
    made = Scene()
    yield made
    made.room.close()


def estimate(scene: Scene, bitrate: int) -> None:
    scene.listener._receive_rtcp(rtcp.build_remb(1, bitrate, [1]), scene.room.now)


def told(scene: Scene) -> list[dict[str, Any]]:
    return [data for name, data in scene.room.events if name == "layersNeeded"]


def test_on_a_bad_line_there_are_fewer_pictures_at_once_and_smaller_ones_from_a_keyframe_on(
    scene: Scene,
) -> None:
    scene.shoot(keys={0, 1, 2})
    consumer = scene.listen()
    scene.shoot_as_asked(90)
    assert playing(consumer) == 2
    estimate(scene, 1_000_000)
    for _ in range(8):
        estimate(scene, 10_000)
    assert consumer.spatial == 0
    heard = len(scene.heard)
    scene.shoot(8)
    assert playing(consumer) == 2, "no keyframe has come"
    assert {describe(each.payload).temporal for each in scene.heard[heard:]} == {0}
    scene.shoot_as_asked(40)
    assert playing(consumer) == 0


def test_a_line_that_gets_better_is_tried_with_what_is_there_and_then_used(scene: Scene) -> None:
    scene.shoot(keys={0, 1, 2})
    consumer = scene.listen()
    scene.shoot_as_asked(90)
    estimate(scene, 1_000_000)
    estimate(scene, 10_000)
    scene.shoot_as_asked(60)
    assert playing(consumer) == 0
    before, given = consumer.resent_octets, 10_000
    for _ in range(60):
        scene.shoot_as_asked(10)
        given = int(given * 1.08)
        estimate(scene, given)
    assert consumer.resent_octets > before, "there was a probe"
    assert consumer.spatial is None
    assert playing(consumer) == 2


def test_a_try_ends_without_a_finding_when_its_pictures_do(scene: Scene) -> None:
    scene.shoot(keys={0, 1, 2})
    consumer = scene.listen()
    scene.shoot_as_asked(90)
    estimate(scene, 1_000_000)
    given = 10_000
    while not scene.listener.allocation.tick(scene.room.now):
        estimate(scene, given)
        scene.shoot_as_asked(2)
        given = int(given * 1.02)
        assert given < 1_000_000
    allowed = scene.listener.allocation.allowed
    consumer.pause()
    scene.room.now += EVERY
    assert not scene.listener.allocation.tick(scene.room.now)
    scene.room.now += PROBE
    consumer.resume(scene.room.now)
    scene.shoot_as_asked(5)
    assert scene.listener.allocation.allowed == allowed


def test_the_interpreters_picture_keeps_its_motion_on_the_worst_line(scene: Scene) -> None:
    scene.room.produce(scene.speaker, "voice", "audio", "interpretation", {**OPUS_PARAMETERS, "mid": "0"})
    scene.shoot(keys={0, 1, 2})
    consumer = scene.listen()
    scene.shoot_as_asked(90)
    estimate(scene, 1_000_000)
    estimate(scene, 10_000)
    scene.shoot_as_asked(60)
    heard = len(scene.heard)
    scene.shoot(8)
    assert playing(consumer) == 0
    assert {describe(each.payload).temporal for each in scene.heard[heard:]} == {0, 1, 2}


def test_a_picture_that_nobody_sees_is_not_sent_and_comes_back_with_a_keyframe(scene: Scene) -> None:
    scene.shoot(keys={0, 1, 2})
    consumer = scene.listen(spatial=1)
    scene.shoot_as_asked(40)
    consumer.pause()
    heard = len(scene.heard)
    scene.shoot_as_asked(10)
    assert len(scene.heard) == heard
    consumer.resume(scene.room.now)
    scene.shoot_as_asked(40)
    again = scene.heard[heard:]
    assert describe(again[0].payload).keyframe
    assert again[0].sequence - scene.heard[heard - 1].sequence & 0xFFFF == 1


def test_the_publisher_is_told_which_layers_nobody_needs_and_which_somebody_does_again(scene: Scene) -> None:
    scene.shoot(keys={0, 1, 2})
    consumer = scene.listen(spatial=0)
    scene.shoot_as_asked(int(30 * (KEPT + 2)))
    assert told(scene) == [{"room": "room", "producer": "cam", "layers": [0]}]
    scene.camera.on = {0}
    scene.shoot_as_asked(30)
    assert playing(consumer) == 0
    consumer.prefer(2, None, scene.room.now)
    scene.shoot_as_asked(1)
    assert told(scene)[-1]["layers"] == [0, 2]
    scene.camera.on = {0, 2}
    scene.shoot(1, keys={2})
    assert playing(consumer) == 2, "its first keyframe is taken"
    assert len(told(scene)) == 2


def test_a_camera_of_one_layer_is_told_nothing(scene: Scene) -> None:
    parameters = {**OPUS_PARAMETERS, "mid": "7"}
    producer = scene.room.produce(
        scene.speaker, "mic", "audio", "microphone", parameters | {"encodings": [{"ssrc": 5}]}
    )
    scene.room.tick(60.0)
    assert producer.rates(scene.room.now) == {}
    assert [each for each in told(scene) if each["producer"] == "mic"] == []
    assert out(scene.speaker).rtp == []
