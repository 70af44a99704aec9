"""How people's connections are, from what the media worker counts and what devices report. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Level = Literal["good", "fair", "poor"]

EVERY = 5.0
"""Seconds between two readings."""
FAIR_LOSS, POOR_LOSS = 0.02, 0.08
FAIR_RTT, POOR_RTT = 0.35, 0.8
LEAST = 20
"""With fewer packets than this a share of loss says nothing."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a device went through: how often a picture stood still, share of the sound that was made up."""

    freezes: int
    concealed: float

    def with_other(self, other: "Report") -> "Report":
        """Of two devices of one person, the one that fares worse counts."""
        return Report(max(self.freezes, other.freezes), max(self.concealed, other.concealed))


@dataclass(frozen=True, slots=True)
class Picture:
    """The layer that somebody gets of a picture: the `spatial`th of so many sizes, and of its frames those up
    to the `temporal`th layer of so many, both from 0."""

    source: str
    spatial: int
    spatial_layers: int
    temporal: int
    temporal_layers: int


@dataclass(frozen=True, slots=True)
class Quality:
    """`sends`, `sources`: what came through in the meantime; `rtt` and `jitter` in seconds, None while not
    measured; `bitrate` of what is sent, bit/s; `freezes` and `concealed` as the own device reports them;
    `pictures` that the own devices get, without whose they are.

    `level` is of the own line alone: what a device goes through can be the fault of another's.
    """

    level: Level
    loss: float
    rtt: float | None
    sends: tuple[str, ...]
    sources: tuple[str, ...] = ()
    jitter: float | None = None
    bitrate: int = 0
    freezes: int | None = None
    concealed: float | None = None
    pictures: tuple[Picture, ...] = ()


def assess(
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    elapsed: float = EVERY,
    reports: Mapping[str, Report] | None = None,
) -> dict[str, Quality]:
    """Owner → quality between two answers of the worker's `stats`, `elapsed` seconds apart.

    Who neither sends nor is measured is left out.
    """
    earlier = {one["id"]: one for one in before["producers"]}
    owners = {one["owner"] for one in after["transports"] if one["state"] == "connected"}
    return {
        owner: quality
        for owner in owners
        if (quality := _of(owner, earlier, after, elapsed, (reports or {}).get(owner))) is not None
    }


def _of(
    owner: str,
    earlier: Mapping[str, Mapping[str, Any]],
    after: Mapping[str, Any],
    elapsed: float,
    report: Report | None,
) -> Quality | None:
    producers, transports = after["producers"], after["transports"]
    own = [one for one in producers if one["owner"] == owner and not one["paused"] and one["id"] in earlier]
    steps = [(one, _gone_on(one, earlier[one["id"]])) for one in own]
    came = sum(packets for _, (packets, _) in steps)
    lost = sum(missing for _, (_, missing) in steps)
    rtts = [one["rtt"] for one in transports if one["owner"] == owner and one["rtt"] is not None]
    if not own and not rtts:
        return None
    loss = lost / (came + lost) if came + lost >= LEAST else 0.0
    rtt = max(rtts, default=None)
    coming = [one for one, (packets, _) in steps if packets]
    octets = sum(max(0, one["bytes"] - earlier[one["id"]]["bytes"]) for one in own)
    return Quality(
        level=_level(loss, rtt, stuck=bool(own) and came == 0),
        loss=round(loss, 4),
        rtt=rtt,
        sends=tuple(sorted({one["kind"] for one in coming})),
        sources=tuple(sorted({one["source"] for one in coming})),
        jitter=max((round(one["jitter"], 4) for one in coming), default=None),
        bitrate=round(8 * octets / elapsed),
        freezes=None if report is None else report.freezes,
        concealed=None if report is None else round(report.concealed, 4),
        pictures=_pictures(owner, after["consumers"]),
    )


def _pictures(owner: str, consumers: Iterable[Mapping[str, Any]]) -> tuple[Picture, ...]:
    """The best first."""
    found = (
        Picture(
            one["source"],
            one["spatial"],
            one["spatial_layers"],
            min(most, most if one["temporal"] is None else one["temporal"]),
            most + 1,
        )
        for one in consumers
        if one["listener"] == owner and one["spatial_layers"] and one["spatial"] is not None
        for most in (max(0, one["temporal_layers"] - 1),)
    )
    return tuple(sorted(found, key=lambda one: (one.spatial_layers - one.spatial, one.source)))


def _gone_on(now: Mapping[str, Any], then: Mapping[str, Any]) -> tuple[int, int]:
    """Packets that came, and packets that never did."""
    missing = (now["lost"] - now["recovered"]) - (then["lost"] - then["recovered"])
    return max(0, now["packets"] - then["packets"]), max(0, missing)


def _level(loss: float, rtt: float | None, *, stuck: bool) -> Level:
    delay = rtt or 0.0
    if stuck or loss >= POOR_LOSS or delay >= POOR_RTT:
        return "poor"
    return "fair" if loss >= FAIR_LOSS or delay >= FAIR_RTT else "good"
