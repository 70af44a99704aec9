"""Nodes that die, again and again: `python -m tests.bench.cluster_drill kills --count 40`.

`kills`: the node of a meeting is killed at random moments while people write, with everything it has;
counted is what was acknowledged and is lost, and how long it takes until everybody hears again. `storm`: 300
clients come back at once. `service` and `worker`: only that process of a node is killed, and the service
started again. Nodes, Redis and clients share this machine. Parts add up.
"""

import argparse
import asyncio
import itertools
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from rooms.events import MessageSent
from rooms.store.redis import open_redis
from signaling import logs
from tests.bench.figures import RESULTS, load, machine, part
from tests.bench.forked import Forked
from tests.cluster.people import speaking
from tests.cluster.site import NodeProcess, Roamer, Site, site, soon
from tests.support.gaps import gap, note_what_is_sent
from tests.support.raw_client import CallFailed, ConnectionLost, redeem
from tests.support.service import STATIONS, Refused

BACK = 180.0
"""Seconds that the drill waits for, on a busy machine too: what is lost is counted there as well."""
NODES, STARTING = "abc", 1
"""So many can be on their way up when the next one is killed."""
CLIENTS = 300
PEOPLE = 20
"""Clients in one meeting."""
PAUSE = 0.15
"""Seconds between what one writes and the next: nobody may write without end."""
SETTLED = 500_000_000
"""Nanoseconds of sound before something happens, and after it."""
Part = Callable[[Path, int, dict[str, Any]], Coroutine[Any, Any, dict[str, Any]]]


class Drill:
    def __init__(self, it: Site, meeting: str, people: Sequence[Roamer], lobby: Roamer) -> None:
        """`lobby`: somebody who is to hear nobody, whatever happens."""
        self.it = it
        self.meeting = meeting
        self.people = people
        self.lobby = lobby
        self.written: list[str] = []
        self.codes: list[str] = []
        """Of invitations to meetings that were made while nodes died."""
        self._numbers = itertools.count()
        self._starting: list[asyncio.Task[None]] = []
        self._there = [_shown(each) for each in (*people, lobby)]

    async def write(self, writer: Roamer) -> None:
        """A message after the other; what is acknowledged is remembered."""
        while True:
            text = f"rad {next(self._numbers)}"
            try:
                await writer.act("chat.send", text=text)
            except (CallFailed, ConnectionLost, TimeoutError):
                pass
            else:
                self.written.append(text)
            await asyncio.sleep(PAUSE)

    async def invite(self) -> None:
        """By any node that runs."""
        while True:
            node = random.choice(self.it.answering())
            try:
                meeting = await self.it.meeting(node)
                made = await self.it.rest(node, "POST", f"/meetings/{meeting}/invitations", {"role": "host"})
            except (Refused, aiohttp.ClientError, TimeoutError):
                pass
            else:
                self.codes.append(made["code"])
            await asyncio.sleep(10 * PAUSE)

    async def kill(self) -> float:
        """Seconds until everybody hears somebody again, over what was made since."""
        await asyncio.sleep(random.uniform(0, 1.5))
        while len(self._starting) > STARTING:
            await asyncio.wait(self._starting, return_when=asyncio.FIRST_COMPLETED)
            for ready in [each for each in self._starting if each.done()]:
                self._starting.remove(ready)
                ready.result()
        node = self.it.nodes[await self._owner()]
        heard = [asyncio.create_task(_hears_again(client)) for client in self.people]
        back = len(self.lobby.back)
        began = time.monotonic()
        await node.kill()
        await asyncio.gather(*heard)
        took = time.monotonic() - began
        self._starting.append(asyncio.create_task(node.start()))
        await self.lobby.wait_for(lambda: len(self.lobby.back) > back, BACK, f"{self.lobby.failure}")
        there = [_shown(each) for each in (*self.people, self.lobby)]
        assert there == self._there, (there, self._there)
        assert self.lobby.consumers == [], "somebody is heard in the lobby"
        return took

    async def _owner(self) -> str:
        async with asyncio.timeout(BACK):
            while (name := self.it.owner(self.meeting)) is None or not self.it.nodes[name].running:
                await asyncio.sleep(0.1)
        return name

    async def lost(self) -> list[str]:
        """What was acknowledged and is not there any more. What is acknowledged while the log is being read
        need not be in it."""
        await asyncio.gather(*self._starting)
        written, codes = list(self.written), list(self.codes)
        store = await open_redis(self.it.redis.server, self.it.folder / "redis.key")
        try:
            log = await store.events.read(f"meeting/{self.meeting}")
            assert await store.events.verify() == []
        finally:
            await store.close()
        stored = Counter(each.event.text for each in log if isinstance(each.event, MessageSent))
        assert max(stored.values()) == 1, "something was written twice"
        return [text for text in written if text not in stored] + [
            code for code in codes if not await self._is_good(code)
        ]

    async def _is_good(self, code: str) -> bool:
        try:
            await soon(lambda: redeem(random.choice(self.it.answering()).url, code))
        except CallFailed as error:
            print(f"{code}: {error}", file=sys.stderr)
            return False
        return True


