"""Compressed life, and whether the service stays as large as it was: `python -m tests.bench.soak`.

Meetings follow each other in two lanes: people join with sound and picture, stations change, connections
break, devices take over, people leave, meetings end and are erased. In three parts: first signaling is killed
over and over while the media worker goes on, then the worker while signaling goes on, then nobody. So the
worker is watched through the first part, signaling through the other two, and both through the last. Memory,
descriptors, threads and tasks are noted every second. Every process that lived for long enough is judged:
what grows by more than it wavers is a leak, and so is whatever the last worker still has of a meeting. The
exit code is 1 then.
"""

import argparse
import asyncio
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from statistics import median
from typing import Any

import aiohttp

from config.settings import Limits
from media.peer import PeerFailed
from signaling import logs
from signaling.connection import CallFailed, ConnectionLost
from tests.bench.figures import load, table, write
from tests.support.inventory import descriptors, processes_with, resident
from tests.support.mortal import Mortal
from tests.support.raw_client import RawClient
from tests.support.service import Refused

LANES = 2
STEPS = 12
"""So many things happen in a meeting."""
KILL_EVERY = 20.0
WARM_UP = 100.0
"""Seconds after the start of a process that are not judged."""
ENOUGH = 60
"""Samples."""
BACK = 60.0
QUIET = 20.0
SHORTEST = 3 * (WARM_UP + ENOUGH)
"""Seconds of a soak that can judge both processes."""
SLACK = 4 << 20
"""Bytes by which memory may grow over what is judged, beyond what it wavers."""
MIB = 1 << 20
UNHURRIED = Limits(calls_per_second=1000, calls_burst=1000, redemptions_per_minute=100_000)
TROUBLE = (CallFailed, ConnectionLost, PeerFailed, Refused, aiohttp.ClientError, OSError, AssertionError)
"""What life is like while processes are killed."""


@dataclass(frozen=True)
class Sample:
    """Of one process. `tasks` (asyncio's) and `allocated` (bytes in use) where they can be told."""

    at: float
    pid: int
    resident: int
    descriptors: int
    threads: int
    tasks: int | None
    allocated: int | None


@dataclass
class Counts:
    meetings: int = 0
    joined: int = 0
    switched: int = 0
    cut: int = 0
    taken_over: int = 0
    broken_off: int = 0
    killed_signaling: int = 0
    killed_workers: int = 0


class Lane:
    """One meeting after the other, led by chance."""

    def __init__(self, it: Mortal, chance: random.Random, counts: Counts) -> None:
        self._it, self._chance, self._counts = it, chance, counts
        self.enough = False

    async def live(self) -> None:
        while not self.enough:
            try:
                await self._meeting()
            except TROUBLE:
                self._counts.broken_off += 1
                await asyncio.sleep(0.2)

    async def _meeting(self) -> None:
        made = await self._it.service.meeting()
        meeting = made["id"]
        try:
            async with AsyncExitStack() as stack:
                await Visit(
                    self._it, meeting, made["stations"], self._chance, self._counts, stack
                ).take_place()
        finally:
            await self._again(lambda: self._it.service.rest("DELETE", f"/meetings/{meeting}"))
        self._counts.meetings += 1

    async def _again(self, call: Callable[[], Awaitable[Any]]) -> None:
        async with asyncio.timeout(BACK):
            while True:
                try:
                    await call()
                except Refused as refused:
                    if refused.status == 404:
                        return
                    await asyncio.sleep(0.2)
                except (aiohttp.ClientError, OSError):
                    await asyncio.sleep(0.2)
                else:
                    return


