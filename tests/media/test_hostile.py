"""Hostile datagrams and lines against a running worker: counted, dropped, and nobody else is disturbed."""

from __future__ import annotations

import asyncio
import json
import random
import socket
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from media import rtcp
from tests.media.endpoint import (
    KEYFRAME,
    OPUS_PARAMETERS,
    SIMULCAST_PARAMETERS,
    RawEndpoint,
    Source,
    binding_request,
    opus,
)
from tests.media.rig import Rig, running

pytestmark = pytest.mark.usefixtures("both_ways")

PLAINTEXT_ALERT = bytes.fromhex("15fefd0000000000000000000202") + b"\x28"
HANDSHAKE = bytes.fromhex("16fefd0000000000000000000c") + bytes(12)
ONE_PROCESS = settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


async def conversation(rig: Rig) -> tuple[RawEndpoint, RawEndpoint, Source]:
    await rig.client.set_table("room", 1, {"listener": {"speaker": ["microphone"]}})
    speaker, listener = await rig.join("speaker", "send"), await rig.join("listener", "recv")
    await rig.client.produce(
        transport="speaker-send",
        producer="mic",
        kind="audio",
        source="microphone",
        rtp_parameters=OPUS_PARAMETERS,
    )
    await rig.client.consume(consumer="sound", transport="listener-recv", producer="mic")
    await rig.client.resume_consumer("sound")
    return speaker, listener, opus()


async def undisturbed(rig: Rig, speaker: RawEndpoint, listener: RawEndpoint, voice: Source) -> dict[str, Any]:
    """The conversation goes on; returns the port's counters."""
    before = len(listener.arrivals)
    speaker.dtls.send_rtp(voice.packet(b"still here"))
    await listener.until(lambda: len(listener.arrivals) > before)
    assert listener.arrivals[-1].packet.payload == b"still here"
    assert rig.process.returncode is None
    port: dict[str, Any] = (await rig.client.stats())["port"]
    assert port["faults"] == 0
    return port


def stranger() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    sock.settimeout(0.2)
    return sock


@ONE_PROCESS
@given(datagrams=st.lists(st.binary(max_size=400), min_size=20, max_size=100))
def test_any_datagrams_from_strangers_get_no_answer(tmp_path: Path, datagrams: list[bytes]) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as rig:
            speaker, listener, voice = await conversation(rig)
            with stranger() as sock:
                for datagram in datagrams:
                    sock.sendto(datagram, speaker.server)
                port = await undisturbed(rig, speaker, listener, voice)
                assert sum(port["drops"].values()) == len(datagrams)
                sock.setblocking(False)
                try:
                    answer = sock.recv(2048)
                except BlockingIOError:
                    return
                raise AssertionError(f"a stranger was answered with {answer!r}")

    asyncio.run(scenario())


