"""Which packets of an incoming stream are missing, and when to ask for them (RFC 4585 §6.2.1). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

HURRIED = 4
"""So many times a packet is asked for at the pace of round trips, and then ever less often."""
LEAST_INTERVAL = 0.015
"""Seconds between two requests for one packet at least: less than sound's packets are apart."""
UNKNOWN_RTT = 0.1
"""Seconds assumed for a round trip until one is measured."""
MOST_MISSING = 400
"""When more are missing a repair would come too late."""


@dataclass(slots=True)
class Lost:
    """A packet that is asked for. It was sent later than one that arrived at `after`."""

    after: float
    noticed: float
    asked_at: float = -inf
    tries: int = 0

    def again(self, interval: float) -> float:
        """When to ask next: a path that has lost so many answers is broken, or slower than it seemed."""
        return self.asked_at + interval * max(1, self.tries - HURRIED + 1)


class MissingPackets:
    """The gaps of one stream, by unwrapped sequence number; each is asked for up to `lifetime` seconds.

    With a `lifetime` of 0 nothing is ever asked for.
    """

    def __init__(self, lifetime: float) -> None:
        self.waiting: dict[int, Lost] = {}
        self.ask_at = inf
        """When something is to be asked for, for the first time or again."""
        self._gave_up = False
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
            self._gave_up = True
        if len(self.waiting) + end - first > MOST_MISSING:
            self._stop()
            self._gave_up = True
            return
        for sequence in range(first, end):
            self.waiting[sequence] = Lost(self._arrived, now)
        self.ask_at = now

    def answers(self, sequence: int, now: float, rtt: float) -> bool:
        """Whether a packet can be an answer to our asking: a reordered one comes sooner."""
        lost = self.waiting.get(sequence)
        return lost is not None and now - lost.asked_at >= rtt / 2 and lost.tries > 0

    def take(self, sequence: int) -> Lost | None:
        """Stop asking for it; `None` when it was not asked for."""
        return self.waiting.pop(sequence, None)

    def due(self, now: float, rtt: float) -> list[int]:
        """What to ask for now, in order; the caller then does."""
        interval = max(LEAST_INTERVAL, 1.1 * rtt)
        asked = []
        self.ask_at = inf
        for sequence, lost in list(self.waiting.items()):
            if now - lost.noticed > self._lifetime:
                del self.waiting[sequence]
                self._gave_up = True
                continue
            if now >= lost.again(interval):
                lost.asked_at = now
                lost.tries += 1
                asked.append(sequence)
            self.ask_at = min(self.ask_at, lost.again(interval))
        return asked

    def gave_up(self) -> bool:
        """Whether something will not come any more; told once."""
        told, self._gave_up = self._gave_up, False
        return told

    def forget(self) -> None:
        """Ask for nothing from before; the next packet is a beginning."""
        self._stop()
        self._gave_up = False
        self._highest = None

    def _stop(self) -> None:
        self.waiting.clear()
        self.ask_at = inf