class Visit:
    def __init__(
        self,
        it: Mortal,
        meeting: str,
        stations: list[dict[str, Any]],
        chance: random.Random,
        counts: Counts,
        stack: AsyncExitStack,
    ) -> None:
        self._it, self._meeting, self._stations = it, meeting, stations
        self._chance, self._counts, self._stack = chance, counts, stack
        self._people: dict[str, RawClient] = {}

    async def take_place(self) -> None:
        for name in ("newcomer", "host", "officer 1", "officer 2"):
            await self._come(name)
        for _ in range(STEPS):
            step = self._chance.choice(
                (self._switch, self._switch, self._say, self._pause, self._cut, self._take_over, self._leave)
            )
            try:
                await step()
            except TROUBLE:
                await self._come_back()
        await self._people["host"].act("meeting.end")

    async def _come(self, name: str, **more: Any) -> RawClient:
        role, _, number = name.partition(" ")
        if number:
            station = self._stations[int(number) - 1]
            more |= {"agency": station["agency"], "station": station["number"]}
        invitation = await self._it.service.invite(self._meeting, role, **more)
        client = await self._stack.enter_async_context(RawClient(self._it.service.url))
        await client.join_with_code(invitation["code"])
        self._people[name] = client
        await client.produce("audio")
        await client.produce("video")
        self._counts.joined += 1
        return client

    async def _come_back(self) -> None:
        """Those whom the trouble has cut off."""
        for client in self._people.values():
            if not client.connected and client.session and client.closed_with is None:
                await client.come_back(BACK)

    async def _switch(self) -> None:
        number = self._chance.choice((1, 2))
        await self._people["host"].act("meeting.start", station=number)
        await self._hears("newcomer", f"officer {number}")
        await self._hears(f"officer {number}", "newcomer")
        self._counts.switched += 1

    async def _say(self) -> None:
        await self._people["host"].act("chat.send", text="hej " * self._chance.randint(1, 50))

    async def _pause(self) -> None:
        await self._people["newcomer"].act("meeting.pause")
        await self._people["newcomer"].act("meeting.resume")
        await self._hears("host", "newcomer")

    async def _cut(self) -> None:
        client = self._people[self._chance.choice(sorted(self._people))]
        await client.cut()
        await client.come_back(BACK)
        self._counts.cut += 1

    async def _take_over(self) -> None:
        name = self._chance.choice(("newcomer", "officer 1"))
        before = self._people[name]
        await self._come(name, participant=before.participant)
        await before.wait_for(lambda: before.closed_with, 10.0)
        self._counts.taken_over += 1

    async def _leave(self) -> None:
        name = "officer 2"
        before = self._people[name]
        await before.close()
        async with asyncio.timeout(BACK):
            while True:
                with suppress(*TROUBLE):
                    await self._come(name, participant=before.participant)
                    return
                await asyncio.sleep(0.2)

    async def _hears(self, listener: str, speaker: str) -> None:
        ears, mouth = self._people[listener], self._people[speaker]
        consumer = await ears.wait_for_consumer("microphone", mouth.participant, deadline=10.0)
        await ears.wait_for(lambda: ears.packets(consumer), 10.0, "no sound")


class Watch:
    """Notes both processes once a second, for as long as it is entered."""

    def __init__(self, it: Mortal, counts: Counts) -> None:
        self._it, self._counts = it, counts
        self.began = time.monotonic()
        self.samples: dict[str, list[Sample]] = {"signaling": [], "worker": []}

    async def go_on(self) -> None:
        for second in range(1 << 30):
            told = self._it.tasks.value, self._it.allocated.value
            for name, pid, inside in (
                ("signaling", self._it.pid if self._it.alive else None, told),
                ("worker", self._worker(), (None, None)),
            ):
                with suppress(OSError, IndexError):
                    sample = None if pid is None else self._sample(pid, *inside)
                    if sample is not None and sample.resident:  # else it has just died
                        self.samples[name].append(sample)
            if second % 15 == 0:
                self._print()
            await asyncio.sleep(1.0)

    def _worker(self) -> int | None:
        """The one that was there before, if it still is."""
        last = self.samples["worker"][-1].pid if self.samples["worker"] else None
        if last is not None and Path(f"/proc/{last}").exists():
            return last
        return next(iter(processes_with(str(self._it.worker_socket))), None)

    def _sample(self, pid: int, tasks: int | None, allocated: int | None) -> Sample:
        threads = sum(1 for _ in Path(f"/proc/{pid}/task").iterdir())
        at = time.monotonic() - self.began
        return Sample(at, pid, resident(pid), descriptors(pid), threads, tasks, allocated)

    def _print(self) -> None:
        told = [f"{time.monotonic() - self.began:5.0f} s"]
        for name, samples in self.samples.items():
            if samples:
                last = samples[-1]
                tasks = "" if last.tasks is None else f", {last.tasks} tasks"
                tasks += "" if last.allocated is None else f", {last.allocated / MIB:.1f} MiB in use"
                size = f"{last.resident / MIB:.1f} MiB, {last.descriptors} fds, {last.threads} threads"
                told.append(f"{name} {size}{tasks}")
        print(" · ".join(told), f"· {self._counts}", flush=True)


