"""The meeting as a whole: made, changed, paused, resumed, ended, erased."""

from collections.abc import Iterator

from rooms import commands as cmd
from rooms import events as ev
from rooms.errors import Reason, Rejected
from rooms.limits import MAX_STATIONS
from rooms.meeting import Meeting, evolve
from rooms.policy import Action, may
from rooms.rules.checks import check_meeting, demand
from rooms.rules.stations import add_station


def create(command: cmd.CreateMeeting, now: float) -> tuple[ev.Event, ...]:
    check_meeting(command.alias, command.party, command.languages)
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
        wish = cmd.AddStation(
            actor=cmd.SYSTEM,
            agency=new.agency,
            purpose=new.purpose,
            minutes=new.minutes,
            break_after=new.break_after,
        )
        for event in add_station(state, wish, now):
            added.append(event)
            state = evolve(state, event)
    return (created, *added)


def change(state: Meeting, command: cmd.ChangeMeeting, now: float) -> Iterator[ev.Event]:
    demand(state, command, Action.CHANGE)
    changed = ev.MeetingChanged(
        at=now,
        actor=command.actor,
        alias=state.alias if command.alias is None else command.alias.strip(),
        party=command.party or state.party,
        languages=command.languages or state.languages,
        planned_at=state.planned_at if command.planned_at is None else command.planned_at,
        room=state.room if command.room is None else command.room,
    )
    check_meeting(changed.alias, changed.party, changed.languages)
    yield changed


def pause(state: Meeting, command: cmd.Pause, now: float) -> Iterator[ev.Event]:
    if state.paused and may(state, command.actor, Action.RESUME):
        return
    demand(state, command, Action.PAUSE)
    yield ev.MeetingPaused(at=now, actor=command.actor)


def resume(state: Meeting, command: cmd.Resume, now: float) -> Iterator[ev.Event]:
    if not state.paused and may(state, command.actor, Action.PAUSE):
        raise Rejected(Reason.NOT_PAUSED, "the meeting is not paused")
    demand(state, command, Action.RESUME)
    yield ev.MeetingResumed(at=now, actor=command.actor)


def end(state: Meeting, command: cmd.End, now: float) -> Iterator[ev.Event]:
    if state.ended:
        return
    demand(state, command, Action.END)
    yield ev.MeetingEnded(at=now, actor=command.actor)


def erase(state: Meeting, command: cmd.Erase, now: float) -> Iterator[ev.Event]:
    if state.erased_at is not None:
        return
    if not state.ended:
        demand(state, command, Action.ERASE)
        yield ev.MeetingEnded(at=now, actor=command.actor)
    elif not (command.actor == cmd.SYSTEM or command.actor.startswith(cmd.STAFF)):
        raise Rejected(Reason.MEETING_ENDED, "the meeting has ended; the site's staff can erase it")
    yield ev.MeetingErased(at=now, actor=command.actor)
