"""Who is in a meeting that several nodes could act for, and what they hear."""

import asyncio
import time
from collections.abc import Callable

from tests.cluster.site import DEADLINE, NodeProcess, Roamer, Site
from tests.support.raw_client import RawClient
from tests.support.service import STATIONS


async def heard(listener: RawClient, speaker: RawClient, deadline: float = DEADLINE) -> None:
    """Something that was sent from now on, over a consumer of now."""
    now = time.time_ns()

    def flows() -> bool:
        open_ = [c for c in listener.heard(speaker.participant) if not c.closed]
        return any(len(listener.packets(each, after=now)) > 5 for each in open_)

    await listener.wait_for(flows, deadline, "no sound")


async def until(true: Callable[[], object], what: str = "") -> None:
    async with asyncio.timeout(DEADLINE):
        while not true():
            await asyncio.sleep(0.05)


async def speaking(it: Site, node: NodeProcess, meeting: str, role: str, **body: object) -> Roamer:
    client = await it.joined(node, meeting, role, **body)
    await client.open_transports()
    await client.produce("audio")
    client.stay()
    return client


async def officer(it: Site, node: NodeProcess, meeting: str, station: int) -> Roamer:
    agency = STATIONS[station - 1]["agency"]
    return await speaking(it, node, meeting, "officer", agency=agency, station=station)


def rising(fences: list[int]) -> bool:
    """Once a node has written, nobody who had the meeting before it has."""
    return fences == sorted(fences) and min(fences) > 0
