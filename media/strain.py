"""How much a worker's processor has to do, as a level that pictures are made smaller by. Pure."""

from __future__ import annotations

from media.layers import MOST_STRAINED

HIGH, LOW = 0.85, 0.6
"""Share of a core."""
EVERY = 1.0
CALM = 5
"""Readings below `LOW` in a row after which the level falls."""


class Strain:
    def __init__(self) -> None:
        self.level = 0
        self._at: float | None = None
        self._used = 0.0
        self._calm = 0

    def due(self, now: float) -> bool:
        """Whether `read` would take anything: asking the system costs."""
        return self._at is None or now - self._at >= EVERY

    def read(self, used: float, now: float) -> None:
        """`used` is the processor time of this process so far, in seconds."""
        if not self.due(now):
            return
        if self._at is not None:
            self._note((used - self._used) / (now - self._at))
        self._at, self._used = now, used

    def _note(self, share: float) -> None:
        self._calm = self._calm + 1 if share < LOW else 0
        if share > HIGH:
            self.level = min(MOST_STRAINED, self.level + 1)
        elif self._calm >= CALM:
            self.level, self._calm = max(0, self.level - 1), 0
