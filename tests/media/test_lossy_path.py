"""Real sockets over a bad network: everything that can be is recovered, in order, once; nothing is leaked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from media import rtcp, rtp
from media.nack import MissingPackets
from tests.media.endpoint import (
    KEYFRAME,
    OPUS_PARAMETERS,
    VP8_PARAMETERS,
    RawEndpoint,
    Source,
    opus,
    vp8,
)
from tests.media.rig import Rig, running
from tests.support.relay import Link, UdpRelay

pytestmark = pytest.mark.usefixtures("both_ways")

BOTH = {"listener": {"speaker": ["microphone", "camera"]}}
PACE = 0.004
NEVER_COME = 5
"""Of COUNT; on a busy machine some are asked for too late."""
COUNT = 500
SOME = 10
"""Of them a tenth is lost each way; bursts take more or fewer."""
RTT = 0.03
PATIENCE = 0.1
"""Seconds after which the listener asks again."""
LOSSES = {
    "random": {"loss": 0.1},
    "bursty": {"burst": (0.025, 0.225)},
}


class Publisher(RawEndpoint):
    """Answers NACKs: video as RTX, sound as the same packet."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.kept: dict[tuple[int, int], tuple[bytes, bytes]] = {}
        self._rtx = 0

    def publish(self, source: Source, payload: bytes, *, lost: bool = False) -> None:
        sequence = source.sequence
        packet = source.packet(payload)
        datagram = self.dtls.protect_rtp(packet)
        assert datagram is not None
        self.kept[source.ssrc, sequence] = packet, datagram
        if not lost:
            self.dtls.send_protected(datagram)

    def _rtcp(self, data: bytes, now: float) -> None:
        super()._rtcp(data, now)
        for message in rtcp.parse(data):
            if isinstance(message, rtcp.Nack):
                for sequence in message.sequences:
                    self.resend(message.media_ssrc, sequence)

    def resend(self, ssrc: int, sequence: int) -> None:
        plain, datagram = self.kept[ssrc, sequence]
        if ssrc != 2222:
            self.dtls.send_protected(datagram)
            return
        packet = rtp.parse(plain)
        self._rtx += 1
        self.dtls.send_rtp(
            rtp.build(
                payload_type=97,
                sequence=self._rtx,
                timestamp=packet.timestamp,
                ssrc=2223,
                payload=sequence.to_bytes(2, "big") + packet.payload,
            )
        )