@dataclass(frozen=True)
class Verdict:
    """Memory of one process: what is in use where that is told, else what is resident, which has gaps.

    `waver`: half of all samples are closer than that to the straight line.
    """

    process: str
    measure: str
    seconds: float
    first: int
    last: int
    growth: float
    waver: float

    @property
    def leaks(self) -> bool:
        return self.growth > SLACK + 3 * self.waver


def lives(samples: list[Sample]) -> list[list[Sample]]:
    """The samples of each process, in the order of time."""
    return [list(life) for _, life in groupby(samples, lambda each: each.pid)]


def judge(name: str, life: list[Sample], measure: str = "resident") -> Verdict | None:
    """Of one process; None when it was not watched for long enough."""
    judged = [(each.at, getattr(each, measure)) for each in life if each.at >= life[0].at + WARM_UP]
    if len(judged) < ENOUGH:
        return None
    times, sizes = [at for at, _ in judged], [float(size) for _, size in judged]
    slope, start = line(times, sizes)
    waver = median(abs(size - (start + slope * at)) for at, size in judged)
    seconds = times[-1] - times[0]
    return Verdict(name, measure, seconds, int(sizes[0]), int(sizes[-1]), slope * seconds, waver)


def line(xs: list[float], ys: list[float]) -> tuple[float, float]:
    """Slope and value at 0 of the straight line that is closest (least squares)."""
    x, y = sum(xs) / len(xs), sum(ys) / len(ys)
    slope = sum((a - x) * (b - y) for a, b in zip(xs, ys, strict=True)) / sum((a - x) ** 2 for a in xs)
    return slope, y - slope * x


async def busy(it: Mortal, chance: random.Random, counts: Counts, seconds: float, kill: Any = None) -> None:
    """Meetings for so long, with `kill` every now and then; at the end everybody has gone."""
    lanes = [Lane(it, random.Random(chance.random()), counts) for _ in range(LANES)]
    until = time.monotonic() + seconds
    async with asyncio.TaskGroup() as running:
        for lane in lanes:
            running.create_task(lane.live())
        while (left := until - time.monotonic()) > 0:
            await asyncio.sleep(min(left, KILL_EVERY))
            if kill is not None and time.monotonic() < until:
                await kill()
        for lane in lanes:
            lane.enough = True


async def at_rest(it: Mortal, watch: Watch) -> dict[str, tuple[int, int | None]]:
    """Descriptors and tasks of each process once they fall no more."""
    still, before = 0, None
    async with asyncio.timeout(6 * QUIET):
        while still < QUIET:
            await asyncio.sleep(1.0)
            now = {
                name: (samples[-1].descriptors, samples[-1].tasks) for name, samples in watch.samples.items()
            }
            still, before = (still + 1 if now == before else 0), now
    assert before is not None
    return before


@dataclass
class Found:
    """`verdicts`: of every life of a process. `rests`: descriptors and tasks with nobody there, before the
    last part and after it. `kept`: what the last worker still has of meetings, kind → how many."""

    watch: Watch
    counts: Counts
    verdicts: dict[str, list[Verdict | None]]
    shown: list[Verdict | None]
    """What is resident of signaling, which has gaps."""
    rests: list[dict[str, tuple[int, int | None]]]
    kept: dict[str, int]

    @property
    def grown(self) -> dict[str, tuple[tuple[int, int | None], tuple[int, int | None]]]:
        """What has more descriptors or tasks at rest than before."""
        before, after = self.rests
        return {
            name: (was, now)
            for name, was in before.items()
            if (now := after[name])[0] > was[0] or (now[1] or 0) > (was[1] or 0)
        }


