"""Datagrams that are forged, stolen or too long, against a running worker: counted by reason, and no more."""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from media import rtcp
from media.consumer import RESENT_MOST, RESENT_RATE
from media.ice import MAX_PATHS
from media.rtp import build
from media.transport import FEEDBACK_MOST
from tests.media.endpoint import (
    KEYFRAME,
    OPUS_PARAMETERS,
    SIMULCAST_PARAMETERS,
    VP8_PARAMETERS,
    RawEndpoint,
    Source,
    binding_request,
    opus,
    vp8,
)
from tests.media.rig import Rig, running
from tests.media.test_hostile import stranger
from tests.support.strangers import memory

ALERT = bytes.fromhex("15fefd0000000000000000000202") + b"\x28"
FORGED = (
    b"",
    ALERT,
    ALERT * 3,
    bytes.fromhex("15fefd0001000000000007000202") + b"\x00",
    bytes.fromhex("16fefd0000000000000000000c") + bytes(12),
    bytes.fromhex("17fefd00010000000000090004") + bytes(4),
    b"\x15",
    b"\x3f" + bytes(30),
)
"""Plaintext alerts (RFC 6347), one that claims to be encrypted, and other records that nobody sealed."""
BOTH = {name: {"speaker": ["microphone", "camera"]} for name in ("listener", "second")}


@dataclass
class Talk:
    """A speaker with microphone and camera, and two listeners."""

    rig: Rig
    speaker: RawEndpoint
    listener: RawEndpoint
    second: RawEndpoint
    ssrcs: dict[str, int]

    async def goes_on(self) -> None:
        """What is said is heard, where it was heard before."""
        word = b"still here at %d" % self.voice.sequence
        self.speaker.dtls.send_rtp(self.voice.packet(word))
        for end in (self.listener, self.second):
            await end.until(lambda end=end: any(each.packet.payload == word for each in end.arrivals))
        assert (await self.rig.client.stats())["port"]["faults"] == 0

    async def drops(self, transport: str) -> dict[str, int]:
        stats = await self.rig.client.stats()
        (found,) = [each for each in stats["transports"] if each["id"] == transport]
        drops: dict[str, int] = found["drops"]
        return drops

    def __post_init__(self) -> None:
        self.voice, self.picture = opus(), vp8()


@pytest.fixture
async def talk(tmp_path: Path) -> AsyncIterator[Talk]:
    async with running(tmp_path) as rig:
        await rig.client.set_table("room", 1, BOTH)
        speaker = await rig.join("speaker", "send")
        ends = [await rig.join(name, "recv") for name in ("listener", "second")]
        for kind, source, id_, parameters in (
            ("audio", "microphone", "mic", OPUS_PARAMETERS),
            ("video", "camera", "cam", VP8_PARAMETERS),
        ):
            await rig.client.produce(
                transport="speaker-send", producer=id_, kind=kind, source=source, rtp_parameters=parameters
            )
        ssrcs = {}
        for name in ("listener", "second"):
            for producer in ("mic", "cam"):
                id_ = f"{name}-{producer}"
                made = await rig.client.consume(consumer=id_, transport=f"{name}-recv", producer=producer)
                await rig.client.resume_consumer(id_)
                ssrcs[id_] = made["rtpParameters"]["encodings"][0]["ssrc"]
        yield Talk(rig, speaker, *ends, ssrcs)


@pytest.mark.parametrize("known", [False, True], ids=["another address", "the participant's address"])
async def test_forged_records_end_no_handshake(tmp_path: Path, known: bool) -> None:
    async with running(tmp_path) as rig:
        description = await rig.client.create_transport(
            room="room", owner="late", transport="late", direction="recv"
        )
        endpoint = RawEndpoint(description)
        rig.endpoints.append(endpoint)
        await rig.client.connect_transport("late", endpoint.dtls_parameters)
        endpoint.bind()
        await endpoint.until(lambda: endpoint.bindings > 0)
        with stranger() as other:
            sender = endpoint.socket if known else other
            for _ in range(3):
                for record in FORGED[:3]:
                    sender.sendto(record, endpoint.server)
            await endpoint.connect()
        stats = await rig.client.stats()
        port, late = stats["port"]["drops"], stats["transports"][0]["drops"]
        assert port["empty"] == 3
        assert (late if known else port)["malformed_dtls" if known else "unknown_address"] == 6


