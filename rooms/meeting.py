"""The state of one meeting, and how each event changes it. Pure: the same events give the same state."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from rooms import events as ev
from rooms import pool
from rooms.commands import STAFF
from rooms.interpreting import NOTHING_SET, Interpreting, followed
from rooms.interpreting_events import InterpretingEvent
from rooms.people import ONE_ADULT, Participant, Party, Role
from rooms.pool import NOTHING_CALLED, Pooled
from rooms.pool_events import PoolEvent


class StationState(StrEnum):
    PLANNED = "planned"
    CALLED = "called"
    ACTIVE = "active"
    DONE = "done"
    SKIPPED = "skipped"


REQUESTS_KEPT = 256
"""So many calls, the newest, are known as carried out."""

FINAL = frozenset({StationState.DONE, StationState.SKIPPED})


@dataclass(frozen=True, slots=True)
class Station:
    """One agency's part. `number` is its identity for ever; its place in the day is the order in the meeting.

    `paused` counts seconds during which the meeting stood still while this station was active;
    `break_after` is minutes of rest before the next station.
    """

    number: int
    agency: str
    purpose: str
    minutes: int
    state: StationState = StationState.PLANNED
    started_at: float | None = None
    ended_at: float | None = None
    paused: float = 0.0
    break_after: int = 0

    @property
    def active(self) -> bool:
        return self.state is StationState.ACTIVE

    @property
    def final(self) -> bool:
        return self.state in FINAL


@dataclass(frozen=True, slots=True)
class Question:
    """An open consent question on the newcomer's screen."""

    id: str
    kind: str
    stations: frozenset[int]
    asked_by: str
    asked_at: float


@dataclass(frozen=True, slots=True)
class Consent:
    """A standing yes of the newcomer's. Its id is the id of the question it answered."""

    id: str
    kind: str
    stations: frozenset[int]
    at: float


BOOTH = "booth"
"""The line between the interpreters of a meeting."""


@dataclass(frozen=True, slots=True)
class Message:
    """`station`: where it was written (None between stations). `line`: the participant of a private line with
    the host, who is in the lobby or interprets; or `BOOTH`. `seen_by`: everybody who could receive it when it
    was written."""

    id: str
    at: float
    sender: str
    text: str
    station: int | None
    line: str | None
    seen_by: frozenset[str]


@dataclass(frozen=True, slots=True)
class Line:
    """What was written letter by letter, finished. `corrects`: the line that it stands in for."""

    id: str
    at: float
    sender: str
    text: str
    language: str
    station: int | None
    corrects: str | None
    seen_by: frozenset[str]


@dataclass(frozen=True, slots=True)
class Meeting:
    id: str
    site: str
    alias: str
    created_at: float
    route: str | None = None
    party: Party = ONE_ADULT
    languages: tuple[str, ...] = ()
    planned_at: float | None = None
    room: str | None = None
    stations: tuple[Station, ...] = ()
    participants: Mapping[str, Participant] = field(default_factory=lambda: MappingProxyType({}))
    excluded: frozenset[tuple[str, int]] = frozenset()
    question: Question | None = None
    question_closed_at: float | None = None
    consents: tuple[Consent, ...] = ()
    messages: tuple[Message, ...] = ()
    lines: tuple[Line, ...] = ()
    interpreting: Interpreting = NOTHING_SET
    pool: Pooled = NOTHING_CALLED
    signalled: Mapping[tuple[str, str], float] = field(default_factory=lambda: MappingProxyType({}))
    paused_at: float | None = None
    ended_at: float | None = None
    erased_at: float | None = None
    requests: tuple[str, ...] = ()
    updated_at: float = 0.0
    version: int = 0
    derived: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    """What `rooms.derived` has worked out from this very state."""

    @property
    def paused(self) -> bool:
        return self.paused_at is not None

    @property
    def ended(self) -> bool:
        return self.ended_at is not None

    def station(self, number: int | None) -> Station | None:
        return next((s for s in self.stations if s.number == number), None)

    def position(self, number: int) -> int:
        """The station's place in the day, from 1."""
        return next(i for i, s in enumerate(self.stations, 1) if s.number == number)


def fold(events: Iterable[ev.Event], state: Meeting | None = None) -> Meeting | None:
    for event in events:
        state = evolve(state, event)
    return state


