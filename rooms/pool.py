"""The pool of interpreters, who are called into any meeting and go from one to another. Pure.

One person has the floor in one meeting at a time. A lease, kept outside of all meetings, says in which; each
time it changes hands its fence grows by one. Before that the meeting that loses the floor is told the coming
fence, and from then on takes no lower one: so what comes late from a hop that was overtaken opens nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from rooms import events as ev
from rooms import pool_events as pev
from rooms.people import Kind


@dataclass(frozen=True, slots=True)
class InterpreterCall:
    """`place`: in the queue for this language and kind, over all meetings; None while it is not known."""

    id: str
    by: str
    language: str
    kind: Kind
    at: float
    place: int | None = None


@dataclass(frozen=True, slots=True)
class Floor:
    """`fence`: no lease below it counts any more."""

    fence: int = 0
    held: bool = False


@dataclass(frozen=True, slots=True)
class Pooled:
    """One meeting's part. `floors`: of its interpreters who came from the pool; the others need none."""

    calls: tuple[InterpreterCall, ...] = ()
    floors: Mapping[str, Floor] = field(default_factory=lambda: MappingProxyType({}))

    def call(self, id_: str) -> InterpreterCall | None:
        return next((call for call in self.calls if call.id == id_), None)

    def attends(self, participant: str) -> bool:
        """Is this participant in this room rather than in another one?"""
        floor = self.floors.get(participant)
        return floor is None or floor.held


NOTHING_CALLED = Pooled()


def followed(pooled: Pooled, event: ev.Event) -> Pooled:
    """After any event of the meeting."""
    match event:
        case pev.InterpreterCalled():
            made = InterpreterCall(event.call, event.actor, event.language, event.kind, event.at)
            return replace(pooled, calls=(*pooled.calls, made))
        case pev.CallPlaced():
            return replace(
                pooled,
                calls=tuple(
                    replace(call, place=event.place) if call.id == event.call else call
                    for call in pooled.calls
                ),
            )
        case pev.CallWithdrawn() | pev.CallLapsed():
            return _without_call(pooled, event.call)
        case pev.CallAccepted():
            answered = _without_call(pooled, event.call)
            if event.participant in pooled.floors:
                return answered
            return _with_floor(answered, event.participant, Floor())
        case pev.FloorTaken():
            return _with_floor(pooled, event.participant, Floor(event.fence, True))
        case pev.FloorLeft():
            return _with_floor(pooled, event.participant, Floor(event.fence, False))
        case ev.ParticipantRemoved() if event.participant in pooled.floors:
            return _with_floor(
                pooled, event.participant, replace(pooled.floors[event.participant], held=False)
            )
        case ev.MeetingEnded() if pooled.calls or pooled.floors:
            left = {who: replace(floor, held=False) for who, floor in pooled.floors.items()}
            return Pooled((), MappingProxyType(left))
        case _:
            return pooled


def _without_call(pooled: Pooled, id_: str) -> Pooled:
    return replace(pooled, calls=tuple(call for call in pooled.calls if call.id != id_))


def _with_floor(pooled: Pooled, participant: str, floor: Floor) -> Pooled:
    return replace(pooled, floors=MappingProxyType({**pooled.floors, participant: floor}))


@dataclass(frozen=True, slots=True)
class Interpreter:
    """Somebody of the pool. `sites`: those that they serve, empty for all; `until`: when they go home today,
    None while they are not to be called."""

    subject: str
    name: str
    languages: tuple[str, ...] = ()
    kind: Kind = Kind.SPOKEN
    sites: tuple[str, ...] = ()
    until: float | None = None

    def available(self, now: float) -> bool:
        return self.until is not None and now < self.until

    def serves(self, site: str) -> bool:
        return not self.sites or site in self.sites

    def fits(self, call: InterpreterCall, site: str, now: float) -> bool:
        able = call.kind is self.kind and call.language in self.languages
        return able and self.serves(site) and self.available(now)


def in_line(calls: Iterable[InterpreterCall]) -> Mapping[str, int]:
    """Call → place in its queue, from 1. There is a queue for each language and kind; whoever called first is
    first."""
    served: dict[tuple[str, Kind], int] = {}
    places: dict[str, int] = {}
    for call in sorted(calls, key=lambda each: (each.at, each.id)):
        queue = call.language, call.kind
        served[queue] = places[call.id] = served.get(queue, 0) + 1
    return places
