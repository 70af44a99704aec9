"""Processor time of an outgoing packet, ours beside others': `python -m tests.bench.bench_forward`.

One publisher sends 1000 packets a second (bursts of 8, 1150 to 1200 bytes, SRTP with GCM); 1, 3, 7 and 20
listeners take them. In the meeting eight people send a picture (30 times a second 8 packets) and sound each,
and get those of all others. Sources and sinks are two other processes and the same for all servers, which
take turns. `make bench-forward` installs Janus where it can, and builds what is built with Go.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import median

from tests.bench.chart import bars
from tests.bench.ends import PEOPLE, TrafficFailed, lecture, meeting
from tests.bench.figures import load, processor_seconds, table, write
from tests.bench.janus import janus
from tests.bench.livekit import livekit
from tests.bench.modules import GALENE, built
from tests.bench.servers import Server, ServerMissing, ServerRefused, our_worker

MEETING = "meeting"
SCENES = ("1", "3", "7", "20", MEETING)
"""How many listen to the one who sends; or the meeting."""
ATTEMPTS = 3
Starts = Callable[[Path, int], AbstractAsyncContextManager[Server]]


@asynccontextmanager
async def galene(folder: Path, people: int) -> AsyncIterator[Server]:
    """It has not been served by the module proxy so far, so nothing here could have been tried with it."""
    await built(GALENE)
    raise ServerMissing("Galène can be built now, and is not driven yet")
    yield


STARTS: dict[str, Starts] = {
    "Mötesrum": our_worker,
    "plain": partial(our_worker, batched=False),
    "Janus": janus,
    "LiveKit": livekit,
    "Galène": galene,
}
"""`plain` is ours with a system call for every packet; measured when it is named with `--only`."""
USUAL = ("Mötesrum", "Janus", "LiveKit", "Galène")
KEYS = {
    "Mötesrum": "motesrum",
    "plain": "motesrum_plain",
    "Janus": "janus",
    "LiveKit": "livekit",
    "Galène": "galene",
}


@dataclass(frozen=True)
class Measured:
    """`microseconds` are of the server's processor, for each packet delivered."""

    server: str
    scene: str
    microseconds: float
    busy: float
    """Share of one core that the server used."""
    sent: int
    delivered: int
    lost: int
    """Of what should have reached the sinks, by their sequence numbers."""
    sources_busy: float
    sinks_busy: float
    late: int
    """Times a source was late by more than 100 ms."""
    load: float
    profile: str


async def measure(name: str, scene: str, seconds: float, warm_up: float, *, uneven: bool = False) -> Measured:
    people = PEOPLE if scene == MEETING else int(scene) + 1
    with tempfile.TemporaryDirectory() as scratch:
        words = ["uneven"] if uneven else []
        async with (
            STARTS[name](Path(scratch), people) as server,
            meeting(server, words) if scene == MEETING else lecture(server, int(scene), words) as ends,
        ):
            await ends.flowing()
            await asyncio.sleep(warm_up)
            loop = asyncio.get_running_loop()
            began, used = loop.time(), processor_seconds(server.pid)
            before = await ends.counted()
            await asyncio.sleep(seconds)
            took, used = loop.time() - began, processor_seconds(server.pid) - used
            after = await ends.counted()
            sent, delivered, lost = (
                after[0]["packets"] - before[0]["packets"],
                after[1]["packets"] - before[1]["packets"],
                after[1]["lost"] - before[1]["lost"],
            )
            return Measured(
                name,
                scene,
                round(used / delivered * 1e6, 2),
                round(used / took, 3),
                sent,
                delivered,
                lost,
                *(round((after[at]["processor"] - before[at]["processor"]) / took, 3) for at in (0, 1)),
                after[0]["late"] - before[0]["late"],
                load(),
                ends.profile,
            )


