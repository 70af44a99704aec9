"""A simulcast camera as Chromium's is: three layers of VP8, each with three temporal layers and a clock of
its own, and what a listener's decoder needs of what reaches it."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, field
from itertools import pairwise

from media import rtcp, rtp
from media.transport import Transport
from media.vp8 import describe
from tests.media.endpoint import Source

MID, RID, REPAIRED_RID = 4, 10, 11
RIDS = ("q", "h", "f")
SSRCS = (31, 32, 33)
RTX_SSRCS = (41, 42, 43)
SIZES = (0, 700, 1250)
PATTERN = ((0, False), (2, True), (1, True), (2, False))
"""Temporal layer and sync bit of the pictures between keyframes (L1T3)."""
STEP = 3000
NTP_BEGIN = 1 << 60


def payload(
    picture: int,
    tl0: int,
    temporal: int = 0,
    *,
    sync: bool = False,
    key: bool = False,
    mark: int = 0,
    size: int = 0,
) -> bytes:
    """One packet that is a picture: an extended descriptor with a 15-bit picture id, then what marks it."""
    head = bytes((0x90, 0xE0, 0x80 | picture >> 8 & 0x7F, picture & 0xFF, tl0 & 0xFF))
    return (
        head
        + bytes((temporal << 6 | sync << 5, 0 if key else 1))
        + bytes(size)
        + mark.to_bytes(4, "big")
        + bytes(40)
    )


def mark_of(packet: rtp.RtpPacket) -> int:
    """What the camera had counted when it sent this, as media or again."""
    return int.from_bytes(packet.payload[-44:-40], "big")


@dataclass
class Layer:
    """One encoding; its clock, picture ids and numbers begin somewhere."""

    number: int
    source: Source
    picture: int
    tl0: int
    beat: int = 0
    sent: list[bytes] = field(default_factory=list)
    announced: bool = False

    def next(self, *, key: bool = False, mark: int = 0) -> bytes:
        if key:
            self.beat = 0
        temporal, sync = PATTERN[self.beat % len(PATTERN)]
        self.beat += 1
        if temporal == 0:
            self.tl0 = self.tl0 + 1 & 0xFF
        self.picture = self.picture + 1 & 0x7FFF
        extensions = {} if self.announced else {MID: b"1", RID: RIDS[self.number].encode()}
        self.announced = True
        made = self.source.packet(
            payload(self.picture, self.tl0, temporal, sync=sync, key=key, mark=mark, size=SIZES[self.number]),
            extensions,
            marker=True,
        )
        self.sent.append(made)
        return made

    def again(self, packet: bytes) -> bytes:
        """The same as RTX."""
        known = rtp.parse(packet)
        return rtp.build(
            payload_type=97,
            sequence=1000 + known.sequence,
            timestamp=known.timestamp,
            ssrc=RTX_SSRCS[self.number],
            payload=known.sequence.to_bytes(2, "big") + known.payload,
            marker=known.marker,
            extensions=rtp.extension_block({MID: b"1", REPAIRED_RID: RIDS[self.number].encode()}),
        )


class Camera:
    """All layers sample the same moments, `STEP` apart; `on` says which are sent."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self.layers = [
            Layer(
                number,
                Source(
                    SSRCS[number],
                    96,
                    STEP,
                    timestamp=1_000_000 + 7_777_777 * number,
                    sequence=65_500 - number,
                ),
                picture=32_760 - 100 * number,
                tl0=250 - number,
            )
            for number in range(3)
        ]
        self.on = {0, 1, 2}
        self.moments = 0

    def shoot(self, now: float, keys: Set[int] = frozenset(), lost: Set[int] = frozenset()) -> None:
        """One picture in every layer that is on. Those in `keys` are keyframes, those in `lost` do not
        arrive. They are marked with how many moments there have been."""
        self.moments += 1
        for layer in self.layers:
            if layer.number in self.on:
                packet = layer.next(key=layer.number in keys, mark=self.moments)
                if layer.number not in lost:
                    self.transport.receive_rtp([packet], now)
            else:
                layer.source.timestamp = layer.source.timestamp + STEP & 0xFFFFFFFF

    def report(self, now: float) -> None:
        """Sender reports of the next picture's moment."""
        for layer in self.layers:
            report = rtcp.build_sender_report(
                layer.source.ssrc,
                ntp=NTP_BEGIN + int(now * (1 << 32)),
                rtp_timestamp=layer.source.timestamp,
                packet_count=1,
                octet_count=1,
                cname="x",
            )
            self.transport._receive_rtcp(report, now)


def gapless(packets: list[rtp.RtpPacket]) -> bool:
    """Whether numbers of packets and pictures go on by one and timestamps rise."""
    return all(
        after.sequence - before.sequence & 0xFFFF == 1
        and describe(after.payload).picture - describe(before.payload).picture & 0x7FFF == 1
        and 0 < after.timestamp - before.timestamp & 0xFFFFFFFF < 0x80000000
        for before, after in pairwise(packets)
    )


def base_numbers(packets: list[rtp.RtpPacket]) -> list[int]:
    """TL0PICIDX of every picture, from 0."""
    first = describe(packets[0].payload).tl0
    return [describe(each.payload).tl0 - first & 0xFF for each in packets]