async def soak(seconds: float, seed: int) -> int:
    chance, counts = random.Random(seed), Counts()
    with tempfile.TemporaryDirectory() as folder:
        async with Mortal(Path(folder), session_grace=5.0, limits=UNHURRIED) as it:
            watch = Watch(it, counts)
            watching = asyncio.create_task(watch.go_on())

            async def kill_signaling() -> None:
                counts.killed_signaling += 1
                await it.kill()
                await it.start()

            async def kill_worker() -> None:
                if watch.samples["worker"]:
                    counts.killed_workers += 1
                    with suppress(ProcessLookupError):
                        os.kill(watch.samples["worker"][-1].pid, signal.SIGKILL)

            part = seconds / 3
            await busy(it, chance, counts, part, kill_signaling)
            await busy(it, chance, counts, part, kill_worker)
            rests = [await at_rest(it, watch)]
            await busy(it, chance, counts, part)
            workers, services = (lives(watch.samples[name]) for name in ("worker", "signaling"))
            verdicts = {
                "worker": [judge("worker", life) for life in workers],
                "signaling": [judge("signaling", life, "allocated") for life in services],
            }
            shown = [judge("signaling", life) for life in services]
            rests.append(await at_rest(it, watch))
            watching.cancel()
            await it.kill()
            left = (await it.worker()).dump
            kept = {kind: len(entries) for kind, entries in left.items() if entries}
    return report(seconds, seed, Found(watch, counts, verdicts, shown, rests, kept))


def report(seconds: float, seed: int, found: Found) -> int:
    verdicts, shown, watch = found.verdicts, found.shown, found.watch
    judged = [each for all_ in verdicts.values() for each in all_ if each is not None]
    print(
        table(
            ("process", "memory", "s", "MiB first", "last", "growth", "wavers by", ""),
            [
                (
                    each.process,
                    each.measure,
                    round(each.seconds),
                    *(round(size / MIB, 1) for size in (each.first, each.last, each.growth, each.waver)),
                    "" if each in shown else "leaks" if each.leaks else "flat",
                )
                for each in (*judged, *shown)
                if each is not None
            ],
        )
    )
    short = {name: sum(each is None for each in all_) for name, all_ in verdicts.items()}
    print(f"lived for less than {WARM_UP + ENOUGH:g} s and not judged: {short}")
    print(f"at rest (descriptors, tasks): {found.rests[0]} before the last part, {found.rests[1]} after it")
    print(f"kept of meetings by the last worker: {found.kept or 'nothing'}")
    print(f"{found.counts}; load {load()}")
    figures = {
        "seconds": seconds,
        "seed": seed,
        "load": load(),
        "counts": vars(found.counts),
        "verdicts": [vars(each) for each in judged],
        "too_short": short,
        "at_rest": found.rests,
        "kept": found.kept,
        "samples": {name: [vars(each) for each in samples] for name, samples in watch.samples.items()},
    }
    print(write("soak", figures))
    leaks = [each.process for each in judged if each.leaks]
    unseen = [name for name, all_ in verdicts.items() if not any(all_)]
    if leaks or found.grown or found.kept or unseen:
        print(f"not flat: {leaks or found.grown or found.kept or f'not watched for long enough: {unseen}'}")
        return 1
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.soak")
    parser.add_argument("--seconds", type=float, default=600.0, help=f"at least {SHORTEST:g}")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    if chosen.seconds < SHORTEST:
        parser.error(f"no process would live long enough to be judged: at least {SHORTEST:g} s")
    logs.configure("error")
    return asyncio.run(soak(chosen.seconds, chosen.seed))


if __name__ == "__main__":
    sys.exit(main())