@pytest.mark.parametrize("known", [False, True], ids=["another address", "the participant's address"])
async def test_forged_records_end_no_connection(talk: Talk, known: bool) -> None:
    with stranger() as other:
        for end in (talk.speaker, talk.listener):
            sender = end.socket if known else other
            for record in FORGED:
                sender.sendto(record, end.server)
    await talk.goes_on()
    states = {each["state"] for each in (await talk.rig.client.stats())["transports"]}
    assert states == {"connected"}
    port = (await talk.rig.client.stats())["port"]["drops"]
    assert port["empty"] == 2
    assert port.get("unknown_address", 0) == (0 if known else 2 * (len(FORGED) - 1))


async def test_media_goes_nowhere_else_without_the_password(talk: Talk) -> None:
    own = await talk.rig.client.create_transport(
        room="room", owner="thief", transport="thief", direction="recv"
    )
    victim = talk.listener.ice
    authentic = bytearray(binding_request(victim))
    attempts = [
        binding_request(victim, password="guessed"),
        binding_request({**own["iceParameters"], "usernameFragment": victim["usernameFragment"]}),
        binding_request({"usernameFragment": "nobody", "password": victim["password"]}),
        bytes(authentic[:-8]),
        bytes(authentic[:-12]) + bytes(12),
    ]
    with stranger() as thief:
        for attempt in attempts:
            thief.sendto(attempt, talk.listener.server)
        await talk.goes_on()
        thief.setblocking(False)
        with pytest.raises(BlockingIOError):
            thief.recv(2048)
    drops = (await talk.rig.client.stats())["port"]["drops"]
    assert (drops["unauthenticated_stun"], drops["malformed_stun"]) == (4, 1)


async def test_nobody_sends_under_the_ssrc_of_somebody_else(talk: Talk) -> None:
    thief = await talk.rig.join("thief", "send")
    await talk.rig.client.produce(
        transport="thief-send",
        producer="own",
        kind="audio",
        source="microphone",
        rtp_parameters={**OPUS_PARAMETERS, "encodings": [{"ssrc": 7777}]},
    )
    foreign = (1111, 2222, *talk.ssrcs.values())
    for number in range(10):
        for ssrc in foreign:
            thief.dtls.send_rtp(
                build(payload_type=111, sequence=number, timestamp=1, ssrc=ssrc, payload=b"x")
            )
            thief.dtls.send_rtcp(rtcp.build_goodbye([ssrc]) + rtcp.build_pli(ssrc, ssrc))
    await talk.goes_on()
    assert all(each.packet.payload != b"x" for each in talk.listener.arrivals + talk.second.arrivals)
    assert (await talk.drops("thief-send"))["unknown_ssrc"] == 10 * len(foreign)
    assert talk.speaker.pictures_asked(2222) <= 1


def _overrun_packets() -> list[bytes]:
    """As far as libsrtp agrees to send them: lengths beyond the packet it finds itself."""
    tails = [
        (0xA0, b"\xff"),
        (0xA0, b"\x00"),
        (0xA0, bytes(40) + b"\x2a"),
        (0x90, b"\xbe\xde\x00\x01\x1f\x00\x00\x00"),
        (0x90, b"\x10\x00\x00\x01\x01\xff\x00\x00"),
        (0x90, b"\x10\x0f\x00\x01\x00\x00\x00\x05"),
        (0xB0, b"\xbe\xde\x00\x01\x10\x00\x00\x00\x02"),
    ]
    return [
        struct.pack("!BBHLL", first, 111, number, 1, 1111) + tail
        for number, (first, tail) in enumerate(tails)
    ]


