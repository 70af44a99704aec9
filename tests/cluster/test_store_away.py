"""Redis is away in the middle of a meeting that is at one of two nodes: AWAY=60 for as many seconds."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest

from tests.cluster.people import heard, officer, rising, speaking, until
from tests.cluster.site import DEADLINE, Site
from tests.support.gaps import gap, note_what_is_sent
from tests.support.raw_client import CallFailed
from tests.support.service import Refused

pytestmark = pytest.mark.asyncio(loop_scope="package")

AWAY = float(os.environ.get("AWAY", "4"))
"""Seconds; longer than a node may be silent."""
GAP = 1.0
"""Seconds that a listener waits longer than its speaker, on a busy machine too."""


def stopped(it: Site) -> Callable[[], None]:
    """It answers nobody, and breaks no connection; what it returns makes it go on."""
    it.redis.signal(signal.SIGSTOP)
    return partial(it.redis.signal, signal.SIGCONT)


def killed(it: Site) -> Callable[[], None]:
    it.redis.kill()
    return it.redis.start


@pytest.mark.parametrize("away", [stopped, killed])
async def test_media_goes_on_what_takes_away_is_done_and_the_rest_is_refused_until_redis_is_back(
    it: Site, away: Callable[[Site], Callable[[], None]]
) -> None:
    meeting, here, there = await it.placed()
    newcomer = await speaking(it, there, meeting, "newcomer")
    host = await speaking(it, here, meeting, "host")
    tax = await officer(it, there, meeting, 1)
    insurance = await officer(it, here, meeting, 2)
    people = (newcomer, host, tax, insurance)
    back = None
    try:
        await it.rest(there, "POST", f"/meetings/{meeting}/stations/1/start")
        await heard(tax, newcomer)
        sent = note_what_is_sent(newcomer)
        by_tax = await tax.wait_for_consumer("microphone", newcomer.participant)
        await newcomer.wait_for(lambda: len(sent) > 25, DEADLINE)

        back = away(it)
        gone = time.monotonic()
        await refused(partial(tax.act, "chat.send", text="Medan"))
        await refused(partial(host.act, "meeting.start", station=2))
        for node in (here, there):
            await refused(partial(it.rest, node, "POST", f"/meetings/{meeting}/stations/2/start"))
            await refused(
                partial(it.rest, node, "POST", f"/meetings/{meeting}/invitations", {"role": "host"})
            )
            await refused(partial(it.meeting, node))
        await newcomer.wait_for(lambda: time.monotonic() - gone > AWAY, 2 * AWAY + DEADLINE)
        found = gap(sent, tax.packets(by_tax))
        print(f"\nRedis away for {time.monotonic() - gone:.1f} s: sound {found.more * 1000:.0f} ms later")
        assert (found.lost, by_tax.closed) == (0, False)
        assert found.more < GAP

        await it.rest(there, "DELETE", f"/grants?participant={tax.participant}")
        revoked = time.time_ns()
        await tax.wait_for(lambda: tax.closed_with, DEADLINE, "still there")
        assert tax.all_packets(after=revoked) == []
        await newcomer.act("meeting.pause")
        paused = time.time_ns()
        await host.wait_for_event("meeting_paused", deadline=DEADLINE)
        assert [packet for each in people for packet in each.all_packets(after=paused)] == []
        await refused(partial(host.act, "meeting.resume"))

        await asyncio.to_thread(back)
        back = None
        at = time.monotonic()
        await done(partial(host.act, "chat.send", text="Efter"))
        await done(partial(newcomer.act, "meeting.resume"))
        await done(partial(it.rest, there, "POST", f"/meetings/{meeting}/stations/2/start"))
        await asyncio.gather(*(done(partial(it.meeting, node)) for node in (here, there)))
        await asyncio.gather(heard(insurance, newcomer), heard(newcomer, host))
        took = time.monotonic() - at
        print(f"everything works {took:.1f} s after Redis is back")

        await until(lambda: not (here.data / "restrictions.jsonl").read_text())
        assert {each.at for each in (newcomer, host, insurance)} == {here.name}
        assert not any(each.back for each in people)
        assert "Medan" not in repr(host.events)
        assert rising(it.fences(meeting))
        assert len(set(it.fences(meeting))) == 1
    finally:
        if back is not None:
            await asyncio.to_thread(back)
        for each in people:
            await each.close()


async def refused(call: Callable[[], Awaitable[Any]]) -> None:
    with pytest.raises((CallFailed, Refused)) as raised:
        await call()
    assert raised.value.code == "store_unavailable"  # type: ignore[attr-defined]


async def done(call: Callable[[], Awaitable[Any]]) -> None:
    """As soon as it can be."""
    async with asyncio.timeout(DEADLINE):
        while True:
            try:
                await call()
                return
            except (CallFailed, Refused) as error:
                if error.code != "store_unavailable":
                    raise
                await asyncio.sleep(0.05)
