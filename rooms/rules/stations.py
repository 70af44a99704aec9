"""The chain of stations: added, ordered, changed, started, finished, skipped."""

from collections.abc import Iterator

from rooms import commands as cmd
from rooms import events as ev
from rooms.errors import Reason, Rejected
from rooms.limits import MAX_NAME, MAX_PURPOSE, MAX_STATIONS
from rooms.meeting import Meeting
from rooms.policy import Action, joined
from rooms.rules.checks import check_break, check_minutes, check_text, demand, existing_station, open_station


def add_station(state: Meeting, command: cmd.AddStation, now: float) -> Iterator[ev.Event]:
    demand(state, command, Action.ADD_STATION)
    if len(state.stations) >= MAX_STATIONS:
        raise Rejected(Reason.INVALID, f"a meeting has at most {MAX_STATIONS} stations")
    check_text(command.purpose, MAX_PURPOSE, "purpose", empty=True)
    check_text(command.agency, MAX_NAME, "agency")
    check_minutes(command.minutes)
    check_break(command.break_after)
    yield ev.StationAdded(
        at=now,
        actor=command.actor,
        number=1 + max((s.number for s in state.stations), default=0),
        agency=command.agency,
        purpose=command.purpose,
        minutes=command.minutes,
        break_after=command.break_after,
    )


def move_station(state: Meeting, command: cmd.MoveStation, now: float) -> Iterator[ev.Event]:
    demand(state, command, Action.MOVE_STATION)
    station = existing_station(state, command.station)
    if not 1 <= command.position <= len(state.stations):
        raise Rejected(Reason.INVALID, f"position is from 1 to {len(state.stations)}")
    if station.final or station.active:
        raise Rejected(Reason.STATION_FINAL, "only a station that is still to come can be moved")
    if state.position(station.number) == command.position:
        return
    yield ev.StationMoved(at=now, actor=command.actor, number=station.number, position=command.position)


def change_station(state: Meeting, command: cmd.ChangeStation, now: float) -> Iterator[ev.Event]:
    demand(state, command, Action.CHANGE_STATION)
    station = open_station(state, command.station)
    purpose = station.purpose if command.purpose is None else command.purpose
    minutes = station.minutes if command.minutes is None else command.minutes
    check_text(purpose, MAX_PURPOSE, "purpose", empty=True)
    rest = station.break_after if command.break_after is None else command.break_after
    check_minutes(minutes)
    check_break(rest)
    yield ev.StationChanged(
        at=now,
        actor=command.actor,
        number=station.number,
        purpose=purpose,
        minutes=minutes,
        break_after=rest,
    )


def extend_station(state: Meeting, command: cmd.ExtendStation, now: float) -> Iterator[ev.Event]:
    demand(state, command, Action.EXTEND_STATION)
    station = open_station(state, command.station)
    minutes = station.minutes + command.minutes
    check_minutes(minutes)
    yield ev.StationChanged(
        at=now,
        actor=command.actor,
        number=station.number,
        purpose=station.purpose,
        minutes=minutes,
        break_after=station.break_after,
    )


def start_station(state: Meeting, command: cmd.StartStation, now: float) -> Iterator[ev.Event]:
    demand(state, command, Action.START)
    station = open_station(state, command.station)
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


def finish_station(state: Meeting, command: cmd.FinishStation, now: float) -> Iterator[ev.Event]:
    demand(state, command, Action.FINISH)
    station = existing_station(state, command.station)
    if station.final:
        raise Rejected(Reason.STATION_FINAL, "the station is finished or skipped; that is final")
    if not station.active:
        raise Rejected(Reason.STATION_NOT_ACTIVE, "only an active station can be finished; skip it instead")
    yield ev.StationFinished(at=now, actor=command.actor, number=station.number)


def skip_station(state: Meeting, command: cmd.SkipStation, now: float) -> Iterator[ev.Event]:
    demand(state, command, Action.SKIP)
    station = open_station(state, command.station)
    if station.active:
        raise Rejected(Reason.STATION_ALREADY_ACTIVE, "the station has begun; finish it instead")
    yield ev.StationSkipped(at=now, actor=command.actor, number=station.number)
