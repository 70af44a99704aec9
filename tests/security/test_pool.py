"""One interpreter, two rooms, real packets: after a hop nothing of the old room arrives, nor theirs in it."""

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.raw_client import RawClient
from tests.support.service import Service, service

HOPS = 4
ENOUGH = 5
"""Packets."""
DEADLINE = 20.0


@dataclass
class Room:
    """Everybody in it sends all the time, the interpreter too, whether they are in it or not."""

    meeting: str
    newcomer: RawClient
    officer: RawClient
    waiting: RawClient
    booth: RawClient

    def of_interpreter(self, after: int) -> int:
        """So many of the interpreter's packets have reached this room later than `after`."""
        listeners = (self.newcomer, self.officer, self.waiting)
        return sum(
            len(listener.packets(consumer, after=after))
            for listener in listeners
            for consumer in listener.heard(self.booth.participant)
        )

    def at_booth(self, after: int) -> int:
        return len(self.booth.all_packets(after=after))

    async def goes_on(self, after: int) -> None:
        """Both ways."""
        for client, enough in (
            (self.booth, lambda: self.at_booth(after) > ENOUGH),
            (self.newcomer, lambda: self.of_interpreter(after) > ENOUGH),
        ):
            await client.wait_for(enough, DEADLINE, "nothing arrives in the room with the floor")


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator["House"]:
    async with service(tmp_path) as running, AsyncExitStack() as stack:
        yield House(running, stack, "")


@dataclass
class House:
    service: Service
    stack: AsyncExitStack
    token: str

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """As the interpreter."""
        headers = {"Authorization": f"Bearer {self.token}"}
        url = f"{self.service.url}/api/v1/pool{path}"
        async with self.service.http.request(method, url, json=body, headers=headers) as answer:
            found = await answer.json(content_type=None)
            assert answer.status < 400, found
            return found

    async def sign_in(self) -> None:
        tokens = self.service.services.tokens
        self.token, _ = tokens.issue_staff(sub="amal", name="Amal Said", role="interpreter", sites=[])
        until = (datetime.now(UTC) + timedelta(hours=4)).isoformat()
        await self.ask("PUT", "/me", {"languages": ["ar", "sv"], "available_until": until})

    async def joined(self, meeting: str, role: str, **body: Any) -> RawClient:
        client = await self.stack.enter_async_context(await self.service.joined(meeting, role, **body))
        await client.produce("audio")
        return client

    async def room(self) -> Room:
        made = await self.service.meeting()
        meeting, (first, second) = made["id"], made["stations"]
        newcomer = await self.joined(meeting, "newcomer")
        officer, waiting = [
            await self.joined(meeting, "officer", agency=s["agency"], station=s["number"])
            for s in (first, second)
        ]
        host = await self.stack.enter_async_context(await self.service.joined(meeting, "host"))
        await host.call("interpret.call", language="ar")
        (call,) = (await self.ask("GET", ""))["waiting"]
        await self.ask("POST", f"/calls/{call['call']}/accept")
        entered = await self.ask("POST", f"/rooms/{meeting}/token")
        booth = await self.stack.enter_async_context(RawClient(self.service.url))
        await booth.join(entered["access_token"])
        await booth.produce("audio", "interpretation")
        await self.service.rest("POST", f"/meetings/{meeting}/stations/1/start")
        return Room(meeting, newcomer, officer, waiting, booth)


async def test_after_a_hop_no_packet_of_the_old_room_arrives_nor_theirs_in_it(house: House) -> None:
    await house.sign_in()
    rooms = [await house.room(), await house.room()]
    await rooms[0].goes_on(0)
    left = 0
    for hop in range(1, HOPS + 1):
        old, new = rooms[(hop + 1) % 2], rooms[hop % 2]
        assert (new.at_booth(left), new.of_interpreter(left)) == (0, 0), f"before hop {hop}"
        await house.ask("PUT", "/floor", {"meeting": new.meeting})
        left = time.time_ns()
        await new.goes_on(left)
        assert (old.at_booth(left), old.of_interpreter(left)) == (0, 0), f"after hop {hop}"
    await house.ask("PUT", "/floor", {"meeting": None})
    answered = time.time_ns()
    await rooms[0].newcomer.wait_for(
        lambda: len(rooms[0].newcomer.all_packets(after=answered)) > ENOUGH,
        DEADLINE,
        "the room has gone silent",
    )
    assert [(room.at_booth(answered), room.of_interpreter(answered)) for room in rooms] == [(0, 0), (0, 0)]


async def test_of_the_room_only_the_station_that_goes_on_is_heard(house: House) -> None:
    await house.sign_in()
    room = await house.room()
    await room.booth.wait_for(
        lambda: any(room.booth.packets(each) for each in room.booth.heard(room.officer.participant)), DEADLINE
    )
    assert room.booth.heard(room.waiting.participant) == []
    assert room.waiting.all_packets() == []
