"""What has been freed goes back to the system, and cycles are looked for at most then."""

import gc
from collections.abc import Iterator
from weakref import ref

import pytest

from media import memory


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    times: list[int] = []
    monkeypatch.setattr(memory, "give_back", lambda: times.append(1))
    return times


def test_it_is_given_back_once_for_all_that_has_ended(given: list[int]) -> None:
    back = memory.GiveBack()
    back.tick(100.0)
    assert given == []
    back.soon()
    back.soon()
    back.tick(100.1)
    back.tick(100.2)
    assert len(given) == 1


def test_it_is_given_back_at_most_once_a_minute(given: list[int]) -> None:
    back = memory.GiveBack()
    for now in (100.0, 130.0, 159.9):
        back.soon()
        back.tick(now)
    assert len(given) == 1
    back.tick(160.0)
    assert len(given) == 2


def test_it_can_be_called_wherever_this_runs() -> None:
    memory.give_back()


@pytest.fixture
def thresholds() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


class Held:
    """In a cycle with itself."""

    def __init__(self) -> None:
        self.it = self


def test_a_cycle_among_many_new_things_goes_when_memory_is_given_back(thresholds: None) -> None:
    memory.collect_rarely()
    cycle = ref(Held())
    kept = [(each,) for each in range(20_000)]
    assert cycle() is not None
    memory.give_back()
    assert cycle() is None
    assert len(kept) == 20_000
