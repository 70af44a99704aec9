"""Processor time of an outgoing packet, ours beside Janus: `python -m tests.bench.bench_forward`.

One publisher sends 1000 packets a second (bursts of 8, 1150 to 1200 bytes, SRTP with GCM); 1, 3, 7 and 20
listeners take them. Source and sinks are two other processes and the same for both servers, which take turns.
`make bench-forward` installs Janus where it can.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench.figures import load, processor_seconds, table, write
from tests.bench.servers import JanusMissing, Server, janus, our_worker

LISTENERS = (1, 3, 7, 20)
ATTEMPTS = 3
Starts = Callable[[Path, int], AbstractAsyncContextManager[Server]]
STARTS: dict[str, Starts] = {
    "Mötesrum": our_worker,
    "plain": partial(our_worker, batched=False),
    "Janus": janus,
}
"""`plain` is ours with a system call for every packet; measured when it is named with `--only`."""
USUAL = ("Mötesrum", "Janus")


class TrafficFailed(Exception):
    """A source or sink ended before its time."""


@dataclass
class End:
    """A process of `tests.bench.traffic`; asked and answered in lines of JSON."""

    process: Process

    async def hear(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        async with asyncio.timeout(30):
            line = await self.process.stdout.readline()
        if not line:
            raise TrafficFailed("a source or sink has ended")
        heard: dict[str, Any] = json.loads(line)
        return heard

    async def ask(self, message: dict[str, Any]) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        return await self.hear()


@asynccontextmanager
async def end(role: str, number: int, *words: str) -> AsyncIterator[End]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.traffic", role, str(number), *words, stdin=PIPE, stdout=PIPE
    )
    try:
        yield End(process)
    finally:
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(3):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


@dataclass(frozen=True)
class Measured:
    """`microseconds` are of the server's processor, for each packet delivered."""

    server: str
    listeners: int
    microseconds: float
    busy: float
    """Share of one core that the server used."""
    sent: int
    delivered: int
    lost: int
    """Of what should have reached the sinks, by their sequence numbers."""
    source_busy: float
    sinks_busy: float
    late: int
    """Times the source was late by more than 100 ms."""
    load: float
    profile: str


async def measure(
    name: str, listeners: int, seconds: float, warm_up: float, *, uneven: bool = False
) -> Measured:
    with tempfile.TemporaryDirectory() as scratch:
        async with (
            STARTS[name](Path(scratch), listeners) as server,
            end("source", 1, *(["uneven"] if uneven else [])) as source,
            end("sinks", listeners) as sinks,
        ):
            ours = (await source.hear())["dtls"]
            theirs = (await sinks.hear())["dtls"]
            publisher = await server.publish(ours[0])
            agreed = await source.ask({"servers": [publisher]})
            await sinks.ask({"servers": [await server.listen(dtls) for dtls in theirs]})
            await asyncio.sleep(warm_up)
            loop = asyncio.get_running_loop()
            began, used = loop.time(), processor_seconds(server.pid)
            before = await source.ask({}), await sinks.ask({})
            await asyncio.sleep(seconds)
            took, used = loop.time() - began, processor_seconds(server.pid) - used
            after = await source.ask({}), await sinks.ask({})
            sent, delivered, lost = (
                after[0]["packets"] - before[0]["packets"],
                after[1]["packets"] - before[1]["packets"],
                after[1]["lost"] - before[1]["lost"],
            )
            if not delivered or not after[1]["least"]:
                raise TrafficFailed(f"{name}: not every listener got packets")
            return Measured(
                name,
                listeners,
                round(used / delivered * 1e6, 1),
                round(used / took, 3),
                sent,
                delivered,
                lost,
                *(round((after[at]["processor"] - before[at]["processor"]) / took, 3) for at in (0, 1)),
                after[0]["late"] - before[0]["late"],
                load(),
                agreed["profile"],
            )


async def measured(
    name: str, listeners: int, options: argparse.Namespace, left_out: dict[str, str]
) -> Measured | None:
    """`None` when Janus cannot be measured; why is said, and kept in `left_out`."""
    for attempt in range(ATTEMPTS):
        try:
            return await measure(name, listeners, options.seconds, options.warm_up, uneven=options.uneven)
        except (JanusMissing, TrafficFailed, TimeoutError) as error:
            why = f"{type(error).__name__}: {error}"
            print(f"{name} with {listeners} listeners, attempt {attempt + 1}: {why}", file=sys.stderr)
            if name != "Janus":
                raise
    left_out[name] = why
    return None


def summary(found: list[Measured], names: list[str]) -> str:
    def cell(name: str, listeners: int) -> str:
        of = [each for each in found if (each.server, each.listeners) == (name, listeners)]
        if not of:
            return "–"
        values = ", ".join(f"{each.microseconds:g}" for each in of)
        return f"{median(each.microseconds for each in of):.1f} ({values})"

    head = ["CPU µs for each outgoing packet", *(f"{n} listener{'s' * (n > 1)}" for n in LISTENERS)]
    return table(head, [[name, *(cell(name, n) for n in LISTENERS)] for name in names])


async def main(options: argparse.Namespace) -> int:
    found: list[Measured] = []
    left_out: dict[str, str] = {}
    for number in range(options.rounds):
        for listeners in LISTENERS:
            for name in options.only or USUAL:
                if name in left_out:
                    continue
                one = await measured(name, listeners, options, left_out)
                if one is None:
                    continue
                found.append(one)
                print(
                    f"round {number + 1}  {name:<9} {listeners} listeners  {one.microseconds:6.1f} µs"
                    f"  {one.busy:5.1%} of a core  sent {one.sent}"
                    f"  delivered {one.delivered}  lost {one.lost}"
                    f"  source {one.source_busy:.1%}  sinks {one.sinks_busy:.1%}  late {one.late}"
                    f"  load {one.load}",
                    flush=True,
                )
    names = [name for name in options.only or USUAL if name not in left_out]
    print()
    print(summary(found, names))
    path = write(
        options.name,
        {
            "seconds": options.seconds,
            "rounds": options.rounds,
            "uneven": options.uneven,
            "left_out": left_out,
            "runs": [asdict(each) for each in found],
        },
    )
    print(f"\n{path}")
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--warm-up", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--only", action="append", choices=list(STARTS))
    parser.add_argument("--uneven", action="store_true", help="every packet of a size of its own")
    parser.add_argument("--name", default="forward", help="of the JSON file in tests/bench/results")
    sys.exit(asyncio.run(main(parser.parse_args())))
