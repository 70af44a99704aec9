"""What waits in the worker for the end of a turn, when somebody is forbidden within that turn."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, cast

import pytest

from config.media import MediaSettings
from media import rtcp, rtp
from media.client import WorkerClient
from media.process import Process
from media.worker import Worker
from tests.media.endpoint import DELTA, KEYFRAME, OPUS_PARAMETERS, VP8_PARAMETERS, RawEndpoint, opus, vp8
from tests.media.rig import Event, Rig

SOURCES = ["microphone", "camera"]
BOTH = {name: {"speaker": SOURCES} for name in ("listener", "other")}
COUNT = 20


class Turn:
    """A speaker and two listeners of a worker in this process; `hand_in` is a turn of its event loop."""

    def __init__(self, worker: Worker, rig: Rig) -> None:
        self.worker, self.rig = worker, rig
        self.voice, self.camera = opus(), vp8()
        self.ssrcs: dict[str, set[int]] = {}

    async def begin(self) -> None:
        self.speaker = await self.rig.join("speaker", "send")
        self.listener, self.other = [await self.rig.join(name, "recv") for name in BOTH]
        await self.rig.client.set_table("room", 1, BOTH)
        for id_, kind, source, parameters in (
            ("mic", "audio", "microphone", OPUS_PARAMETERS),
            ("cam", "video", "camera", VP8_PARAMETERS),
        ):
            await self.rig.client.produce(
                transport="speaker-send", producer=id_, kind=kind, source=source, rtp_parameters=parameters
            )
            for name in BOTH:
                made = await self.rig.client.consume(
                    consumer=f"{id_}>{name}", transport=f"{name}-recv", producer=id_
                )
                self.ssrcs.setdefault(name, set()).add(made["rtpParameters"]["encodings"][0]["ssrc"])
                await self.rig.client.resume_consumer(f"{id_}>{name}")
        for datagram in self.media(KEYFRAME):
            self.speaker.send_raw(datagram)
        for end in (self.listener, self.other):
            await end.until(lambda end=end: len(end.arrivals) == 2 * COUNT)

    def media(self, picture: bytes = DELTA) -> list[bytes]:
        """Protected: sound, picture and a sender report of each."""
        packets = []
        for _ in range(COUNT):
            packets += [self.voice.packet(), self.camera.packet(picture)]
        reports = [
            rtcp.build_sender_report(
                source.ssrc,
                ntp=rtp.to_ntp(time.time()),
                rtp_timestamp=source.timestamp,
                packet_count=1,
                octet_count=1,
                cname="x",
            )
            for source in (self.voice, self.camera)
        ]

        def act() -> None:
            for packet in packets:
                self.speaker.dtls.send_rtp(packet)
            for report in reports:
                self.speaker.dtls.send_rtcp(report)

        return caught(self.speaker, act)

    def missed(self) -> list[bytes]:
        """The listener asks for everything again."""
        asked = [
            rtcp.build_nack(
                1, ssrc, sorted(e.packet.sequence for e in self.listener.arrivals if e.packet.ssrc == ssrc)
            )
            for ssrc in self.ssrcs["listener"]
        ]
        return caught(self.listener, lambda: [self.listener.dtls.send_rtcp(each) for each in asked])

    def hand_in(self, datagrams: list[bytes], end: RawEndpoint) -> None:
        for datagram in datagrams:
            self.worker.port.receive(datagram, (0, end.socket.getsockname()), time.monotonic())

    def call(self, method: str, **params: Any) -> None:
        self.worker.exchange.call(method, params)

    def heard(self, end: RawEndpoint, since: float) -> list[float]:
        """When packets of the speaker, and reports of them, reached the kernel after `since`."""
        reports = [
            at
            for at, message in end.reports
            if isinstance(message, rtcp.SenderReport | rtcp.SourceDescription)
        ]
        return [at for at in [*(each.kernel for each in end.arrivals), *reports] if at > since]


def caught(end: RawEndpoint, act: Callable[[], object]) -> list[bytes]:
    """What the endpoint would have sent."""
    found: list[bytes] = []
    send, end.dtls._send = end.dtls._send, found.append
    try:
        act()
    finally:
        end.dtls._send = send
    return found


@pytest.fixture(params=[True, False], ids=["batched", "plain"])
async def turn(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Turn]:
    path = tmp_path / "control.sock"
    worker = Worker(MediaSettings(batched=request.param), path)
    await worker.start()
    events: list[Event] = []
    changed = asyncio.Event()

    def take(name: str, data: dict[str, Any]) -> None:
        events.append((name, data))
        changed.set()

    client = await WorkerClient.connect(path, take, changed.set)
    rig = Rig(client, path, os.getpid(), cast(Process, None), events, changed)
    made = Turn(worker, rig)
    try:
        await made.begin()
        yield made
    finally:
        for end in rig.endpoints:
            end.close()
        client.close()
        await worker.close()


FORBIDDING: dict[str, Callable[[Turn], None]] = {
    "the table": lambda turn: turn.call("setTable", room="room", revision=2, allow={"other": BOTH["other"]}),
    "a closed consumer": lambda turn: [
        turn.call("closeConsumer", consumer=f"{id_}>listener") for id_ in ("mic", "cam")
    ],
    "an owner who is closed": lambda turn: turn.call("closeOwner", room="room", owner="listener"),
}


@pytest.mark.parametrize("by", FORBIDDING)
async def test_what_waits_for_somebody_who_is_forbidden_is_never_sent(turn: Turn, by: str) -> None:
    came = len(turn.listener.arrivals)
    datagrams = turn.media()
    batched = turn.worker.port.traffic.packets_out
    turn.hand_in(datagrams, turn.speaker)
    turn.hand_in(turn.missed(), turn.listener)
    waits = turn.worker.port.traffic.packets_out == batched
    FORBIDDING[by](turn)
    forbidden_at = time.time()
    turn.hand_in(turn.media(), turn.speaker)
    await turn.other.until(lambda: len(turn.other.arrivals) == came + 4 * COUNT)
    bindings = turn.listener.bindings
    if by != "an owner who is closed":
        turn.listener.bind()
        await turn.listener.until(lambda: turn.listener.bindings > bindings)
    assert turn.heard(turn.listener, forbidden_at) == []
    assert (len(turn.listener.arrivals) == came) is waits
    assert (
        len([each for each in turn.other.arrivals if each.packet.ssrc in turn.ssrcs["other"]])
        == came + 4 * COUNT
    )


@pytest.mark.parametrize("method", ["pauseProducer", "closeProducer"])
async def test_what_waits_of_a_source_that_stops_is_never_sent(turn: Turn, method: str) -> None:
    turn.hand_in(turn.media(), turn.speaker)
    for id_ in ("mic", "cam"):
        turn.call(method, producer=id_)
    stopped_at = time.time()
    turn.hand_in(turn.media(), turn.speaker)
    for end in (turn.listener, turn.other):
        bindings = end.bindings
        end.bind()
        await end.until(lambda end=end, bindings=bindings: end.bindings > bindings)
        assert turn.heard(end, stopped_at) == []


async def test_counters_of_a_turn_are_those_of_what_was_sent(turn: Turn) -> None:
    before = await turn.rig.client.stats()
    turn.hand_in(turn.media(), turn.speaker)
    await turn.other.until(lambda: len(turn.other.arrivals) == 4 * COUNT and len(turn.other.reports) >= 4)
    after = await turn.rig.client.stats()

    def grown(part: str, id_: str, field: str) -> int:
        first, last = ([e for e in found[part] if e["id"] == id_] for found in (before, after))
        return int(last[0][field] - first[0][field])

    for name in BOTH:
        assert grown("transports", f"{name}-recv", "packets_out") == 2 * COUNT + 2
        assert [grown("consumers", f"{id_}>{name}", "packets") for id_ in ("mic", "cam")] == [COUNT, COUNT]
    assert after["port"]["drops"] == {}
