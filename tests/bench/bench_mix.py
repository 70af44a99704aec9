"""What a mix for a listener who cannot mix costs, and how late it is: `python -m tests.bench.bench_mix`.

Raw clients with tones for voices, everything on this machine. Processor: of the mixing process alone. Delay:
how much later a beep in a stream that goes on begins in a mix than at a listener who gets the stream itself.
Both are decoded and count from the kernel's time of the packet that holds the beginning, so what is left is
jitter buffer, ticks, codec and the way through the worker; the process is started anew for every few beeps,
for its ticks fall otherwise between the packets then. Turn: from the interpreter's call until the newcomer is
sent their voice at −6 dB. Silence: how long the newcomer hears nothing when another station begins, and when
the process has been killed.
"""

import argparse
import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from itertools import pairwise
from pathlib import Path
from statistics import median
from time import time_ns
from typing import Any

from signaling import logs
from tests.bench.chart import times
from tests.bench.figures import load, part, processor_seconds, table, write
from tests.support.raw_client import RawClient
from tests.support.service import Service, service
from tests.support.tones import LOUDNESS, RATE, Ear, beeps, level, sing

TAX, INSURANCE, INTERPRETER, NEWCOMER = 1000, 2300, 440, 3100
PATIENCE = 30.0
TARGET_DELAY, TARGET_TURN, TARGET_BACK = 60, 100, 5000
FULL = (-1.5, 1.5)


class Room:
    def __init__(self, running: Service, meeting: str, stack: AsyncExitStack) -> None:
        self.service, self.meeting, self._stack = running, meeting, stack

    async def comes(self, role: str, *, mixes: bool = True, **booking: Any) -> RawClient:
        client = await self.service.joined(self.meeting, role, mixes=mixes, **booking)
        await self._stack.enter_async_context(client)
        await client.open_transports()
        return client

    async def act(self, what: str) -> None:
        await self.service.rest("POST", f"/meetings/{self.meeting}/{what}")

    @property
    def pid(self) -> int:
        mixers = self.service.services.hub.mixers
        assert mixers is not None
        assert mixers.pid is not None
        return mixers.pid


async def room(data: Path, stack: AsyncExitStack) -> Room:
    running = await stack.enter_async_context(service(data, server_mix=True))
    return Room(running, (await running.meeting())["id"], stack)


async def processor(seconds: float) -> list[dict[str, Any]]:
    """Percent of a core: one newcomer, then also host and officer, who cannot mix."""
    found = []
    with tempfile.TemporaryDirectory() as data:
        async with AsyncExitStack() as stack:
            it = await room(Path(data), stack)
            officer = {"agency": "skatteverket", "station": 1}
            people = [
                (await it.comes("newcomer", mixes=False), NEWCOMER, "microphone"),
                (await it.comes("interpreter"), INTERPRETER, "interpretation"),
                (await it.comes("officer", **officer), TAX, "microphone"),
                (await it.comes("host"), INSURANCE, "microphone"),
            ]
            await people[1][0].act("interpret.mode", mode="simultaneous")
            await people[0][0].wait_for_consumer("mix", deadline=PATIENCE)
            await asyncio.sleep(2.0)
            found.append({"mixes": 1, "voices": 0, "percent": await measured(it.pid, seconds)})
            for client, pitch, source in people:
                await sing(client, pitch, source)
            await it.act("stations/1/start")
            ear = Ear(people[0][0])
            await ear.until((TAX, -20, 2), (INTERPRETER, -20, 2), deadline=PATIENCE)
            found.append({"mixes": 1, "voices": 3, "percent": await measured(it.pid, seconds)})
            for role, booking in (("companion", {}), ("attendee", {}), ("attendee", {"language": "ar"})):
                client = await it.comes(role, mixes=False, **booking)
                await people[3][0].act("meeting.admit", participant=client.participant)
                await client.wait_for_consumer("mix", deadline=PATIENCE)
            found.append({"mixes": 4, "voices": 15, "percent": await measured(it.pid, seconds)})
    return found


async def measured(pid: int, seconds: float) -> float:
    before = processor_seconds(pid)
    await asyncio.sleep(seconds)
    return round(100 * (processor_seconds(pid) - before) / seconds, 1)


def beginnings(frames: Sequence[tuple[int, Sequence[float]]]) -> list[float]:
    """When a beep reaches half of its loudness, milliseconds."""
    found: list[float] = []
    quiet = 0
    for at, samples in frames:
        for n, sample in enumerate(samples):
            if abs(sample) < LOUDNESS / 2:
                quiet += 1
                continue
            if quiet > RATE // 4:
                found.append(at / 1e6 + 1000 * n / RATE)
            quiet = 0
    return found


