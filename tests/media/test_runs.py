"""Whether what is missed was lost one by one or together."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.redundancy import APART, TOGETHER
from media.runs import LEAST, Runs
from tests.support.relay import Link


def told(link: Link, packets: int = 2000, first: int = 65_000) -> float:
    """Of what the link loses the listener asks as soon as something comes, twice for everything."""
    found, missed = Runs(), list[int]()
    for number in range(packets):
        if link.offer(200, 0.02 * number):
            found.asked(missed[-40:])
            missed = missed[-20:]
        else:
            missed.append(first + number & 0xFFFF)
    return found.together


@pytest.mark.parametrize("share", [0.02, 0.1, 0.3])
def test_at_random_as_many_follow_another_as_are_lost(share: float) -> None:
    for seed in range(5):
        together = told(Link(seed, loss=share))
        assert together == pytest.approx(share, abs=0.14)
        assert together < TOGETHER


@pytest.mark.parametrize("share", [0.05, 0.1, 0.3])
def test_in_runs_most_follow_another(share: float) -> None:
    leaves = 1 / 3
    for seed in range(5):
        assert told(Link(seed, burst=(share * leaves / (1 - share), leaves))) > TOGETHER


def test_a_few_tell_nothing_and_what_is_asked_for_again_counts_once() -> None:
    found = Runs()
    for _ in range(20):
        found.asked(range(LEAST))
    assert found.together == 0
    found.asked(range(LEAST, LEAST + 2))
    assert found.together > 0.9
    again = found.together
    found.asked(range(LEAST + 2))
    assert found.together == again


def test_a_line_on_which_losses_come_one_by_one_again_is_known_soon() -> None:
    found, random, number = Runs(), Random(1), 0
    found.asked(range(100))
    for _ in range(130):
        number += random.randint(102, 120)
        found.asked([number & 0xFFFF])
    assert found.together < APART


@given(st.lists(st.lists(st.integers(0, 65_535), max_size=20), max_size=30))
def test_whatever_is_asked_for_it_is_a_share(asked: list[list[int]]) -> None:
    found = Runs()
    for each in asked:
        found.asked(each)
        assert 0 <= found.together <= 1
