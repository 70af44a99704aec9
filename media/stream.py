"""One incoming SSRC, the threshold above which it may be heard, and the packet as consumers get it. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from media.cache import RecentPackets
from media.nack import MissingPackets
from media.pli import KeyframeRequests
from media.rates import Rates
from media.reception import ReceiveStatistics
from media.rtp import extend_sequence, extend_timestamp
from media.sequence import SeenWindow
from media.vp8 import Vp8, unwrapped

LEAST_WAIT = 0.3
"""Seconds by which a newly allowed listener stays behind the source at least."""
DEVICE_WAIT = 0.1
"""Seconds that a device may take until its browser stamps what it has recorded."""
BEHIND_MOST = 1.0
"""Seconds from recording to arrival, beyond which a source's own reports are not believed."""
REPORTS_KEPT = 4
SILENT = 1.0
"""Seconds without a packet after which a stream is not active."""
ASKED_FOR = 1.0
"""Seconds for which a missing packet is asked for."""
VIDEO_KEPT = AUDIO_KEPT = 1.0
"""Seconds for which a packet can be asked for again."""
VIDEO_ROOM = 3 << 20
"""Bytes of recent packets that the layers of a producer keep at most, each its share."""

_FIRST_PICTURE = 1 << 16
"""Earlier ones than the first keep a positive number."""


class Stream:
    """A layer of a producer. Sequence numbers and timestamps leave it unwrapped.

    `repair` is for how many seconds a missing packet is asked for; 0 when its publisher answers no NACK.
    `room` is for how many bytes of packets it keeps.
    """

    def __init__(
        self, ssrc: int, layer: int, clock_rate: int, repair: float = 0.0, room: int = VIDEO_ROOM
    ) -> None:
        self.ssrc = ssrc
        self.layer = layer
        self.clock_rate = clock_rate
        self.statistics = ReceiveStatistics(ssrc, clock_rate)
        self.keyframes = KeyframeRequests()
        self.began_at: float | None = None
        self.first_timestamp = 0
        self.media_at: float | None = None
        self.missing = MissingPackets(repair)
        self.recent: RecentPackets[Media] = RecentPackets(VIDEO_KEPT, room)
        self.picture = self.tl0 = -1
        """The newest picture's number, and its TL0PICIDX as on the wire."""
        self.rates = Rates()
        self._seen = SeenWindow()
        self._report: tuple[int, int] | None = None
        self._zeros: deque[float] = deque(maxlen=REPORTS_KEPT)
        """When the moment of timestamp 0 was told to us at the latest, by each of the last sender reports."""
        self._floor: int | None = None

    def active(self, now: float) -> bool:
        """Whether a payload came lately; bandwidth probes do not count."""
        return self.media_at is not None and now - self.media_at < SILENT

    def accept(self, sequence: int, timestamp: int, now: float, size: int) -> Placed | None:
        """The place of a packet seen for the first time, else `None`."""
        statistics = self.statistics
        placed = statistics.add(sequence, timestamp, now, size)
        if placed is None or not self._fits(placed):
            return None
        if self.began_at is None:
            self.began_at, self.first_timestamp = now, timestamp
        highest = statistics.highest_timestamp or 0
        if highest & 0xFFFFFFFF != timestamp:
            highest = extend_timestamp(highest, timestamp)
        return placed, highest, self.missing.arrived(placed, now)

    def recover(self, sequence: int, timestamp: int, after: float) -> Placed | None:
        """The same for an unwrapped number that was asked for and came; it does not count as received."""
        return (sequence, self.unwrap(timestamp), after) if self._fits(sequence) else None

    def _fits(self, sequence: int) -> bool:
        return (self._floor is None or sequence >= self._floor) and self._seen.accept(sequence)

    def place(self, sequence: int) -> int:
        """The unwrapped number that a retransmission means."""
        highest = self.statistics.highest_sequence
        return sequence if highest is None else extend_sequence(highest, sequence)

    def begin_anew(self) -> None:
        """Keep nothing and take nothing from before now, not even late."""
        self.missing.forget()
        self.recent.clear()
        if self.statistics.highest_sequence is not None:
            self._floor = self.statistics.highest_sequence + 1

    def picture_of(self, described: Vp8) -> int:
        """Its number, -1 without one."""
        if described.picture < 0:
            return -1
        if self.picture < 0:
            picture = described.picture + _FIRST_PICTURE
        else:
            picture = unwrapped(self.picture, described)
        if picture > self.picture:
            self.picture, self.tl0 = picture, described.tl0
        return picture

    def reported(self, ntp: int, rtp_timestamp: int, now: float) -> None:
        """The source's sender report came."""
        self.statistics.sender_report(ntp, now)
        timestamp = self.unwrap(rtp_timestamp)
        self._report = ntp, timestamp
        self._zeros.append(now - timestamp / self.clock_rate)

    def recorded_at(self, at: float) -> int | None:
        """The timestamp of what the source recorded at the time `at`, too early by a report's way to us at
        most; `None` before a report has come."""
        return int((at - min(self._zeros)) * self.clock_rate) if self._zeros else None

    def same_moment(self, other: Stream, timestamp: int) -> int | None:
        """This stream's timestamp of when the `other`'s was sampled; `None` before both have reported."""
        if self._report is None or other._report is None:
            return None
        between = ((other._report[0] - self._report[0]) / (1 << 32)) * self.clock_rate
        return self._report[1] + int(between) + timestamp - other._report[1]

    def unwrap(self, timestamp: int) -> int:
        highest = self.statistics.highest_timestamp
        return timestamp if highest is None else extend_timestamp(highest, timestamp)


