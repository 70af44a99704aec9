"""Who takes part: invited, there or away, let in, removed, kept outside, and what they say of themselves."""

from collections.abc import Iterator

from rooms import commands as cmd
from rooms import events as ev
from rooms.errors import Reason, Rejected
from rooms.limits import MAX_NAME, MAX_OFFICERS, MAX_OFFICERS_EVER
from rooms.meeting import Meeting
from rooms.people import Kind, Place, Role
from rooms.policy import Action, answers_for, may_remove
from rooms.rules.checks import (
    check_language,
    check_text,
    demand,
    demand_room,
    demand_self,
    existing_person,
    newcomer_of,
    officers_of,
    oneself,
    open_station,
    some_active,
)


def invite(state: Meeting, command: cmd.Invite, now: float) -> Iterator[ev.Event]:
    demand(state, command, Action.INVITE)
    if not answers_for(command.actor, command.role, command.agency):
        raise Rejected(Reason.NOT_ALLOWED, "an agency lets in officers of its own")
    if command.participant in state.participants:
        raise Rejected(Reason.PARTICIPANT_EXISTS, "there is already a participant with this id")
    demand_room(state)
    check_text(command.name, MAX_NAME, "name", empty=True)
    check_language(command.language)
    if command.role is Role.OFFICER:
        if command.station is None or command.agency is None:
            raise Rejected(Reason.INVALID, "an officer is invited by an agency to a station")
        station = open_station(state, command.station)
        if station.agency != command.agency:
            raise Rejected(Reason.AGENCY_MISMATCH, "the station belongs to another agency")
        if len(officers_of(state, station.number)) >= MAX_OFFICERS:
            raise Rejected(Reason.STATION_FULL, f"a station has at most {MAX_OFFICERS} officers")
        if sum(p.station == station.number for p in state.participants.values()) >= MAX_OFFICERS_EVER:
            raise Rejected(Reason.STATION_FULL, f"a station has had {MAX_OFFICERS_EVER} officers")
    elif command.station is not None or command.agency is not None:
        raise Rejected(Reason.INVALID, "only officers belong to an agency and a station")
    if command.kind is not None and command.role is not Role.INTERPRETER:
        raise Rejected(Reason.INVALID, "only interpreters are of a kind")
    if command.role is Role.NEWCOMER and newcomer_of(state) is not None:
        raise Rejected(Reason.PARTICIPANT_EXISTS, "the newcomer's people are one participant")
    yield ev.ParticipantInvited(
        at=now,
        actor=command.actor,
        participant=command.participant,
        role=command.role,
        name=command.name.strip(),
        language=command.language,
        place=command.place,
        agency=command.agency,
        station=command.station,
        subject=command.subject,
        kind=command.kind or (Kind.SPOKEN if command.role is Role.INTERPRETER else None),
    )


def enter(state: Meeting, command: cmd.Enter, now: float) -> Iterator[ev.Event]:
    person = existing_person(state, command.participant)
    demand_self(command, person)
    if person.removed:
        raise Rejected(Reason.PARTICIPANT_REMOVED, "the invitation has been taken back")
    if not person.present:
        yield ev.ParticipantEntered(at=now, actor=command.actor, participant=person.id)


def leave(state: Meeting, command: cmd.Leave, now: float) -> Iterator[ev.Event]:
    person = existing_person(state, command.participant)
    demand_self(command, person)
    if person.present:
        yield ev.ParticipantLeft(at=now, actor=command.actor, participant=person.id)


def admit(state: Meeting, command: cmd.Admit, now: float) -> Iterator[ev.Event]:
    demand(state, command, Action.ADMIT)
    person = existing_person(state, command.participant)
    if person.role not in (Role.COMPANION, Role.ATTENDEE):
        raise Rejected(
            Reason.INVALID, "officers come in when their station starts; the others need no admission"
        )
    if person.removed:
        raise Rejected(Reason.PARTICIPANT_REMOVED, "the invitation has been taken back")
    if not person.admitted:
        yield ev.ParticipantAdmitted(at=now, actor=command.actor, participant=person.id)


def remove(state: Meeting, command: cmd.Remove, now: float) -> Iterator[ev.Event]:
    demand(state, command, Action.REMOVE)
    person = existing_person(state, command.participant)
    if not may_remove(state, command.actor, person):
        raise Rejected(Reason.NOT_ALLOWED, "this person is not yours to remove")
    if not person.removed:
        yield ev.ParticipantRemoved(at=now, actor=command.actor, participant=person.id)


def exclude(state: Meeting, command: cmd.Exclude, now: float) -> Iterator[ev.Event]:
    demand(state, command, Action.EXCLUDE)
    person = existing_person(state, command.participant)
    if person.role not in (Role.COMPANION, Role.HOST):
        raise Rejected(Reason.INVALID, "a companion or the host can be asked to wait outside")
    for station in some_active(state):
        if (person.id, station.number) not in state.excluded:
            yield ev.ParticipantExcluded(
                at=now, actor=command.actor, participant=person.id, station=station.number
            )


def include(state: Meeting, command: cmd.Include, now: float) -> Iterator[ev.Event]:
    demand(state, command, Action.INCLUDE)
    person = existing_person(state, command.participant)
    for who, number in sorted(state.excluded):
        if who == person.id:
            yield ev.ParticipantIncluded(at=now, actor=command.actor, participant=who, station=number)


def set_ready(state: Meeting, command: cmd.SetReady, now: float) -> Iterator[ev.Event]:
    person = oneself(state, command, Action.READY)
    if person.ready != command.ready:
        yield ev.ReadyChanged(at=now, actor=command.actor, participant=person.id, ready=command.ready)


def set_language(state: Meeting, command: cmd.SetLanguage, now: float) -> Iterator[ev.Event]:
    person = oneself(state, command, Action.SET_LANGUAGE)
    check_language(command.language)
    if person.language != command.language:
        yield ev.LanguageChanged(
            at=now, actor=command.actor, participant=person.id, language=command.language
        )


def set_place(state: Meeting, command: cmd.SetPlace, now: float) -> Iterator[ev.Event]:
    person = oneself(state, command, Action.SET_PLACE)
    if person.place is not command.place:
        if command.place is Place.ON_SITE and state.paused:
            raise Rejected(Reason.PAUSED, "the meeting is paused; resume it first")
        yield ev.PlaceChanged(at=now, actor=command.actor, participant=person.id, place=command.place)