async def test_known_attacks_from_strangers_are_counted_by_reason(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        speaker, listener, voice = await conversation(rig)
        with stranger() as sock:
            for datagram in (
                b"",
                PLAINTEXT_ALERT,
                HANDSHAKE,
                opus().packet(),
                binding_request({"usernameFragment": "unknown", "password": "x"}),
                binding_request(speaker.ice, password="wrong"),
                binding_request(speaker.ice)[:-9],
            ):
                sock.sendto(datagram, speaker.server)
            port = await undisturbed(rig, speaker, listener, voice)
        assert port["drops"] == {
            "empty": 1,
            "unknown_address": 3,
            "unauthenticated_stun": 2,
            "malformed_stun": 1,
        }


async def test_an_empty_datagram_or_an_alert_during_a_handshake_does_not_end_it(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        description = await rig.client.create_transport(
            room="room", owner="late", transport="late", direction="recv"
        )
        endpoint = RawEndpoint(description)
        rig.endpoints.append(endpoint)
        await rig.client.connect_transport("late", endpoint.dtls_parameters)
        endpoint.bind()
        for _ in range(3):
            for datagram in (b"", PLAINTEXT_ALERT, HANDSHAKE[:13], b"\x16"):
                endpoint.send_raw(datagram)
        await endpoint.connect()


async def test_a_participant_cannot_take_over_the_address_of_another(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        speaker, listener, voice = await conversation(rig)
        other = await rig.client.create_transport(
            room="room", owner="attacker", transport="attacker", direction="send"
        )
        speaker.socket.sendto(binding_request(other["iceParameters"]), speaker.server)
        port = await undisturbed(rig, speaker, listener, voice)
        assert port["drops"] == {"unauthenticated_stun": 1}


async def test_a_participant_cannot_send_as_another_or_flood_with_sources(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        speaker, listener, voice = await conversation(rig)
        attacker = await rig.join("attacker", "send")
        await rig.client.produce(
            transport="attacker-send",
            producer="cam",
            kind="video",
            source="camera",
            rtp_parameters=SIMULCAST_PARAMETERS,
        )
        for ssrc in [1111, *range(50_000, 52_000)]:
            attacker.dtls.send_rtp(Source(ssrc, 111, 960).packet(b"impostor"))
            attacker.dtls.send_rtp(Source(ssrc + 10_000, 96, 3000).packet(KEYFRAME, {4: b"1", 10: b"nobody"}))
        await undisturbed(rig, speaker, listener, voice)
        stats = await rig.client.stats()
        (counted,) = [each for each in stats["transports"] if each["owner"] == "attacker"]
        assert counted["drops"]["unknown_ssrc"] > 100
        assert all(each.packet.payload != b"impostor" for each in listener.arrivals)


async def test_malformed_rtp_and_rtcp_of_an_authenticated_participant_harm_nobody(tmp_path: Path) -> None:
    chance = random.Random(7)
    async with running(tmp_path) as rig:
        speaker, listener, voice = await conversation(rig)
        attacker = await rig.join("attacker", "recv")
        for size in range(12, 200):
            noise = bytearray(chance.randbytes(size))
            noise[0] = 0x80 | noise[0] & 0x3F
            attacker.dtls.send_rtp(bytes(noise))
            noise[1] = 192 + noise[1] % 32
            attacker.dtls.send_rtcp(bytes(noise))
        for _ in range(50):
            attacker.dtls.send_rtcp(rtcp.build_pli(1, 1111) + rtcp.build_nack(1, 1111, [1, 2, 3]))
            attacker.dtls.send_rtcp(rtcp.build_goodbye([1111]))
        await undisturbed(rig, speaker, listener, voice)


@ONE_PROCESS
@given(
    lines=st.lists(
        st.one_of(
            st.binary(max_size=300).map(lambda noise: noise.replace(b"\n", b"")),
            st.recursive(
                st.none() | st.booleans() | st.integers() | st.text(max_size=20),
                lambda inner: (
                    st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
                ),
                max_leaves=10,
            ).map(lambda value: json.dumps(value).encode()),
            st.fixed_dictionaries(
                {
                    "id": st.integers(0, 9),
                    "method": st.sampled_from(
                        [
                            "createTransport",
                            "connectTransport",
                            "produce",
                            "consume",
                            "setTable",
                            "setPreferredLayers",
                        ]
                    ),
                    "params": st.dictionaries(
                        st.sampled_from(
                            [
                                "room",
                                "owner",
                                "transport",
                                "direction",
                                "dtlsParameters",
                                "rtpParameters",
                                "allow",
                            ]
                        ),
                        st.none()
                        | st.integers()
                        | st.text(max_size=5)
                        | st.sampled_from(["room", "speaker-send", "send"])
                        | st.dictionaries(
                            st.text(max_size=5), st.lists(st.integers(), max_size=2), max_size=2
                        ),
                    ),
                }
            ).map(lambda value: json.dumps(value).encode()),
        ),
        max_size=60,
    )
)
def test_any_lines_on_the_control_socket_are_answered(tmp_path: Path, lines: list[bytes]) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as rig:
            reader, writer = await asyncio.open_unix_connection(str(rig.path), limit=1 << 24)
            try:
                await reader.readline()
                for line in lines:
                    writer.write(line + b"\n")
                    async with asyncio.timeout(15):
                        while "event" in (answer := json.loads(await reader.readline())):
                            continue
                    assert "error" in answer or "result" in answer
                    assert answer.get("error", {}).get("code") != "internal_error"
            finally:
                writer.close()
            assert rig.process.returncode is None

    asyncio.run(scenario())
