"""Consumers that bring nothing although their source comes, from what the media worker counts. Pure."""

from collections.abc import Mapping
from typing import Any

from signaling.quality import LEAST


class StuckConsumers:
    """Counts for how many readings in a row a consumer has been stuck."""

    def __init__(self) -> None:
        self._readings: dict[str, int] = {}

    def note(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
        """Consumers to make anew now: at the second reading of it, and then more and more rarely.

        One that is paused, or whose listener is not connected, is not stuck.
        """
        sources = {one["id"]: one["packets"] for one in before["producers"]}
        come = {
            one["id"]: one["packets"] - sources[one["id"]]
            for one in after["producers"]
            if one["id"] in sources and not one["paused"]
        }
        connected = {one["id"] for one in after["transports"] if one["state"] == "connected"}
        had = {one["id"]: one["packets"] for one in before["consumers"]}
        stuck = [
            one["id"]
            for one in after["consumers"]
            if had.get(one["id"]) == one["packets"]
            and not one["paused"]
            and one["transport"] in connected
            and come.get(one["producer"], 0) >= LEAST
        ]
        self._readings = {id_: self._readings.get(id_, 0) + 1 for id_ in stuck}
        return [id_ for id_, readings in self._readings.items() if readings > 1 and _power_of_two(readings)]


def _power_of_two(number: int) -> bool:
    return number & (number - 1) == 0
