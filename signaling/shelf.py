"""The meetings that are over and have left memory: what is known of them without reading them again."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from math import inf
from zoneinfo import ZoneInfo

from rooms.meeting import Meeting

ZONE = ZoneInfo("Europe/Stockholm")


@dataclass(frozen=True, slots=True)
class Past:
    """`over`: when it was, whatever became of it; long ago for one that is erased already."""

    site: str
    day: date
    over: float


class Shelf:
    def __init__(self) -> None:
        self._past: dict[str, Past] = {}

    def put(self, state: Meeting) -> None:
        self._past[state.id] = Past(state.site, day_of(state), over(state))

    def take(self, meeting: str) -> None:
        """It is in memory again, or gone for good."""
        self._past.pop(meeting, None)

    def find(self, site: str | None, days: Collection[date] | None) -> list[str]:
        """None means any."""
        return [
            id_
            for id_, past in self._past.items()
            if site in (None, past.site) and (days is None or past.day in days)
        ]

    def before(self, until: float) -> list[str]:
        """Those that were over by then."""
        return [id_ for id_, past in self._past.items() if past.over <= until]


def day_of(state: Meeting) -> date:
    return datetime.fromtimestamp(state.planned_at or state.created_at, ZONE).date()


def over(state: Meeting) -> float:
    if state.erased_at is not None:
        return -inf
    return state.ended_at or max(state.created_at, state.planned_at or 0.0)
