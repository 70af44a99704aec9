"""Sharing a line: whose picture is made better first, what nobody loses, and what the line is taken for."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.demand import FIRST_REMINDER, KEPT, Demand
from media.downlink import (
    BELIEVED,
    LASTS,
    LEAST,
    LONG_QUEUE,
    LONGEST_PAUSE,
    PROBE,
    QUEUE,
    SHORTEST_PAUSE,
    START,
    Downlink,
)
from media.layers import (
    MOST_STRAINED,
    Priority,
    Step,
    Wish,
    allocate,
    fluent,
    guessed,
    ladder,
    next_target,
    rank,
)
from media.rates import Rates
from media.strain import CALM, Strain

RATES = {0: (60e3, 90e3, 150e3), 1: (200e3, 300e3, 500e3), 2: (600e3, 900e3, 1500e3)}

bitrates = st.integers(1, 3_000).map(lambda kilo: kilo * 1e3)
layers = st.lists(bitrates, min_size=1, max_size=4).map(lambda each: tuple(sorted(each)))
rates = st.dictionaries(st.integers(0, 3), layers, min_size=1)
limits = st.none() | st.integers(0, 4)


@st.composite
def wishes(draw: st.DrawFn) -> list[Wish]:
    found = []
    for number in range(draw(st.integers(0, 8))):
        steps = ladder(draw(rates), draw(limits), draw(limits), draw(st.integers(0, MOST_STRAINED)))
        priority = draw(st.sampled_from(Priority))
        floor = fluent(steps) if priority is Priority.INTERPRETER else 0
        found.append(Wish(str(number), priority, steps, floor))
    return found


budgets = st.integers(0, 20_000).map(lambda kilo: kilo * 1e3)


@given(rates, limits, limits, st.integers(0, MOST_STRAINED))
def test_a_ladder_rises_from_what_is_cheapest_and_keeps_to_what_is_wanted(
    had: dict[int, tuple[float, ...]], spatial: int | None, temporal: int | None, strain: int
) -> None:
    steps = ladder(had, spatial, temporal, strain)
    assert steps
    assert [step.bitrate for step in steps] == sorted({step.bitrate for step in steps})
    fitting = [layer for layer in had if spatial is None or layer <= spatial]
    for step in steps:
        assert step.bitrate == had[step.spatial][step.temporal]
        assert step.spatial in (fitting or [min(had)])
        assert temporal is None or step.temporal <= temporal
    assert steps[0].spatial == min(had)


def test_a_ladder_gives_up_motion_before_size_only_at_the_bottom() -> None:
    told = [(step.spatial, step.temporal) for step in ladder(RATES, None, None)]
    assert told == [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 1), (2, 2)]
    assert ladder(RATES, None, None, MOST_STRAINED)[-1] == Step(0, 2, 150e3)
    assert ladder(RATES, 1, 1)[-1] == Step(1, 1, 300e3)
    assert [step.bitrate for step in ladder({2: (500e3,)}, 0, None)] == [500e3]


@given(wishes(), budgets)
def test_everybody_gets_something_and_no_more_than_there_is_beyond_that(
    wanted: list[Wish], budget: float
) -> None:
    given_ = allocate(wanted, budget)
    assert given_.keys() == {wish.id for wish in wanted}
    floors = sum(wish.steps[wish.floor].bitrate for wish in wanted)
    assert sum(step.bitrate for step in given_.values()) <= max(budget, floors)
    for wish in wanted:
        assert wish.steps.index(given_[wish.id]) >= wish.floor


@given(wishes(), budgets)
def test_nobody_is_raised_while_somebody_before_them_could_be(wanted: list[Wish], budget: float) -> None:
    given_ = allocate(wanted, budget)
    left = budget - sum(step.bitrate for step in given_.values())
    for wish in wanted:
        at = wish.steps.index(given_[wish.id])
        if at + 1 == len(wish.steps):
            continue
        more = wish.steps[at + 1].bitrate - wish.steps[at].bitrate
        spent_on_later = sum(
            given_[each.id].bitrate - each.steps[each.floor].bitrate
            for each in wanted
            if each.priority > wish.priority
        )
        assert more > left + spent_on_later


@given(wishes(), budgets, budgets)
def test_the_first_loses_nothing_by_a_better_line(wanted: list[Wish], budget: float, more: float) -> None:
    first = [wish for wish in wanted if wish.priority is min(each.priority for each in wanted)]
    if len(first) != 1:
        return
    less, better = (allocate(wanted, each)[first[0].id].bitrate for each in (budget, budget + more))
    assert better >= less


@given(wishes(), budgets)
def test_what_the_next_improvement_takes_is_enough_for_one(wanted: list[Wish], budget: float) -> None:
    given_ = allocate(wanted, budget)
    target = next_target(wanted, given_)
    top = all(given_[wish.id] is wish.steps[-1] for wish in wanted)
    assert (target is None) == top
    if target is not None and target > budget:
        assert allocate(wanted, target) != given_


def test_the_interpreter_keeps_their_motion_on_the_worst_line() -> None:
    steps = ladder(RATES, None, None)
    wanted = [
        Wish("other", Priority.OTHER, steps),
        Wish("speaker", Priority.SPEAKER, steps),
        Wish("signs", Priority.INTERPRETER, steps, fluent(steps)),
    ]
    at = {
        budget: {id_: (s.spatial, s.temporal) for id_, s in allocate(wanted, budget).items()}
        for budget in (0, 700e3, 2e6, 9e6)
    }
    assert at[0] == {"signs": (0, 2), "speaker": (0, 0), "other": (0, 0)}
    assert at[700e3] == {"signs": (1, 2), "speaker": (0, 1), "other": (0, 1)}
    assert at[2e6] == {"signs": (2, 2), "speaker": (1, 1), "other": (0, 2)}
    assert set(at[9e6].values()) == {(2, 2)}


@given(st.integers(0, 5), limits)
def test_ranks_prefer_the_highest_that_is_wanted_and_then_the_next(layer: int, highest: int | None) -> None:
    best = max(range(6), key=lambda each: rank(each, highest))
    assert best == (5 if highest is None else highest)
    assert rank(layer, highest) <= rank(best, highest)
    assert len({rank(each, highest) for each in range(6)}) == 6


def test_layers_of_any_number_have_a_guess() -> None:
    assert [len(guessed(count)) for count in range(1, 9)] == list(range(1, 9))
    assert guessed(2) == (150_000.0, 500_000.0)


# the line


def test_a_fallen_estimate_takes_away_at_once_and_more_is_tried_later() -> None:
    line = Downlink(0.0)
    assert not line.estimated(3_000_000, 1_500_000, 1.0)
    assert line.estimated(600_000, 1_500_000, 2.0)
    assert line.allowed == 570_000
    assert not line.look(900_000, 500_000, 3.0)
    assert line.probing is None
    assert not line.look(900_000, 500_000, 7.0)
    assert line.probing is not None
    assert line.probing > 900_000


def test_an_estimate_that_is_low_because_little_is_sent_is_no_trouble() -> None:
    line = Downlink(0.0)
    line.estimated(400_000, 200_000, 1.0)
    assert not line.estimated(300_000, 200_000, 2.0)
    assert line.allowed == START


def probed(line: Downlink, estimates: tuple[float, float], now: float) -> bool:
    line.estimated(estimates[0], 500_000, now)
    line.look(900_000, 500_000, now)
    assert line.probing is not None
    line.estimated(estimates[1], 900_000, now + 1)
    line.look(900_000, 900_000, now + PROBE + 0.1)
    return line.allowed >= 900_000


def poor() -> Downlink:
    line = Downlink(-60.0)
    line.estimated(2_000_000, 1_900_000, -60.0)
    line.estimated(500_000, 1_900_000, -60.0)
    assert line.allowed < 500_000
    return line


def test_a_probe_during_which_the_estimate_grows_is_believed() -> None:
    assert probed(poor(), (510_000, 600_000), 0.0)


def test_a_probe_during_which_it_stands_still_is_not_and_the_next_comes_later() -> None:
    line, began = poor(), []
    for tick in range(1200):
        now, before = tick * 0.2, line.probing
        sent = 500_000 if before is None else before
        line.estimated(500_000, sent, now)
        line.look(900_000, sent, now)
        if before is None and line.probing is not None:
            began.append(now)
    waits = [after - before for before, after in pairwise(began)]
    assert len(waits) > 3
    assert waits == sorted(waits)
    assert waits[0] < 20
    assert waits[-1] <= LONGEST_PAUSE + PROBE + 1
    assert line.allowed < 500_000


def test_loss_ends_a_probe_and_much_of_it_takes_away() -> None:
    line = poor()
    line.look(900_000, 400_000, 0.0)
    assert line.probing is not None
    assert not line.lost(0.05, 900_000, 1.0)
    assert line.probing is None
    assert line.lost(0.5, 400_000, 1.0)
    assert line.allowed == 300_000
    line.lost(1.0, 0.0, 2.0)
    assert line.allowed == LEAST


def test_an_estimate_that_stays_far_below_what_is_sent_is_believed_in_the_end() -> None:
    line, less = Downlink(0.0), []
    for now in range(30, 36):
        line.estimated(500_000, 1_500_000, float(now))
        less.append(line.look(None, 1_500_000, float(now)))
    assert less == [False] * 5 + [True], "it has only now begun to be less than what is sent"
    assert line.allowed == 500_000


def small() -> Downlink:
    """Small pictures flow, of which the browser's estimate is far below what comes."""
    line = Downlink(0.0)
    for second in range(10):
        line.measured(0.04, 100_000, float(second))
        line.estimated(40_000, 100_000, float(second))
    line.allowed = 100_000
    return line


