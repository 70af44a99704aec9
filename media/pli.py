"""Keyframe requests towards one source: coalesced, at most one a second, never lost. Pure."""

from __future__ import annotations

INTERVAL = 1.0
"""Seconds between two requests upstream."""


class KeyframeRequests:
    def __init__(self) -> None:
        self._sent: float | None = None
        self.wanted = False

    def want(self) -> None:
        self.wanted = True

    def due(self, now: float, *, awaited: bool = False) -> bool:
        """Whether to send one now, wanted before or `awaited` by somebody now; the caller then does."""
        if not (self.wanted or awaited) or (self._sent is not None and now - self._sent < INTERVAL):
            return False
        self.wanted = False
        self._sent = now
        return True
