"""What could hold at any moment: between an act and its acknowledgement, the world before it or after it."""

from bisect import bisect_right
from collections.abc import Sequence

from tests.security.canaries.world import World

Worlds = tuple[World, ...]


class Timeline:
    """Instants are nanoseconds of CLOCK_REALTIME, and come in order."""

    def __init__(self, world: World) -> None:
        self._begins = [0]
        self._worlds: list[Worlds] = [(world,)]

    @property
    def now(self) -> World:
        """The world that is known to hold; while that is not known, the earlier one."""
        return self._worlds[-1][0]

    @property
    def open(self) -> Worlds:
        """All that may hold by now."""
        return self._worlds[-1]

    def attempt(self, at: int, after: World) -> None:
        """From `at` on it may have changed to `after`."""
        self._add(at, (*self.open, after))

    def settle(self, at: int, world: World) -> None:
        """From `at` on nothing else holds."""
        self._add(at, (world,))

    def at(self, instant: int) -> Worlds:
        return self._worlds[bisect_right(self._begins, instant) - 1]

    def between(self, first: int, last: int) -> Sequence[World]:
        low, high = bisect_right(self._begins, first) - 1, bisect_right(self._begins, last)
        return [world for worlds in self._worlds[low:high] for world in worlds]

    def _add(self, at: int, worlds: Worlds) -> None:
        self._begins.append(max(at, self._begins[-1]))
        self._worlds.append(worlds)
