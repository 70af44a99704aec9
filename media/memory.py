"""Freed memory goes back to the system, and cycles are looked for when that does least harm.

By itself glibc keeps what is freed, and a process grows with every meeting. By itself Python looks for
cycles in what is new whenever there is a little more of it; in a busy worker that is thousands of kept
packets, which hold none, and every packet that comes meanwhile waits for 5 to 15 ms.
"""

import ctypes
import gc
from collections.abc import Callable

EVERY = 60.0
"""Seconds between two times, at least: it takes tens of milliseconds."""

RARE = 500_000
"""Objects more than there were, before Python looks for cycles by itself: more than are kept for packets."""


def _trimmer() -> Callable[[int], int] | None:
    """malloc_trim(3), where there is one."""
    trim: Callable[[int], int] | None = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return trim


_trim = _trimmer()


def collect_rarely() -> None:
    """For this whole process."""
    gc.set_threshold(RARE, *gc.get_threshold()[1:])


def give_back() -> None:
    gc.collect()
    if _trim is not None:
        _trim(0)


class GiveBack:
    """`soon` gives back at the next `tick` that is `EVERY` after the one before."""

    def __init__(self) -> None:
        self._wanted = False
        self._not_before = 0.0

    def soon(self) -> None:
        self._wanted = True

    def tick(self, now: float) -> None:
        if self._wanted and now >= self._not_before:
            self._wanted, self._not_before = False, now + EVERY
            give_back()
