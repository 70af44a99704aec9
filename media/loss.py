"""How much of a stream does not reach a listener, by their own reports (RFC 3550 §6.4.1). Pure."""

from __future__ import annotations

from math import exp2

RISES, FALLS = 0.7, 0.25
"""How much a report counts beside those before it, when it tells of more loss and of less."""
HOLDS = 12.0
"""Seconds without a report after which loss fades; browsers report on sound every five seconds."""
HALVES = 4.0
"""Seconds in which it is then halved."""
LEAST_USED = 20
"""Packets since the report before, from which on a report tells something of a line."""


class Loss:
    """A share from 0 to 1 that rises fast and falls slowly, so that protection comes before it goes."""

    def __init__(self) -> None:
        self._share = 0.0
        self._heard = 0.0

    def heard(self, share: float, now: float) -> None:
        before = self.at(now)
        weight = RISES if share > before else FALLS
        self._share = before + weight * (share - before)
        self._heard = now

    def at(self, now: float) -> float:
        return self._share * exp2(-max(0.0, now - self._heard - HOLDS) / HALVES)

    def forget(self) -> None:
        self._share = 0.0


class OwnLoss:
    """The share of what was sent to a listener that was lost on their own line.

    What we never got ourselves leaves gaps in the numbers that they see: they report those as lost as well.
    What is sent again under the same number and then comes they do not report, though the line lost it.
    """

    def __init__(self) -> None:
        self._numbers = self._sent = 0

    def of(self, reported: float, numbers: int, sent: int) -> float | None:
        """`numbers` and `sent`: how many we have used, and packets we have sent under them, up to now.

        `None` where too few have been used since the report before to tell anything.
        """
        used, sent_now = numbers - self._numbers, sent - self._sent
        self._numbers, self._sent = numbers, sent
        if used < LEAST_USED:
            return None
        came = used * (1 - reported)
        return max(0.0, 1 - came / sent_now) if sent_now else 0.0