def test_an_estimate_is_not_believed_while_more_than_that_comes_without_a_queue() -> None:
    line, at = small(), 10.0
    assert not line.estimated(30_000, 100_000, at)
    while at < 20.0:
        line.measured(0.05, 100_000, at)
        line.estimated(30_000, 100_000, at)
        assert not line.look(None, 100_000, at)
        at += 0.5
    assert line.allowed == 100_000


def test_it_is_believed_when_there_is_a_queue() -> None:
    line = small()
    assert not line.measured(0.05 + QUEUE, 100_000, 10.0)
    assert line.estimated(30_000, 100_000, 10.1)
    line = small()
    assert not line.measured(0.04 + LONG_QUEUE + 0.05, 100_000, 10.0)
    assert line.measured(0.04 + LONG_QUEUE + 0.05, 100_000, 10.0 + LASTS)
    assert line.allowed == LEAST


def test_a_device_that_answers_late_once_has_no_queue() -> None:
    line = small()
    for late in range(10):
        assert not line.measured(0.5, 100_000, 10.0 + late)
        assert not line.measured(0.05, 100_000, 10.4 + late)


def test_a_long_queue_alone_is_no_trouble() -> None:
    line = small()
    line.estimated(400_000, 100_000, 9.5)
    for second in range(10, 14):
        assert not line.measured(0.5, 100_000, float(second))
    assert line.allowed >= 100_000


