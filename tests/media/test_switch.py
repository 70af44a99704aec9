"""The switch protocol: the forbidden stops before the answer, the allowed begins above a threshold."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from media import rtcp, rtp
from media.errors import WorkerError
from media.router import SETTLED
from media.stats import Drop
from media.stream import DEVICE_WAIT, LEAST_WAIT
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
from tests.media.rig import running
from tests.media.room import Room, out, plis

BOTH = {"listener": {"speaker": ["microphone", "camera"]}}
AUDIO_WAIT = int(LEAST_WAIT * 48000)
VIDEO_WAIT = int(LEAST_WAIT * 90000)


@pytest.fixture
def room() -> Iterator[Room]:
    opened = Room()
    yield opened
    opened.close()


def speak(room: Room, source: Source, payload: bytes = b"voice") -> int:
    """The speaker's next packet, right now; its timestamp."""
    timestamp = source.timestamp
    room.router.transports["speaker-send"].receive_rtp([source.packet(payload)], room.now)
    return timestamp


def stage(room: Room) -> None:
    room.transport("listener", "recv")
    speaker = room.transport("speaker", "send")
    room.produce(speaker, "mic", "audio", "microphone", OPUS_PARAMETERS)
    room.produce(speaker, "cam", "video", "camera", VP8_PARAMETERS)


def heard(room: Room) -> list[rtp.RtpPacket]:
    return out(room.router.transports["listener-recv"]).rtp


def listen(room: Room, producer: str, id_: str = "c") -> None:
    room.consume(room.router.transports["listener-recv"], room.router.producers[producer], id_)


def test_a_room_without_a_table_allows_nothing(room: Room) -> None:
    stage(room)
    with pytest.raises(WorkerError) as refused:
        listen(room, "mic")
    assert refused.value.code == "not_allowed"


def test_forbidding_closes_exactly_the_forbidden_pairs(room: Room) -> None:
    room.allow({**BOTH, "second": {"speaker": ["microphone"]}})
    stage(room)
    second = room.transport("second", "recv")
    listen(room, "mic", "sound")
    listen(room, "cam", "picture")
    room.consume(second, room.router.producers["mic"], "other")
    voice = opus()
    speak(room, voice)
    room.allow({"listener": {"speaker": ["camera"]}, "second": {"speaker": ["microphone"]}})
    assert room.events[-1] == ("consumerClosed", {"consumer": "sound", "reason": "forbidden"})
    assert set(room.router.consumers) == {"picture", "other"}
    speak(room, voice)
    room.router.transports["speaker-send"]._receive_rtcp(
        rtcp.build_sender_report(
            1111, ntp=1, rtp_timestamp=voice.timestamp, packet_count=1, octet_count=1, cname="x"
        )
        + rtcp.build_goodbye([1111]),
        room.now,
    )
    assert len(heard(room)) == 1
    assert out(room.router.transports["listener-recv"]).rtcp == []
    assert len(out(second).rtp) == 2


def test_a_lower_revision_is_refused_and_changes_nothing(room: Room) -> None:
    room.allow(BOTH)
    room.allow(BOTH)
    stage(room)
    listen(room, "mic")
    room.revision = 0
    with pytest.raises(WorkerError) as refused:
        room.allow({})
    assert refused.value.code == "stale_revision"
    speak(room, opus())
    assert len(heard(room)) == 1


def test_an_owner_that_the_table_leaves_out_receives_nothing(room: Room) -> None:
    room.allow(BOTH)
    stage(room)
    listen(room, "mic")
    room.allow({"somebody": {"speaker": ["microphone"]}})
    speak(room, opus())
    assert heard(room) == []
    assert room.router.consumers == {}


