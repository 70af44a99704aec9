"""Nodes that die, again and again: `python -m tests.bench.cluster_drill kills --count 20`.

`kills`: the node of a meeting is killed at random moments while somebody writes, with everything it has;
counted is what was acknowledged and is lost, and how long it takes until everybody hears again. `storm`: 300
clients come back at once. Nodes, Redis and clients share this machine. Parts add up.
"""

import argparse
import asyncio
import itertools
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rooms.events import MessageSent
from rooms.store.redis import open_redis
from signaling import logs
from tests.bench.figures import RESULTS, machine, part
from tests.cluster.site import Roamer, Site, site
from tests.support.raw_client import CallFailed, ConnectionLost
from tests.support.service import STATIONS

BACK = 60.0
"""Seconds that the drill waits for."""
CLIENTS = 300
PEOPLE = 20
"""Clients in one meeting."""


class Drill:
    def __init__(self, it: Site, meeting: str, people: Sequence[Roamer]) -> None:
        self.it = it
        self.meeting = meeting
        self.people = people
        self.acknowledged: list[str] = []
        self._numbers = itertools.count()
        self._starting: list[asyncio.Task[None]] = []

    async def write(self) -> None:
        """A message after the other; what is acknowledged is remembered."""
        newcomer = self.people[0]
        while True:
            text = f"rad {next(self._numbers)}"
            try:
                await newcomer.act("chat.send", text=text)
            except (CallFailed, ConnectionLost, TimeoutError):
                await asyncio.sleep(0.1)
            else:
                self.acknowledged.append(text)
                await asyncio.sleep(0.05)

    async def kill(self) -> float:
        """Seconds until everybody hears somebody again, over what was made since."""
        await asyncio.sleep(random.uniform(0, 1.5))
        while len(self._starting) > 1:
            await self._starting.pop(0)
        name = await self._owner()
        node = self.it.nodes[name]
        heard = [asyncio.create_task(self._hears(client)) for client in self.people]
        began = time.monotonic()
        await node.kill()
        await asyncio.gather(*heard)
        took = time.monotonic() - began
        self._starting.append(asyncio.create_task(node.start()))
        return took

    async def _owner(self) -> str:
        async with asyncio.timeout(BACK):
            while (name := self.it.owner(self.meeting)) is None or not self.it.nodes[name].running:
                await asyncio.sleep(0.1)
        return name

    async def _hears(self, client: Roamer) -> None:
        known = {consumer.id for consumer in client.consumers}

        def again() -> bool:
            fresh = [c for c in client.consumers if c.id not in known and not c.closed]
            return any(client.packets(consumer) for consumer in fresh)

        await client.wait_for(again, BACK, f"no sound again: {client.failure}")

    async def lost(self) -> list[str]:
        """What was acknowledged and does not stand in the log."""
        await asyncio.gather(*self._starting)
        store = await open_redis(self.it.redis.server, self.it.folder / "redis.key")
        try:
            log = await store.events.read(f"meeting/{self.meeting}")
            assert await store.events.verify() == []
        finally:
            await store.close()
        stored = Counter(each.event.text for each in log if isinstance(each.event, MessageSent))
        assert max(stored.values()) == 1, "something was written twice"
        return [text for text in self.acknowledged if text not in stored]


async def kills(folder: Path, count: int) -> dict[str, Any]:
    async with site(folder, "a", "b", "c") as it:
        node = it.nodes["a"]
        meeting = await it.meeting(node)
        people = [
            await it.joined(node, meeting, "newcomer"),
            await it.joined(node, meeting, "host"),
            await it.joined(node, meeting, "officer", agency=STATIONS[0]["agency"], station=1),
        ]
        for each in people:
            await each.open_transports()
            await each.produce("audio")
            each.stay()
        await it.rest(node, "POST", f"/meetings/{meeting}/stations/1/start")
        drill = Drill(it, meeting, people)
        writing = asyncio.create_task(drill.write())
        took = []
        for number in range(count):
            took.append(await drill.kill())
            print(f"{number + 1}: sound after {took[-1]:.1f} s", flush=True)
        writing.cancel()
        fences = it.fences(meeting)
        result = {
            "kills": count,
            "seconds": took,
            "acknowledged": len(drill.acknowledged),
            "lost": len(await drill.lost()),
            "fences_rise": fences == sorted(fences),
            "owners": len(set(fences)),
        }
        for each in people:
            await each.close()
        return result


async def storm(folder: Path, clients: int) -> dict[str, Any]:
    """Without media: what is measured is how the sessions return."""
    async with site(folder, "a", "b") as it:
        meetings = []
        while len(meetings) < clients // PEOPLE:
            meeting = await it.meeting(it.nodes["a"])
            if it.owner(meeting) == "a":
                meetings.append(meeting)
        people = []
        for meeting in meetings:
            for _ in range(PEOPLE):
                people.append(await it.joined(it.nodes["a"], meeting, "companion"))
                people[-1].stay()
        print(f"{len(people)} are there", flush=True)
        began = time.time()
        await it.nodes["a"].kill()
        await asyncio.gather(*(each.wait_for(lambda each=each: each.back, BACK) for each in people))  # type: ignore[misc]
        back = sorted(each.back[0] - began for each in people)
        for each in people:
            await each.close()
        first = back[0]
        rate = Counter(int(at - first) for at in back)
        mean = len(back) / max(back[-1] - first, 1.0)
        return {
            "clients": len(back),
            "first_back": first,
            "all_back": back[-1],
            "peak_per_second": max(rate.values()),
            "mean_per_second": mean,
            "peak_to_mean": max(rate.values()) / mean,
        }


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("part", choices=("kills", "storm"))
    parser.add_argument("--count", type=int, default=20)
    chosen = parser.parse_args()
    logs.configure("critical")
    with tempfile.TemporaryDirectory() as folder:
        work = kills(Path(folder), chosen.count) if chosen.part == "kills" else storm(Path(folder), CLIENTS)
        result = asyncio.run(work)
    path = RESULTS / f"cluster_{chosen.part}.json"
    path.parent.mkdir(exist_ok=True)
    parts = json.loads(path.read_text()) if path.exists() else []
    parts.append({"machine": machine(), **result})
    path.write_text(json.dumps(parts, indent=1))
    print(json.dumps(result if chosen.part == "storm" else summary(parts), indent=1))
    return 0


def summary(parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Of all parts so far."""
    seconds = [each for one in parts for each in one["seconds"]]
    return {
        "kills": len(seconds),
        "p50": part(seconds, 0.5),
        "p95": part(seconds, 0.95),
        "most": max(seconds),
        "acknowledged": sum(one["acknowledged"] for one in parts),
        "lost": sum(one["lost"] for one in parts),
        "fences_rise": all(one["fences_rise"] for one in parts),
    }


if __name__ == "__main__":
    sys.exit(main())
