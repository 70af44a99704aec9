"""Packets that may be asked for again, for a short time and in bounded room. Pure."""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import Generic, TypeVar

Packet = TypeVar("Packet")

OVERHEAD = 400
"""Bytes that a packet is counted for beside its own."""


class RecentPackets(Generic[Packet]):
    """The packets of the last `seconds`, at most `room` bytes, by a number that each has alone."""

    def __init__(self, seconds: float, room: int) -> None:
        self._seconds, self._room = seconds, room
        self._packets: dict[int, Packet] = {}
        self._order: deque[tuple[float, int, int]] = deque()
        self._size = 0

    def __len__(self) -> int:
        return len(self._order)

    def add(self, number: int, packet: Packet, size: int, now: float) -> None:
        self._packets[number] = packet
        self._order.append((now, number, size + OVERHEAD))
        self._size += size + OVERHEAD
        if self._size > self._room or now - self._order[0][0] > self._seconds:
            self.expire(now)

    def get(self, number: int, now: float) -> Packet | None:
        self.expire(now)
        return self._packets.get(number)

    def newest(self, count: int, now: float) -> list[tuple[int, Packet]]:
        """The last ones that are kept, with their numbers."""
        self.expire(now)
        numbers = [number for _, number, _ in islice(reversed(self._order), count)]
        return [(number, self._packets[number]) for number in numbers if number in self._packets]

    def expire(self, now: float) -> None:
        order = self._order
        while order and (self._size > self._room or now - order[0][0] > self._seconds):
            _, number, size = order.popleft()
            self._packets.pop(number, None)
            self._size -= size

    def clear(self) -> None:
        self._packets.clear()
        self._order.clear()
        self._size = 0
