"""A rest between two stations: when the next one is expected, and who knows of it."""

import json

import pytest

from rooms import commands as cmd
from rooms.errors import Reason, Rejected
from rooms.limits import MAX_BREAK
from rooms.schedule import expected_starts
from rooms.store.codec import meeting_codec
from rooms.views import Names, snapshot
from tests.rooms.builders import HOST, NEWCOMER, STAFF, TAX, Story, gathered, started

MINUTE = 60.0
NAMES = Names({}, {})


def with_break(story: Story, minutes: int = 10) -> Story:
    story.do(cmd.ChangeStation(actor=STAFF, station=1, break_after=minutes))
    return story


def test_the_next_station_is_expected_after_the_break() -> None:
    story = with_break(gathered())
    first, second = expected_starts(story.meeting, story.now).values()
    assert second - first == (25 + 10) * MINUTE


def test_an_active_station_keeps_its_break_after_it() -> None:
    story = with_break(started(1))
    begun = story.meeting.stations[0].started_at
    assert begun is not None
    assert expected_starts(story.meeting, story.now)[2] == begun + (25 + 10) * MINUTE


def test_the_break_begins_when_the_station_ends() -> None:
    story = with_break(started(1))
    story.do(cmd.FinishStation(actor=HOST, station=1))
    assert expected_starts(story.meeting, story.now + MINUTE)[2] == story.now + 10 * MINUTE
    late = story.now + 11 * MINUTE
    assert expected_starts(story.meeting, late)[2] == late


def test_a_station_that_was_skipped_has_no_break() -> None:
    story = with_break(gathered())
    story.do(cmd.SkipStation(actor=HOST, station=1))
    assert expected_starts(story.meeting, story.now)[2] == story.now


def test_a_longer_station_keeps_its_break() -> None:
    story = with_break(started(1))
    story.do(cmd.ExtendStation(actor=HOST, station=1, minutes=5))
    assert (story.meeting.stations[0].minutes, story.meeting.stations[0].break_after) == (30, 10)


@pytest.mark.parametrize("minutes", [-1, MAX_BREAK + 1])
def test_a_break_has_bounds(minutes: int) -> None:
    with pytest.raises(Rejected) as caught:
        with_break(gathered(), minutes)
    assert caught.value.reason is Reason.INVALID


def test_an_officer_is_not_told_what_comes_after_their_station() -> None:
    story = with_break(started(1))

    def told(who: str) -> int:
        return snapshot(story.meeting, who, story.now, NAMES).stations[0].break_after

    assert (told(TAX), told(NEWCOMER), told(HOST)) == (0, 10, 10)


@pytest.mark.parametrize("kind", ["station_added", "station_changed"])
def test_a_station_from_before_there_were_breaks_has_none(kind: str) -> None:
    ids = {"number": 1, "minutes": 20, **({"agency": "kommun"} if kind == "station_added" else {})}
    head = {"type": kind, "v": 1, "at": 1.0, "actor": STAFF, "ids": ids}
    event = meeting_codec().decode(json.dumps(head).encode(), b'{"purpose": "Bostad"}')
    assert (event.break_after, event.purpose) == (0, "Bostad")  # type: ignore[attr-defined]
