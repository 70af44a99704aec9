"""What a participant is shown of interpreting: only of those whom they see."""

from dataclasses import dataclass
from datetime import datetime

from rooms.channels import (
    direction_of,
    floor_languages,
    interpreter_for,
    interpreters,
    listening_language,
    on_duty,
    relay_of,
    working_languages,
)
from rooms.instants import instant, maybe
from rooms.interpreting_events import Mode, Relay
from rooms.limits import HANDOVER_COUNTDOWN, HANDOVER_LIFETIME
from rooms.meeting import Meeting
from rooms.people import Participant, Phase
from rooms.policy import phase, sees_booth, sees_handover, sees_listening, sees_participant


@dataclass(frozen=True, slots=True)
class InterpreterAtWork:
    """`into` and `source`: the direction now; of one who is not `on_duty` the one they would take up.
    `relay`: the interpreter from whom this one works, None for the floor; `chosen`: what they asked for.
    `since`: when they came or took over."""

    participant: str
    languages: tuple[str, ...]
    into: str | None
    source: str | None
    mode: Mode
    automatic: bool
    on_duty: bool
    relay: str | None
    chosen: Relay
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Listener:
    participant: str
    language: str


@dataclass(frozen=True, slots=True)
class HandoverView:
    """`due_at`: when it is done if it is accepted, or lapses if it is not."""

    id: str
    giver: str
    taker: str
    offered_at: datetime
    accepted_at: datetime | None
    due_at: datetime


@dataclass(frozen=True, slots=True)
class TermView:
    id: str
    author: str
    text: str
    language: str
    translation: str
    into: str


@dataclass(frozen=True, slots=True)
class InterpretingView:
    """`language`: what the viewer listens to; `heard`: who speaks into it now. `floor`: what may be spoken
    without an interpreter. `listeners` are for interpreters and hosts, `terms` for interpreters."""

    language: str
    heard: str | None
    floor: tuple[str, ...]
    interpreters: tuple[InterpreterAtWork, ...]
    listeners: tuple[Listener, ...]
    handover: HandoverView | None
    terms: tuple[TermView, ...]


def interpreting_view(state: Meeting, viewer: Participant) -> InterpretingView:
    language = listening_language(state, viewer.id)
    if phase(state, viewer) is not Phase.ROOM:
        return InterpretingView(language, None, (), (), (), None, ())
    heard = interpreter_for(state, viewer)
    return InterpretingView(
        language=language,
        heard=None if heard is None else heard.id,
        floor=floor_languages(state),
        interpreters=_interpreters(state, viewer),
        listeners=_listeners(state, viewer),
        handover=_handover(state) if sees_handover(state, viewer) else None,
        terms=_terms(state) if sees_booth(state, viewer) else (),
    )


def _interpreters(state: Meeting, viewer: Participant) -> tuple[InterpreterAtWork, ...]:
    working = on_duty(state)
    return tuple(
        _interpreter(state, viewer, p, p in working)
        for p in interpreters(state)
        if sees_participant(state, viewer, p)
    )


def _interpreter(state: Meeting, viewer: Participant, who: Participant, duty: bool) -> InterpreterAtWork:
    desk, direction = state.interpreting.desk(who.id), direction_of(state, who.id)
    relay = relay_of(state, who.id)
    if relay is not None and not sees_participant(state, viewer, relay):
        relay = None
    return InterpreterAtWork(
        participant=who.id,
        languages=working_languages(state, who.id),
        into=direction.into,
        source=direction.source,
        mode=desk.mode,
        automatic=desk.automatic,
        on_duty=duty,
        relay=None if relay is None else relay.id,
        chosen=desk.relay,
        since=maybe(state.interpreting.since.get(who.id)),
    )


def _listeners(state: Meeting, viewer: Participant) -> tuple[Listener, ...]:
    if not sees_handover(state, viewer):
        return ()
    return tuple(
        Listener(p.id, listening_language(state, p.id))
        for p in state.participants.values()
        if p.id != viewer.id and sees_listening(state, viewer, p)
    )


def _handover(state: Meeting) -> HandoverView | None:
    open_ = state.interpreting.handover
    if open_ is None:
        return None
    lapses = open_.offered_at + HANDOVER_LIFETIME
    due = lapses if open_.accepted_at is None else open_.accepted_at + HANDOVER_COUNTDOWN
    return HandoverView(
        id=open_.id,
        giver=open_.giver,
        taker=open_.taker,
        offered_at=instant(open_.offered_at),
        accepted_at=maybe(open_.accepted_at),
        due_at=instant(due),
    )


def _terms(state: Meeting) -> tuple[TermView, ...]:
    return tuple(
        TermView(t.id, t.author, t.text, t.language, t.translation, t.into) for t in state.interpreting.terms
    )
