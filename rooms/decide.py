"""What a command brings about: `decide(state, command, now)` gives the events, or raises `Rejected`.

One rule runs through all of it: a rejected command changes nothing, a command that asks for what already is
gives no events.
"""

import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from rooms import commands as cmd
from rooms import events as ev
from rooms.errors import Reason, Rejected
from rooms.limits import (
    MAX_LANGUAGE,
    MAX_LANGUAGES,
    MAX_MESSAGE,
    MAX_MESSAGES,
    MAX_MESSAGES_EACH,
    MAX_MINUTES,
    MAX_NAME,
    MAX_PARTICIPANTS,
    MAX_PARTY,
    MAX_PURPOSE,
    MAX_STATIONS,
    QUESTION_LIFETIME,
    QUESTION_PAUSE,
    SIGNALS,
)
from rooms.meeting import Meeting, Station, evolve
from rooms.people import Participant, Party, Phase, Place, Role
from rooms.policy import Action, active_stations, joined, may, phase, readers_of, station_of

Events = tuple[ev.Event, ...]

_UNKEPT = frozenset({"Cc", "Cs"})
"""Unicode categories: controls, and halves of surrogate pairs."""
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Embeddings, overrides and isolates (UAX 9): with them a name could pass for another."""


def decide(state: Meeting | None, command: cmd.Command, now: float) -> Events:
    """The events of `command` at `now` (seconds since the epoch), in order. Raises `Rejected`."""
    if isinstance(command, cmd.CreateMeeting):
        if state is not None:
            raise Rejected(Reason.MEETING_EXISTS, "there is already a meeting with this id")
        return _create(command, now)
    if state is None:
        raise Rejected(Reason.MEETING_UNKNOWN, "there is no such meeting")
    if state.ended and not isinstance(command, cmd.Leave | cmd.End | cmd.Erase):
        raise Rejected(Reason.MEETING_ENDED, "the meeting has ended")
    rule = _RULES[type(command)]
    return tuple(rule(state, command, max(now, state.updated_at)))


def due(state: Meeting) -> list[tuple[float, cmd.Command]]:
    """Everything that time will bring about: (when, command). The owner of the meeting schedules it."""
    if state.question is None or state.ended:
        return []
    lapse = cmd.LapseQuestion(actor=cmd.SYSTEM, question=state.question.id)
    return [(state.question.asked_at + QUESTION_LIFETIME, lapse)]


def _create(command: cmd.CreateMeeting, now: float) -> Events:
    _check_meeting(command.alias, command.party, command.languages)
    if len(command.stations) > MAX_STATIONS:
        raise Rejected(Reason.INVALID, f"a meeting has at most {MAX_STATIONS} stations")
    created = ev.MeetingCreated(
        at=now,
        actor=command.actor,
        meeting=command.meeting,
        site=command.site,
        route=command.route,
        alias=command.alias.strip(),
        party=command.party,
        languages=command.languages,
        planned_at=command.planned_at,
        room=command.room,
    )
    state = evolve(None, created)
    added = []
    for new in command.stations:
        wish = cmd.AddStation(actor=cmd.SYSTEM, agency=new.agency, purpose=new.purpose, minutes=new.minutes)
        for event in _add_station(state, wish, now):
            added.append(event)
            state = evolve(state, event)
    return (created, *added)


def _change(state: Meeting, command: cmd.ChangeMeeting, now: float) -> Iterator[ev.Event]:
    _demand(state, command, Action.CHANGE)
    changed = ev.MeetingChanged(
        at=now,
        actor=command.actor,
        alias=state.alias if command.alias is None else command.alias.strip(),
        party=command.party or state.party,
        languages=command.languages or state.languages,
        planned_at=state.planned_at if command.planned_at is None else command.planned_at,
        room=state.room if command.room is None else command.room,
    )
    _check_meeting(changed.alias, changed.party, changed.languages)
    yield changed


def _pause(state: Meeting, command: cmd.Pause, now: float) -> Iterator[ev.Event]:
    if state.paused and may(state, command.actor, Action.RESUME):
        return
    _demand(state, command, Action.PAUSE)
    yield ev.MeetingPaused(at=now, actor=command.actor)


def _resume(state: Meeting, command: cmd.Resume, now: float) -> Iterator[ev.Event]:
    if not state.paused and may(state, command.actor, Action.PAUSE):
        raise Rejected(Reason.NOT_PAUSED, "the meeting is not paused")
    _demand(state, command, Action.RESUME)
    yield ev.MeetingResumed(at=now, actor=command.actor)


def _end(state: Meeting, command: cmd.End, now: float) -> Iterator[ev.Event]:
    if state.ended:
        return
    _demand(state, command, Action.END)
    yield ev.MeetingEnded(at=now, actor=command.actor)


def _erase(state: Meeting, command: cmd.Erase, now: float) -> Iterator[ev.Event]:
    if state.erased_at is not None:
        return
    if not state.ended:
        _demand(state, command, Action.ERASE)
        yield ev.MeetingEnded(at=now, actor=command.actor)
    elif not (command.actor == cmd.SYSTEM or command.actor.startswith(cmd.STAFF)):
        raise Rejected(Reason.MEETING_ENDED, "the meeting has ended; the site's staff can erase it")
    yield ev.MeetingErased(at=now, actor=command.actor)


def _add_station(state: Meeting, command: cmd.AddStation, now: float) -> Iterator[ev.Event]:
    _demand(state, command, Action.ADD_STATION)
    if len(state.stations) >= MAX_STATIONS:
        raise Rejected(Reason.INVALID, f"a meeting has at most {MAX_STATIONS} stations")
    _check_text(command.purpose, MAX_PURPOSE, "purpose", empty=True)
    _check_text(command.agency, MAX_NAME, "agency")
    _check_minutes(command.minutes)
    yield ev.StationAdded(
        at=now,
        actor=command.actor,
        number=1 + max((s.number for s in state.stations), default=0),
        agency=command.agency,
        purpose=command.purpose,
        minutes=command.minutes,
    )


def _move_station(state: Meeting, command: cmd.MoveStation, now: float) -> Iterator[ev.Event]:
    _demand(state, command, Action.MOVE_STATION)
    station = _station(state, command.station)
    if not 1 <= command.position <= len(state.stations):
        raise Rejected(Reason.INVALID, f"position is from 1 to {len(state.stations)}")
    if station.final or station.active:
        raise Rejected(Reason.STATION_FINAL, "only a station that is still to come can be moved")
    if state.position(station.number) == command.position:
        return
    yield ev.StationMoved(at=now, actor=command.actor, number=station.number, position=command.position)


def _change_station(state: Meeting, command: cmd.ChangeStation, now: float) -> Iterator[ev.Event]:
    _demand(state, command, Action.CHANGE_STATION)
    station = _open_station(state, command.station)
    purpose = station.purpose if command.purpose is None else command.purpose
    minutes = station.minutes if command.minutes is None else command.minutes
    _check_text(purpose, MAX_PURPOSE, "purpose", empty=True)
    _check_minutes(minutes)
    yield ev.StationChanged(
        at=now, actor=command.actor, number=station.number, purpose=purpose, minutes=minutes
    )


def _extend_station(state: Meeting, command: cmd.ExtendStation, now: float) -> Iterator[ev.Event]:
    _demand(state, command, Action.EXTEND_STATION)
    station = _open_station(state, command.station)
    minutes = station.minutes + command.minutes
    _check_minutes(minutes)
    yield ev.StationChanged(
        at=now, actor=command.actor, number=station.number, purpose=station.purpose, minutes=minutes
    )


def _start_station(state: Meeting, command: cmd.StartStation, now: float) -> Iterator[ev.Event]:
    _demand(state, command, Action.START)
    station = _open_station(state, command.station)
    if state.paused:
        raise Rejected(Reason.PAUSED, "the meeting is paused; resume it first")
    if state.question is not None:
        raise Rejected(Reason.QUESTION_OPEN, "the newcomer is considering a question; wait for the answer")
    if station.active:
        return
    leaving = tuple(
        s.number for s in state.stations if s.active and not joined(state, s.number, station.number)
    )
    yield ev.StationStarted(at=now, actor=command.actor, number=station.number, returned=leaving)


def _finish_station(state: Meeting, command: cmd.FinishStation, now: float) -> Iterator[ev.Event]:
    _demand(state, command, Action.FINISH)
    station = _station(state, command.station)
    if station.final:
        raise Rejected(Reason.STATION_FINAL, "the station is finished or skipped; that is final")
    if not station.active:
        raise Rejected(Reason.STATION_NOT_ACTIVE, "only an active station can be finished; skip it instead")
    yield ev.StationFinished(at=now, actor=command.actor, number=station.number)


def _skip_station(state: Meeting, command: cmd.SkipStation, now: float) -> Iterator[ev.Event]:
    _demand(state, command, Action.SKIP)
    station = _open_station(state, command.station)
    if station.active:
        raise Rejected(Reason.STATION_ALREADY_ACTIVE, "the station has begun; finish it instead")
    yield ev.StationSkipped(at=now, actor=command.actor, number=station.number)


def _invite(state: Meeting, command: cmd.Invite, now: float) -> Iterator[ev.Event]:
    _demand(state, command, Action.INVITE)
    if command.participant in state.participants:
        raise Rejected(Reason.PARTICIPANT_EXISTS, "there is already a participant with this id")
    if len(state.participants) >= MAX_PARTICIPANTS:
        raise Rejected(Reason.INVALID, f"a meeting has at most {MAX_PARTICIPANTS} participants")
    _check_text(command.name, MAX_NAME, "name", empty=True)
    _check_text(command.language, MAX_LANGUAGE, "language")
    if command.role is Role.OFFICER:
        if command.station is None or command.agency is None:
            raise Rejected(Reason.INVALID, "an officer is invited by an agency to a station")
        station = _open_station(state, command.station)
        if station.agency != command.agency:
            raise Rejected(Reason.AGENCY_MISMATCH, "the station belongs to another agency")
    elif command.station is not None or command.agency is not None:
        raise Rejected(Reason.INVALID, "only officers belong to an agency and a station")
    if command.role is Role.NEWCOMER and _newcomer(state) is not None:
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
    )


def _enter(state: Meeting, command: cmd.Enter, now: float) -> Iterator[ev.Event]:
    person = _person(state, command.participant)
    _demand_self(command, person)
    if person.removed:
        raise Rejected(Reason.PARTICIPANT_REMOVED, "the invitation has been taken back")
    if not person.present:
        yield ev.ParticipantEntered(at=now, actor=command.actor, participant=person.id)


def _leave(state: Meeting, command: cmd.Leave, now: float) -> Iterator[ev.Event]:
    person = _person(state, command.participant)
    _demand_self(command, person)
    if person.present:
        yield ev.ParticipantLeft(at=now, actor=command.actor, participant=person.id)


def _admit(state: Meeting, command: cmd.Admit, now: float) -> Iterator[ev.Event]:
    _demand(state, command, Action.ADMIT)
    person = _person(state, command.participant)
    if person.role not in (Role.COMPANION, Role.ATTENDEE):
        raise Rejected(
            Reason.INVALID, "officers come in when their station starts; the others need no admission"
        )
    if person.removed:
        raise Rejected(Reason.PARTICIPANT_REMOVED, "the invitation has been taken back")
    if not person.admitted:
        yield ev.ParticipantAdmitted(at=now, actor=command.actor, participant=person.id)


def _remove(state: Meeting, command: cmd.Remove, now: float) -> Iterator[ev.Event]:
    _demand(state, command, Action.REMOVE)
    person = _person(state, command.participant)
    if person.role is Role.NEWCOMER and command.actor != cmd.SYSTEM:
        raise Rejected(Reason.NOT_ALLOWED, "the newcomer owns the meeting and cannot be removed")
    if not person.removed:
        yield ev.ParticipantRemoved(at=now, actor=command.actor, participant=person.id)


def _exclude(state: Meeting, command: cmd.Exclude, now: float) -> Iterator[ev.Event]:
    _demand(state, command, Action.EXCLUDE)
    person = _person(state, command.participant)
    if person.role not in (Role.COMPANION, Role.HOST):
        raise Rejected(Reason.INVALID, "a companion or the host can be asked to wait outside")
    for station in _some_active(state):
        if (person.id, station.number) not in state.excluded:
            yield ev.ParticipantExcluded(
                at=now, actor=command.actor, participant=person.id, station=station.number
            )


def _include(state: Meeting, command: cmd.Include, now: float) -> Iterator[ev.Event]:
    _demand(state, command, Action.INCLUDE)
    person = _person(state, command.participant)
    for who, number in sorted(state.excluded):
        if who == person.id:
            yield ev.ParticipantIncluded(at=now, actor=command.actor, participant=who, station=number)


def _set_ready(state: Meeting, command: cmd.SetReady, now: float) -> Iterator[ev.Event]:
    person = _self(state, command, Action.READY)
    if person.ready != command.ready:
        yield ev.ReadyChanged(at=now, actor=command.actor, participant=person.id, ready=command.ready)


def _set_language(state: Meeting, command: cmd.SetLanguage, now: float) -> Iterator[ev.Event]:
    person = _self(state, command, Action.SET_LANGUAGE)
    _check_text(command.language, MAX_LANGUAGE, "language")
    if person.language != command.language:
        yield ev.LanguageChanged(
            at=now, actor=command.actor, participant=person.id, language=command.language
        )


def _set_place(state: Meeting, command: cmd.SetPlace, now: float) -> Iterator[ev.Event]:
    person = _self(state, command, Action.SET_PLACE)
    if person.place is not command.place:
        if command.place is Place.ON_SITE and state.paused:
            raise Rejected(Reason.PAUSED, "the meeting is paused; resume it first")
        yield ev.PlaceChanged(at=now, actor=command.actor, participant=person.id, place=command.place)


def _ask_consent(state: Meeting, command: cmd.AskConsent, now: float) -> Iterator[ev.Event]:
    _demand(replace(state, paused_at=None), command, Action.ASK_CONSENT)
    if state.paused:
        raise Rejected(Reason.PAUSED, "the meeting is paused; resume it first")
    if state.question is not None:
        raise Rejected(Reason.QUESTION_OPEN, "there is a question on the newcomer's screen already")
    closed = state.question_closed_at
    if closed is not None and now - closed < QUESTION_PAUSE:
        raise Rejected(Reason.QUESTION_TOO_SOON, "the newcomer has just answered a question; wait a little")
    if command.kind != "together":
        raise Rejected(Reason.INVALID, "unknown kind of consent")
    _check_asker(state, command)
    stations = [_open_station(state, n) for n in sorted(set(command.stations))]
    if len(stations) < 2:
        raise Rejected(Reason.INVALID, "a question names two stations or more")
    if _newcomer(state) is None:
        raise Rejected(Reason.PARTICIPANT_UNKNOWN, "the newcomer has no place in the meeting yet")
    yield ev.ConsentAsked(
        at=now,
        actor=command.actor,
        question=command.question,
        kind=command.kind,
        stations=tuple(s.number for s in stations),
    )


def _check_asker(state: Meeting, command: cmd.AskConsent) -> None:
    """An officer learns nothing of other stations by asking: none, and one that is over, are the same."""
    asker = state.participants.get(command.actor)
    if asker is None or asker.role is not Role.OFFICER:
        return
    if asker.station not in command.stations:
        raise Rejected(Reason.NOT_ALLOWED, "an officer asks for the own station only")
    named = [state.station(n) for n in command.stations]
    if any(station is None or station.final for station in named):
        raise Rejected(Reason.NOT_ALLOWED, "these stations cannot be brought together")


def _answer_consent(state: Meeting, command: cmd.AnswerConsent, now: float) -> Iterator[ev.Event]:
    _demand(state, command, Action.ANSWER_CONSENT)
    _demand_question(state, command.question)
    yield ev.ConsentAnswered(at=now, actor=command.actor, question=command.question, granted=command.granted)


def _withdraw_question(state: Meeting, command: cmd.WithdrawQuestion, now: float) -> Iterator[ev.Event]:
    _demand_question(state, command.question)
    asked_by_self = state.question is not None and state.question.asked_by == command.actor
    if not asked_by_self:
        _demand(state, command, Action.WITHDRAW_QUESTION)
    yield ev.ConsentWithdrawn(at=now, actor=command.actor, question=command.question)


def _lapse_question(state: Meeting, command: cmd.LapseQuestion, now: float) -> Iterator[ev.Event]:
    if command.actor != cmd.SYSTEM:
        raise Rejected(Reason.NOT_ALLOWED, "questions lapse by themselves")
    question = state.question
    if question is None or question.id != command.question:
        return
    if now >= question.asked_at + QUESTION_LIFETIME:
        yield ev.ConsentLapsed(at=now, actor=command.actor, question=question.id)


def _revoke_consent(state: Meeting, command: cmd.RevokeConsent, now: float) -> Iterator[ev.Event]:
    _demand(state, command, Action.REVOKE_CONSENT)
    if all(c.id != command.consent for c in state.consents):
        raise Rejected(Reason.CONSENT_UNKNOWN, "there is no such consent")
    revoked = ev.ConsentRevoked(at=now, actor=command.actor, consent=command.consent)
    yield revoked
    after = evolve(state, revoked)
    staying = {s.number for s in active_stations(after)}
    for station in state.stations:
        if station.active and station.number not in staying:
            yield ev.StationReturned(at=now, actor=command.actor, number=station.number)


def _send_message(state: Meeting, command: cmd.SendMessage, now: float) -> Iterator[ev.Event]:
    sender = _self(state, command, Action.SEND_MESSAGE)
    _check_text(command.text, MAX_MESSAGE, "text", lines=True)
    own = sum(message.sender == sender.id for message in state.messages)
    if own >= MAX_MESSAGES_EACH or len(state.messages) >= MAX_MESSAGES:
        raise Rejected(Reason.TOO_MANY_MESSAGES, "no more messages can be written in this meeting")
    line = _line(state, sender, command.to)
    if line is None and state.paused and sender.place is not Place.ON_SITE:
        raise Rejected(Reason.PAUSED, "the meeting is paused; nothing can be sent")
    if line is None and state.question is not None and sender.role is Role.OFFICER:
        raise Rejected(Reason.QUESTION_OPEN, "the newcomer is considering a question; wait for the answer")
    yield ev.MessageSent(
        at=now,
        actor=command.actor,
        message=command.message,
        sender=sender.id,
        text=command.text,
        station=station_of(state, sender.id) if line is None else None,
        line=line,
        seen_by=tuple(sorted(readers_of(state, sender.id, line))),
    )


def _line(state: Meeting, sender: Participant, to: str | None) -> str | None:
    """The lobby line that a message belongs to, or None for the room."""
    if phase(state, sender) is Phase.LOBBY:
        return sender.id
    if to is None:
        return None
    if sender.role is not Role.HOST:
        raise Rejected(Reason.NOT_ALLOWED, "only the host writes to somebody in the lobby")
    receiver = _person(state, to)
    if phase(state, receiver) is not Phase.LOBBY:
        raise Rejected(Reason.NOT_ALLOWED, "only somebody in the lobby is written to alone")
    return receiver.id


def _send_signal(state: Meeting, command: cmd.SendSignal, now: float) -> Iterator[ev.Event]:
    sender = _self(state, command, Action.SIGNAL)
    if command.signal not in SIGNALS:
        raise Rejected(Reason.INVALID, "unknown signal")
    yield ev.SignalSent(at=now, actor=command.actor, participant=sender.id, signal=command.signal)


_RULES: dict[type[cmd.Command], Callable[[Meeting, Any, float], Iterator[ev.Event]]] = {
    cmd.ChangeMeeting: _change,
    cmd.Pause: _pause,
    cmd.Resume: _resume,
    cmd.End: _end,
    cmd.Erase: _erase,
    cmd.AddStation: _add_station,
    cmd.MoveStation: _move_station,
    cmd.ChangeStation: _change_station,
    cmd.ExtendStation: _extend_station,
    cmd.StartStation: _start_station,
    cmd.FinishStation: _finish_station,
    cmd.SkipStation: _skip_station,
    cmd.Invite: _invite,
    cmd.Enter: _enter,
    cmd.Leave: _leave,
    cmd.Admit: _admit,
    cmd.Remove: _remove,
    cmd.Exclude: _exclude,
    cmd.Include: _include,
    cmd.SetReady: _set_ready,
    cmd.SetLanguage: _set_language,
    cmd.SetPlace: _set_place,
    cmd.AskConsent: _ask_consent,
    cmd.AnswerConsent: _answer_consent,
    cmd.WithdrawQuestion: _withdraw_question,
    cmd.LapseQuestion: _lapse_question,
    cmd.RevokeConsent: _revoke_consent,
    cmd.SendMessage: _send_message,
    cmd.SendSignal: _send_signal,
}


def _demand(state: Meeting, command: cmd.Command, action: Action) -> None:
    if not may(state, command.actor, action):
        raise Rejected(Reason.NOT_ALLOWED, f"{action} is not open to you now")


def _demand_self(command: cmd.Enter | cmd.Leave, person: Participant) -> None:
    if command.actor not in (cmd.SYSTEM, person.id):
        raise Rejected(Reason.NOT_ALLOWED, "nobody enters or leaves for somebody else")


def _demand_question(state: Meeting, question: str) -> None:
    if state.question is None or state.question.id != question:
        raise Rejected(Reason.QUESTION_UNKNOWN, "this question is not open")


def _self(state: Meeting, command: cmd.Command, action: Action) -> Participant:
    person = _person(state, command.actor)
    _demand(state, command, action)
    return person


def _person(state: Meeting, participant: str) -> Participant:
    person = state.participants.get(participant)
    if person is None:
        raise Rejected(Reason.PARTICIPANT_UNKNOWN, "there is no such participant")
    return person


def _newcomer(state: Meeting) -> Participant | None:
    return next((p for p in state.participants.values() if p.role is Role.NEWCOMER and not p.removed), None)


def _station(state: Meeting, number: int) -> Station:
    station = state.station(number)
    if station is None:
        raise Rejected(Reason.STATION_UNKNOWN, "there is no such station")
    return station


def _open_station(state: Meeting, number: int) -> Station:
    station = _station(state, number)
    if station.final:
        raise Rejected(Reason.STATION_FINAL, "the station is finished or skipped; that is final")
    return station


def _some_active(state: Meeting) -> tuple[Station, ...]:
    active = active_stations(state)
    if not active:
        raise Rejected(Reason.STATION_NOT_ACTIVE, "no station is active")
    return active


def _check_text(text: str, limit: int, name: str, *, empty: bool = False, lines: bool = False) -> None:
    """`lines`: may have line breaks. What turns the direction of the text around it is for no name."""
    if len(text) > limit or not (empty or text.strip()):
        raise Rejected(Reason.INVALID, f"{name} has 1 to {limit} characters")
    kept = text.replace("\n", "").replace("\t", "") if lines else text
    if any(unicodedata.category(ch) in _UNKEPT or ch in _TURNING for ch in kept):
        raise Rejected(Reason.INVALID, f"{name} has characters that cannot be kept")


def _check_minutes(minutes: int) -> None:
    if not 1 <= minutes <= MAX_MINUTES:
        raise Rejected(Reason.INVALID, f"minutes are from 1 to {MAX_MINUTES}")


def _check_meeting(alias: str, party: Party, languages: tuple[str, ...]) -> None:
    _check_text(alias, MAX_NAME, "alias")
    if not 0 < party.adults + party.children <= MAX_PARTY or min(party.adults, party.children) < 0:
        raise Rejected(Reason.INVALID, f"a meeting is for 1 to {MAX_PARTY} people")
    if not 1 <= len(languages) <= MAX_LANGUAGES:
        raise Rejected(Reason.INVALID, f"a meeting has 1 to {MAX_LANGUAGES} languages")
    for language in languages:
        _check_text(language, MAX_LANGUAGE, "language")