async def delays(rounds: int) -> list[float]:
    """Milliseconds by which each beep begins later in a mix."""
    found: list[float] = []
    with tempfile.TemporaryDirectory() as data:
        async with AsyncExitStack() as stack:
            it = await room(Path(data), stack)
            mixed = await it.comes("newcomer", mixes=False)
            direct = await it.comes("host")
            interpreter = await it.comes("interpreter")
            await sing(interpreter, TAX, "interpretation", beeps(TAX))
            for turn in range(rounds):
                await asyncio.sleep(0.1037 * (turn % 2))
                os.kill(it.pid, signal.SIGKILL)
                begun = time_ns()
                ears = Ear(mixed), Ear(direct)
                await asyncio.sleep(4.0)
                late, early = (beginnings(ear.frames(begun)) for ear in ears)
                for at in late:
                    before = [other for other in early if at - 400 < other <= at + 5]
                    if before:
                        found.append(at - max(before))
    return found


async def turns(rounds: int) -> tuple[list[float], list[float], list[float]]:
    """Milliseconds: until a turn is heard; without sound after a change of station; after a kill."""
    with tempfile.TemporaryDirectory() as data:
        async with AsyncExitStack() as stack:
            it = await room(Path(data), stack)
            newcomer = await it.comes("newcomer", mixes=False, language="ar")
            interpreter = await it.comes("interpreter")
            for agency, number, pitch in (("skatteverket", 1, TAX), ("forsakringskassan", 2, INSURANCE)):
                await sing(await it.comes("officer", agency=agency, station=number), pitch)
            await sing(interpreter, INTERPRETER, "interpretation")
            ear = Ear(newcomer)
            await it.act("stations/1/start")
            await interpreter.act("interpret.mode", mode="simultaneous")
            await ear.until((INTERPRETER, *FULL), deadline=PATIENCE)
            turned, changed, killed = [], [], []
            for _ in range(rounds):
                await interpreter.act("interpret.direction", into="sv")
                await ear.until((INTERPRETER, -200, -50), deadline=PATIENCE)
                begun = time_ns()
                await interpreter.act("interpret.direction", into="ar")
                await ear.until((INTERPRETER, *FULL), after=begun, deadline=PATIENCE)
                heard = (at for at, s in ear.frames(begun) if level(s, INTERPRETER) > -6)
                turned.append((next(heard) - begun) / 1e6)
            for station, pitch in ((2, INSURANCE), (1, TAX)) * (rounds // 6 + 1):
                changed.append(await without_sound(it, ear, pitch, f"stations/{station}/start"))
            for _ in range(3):
                killed.append(await without_sound(it, ear, TAX, None))
    return turned, changed, killed


async def without_sound(it: Room, ear: Ear, pitch: int, action: str | None) -> float:
    begun = time_ns()
    if action is None:
        os.kill(it.pid, signal.SIGKILL)
    else:
        await it.act(action)
    await ear.until((pitch, -25, 2), (INTERPRETER, *FULL), after=begun + 10**8, deadline=PATIENCE)
    heard = [at for at, s in ear.frames(begun - 5 * 10**7) if max(map(abs, s)) > 0.01]
    return max(b - a for a, b in pairwise(heard)) / 1e6


async def main(options: argparse.Namespace) -> int:
    before = load()
    costs = await processor(options.seconds)
    late = await delays(options.rounds)
    turned, changed, killed = await turns(options.rounds * 3)
    head = ["mixes", "voices in all", "% of a core"]
    print(table(head, [[cost["mixes"], cost["voices"], cost["percent"]] for cost in costs]), end="\n\n")
    rows = [
        row("delay that a mix adds", late, TARGET_DELAY),
        row("a turn is heard", turned, TARGET_TURN),
        row("silence at another station", changed, None),
        row("silence after a kill", killed, TARGET_BACK),
    ]
    print(table(["", "times", "median ms", "p95 ms", "worst ms", "target"], rows))
    print(f"load before and after: {before}, {load()}")
    every = {"delay": late, "turn": turned, "station": changed, "kill": killed}
    path = write(options.name, {"processor": costs, **every, "load": [before, load()]})
    print(path)
    times(path, [(what, median(taken), part(taken, 0.95)) for what, taken in every.items()])
    return 0


def row(name: str, values: Sequence[float], target: int | None) -> list[object]:
    worst = round(max(values))
    told = "" if target is None else f"≤ {target}: {'held' if part(values, 0.95) <= target else 'missed'}"
    return [name, len(values), round(median(values)), round(part(values, 0.95)), worst, told]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=15.0, help="for each figure of the processor")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--name", default="mix", help="of the JSON file in tests/bench/results")
    logs.configure("warning")
    sys.exit(asyncio.run(main(parser.parse_args())))
