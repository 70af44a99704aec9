"""Calling an interpreter of the pool, and who of the pool has the floor here."""

from collections.abc import Iterable, Iterator

from rooms import commands as cmd
from rooms import events as ev
from rooms import interpreting_events as iev
from rooms import pool_commands as pcmd
from rooms import pool_events as pev
from rooms.channels import working_languages
from rooms.errors import Reason, Rejected
from rooms.limits import CALL_LIFETIME, MAX_CALLS, MAX_LANGUAGES, MAX_NAME
from rooms.meeting import Meeting
from rooms.people import Participant, Place, Role
from rooms.policy import Action, may_answer
from rooms.pool import Floor, InterpreterCall
from rooms.rules.checks import check_language, check_text, demand, demand_room, existing_person


def call_interpreter(state: Meeting, command: pcmd.CallInterpreter, now: float) -> Iterator[ev.Event]:
    demand(state, command, Action.INTERPRET_CALL)
    check_language(command.language)
    wanted = command.language, command.kind
    if any((call.language, call.kind) == wanted for call in state.pool.calls):
        return
    if len(state.pool.calls) >= MAX_CALLS:
        raise Rejected(Reason.INVALID, f"a meeting waits for at most {MAX_CALLS} interpreters at once")
    yield pev.InterpreterCalled(
        at=now, actor=command.actor, call=command.call, language=command.language, kind=command.kind
    )


def withdraw_call(state: Meeting, command: pcmd.WithdrawCall, now: float) -> Iterator[ev.Event]:
    demand(state, command, Action.INTERPRET_WITHDRAW_CALL)
    yield pev.CallWithdrawn(at=now, actor=command.actor, call=_open(state, command.call).id)


def lapse_call(state: Meeting, command: pcmd.LapseCall, now: float) -> Iterator[ev.Event]:
    _demand_pool(command)
    call = state.pool.call(command.call)
    if call is not None and now >= call.at + CALL_LIFETIME:
        yield pev.CallLapsed(at=now, actor=command.actor, call=call.id)


def place_call(state: Meeting, command: pcmd.PlaceCall, now: float) -> Iterator[ev.Event]:
    _demand_pool(command)
    call = state.pool.call(command.call)
    if call is not None and call.place != command.place:
        yield pev.CallPlaced(at=now, actor=command.actor, call=call.id, place=command.place)


def accept_call(state: Meeting, command: pcmd.AcceptCall, now: float) -> Iterator[ev.Event]:
    """The first who accepts comes; for the others there is no call any more."""
    _demand_pool(command)
    call = _open(state, command.call)
    if not may_answer(state, command.subject, call.kind):
        raise Rejected(
            Reason.NOT_ALLOWED, "whoever was shown out, or is here as another kind, does not come by this"
        )
    known = of_the_pool(state, command.subject)
    if known is not None:
        yield pev.CallAccepted(at=now, actor=known.id, call=call.id, participant=known.id)
        own = working_languages(state, known.id)
        if call.language not in own:
            yield _works_between(known.id, (call.language, *own), now)
        return
    who = command.participant
    if who in state.participants:
        raise Rejected(Reason.PARTICIPANT_EXISTS, "there is already a participant with this id")
    demand_room(state)
    check_text(command.name, MAX_NAME, "name", empty=True)
    yield pev.CallAccepted(at=now, actor=who, call=call.id, participant=who)
    yield ev.ParticipantInvited(
        at=now,
        actor=call.by,
        participant=who,
        role=Role.INTERPRETER,
        name=command.name.strip(),
        language="sv",
        place=Place.ELSEWHERE,
        subject=command.subject,
        kind=call.kind,
    )
    yield _works_between(who, (call.language, *command.languages), now)


def _works_between(who: str, languages: Iterable[str], now: float) -> ev.Event:
    kept = tuple(dict.fromkeys(languages))[:MAX_LANGUAGES]
    return iev.WorkingLanguagesChanged(at=now, actor=who, participant=who, languages=kept)


def take_floor(state: Meeting, command: pcmd.TakeFloor, now: float) -> Iterator[ev.Event]:
    person, floor = _floor(state, command, command.participant)
    if person.removed:
        raise Rejected(Reason.PARTICIPANT_REMOVED, "the invitation has been taken back")
    if command.fence < floor.fence:
        raise Rejected(Reason.FLOOR_LOST, "the interpreter has gone on to another room")
    if not floor.held or command.fence > floor.fence:
        yield pev.FloorTaken(at=now, actor=person.id, participant=person.id, fence=command.fence)


def leave_floor(state: Meeting, command: pcmd.LeaveFloor, now: float) -> Iterator[ev.Event]:
    """`fence`: of the lease that comes; it also ends one that has not been taken up here yet."""
    person, floor = _floor(state, command, command.participant)
    if command.fence > floor.fence:
        yield pev.FloorLeft(at=now, actor=person.id, participant=person.id, fence=command.fence)


def of_the_pool(state: Meeting, subject: str) -> Participant | None:
    """Who that person of the pool is in this meeting."""
    return next(
        (
            p
            for p in state.participants.values()
            if p.subject == subject and p.id in state.pool.floors and not p.removed
        ),
        None,
    )


def calls_due(state: Meeting) -> list[tuple[float, cmd.Command]]:
    return [
        (call.at + CALL_LIFETIME, pcmd.LapseCall(actor=cmd.SYSTEM, call=call.id)) for call in state.pool.calls
    ]


def _open(state: Meeting, call: str) -> InterpreterCall:
    found = state.pool.call(call)
    if found is None:
        raise Rejected(Reason.CALL_UNKNOWN, "nobody is called in any more by this")
    return found


def _floor(state: Meeting, command: cmd.Command, participant: str) -> tuple[Participant, Floor]:
    _demand_pool(command)
    person = existing_person(state, participant)
    if participant not in state.pool.floors:
        raise Rejected(Reason.INVALID, "this interpreter is of this meeting alone")
    return person, state.pool.floors[participant]


def _demand_pool(command: cmd.Command) -> None:
    if command.actor != cmd.SYSTEM:
        raise Rejected(Reason.NOT_ALLOWED, "this is for the pool to do")