Placed = tuple[int, int, float]
"""Unwrapped sequence and timestamp, and when a packet arrived that is known to be sent earlier."""


class Media:
    """A packet on its way to consumers.

    `temporal` is its layer, 0 the lowest and for all that has none; `picture` its picture's unwrapped number,
    -1 without one.

    `packets` keeps what was made for one of them, for the next of its form, until all have it. It was not
    sent before the one that arrived at `after`; that is `now` for all but late and resent ones.
    """

    __slots__ = (
        *("after", "extensions", "keyframe", "marker", "now", "packets", "payload", "picture", "sequence"),
        *("stream", "temporal", "timestamp", "vp8"),
    )

    def __init__(
        self,
        stream: Stream,
        sequence: int,
        timestamp: int,
        after: float,
        marker: bool,
        payload: bytes,
        extensions: dict[int, bytes],
        keyframe: bool,
        now: float,
        vp8: Vp8 | None,
        picture: int,
    ) -> None:
        self.stream, self.sequence, self.timestamp = stream, sequence, timestamp
        self.after, self.now = after, now
        self.marker, self.payload, self.extensions = marker, payload, extensions
        self.keyframe, self.vp8, self.picture = keyframe, vp8, picture
        self.temporal = 0 if vp8 is None else vp8.temporal
        self.packets: dict[str, bytes] = {}


@dataclass(frozen=True)
class Threshold:
    """What a listener who was allowed at `at` may hear: only packets with timestamps above `of(stream)`.

    `passes_at` is when a source that keeps its pace gets there. What arrives before, or was asked for
    because of a gap that begins before, is older than the permission may be and begins nothing: after
    an outage the timestamps alone would not tell.

    What was recorded before `at` is still under way then, and its timestamp alone does not tell. Where it
    was said to somebody else, `LEAST_WAIT` is more than any way that it takes. For who comes into a room that
    is otherwise as it was, the source's own sender reports tell which timestamp was recorded when.
    """

    at: float
    passes_at: float
    recorded: dict[int, int]

    @classmethod
    def record(
        cls, streams: Iterable[Stream], rtt: float | None, now: float, *, enters: bool = False
    ) -> Threshold:
        """`rtt` in seconds, of the publisher. `enters`: the room is otherwise as it was."""
        recorded = {}
        waits, known = [LEAST_WAIT], []
        for stream in streams:
            highest = stream.statistics.highest_timestamp
            if highest is None:
                continue
            line = (rtt or 0.0) + 4 * stream.statistics.jitter_seconds
            lag = _lag(stream, highest, now) if enters and rtt is not None else None
            if lag is None:
                wait = max(LEAST_WAIT, line)
                waits.append(wait)
            else:
                wait = lag + line + DEVICE_WAIT
                known.append(wait)
            recorded[stream.ssrc] = highest + int(wait * stream.clock_rate)
        # A layer that has just stopped seems to lag behind; those that go on tell how long the way takes.
        return cls(now, now + (min(known) if known else max(waits)), recorded)

    def of(self, stream: Stream) -> int | None:
        """Unwrapped timestamp; `None` for a stream that began long enough after the permission."""
        if stream.ssrc in self.recorded:
            return self.recorded[stream.ssrc]
        if stream.began_at is None or stream.began_at >= self.passes_at:
            return None
        return stream.first_timestamp + int((self.passes_at - stream.began_at) * stream.clock_rate)


def _lag(stream: Stream, highest: int, now: float) -> float | None:
    """Seconds by which what has come is behind what is recorded now; `None` where that is not known."""
    present = stream.recorded_at(now)
    if present is None:
        return None
    lag = (present - highest) / stream.clock_rate
    return max(0.0, lag) if -DEVICE_WAIT < lag < BEHIND_MOST else None
