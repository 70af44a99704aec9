"""Which layer of a picture a listener gets. Pure."""

from __future__ import annotations

STOPPED = 0.5
"""Seconds without a packet after which a layer counts as stopped, while others of its source go on."""


def rank(layer: int, highest: int | None) -> int:
    """How good a layer is for whoever wants none above `highest`: of those the highest, else the next."""
    return layer if highest is None or layer <= highest else -layer
