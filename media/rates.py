"""bit/s of a layer, up to each of its temporal layers. Pure."""

from __future__ import annotations

from itertools import accumulate

TEMPORAL = 4
"""Temporal layers that a payload can name."""
WINDOW = 1.0
FALLS = 0.7
"""A measure is at least so much of the one before: a quiet second promises no quiet line."""


class Rates:
    def __init__(self) -> None:
        self._octets = [0] * TEMPORAL
        self._began: float | None = None
        self._known: tuple[float, ...] | None = None

    def add(self, temporal: int, octets: int) -> None:
        self._octets[temporal] += octets

    def read(self, now: float) -> tuple[float, ...] | None:
        """The lowest first, each with those below it; `None` before a second has been measured."""
        if self._began is None:
            self._began, self._octets = now, [0] * TEMPORAL
        elif now - self._began >= WINDOW:
            measured = [octets * 8 / (now - self._began) for octets in self._octets]
            self._began, self._octets = now, [0] * TEMPORAL
            if any(measured):
                self._known = self._smoothed(measured)
        return self._known

    def _smoothed(self, measured: list[float]) -> tuple[float, ...]:
        layers = max(index for index, rate in enumerate(measured) if rate) + 1
        new = tuple(accumulate(measured[:layers]))
        if self._known is None or len(self._known) != layers:
            return new
        return tuple(max(rate, FALLS * before) for rate, before in zip(new, self._known, strict=True))
