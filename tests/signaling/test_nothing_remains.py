"""After a meeting nothing of it is left in signaling or in the worker, whatever has happened in it."""

import asyncio
import logging
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support.inventory import Inventory, descriptors, differences, taken
from tests.support.raw_client import RawClient
from tests.support.service import Service, service

DEADLINE = 30.0
GRACE = 0.5


async def holdings(it: Service) -> Inventory:
    """Of this process and of the worker."""
    workers = it.services.hub.workers.all[0]
    assert workers.pid is not None
    told = await workers.call(lambda worker: worker.stats())
    found = taken(it.services)
    for kind in ("transports", "producers", "consumers"):
        found[f"{kind} of the worker"] = len(told[kind])
    found["descriptors of the worker"] = descriptors(workers.pid)
    return found


async def same_again(it: Service, before: Inventory) -> None:
    """Connections and processes end a moment after whoever has ended them."""
    changed: dict[str, int] = {}
    try:
        async with asyncio.timeout(DEADLINE):
            while changed := differences(before, await holdings(it)):
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"left over after {DEADLINE} s: {changed}") from None


class Visit:
    """A meeting with everything that can happen in one."""

    def __init__(self, it: Service, stack: AsyncExitStack) -> None:
        self.it, self.stack = it, stack

    async def begin(self) -> None:
        self.made = await self.it.meeting()
        self.id: str = self.made["id"]
        self.newcomer = await self.comes("newcomer")
        self.host = await self.comes("host")
        self.interpreter = await self.comes("interpreter", source="interpretation")
        self.first, self.second = [await self._officer(station) for station in self.made["stations"]]

    async def comes(self, role: str, *, source: str | None = None, **more: Any) -> RawClient:
        client = await self.stack.enter_async_context(await self.it.joined(self.id, role, **more))
        await client.produce("audio", source)
        await client.produce("video")
        return client

    async def _officer(self, station: dict[str, Any]) -> RawClient:
        return await self.comes("officer", agency=station["agency"], station=station["number"])

    async def switches(self) -> None:
        for number, officer in ((1, self.first), (2, self.second), (1, self.first)):
            await self.host.act("meeting.start", station=number)
            await hears(officer, self.newcomer)
            await hears(self.newcomer, officer)
        await self.host.act("chat.send", text="nu börjar vi")

    async def pauses(self) -> None:
        await self.newcomer.act("meeting.pause")
        await self.newcomer.act("meeting.resume")
        await hears(self.first, self.newcomer)

    async def consents(self) -> None:
        await self.host.act("meeting.askConsent", stations=[1, 2])
        question = (await self.newcomer.wait_for_event("consent_asked"))["data"]["question"]
        await self.newcomer.act("meeting.answerConsent", question=question, granted=True)
        await self.newcomer.wait_for_event("consent_answered")
        (given,) = self.newcomer.snapshot["consents"]
        await self.newcomer.act("meeting.revokeConsent", consent=given["id"])

    async def loses_its_connections(self) -> None:
        await self.newcomer.cut()
        await self.newcomer.resume()
        await hears(self.newcomer, self.host)
        self.interpreter.stop_media()
        await self.interpreter.cut()
        await self.host.wait_for_event("participant_left", deadline=DEADLINE)

    async def moves_to_another_device(self) -> None:
        other = await self.comes("host", participant=self.host.participant)
        await self.host.wait_for(lambda: self.host.closed_with, DEADLINE)
        self.host = other
        await hears(other, self.newcomer)

    async def loses_its_worker(self) -> None:
        workers = self.it.services.hub.workers.all[0]
        assert workers.pid is not None
        os.kill(workers.pid, signal.SIGKILL)
        await self.newcomer.wait_for(lambda: self.newcomer.told("media.reset"), DEADLINE)
        await hears(self.newcomer, self.host)

    async def ends(self) -> None:
        await self.host.act("meeting.end")
        for client in (self.newcomer, self.first, self.second):
            await client.wait_for(lambda client=client: client.closed_with, DEADLINE)


async def hears(listener: RawClient, speaker: RawClient) -> None:
    consumer = await listener.wait_for_consumer("microphone", speaker.participant, deadline=DEADLINE)
    await listener.wait_for(lambda: listener.packets(consumer), DEADLINE, "no sound")


async def live_through(it: Service) -> str:
    async with AsyncExitStack() as stack:
        visit = Visit(it, stack)
        await visit.begin()
        await visit.switches()
        await visit.pauses()
        await visit.consents()
        await visit.loses_its_connections()
        await visit.moves_to_another_device()
        await visit.loses_its_worker()
        await visit.ends()
    return visit.id


@pytest.fixture
async def it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Service]:
    """Its connections for calls are closed after each; no log keeps what it tells of a lost worker."""
    caplog.set_level(logging.CRITICAL, logger="media.client")
    connector = aiohttp.TCPConnector(force_close=True)
    async with (
        aiohttp.ClientSession(connector=connector) as http,
        service(tmp_path, session_grace=GRACE) as running,
    ):
        yield replace(running, http=http)


async def test_of_a_meeting_that_is_over_its_day_remains_and_when_it_is_erased_nothing(it: Service) -> None:
    await it.rest("DELETE", f"/meetings/{await live_through(it)}")
    before = await holdings(it)
    meeting = await live_through(it)
    shelf = {"entries of Services.hub._shelf._past": 1, "objects signaling.shelf.Past": 1}
    await same_again(it, Counter(before) + Counter(shelf))
    await it.rest("DELETE", f"/meetings/{meeting}")
    await same_again(it, before)
