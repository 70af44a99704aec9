"""Who could hear and see whom, and when: worked out from a meeting's log alone. Pure.

"Could" is what the policy allowed and the media workers were told. Whether a microphone was on is not known.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rooms.events import Event
from rooms.meeting import Meeting, evolve
from rooms.people import Participant
from rooms.policy import audience


@dataclass(frozen=True, slots=True)
class Heard:
    """`listener` could receive `sources` of `source` from `begins` to `ends` (seconds since the epoch; None
    while it goes on). `stations`: the numbers of those that were active when it began."""

    listener: Participant
    source: Participant
    sources: tuple[str, ...]
    stations: tuple[int, ...]
    begins: float
    ends: float | None


def hearing(log: Iterable[Event]) -> tuple[Heard, ...]:
    """In the order in which it began. Nothing lasts for less than it takes to tell: what begins and ends with
    the same instant is left out."""
    state: Meeting | None = None
    open_: dict[tuple[str, str], tuple[tuple[str, ...], tuple[int, ...], float]] = {}
    done: list[Heard] = []
    for event in log:
        state = evolve(state, event)
        now = _pairs(state)
        for pair, (sources, stations, begins) in list(open_.items()):
            if now.get(pair) != sources:
                del open_[pair]
                if begins < event.at:
                    done.append(_heard(state, pair, sources, stations, begins, event.at))
        active = tuple(sorted(s.number for s in state.stations if s.active))
        for pair, sources in now.items():
            open_.setdefault(pair, (sources, active, event.at))
    if state is not None:
        for pair, (sources, stations, begins) in open_.items():
            done.append(_heard(state, pair, sources, stations, begins, None))
    return tuple(sorted(done, key=lambda h: (h.begins, h.listener.id, h.source.id)))


def of_agency(heard: Iterable[Heard], agency: str) -> Iterator[Heard]:
    """What an agency may be told: what its own officers could hear, and who could hear them."""
    return (each for each in heard if agency in (each.listener.agency, each.source.agency))


def _pairs(state: Meeting) -> dict[tuple[str, str], tuple[str, ...]]:
    return {
        (listener, source): tuple(sources)
        for listener, heard in audience(state).items()
        for source, sources in heard.items()
    }


def _heard(
    state: Meeting,
    pair: tuple[str, str],
    sources: tuple[str, ...],
    stations: tuple[int, ...],
    begins: float,
    ends: float | None,
) -> Heard:
    listener, source = (state.participants[who] for who in pair)
    return Heard(listener, source, sources, stations, begins, ends)
