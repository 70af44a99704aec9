"""Sequence numbers of a consumer, and the window that keeps a packet from passing twice. Pure."""

from __future__ import annotations

from media.rtp import extend_sequence

REACH = 3000
"""A step ahead beyond this many packets is a new beginning, not loss."""
_REMEMBERED = 32


class SequenceMap:
    """Maps a source's unwrapped sequence numbers to gapless ones of our own.

    No two source numbers ever share an outgoing one, so that no SRTP index is used twice. Packets
    that were left out on purpose (`skip`) leave no gap; packets that were lost do.
    """

    def __init__(self, first: int) -> None:
        self._next = first
        self._highest: int | None = None
        self._begins: list[tuple[int, int]] = []

    @property
    def next(self) -> int:
        """The outgoing number after the highest."""
        return self._next

    def ahead(self, sequence: int) -> bool:
        """Whether nothing as late as this was placed or skipped."""
        return self._highest is None or sequence > self._highest

    def known(self, sequence: int) -> int | None:
        """The outgoing number of one that is not ahead."""
        return None if self.ahead(sequence) else self._place_late(sequence)

    def restart(self) -> None:
        """Whatever comes next follows directly on what was sent last."""
        self._highest = None
        self._begins = []

    def skip(self, sequence: int) -> None:
        """The source sent this one and it is not forwarded."""
        if self._highest is None or sequence <= self._highest:
            return
        offset = self._begins[-1][1]
        self._next = sequence + offset
        self._highest = sequence
        self._begin(sequence + 1, offset - 1)

    def place(self, sequence: int) -> int | None:
        """The outgoing number, unwrapped; `None` for a packet from before the beginning."""
        if self._highest is None or sequence > self._highest + REACH:
            self._begins = [(sequence, self._next - sequence)]
            self._highest = sequence
            self._next += 1
            return self._next - 1
        if sequence > self._highest:
            self._highest = sequence
            self._next = sequence + self._begins[-1][1] + 1
            return self._next - 1
        return self._place_late(sequence)

    def goes_on(self, sequence: int) -> bool:
        """Whether it follows on what was placed: then it can be placed together with what follows on it."""
        return self._highest is not None and self._highest < sequence <= self._highest + REACH

    def place_together(self, sequence: int, count: int) -> int:
        """The first of `count` outgoing numbers, for source numbers that go on from `sequence`."""
        self._highest = sequence + count - 1
        self._next = self._highest + self._begins[-1][1] + 1
        return self._next - count

    def source(self, outgoing: int) -> int | None:
        """The source's number behind an outgoing one (16 bits), `None` for one from before the beginning."""
        number = extend_sequence(self._next - 1, outgoing)
        if number >= self._next:
            return None
        for begin, offset in reversed(self._begins):
            if number - offset >= begin:
                return number - offset
        return None

    def _place_late(self, sequence: int) -> int | None:
        for begin, offset in reversed(self._begins):
            if sequence >= begin:
                return sequence + offset
        return None

    def _begin(self, sequence: int, offset: int) -> None:
        self._begins.append((sequence, offset))
        del self._begins[:-_REMEMBERED]


class SeenWindow:
    """Says once for every unwrapped number that it is new; too old ones count as seen."""

    def __init__(self, size: int = 1024) -> None:
        self._size = size
        self._mask = (1 << size) - 1
        self._highest: int | None = None
        self._bits = 0

    def accept(self, sequence: int) -> bool:
        if self._highest is None:
            self._highest, self._bits = sequence, 1
            return True
        ahead = sequence - self._highest
        if ahead > 0:
            self._bits = 1 if ahead >= self._size else (self._bits << ahead | 1) & self._mask
            self._highest = sequence
            return True
        if -ahead >= self._size or self._bits >> -ahead & 1:
            return False
        self._bits |= 1 << -ahead
        return True
