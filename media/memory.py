"""Freed memory goes back to the system: by itself glibc keeps it, and a process grows with every meeting."""

import ctypes
from collections.abc import Callable

EVERY = 60.0
"""Seconds between two times, at least: it takes milliseconds."""


def _trimmer() -> Callable[[int], int] | None:
    """malloc_trim(3), where there is one."""
    trim: Callable[[int], int] | None = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return trim


_trim = _trimmer()


def give_back() -> None:
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
