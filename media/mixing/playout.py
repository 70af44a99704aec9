"""One incoming voice: its packets put in order, and 20 ms of it at every tick. No clock of its own."""

from array import array
from collections.abc import Sequence

from media.mixing.loudness import FRAME, RATE, SAMPLES
from media.mixing.opus import Decoder
from media.rtp import extend_timestamp

LEAST, MOST = 0.01, 0.08
"""Seconds for which the first packet is kept back, so that one that is a little late is not missed."""
STEP = 0.01
"""The margin grows by it whenever a packet was late."""
CALM = 30.0
"""Seconds without a late one, then it shrinks by as much."""
PATIENT = 50
"""So many ticks in a row more may wait than the margin asks for; then a packet is left out."""
FULL = 12
"""Packets that may wait at all."""
EDGE = 120
"""Samples over which a voice comes in."""
ANEW = 2 * RATE
"""A timestamp so far behind what is played belongs to another stream of the same source."""


class Playout:
    """What a network held back and delivers at once is left out, so that the delay stays small."""

    def __init__(self) -> None:
        self.margin = LEAST
        self.late = self.skipped = 0
        self._decoder = Decoder()
        self._packets: dict[int, bytes] = {}
        self._samples = array("f")
        self._last = array("f")
        self._next: int | None = None
        """Timestamp of what is to be decoded next."""
        self._begins_at: float | None = None
        self._playing = self._coming_in = False
        self._surplus = 0
        self._late_at = 0.0

    def push(self, timestamp: int, payload: bytes, now: float) -> None:
        """A packet has arrived at `now` (seconds)."""
        if self._next is not None:
            timestamp = extend_timestamp(self._next, timestamp)
            if timestamp < self._next - ANEW:
                self._begin_anew()
            elif timestamp < self._next or (timestamp == self._next and not self._playing):
                self._was_late(now)
                if timestamp < self._next:
                    return
        elif self._packets:
            timestamp = extend_timestamp(min(self._packets), timestamp)
        self._packets[timestamp] = payload
        if not self._playing and self._begins_at is None:
            self._begins_at = now + self.margin
        while len(self._packets) > FULL:
            self._skip()

    def pull(self, now: float) -> Sequence[float] | None:
        """The next 20 ms; None for silence."""
        if not self._playing and not self._begins(now):
            return None
        self._keep_short(now)
        while len(self._samples) < SAMPLES and self._packets:
            self._decode()
        frame, self._samples = self._samples[:SAMPLES], self._samples[SAMPLES:]
        if len(frame) < SAMPLES:
            self._playing = False
            frame.extend(self._ebbing(SAMPLES - len(frame)))
        if self._coming_in:
            self._coming_in = False
            for n in range(EDGE):
                frame[n] *= n / EDGE
        self._last = frame
        return frame

    def _begins(self, now: float) -> bool:
        if self._begins_at is None or now < self._begins_at:
            return False
        self._begins_at, self._surplus = None, 0
        self._playing = self._coming_in = True
        self._next = min(self._packets)
        return True

    def _decode(self) -> None:
        assert self._next is not None
        first = min(self._packets)
        if first > self._next:
            missing = first - self._next
            self._samples.extend(self._ebbing(min(missing, SAMPLES)))
            self._next = first
            return
        samples = self._decoder.decode(self._packets.pop(first))
        self._samples.extend(samples)
        self._next = first + (len(samples) or SAMPLES)

    def _keep_short(self, now: float) -> None:
        waiting = len(self._packets) * FRAME + len(self._samples) / RATE
        self._surplus = self._surplus + 1 if waiting > self.margin + 1.5 * FRAME + 1e-6 else 0
        if self._surplus > PATIENT:
            self._surplus = 0
            self._skip()
        if self.margin > LEAST and now - self._late_at > CALM:
            self.margin, self._late_at = max(LEAST, self.margin - STEP), now

    def _skip(self) -> None:
        first = min(self._packets)
        samples = self._decoder.decode(self._packets.pop(first))
        self._next = first + (len(samples) or SAMPLES)
        self.skipped += 1

    def _ebbing(self, length: int) -> Sequence[float]:
        """In place of what is missing: the end of what there was, mirrored, so that it neither clicks nor
        stops at once."""
        before = (self._samples or self._last)[::-1][:length]
        fading = [sample * (1 - (n + 1) / len(before)) for n, sample in enumerate(before)]
        return fading + [0.0] * (length - len(fading))

    def _was_late(self, now: float) -> None:
        self.late += 1
        self._late_at = now
        self.margin = min(MOST, self.margin + STEP)

    def _begin_anew(self) -> None:
        self._packets.clear()
        self._playing, self._next, self._begins_at = False, None, None
        self._decoder = Decoder()
