"""Holds what `hearing` makes of a log against the audience at every moment of it."""

from collections.abc import Sequence

from rooms.events import Event
from rooms.hearing import Heard, hearing
from rooms.meeting import Meeting, evolve
from rooms.policy import audience


def demand_true(log: Sequence[Event]) -> None:
    rows = hearing(log)
    state: Meeting | None = None
    for event, following in zip(log, (*log[1:], None), strict=True):
        state = evolve(state, event)
        if following is None or following.at > event.at:
            expected = {
                who: {s: tuple(k) for s, k in heard.items()} for who, heard in audience(state).items()
            }
            assert _at(rows, event.at) == expected


def _at(rows: Sequence[Heard], at: float) -> dict[str, dict[str, tuple[str, ...]]]:
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for each in rows:
        if each.begins <= at and (each.ends is None or at < each.ends):
            found.setdefault(each.listener.id, {})[each.source.id] = each.sources
    return found
