"""The worker as a process: what flows through it, and how it is controlled."""

from __future__ import annotations

from pathlib import Path

import pytest

from media.client import WorkerError
from tests.media.endpoint import KEYFRAME, OPUS_PARAMETERS, VP8_PARAMETERS, opus, vp8
from tests.media.rig import Rig, running

ALL = {"listener": {"speaker": ["microphone", "camera"]}}


async def meet(rig: Rig) -> None:
    await rig.client.set_table("room", 1, ALL)
    await rig.join("speaker", "send")
    await rig.join("listener", "recv")


async def test_audio_and_video_arrive_with_the_timestamps_of_the_source(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        await meet(rig)
        speaker, listener = rig.endpoints
        await rig.client.produce(
            transport="speaker-send",
            producer="mic",
            kind="audio",
            source="microphone",
            rtp_parameters=OPUS_PARAMETERS,
        )
        await rig.client.produce(
            transport="speaker-send",
            producer="cam",
            kind="video",
            source="camera",
            rtp_parameters=VP8_PARAMETERS,
        )
        sound = await rig.client.consume(consumer="sound", transport="listener-recv", producer="mic")
        picture = await rig.client.consume(consumer="picture", transport="listener-recv", producer="cam")
        await rig.client.resume_consumer("sound")
        await rig.client.resume_consumer("picture")
        voice, camera = opus(), vp8()
        for _ in range(50):
            speaker.dtls.send_rtp(voice.packet(b"voice"))
            speaker.dtls.send_rtp(camera.packet(KEYFRAME))
        await listener.until(lambda: len(listener.arrivals) == 100)
        for described, payload, first, step in (
            (sound, b"voice", 1_000_000, 960),
            (picture, KEYFRAME, 1_000_000, 3000),
        ):
            parameters = described["rtpParameters"]
            packets = [
                each.packet
                for each in listener.arrivals
                if each.packet.ssrc == parameters["encodings"][0]["ssrc"]
            ]
            assert [each.timestamp for each in packets] == [first + step * n for n in range(50)]
            assert [each.sequence - packets[0].sequence for each in packets] == list(range(50))
            assert {each.payload_type for each in packets} == {parameters["codecs"][0]["payloadType"]}
            assert {each.payload for each in packets} == {payload}


async def test_a_consumer_is_refused_until_the_table_allows_it(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        await rig.join("speaker", "send")
        await rig.join("listener", "recv")
        await rig.client.produce(
            transport="speaker-send",
            producer="mic",
            kind="audio",
            source="microphone",
            rtp_parameters=OPUS_PARAMETERS,
        )
        with pytest.raises(WorkerError) as refused:
            await rig.client.consume(consumer="sound", transport="listener-recv", producer="mic")
        assert refused.value.code == "not_allowed"
        await rig.client.set_table("room", 1, ALL)
        await rig.client.consume(consumer="sound", transport="listener-recv", producer="mic")
