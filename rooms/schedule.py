"""When each station is expected to start, from what has happened and what was planned. Seconds, UTC."""

from collections.abc import Mapping

from rooms.meeting import Meeting, Station, StationState


def elapsed(state: Meeting, station: Station, now: float) -> float:
    """How long the station has gone on, without the time the meeting stood still."""
    if station.started_at is None:
        return 0.0
    end = station.ended_at if station.ended_at is not None else now
    standing = 0.0
    if station.active and state.paused_at is not None:
        standing = now - max(state.paused_at, station.started_at)
    return max(0.0, end - station.started_at - station.paused - standing)


def expected_starts(state: Meeting, now: float) -> Mapping[int, float]:
    """Station number → expected start, for the stations that are still to come. Empty without any plan."""
    if state.planned_at is None and all(s.started_at is None for s in state.stations):
        return {}
    clock = max(now, state.planned_at or now, _break_over(state))
    for station in state.stations:
        if station.active:
            left = station.minutes * 60 - elapsed(state, station, now)
            clock = max(clock, now + left + station.break_after * 60)
    expected: dict[int, float] = {}
    for station in state.stations:
        if station.final or station.active:
            continue
        expected[station.number] = clock
        clock += (station.minutes + station.break_after) * 60
    return expected


def _break_over(state: Meeting) -> float:
    """When the rest after the station that ended last is over; a station that goes on has cut it short."""
    done = [s for s in state.stations if s.state is StationState.DONE and s.ended_at is not None]
    if not done or any(s.active for s in state.stations):
        return 0.0
    last = max(done, key=lambda s: s.ended_at or 0.0)
    return (last.ended_at or 0.0) + last.break_after * 60


def queue_place(state: Meeting, number: int) -> int:
    """1 for the station that comes next."""
    waiting = [s.number for s in state.stations if not s.final and not s.active]
    return waiting.index(number) + 1 if number in waiting else 0
