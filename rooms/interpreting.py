"""Interpreting as state: what each interpreter and each listener has chosen. Who is heard in which language
follows from it, in `rooms.channels`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from rooms import events as ev
from rooms import interpreting_events as iev
from rooms import pool_events as pev
from rooms.interpreting_events import Mode, Relay
from rooms.people import Role


@dataclass(frozen=True, slots=True)
class Desk:
    """One interpreter's settings. `languages` empty: those of the meeting. `turn` counts the changes of
    direction in the meeting; the later wish goes first."""

    languages: tuple[str, ...] = ()
    into: str | None = None
    source: str | None = None
    turn: int = 0
    mode: Mode = Mode.CONSECUTIVE
    automatic: bool = True
    relay: Relay = Relay.AUTOMATIC

    @property
    def standing_by(self) -> bool:
        return self.turn > 0 and self.into is None


@dataclass(frozen=True, slots=True)
class Handover:
    """`giver` goes on until it is done, `accepted_at` plus the countdown."""

    id: str
    giver: str
    taker: str
    offered_at: float
    accepted_at: float | None = None


@dataclass(frozen=True, slots=True)
class Term:
    id: str
    author: str
    at: float
    text: str
    language: str
    translation: str
    into: str


@dataclass(frozen=True, slots=True)
class Interpreting:
    """`order`: the interpreters who are here, in line. `since`: when each came or took over. `listening`:
    participant → language. `asked_for`: the languages for which those who lead wanted somebody."""

    desks: Mapping[str, Desk] = field(default_factory=lambda: MappingProxyType({}))
    order: tuple[str, ...] = ()
    since: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    turns: int = 0
    listening: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    handover: Handover | None = None
    terms: tuple[Term, ...] = ()
    asked_for: frozenset[str] = frozenset()

    def desk(self, interpreter: str) -> Desk:
        return self.desks.get(interpreter, _UNCHANGED)


_UNCHANGED = Desk()
NOTHING_SET = Interpreting()


def followed(state: Interpreting, event: ev.Event, role: Role | None) -> Interpreting:
    """The state after any event of the meeting; `role` is that of the participant whom it is about."""
    match event:
        case iev.InterpretingEvent():
            return _apply(state, event)
        case ev.ParticipantInvited():
            return _listening(state, event.participant, event.language)
        case ev.ParticipantEntered() | pev.FloorTaken() if role is Role.INTERPRETER:
            waiting = tuple(who for who in state.order if who != event.participant)
            return _begun(replace(state, order=(*waiting, event.participant)), event.participant, event.at)
        case ev.ParticipantLeft() | ev.ParticipantRemoved() | pev.FloorLeft() if role is Role.INTERPRETER:
            return _without(state, event.participant)
        case pev.InterpreterCalled():
            return replace(state, asked_for=state.asked_for | {event.language})
        case ev.MeetingEnded():
            return replace(state, handover=None)
        case ev.MeetingErased():
            return replace(state, terms=())
        case _:
            return state


def _apply(state: Interpreting, event: iev.InterpretingEvent) -> Interpreting:
    match event:
        case iev.WorkingLanguagesChanged():
            if event.actor != event.participant:
                state = replace(state, asked_for=state.asked_for | set(event.languages))
            return _desk(state, event.participant, lambda d: replace(d, languages=event.languages))
        case iev.DirectionChanged():
            return _turned(state, event.participant, event.into, event.source)
        case iev.ModeChanged():
            return _manner(state, event.participant, event.mode, event.automatic)
        case iev.RelayChanged():
            return _desk(state, event.participant, lambda d: replace(d, relay=event.relay))
        case iev.ListeningChanged():
            return _listening(state, event.participant, event.language)
        case iev.TermAdded():
            added = Term(
                event.term, event.actor, event.at, event.text, event.language, event.translation, event.into
            )
            return replace(state, terms=(*state.terms, added))
        case iev.TermRemoved():
            return replace(state, terms=tuple(t for t in state.terms if t.id != event.term))
        case _:
            return _handed(state, event)


def _handed(state: Interpreting, event: iev.InterpretingEvent) -> Interpreting:
    match event:
        case iev.HandoverOffered():
            return replace(state, handover=Handover(event.handover, event.giver, event.taker, event.at))
        case iev.HandoverAccepted():
            assert state.handover is not None
            return replace(state, handover=replace(state.handover, accepted_at=event.at))
        case iev.HandoverWithdrawn() | iev.HandoverLapsed():
            return replace(state, handover=None)
        case iev.HandoverDone():
            return _taken_over(state, event)
        case _:
            raise ValueError(f"unknown event {type(event).__name__}")


def _taken_over(state: Interpreting, event: iev.HandoverDone) -> Interpreting:
    """The taker's place is just before the giver's, so that nobody else's changes."""
    order = [who for who in state.order if who != event.taker]
    order.insert(order.index(event.giver), event.taker)
    state = replace(state, handover=None, order=tuple(order))
    state = _turned(_begun(state, event.taker, event.at), event.taker, event.into, event.source)
    return _manner(state, event.taker, event.mode, event.automatic)


def _turned(state: Interpreting, interpreter: str, into: str | None, source: str | None) -> Interpreting:
    turn = state.turns + 1
    state = replace(state, turns=turn)
    return _desk(state, interpreter, lambda d: replace(d, into=into, source=source, turn=turn))


def _begun(state: Interpreting, interpreter: str, at: float) -> Interpreting:
    return replace(state, since=MappingProxyType({**state.since, interpreter: at}))


def _manner(state: Interpreting, interpreter: str, mode: Mode, automatic: bool) -> Interpreting:
    return _desk(state, interpreter, lambda d: replace(d, mode=mode, automatic=automatic))


def _without(state: Interpreting, interpreter: str) -> Interpreting:
    handover = state.handover
    if handover is not None and interpreter in (handover.giver, handover.taker):
        handover = None
    return replace(state, handover=handover, order=tuple(who for who in state.order if who != interpreter))


def _desk(state: Interpreting, interpreter: str, change: Callable[[Desk], Desk]) -> Interpreting:
    desks = {**state.desks, interpreter: change(state.desk(interpreter))}
    return replace(state, desks=MappingProxyType(desks))


def _listening(state: Interpreting, participant: str, language: str) -> Interpreting:
    return replace(state, listening=MappingProxyType({**state.listening, participant: language}))
