"""The periodic work of all rooms of a worker, in parts: packets wait for no more than one of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from config.media import Listen
from media.exchange import AT_ONCE, MOST_PARTS, Exchange
from media.port import Port


@dataclass
class Seat:
    """A transport that is seen to."""

    router: Room


@dataclass
class Room:
    """Takes a router's place."""

    size: int
    seen: list[int] = field(default_factory=list)
    spoken: int = 0
    transports: dict[int, Seat] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.transports = {number: Seat(self) for number in range(self.size)}

    def see_to(self, transport: Seat, now: float) -> None:
        self.seen += [number for number, each in self.transports.items() if each is transport]

    def tell_speakers(self, now: float) -> None:
        self.spoken += 1

    def close(self) -> None: ...


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    port = Port([Listen("127.0.0.1")], 0)
    yield Exchange(port, lambda event, data: None)
    port.close()


def rooms(exchange: Exchange, *sizes: int) -> list[Any]:
    made = [Room(size) for size in sizes]
    exchange.routers = {str(number): room for number, room in enumerate(made)}  # type: ignore[misc]
    return made


def seen(made: list[Any]) -> int:
    return sum(len(room.seen) for room in made)


def test_a_few_transports_are_seen_to_in_one_go(exchange: Exchange) -> None:
    made = rooms(exchange, 10, 0, AT_ONCE - 10)
    for rounds in (1, 2):
        exchange.tick(1.0)
        assert exchange.parts == 1
        assert [room.spoken for room in made] == [rounds] * 3
        assert seen(made) == rounds * AT_ONCE


@pytest.mark.parametrize("size", [AT_ONCE + 1, 3 * AT_ONCE, 100 * AT_ONCE + 3])
def test_many_are_seen_to_in_parts_and_each_once_in_a_round(exchange: Exchange, size: int) -> None:
    made = rooms(exchange, size)
    exchange.tick(1.0)
    assert 1 < exchange.parts <= MOST_PARTS
    assert 0 < seen(made) < size
    for _ in range(exchange.parts - 1):
        exchange.tick(1.0)
    assert sorted(made[0].seen) == list(range(size))
    assert made[0].spoken == 1


def test_who_comes_or_goes_within_a_round_is_there_or_away_in_the_next(exchange: Exchange) -> None:
    [made] = rooms(exchange, 2 * AT_ONCE)
    exchange.tick(1.0)
    gone, comes = made.transports.popitem(), Seat(made)
    made.transports[-1] = comes
    exchange.tick(1.0)
    assert -1 not in made.seen
    exchange.tick(1.0)
    exchange.tick(1.0)
    assert made.seen.count(-1) == 1
    assert gone[0] not in made.seen


def test_nobody_is_there_and_the_work_goes_on(exchange: Exchange) -> None:
    exchange.tick(1.0)
    assert exchange.parts == 1