def test_audio_begins_above_the_threshold(room: Room) -> None:
    stage(room)
    voice = opus()
    highest = [speak(room, voice) for _ in range(10)][-1]
    room.allow(BOTH)
    listen(room, "mic")
    for _ in range(40):
        room.now += 0.02
        speak(room, voice)
    threshold = room.router.consumers["c"].stats(room.now).threshold
    assert threshold is not None
    assert threshold >= highest + AUDIO_WAIT
    assert [each.timestamp for each in heard(room)] == [
        timestamp for timestamp in range(1_000_000, voice.timestamp, 960) if timestamp > threshold
    ]
    assert room.router.consumers["c"].first_timestamp == heard(room)[0].timestamp


def test_a_packet_exactly_at_the_threshold_is_not_heard(room: Room) -> None:
    stage(room)
    highest = speak(room, opus())
    room.allow(BOTH)
    listen(room, "mic")
    exact = Source(1111, 111, 1, timestamp=highest + AUDIO_WAIT, sequence=5)
    first = Source(1111, 111, 960, timestamp=highest + 960, sequence=65501).packet()
    room.router.transports["speaker-send"].receive_rtp([first], room.now)
    exact.sequence = 65502
    room.now += 0.5
    speak(room, exact)
    assert heard(room) == []
    speak(room, exact)
    assert [each.timestamp for each in heard(room)] == [highest + AUDIO_WAIT + 1]


def test_a_long_round_trip_and_jitter_raise_the_threshold(room: Room) -> None:
    stage(room)
    speaker = room.router.transports["speaker-send"]
    speaker.rtt = 0.8
    highest = speak(room, opus())
    room.router.producers["mic"].present_streams[0].statistics.jitter = 0.05 * 48000
    room.allow(BOTH)
    listen(room, "mic")
    assert room.router.consumers["c"].stats(room.now).threshold == highest + 48000


def test_older_packets_that_come_late_or_are_resent_stay_out(room: Room) -> None:
    stage(room)
    camera = vp8()
    speak(room, camera, KEYFRAME)
    lost = rtp.parse(camera.packet(KEYFRAME))
    speak(room, camera, DELTA)
    room.allow(BOTH)
    listen(room, "cam")
    room.now += 1.0
    camera.timestamp += 90000
    speak(room, camera, KEYFRAME)
    assert len(heard(room)) == 1
    resent = rtp.build(
        payload_type=97,
        sequence=9,
        timestamp=lost.timestamp,
        ssrc=2223,
        payload=lost.sequence.to_bytes(2, "big") + lost.payload,
    )
    speaker = room.router.transports["speaker-send"]
    speaker.receive_rtp([resent], room.now)
    assert len(heard(room)) == 1
    assert room.router.transports["listener-recv"].traffic.drops[Drop.BELOW_THRESHOLD] == 1


def test_the_keyframe_is_asked_for_when_the_threshold_has_passed_and_not_before(room: Room) -> None:
    stage(room)
    speaker = room.router.transports["speaker-send"]
    camera = vp8()
    speak(room, camera, KEYFRAME)
    room.allow(BOTH)
    allowed = room.now
    listen(room, "cam")
    while not plis(speaker) and room.now < allowed + 2:
        room.tick()
        camera.timestamp = 1_000_000 + int((room.now - allowed) * 90000)
        speak(room, camera, KEYFRAME if plis(speaker) else DELTA)
    assert allowed + LEAST_WAIT <= room.now <= allowed + LEAST_WAIT + 0.05
    speak(room, camera, KEYFRAME)
    (first,) = heard(room)[:1]
    assert first.payload == KEYFRAME
    assert first.timestamp > 1_000_000 + VIDEO_WAIT


def test_a_keyframe_at_or_below_the_threshold_does_not_begin_the_picture(room: Room) -> None:
    stage(room)
    camera = vp8()
    speak(room, camera, KEYFRAME)
    room.allow(BOTH)
    listen(room, "cam")
    room.now += 0.5
    speak(room, camera, KEYFRAME)
    camera.timestamp += VIDEO_WAIT
    speak(room, camera, DELTA)
    assert heard(room) == []
    speak(room, camera, KEYFRAME)
    assert len(heard(room)) == 1


