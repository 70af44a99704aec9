"""The meetings that are over and have left memory: what is known of them without reading them again."""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf

from rooms.meeting import Meeting


@dataclass(frozen=True, slots=True)
class Past:
    """`at`: when it was to be. `over`: when it was, whatever became of it; long ago for one that is erased
    already."""

    site: str
    at: float
    over: float


class Shelf:
    def __init__(self) -> None:
        self._past: dict[str, Past] = {}

    def put(self, state: Meeting) -> None:
        self._past[state.id] = Past(state.site, begin(state), over(state))

    def take(self, meeting: str) -> None:
        """It is in memory again, or gone for good."""
        self._past.pop(meeting, None)

    def find(self, wanted: Callable[[str, float], bool]) -> list[str]:
        """`wanted` is asked with a meeting's site and when it was to be."""
        return [id_ for id_, past in self._past.items() if wanted(past.site, past.at)]

    def before(self, until: float) -> list[str]:
        """Those that were over by then."""
        return [id_ for id_, past in self._past.items() if past.over <= until]


def begin(state: Meeting) -> float:
    return state.planned_at or state.created_at


def over(state: Meeting) -> float:
    if state.erased_at is not None:
        return -inf
    return state.ended_at or max(state.created_at, state.planned_at or 0.0)
