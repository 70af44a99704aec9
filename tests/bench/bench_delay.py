"""How long a packet is in the worker, at three loads of it: `python -m tests.bench.bench_delay`.

So many people send sound and a picture each that the worker uses about that share of a core, and seven
listen to all of them. Timestamps of RTP are the time of sending, for all packets of a frame alike. Over
loopback a packet is in the worker's socket when the source's call returns, and in the listener's when the
worker's does, which is when the kernel stamps it. So what is measured is the wait in the worker's socket, its
work, its call, and what the source takes to protect a frame. On a busy machine most of it is the wait for a
core, which is told beside it.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.bench.chart import bars
from tests.bench.ends import TrafficFailed, end
from tests.bench.figures import load, processor_seconds, table, write
from tests.bench.servers import our_worker

LEVELS = (0.1, 0.5, 0.8)
"""Shares of a core."""
LISTENERS = 7
FIRST_GUESS = 0.02
"""Share of a core that one more who sends takes."""
MOST = 60
NEAR, TRIES = 0.15, 4
"""By how much of itself a share may be missed, and how often it is tried."""
SHOWN = {"0.5": "p50", "0.99": "p99", "1": "longest"}
STARVED = 0.2
"""Where it waits so much for a core, more people make no more load."""
AIMED_AT, AIM = 0.5, 2.0
"""At half of a core the p99 in milliseconds."""


def waiting_seconds(pid: int) -> float:
    """For how long its first thread could have run and had no core (schedstat); 0 where that is not told."""
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9
    return 0.0


@dataclass(frozen=True)
class Measured:
    """`delays` in milliseconds, by their shares. `waited` is the share of time in which the worker could run
    and had no core."""

    level: float
    people: int
    share: float
    waited: float
    sent: int
    delivered: int
    lost: int
    delays: dict[str, float]
    load: float


async def measure(level: float, people: int, seconds: float, warm_up: float) -> Measured:
    with tempfile.TemporaryDirectory() as scratch:
        async with (
            our_worker(Path(scratch), people + LISTENERS) as server,
            end("people", people) as sources,
            end("sinks", LISTENERS, ["timed"]) as sinks,
        ):
            ours, theirs = (await sources.hear())["dtls"], (await sinks.hear())["dtls"]
            publishing = [await server.publish(of, dtls, ["audio", "video"]) for of, dtls in enumerate(ours)]
            listening = [await server.listen(people + of, dtls) for of, dtls in enumerate(theirs)]
            await sinks.ask({"servers": listening})
            await sources.ask({"servers": publishing})
            await asyncio.sleep(warm_up)
            loop = asyncio.get_running_loop()
            before = await sources.ask({}), await sinks.ask({})
            began, used, waited = loop.time(), processor_seconds(server.pid), waiting_seconds(server.pid)
            await asyncio.sleep(seconds)
            took = loop.time() - began
            used, waited = processor_seconds(server.pid) - used, waiting_seconds(server.pid) - waited
            after = await sources.ask({}), await sinks.ask({})
            if not after[1]["delays"]:
                raise TrafficFailed("nothing was heard")
            return Measured(
                level,
                people,
                round(used / took, 3),
                round(waited / took, 3),
                after[0]["packets"] - before[0]["packets"],
                after[1]["packets"] - before[1]["packets"],
                after[1]["lost"] - before[1]["lost"],
                after[1]["delays"],
                load(),
            )


async def settled(level: float, each: float, options: argparse.Namespace) -> Measured | None:
    """With as many people as it takes, starting from `each` one's share."""
    found = None
    for _ in range(TRIES):
        people = min(MOST, max(1, round(level / each)))
        try:
            found = await measure(level, people, options.seconds, options.warm_up)
        except (TrafficFailed, TimeoutError) as error:
            print(f"{level:.0%}: {people} who send: {type(error).__name__}: {error}", file=sys.stderr)
            continue
        print(
            f"{level:.0%}: {people} who send, {found.share:.1%} of a core, waited {found.waited:.1%},"
            f" {found.delays}, lost {found.lost} of {found.delivered + found.lost}, load {found.load}",
            flush=True,
        )
        if abs(found.share - level) <= NEAR * level or found.waited > STARVED or not found.share:
            break
        each = found.share / people
    return found


async def main(options: argparse.Namespace) -> int:
    found: list[Measured] = []
    each = FIRST_GUESS
    for level in LEVELS:
        one = await settled(level, each, options)
        if one is not None:
            found.append(one)
            each = max(0.001, one.share / one.people)
    print()
    print(
        table(
            (
                "of a core",
                "waited for one",
                "who send",
                "packets in a second",
                *(f"{name} ms" for name in SHOWN.values()),
                "lost",
                "load",
            ),
            [
                (
                    f"{one.share:.0%}",
                    f"{one.waited:.1%}",
                    one.people,
                    round(one.sent / options.seconds),
                    *(f"{one.delays[share]:.2f}" for share in SHOWN),
                    one.lost,
                    one.load,
                )
                for one in found
            ],
        )
    )
    for one in found:
        if one.level == AIMED_AT and one.waited <= STARVED:
            print(f"p99 at half of a core: {one.delays['0.99']:.2f} ms, aim {AIM:g} ms")
        elif one.level == AIMED_AT:
            print("half of a core was not to be had: others use the machine")
    path = write(
        "delay",
        {
            "delay_ms": {
                f"{one.level * 100:g}": {name: one.delays[share] for share, name in SHOWN.items()}
                for one in found
            },
            "seconds": options.seconds,
            "runs": [asdict(one) for one in found],
        },
    )
    print(f"\n{path}")
    bars(
        path,
        "milliseconds in the worker",
        [f"{one.share:.0%} of a core" for one in found],
        [(SHOWN[share], [one.delays[share] for one in found]) for share in ("0.5", "0.99")],
    )
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--warm-up", type=float, default=2.0)
    sys.exit(asyncio.run(main(parser.parse_args())))
