"""What follows from a state of a meeting is worked out once: a state never changes."""

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

from rooms.meeting import Meeting

T = TypeVar("T")


def derived(work: Callable[[Meeting], T]) -> Callable[[Meeting], T]:
    """Everybody's view of a meeting asks for the same: without this, many interpreters would cost far more
    than many times one."""

    @wraps(work)
    def remembered(state: Meeting) -> T:
        known = state.derived
        if work not in known:
            known[work] = work(state)
        found: T = known[work]
        return found

    return remembered