@pytest.mark.parametrize(("rtt", "goes_well"), [(0.05, True), (0.3, False)])
def test_a_probe_that_makes_no_queue_is_believed_whatever_the_estimate(rtt: float, goes_well: bool) -> None:
    line, at = small(), 10.0
    while at < 20.0 and (line.probing is not None or at < 10.5):
        line.estimated(40_000, line.probing or 100_000, at)
        line.measured(rtt, 30_000, at)
        line.look(200_000, line.probing or 100_000, at)
        at += 0.25
    assert (line.allowed > 200_000) is goes_well


def test_a_way_that_has_become_longer_is_no_queue_for_ever() -> None:
    line = small()
    line.measured(0.2, 0, 10.0)
    assert line.estimated(30_000, 100_000, 10.0)
    for second in range(11, 60):
        line.measured(0.2, 0, float(second))
    line.estimated(30_000, 100_000, 60.0)
    assert not line.estimated(20_000, 100_000, 60.1)


def test_an_estimate_that_is_not_repeated_is_not_believed_any_more() -> None:
    line = Downlink(0.0)
    line.estimated(500_000, 1_500_000, 0.0)
    assert line.estimate(BELIEVED) == 500_000
    assert line.estimate(BELIEVED + 0.1) is None
    for tick in range(100):
        assert not line.look(None, 1_500_000, BELIEVED + 0.1 + tick * 0.2)
    assert not line.estimated(400_000, 1_500_000, 60.0), "it has fallen since long ago"
    assert line.allowed == START


