"""An event loop whose time passes when nobody has anything to do: hours in a moment, always in one order."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _Selector(selectors.DefaultSelector):
    """Instead of waiting, it lets time pass."""

    passed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        assert timeout is not None, "everybody waits for somebody else"
        self.passed += max(0.0, timeout)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._waiting = _Selector()
        super().__init__(self._waiting)

    def time(self) -> float:
        return self._waiting.passed


def run(work: Coroutine[Any, Any, T]) -> T:
    """Without threads: nobody waits for them."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)
