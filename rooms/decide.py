"""What a command brings about: `decide(state, command, now)` gives the events, or raises `Rejected`.

One rule runs through all of it: a rejected command changes nothing, a command that asks for what already
is, or that has been carried out, gives no events.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from rooms import commands as cmd
from rooms import events as ev
from rooms import interpreting_commands as icmd
from rooms import pool_commands as pcmd
from rooms.errors import Reason, Rejected
from rooms.limits import QUESTION_LIFETIME
from rooms.meeting import Meeting
from rooms.rules import consents, interpreting, lines, meetings, messages, people, pool, stations

Events = tuple[ev.Event, ...]


def decide(state: Meeting | None, command: cmd.Command, now: float) -> Events:
    """The events of `command` at `now` (seconds since the epoch), in order. Raises `Rejected`."""
    if isinstance(command, cmd.CreateMeeting):
        if state is not None:
            raise Rejected(Reason.MEETING_EXISTS, "there is already a meeting with this id")
        return meetings.create(command, now)
    if state is None:
        raise Rejected(Reason.MEETING_UNKNOWN, "there is no such meeting")
    if command.request is not None and command.request in state.requests:
        return ()
    if state.ended and not isinstance(command, cmd.Leave | cmd.End | cmd.Erase):
        raise Rejected(Reason.MEETING_ENDED, "the meeting has ended")
    rule = _RULES[type(command)]
    events = tuple(rule(state, command, max(now, state.updated_at)))
    return _named(events, command.request) if events else ()


def _named(events: Events, request: str | None) -> Events:
    return events if request is None else (replace(events[0], request=request), *events[1:])


def due(state: Meeting) -> list[tuple[float, cmd.Command]]:
    """Everything that time will bring about: (when, command). The owner of the meeting schedules it."""
    if state.ended:
        return []
    upcoming = [*interpreting.handover_due(state), *pool.calls_due(state)]
    if state.question is not None:
        lapse = cmd.LapseQuestion(actor=cmd.SYSTEM, question=state.question.id)
        upcoming.append((state.question.asked_at + QUESTION_LIFETIME, lapse))
    return upcoming


_RULES: dict[type[cmd.Command], Callable[[Meeting, Any, float], Iterator[ev.Event]]] = {
    cmd.ChangeMeeting: meetings.change,
    cmd.Pause: meetings.pause,
    cmd.Resume: meetings.resume,
    cmd.End: meetings.end,
    cmd.Erase: meetings.erase,
    cmd.AddStation: stations.add_station,
    cmd.MoveStation: stations.move_station,
    cmd.ChangeStation: stations.change_station,
    cmd.ExtendStation: stations.extend_station,
    cmd.StartStation: stations.start_station,
    cmd.FinishStation: stations.finish_station,
    cmd.SkipStation: stations.skip_station,
    cmd.Invite: people.invite,
    cmd.Enter: people.enter,
    cmd.Leave: people.leave,
    cmd.Admit: people.admit,
    cmd.Remove: people.remove,
    cmd.Exclude: people.exclude,
    cmd.Include: people.include,
    cmd.SetReady: people.set_ready,
    cmd.SetLanguage: people.set_language,
    cmd.SetPlace: people.set_place,
    cmd.AskConsent: consents.ask_consent,
    cmd.AnswerConsent: consents.answer_consent,
    cmd.WithdrawQuestion: consents.withdraw_question,
    cmd.LapseQuestion: consents.lapse_question,
    cmd.RevokeConsent: consents.revoke_consent,
    cmd.SendMessage: messages.send_message,
    cmd.SendSignal: messages.send_signal,
    cmd.WriteLine: lines.write_line,
    icmd.SetWorkingLanguages: interpreting.set_working_languages,
    icmd.SetDirection: interpreting.set_direction,
    icmd.SetMode: interpreting.set_mode,
    icmd.SetRelay: interpreting.set_relay,
    icmd.SetListening: interpreting.set_listening,
    icmd.OfferHandover: interpreting.offer_handover,
    icmd.AcceptHandover: interpreting.accept_handover,
    icmd.WithdrawHandover: interpreting.withdraw_handover,
    icmd.LapseHandover: interpreting.lapse_handover,
    icmd.CompleteHandover: interpreting.complete_handover,
    icmd.AddTerm: interpreting.add_term,
    icmd.RemoveTerm: interpreting.remove_term,
    pcmd.CallInterpreter: pool.call_interpreter,
    pcmd.WithdrawCall: pool.withdraw_call,
    pcmd.LapseCall: pool.lapse_call,
    pcmd.PlaceCall: pool.place_call,
    pcmd.AcceptCall: pool.accept_call,
    pcmd.TakeFloor: pool.take_floor,
    pcmd.LeaveFloor: pool.leave_floor,
}

COMMANDS: tuple[type[cmd.Command], ...] = (cmd.CreateMeeting, *_RULES)
