"""What has been freed goes back to the system."""

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
