"""Questions to the newcomer, their answers, and consents taken back."""

from collections.abc import Iterator
from dataclasses import replace

from rooms import commands as cmd
from rooms import events as ev
from rooms.errors import Reason, Rejected
from rooms.limits import QUESTION_LIFETIME, QUESTION_PAUSE
from rooms.meeting import Meeting, evolve
from rooms.people import Role
from rooms.policy import Action, active_stations
from rooms.rules.checks import demand, demand_question, newcomer_of, open_station


def ask_consent(state: Meeting, command: cmd.AskConsent, now: float) -> Iterator[ev.Event]:
    demand(replace(state, paused_at=None), command, Action.ASK_CONSENT)
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
    stations = [open_station(state, n) for n in sorted(set(command.stations))]
    if len(stations) < 2:
        raise Rejected(Reason.INVALID, "a question names two stations or more")
    if newcomer_of(state) is None:
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


def answer_consent(state: Meeting, command: cmd.AnswerConsent, now: float) -> Iterator[ev.Event]:
    demand(state, command, Action.ANSWER_CONSENT)
    demand_question(state, command.question)
    yield ev.ConsentAnswered(at=now, actor=command.actor, question=command.question, granted=command.granted)


def withdraw_question(state: Meeting, command: cmd.WithdrawQuestion, now: float) -> Iterator[ev.Event]:
    asked_by_self = state.question is not None and state.question.asked_by == command.actor
    if not asked_by_self:
        demand(state, command, Action.WITHDRAW_QUESTION)
    demand_question(state, command.question)
    yield ev.ConsentWithdrawn(at=now, actor=command.actor, question=command.question)


def lapse_question(state: Meeting, command: cmd.LapseQuestion, now: float) -> Iterator[ev.Event]:
    if command.actor != cmd.SYSTEM:
        raise Rejected(Reason.NOT_ALLOWED, "questions lapse by themselves")
    question = state.question
    if question is None or question.id != command.question:
        return
    if now >= question.asked_at + QUESTION_LIFETIME:
        yield ev.ConsentLapsed(at=now, actor=command.actor, question=question.id)


def revoke_consent(state: Meeting, command: cmd.RevokeConsent, now: float) -> Iterator[ev.Event]:
    demand(state, command, Action.REVOKE_CONSENT)
    if all(c.id != command.consent for c in state.consents):
        raise Rejected(Reason.CONSENT_UNKNOWN, "there is no such consent")
    revoked = ev.ConsentRevoked(at=now, actor=command.actor, consent=command.consent)
    yield revoked
    after = evolve(state, revoked)
    staying = {s.number for s in active_stations(after)}
    for station in state.stations:
        if station.active and station.number not in staying:
            yield ev.StationReturned(at=now, actor=command.actor, number=station.number)
