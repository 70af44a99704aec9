"""What each participant is told of what happened. An event is handed on whole, narrowed, or not at all."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from rooms import events as ev
from rooms import interpreting_events as iev
from rooms import pool_events as pev
from rooms.commands import SYSTEM
from rooms.meeting import Meeting, evolve
from rooms.people import Participant, Phase, Role
from rooms.policy import (
    in_chain,
    phase,
    reads,
    sees_booth,
    sees_handover,
    sees_listening,
    sees_participant,
    sees_station,
)

_ABOUT_STATIONS = (
    ev.StationAdded,
    ev.StationMoved,
    ev.StationChanged,
    ev.StationReturned,
    ev.StationFinished,
    ev.StationSkipped,
)
_ABOUT_PEOPLE = (
    ev.ParticipantInvited,
    ev.ParticipantEntered,
    ev.ParticipantLeft,
    ev.ParticipantAdmitted,
    ev.ParticipantRemoved,
    ev.ReadyChanged,
    ev.LanguageChanged,
    ev.PlaceChanged,
)
_ABOUT_CONSENTS = (
    ev.ConsentAsked,
    ev.ConsentAnswered,
    ev.ConsentWithdrawn,
    ev.ConsentLapsed,
    ev.ConsentRevoked,
)


def told(before: Meeting, event: ev.Event, after: Meeting, participant: str) -> ev.Event | None:
    """`event` as `participant` may know it at that moment, or None. The actor is kept only where it is theirs
    to know: of somebody whom they do not see, it reads as the system's. The call behind it is nobody's."""
    viewer = after.participants.get(participant)
    if viewer is None or viewer.removed:
        return None
    narrowed = _narrowed(before, event, after, viewer)
    if narrowed is None:
        return None
    return replace(_without_hidden_actor(after, narrowed, viewer), request=None)


def feed(events: Iterable[ev.Event], participant: str) -> Iterator[ev.Event]:
    """The whole history as `participant` was told it."""
    state: Meeting | None = None
    for event in events:
        before, state = state, evolve(state, event)
        if before is not None:
            heard = told(before, event, state, participant)
            if heard is not None:
                yield heard


def _narrowed(before: Meeting, event: ev.Event, after: Meeting, viewer: Participant) -> ev.Event | None:
    match event:
        case ev.MeetingEnded() | ev.MeetingErased():
            return event
        case ev.MeetingPaused() | ev.MeetingResumed():
            return event if phase(after, viewer) is Phase.ROOM else None
        case ev.MeetingChanged():
            return event if in_chain(after, viewer) else None
        case ev.StationStarted():
            return _started(event, after, viewer)
        case ev.MessageSent() | ev.LineWritten():
            return replace(event, seen_by=()) if viewer.id in event.seen_by else None
        case ev.SignalSent():
            author = after.participants[event.participant]
            return event if viewer.id == author.id or reads(after, viewer, author) else None
        case ev.ParticipantExcluded() | ev.ParticipantIncluded():
            return event if viewer.role is Role.NEWCOMER else None
    if isinstance(event, _ABOUT_STATIONS):
        station = after.station(event.number)
        return event if station is not None and sees_station(after, viewer, station) else None
    if isinstance(event, _ABOUT_PEOPLE):
        if not _knows_of(before, after, viewer, event.participant):
            return None
        return replace(event, subject=None) if isinstance(event, ev.ParticipantInvited) else event
    if isinstance(event, _ABOUT_CONSENTS):
        return event if in_chain(after, viewer) else None
    if isinstance(event, pev.FloorTaken | pev.FloorLeft):
        # the fence counts the interpreter's hops among all rooms
        return replace(event, fence=0) if _knows_of(before, after, viewer, event.participant) else None
    if isinstance(event, pev.PoolEvent):
        return event if phase(after, viewer) is Phase.ROOM else None
    if isinstance(event, iev.InterpretingEvent):
        return event if _knows_of_interpreting(after, viewer, event) else None
    return None


def _knows_of_interpreting(after: Meeting, viewer: Participant, event: iev.InterpretingEvent) -> bool:
    match event:
        case iev.TermAdded() | iev.TermRemoved():
            return sees_booth(after, viewer)
        case iev.HandoverDone():
            both = (after.participants[who] for who in (event.giver, event.taker))
            return all(sees_participant(after, viewer, one) for one in both)
        case iev.HandoverOffered() | iev.HandoverAccepted() | iev.HandoverWithdrawn() | iev.HandoverLapsed():
            return sees_handover(after, viewer)
        case iev.ListeningChanged():
            return sees_listening(after, viewer, after.participants[event.participant])
        case iev.WorkingLanguagesChanged() | iev.DirectionChanged() | iev.ModeChanged() | iev.RelayChanged():
            return sees_participant(after, viewer, after.participants[event.participant])
        case _:
            return False


def _started(event: ev.StationStarted, after: Meeting, viewer: Participant) -> ev.Event | None:
    if viewer.role is not Role.OFFICER:
        return event if in_chain(after, viewer) else None
    if event.number == viewer.station:
        return ev.StationStarted(at=event.at, actor=event.actor, number=event.number)
    if viewer.station in event.returned:
        return ev.StationReturned(at=event.at, actor=event.actor, number=viewer.station)
    return None


def _knows_of(before: Meeting, after: Meeting, viewer: Participant, participant: str) -> bool:
    other = after.participants[participant]
    if sees_participant(after, viewer, other):
        return True
    earlier, then = before.participants.get(participant), before.participants.get(viewer.id)
    return earlier is not None and then is not None and sees_participant(before, then, earlier)


def _without_hidden_actor(after: Meeting, event: ev.Event, viewer: Participant) -> ev.Event:
    actor = after.participants.get(event.actor)
    if actor is not None and sees_participant(after, viewer, actor):
        return event
    if actor is None and viewer.role in (Role.NEWCOMER, Role.HOST):
        return event
    return replace(event, actor=SYSTEM)