class Listener(RawEndpoint):
    """Asks for what is missing, and puts RTX back into its place."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.rtx_of: dict[int, int] = {}
        self.missing: dict[int, MissingPackets] = {}
        self.played: dict[int, dict[int, bytes]] = {}
        self.twice = self.repaired = 0

    def take(self, answer: dict[str, Any]) -> int:
        """The SSRC of a consumer, from now on listened to."""
        encoding = answer["rtpParameters"]["encodings"][0]
        ssrc: int = encoding["ssrc"]
        if "rtx" in encoding:
            self.rtx_of[encoding["rtx"]["ssrc"]] = ssrc
        self.missing[ssrc], self.played[ssrc] = MissingPackets(2.0), {}
        return ssrc

    def _rtp(self, data: bytes, now: float) -> None:
        super()._rtp(data, now)
        packet = self.arrivals[-1].packet
        ssrc, sequence, payload = packet.ssrc, packet.sequence, packet.payload
        if ssrc in self.rtx_of:
            ssrc, sequence, payload = self.rtx_of[ssrc], int.from_bytes(payload[:2], "big"), payload[2:]
            self.repaired += sequence not in self.played[ssrc]
            self.missing[ssrc].take(sequence)
        else:
            self.twice += sequence in self.played[ssrc]
            self.missing[ssrc].arrived(sequence, now)
        assert self.played[ssrc].setdefault(sequence, payload) == payload

    def ask(self) -> None:
        for ssrc, missing in self.missing.items():
            if sequences := missing.due(monotonic(), PATIENCE):
                self.nack(ssrc, sequences)

    def nack(self, ssrc: int, sequences: list[int]) -> None:
        self.dtls.send_rtcp(rtcp.build_nack(1, ssrc, sequences))


@asynccontextmanager
async def apart(rig: Rig) -> AsyncIterator[tuple[Publisher, Listener, dict[str, UdpRelay]]]:
    """Speaker and listener, each behind a relay of its own that loses nothing yet."""
    relays = {}
    ends: dict[str, RawEndpoint] = {}
    for seed, (owner, direction, kind) in enumerate(
        (("speaker", "send", Publisher), ("listener", "recv", Listener))
    ):
        id_ = f"{owner}-{direction}"
        offered = await rig.client.create_transport(
            room="room", owner=owner, transport=id_, direction=direction
        )
        candidate = offered["iceCandidates"][0]
        up, down = (Link(10 * seed + way, delay=RTT / 4) for way in (1, 2))
        relay = relays[owner] = await UdpRelay.open((candidate["ip"], candidate["port"]), up=up, down=down)
        end = ends[owner] = kind({**offered, "iceCandidates": relay.candidates(offered["iceCandidates"])})
        rig.endpoints.append(end)
        await rig.client.connect_transport(id_, end.dtls_parameters)
        await end.connect()
        await rig.event(
            lambda name, data, id_=id_: (  # type: ignore[misc]
                name == "transportState" and data["transport"] == id_ and data["state"] == "connected"
            )
        )
    speaker, listener = ends["speaker"], ends["listener"]
    assert isinstance(speaker, Publisher)
    assert isinstance(listener, Listener)
    try:
        yield speaker, listener, relays
    finally:
        for relay in relays.values():
            relay.close()


async def produce(rig: Rig) -> None:
    for id_, kind, source, parameters in (
        ("mic", "audio", "microphone", OPUS_PARAMETERS),
        ("cam", "video", "camera", VP8_PARAMETERS),
    ):
        await rig.client.produce(
            transport="speaker-send", producer=id_, kind=kind, source=source, rtp_parameters=parameters
        )


async def consume(rig: Rig, listener: Listener, suffix: str = "") -> dict[str, int]:
    found = {}
    for id_ in ("mic", "cam"):
        answer = await rig.client.consume(consumer=id_ + suffix, transport="listener-recv", producer=id_)
        found[id_] = listener.take(answer)
        await rig.client.resume_consumer(id_ + suffix)
    return found


def worsen(relays: dict[str, UdpRelay], conditions: dict[str, Any]) -> None:
    for relay in relays.values():
        for link in (relay.up, relay.down):
            for name, value in conditions.items():
                setattr(link, name, value)


def numbered(source: Source, number: int) -> bytes:
    head = KEYFRAME if source.ssrc == 2222 else b"voice"
    return head + number.to_bytes(4, "big")


@pytest.mark.parametrize("kind", LOSSES)
async def test_ten_percent_of_loss_each_way_is_repaired(tmp_path: Path, kind: str) -> None:
    async with running(tmp_path) as rig, apart(rig) as (speaker, listener, relays):
        await rig.client.set_table("room", 1, BOTH)
        await produce(rig)
        ssrcs = await consume(rig, listener)
        sources = {"mic": opus(), "cam": vp8()}
        for source in sources.values():
            speaker.publish(source, numbered(source, 0))
        await listener.until(lambda: all(listener.played[ssrc] for ssrc in ssrcs.values()))
        worsen(relays, LOSSES[kind])

        def numbers(id_: str) -> list[int]:
            return [int.from_bytes(payload[-4:], "big") for payload in listener.played[ssrcs[id_]].values()]

        def complete(id_: str) -> bool:
            return set(range(COUNT)) <= set(numbers(id_))

        async with asyncio.timeout(40):
            number = 1
            while number < COUNT or (number < 2 * COUNT and not (complete("cam") and complete("mic"))):
                for source in sources.values():
                    speaker.publish(source, numbered(source, number))
                listener.ask()
                number += 1
                await asyncio.sleep(PACE)
        stats = await rig.client.stats()
        lost = {each["id"]: each["lost"] for each in stats["producers"]}
        recovered = {each["id"]: each["recovered"] for each in stats["producers"]}
        resent = {each["id"]: each["resent"] for each in stats["consumers"]}
        missing = {id_: COUNT - len(set(numbers(id_)) & set(range(COUNT))) for id_ in ssrcs}
        print(kind, "lost", lost, "recovered", recovered, "resent", resent, "never came", missing)
        assert lost["cam"] > SOME
        assert max(missing.values()) <= NEVER_COME
        assert recovered["cam"] > SOME
        assert recovered["mic"] > SOME / 4
        assert resent["cam"] > SOME
        assert resent["mic"] > SOME
        assert listener.twice == 0
        for id_, ssrc in ssrcs.items():
            first = next(iter(listener.played[ssrc]))
            placed = {
                (sequence - first) & 0xFFFF: int.from_bytes(payload[-4:], "big")
                for sequence, payload in listener.played[ssrc].items()
            }
            assert all(place == number for place, number in placed.items()), id_


async def test_the_one_who_left_gets_nothing_by_asking_and_the_one_who_comes_nothing_old(
    tmp_path: Path,
) -> None:
    async with running(tmp_path) as rig, apart(rig) as (speaker, listener, _):
        await rig.client.set_table("room", 1, BOTH)
        await produce(rig)
        left = await consume(rig, listener, "-1")
        sources = {"mic": opus(), "cam": vp8()}

        def show(count: int, payload: bytes, *, lost: bool = False) -> None:
            for source in sources.values():
                for _ in range(count):
                    head = KEYFRAME if source.ssrc == 2222 else b"voice"
                    speaker.publish(source, head + payload, lost=lost)

        async def barrier(end: RawEndpoint) -> None:
            """Whatever was on its way to or from this end has come."""
            bindings = end.bindings
            end.bind()
            await end.until(lambda: end.bindings > bindings)

        show(50, b"open")
        await listener.until(lambda: all(len(listener.played[ssrc]) == 50 for ssrc in left.values()))
        old = {ssrc: sorted(listener.played[ssrc]) for ssrc in left.values()}
        await rig.client.set_table("room", 2, {})
        show(10, b"secret", lost=True)
        await barrier(listener)
        before = len(listener.arrivals)
        for ssrc, numbers in old.items():
            listener.nack(ssrc, numbers)
        for rtx in list(listener.rtx_of):
            listener.nack(rtx, list(range(20)))
        await barrier(listener)
        assert len(listener.arrivals) == before

        await rig.client.set_table("room", 3, BOTH)
        came = await consume(rig, listener, "-2")
        for source in sources.values():
            source.timestamp += int(0.2 * (48_000 if source.ssrc == 1111 else 90_000))
        deadline = monotonic() + 20
        while not all(listener.played[ssrc] for ssrc in came.values()):
            assert monotonic() < deadline
            show(1, b"open")
            await asyncio.sleep(0.02)
        assert any(isinstance(message, rtcp.Nack) for _, message in speaker.reports)
        await barrier(speaker)
        for ssrc in came.values():
            first = min(listener.played[ssrc])
            listener.nack(ssrc, [(first - back) & 0xFFFF for back in range(200, 0, -1)])
        await barrier(listener)
        stats = await rig.client.stats()
        drops = next(each["drops"] for each in stats["transports"] if each["id"] == "listener-recv")
        assert drops["nack_stranger"] >= 3
        assert drops["nack_gone"] >= 400
        assert not [each for each in listener.arrivals if b"secret" in each.packet.payload]
        for ssrc in left.values():
            assert sorted(listener.played[ssrc]) == old[ssrc]
