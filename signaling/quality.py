"""How people's connections are, from what the media worker counts. Pure."""

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
class Quality:
    """`sends`: kinds that came through in the meantime; `rtt` in seconds, None while it is not measured."""

    level: Level
    loss: float
    rtt: float | None
    sends: tuple[str, ...]


def assess(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Quality]:
    """Owner → quality between two answers of the worker's `stats`.

    Who neither sends nor is measured is left out.
    """
    earlier = {one["id"]: one for one in before["producers"]}
    owners = {one["owner"] for one in after["transports"] if one["state"] == "connected"}
    return {
        owner: quality
        for owner in owners
        if (quality := _of(owner, earlier, after["producers"], after["transports"])) is not None
    }


def _of(
    owner: str,
    earlier: Mapping[str, Mapping[str, Any]],
    producers: Iterable[Mapping[str, Any]],
    transports: Iterable[Mapping[str, Any]],
) -> Quality | None:
    own = [one for one in producers if one["owner"] == owner and not one["paused"] and one["id"] in earlier]
    steps = [(one, _gone_on(one, earlier[one["id"]])) for one in own]
    came = sum(packets for _, (packets, _) in steps)
    lost = sum(missing for _, (_, missing) in steps)
    rtts = [one["rtt"] for one in transports if one["owner"] == owner and one["rtt"] is not None]
    if not own and not rtts:
        return None
    loss = lost / (came + lost) if came + lost >= LEAST else 0.0
    rtt = max(rtts, default=None)
    sends = tuple(sorted({one["kind"] for one, (packets, _) in steps if packets}))
    stuck = bool(own) and came == 0
    return Quality(_level(loss, rtt, stuck=stuck), round(loss, 4), rtt, sends)


def _gone_on(now: Mapping[str, Any], then: Mapping[str, Any]) -> tuple[int, int]:
    """Packets that came, and packets that never did."""
    missing = (now["lost"] - now["recovered"]) - (then["lost"] - then["recovered"])
    return max(0, now["packets"] - then["packets"]), max(0, missing)


def _level(loss: float, rtt: float | None, *, stuck: bool) -> Level:
    delay = rtt or 0.0
    if stuck or loss >= POOR_LOSS or delay >= POOR_RTT:
        return "poor"
    return "fair" if loss >= FAIR_LOSS or delay >= FAIR_RTT else "good"
