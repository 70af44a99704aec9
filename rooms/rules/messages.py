"""What is written, and the signs given while others speak."""

from collections.abc import Iterator

from rooms import commands as cmd
from rooms import events as ev
from rooms.errors import Reason, Rejected
from rooms.limits import MAX_MESSAGE, MAX_MESSAGES, MAX_MESSAGES_EACH, SIGNAL_PAUSE, SIGNALS
from rooms.meeting import BOOTH, Meeting
from rooms.people import Participant, Phase, Place, Role
from rooms.policy import Action, phase, readers_of, station_of
from rooms.rules.checks import check_text, existing_person, oneself


def send_message(state: Meeting, command: cmd.SendMessage, now: float) -> Iterator[ev.Event]:
    sender = oneself(state, command, Action.SEND_MESSAGE)
    check_text(command.text, MAX_MESSAGE, "text", lines=True)
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
    """The private line that a message belongs to, or None for the room."""
    if phase(state, sender) is Phase.LOBBY:
        return sender.id
    if to is None:
        return None
    if sender.role is Role.INTERPRETER:
        return _line_of_interpreter(sender, existing_person(state, to))
    if sender.role is not Role.HOST:
        raise Rejected(Reason.NOT_ALLOWED, "only the host writes to somebody in the lobby")
    receiver = existing_person(state, to)
    if receiver.role is not Role.INTERPRETER and phase(state, receiver) is not Phase.LOBBY:
        raise Rejected(Reason.NOT_ALLOWED, "only an interpreter or somebody in the lobby is written to alone")
    return receiver.id


def _line_of_interpreter(sender: Participant, receiver: Participant) -> str:
    match receiver.role:
        case Role.HOST:
            return sender.id
        case Role.INTERPRETER if receiver.id != sender.id:
            return BOOTH
        case _:
            raise Rejected(Reason.NOT_ALLOWED, "an interpreter writes alone to the host or to a colleague")


def send_signal(state: Meeting, command: cmd.SendSignal, now: float) -> Iterator[ev.Event]:
    sender = oneself(state, command, Action.SIGNAL)
    if command.signal not in SIGNALS:
        raise Rejected(Reason.INVALID, "unknown signal")
    last = state.signalled.get((sender.id, command.signal))
    if last is not None and now < last + SIGNAL_PAUSE:
        return
    yield ev.SignalSent(at=now, actor=command.actor, participant=sender.id, signal=command.signal)