def _shown(client: Roamer) -> Any:
    """Stations, people and grants as the client's last snapshot has them, without what comes and goes."""
    seen = client.snapshot
    stations = [(each["number"], each["state"]) for each in seen["stations"]]
    people = sorted((each["id"], each["role"], each["station"]) for each in seen["participants"])
    return stations, people, (seen["you"]["phase"], sorted(seen["you"]["may"]))


async def _hears_again(client: Roamer) -> None:
    known = {consumer.id for consumer in client.consumers}

    def again() -> bool:
        fresh = [c for c in client.consumers if c.id not in known and not c.closed]
        return any(client.packets(consumer) for consumer in fresh)

    await client.wait_for(again, BACK, f"no sound again: {client.failure}")


async def kills(folder: Path, count: int, cluster: dict[str, Any]) -> dict[str, Any]:
    async with site(folder, *NODES, run=Forked, **cluster) as it:
        node = it.nodes["a"]
        meeting = await it.meeting(node)
        booked = [{"agency": each["agency"], "station": n} for n, each in enumerate(STATIONS, 1)]
        people = [
            await speaking(it, node, meeting, "newcomer"),
            await speaking(it, node, meeting, "host"),
            await speaking(it, node, meeting, "officer", **booked[0]),
        ]
        lobby = await speaking(it, node, meeting, "officer", **booked[1])
        await soon(lambda: it.rest(node, "POST", f"/meetings/{meeting}/stations/1/start"))
        for each in (*people, lobby):
            await each.cut()  # its snapshot is of now then
            await each.wait_for(lambda each=each: each.back, BACK)  # type: ignore[misc]
        drill = Drill(it, meeting, people, lobby)
        going_on = [asyncio.create_task(drill.write(each)) for each in people]
        going_on.append(asyncio.create_task(drill.invite()))
        took = []
        for number in range(count):
            took.append(await drill.kill())
            print(f"{number + 1}: sound after {took[-1]:.1f} s", flush=True)
        for task in going_on:
            task.cancel()
        await asyncio.gather(*going_on, return_exceptions=True)
        fences = it.fences(meeting)
        result = {
            "kills": count,
            "seconds": took,
            "acknowledged": len(drill.written) + len(drill.codes),
            "lost": len(await drill.lost()),
            "fences_rise": fences == sorted(fences),
            "owners": len(set(fences)),
        }
        for each in (*people, lobby):
            await each.close()
        return result


