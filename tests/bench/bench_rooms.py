"""How many meetings a core carries: `python -m tests.bench.bench_rooms`.

Meetings of eight, in each of which all send a picture (30 times a second 8 packets of 1150 to 1200 bytes, 2.3
Mbit/s) and sound and get those of all others, are added to our worker one by one, until somebody loses more
than one packet of a thousand, or 1 of 100 packets takes longer than 20 ms from being sent to the kernel of
the last listener. A meeting that is too much is measured twice. Then the same with two workers.

A single worker has a core for itself, and whoever sends and takes has the others (`--shared`: all have all);
two workers have one each, and share them with whoever sends and takes. Processor time is each process's own.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
from collections.abc import Collection
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from media.client import WorkerClient
from tests.bench.chart import bars
from tests.bench.ends import PEOPLE, Ends, TrafficFailed, meeting
from tests.bench.figures import load, processor_seconds, resident, table, write
from tests.bench.servers import OurWorker, worker

DELAY = 20.0
"""Milliseconds."""
LOSS = 0.001
MEMORY = 1.5
"""MiB for each participant beyond the first meeting."""
MOST = 30


@dataclass(frozen=True)
class Step:
    meetings: int
    workers_busy: tuple[float, ...]
    """Shares of a core."""
    ends_busy: float
    """The same, of all who send and take together."""
    median: float
    p99: float
    """Of the meeting that waits longest, in milliseconds."""
    loss: float
    """Share, of the listener who loses most."""
    late: int
    """Times somebody who sends was late by more than 100 ms."""
    mib: float
    """Memory of the workers."""
    load: float

    @property
    def held(self) -> bool:
        return self.p99 <= DELAY and self.loss <= LOSS


@dataclass(frozen=True)
class Worker:
    client: WorkerClient
    pid: int


def pinned(pid: int, cores: Collection[int]) -> None:
    for task in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(task.name), cores)


async def step(workers: list[Worker], meetings: list[Ends], seconds: float) -> Step:
    loop = asyncio.get_running_loop()
    before = [await each.counted() for each in meetings]
    began, used = loop.time(), [processor_seconds(each.pid) for each in workers]
    await asyncio.sleep(seconds)
    took = loop.time() - began
    used = [processor_seconds(each.pid) - was for each, was in zip(workers, used, strict=True)]
    after = [await each.counted() for each in meetings]
    ends_used, late, losses, delays = 0.0, 0, [], []
    for (sources, sinks), (sources_now, sinks_now) in zip(before, after, strict=True):
        ends_used += sum(
            now["processor"] - was["processor"] for was, now in ((sources, sources_now), (sinks, sinks_now))
        )
        late += sources_now["late"] - sources["late"]
        delays.append(sinks_now["delays"])
        for number in range(PEOPLE):
            missed, got = (sinks_now[what][number] - sinks[what][number] for what in ("missed", "got"))
            losses.append(missed / max(1, missed + got))
    worst = max(delays, key=lambda each: float(each["0.99"]))
    return Step(
        len(meetings),
        tuple(round(each / took, 3) for each in used),
        round(ends_used / took, 3),
        worst["0.5"],
        worst["0.99"],
        round(max(losses), 5),
        late,
        round(sum(resident(each.pid) for each in workers), 1),
        load(),
    )


async def filled(count: int, options: argparse.Namespace) -> tuple[float, list[Step]]:
    """MiB of the workers without a meeting, and what was measured with one more each time."""
    cores = sorted(os.sched_getaffinity(0))
    others: Collection[int] = ()
    steps: list[Step] = []
    async with AsyncExitStack() as stack:
        workers = []
        for number in range(count):
            scratch = stack.enter_context(tempfile.TemporaryDirectory())
            client, pid = await stack.enter_async_context(worker(Path(scratch)))
            if len(cores) > 1 and not options.shared:
                pinned(pid, {cores[number % len(cores)]})
            workers.append(Worker(client, pid))
        if len(cores) > count and not options.shared:
            others = set(cores[count:])
        idle = sum(resident(each.pid) for each in workers)
        meetings: list[Ends] = []
        while len(meetings) < MOST:
            chosen = workers[len(meetings) % count]
            server = OurWorker(chosen.client, chosen.pid, PEOPLE, f"room{len(meetings)}")
            await server.open()
            try:
                meetings.append(await stack.enter_async_context(meeting(server, ["timed"], others)))
                await meetings[-1].flowing()
            except (TimeoutError, TrafficFailed):
                print(f"{len(meetings)} meetings: the last one did not begin in time", flush=True)
                break
            await asyncio.sleep(options.settle)
            for _ in range(2):
                steps.append(await step(workers, meetings, options.seconds))
                print(line(steps[-1]), flush=True)
                if steps[-1].held:
                    break
            else:
                if len(meetings) >= options.least:
                    break
    return round(idle, 1), steps


def line(one: Step) -> str:
    busy = " + ".join(f"{each:.0%}" for each in one.workers_busy)
    return (
        f"{one.meetings:>2} meetings  workers {busy} of a core  senders and sinks {one.ends_busy:.0%}"
        f"  delay {one.median:.1f}, p99 {one.p99:.1f} ms  loss {one.loss:.2%}  late {one.late}"
        f"  {one.mib:.0f} MiB  load {one.load}"
    )


def carried(steps: list[Step]) -> Step | None:
    """The fullest that held both limits."""
    return max((each for each in steps if each.held), key=lambda each: each.meetings, default=None)


def fullest(steps: list[Step]) -> Step:
    """The same; where none did, the last."""
    return carried(steps) or steps[-1]


def memory(steps: list[Step]) -> float:
    """MiB for each participant beyond the first meeting."""
    first, last = steps[0], steps[-1]
    return round((last.mib - first.mib) / max(1, PEOPLE * (last.meetings - first.meetings)), 2)


async def main(options: argparse.Namespace) -> int:
    found: dict[int, tuple[float, list[Step]]] = {}
    for count in options.workers:
        print(f"{count} worker{'s' * (count > 1)}", flush=True)
        found[count] = await filled(count, options)
    head = [
        "workers",
        "meetings",
        "busy",
        "senders and sinks",
        "delay, p99 ms",
        "loss",
        "meetings a core",
        "load",
    ]
    rows: list[list[object]] = []
    for count, (_, steps) in found.items():
        last = fullest(steps)
        busy = sum(last.workers_busy)
        rows.append(
            [
                count,
                last.meetings if last.held else f"none ({last.meetings} measured)",
                f"{busy:.0%}",
                f"{last.ends_busy:.0%}",
                f"{last.median:.1f}, {last.p99:.1f}",
                f"{last.loss:.2%}",
                f"{last.meetings / busy:.1f}",
                last.load,
            ]
        )
    print(f"\n{table(head, rows)}\n")
    head = [
        "workers",
        "MiB without a meeting",
        "with one",
        "with the most",
        "for each participant more",
        "target",
    ]
    rows = []
    for count, (idle, steps) in found.items():
        each = memory(steps)
        verdict = f"≤ {MEMORY}: {'held' if each <= MEMORY else 'missed'}"
        rows.append([count, idle, steps[0].mib, steps[-1].mib, each, verdict])
    print(table(head, rows))
    path = write(
        options.name,
        {
            "meetings": {
                count: last.meetings for count, (_, steps) in found.items() if (last := carried(steps))
            },
            "mib_per_participant": {count: memory(steps) for count, (_, steps) in found.items()},
            "mib_idle": {count: idle for count, (idle, _) in found.items()},
            "pinned": not options.shared,
            "steps": {count: [asdict(each) for each in steps] for count, (_, steps) in found.items()},
        },
    )
    print(path)
    most = max(len(steps) for _, steps in found.values())
    bars(
        path,
        "slowest of 100 packets to the last listener, ms",
        [f"{number} meetings" for number in range(1, most + 1)],
        [
            (
                f"{count} worker{'s' * (count > 1)}",
                [
                    min((one.p99 for one in steps if one.meetings == number), default=None)
                    for number in range(1, most + 1)
                ],
            )
            for count, (_, steps) in found.items()
        ],
    )
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--settle", type=float, default=3.0, help="seconds after a meeting has begun")
    parser.add_argument("--least", type=int, default=4, help="meetings, whatever they wait, for the memory")
    parser.add_argument("--shared", action="store_true", help="all processes on all cores")
    parser.add_argument("--name", default="rooms", help="of the JSON file in tests/bench/results")
    sys.exit(asyncio.run(main(parser.parse_args())))
