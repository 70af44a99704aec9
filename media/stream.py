"""One incoming SSRC, the threshold above which it may be heard, and the packet as consumers get it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from media.pli import KeyframeRequests
from media.reception import ReceiveStatistics
from media.rtp import extend_sequence, extend_timestamp
from media.sequence import SeenWindow

LEAST_WAIT = 0.3
"""Seconds by which a newly allowed listener stays behind the source at least."""
SILENT = 1.0
"""Seconds without a packet after which a stream is not active."""


class Stream:
    """A layer of a producer. Sequence numbers and timestamps leave it unwrapped."""

    def __init__(self, ssrc: int, layer: int, clock_rate: int) -> None:
        self.ssrc = ssrc
        self.layer = layer
        self.clock_rate = clock_rate
        self.statistics = ReceiveStatistics(ssrc, clock_rate)
        self.keyframes = KeyframeRequests()
        self.began_at: float | None = None
        self.first_timestamp = 0
        self.media_at: float | None = None
        self._seen = SeenWindow()

    def active(self, now: float) -> bool:
        """Whether a payload came lately; bandwidth probes do not count."""
        return self.media_at is not None and now - self.media_at < SILENT

    def accept(self, sequence: int, timestamp: int, now: float, size: int) -> tuple[int, int] | None:
        """Unwrapped sequence and timestamp of a packet seen for the first time, else `None`."""
        placed = self.statistics.add(sequence, timestamp, now, size)
        if placed is None or not self._seen.accept(placed):
            return None
        if self.began_at is None:
            self.began_at, self.first_timestamp = now, timestamp
        return placed, self.unwrap(timestamp)

    def recover(self, sequence: int, timestamp: int) -> tuple[int, int] | None:
        """The same for a retransmitted packet; `None` when it came before."""
        highest = self.statistics.highest_sequence
        if highest is None:
            return None
        placed = extend_sequence(highest, sequence)
        return (placed, self.unwrap(timestamp)) if self._seen.accept(placed) else None

    def unwrap(self, timestamp: int) -> int:
        highest = self.statistics.highest_timestamp
        return timestamp if highest is None else extend_timestamp(highest, timestamp)


class Media(NamedTuple):
    """A packet on its way to consumers; `blocks` keeps header extensions made for one, for the next."""

    stream: Stream
    sequence: int
    timestamp: int
    marker: bool
    payload: bytes
    extensions: dict[int, bytes]
    keyframe: bool
    now: float
    blocks: dict[frozenset[int], bytes]


@dataclass(frozen=True)
class Threshold:
    """What a listener who was allowed at `at` may hear: only packets with timestamps above `of(stream)`.

    `passes_at` is when a source that keeps its pace gets there.
    """

    at: float
    passes_at: float
    recorded: dict[int, int]

    @classmethod
    def record(cls, streams: Iterable[Stream], rtt: float, now: float) -> Threshold:
        """`rtt` in seconds, of the publisher."""
        recorded = {}
        longest = LEAST_WAIT
        for stream in streams:
            wait = max(LEAST_WAIT, rtt + 4 * stream.statistics.jitter_seconds)
            highest = stream.statistics.highest_timestamp
            if highest is not None:
                recorded[stream.ssrc] = highest + int(wait * stream.clock_rate)
                longest = max(longest, wait)
        return cls(now, now + longest, recorded)

    def of(self, stream: Stream) -> int | None:
        """Unwrapped timestamp; `None` for a stream that began long enough after the permission."""
        if stream.ssrc in self.recorded:
            return self.recorded[stream.ssrc]
        if stream.began_at is None or stream.began_at >= self.passes_at:
            return None
        return stream.first_timestamp + int((self.passes_at - stream.began_at) * stream.clock_rate)
