"""What happened around interpreting. Each event says what somebody chose; who is heard follows from them all
(`rooms.channels`), and so do the minutes."""

from dataclasses import dataclass
from enum import StrEnum

from rooms.event import Event


class Mode(StrEnum):
    """Consecutive: the interpreter speaks when the others pause. Simultaneous: over their voices."""

    CONSECUTIVE = "consecutive"
    SIMULTANEOUS = "simultaneous"


class Relay(StrEnum):
    """What an interpreter works from. Automatic: another interpreter's voice where what is spoken is none of
    the own languages."""

    AUTOMATIC = "automatic"
    FLOOR = "floor"
    INTERPRETER = "interpreter"


@dataclass(frozen=True, slots=True, kw_only=True)
class InterpretingEvent(Event):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkingLanguagesChanged(InterpretingEvent):
    """`languages`: those that the interpreter works between in this meeting."""

    participant: str
    languages: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectionChanged(InterpretingEvent):
    """`into` None: the interpreter has handed the floor back. `source` None: whatever is spoken."""

    participant: str
    into: str | None
    source: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeChanged(InterpretingEvent):
    """`automatic`: the floor is lifted by itself when the interpreter falls silent."""

    participant: str
    mode: Mode
    automatic: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayChanged(InterpretingEvent):
    """What the interpreter works from: the floor, another interpreter, or whichever they understand."""

    participant: str
    relay: Relay


@dataclass(frozen=True, slots=True, kw_only=True)
class ListeningChanged(InterpretingEvent):
    """The language that the participant wants to hear."""

    participant: str
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoverOffered(InterpretingEvent):
    """`giver` asks `taker`, a colleague in the room, to go on in their place."""

    handover: str
    giver: str
    taker: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoverAccepted(InterpretingEvent):
    """The countdown begins; until it is over the giver goes on."""

    handover: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoverWithdrawn(InterpretingEvent):
    """By either of the two, before it was done."""

    handover: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoverLapsed(InterpretingEvent):
    """Nobody answered in time."""

    handover: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoverDone(InterpretingEvent):
    """From this instant `taker` interprets instead of `giver`, in the same direction and manner."""

    handover: str
    giver: str
    taker: str
    into: str | None
    source: str | None
    mode: Mode
    automatic: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TermAdded(InterpretingEvent):
    """A word and how it is said in another language, for the interpreters of this meeting alone."""

    term: str
    text: str
    language: str
    translation: str
    into: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TermRemoved(InterpretingEvent):
    term: str


INTERPRETING_EVENTS: tuple[type[Event], ...] = (
    WorkingLanguagesChanged,
    DirectionChanged,
    ModeChanged,
    RelayChanged,
    ListeningChanged,
    HandoverOffered,
    HandoverAccepted,
    HandoverWithdrawn,
    HandoverLapsed,
    HandoverDone,
    TermAdded,
    TermRemoved,
)
