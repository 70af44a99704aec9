"""The interpreting that each agency pays for: by the second, in its own station, for its own part."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rooms import commands as cmd
from rooms.ledger import Rounding, Row, rows, unbooked, worked
from rooms.ledger_events import InterpretingBooked
from rooms.people import Kind
from tests.rooms.builders import HOST, INTERPRETER, NEWCOMER, Story, gathered, started, together
from tests.rooms.interpreters import COLLEAGUE, hands_over, in_relay, with_a_colleague, works_between

STOCKHOLM = ZoneInfo("Europe/Stockholm")
EXACT = Rounding(unit=1e-6)


def ledger(booked: Iterable[InterpretingBooked], rounding: Rounding = EXACT) -> tuple[Row, ...]:
    return rows(booked, rounding, {}, STOCKHOLM)


def seconds(story: Story) -> dict[tuple[str, str], float]:
    """(agency, interpreter) → seconds."""
    return {(row.agency, row.interpreter): row.seconds for row in ledger(worked(story.log))}


def test_each_agency_pays_for_its_own_station() -> None:
    story = started(1)
    story.do(cmd.StartStation(actor=HOST, station=2), after=600)
    story.do(cmd.End(actor=HOST), after=300)
    assert seconds(story) == {
        ("skatteverket", INTERPRETER): 600,
        ("forsakringskassan", INTERPRETER): 300,
    }


def test_nobody_pays_between_stations_and_while_the_meeting_stands_still() -> None:
    story = gathered()
    story.do(cmd.StartStation(actor=HOST, station=1), after=500)
    story.do(cmd.Pause(actor=NEWCOMER), after=100)
    story.do(cmd.Resume(actor=NEWCOMER), after=1000)
    story.do(cmd.FinishStation(actor=HOST, station=1), after=50)
    story.do(cmd.End(actor=HOST), after=500)
    assert seconds(story) == {("skatteverket", INTERPRETER): 150}


def test_stations_that_go_on_together_share_the_time() -> None:
    story = together()
    first = story.meeting.stations[0].started_at
    second = story.meeting.stations[1].started_at
    assert first is not None
    assert second is not None
    story.do(cmd.End(actor=HOST), after=90)
    assert seconds(story) == {
        ("skatteverket", INTERPRETER): second - first + 45,
        ("forsakringskassan", INTERPRETER): 45,
    }


def test_time_away_is_not_paid_for() -> None:
    story = started(1)
    story.do(cmd.Leave(actor=INTERPRETER, participant=INTERPRETER), after=120)
    story.do(cmd.Enter(actor=INTERPRETER, participant=INTERPRETER), after=60)
    story.do(cmd.End(actor=HOST), after=30)
    assert seconds(story) == {("skatteverket", INTERPRETER): 150}
    assert len(worked(story.log)) == 2


def test_a_hand_over_changes_who_is_paid_and_leaves_no_gap() -> None:
    story = with_a_colleague()
    begins = story.meeting.stations[0].started_at
    story.now += 200
    hands_over(story, INTERPRETER, COLLEAGUE)
    done = story.now
    story.do(cmd.End(actor=HOST), after=100)
    assert begins is not None
    assert seconds(story) == {
        ("skatteverket", INTERPRETER): done - begins,
        ("skatteverket", COLLEAGUE): 100,
    }


def test_both_interpreters_of_a_relay_are_paid() -> None:
    story = in_relay()
    story.do(cmd.End(actor=HOST), after=60)
    assert list(seconds(story).values()) == [60, 60]


def test_other_languages_are_a_row_of_their_own() -> None:
    story = started(1)
    story.now += 99
    works_between(story, INTERPRETER, "fa", "sv")
    story.do(cmd.End(actor=HOST), after=40)
    assert [(row.languages, row.seconds) for row in ledger(worked(story.log))] == [
        (("ar", "sv"), 100),
        (("fa", "sv"), 40),
    ]


def test_who_says_other_languages_again_and_again_is_not_rounded_up_again_and_again() -> None:
    story = started(1)
    begins = story.now
    for pair in (("fa", "sv"), ("sv", "ar"), ("so", "sv"), ("ar", "sv")):
        works_between(story, INTERPRETER, *pair)
    story.do(cmd.End(actor=HOST), after=10)
    found = ledger(worked(story.log), Rounding(1800, "up"))
    assert sum(row.seconds for row in found) == story.now - begins
    assert len(found) == 3, "the order of languages makes no row"
    assert [row.charged for row in found] == [1800, 0, 0]


def test_what_still_goes_on_is_not_booked() -> None:
    assert worked(started(1).log) == ()


def a_night(begins: str, ends: str) -> InterpretingBooked:
    began, ended = (datetime.fromisoformat(each).timestamp() for each in (begins, ends))
    return booked(begins=began, ends=ended)


def booked(**fields: object) -> InterpretingBooked:
    one = InterpretingBooked(
        at=100.0,
        actor="system:ledger",
        agency="skatteverket",
        meeting="m_1",
        site="gavle",
        station=1,
        interpreter=INTERPRETER,
        name="Amal",
        kind=Kind.SPOKEN,
        languages=("ar", "sv"),
        begins=40.0,
        ends=100.0,
        among=1,
    )
    return replace(one, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("begins", "ends", "worked_for", "day"),
    [
        ("2026-11-24T23:30+01:00", "2026-11-25T00:30+01:00", 3600, date(2026, 11, 24)),
        ("2026-03-29T01:30+01:00", "2026-03-29T03:30+02:00", 3600, date(2026, 3, 29)),
        ("2026-10-25T02:30+02:00", "2026-10-25T02:30+01:00", 3600, date(2026, 10, 25)),
        ("2026-11-24T23:10+00:00", "2026-11-24T23:20+00:00", 600, date(2026, 11, 25)),
    ],
    ids=["over midnight", "into summer time", "out of summer time", "past midnight at the office"],
)
def test_midnight_and_the_clocks_make_no_difference(
    begins: str, ends: str, worked_for: float, day: date
) -> None:
    (row,) = ledger([a_night(begins, ends)])
    assert (row.seconds, row.day) == (worked_for, day)
    assert datetime.fromtimestamp(row.begins, UTC) == datetime.fromisoformat(begins)


@pytest.mark.parametrize(
    ("rounding", "worked_for", "charged"),
    [
        (Rounding(60, "up"), 61, 120),
        (Rounding(60, "up"), 120, 120),
        (Rounding(60, "nearest"), 89.9, 60),
        (Rounding(60, "nearest"), 90, 120),
        (Rounding(1800, "up"), 1, 1800),
        (Rounding(60, "up"), 0.1 + 0.2 + 59.7, 60),
    ],
)
def test_a_row_is_rounded_once(rounding: Rounding, worked_for: float, charged: float) -> None:
    parts = [booked(begins=0.0, ends=worked_for / 2), booked(begins=1e4, ends=1e4 + worked_for / 2)]
    (row,) = ledger(parts, rounding)
    assert row.seconds == pytest.approx(worked_for)
    assert row.charged == charged


spells = st.lists(
    st.builds(
        lambda begins, length, station: booked(
            begins=float(begins), ends=float(begins + length), station=station
        ),
        st.integers(0, 5),
        st.integers(1, 5),
        st.integers(1, 3),
    ),
    max_size=12,
)


@given(spells, st.lists(spells, max_size=3))
def test_corrections_bring_any_books_to_what_is_wanted(
    wanted: list[InterpretingBooked], mistaken: list[list[InterpretingBooked]]
) -> None:
    books: list[InterpretingBooked] = []
    for version in (*mistaken, wanted):
        books.extend(unbooked(version, books))
    assert unbooked(wanted, books) == ()
    assert ledger(books) == ledger(wanted)


def test_a_correction_takes_back_a_line_and_leaves_it_to_be_read() -> None:
    wrong, right = booked(ends=90.0), booked(ends=80.0)
    assert set(unbooked([right], [wrong])) == {right, replace(wrong, reverses=True)}


def test_a_name_that_was_erased_since_is_no_reason_to_correct() -> None:
    assert unbooked([booked()], [booked(name="")]) == ()