def evolve(state: Meeting | None, event: ev.Event) -> Meeting:
    """The state after `event`. Raises ValueError for a log that does not begin with its creation."""
    if isinstance(event, ev.MeetingCreated):
        after = Meeting(
            id=event.meeting,
            site=event.site,
            alias=event.alias,
            created_at=event.at,
            route=event.route,
            party=event.party,
            languages=event.languages,
            planned_at=event.planned_at,
            room=event.room,
        )
    elif state is None:
        raise ValueError(f"a log cannot begin with {type(event).__name__}")
    else:
        after = _apply(state, event)
    after = replace(after, interpreting=followed(after.interpreting, event, _role_of(after, event)))
    after = replace(after, pool=pool.followed(after.pool, event))
    if event.request is not None:
        after = replace(after, requests=(*after.requests, event.request)[-REQUESTS_KEPT:])
    version = 0 if state is None else state.version
    return replace(after, version=version + 1, updated_at=event.at)


def _role_of(state: Meeting, event: ev.Event) -> Role | None:
    person = state.participants.get(getattr(event, "participant", ""))
    return None if person is None else person.role


def _apply(state: Meeting, event: ev.Event) -> Meeting:
    match event:
        case ev.MeetingChanged():
            return replace(
                state,
                alias=event.alias,
                party=event.party,
                languages=event.languages,
                planned_at=event.planned_at,
                room=event.room,
            )
        case ev.MeetingPaused():
            return replace(state, paused_at=event.at)
        case ev.MeetingResumed():
            return _resumed(state, event.at)
        case ev.MeetingEnded():
            return _ended(state, event.at)
        case ev.MeetingErased():
            return replace(state, erased_at=event.at, messages=(), lines=())
        case ev.MessageSent():
            return _with_message(state, event)
        case ev.LineWritten():
            return _with_line(state, event)
        case ev.SignalSent():
            last = {**state.signalled, (event.participant, event.signal): event.at}
            return replace(state, signalled=MappingProxyType(last))
        case InterpretingEvent() | PoolEvent():
            return state
        case (
            ev.StationAdded()
            | ev.StationMoved()
            | ev.StationChanged()
            | ev.StationStarted()
            | ev.StationReturned()
            | ev.StationFinished()
            | ev.StationSkipped()
        ):
            return _apply_to_stations(state, event)
        case (
            ev.ConsentAsked()
            | ev.ConsentAnswered()
            | ev.ConsentWithdrawn()
            | ev.ConsentLapsed()
            | ev.ConsentRevoked()
        ):
            return _apply_to_consents(state, event)
        case _:
            return _apply_to_people(state, event)


def _apply_to_stations(state: Meeting, event: ev.Event) -> Meeting:
    match event:
        case ev.StationAdded():
            added = Station(
                event.number, event.agency, event.purpose, event.minutes, break_after=event.break_after
            )
            return replace(state, stations=(*state.stations, added))
        case ev.StationMoved():
            moved = state.station(event.number)
            assert moved is not None
            order = [s for s in state.stations if s.number != event.number]
            order.insert(event.position - 1, moved)
            return replace(state, stations=tuple(order))
        case ev.StationChanged():
            return _station(
                state,
                event.number,
                lambda s: replace(
                    s, purpose=event.purpose, minutes=event.minutes, break_after=event.break_after
                ),
            )
        case ev.StationStarted():
            state = _unready(state, {event.number, *event.returned})
            for number in event.returned:
                state = _station(state, number, lambda s: replace(s, state=StationState.CALLED))
            return _station(
                state,
                event.number,
                lambda s: replace(s, state=StationState.ACTIVE, started_at=event.at, paused=0.0),
            )
        case ev.StationReturned():
            return _station(state, event.number, lambda s: replace(s, state=StationState.CALLED))
        case ev.StationFinished():
            return _station(
                state, event.number, lambda s: replace(s, state=StationState.DONE, ended_at=event.at)
            )
        case ev.StationSkipped():
            return _station(
                state, event.number, lambda s: replace(s, state=StationState.SKIPPED, ended_at=event.at)
            )
        case _:
            raise ValueError(f"not an event of stations: {type(event).__name__}")


def _apply_to_consents(state: Meeting, event: ev.Event) -> Meeting:
    match event:
        case ev.ConsentAsked():
            asked = Question(event.question, event.kind, frozenset(event.stations), event.actor, event.at)
            return replace(state, question=asked)
        case ev.ConsentAnswered():
            question = state.question
            assert question is not None
            given = (
                (Consent(question.id, question.kind, question.stations, event.at),) if event.granted else ()
            )
            return replace(
                state, question=None, question_closed_at=event.at, consents=(*state.consents, *given)
            )
        case ev.ConsentWithdrawn() | ev.ConsentLapsed():
            return replace(state, question=None, question_closed_at=event.at)
        case ev.ConsentRevoked():
            kept = tuple(c for c in state.consents if c.id != event.consent)
            return replace(state, consents=kept)
        case _:
            raise ValueError(f"not an event of consents: {type(event).__name__}")


