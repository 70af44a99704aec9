"""Processes die, also in the middle of an act, and what is left is compared with what was acknowledged."""

import asyncio
import time
from collections.abc import Awaitable
from dataclasses import replace
from typing import Any

import aiohttp

from signaling.connection import CallFailed, ConnectionLost
from tests.security.canaries.gathering import Change, Gathering
from tests.security.canaries.steps.leading import open_stations
from tests.support.service import Refused

ACT = 3.0
STORE_DOWN = 0.3
MOST_STEPS = 10
"""Of a batch, as `tests.support.mortal` counts them."""


async def kill_worker(meeting: Gathering) -> bool:
    await meeting.mortal.end_worker()
    return True


async def kill_service(meeting: Gathering) -> bool:
    there = meeting.connected()
    await meeting.mortal.kill()
    await meeting.mortal.start()
    await meeting.everybody_comes_back(there)
    await meeting.compare()
    return True


async def kill_both(meeting: Gathering) -> bool:
    there = meeting.connected()
    await meeting.mortal.kill()
    await meeting.mortal.end_worker()
    await meeting.mortal.start()
    await meeting.everybody_comes_back(there)
    await meeting.compare()
    return True


async def kill_in_the_act(meeting: Gathering) -> bool:
    """At any step of a batch, and now and then nothing can be saved; what became of it is asked for later."""
    there = meeting.connected()
    change, call = _act(meeting)
    before = meeting.world
    meeting.timeline.attempt(time.time_ns(), change(before))
    meeting.mortal.store_down.value = int(meeting.chance.random() < STORE_DOWN)
    meeting.mortal.steps_left.value = meeting.chance.randint(1, MOST_STEPS)
    outcome = await _outcome(call)
    await meeting.mortal.kill()
    if outcome is not None:
        meeting.timeline.settle(time.time_ns(), change(before) if outcome else before)
    await meeting.mortal.start()
    await meeting.everybody_comes_back(there)
    await meeting.compare()
    return True


def _act(meeting: Gathering) -> tuple[Change, Awaitable[Any]]:
    one = f"/meetings/{meeting.meeting}"
    if meeting.world.paused:
        return (lambda w: replace(w, paused=False)), meeting.rest("POST", f"{one}/resume")
    if meeting.chance.random() < 0.4:
        return (lambda w: replace(w, paused=True)), meeting.rest("POST", f"{one}/pause")
    station = meeting.chance.choice(open_stations(meeting.world))
    return (lambda w: w.started(station)), meeting.rest("POST", f"{one}/stations/{station}/start")


async def _outcome(call: Awaitable[Any]) -> bool | None:
    try:
        await asyncio.wait_for(call, ACT)
    except (CallFailed, Refused):
        return False
    except (ConnectionLost, aiohttp.ClientError, TimeoutError):
        return None
    return True


async def compare(meeting: Gathering) -> bool:
    """What the service says of itself is what has been acknowledged."""
    await meeting.compare()
    return True


STEPS = {
    "kill the worker": (0.4, kill_worker),
    "kill the service": (0.4, kill_service),
    "kill both": (0.15, kill_both),
    "kill in the act": (0.4, kill_in_the_act),
    "compare": (1.0, compare),
}
