"""Whether what a listener misses was lost one by one or together, by what they ask for. Pure."""

from __future__ import annotations

from collections.abc import Iterable

KEPT = 0.98
"""How much what was missed before one packet counts after it: some fifty packets tell, and no clock."""
LEAST = 10
"""Packets that must have been missed before anything is told of them."""
_HALF = 1 << 15


class Runs:
    def __init__(self) -> None:
        self._missed = self._followed = 0.0
        self._highest: int | None = None

    @property
    def together(self) -> float:
        """Of the packets missed lately, the share that was lost along with the one before: as large as the
        loss where it is at random, and more the longer the runs are."""
        return self._followed / self._missed if self._missed >= LEAST else 0.0

    def asked(self, sequences: Iterable[int]) -> None:
        """`sequences`: 16-bit, as a NACK names them. What was asked for before counts once."""
        for sequence in sequences:
            highest = self._highest
            ahead = 1 << 16 if highest is None else sequence - highest & 0xFFFF
            if highest is not None and not 0 < ahead < _HALF:
                continue
            self._missed = KEPT * self._missed + 1
            self._followed = KEPT * self._followed + (ahead == 1)
            self._highest = sequence
