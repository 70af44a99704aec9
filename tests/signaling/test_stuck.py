"""Which consumers are made anew because they bring nothing."""

from itertools import pairwise
from typing import Any

from signaling.stuck import StuckConsumers


def reading(
    came: int, got: int, *, paused: bool = False, held: bool = False, state: str = "connected"
) -> dict[str, Any]:
    return {
        "transports": [{"id": "t_1", "state": state}],
        "producers": [{"id": "pr_1", "packets": came, "paused": held}],
        "consumers": [
            {"id": "c_1", "transport": "t_1", "producer": "pr_1", "packets": got, "paused": paused}
        ],
    }


def told(*readings: dict[str, Any]) -> list[bool]:
    """For each step from one reading to the next: is it to be made anew?"""
    watch = StuckConsumers()
    return [watch.note(before, after) == ["c_1"] for before, after in pairwise(readings)]


def test_one_that_brings_nothing_is_made_anew_at_the_second_reading_and_then_more_and_more_rarely() -> None:
    steps = told(*(reading(100 * each, 7) for each in range(10)))
    assert [number for number, now in enumerate(steps, 1) if now] == [2, 4, 8]


def test_one_that_brings_something_begins_to_count_anew() -> None:
    assert told(reading(0, 7), reading(100, 7), reading(200, 8), reading(300, 8)) == [False, False, False]


def test_it_is_not_stuck_while_its_source_is_silent_or_paused() -> None:
    assert not any(told(*(reading(19 * each, 7) for each in range(5))))
    assert not any(told(*(reading(100 * each, 7, held=True) for each in range(5))))


def test_it_is_not_stuck_while_its_listener_has_paused_it_or_is_not_there() -> None:
    assert not any(told(*(reading(100 * each, 7, paused=True) for each in range(5))))
    assert not any(told(*(reading(100 * each, 7, state="new") for each in range(5))))


def test_one_that_is_new_is_not_judged() -> None:
    before = reading(0, 0) | {"consumers": []}
    assert told(before, reading(100, 0)) == [False]