def test_the_request_at_the_threshold_is_sent_at_the_end_of_the_throttle_window(room: Room) -> None:
    room.allow({"second": {"speaker": ["camera"]}})
    stage(room)
    speaker, second = room.router.transports["speaker-send"], room.transport("second", "recv")
    consumer = room.consume(second, room.router.producers["cam"], "second")
    camera = vp8()
    speak(room, camera, KEYFRAME)
    second._receive_rtcp(rtcp.build_pli(1, consumer.ssrc), room.now)
    asked = room.now
    room.allow({"second": {"speaker": ["camera"]}, **BOTH})
    listen(room, "cam")
    while len(plis(speaker)) < 2 and room.now < asked + 3:
        room.tick()
        speak(room, camera, DELTA)
    assert asked + 1.0 <= room.now <= asked + 1.05


def test_a_source_made_after_the_permission_has_no_threshold(room: Room) -> None:
    room.allow(BOTH)
    stage(room)
    listen(room, "mic")
    speak(room, opus())
    assert len(heard(room)) == 1
    assert room.router.consumers["c"].stats(room.now).threshold is None


def test_a_source_that_is_silent_at_the_permission_is_not_heard_for_its_first_300_ms(room: Room) -> None:
    stage(room)
    room.allow(BOTH)
    listen(room, "mic")
    voice = opus()
    room.now += 0.1
    first = speak(room, voice)
    for _ in range(20):
        room.now += 0.02
        speak(room, voice)
    assert heard(room)[0].timestamp > first + int(0.2 * 48000) - 1
    assert heard(room)[0].timestamp <= first + int(0.2 * 48000) + 960


def test_a_layer_that_begins_later_has_a_threshold_of_its_own(room: Room) -> None:
    room.transport("listener", "recv")
    speaker = room.transport("speaker", "send")
    producer = room.produce(speaker, "cam", "video", "camera", SIMULCAST_PARAMETERS)
    low, high = Source(31, 96, 3000), Source(33, 96, 3000, timestamp=4_000_000_000)
    extensions = {4: b"1", 10: b"q"}
    speaker.receive_rtp([low.packet(KEYFRAME, extensions)], room.now)
    room.allow(BOTH)
    room.consume(room.router.transports["listener-recv"], producer, "c")
    room.now += 0.1
    speaker.receive_rtp([high.packet(KEYFRAME, {4: b"1", 10: b"f"})], room.now)
    assert heard(room) == []
    room.now += 0.3
    high.timestamp += int(0.3 * 90000)
    speaker.receive_rtp([high.packet(KEYFRAME)], room.now)
    assert len(heard(room)) == 1


def test_a_pair_that_stays_allowed_keeps_its_consumer_and_its_threshold(room: Room) -> None:
    stage(room)
    voice = opus()
    speak(room, voice)
    room.allow(BOTH)
    listen(room, "mic")
    before = room.router.consumers["c"].stats(room.now).threshold
    for _ in range(30):
        room.now += 0.02
        speak(room, voice)
    room.allow(BOTH)
    assert room.router.consumers["c"].stats(room.now).threshold == before
    count = len(heard(room))
    speak(room, voice)
    assert len(heard(room)) == count + 1


def test_forbidden_and_allowed_again_a_new_threshold_holds(room: Room) -> None:
    room.allow(BOTH)
    stage(room)
    listen(room, "mic", "first")
    voice = opus()
    for _ in range(10):
        speak(room, voice)
    room.allow({})
    secret = [speak(room, voice) for _ in range(50)]
    room.allow(BOTH)
    listen(room, "mic", "second")
    for _ in range(60):
        room.now += 0.02
        speak(room, voice)
    assert not {each.timestamp for each in heard(room)} & set(secret)
    assert [each.timestamp for each in heard(room)][10] > secret[-1] + AUDIO_WAIT


def test_timestamps_that_wrap_are_compared_unwrapped(room: Room) -> None:
    stage(room)
    voice = opus()
    voice.timestamp = 0xFFFFFFFF - 960
    speak(room, voice)
    room.allow(BOTH)
    listen(room, "mic")
    for _ in range(20):
        room.now += 0.02
        speak(room, voice)
    threshold = room.router.consumers["c"].stats(room.now).threshold
    assert threshold is not None
    assert threshold < AUDIO_WAIT
    assert [each.timestamp > threshold for each in heard(room)] == [True] * len(heard(room))
    assert len(heard(room)) == 20 - 15