def test_after_a_change_of_path_nothing_is_known_and_more_is_tried_soon() -> None:
    line = poor()
    for tick in range(600):
        now = tick * 0.2
        line.estimated(500_000, 500_000 if line.probing is None else line.probing, now)
        line.look(900_000, 500_000, now)
    line.elsewhere(120.0)
    assert line.estimate(120.0) is line.probing is None
    assert line.allowed < 500_000, "what goes on is not more at once"
    line.look(900_000, 500_000, 120.0 + SHORTEST_PAUSE - 0.1)
    assert line.probing is None
    line.look(900_000, 500_000, 120.0 + SHORTEST_PAUSE)
    assert line.probing is not None


# demand


def test_what_nobody_needs_is_given_up_after_a_while_and_asked_for_again_at_once() -> None:
    demand = Demand(3, 0.0)
    assert demand.note({0}, {0, 1, 2}, KEPT - 0.1) is None
    assert demand.note({0}, {0, 1, 2}, KEPT + 0.1) == [0]
    assert demand.note({0}, {0}, KEPT + 10) is None
    assert demand.note({2}, {0}, KEPT + 11) == [0, 2]
    assert demand.note(set(), {0, 2}, KEPT + 12) is None
    assert demand.note({2}, {0, 2}, KEPT + 15) is None
    assert demand.note(set(), {0, 2}, KEPT + 15 + KEPT) == [0]


def test_the_lowest_is_never_given_up() -> None:
    demand = Demand(2, 0.0)
    assert demand.note(set(), {0, 1}, 100.0) == [0]
    assert demand.note(set(), {0}, 1000.0) is None


def test_what_does_not_come_is_asked_for_again_less_and_less() -> None:
    demand = Demand(2, 0.0)
    told = [now for now in range(1, 200) if demand.note({1}, {0}, float(now))]
    assert told[0] == FIRST_REMINDER
    assert len(told) < 8
    assert told[1] - told[0] > FIRST_REMINDER


@given(
    st.lists(st.tuples(st.sets(st.integers(0, 4)), st.sets(st.integers(0, 4)), st.floats(0, 3)), max_size=60)
)
def test_what_is_needed_is_always_asked_for(steps: list[tuple[set[int], set[int], float]]) -> None:
    demand, now = Demand(3, 0.0), 0.0
    for needed, alive, later in steps:
        now += later
        demand.note(needed, alive, now)
        assert demand.asked >= needed & {0, 1, 2} | {0}
        assert demand.asked <= {0, 1, 2}


# what is measured


def test_rates_count_what_lies_below() -> None:
    measured = Rates()
    assert measured.read(0.0) is None
    for temporal, octets in ((0, 1000), (2, 500), (1, 250)):
        measured.add(temporal, octets)
    assert measured.read(0.5) is None
    assert measured.read(1.0) == (8000, 10_000, 14_000)
    assert measured.read(3.0) == (8000, 10_000, 14_000), "a silent layer keeps what it had"
    measured.add(0, 10)
    measured.add(2, 10)
    assert measured.read(4.0) == pytest.approx((5600, 7000, 9800))


def test_strain_rises_by_the_second_and_falls_slowly() -> None:
    strain, used, levels = Strain(), 0.0, []
    for second in range(12):
        used += 0.95 if second < 4 else 0.2
        strain.read(used, float(second))
        strain.read(used, second + 0.5)
        levels.append(strain.level)
    assert max(levels) == MOST_STRAINED
    assert levels[4 + CALM - 2] == MOST_STRAINED
    assert levels[-1] < MOST_STRAINED
