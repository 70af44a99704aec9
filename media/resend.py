"""What sending again may cost, and its form for video: RTX (RFC 4588). Pure."""

from __future__ import annotations

from media import rtp

LEAST_PAUSE, MOST_PAUSE = 0.01, 0.5
"""Seconds within which a packet is not sent a second time: a round trip, which may be measured badly.
Browsers ask for a packet for a second or so, and every 100 ms where they do not know the round trip."""
LATE = 1.1
"""So many round trips after an answer comes what was asked for just before it was there."""
_REMEMBERED = 512


class Budget:
    """So many units a second, and `most` at once."""

    def __init__(self, rate: float, most: float) -> None:
        self._rate, self._most = rate, most
        self._left = most
        self._at = 0.0

    def earn(self, amount: float) -> None:
        self._left += amount

    def spend(self, cost: float, now: float) -> bool:
        """Whether `cost` was left; it then is taken."""
        self._left = min(self._most, self._left + (now - self._at) * self._rate)
        self._at = now
        if cost > self._left:
            return False
        self._left -= cost
        return True


class Resends:
    """What one listener may have again: so many packets a second, or as earned, each once in a round trip."""

    def __init__(self, rate: float, most: float) -> None:
        self._budget = Budget(rate, most)
        self._sent: dict[int, float] = {}

    def earn(self, packets: float) -> None:
        self._budget.earn(packets)

    def allow(self, sequence: int, rtt: float, now: float) -> bool:
        """Whether to send it again now; the caller then does."""
        before = self._sent.get(sequence)
        if before is not None and now - before < min(max(LEAST_PAUSE, rtt * LATE), MOST_PAUSE):
            return False
        if not self._budget.spend(1, now):
            return False
        self._sent.pop(sequence, None)
        self._sent[sequence] = now
        if len(self._sent) > _REMEMBERED:
            del self._sent[next(iter(self._sent))]
        return True


class Rtx:
    """A resending stream: its own SSRC and sequence numbers, never one twice."""

    def __init__(self, ssrc: int, payload_type: int, first_sequence: int) -> None:
        self.ssrc = ssrc
        self._payload_type = payload_type
        self._next = first_sequence

    def packet(
        self, original: int, timestamp: int, payload: bytes, *, marker: bool, extensions: bytes
    ) -> bytes:
        """`original` is the sequence number under which the listener misses it."""
        self._next += 1
        return rtp.build(
            payload_type=self._payload_type,
            sequence=self._next - 1,
            timestamp=timestamp,
            ssrc=self.ssrc,
            payload=(original & 0xFFFF).to_bytes(2, "big") + payload,
            marker=marker,
            extensions=extensions,
        )
