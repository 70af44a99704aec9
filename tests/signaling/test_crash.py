"""The service is killed between any two steps of a batch: what was answered holds, what was not can be called
again, and nobody hears more."""

import asyncio
import os
import random
import uuid
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from config.settings import Limits
from rooms.errors import Reason
from rooms.events import MessageSent, StationAdded
from rooms.policy import audience
from signaling.connection import CallFailed, ConnectionLost
from tests.signaling.live_rig import within
from tests.support.mortal import STEPS, Mortal
from tests.support.raw_client import RawClient

BACK = 60.0
KILLS = int(os.environ.get("KILLS", "25"))
MOST_STEPS = 10 * len(STEPS)
SEED = 2026
UNHURRIED = Limits(calls_per_second=10_000, calls_burst=10_000)


@pytest.fixture
async def it(tmp_path: Path) -> AsyncIterator[Mortal]:
    async with Mortal(tmp_path, session_grace=600.0, limits=UNHURRIED) as running:
        yield running


class Leading:
    """A host who leads a meeting of three stations over and over, and knows what has been answered. What has
    not been is called again, as a page does."""

    def __init__(self, host: RawClient, chance: random.Random) -> None:
        self.host = host
        self.answered: list[str] = []
        self.additions = 0
        self._chance = chance
        self._number = 0
        self._open: tuple[str, dict[str, Any]] | None = None

    async def go_on(self) -> None:
        """Until the service dies."""
        while True:
            try:
                await (self._one() if self._open is None else self._again())
            except (ConnectionLost, aiohttp.ClientError, TimeoutError):
                return
            except CallFailed as refused:
                self._open = None
                if refused.code not in EXPECTED:
                    raise

    async def _one(self) -> None:
        stations = [
            s["number"] for s in self.host.snapshot["stations"] if s["state"] in ("planned", "called")
        ]
        match self._chance.randrange(6):
            case 0 | 1 if stations:
                await self._call("meeting.start", station=self._chance.choice(stations))
            case 2:
                await self._call("meeting.pause")
            case 3:
                await self._call("meeting.resume")
            case 4 if len(self.host.snapshot["stations"]) < 12:
                self.additions += 1
                await self._call("meeting.addStation", agency=self._chance.choice(AGENCIES))
            case _:
                self._number += 1
                await self._call("chat.send", text=f"ord {self._number}")

    async def _call(self, method: str, **params: Any) -> None:
        self._open = method, {"request": str(uuid.uuid4()), **params}
        await self._again()

    async def _again(self) -> None:
        assert self._open is not None
        method, params = self._open
        await self.host.call(method, **params)
        self._open = None
        if method == "chat.send":
            self.answered.append(params["text"])


AGENCIES = ("skatteverket", "forsakringskassan", "arbetsformedlingen")
EXPECTED = {"store_unavailable", *Reason}


@pytest.mark.timeout(120 + 12 * KILLS)
async def test_killed_at_any_step_it_loses_nothing_answered_and_lets_nobody_hear_more(it: Mortal) -> None:
    chance = random.Random(SEED)
    made = await it.service.meeting()
    meeting: str = made["id"]
    async with (
        await it.service.joined(meeting, "host") as host,
        await it.service.joined(meeting, "newcomer") as newcomer,
        await it.service.officer(meeting, made["stations"][0]) as tax,
        await it.service.officer(meeting, made["stations"][1]) as insurance,
    ):
        people = (host, newcomer, tax, insurance)
        leading = Leading(host, chance)
        for kill in range(KILLS):
            it.steps_left.value = chance.randint(1, MOST_STEPS)
            it.store_down.value = int(chance.random() < 0.2)
            await _until_dead(it, leading)
            log, state = await it.saved(meeting)
            said = [event.text for event in log if isinstance(event, MessageSent)]
            assert [text for text in leading.answered if text not in said] == [], f"kill {kill}"
            assert len(said) == len(set(said)), f"kill {kill}"
            added = [event for event in log if isinstance(event, StationAdded)]
            assert len(added) <= len(made["stations"]) + leading.additions, f"kill {kill}"
            assert within(await _table(it), audience(state)), f"kill {kill}"
            print(f"kill {kill}: {len(log)} events, {len(leading.answered)} answered", flush=True)
            await it.start()
            await asyncio.gather(*(each.come_back(BACK) for each in people))
            assert _states(host.snapshot) == {s.number: s.state.value for s in state.stations}
        await it.kill()
        _, state = await it.saved(meeting)
        assert await _table(it) == _plain(audience(state))


async def _until_dead(it: Mortal, leading: Leading) -> None:
    """While nothing can be saved few steps are passed: then it is killed where it stands."""
    with suppress(TimeoutError):
        async with asyncio.timeout(3.0):
            await leading.go_on()
    await it.kill()


async def _table(it: Mortal) -> dict[str, dict[str, list[str]]]:
    rooms: list[dict[str, Any]] = (await it.worker()).dump["rooms"]
    return rooms[0]["allow"] if rooms else {}


def _plain(table: Any) -> dict[str, dict[str, list[str]]]:
    return {who: {owner: sorted(s) for owner, s in heard.items()} for who, heard in table.items()}


def _states(snapshot: dict[str, Any]) -> dict[int, str]:
    return {station["number"]: station["state"] for station in snapshot["stations"]}
