"""The periodic work of all rooms of a worker, in parts: packets wait for no more than one of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from config.media import Listen
from media import memory
from media.exchange import AT_ONCE, HURRIED_ROUND, MOST_PARTS, ROUND, Exchange
from media.port import Port


@dataclass
class Seat:
    """A transport that is seen to."""

    router: Room
    number: int


@dataclass
class Room:
    """Takes a router's place."""

    size: int
    seen: list[int] = field(default_factory=list)
    spoken: int = 0
    hurries: int = -1
    """The number of a transport that wants to be seen to soon."""
    transports: dict[int, Seat] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.transports = {number: Seat(self, number) for number in range(self.size)}

    def see_to(self, transport: Seat, now: float) -> bool:
        self.seen.append(transport.number)
        return transport.number == self.hurries

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


def parts(exchange: Exchange, whole: float = ROUND) -> int:
    return round(whole / exchange.pause)


def seen(made: list[Any]) -> int:
    return sum(len(room.seen) for room in made)


def test_a_few_transports_are_seen_to_in_one_go(exchange: Exchange) -> None:
    made = rooms(exchange, 10, 0, AT_ONCE - 10)
    for rounds in (1, 2):
        exchange.tick(1.0)
        assert parts(exchange) == 1
        assert [room.spoken for room in made] == [rounds] * 3
        assert seen(made) == rounds * AT_ONCE


@pytest.mark.parametrize("size", [AT_ONCE + 1, 3 * AT_ONCE, 100 * AT_ONCE + 3])
def test_many_are_seen_to_in_parts_and_each_once_in_a_round(exchange: Exchange, size: int) -> None:
    made = rooms(exchange, size)
    exchange.tick(1.0)
    assert 1 < parts(exchange) <= MOST_PARTS
    assert 0 < seen(made) < size
    for _ in range(parts(exchange) - 1):
        exchange.tick(1.0)
    assert sorted(made[0].seen) == list(range(size))
    assert made[0].spoken == 1


def test_who_comes_or_goes_within_a_round_is_there_or_away_in_the_next(exchange: Exchange) -> None:
    [made] = rooms(exchange, 2 * AT_ONCE)
    exchange.tick(1.0)
    del made.transports[0]
    made.transports[-1] = Seat(made, -1)
    exchange.tick(1.0)
    assert -1 not in made.seen
    exchange.tick(1.0)
    exchange.tick(1.0)
    assert (made.seen.count(0), made.seen.count(-1)) == (1, 1)


def test_nobody_is_there_and_the_work_goes_on(exchange: Exchange) -> None:
    exchange.tick(1.0)
    assert parts(exchange) == 1


def test_while_something_is_wanted_soon_all_are_seen_to_twice_as_often(exchange: Exchange) -> None:
    [made] = rooms(exchange, 3 * AT_ONCE)
    made.hurries = 2 * AT_ONCE
    for _ in range(3):
        exchange.tick(1.0)
        assert parts(exchange) == 3
    for _ in range(3):
        exchange.tick(1.0)
        assert parts(exchange, HURRIED_ROUND) == 3
    made.hurries = -1
    for _ in range(3):
        exchange.tick(1.0)
        assert parts(exchange, HURRIED_ROUND) == 3
    exchange.tick(1.0)
    assert parts(exchange) == 3


@pytest.mark.parametrize("way", ["asked to", "by itself", "its owner", "its room"])
def test_memory_is_given_back_however_a_transport_has_come_to_its_end(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    given: list[int] = []
    monkeypatch.setattr(memory, "give_back", lambda: given.append(1))
    params = {"room": "r", "owner": "o", "transport": "t", "direction": "recv"}
    exchange.call("createTransport", params)
    exchange.tick(1.0)
    assert given == []
    if way == "by itself":
        exchange.routers["r"].transports["t"].close()
    else:
        method = {"asked to": "closeTransport", "its owner": "closeOwner", "its room": "closeRoom"}[way]
        exchange.call(method, params)
    exchange.tick(1.0)
    assert given == [1]