def test_without_a_controller_everything_is_forbidden(room: Room) -> None:
    room.allow(BOTH)
    stage(room)
    listen(room, "mic")
    room.router.forbid_everything(room.now)
    speak(room, opus())
    assert heard(room) == []
    room.allow(BOTH)
    listen(room, "mic")


@pytest.mark.usefixtures("both_ways")
async def test_after_the_answer_not_one_packet_of_the_source_reaches_the_kernel(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        speaker, listener = await rig.join("speaker", "send"), await rig.join("listener", "recv")
        await rig.client.set_table("room", 1, BOTH)
        for id_, kind, source, parameters in (
            ("mic", "audio", "microphone", OPUS_PARAMETERS),
            ("cam", "video", "camera", VP8_PARAMETERS),
        ):
            await rig.client.produce(
                transport="speaker-send", producer=id_, kind=kind, source=source, rtp_parameters=parameters
            )
        answers = {
            id_: await rig.client.consume(consumer=f"{id_}-1", transport="listener-recv", producer=id_)
            for id_ in ("mic", "cam")
        }
        voice, camera = opus(), vp8()

        def stream(count: int, picture: bytes = KEYFRAME) -> None:
            for _ in range(count):
                speaker.dtls.send_rtp(voice.packet())
                speaker.dtls.send_rtp(camera.packet(picture))

        def report() -> None:
            for source in (voice, camera):
                speaker.dtls.send_rtcp(
                    rtcp.build_sender_report(
                        source.ssrc,
                        ntp=rtp.to_ntp(time.time()),
                        rtp_timestamp=source.timestamp,
                        packet_count=1,
                        octet_count=1,
                        cname="x",
                    )
                )

        async def received(producer: str, count: int) -> None:
            async with asyncio.timeout(15):
                while (await rig.producer(producer))["packets"] < count:
                    continue

        for id_ in answers:
            await rig.client.resume_consumer(f"{id_}-1")
        stream(100)
        report()
        await listener.until(lambda: len(listener.arrivals) == 200 and len(listener.reports) == 4)

        stream(200)
        await rig.client.set_table("room", 2, {})
        forbidden_at = time.time()
        before = len(listener.arrivals)
        stream(200)
        report()
        speaker.dtls.send_rtcp(rtcp.build_goodbye([voice.ssrc, camera.ssrc]))
        await received("mic", 500)
        secret = range(voice.timestamp - 200 * 960, voice.timestamp, 960)
        bindings = listener.bindings
        listener.bind()
        await listener.until(lambda: listener.bindings > bindings)
        ours = {answer["rtpParameters"]["encodings"][0]["ssrc"] for answer in answers.values()}
        assert [each for each in listener.arrivals if each.kernel > forbidden_at] == []
        assert [at for at, _ in listener.reports if at > forbidden_at] == []
        assert len(listener.arrivals) <= before + 400
        assert {each.packet.ssrc for each in listener.arrivals} == ours

        await rig.client.set_table("room", 3, BOTH)
        for id_ in answers:
            answers[id_] = await rig.client.consume(
                consumer=f"{id_}-2", transport="listener-recv", producer=id_
            )
            await rig.client.resume_consumer(f"{id_}-2")
        again = {answers[id_]["rtpParameters"]["encodings"][0]["ssrc"]: id_ for id_ in answers}
        seen = len(listener.arrivals)
        asked = speaker.pictures_asked(camera.ssrc)
        voice.timestamp += AUDIO_WAIT // 2
        camera.timestamp += VIDEO_WAIT // 2
        stream(30, DELTA)
        await received("mic", 530)
        await speaker.until(lambda: speaker.pictures_asked(camera.ssrc) > asked)
        stream(30)
        await received("mic", 560)
        await listener.until(lambda: len({e.packet.ssrc for e in listener.arrivals[seen:]}) == 2)
        for ssrc, id_ in again.items():
            threshold = (await rig.consumer(f"{id_}-2"))["threshold"]
            packets = [each.packet for each in listener.arrivals[seen:] if each.packet.ssrc == ssrc]
            assert all(each.timestamp > threshold for each in packets)
            assert not {each.timestamp for each in packets} & set(secret)
            if id_ == "cam":
                assert packets[0].payload == KEYFRAME


ENTERS = frozenset({"listener"})
LATE = 0.05
"""Seconds from recording to arrival."""


def settle(room: Room) -> None:
    stage(room)
    room.now += SETTLED


def report(room: Room, source: Source, present: int) -> None:
    """The speaker's sender report, at once: what is recorded now has the timestamp `present`."""
    speaker = room.router.transports["speaker-send"]
    packet = rtcp.build_sender_report(
        source.ssrc, ntp=1, rtp_timestamp=present, packet_count=1, octet_count=1, cname="x"
    )
    speaker._receive_rtcp(packet, room.now)


def reported(room: Room, rtt: float | None = 0.02, lag: float | None = LATE) -> tuple[Source, int]:
    """A voice that has been heard for a while, and its highest timestamp; what is recorded now, as it has
    reported, is `lag` seconds ahead of that."""
    settle(room)
    room.router.transports["speaker-send"].rtt = rtt
    voice = opus()
    highest = speak(room, voice)
    if lag is not None:
        report(room, voice, highest + int(lag * 48000))
    return voice, highest


def test_who_enters_hears_what_is_recorded_from_then_on_by_the_source_s_own_reports(room: Room) -> None:
    voice, highest = reported(room)
    present = highest + int(LATE * 48000)
    room.allow(BOTH, ENTERS)
    listen(room, "mic")
    threshold = room.router.consumers["c"].stats(room.now).threshold
    assert threshold == pytest.approx(present + (0.02 + DEVICE_WAIT) * 48000, abs=2)
    allowed = room.now
    while room.now < allowed + LEAST_WAIT:
        room.now += 0.02
        speak(room, voice)
    assert heard(room)[0].timestamp > threshold
    assert heard(room)[0].timestamp - threshold <= 960


@pytest.mark.parametrize(
    ("enters", "rtt", "lag"),
    [
        (frozenset(), 0.02, LATE),
        (ENTERS, None, LATE),
        (ENTERS, 0.02, None),
        (ENTERS, 0.02, 60.0),
        (ENTERS, 0.02, -60.0),
    ],
    ids=["a switch", "unknown line", "no report", "far behind", "before it was recorded"],
)
def test_without_what_the_reports_can_prove_the_usual_wait_holds(
    room: Room, enters: frozenset[str], rtt: float | None, lag: float | None
) -> None:
    _, highest = reported(room, rtt, lag)
    room.allow(BOTH, enters)
    listen(room, "mic")
    assert room.router.consumers["c"].stats(room.now).threshold == highest + AUDIO_WAIT


def test_who_enters_just_after_a_turn_began_waits_as_if_it_began_with_them(room: Room) -> None:
    _, highest = reported(room)
    room.allow({"earlier": BOTH["listener"]})
    room.allow({})
    room.now += SETTLED / 2
    room.allow(BOTH, ENTERS)
    listen(room, "mic")
    assert room.router.consumers["c"].stats(room.now).threshold == highest + AUDIO_WAIT


def test_a_report_that_comes_late_does_not_make_what_is_recorded_seem_later(room: Room) -> None:
    voice, highest = reported(room)
    present = highest + int(LATE * 48000)
    room.now += 0.2
    report(room, voice, present)
    room.allow(BOTH, ENTERS)
    listen(room, "mic")
    threshold = room.router.consumers["c"].stats(room.now).threshold
    assert threshold == pytest.approx(present + (0.2 + 0.02 + DEVICE_WAIT) * 48000, abs=2)
