"""A client whose connection is lost comes back when the service wants it to."""

import itertools
import random
from collections import Counter

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from signaling import connection
from signaling.client import MeetingClient
from signaling.connection import CallFailed
from signaling.pauses import GROWTH, evenly, pause

ELSEWHERE = {"code": "elsewhere", "node": "b", "spread": 6.0}
MOVING = {"code": "moving", "spread": 3.0}
AWAY = {"code": "store_unavailable"}
UNKNOWN = {"code": "session_unknown"}


def returning(spread: float | None, taken: float) -> list[float]:
    """When each of 300 is back whose 15 meetings are taken up within half a second from then on, by the rules
    of the client. `spread`: None if the service says nothing."""
    back = []
    for number in range(300):
        ready, at = taken + 0.5 * (number // 20) / 15, 0.0
        for turn in itertools.count():
            at += pause(turn) if turn == 0 or spread is None else evenly(spread, turn - 1)
            if at >= ready:
                break
        back.append(at)
    return sorted(back)


def peak_to_mean(back: list[float]) -> float:
    """By second."""
    peak = max(Counter(int(at - back[0]) for at in back).values())
    return peak * (back[-1] - back[0]) / len(back)


@pytest.mark.parametrize("taken", [5.0, 5.7, 6.4, 11.0])
def test_a_storm_of_300_is_even_when_the_service_says_how_long_it_takes(taken: float) -> None:
    random.seed(7)
    even, other = ([returning(spread, taken) for _ in range(20)] for spread in (2.0, None))
    assert max(map(peak_to_mean, even)) < 2 < max(map(peak_to_mean, other))
    assert max(back[-1] for back in even) < taken + 0.5 + 2.0


@pytest.mark.parametrize("taken", [0.5, 1.5, 6.0])
def test_whoever_is_alone_is_back_sooner_than_without_such_a_time(taken: float) -> None:
    random.seed(7)
    even, other = ([at for _ in range(5) for at in returning(spread, taken)] for spread in (0.5, None))
    assert sum(even) < sum(other)
    assert max(even) < min(taken + 0.5 + 0.75, max(other))


def test_who_waits_for_very_long_tries_more_and_more_seldom() -> None:
    assert 2.7 <= evenly(3.0, 12) <= 3.0
    assert 3.8 < evenly(3.0, 14) < 4.4
    assert 13.5 <= evenly(3.0, 99) <= 15.0


async def test_the_time_is_of_the_last_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [ELSEWHERE, MOVING, None, AWAY, UNKNOWN]
    bounds: list[tuple[float, float]] = []

    async def refuse(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        call = await socket.receive_json()
        answer = answers.pop(0)
        if answer is not None:
            await socket.send_json({"id": call["id"], "error": {"code": -32000, "data": answer}})
        await socket.receive()
        return socket

    def uniform(low: float, high: float) -> float:
        bounds.append((low, high))
        return 0.0

    app = web.Application()
    app.router.add_get("/api/v1/socket", refuse)
    monkeypatch.setattr("random.uniform", uniform)
    monkeypatch.setattr(connection, "ANSWER_WITHIN", 0.5)
    async with TestServer(app) as server:
        it = MeetingClient(str(server.make_url("/")))
        with pytest.raises(CallFailed, match="session_unknown"):
            await it.come_back(5.0)
        await it.close()
    grown = [(0, pytest.approx(0.5 * GROWTH**attempt)) for attempt in (2, 3)]
    assert bounds == [(0.0, 6.0), (2.7, 3.0), *grown]
