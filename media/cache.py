"""Packets that may be asked for again, for a short time and in bounded room. Pure."""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import Generic, TypeVar

Packet = TypeVar("Packet")

OVERHEAD = 400
"""Bytes that a packet is counted for beside its own."""

RING = 64


class RecentPackets(Generic[Packet]):
    """The packets of the last `seconds`, at most `room` bytes, by a number that each has alone.

    What is older goes when `expire` is called: often, but not for every packet.
    """

    def __init__(self, seconds: float, room: int) -> None:
        self._seconds, self._room = seconds, room
        self._packets: dict[int, Packet] = {}
        self._order: deque[tuple[float, int, int]] = deque()
        self._size = 0

    def __len__(self) -> int:
        return len(self._order)

    def add(self, number: int, packet: Packet, size: int, now: float) -> None:
        size += OVERHEAD
        self._packets[number] = packet
        self._order.append((now, number, size))
        self._size += size
        if self._size > self._room:
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


class RecentRing(Generic[Packet]):
    """The packets of the last `seconds`, by a number of 16 bits that grows by one; at most `RING` of them."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._places: list[tuple[int, float, Packet] | None] = []
        self.clear()

    def add(self, number: int, packet: Packet, now: float) -> None:
        self._places[number % RING] = number, now, packet

    def get(self, number: int, now: float) -> Packet | None:
        found = self._places[number % RING]
        if found is None or found[0] != number or now - found[1] > self._seconds:
            return None
        return found[2]

    def clear(self) -> None:
        self._places = [None] * RING
