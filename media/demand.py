"""Which layers of a source anybody needs: more of them at once, fewer only after a while. Pure."""

from __future__ import annotations

from collections.abc import Set

KEPT = 5.0
"""Seconds for which a layer that nobody needs any more is still asked for."""
FIRST_REMINDER, LAST_REMINDER = 2.0, 64.0
"""Seconds after which the publisher is told again what does not come; longer each time."""


class Demand:
    """In the beginning all are sent. The lowest is never given up: whoever comes sees something at once."""

    def __init__(self, layers: int, now: float) -> None:
        self._needed_at = dict.fromkeys(range(layers), now)
        self.asked: frozenset[int] = frozenset(range(layers))
        """As the publisher was told."""
        self._asked_at = now
        self._reminder = FIRST_REMINDER

    def asked_for(self, layer: int, now: float, *, longer: float = 0.0) -> bool:
        """Whether it was asked for at least `longer` seconds ago."""
        return layer in self.asked and now - self._asked_at >= longer

    def note(self, needed: Set[int], alive: Set[int], now: float) -> list[int] | None:
        """What the publisher is to be told, if anything: the layers to send."""
        for layer in needed | {0}:
            if layer in self._needed_at:
                self._needed_at[layer] = now
        asked = frozenset(layer for layer, at in self._needed_at.items() if now - at < KEPT)
        if asked != self.asked:
            self._reminder = FIRST_REMINDER
        elif (needed & asked) <= alive or now - self._asked_at < self._reminder:
            return None
        else:
            self._reminder = min(LAST_REMINDER, self._reminder * 2)
        self.asked, self._asked_at = asked, now
        return sorted(asked)
