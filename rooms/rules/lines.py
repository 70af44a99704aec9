"""Lines that were written letter by letter, finished and corrected."""

from collections.abc import Iterator

from rooms import commands as cmd
from rooms import events as ev
from rooms.errors import Reason, Rejected
from rooms.limits import CORRECTABLE, MAX_LINE, MAX_LINE_ID, MAX_LINES, MAX_LINES_EACH
from rooms.meeting import Meeting
from rooms.policy import Action, listeners_of, scene, station_of
from rooms.rules.checks import check_language, check_text, oneself


def write_line(state: Meeting, command: cmd.WriteLine, now: float) -> Iterator[ev.Event]:
    sender = oneself(state, command, Action.WRITE_TEXT)
    if command.scene != scene(state):
        raise Rejected(Reason.TEXT_GONE, "this line is gone; begin another one")
    check_text(command.text, MAX_LINE, "text")
    check_text(command.line, MAX_LINE_ID, "line")
    check_language(command.language)
    if any(line.id == command.line for line in state.lines):
        raise Rejected(Reason.INVALID, "there is already a line with this id")
    own = sum(line.sender == sender.id for line in state.lines)
    if own >= MAX_LINES_EACH or len(state.lines) >= MAX_LINES:
        raise Rejected(Reason.TOO_MANY_MESSAGES, "no more lines can be written in this meeting")
    station = station_of(state, sender.id)
    if command.corrects is not None and command.corrects not in _correctable(state, sender.id, station):
        raise Rejected(Reason.LINE_UNKNOWN, f"only the last {CORRECTABLE} of one's own lines are corrected")
    yield ev.LineWritten(
        at=now,
        actor=command.actor,
        line=command.line,
        sender=sender.id,
        text=command.text,
        language=command.language,
        station=station,
        corrects=command.corrects,
        seen_by=tuple(sorted((command.heard_by & listeners_of(state, sender.id)) | {sender.id})),
    )


def _correctable(state: Meeting, sender: str, station: int | None) -> list[str]:
    """Of this station only: what is said in the next one is no correction of it."""
    own = [line for line in state.lines if line.sender == sender and line.corrects is None]
    return [line.id for line in own[-CORRECTABLE:] if line.station == station]
