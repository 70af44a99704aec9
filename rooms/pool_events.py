"""What happened between a meeting and the pool of interpreters: calls for one, and who of them is here with
their attention."""

from dataclasses import dataclass

from rooms.event import Event
from rooms.people import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolEvent(Event):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class InterpreterCalled(PoolEvent):
    """Somebody who leads the meeting asks for an interpreter of this language and kind."""

    call: str
    language: str
    kind: Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPlaced(PoolEvent):
    """So many calls, this one counted, are to be answered until it is."""

    call: str
    place: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CallWithdrawn(PoolEvent):
    call: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLapsed(PoolEvent):
    """Nobody answered in time."""

    call: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallAccepted(PoolEvent):
    """`participant`, somebody of the pool, comes. From now on they are here only with the floor."""

    call: str
    participant: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FloorTaken(PoolEvent):
    """`participant` interprets here and nowhere else. `fence`: of the lease that says so."""

    participant: str
    fence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FloorLeft(PoolEvent):
    """`participant` is in another room, or in none. A lease of a lower fence than this is over."""

    participant: str
    fence: int


POOL_EVENTS: tuple[type[Event], ...] = (
    InterpreterCalled,
    CallPlaced,
    CallWithdrawn,
    CallLapsed,
    CallAccepted,
    FloorTaken,
    FloorLeft,
)
