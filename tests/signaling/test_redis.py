"""A node whose meetings are in Redis: led, restarted, and Redis away in the middle of a meeting."""

import asyncio
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from config.redis import Redis
from tests.support.raw_client import CallFailed, RawClient
from tests.support.redis_process import RedisProcess
from tests.support.service import Refused, Service, service

DEADLINE = 20.0


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisProcess]:
    with RedisProcess(tmp_path / "redis").running() as process:
        yield process


def on(redis: RedisProcess) -> dict[str, Any]:
    return {"store": "redis", "redis": Redis(url=f"redis://127.0.0.1:{redis.port}", timeout=1.0)}


async def speaking(it: Service, meeting: str, role: str) -> RawClient:
    client = await it.joined(meeting, role)
    await client.open_transports()
    await client.produce("audio")
    return client


async def heard(listener: RawClient, speaker: RawClient) -> None:
    """Something that was sent from now on."""
    consumer = await listener.wait_for_consumer("microphone", speaker.participant, deadline=DEADLINE)
    now = time.time_ns()
    await listener.wait_for(lambda: len(listener.packets(consumer, after=now)) > 5, DEADLINE, "no sound")


async def test_a_meeting_is_led_and_is_there_after_a_restart(tmp_path: Path, redis: RedisProcess) -> None:
    data = tmp_path / "data"
    async with service(data, **on(redis)) as it:
        made = await it.meeting()
        meeting, (one, two) = made["id"], made["stations"]
        newcomer = await speaking(it, meeting, "newcomer")
        async with (
            newcomer,
            await it.officer(meeting, one) as tax,
            await it.officer(meeting, two) as insurance,
        ):
            await tax.open_transports()
            await insurance.open_transports()
            await it.rest("POST", f"/meetings/{meeting}/stations/1/start")
            await heard(tax, newcomer)
            await tax.act("chat.send", text="Välkommen")
            await newcomer.wait_for_event("message_sent", deadline=DEADLINE)

            await it.rest("POST", f"/meetings/{meeting}/stations/2/start")
            await heard(insurance, newcomer)
            left = time.time_ns()
            await insurance.act("chat.send", text="Hej")
            await newcomer.wait_for_event("message_sent", after=left, deadline=DEADLINE)
            assert tax.all_packets(after=left) == []
            assert "Hej" not in repr(tax.events)
    assert not (data / "motesrum.sqlite").exists()

    async with service(data, **on(redis)) as it:
        shown = await it.rest("GET", f"/meetings/{meeting}")
        assert [station["state"] for station in shown["stations"]] == ["called", "active"]
        assert await it.services.store.events.verify() == []
        await it.rest("DELETE", f"/meetings/{meeting}")
        assert b"Samira" not in b"".join(f.read_bytes() for f in redis.folder.rglob("*") if f.is_file())


async def test_redis_may_be_away_in_the_middle_of_a_meeting(tmp_path: Path, redis: RedisProcess) -> None:
    async with service(tmp_path / "data", **on(redis)) as it:
        made = await it.meeting()
        meeting, (one, two) = made["id"], made["stations"]
        newcomer, host = await speaking(it, meeting, "newcomer"), await speaking(it, meeting, "host")
        async with newcomer, host, await it.officer(meeting, one) as tax:
            await tax.open_transports()
            await it.rest("POST", f"/meetings/{meeting}/stations/1/start")
            await heard(tax, newcomer)
            heard_by_tax = await tax.wait_for_consumer("microphone", newcomer.participant)

            redis.stop()
            for attempt in (
                partial(tax.act, "chat.send", text="hej"),
                partial(host.act, "meeting.start", station=two["number"]),
            ):
                with pytest.raises(CallFailed, match="store_unavailable"):
                    await attempt()
            for call in (
                ("POST", "/meetings", {"site": "gavle", "alias": "X", "languages": ["sv"], "stations": []}),
                ("POST", f"/meetings/{meeting}/invitations", {"role": "interpreter"}),
                ("POST", f"/meetings/{meeting}/stations/2/start", None),
            ):
                with pytest.raises(Refused) as refused:
                    await it.rest(*call)
                assert (refused.value.status, refused.value.code) == (503, "store_unavailable")
            await heard(tax, newcomer)
            await heard(newcomer, host)

            await newcomer.act("meeting.pause")
            paused = time.time_ns()
            await host.wait_for_event("meeting_paused", deadline=DEADLINE)
            await it.rest("DELETE", f"/grants?participant={tax.participant}")
            await tax.wait_for(lambda: heard_by_tax.closed or not tax.connected, DEADLINE, "still there")
            assert tax.packets(heard_by_tax, after=paused) == []

            redis.start()
            back = asyncio.get_running_loop().time()
            await _answered(partial(host.act, "chat.send", text="tillbaka"))
            took = asyncio.get_running_loop().time() - back
            print(f"everything works {took:.2f} s after Redis is back")
            await host.act("meeting.resume")
            await heard(newcomer, host)
            live = await it.services.hub.live(meeting)
            await _until(lambda: not live._record.owes)
            log = [type(event).__name__ for event in await it.services.hub.log(meeting)]
            assert log.count("MeetingPaused") == 1
            assert "ParticipantRemoved" in log
            assert await it.services.store.events.verify() == []


async def _answered(call: Any) -> None:
    async with asyncio.timeout(DEADLINE):
        while True:
            try:
                await call()
                return
            except CallFailed as error:
                if "store_unavailable" not in str(error):
                    raise
                await asyncio.sleep(0.05)


async def _until(predicate: Any) -> None:
    async with asyncio.timeout(DEADLINE):
        while not predicate():
            await asyncio.sleep(0.02)