def _overrun_reports() -> list[bytes]:
    return [
        b"\x9f\xc9\x00\x01" + bytes(4),
        b"\x81\xc9\x00\x7f" + bytes(28),
        b"\xa1\xc9\x00\x01" + b"\x00\x00\x00\xff",
        b"\x81\xce\x00\x01" + bytes(4),
        b"\x8f\xce\x00\x04" + bytes(8) + b"REMB" + b"\xff\x00\x00\x00",
        b"\x9f\xca\x00\x01" + b"\x00\x00\x00\x01",
        b"\x81\xcd\x00\x02" + bytes(8),
    ]


async def test_lengths_that_lie_are_counted_and_nothing_is_read_beyond_the_end(talk: Talk) -> None:
    assert all(talk.speaker.dtls.send_rtp(packet) for packet in _overrun_packets())
    assert all(talk.listener.dtls.send_rtcp(report) for report in _overrun_reports())
    await talk.goes_on()
    assert (await talk.drops("speaker-send"))["malformed_rtp"] == len(_overrun_packets())
    assert (await talk.drops("listener-recv"))["malformed_rtcp"] == len(_overrun_reports())


async def test_a_storm_of_keyframe_requests_asks_the_publisher_once_a_second(talk: Talk) -> None:
    talk.speaker.dtls.send_rtp(talk.picture.packet(KEYFRAME))
    ssrc = talk.ssrcs["listener-cam"]
    storm = rtcp.build_pli(1, ssrc) * 40 + rtcp.build_fir(1, ssrc, 1) * 20
    for _ in range(2 * FEEDBACK_MOST // len(storm)):
        talk.listener.dtls.send_rtcp(storm)
    await talk.goes_on()
    assert 1 <= talk.speaker.pictures_asked(2222) <= 3
    assert (await talk.drops("listener-recv"))["feedback_limit"] > 0


async def test_a_storm_of_nacks_is_answered_within_its_budget_and_holds_up_nobody(talk: Talk) -> None:
    numbers = []
    for _ in range(50):
        talk.speaker.dtls.send_rtp(talk.picture.packet(KEYFRAME))
    ssrc = talk.ssrcs["listener-cam"]
    await talk.listener.until(lambda: len(talk.listener.arrivals) >= 50)
    numbers = [each.packet.sequence for each in talk.listener.arrivals if each.packet.ssrc == ssrc]
    storm = rtcp.build_nack(1, ssrc, numbers) + rtcp.build_nack(1, ssrc + 1, numbers)
    for _ in range(500):
        talk.listener.dtls.send_rtcp(storm)
    await talk.goes_on()
    again = len(talk.listener.arrivals) - 51
    assert again <= RESENT_MOST + 10 * RESENT_RATE
    drops = await talk.drops("listener-recv")
    assert drops["nack_limit"] > 0
    assert drops["nack_stranger"] > 0
    assert len(talk.second.arrivals) == 51


async def test_a_participant_who_sends_from_everywhere_and_everything_costs_at_most_a_mebibyte(
    talk: Talk,
) -> None:
    """As many paths, sources, records that wait for a handshake and numbers for feedback as there may be."""
    attacker = await talk.rig.join("attacker", "send")
    await talk.rig.client.produce(
        transport="attacker-send",
        producer="own",
        kind="video",
        source="camera",
        rtp_parameters=SIMULCAST_PARAMETERS,
    )
    description = await talk.rig.client.create_transport(
        room="room", owner="attacker", transport="unfinished", direction="recv"
    )
    before = memory(talk.rig.pid)
    with ExitStack() as sockets:
        for _ in range(2 * MAX_PATHS):
            other = sockets.enter_context(stranger())
            for ice in (attacker.ice, description["iceParameters"]):
                other.sendto(binding_request(ice, nominate=False), attacker.server)
            for _ in range(40):
                other.sendto(bytes.fromhex("16fefd000000000000000005a0") + bytes(1440), attacker.server)
    for ssrc in range(50_000, 52_000):
        attacker.dtls.send_rtp(Source(ssrc, 96, 3000).packet(KEYFRAME, {4: b"1", 10: b"qhf"[ssrc % 3 :][:1]}))
        if ssrc % 100 == 0:
            await talk.goes_on()
    await talk.goes_on()
    grown = memory(talk.rig.pid) - before
    print("one participant", grown >> 10, "KiB")
    assert grown <= 1 << 20
