"""Which packets of an incoming stream are missing, and when to ask for them (RFC 4585 §6.2.1). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

TRIES = 10
LEAST_INTERVAL = 0.03
"""Seconds between two requests for one packet at least."""
UNKNOWN_RTT = 0.1
"""Seconds assumed for a round trip until one is measured."""
MOST_MISSING = 400
"""When more are missing a repair would come too late; listeners ask for a keyframe by themselves."""


@dataclass(slots=True)
class Lost:
    """A packet that is asked for. It was sent later than one that arrived at `after`."""

    after: float
    noticed: float
    asked_at: float = -inf
    tries: int = 0


class MissingPackets:
    """The gaps of one stream, by unwrapped sequence number; each is asked for up to `lifetime` seconds.

    With a `lifetime` of 0 nothing is ever asked for.
    """

    def __init__(self, lifetime: float) -> None:
        self.waiting: dict[int, Lost] = {}
        self.fresh = False
        """Whether something is missing that was not asked for yet."""
        self._lifetime = lifetime
        self._highest: int | None = None
        self._arrived = 0.0

    def arrived(self, sequence: int, now: float) -> float:
        """Note a packet that came by itself; the arrival of one that is known to be sent before it (`after`).

        For the newest packet that is `now`; for one that came late and was not missed, nothing is known.
        """
        highest = self._highest
        if highest is None or sequence > highest:
            if highest is not None and sequence != highest + 1 and self._lifetime:
                self._miss(highest + 1, sequence, now)
            self._highest, self._arrived = sequence, now
            return now
        late = self.waiting.pop(sequence, None)
        return -inf if late is None else late.after

    def _miss(self, first: int, end: int, now: float) -> None:
        """What was sent longer than a lifetime ago, at an even pace, is not worth asking for."""
        silence = now - self._arrived
        if silence > self._lifetime:
            first = end - int((end - first) * self._lifetime / silence)
        if len(self.waiting) + end - first > MOST_MISSING:
            self.waiting.clear()
            return
        for sequence in range(first, end):
            self.waiting[sequence] = Lost(self._arrived, now)
            self.fresh = True

    def answers(self, sequence: int, now: float, rtt: float) -> bool:
        """Whether a packet can be an answer to our asking: a reordered one comes sooner."""
        lost = self.waiting.get(sequence)
        return lost is not None and now - lost.asked_at >= rtt / 2 and lost.tries > 0

    def take(self, sequence: int) -> Lost | None:
        """Stop asking for it; `None` when it was not asked for."""
        return self.waiting.pop(sequence, None)

    def due(self, now: float, rtt: float) -> list[int]:
        """What to ask for now, in order; the caller then does."""
        self.fresh = False
        interval = max(LEAST_INTERVAL, 1.1 * rtt)
        asked = []
        for sequence, lost in list(self.waiting.items()):
            if now - lost.asked_at < interval:
                continue
            if lost.tries == TRIES or now - lost.noticed > self._lifetime:
                del self.waiting[sequence]
                continue
            lost.asked_at = now
            lost.tries += 1
            asked.append(sequence)
        return asked

    def forget(self) -> None:
        """Ask for nothing from before; the next packet is a beginning."""
        self.waiting.clear()
        self.fresh = False
        self._highest = None
