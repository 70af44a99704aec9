"""What is understood and seen over lines that lose packets: `make bench-loss`.

An officer at a page of Chromium says a text (espeak-ng) over and over, a newcomer at another page hears it:
each behind a line of their own, of which one loses packets in both directions, at random or in bursts of 4.4
on average. What comes out at the newcomer's page is recorded after some seconds, and compared with the text
(STOI, each half second aligned anew). Then the newcomer's line is out for three seconds, and then their
address dies. All on this machine.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from socket import SOCK_DGRAM
from typing import Any

from playwright.async_api import async_playwright

from signaling import logs
from tests.bench.figures import RESULTS, load, table, write
from tests.bench.speech import NOTE_TRACKS, RECORD, Sound, recorded, spoken, understood
from tests.e2e.conftest import FLAGS, VIEWPORT, chromium
from tests.e2e.people import Meeting, Person
from tests.e2e.process import free_port
from tests.e2e.test_layers import CATCH
from tests.e2e.test_lossy import CONNECTED, GAPS, TOLD, WATCH
from tests.support.relay import Link, UdpRelay
from tests.support.service import service

INSIDE, OUTSIDE = "127.0.0.1", "127.0.0.2"
"""Where the worker listens, and where pages are told that it does: there the relay is."""
LOSSES = (0.05, 0.1, 0.2, 0.3)
LEAVES = 0.225
"""The chance to leave a burst, per packet."""
ROUND_TRIPS = (0.02, 0.15)
STILL = 0.5
"""Seconds for which a picture stands still before it counts as frozen."""
OUT, BACK = 3.0, 60.0
TARGETS = {0.1: 0.9, 0.3: 0.8}
"""STOI at least, by the share that is lost."""
TARGET_BACK = 3000

HEARD = """(() => {
  let first = null;
  return async (participant) => {
    const stats = await window.__motesrum.stats();
    const one = stats.find((each) => each.participant === participant && each.source === 'microphone');
    if (!one?.packetsReceived) return void (first = null);
    first ??= one.packetsReceived;
    return one.packetsReceived >= first + 3 && one.level > 0.003 && Date.now();
  };
})()"""
SOUND = """async (participant) => {
  const stats = await window.__motesrum.stats();
  return stats.find((each) => each.participant === participant && each.kind === 'audio') ?? {};
}"""


def now() -> float:
    """Milliseconds since the epoch, as pages count them."""
    return time.time() * 1000


@dataclass(frozen=True)
class Condition:
    """`line`: whose is bad."""

    line: str
    kind: str
    loss: float
    round_trip: float

    @property
    def name(self) -> str:
        return f"{self.line}'s line, {self.round_trip * 1000:.0f} ms, {self.kind}, {self.loss:.0%}"


@dataclass
class Table:
    """Who sits at it, and their lines."""

    relay: UdpRelay
    lines: dict[str, tuple[Link, Link]]
    officer: Person
    newcomer: Person
    officer_id: str
    said: Sound
    settles: float
    records: float

    def becomes(self, condition: Condition) -> None:
        for owner, links in self.lines.items():
            bad = owner == condition.line
            for link in links:
                link.delay = condition.round_trip / 2 if bad else 0.0
                bursts = bad and condition.kind == "in bursts"
                share = condition.loss
                link.loss = share if bad and not bursts else 0.0
                link.burst = (share * LEAVES / (1 - share), LEAVES) if bursts else None

    async def hears(self, condition: Condition) -> dict[str, Any]:
        self.becomes(condition)
        await asyncio.sleep(self.settles)
        page = self.newcomer.page
        before = await page.evaluate(SOUND, self.officer_id)
        await page.evaluate(WATCH, "stage-video")
        answer = await page.evaluate(RECORD, self.records)
        gaps = await page.evaluate(GAPS)
        after = await page.evaluate(SOUND, self.officer_id)

        def since(name: str) -> float:
            return float(after.get(name, 0) - before.get(name, 0))

        return {
            "stoi": round(understood(self.said, recorded(answer)), 3),
            "made_up": round(since("concealedSamples") / max(1, since("totalSamplesReceived")), 4),
            "buffer_ms": round(1000 * since("jitterBufferDelay") / max(1, since("jitterBufferEmittedCount"))),
            "kbit_s": round(since("bytesReceived") * 8 / 1000 / self.records),
            "freezes": sum(gap > STILL for gap in gaps),
            "longest_still_s": round(max(gaps), 2),
            "load": load(),
        }

    async def back(self) -> float:
        """When sound of the officer comes again."""
        return float(await self.newcomer.until(HEARD, self.officer_id, deadline=BACK, what="no sound"))

    async def outage(self) -> float:
        """Milliseconds after the line is there again."""
        for link in self.lines["listener"]:
            link.outages.append((self.relay.now, self.relay.now + OUT))
        await asyncio.sleep(OUT)
        over = now()
        return await self.back() - over

    async def moves(self, *, told: bool) -> float:
        """Milliseconds after another network is there; `told`: the browser says so to the page."""
        self.relay.up, self.relay.down = self.lines["listener"]
        self.relay.abandon(self.lines["listener"][0])
        began = now()
        if told:
            await self.newcomer.page.evaluate(TOLD)
        return await self.back() - began


async def measure(options: argparse.Namespace, data: Path) -> dict[str, Any]:
    said = spoken(data / "speech.wav")
    port = free_port(SOCK_DGRAM)
    async with AsyncExitStack() as stack:
        listen = [{"ip": INSIDE, "announced": OUTSIDE}]
        running = await stack.enter_async_context(service(data, media_port=port, media_listen=listen))
        lines = {owner: (Link(seed), Link(seed + 1)) for seed, owner in ((1, "speaker"), (3, "listener"))}
        up, down = lines["speaker"]
        relay = await UdpRelay.open((INSIDE, port), up=up, down=down, listen=(OUTSIDE, port))
        stack.callback(relay.close)
        playwright = await stack.enter_async_context(async_playwright())
        browser = await playwright.chromium.launch(
            executable_path=chromium(),
            args=[*FLAGS, f"--use-file-for-fake-audio-capture={data / 'speech.wav'}"],
            chromium_sandbox=False,
        )
        stack.push_async_callback(browser.close)

        async def arrive(**_: Any) -> Person:
            context = await browser.new_context(permissions=["camera", "microphone"], viewport=VIEWPORT)
            stack.push_async_callback(context.close)
            page = await context.new_page()
            await page.add_init_script(NOTE_TRACKS)
            return await Person.at(page)

        meeting = Meeting(running, await running.meeting(), arrive, stack)
        officer = await arrive()
        await officer.page.add_init_script(CATCH)
        await officer.enter(await meeting.link("officer", 1, name="Erik Lind"))
        await officer.until(CONNECTED)
        officer_id = await officer.participant()
        await meeting.start(1)
        relay.up, relay.down = lines["listener"]
        newcomer = await meeting.person("newcomer", name="Samira")
        await newcomer.hears(officer_id, deadline=BACK)
        it = Table(relay, lines, officer, newcomer, officer_id, said, options.settles, options.records)
        found: dict[str, Any] = {}
        for condition in conditions(options):
            found[condition.name] = {**vars(condition), **await it.hears(condition)}
            print(f"{condition.name:45} {found[condition.name]}", flush=True)
        it.becomes(Condition("listener", "at random", 0.0, ROUND_TRIPS[0]))
        times: dict[str, list[int]] = {}
        for _ in range(options.runs):
            for name, what in (
                ("outage of 3 s", it.outage()),
                ("another address, the page is told", it.moves(told=True)),
                ("another address, nobody tells", it.moves(told=False)),
            ):
                times.setdefault(name, []).append(round(await what))
                print(f"{name:45} {times[name][-1]} ms", flush=True)
                await asyncio.sleep(3)
    return {"conditions": found, "back_ms": times}


def conditions(options: argparse.Namespace) -> Sequence[Condition]:
    return [
        Condition(line, kind, loss, round_trip)
        for round_trip in options.round_trips
        for line in options.lines
        for kind, losses in (("at random", (0.0, *options.losses)), ("in bursts", options.losses))
        for loss in losses
    ]


def chart(found: dict[str, Any], name: str) -> None:
    try:
        from matplotlib import pyplot
    except ImportError:
        print("no chart: matplotlib is not installed")
        return
    figure, axes = pyplot.subplots(figsize=(8, 5))
    rows = list(found["conditions"].values())
    for key in sorted({(row["line"], row["kind"], row["round_trip"]) for row in rows}):
        points = [row for row in rows if (row["line"], row["kind"], row["round_trip"]) == key]
        label = f"{key[0]}'s line, {key[1]}, {key[2] * 1000:.0f} ms"
        axes.plot([100 * row["loss"] for row in points], [row["stoi"] for row in points], "o-", label=label)
    axes.plot([100 * loss for loss in TARGETS], list(TARGETS.values()), "kx", label="aim")
    axes.set(xlabel="lost, %", ylabel="STOI", ylim=(0, 1), title="Speech over lines that lose packets")
    axes.legend(fontsize="small")
    figure.savefig(RESULTS / f"{name}.png", dpi=120)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--losses", nargs="+", type=float, default=LOSSES)
    parser.add_argument(
        "--lines", nargs="+", choices=("listener", "speaker"), default=("listener", "speaker")
    )
    parser.add_argument("--round-trips", nargs="+", type=float, default=ROUND_TRIPS)
    parser.add_argument("--settles", type=float, default=12, help="seconds before it is recorded")
    parser.add_argument("--records", type=float, default=15)
    parser.add_argument("--runs", type=int, default=3, help="of each outage and move")
    parser.add_argument("--name", default="loss", help="of the files in tests/bench/results")
    options = parser.parse_args()
    logs.configure("error")
    before = load()
    with tempfile.TemporaryDirectory() as data:
        found = asyncio.run(measure(options, Path(data)))
    head = ["", "STOI", "made up %", "buffer ms", "kbit/s", "freezes", "longest still s"]
    rows = [
        [name, each["stoi"], round(100 * each["made_up"], 1)]
        + [each[key] for key in ("buffer_ms", "kbit_s", "freezes", "longest_still_s")]
        for name, each in found["conditions"].items()
    ]
    print(table(head, rows))
    print(table(["sound is back after", "ms"], [[name, each] for name, each in found["back_ms"].items()]))
    print(f"load {before} to {load()}; kept in {write(options.name, {'load': [before, load()], **found})}")
    chart(found, options.name)
    short = [
        name for name, each in found["conditions"].items() if each["stoi"] < TARGETS.get(each["loss"], 0)
    ]
    late = [name for name, each in found["back_ms"].items() if max(each) > TARGET_BACK]
    print("missed:", ", ".join([*short, *late]) or "nothing")
    return bool(short or late)


if __name__ == "__main__":
    sys.exit(main())
