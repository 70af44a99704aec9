"""RTP packets in one stretch of memory, as they are protected in place and sent from there. Pure."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from functools import partial
from typing import NamedTuple

MOST_SEGMENTS, MOST_BYTES = 64, 65_000
"""What the kernel cuts up in one call (UDP_MAX_SEGMENTS, and the length of an IP packet)."""

Piece = tuple[int, int, int, int]
"""Neighbours of one size, of which the last may be shorter: where they begin, the size of the first and of
all of them together, and how many they are."""


class Copy(NamedTuple):
    """In what one listener's copy of a block differs: numbers from `sequence` on, the SSRC, `shift`, which is
    added to timestamps, and `patches`, bytes that stand at these places instead."""

    sequence: int
    ssrc: int
    shift: int = 0
    patches: Sequence[tuple[int, bytes]] = ()


copied = partial(tuple.__new__, Copy)
"""Takes all fields as a tuple, for what is made of every frame for everybody."""


class Block:
    """Packets one behind the other, each with room for the `trailer` that protecting it adds.

    Numbers and SSRC are written where it is copied to. `places` says of each where it begins, its size and
    its timestamp; `pieces` is what they are for the kernel when they are protected.
    """

    __slots__ = ("data", "pieces", "places", "trailer")

    def __init__(self, packets: Sequence[bytes | bytearray], timestamps: Sequence[int], trailer: int) -> None:
        gap = bytes(trailer)
        self.data = gap.join(packets) + gap
        self.trailer = trailer
        self.places: list[tuple[int, int, int]] = []
        at = 0
        for packet, timestamp in zip(packets, timestamps, strict=True):
            size = len(packet)
            self.places.append((at, size, timestamp & 0xFFFFFFFF))
            at += size + trailer
        self.pieces: Sequence[Piece] = list(pieces([len(packet) + trailer for packet in packets]))

    def without(self, left_out: Container[int]) -> list[Piece]:
        """The pieces when those that begin at these places are not to be sent."""
        found: list[Piece] = []
        sizes: list[int] = []
        start = 0
        for at, size, _ in self.places:
            if at in left_out:
                found += pieces(sizes, start)
                start, sizes = at + size + self.trailer, []
            else:
                sizes.append(size + self.trailer)
        found += pieces(sizes, start)
        return found


def pieces(sizes: Sequence[int], start: int = 0) -> Iterator[Piece]:
    """Cut datagrams of these sizes, which begin at `start`, into what the kernel cuts up again (UDP GSO)."""
    first, count = 0, len(sizes)
    while first < count:
        size = sizes[first]
        most = min(count, first + min(MOST_SEGMENTS, MOST_BYTES // size))
        end = first + 1
        while end < most and sizes[end] == size:
            end += 1
        total = size * (end - first)
        if end < most and sizes[end] < size:
            total += sizes[end]
            end += 1
        yield start, size, total, end - first
        start += total
        first = end


def cut(piece: Piece) -> Iterator[tuple[int, int]]:
    """Where each of its datagrams begins, and its size."""
    at, size, total, _ = piece
    end = at + total
    while at < end:
        yield at, min(size, end - at)
        at += size
