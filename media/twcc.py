"""Transport-wide congestion control feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1)."""

import struct
from itertools import pairwise

from media.rtcp import RTPFB, TWCC_FORMAT
from media.rtp import extend_sequence

MAX_SPAN = 2000
"""Sequence numbers one message covers, and the longest gap that is reported as loss."""
MAX_ARRIVALS = 280
"""Packets one message reports as received, so that it stays below 1200 bytes."""
MAX_REMEMBERED = 2048
LATE = 256
"""A packet this far behind the newest may still be reported, its neighbours then once more."""

_TICK = 4000
_REFERENCE_TICKS = 256
_LOST, _SMALL, _LARGE = 0, 1, 2


class TwccRecorder:
    """Arrival times of one transport's packets until they are reported."""

    def __init__(self) -> None:
        self._arrivals: dict[int, float] = {}
        self._next: int | None = None
        self._highest = 0
        self._messages = 0

    def add(self, sequence: int, now: float) -> None:
        """Record the transport-wide number of a packet that arrived at `now` (seconds)."""
        if self._next is None:
            self._next = self._highest = sequence & 0xFFFF
        elif sequence == self._highest + 1 & 0xFFFF and len(self._arrivals) < MAX_REMEMBERED:
            self._highest += 1
            self._arrivals[self._highest] = now
            return
        extended = extend_sequence(self._highest, sequence)
        if extended <= self._highest - LATE or extended in self._arrivals:
            return
        if len(self._arrivals) >= MAX_REMEMBERED:
            del self._arrivals[next(iter(self._arrivals))]
        self._arrivals[extended] = now
        if extended > self._highest:
            self._highest = extended
        if extended < self._next:
            self._next = extended

    def build(self, sender_ssrc: int, media_ssrc: int) -> bytes | None:
        """The next feedback packet; call until `None`, because the span of one packet is bounded."""
        if self._next is None or self._next > self._highest:
            return None
        if len(self._arrivals) > 2 * LATE:
            self._forget(min(self._next, self._highest - LATE))
        waiting = self._waiting()
        if not waiting:
            return None
        base = self._next if waiting[0] - self._next < MAX_SPAN else waiting[0]
        body = self._encode(base, waiting[:MAX_ARRIVALS])
        return _pack(struct.pack("!LL", sender_ssrc, media_ssrc) + body)

    def _waiting(self) -> list[int]:
        """What is to be told, in order."""
        assert self._next is not None
        arrivals = self._arrivals
        if self._highest - self._next < MAX_SPAN:
            return [sequence for sequence in range(self._next, self._highest + 1) if sequence in arrivals]
        return sorted([sequence for sequence in arrivals if sequence >= self._next])

    def _encode(self, base: int, waiting: list[int]) -> bytes:
        """Base sequence to deltas for as much of `waiting` as fits one message; advances `_next`."""
        times = [int(self._arrivals[sequence] * _TICK) for sequence in waiting]
        reference = times[0] // _REFERENCE_TICKS
        previous = reference * _REFERENCE_TICKS
        symbols: list[int] = []
        deltas = bytearray()
        for sequence, time in zip(waiting, times, strict=True):
            gap = sequence - base - len(symbols)
            delta = time - previous
            if len(symbols) + gap >= MAX_SPAN or not -0x8000 <= delta <= 0x7FFF:
                break
            symbols += [_LOST] * gap
            if 0 <= delta <= 255:
                symbols.append(_SMALL)
                deltas.append(delta)
            else:
                symbols.append(_LARGE)
                deltas += struct.pack("!h", delta)
            previous = time
        self._next = base + len(symbols)
        head = struct.pack(
            "!HHL", base & 0xFFFF, len(symbols), (reference & 0xFFFFFF) << 8 | self._messages & 255
        )
        self._messages += 1
        return head + _chunks(symbols) + bytes(deltas)

    def _forget(self, below: int) -> None:
        for sequence in [known for known in self._arrivals if known < below]:
            del self._arrivals[sequence]


def _chunks(symbols: list[int]) -> bytes:
    """Run lengths where seven or more are alike, else vectors of seven two-bit symbols."""
    packed = bytearray()
    starts = [0, *(at for at in range(1, len(symbols)) if symbols[at] != symbols[at - 1]), len(symbols)]
    runs = [(symbols[start], end - start) for start, end in pairwise(starts)]
    vector: list[int] = []
    for symbol, length in runs:
        if vector:
            filled = min(7 - len(vector), length)
            vector += [symbol] * filled
            length -= filled
            if len(vector) == 7:
                packed += _vector(vector)
                vector = []
        if length >= 7:
            packed += struct.pack("!H", symbol << 13 | length)
        else:
            vector += [symbol] * length
    if vector:
        packed += _vector(vector)
    return bytes(packed)


def _vector(symbols: list[int]) -> bytes:
    value = 0xC000
    for place, symbol in enumerate(symbols):
        value |= symbol << 12 - 2 * place
    return struct.pack("!H", value)


def _pack(body: bytes) -> bytes:
    padding = -len(body) % 4
    first = 0x80 | TWCC_FORMAT
    if padding:
        first |= 0x20
        body += bytes(padding - 1) + bytes((padding,))
    return struct.pack("!BBH", first, RTPFB, len(body) // 4) + body