async def measured(
    name: str, scene: str, options: argparse.Namespace, left_out: dict[str, str]
) -> Measured | None:
    """`None` when another server cannot be measured; why is said, and kept in `left_out`."""
    for attempt in range(ATTEMPTS):
        try:
            return await measure(name, scene, options.seconds, options.warm_up, uneven=options.uneven)
        except (ServerMissing, ServerRefused, TrafficFailed, TimeoutError) as error:
            why = f"{type(error).__name__}: {error}"
            print(f"{name}, {title(scene)}, attempt {attempt + 1}: {why}", file=sys.stderr)
            if STARTS[name] in (our_worker, STARTS["plain"]) and attempt == ATTEMPTS - 1:
                raise
            if isinstance(error, ServerMissing):
                left_out[name] = why
                return None
    return None


def title(scene: str) -> str:
    if scene == MEETING:
        return f"meeting of {PEOPLE}"
    return f"{scene} listener{'s' * (scene != '1')}"


def medians(found: list[Measured], names: list[str]) -> dict[str, dict[str, float]]:
    return {
        KEYS[name]: {
            scene: round(median(values), 2)
            for scene in SCENES
            if (values := [each.microseconds for each in found if (each.server, each.scene) == (name, scene)])
        }
        for name in names
    }


def summary(found: list[Measured], names: list[str]) -> str:
    middle = medians(found, names)
    ours = middle.get("motesrum", {})

    def cell(name: str, scene: str) -> str:
        if scene not in middle[KEYS[name]]:
            return "–"
        values = ", ".join(
            f"{each.microseconds:g}" for each in found if (each.server, each.scene) == (name, scene)
        )
        return f"{middle[KEYS[name]][scene]:g} ({values})"

    def ratio(name: str, scene: str) -> str:
        theirs = middle[KEYS[name]].get(scene)
        return f"{ours[scene] / theirs:.2f}" if theirs and scene in ours else "–"

    head = ["CPU µs for each outgoing packet", *map(title, SCENES)]
    rows = [[name, *(cell(name, scene) for scene in SCENES)] for name in names]
    if ours:
        rows += [
            [f"Mötesrum beside {name}", *(ratio(name, scene) for scene in SCENES)]
            for name in names
            if name != "Mötesrum"
        ]
    return table(head, rows)


async def main(options: argparse.Namespace) -> int:
    found: list[Measured] = []
    left_out: dict[str, str] = {}
    for number in range(options.rounds):
        for scene in options.scene or SCENES:
            for name in options.only or USUAL:
                one = None if name in left_out else await measured(name, scene, options, left_out)
                if one is None:
                    continue
                found.append(one)
                print(
                    f"round {number + 1}  {name:<9} {title(scene):<13} {one.microseconds:6.2f} µs"
                    f"  {one.busy:5.1%} of a core  sent {one.sent}"
                    f"  delivered {one.delivered}  lost {one.lost}"
                    f"  sources {one.sources_busy:.1%}  sinks {one.sinks_busy:.1%}  late {one.late}"
                    f"  load {one.load}",
                    flush=True,
                )
    names = [name for name in options.only or USUAL if name not in left_out]
    print()
    print(summary(found, names))
    for name, why in left_out.items():
        print(f"left out: {name}: {why}")
    middle = medians(found, names)
    path = write(
        options.name,
        {
            "cpu_us_per_packet": middle,
            "seconds": options.seconds,
            "rounds": options.rounds,
            "uneven": options.uneven,
            "left_out": left_out,
            "runs": [asdict(each) for each in found],
        },
    )
    print(f"\n{path}")
    bars(
        path,
        "CPU µs for each outgoing packet",
        [title(scene) for scene in SCENES],
        [(name, [middle[KEYS[name]].get(scene) for scene in SCENES]) for name in names],
    )
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--warm-up", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--only", action="append", choices=list(STARTS))
    parser.add_argument("--scene", action="append", choices=SCENES)
    parser.add_argument("--uneven", action="store_true", help="every packet of a size of its own")
    parser.add_argument("--name", default="forward", help="of the JSON file in tests/bench/results")
    sys.exit(asyncio.run(main(parser.parse_args())))