def _whose_doing(state: Meeting, actor: str) -> Role | None:
    """The newcomer or the host, for whom staff of the office stand; none for everybody else."""
    if actor.startswith(STAFF):
        return Role.HOST
    person = state.participants.get(actor)
    return person.role if person and person.role in (Role.NEWCOMER, Role.HOST) else None


def _apply_to_people(state: Meeting, event: ev.Event) -> Meeting:
    match event:
        case ev.ParticipantInvited():
            person = Participant(
                id=event.participant,
                role=event.role,
                name=event.name,
                language=event.language,
                place=event.place,
                agency=event.agency,
                station=event.station,
                subject=event.subject,
                kind=event.kind,
            )
            people = MappingProxyType({**state.participants, person.id: person})
            called = state.station(event.station)
            if called is not None and called.state is StationState.PLANNED:
                state = _station(state, called.number, lambda s: replace(s, state=StationState.CALLED))
            return replace(state, participants=people)
        case ev.ParticipantEntered():
            return _person(state, event.participant, lambda p: replace(p, present_since=event.at, came=True))
        case ev.ParticipantLeft():
            return _person(state, event.participant, lambda p: replace(p, present_since=None, ready=False))
        case ev.ParticipantAdmitted():
            return _person(state, event.participant, lambda p: replace(p, admitted=True))
        case ev.ParticipantRemoved():
            by = _whose_doing(state, event.actor)
            return _person(
                state,
                event.participant,
                lambda p: replace(p, removed=True, sent_away=by, present_since=None, admitted=False),
            )
        case ev.ReadyChanged():
            return _person(state, event.participant, lambda p: replace(p, ready=event.ready))
        case ev.LanguageChanged():
            return _person(state, event.participant, lambda p: replace(p, language=event.language))
        case ev.PlaceChanged():
            return _person(state, event.participant, lambda p: replace(p, place=event.place))
        case ev.ParticipantExcluded():
            return replace(state, excluded=state.excluded | {(event.participant, event.station)})
        case ev.ParticipantIncluded():
            return replace(state, excluded=state.excluded - {(event.participant, event.station)})
        case _:
            raise ValueError(f"unknown event {type(event).__name__}")


def _station(state: Meeting, number: int, change: Callable[[Station], Station]) -> Meeting:
    return replace(state, stations=tuple(change(s) if s.number == number else s for s in state.stations))


def _person(state: Meeting, participant: str, change: Callable[[Participant], Participant]) -> Meeting:
    people = {**state.participants, participant: change(state.participants[participant])}
    return replace(state, participants=MappingProxyType(people))


def _unready(state: Meeting, stations: set[int]) -> Meeting:
    """A new part begins: the newcomer and the officers concerned say anew when they are ready."""
    people = {
        p.id: replace(p, ready=False) if p.role is Role.NEWCOMER or p.station in stations else p
        for p in state.participants.values()
    }
    return replace(state, participants=MappingProxyType(people))


def _resumed(state: Meeting, at: float) -> Meeting:
    paused_at = at if state.paused_at is None else state.paused_at

    def stood_still(station: Station) -> Station:
        if not station.active or station.started_at is None:
            return station
        return replace(station, paused=station.paused + at - max(paused_at, station.started_at))

    return replace(state, stations=tuple(map(stood_still, state.stations)), paused_at=None)


def _ended(state: Meeting, at: float) -> Meeting:
    for station in state.stations:
        if station.active:
            state = _station(
                state, station.number, lambda s: replace(s, state=StationState.DONE, ended_at=at)
            )
    return replace(state, ended_at=at, paused_at=None, question=None)


def _with_message(state: Meeting, event: ev.MessageSent) -> Meeting:
    sent = Message(
        id=event.message,
        at=event.at,
        sender=event.sender,
        text=event.text,
        station=event.station,
        line=event.line,
        seen_by=frozenset(event.seen_by),
    )
    return replace(state, messages=(*state.messages, sent))


def _with_line(state: Meeting, event: ev.LineWritten) -> Meeting:
    written = Line(
        id=event.line,
        at=event.at,
        sender=event.sender,
        text=event.text,
        language=event.language,
        station=event.station,
        corrects=event.corrects,
        seen_by=frozenset(event.seen_by),
    )
    return replace(state, lines=(*state.lines, written))