async def storm(folder: Path, count: int, cluster: dict[str, Any]) -> dict[str, Any]:
    """Without media: what is measured is how the sessions return."""
    async with site(folder, "a", "b", **cluster) as it:
        meetings = [(await it.placed())[0] for _ in range(CLIENTS // PEOPLE)]
        assert {it.owner(meeting) for meeting in meetings} == {"a"}
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
            "by_second": [rate[second] for second in range(max(rate) + 1)],
            "mean_per_second": mean,
            "peak_to_mean": max(rate.values()) / mean,
        }


@asynccontextmanager
async def _pair(folder: Path, cluster: dict[str, Any]) -> AsyncIterator[tuple[NodeProcess, Roamer, Roamer]]:
    """A newcomer who sends sound to a host, at one of two nodes."""
    async with site(folder, "a", "b", run=Forked, **cluster) as it:
        meeting, here, there = await it.placed()
        newcomer = await speaking(it, here, meeting, "newcomer")
        host = await speaking(it, there, meeting, "host")
        await host.wait_for_consumer("microphone", newcomer.participant, deadline=BACK)
        yield here, newcomer, host
        await newcomer.close()
        await host.close()


async def _sound(host: Roamer, consumer: Any) -> None:
    at = time.time_ns() + SETTLED
    await host.wait_for(lambda: host.packets(consumer, after=at), BACK)


async def service(folder: Path, count: int, cluster: dict[str, Any]) -> dict[str, Any]:
    later, back = [], []
    async with _pair(folder, cluster) as (node, newcomer, host):
        sent = note_what_is_sent(newcomer)
        consumer = await host.wait_for_consumer("microphone", newcomer.participant)
        for _ in range(count):
            await asyncio.sleep(random.uniform(0, 1.5))
            await _sound(host, consumer)
            for each in (newcomer, host):
                each.back.clear()
            began = time.time()
            node.signal(signal.SIGKILL)
            await node.ended()
            await node.start()
            for each in (newcomer, host):
                await each.wait_for(lambda each=each: each.back, BACK, f"{each.failure}")  # type: ignore[misc]
                back.append(each.back[0] - began)
            await _sound(host, consumer)
            found = gap(sent, host.packets(consumer, after=int(began * 1e9) - SETTLED))
            assert (consumer.closed, found.lost) == (False, 0), "sound has started over"
            later.append(found.more)
            print(f"sound {found.more * 1000:.0f} ms later, back after {back[-1]:.1f} s", flush=True)
    return {"kills": count, "sound_later": later, "session_back": back}


async def worker(folder: Path, count: int, cluster: dict[str, Any]) -> dict[str, Any]:
    took = []
    async with _pair(folder, cluster) as (node, newcomer, host):
        for _ in range(count):
            await asyncio.sleep(random.uniform(0, 1.5))
            heard = [asyncio.create_task(_hears_again(client)) for client in (newcomer, host)]
            await asyncio.sleep(0)
            began = time.monotonic()
            assert node.worker is not None
            os.kill(node.worker, signal.SIGKILL)
            await asyncio.gather(*heard)
            took.append(time.monotonic() - began)
            print(f"sound after {took[-1]:.1f} s", flush=True)
    return {"kills": count, "seconds": took}


PARTS: Mapping[str, Part] = {"kills": kills, "storm": storm, "service": service, "worker": worker}
LISTS = ("seconds", "sound_later", "session_back")
SUMS = ("kills", "acknowledged", "lost")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--lifetime", type=float, help="of a node, in seconds: how soon it counts as gone")
    chosen = parser.parse_args()
    logs.configure("critical")
    cluster = {} if chosen.lifetime is None else {"lifetime": chosen.lifetime}
    before = load()
    with tempfile.TemporaryDirectory() as folder:
        try:
            found = asyncio.run(PARTS[chosen.part](Path(folder), chosen.count, cluster))
        except (AssertionError, Refused) as error:
            print(error, file=sys.stderr)
            raise
    path = RESULTS / f"cluster_{chosen.part}.json"
    path.parent.mkdir(exist_ok=True)
    parts = json.loads(path.read_text()) if path.exists() else []
    parts.append({"machine": machine(), "load": [before, load()], **cluster, **found})
    path.write_text(json.dumps(parts, indent=1))
    same = [each for each in parts if each.get("lifetime") == chosen.lifetime]
    print(json.dumps(parts[-1] if chosen.part == "storm" else summary(same), indent=1))
    return 0


def summary(parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Of all parts so far; times in seconds."""
    found: dict[str, Any] = {name: sum(one[name] for one in parts) for name in SUMS if name in parts[0]}
    for name in LISTS:
        taken = [each for one in parts for each in one.get(name, ())]
        if taken:
            figures = {"p50": part(taken, 0.5), "p95": part(taken, 0.95), "most": max(taken)}
            found[name] = {which: round(value, 3) for which, value in figures.items()}
    if "fences_rise" in parts[0]:
        found["fences_rise"] = all(one["fences_rise"] for one in parts)
    found["load"] = [one["load"] for one in parts]
    return found


if __name__ == "__main__":
    sys.exit(main())
