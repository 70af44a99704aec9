"""A client that is none of ours takes part: pymediasoup negotiates, aiortc decodes what is forwarded."""

from pathlib import Path

from av import AudioFrame, VideoFrame

from tests.support.mediasoup import MediasoupClient
from tests.support.service import service

DEADLINE = 20.0


async def test_pymediasoup_sends_and_receives_sound_and_picture(tmp_path: Path) -> None:
    async with service(tmp_path) as it:
        meeting = (await it.meeting())["id"]
        invitation = await it.invite(meeting, "newcomer")
        async with await it.joined(meeting, "host") as host, MediasoupClient(it.url) as newcomer:
            await host.produce("audio")
            await host.produce("video")
            await newcomer.join(invitation["code"])
            for kind, source in (("audio", "microphone"), ("video", "camera")):
                await newcomer.send(kind, source)
                consumer = await host.wait_for_consumer(source, newcomer.participant, deadline=DEADLINE)
                await host.wait_for(lambda of=consumer: len(host.packets(of)) > 10, DEADLINE, f"no {source}")
            heard = await newcomer.receives(host.participant, "microphone", DEADLINE)
            assert isinstance(heard, AudioFrame)
            assert heard.sample_rate == 48000
            seen = await newcomer.receives(host.participant, "camera", DEADLINE)
            assert isinstance(seen, VideoFrame)
            assert (seen.width, seen.height) == (320, 180)
