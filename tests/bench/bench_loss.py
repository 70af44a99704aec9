"""What is understood and seen over lines that lose packets: `make bench-loss`.

An officer and a newcomer at pages of Chromium say a text (espeak-ng) over and over and hear each other. The
newcomer's line loses packets in both directions, at random or in bursts of 4.4 on average, while that of the
officer is good: so one listens over a bad line, and the other to somebody who speaks over one. What comes out
at both pages is recorded after some seconds, and compared with the text (STOI, each tenth of a second aligned
anew). Then the newcomer's line is out for three seconds, or their address dies. All on this machine.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from socket import SOCK_DGRAM
from typing import Any

from playwright.async_api import Browser, async_playwright

from signaling import logs
from tests.bench.figures import load, table, write
from tests.bench.speech import NOTE_TRACKS, RECORD, Sound, recorded, spoken, understood
from tests.e2e.conftest import FLAGS, VIEWPORT, chromium
from tests.e2e.people import Meeting, Person
from tests.e2e.process import free_port
from tests.e2e.test_layers import CATCH
from tests.e2e.test_lossy import CONNECTED, GAPS, TOLD, WATCH
from tests.support.relay import Link, UdpRelay
from tests.support.service import Service, service

INSIDE, OUTSIDE = "127.0.0.1", "127.0.0.2"
"""Where the worker listens, and where the newcomer's page finds it: there the relay is."""
OVER_RELAY = f"""
const given = RTCPeerConnection.prototype.setRemoteDescription;
RTCPeerConnection.prototype.setRemoteDescription = function ({{type, sdp}}) {{
  return given.call(this, {{type, sdp: sdp.replaceAll('{INSIDE}', '{OUTSIDE}')}});
}};
"""
LOSSES = (0.0, 0.05, 0.1, 0.2, 0.3)
KINDS = ("at random", "in bursts")
LEAVES = 0.225
"""The chance to leave a burst, per packet."""
ROUND_TRIPS = (0.02, 0.15)
STILL = 0.5
"""Seconds for which a picture stands still before it counts as frozen."""
RUNS_WELL = 4.0
"""Seconds of sound before something happens to the line."""
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
SOUND = """async () => {
  const sum = {};
  for (const connection of window.__connections) {
    for (const report of (await connection.getStats()).values()) {
      if (report.type !== 'inbound-rtp' || report.kind !== 'audio') continue;
      for (const [name, value] of Object.entries(report)) {
        if (typeof value === 'number') sum[name] = (sum[name] ?? 0) + value;
      }
    }
  }
  return sum;
}"""
"""What the browser counts of all sound that comes."""


def compared(said: Sound, answer: dict[str, Any]) -> float:
    return understood(said, recorded(answer))


def now() -> float:
    """Milliseconds since the epoch, as pages count them."""
    return time.time() * 1000


@dataclass(frozen=True)
class Condition:
    """Of the newcomer's line."""

    kind: str
    loss: float
    round_trip: float

    @property
    def name(self) -> str:
        lost = f"{self.loss:.0%} lost {self.kind}" if self.loss else "nothing lost"
        return f"{self.round_trip * 1000:.0f} ms, {lost}"

    def on(self, link: Link) -> None:
        link.delay = self.round_trip / 2
        bursts = self.kind == "in bursts" and self.loss
        link.loss = 0.0 if bursts else self.loss
        link.burst = (self.loss * LEAVES / (1 - self.loss), LEAVES) if bursts else None


@dataclass(frozen=True)
class Side:
    """Somebody at their page, and whom they hear there; `line` is whose of the two is bad."""

    line: str
    person: Person
    other: str


@dataclass
class Table:
    """Who sits at it, and their lines."""

    relay: UdpRelay
    listener: Side
    speaker: Side
    said: Sound
    judge: Executor
    """A process of its own: whatever keeps this one busy keeps the packets of the relay waiting."""
    settles: float
    records: float

    async def at(self, condition: Condition) -> dict[str, dict[str, Any]]:
        """What both hear, by whose line is bad."""
        for link in (self.relay.up, self.relay.down):
            condition.on(link)
        await asyncio.sleep(self.settles)
        both = (self.listener, self.speaker)
        heard = await asyncio.gather(*(self.hears(side) for side in both))
        return {side.line: each for side, each in zip(both, heard, strict=True)}

    async def hears(self, side: Side) -> dict[str, Any]:
        page = side.person.page
        before = await page.evaluate(SOUND)
        await page.evaluate(WATCH, "stage-video")
        answer = await page.evaluate(RECORD, self.records)
        gaps = await page.evaluate(GAPS)
        after = await page.evaluate(SOUND)
        loop = asyncio.get_running_loop()

        def since(name: str) -> float:
            return float(after.get(name, 0) - before.get(name, 0))

        def share(*names: str) -> float:
            return round(sum(since(name) for name in names) / max(1, since("totalSamplesReceived")), 4)

        return {
            "stoi": round(await loop.run_in_executor(self.judge, compared, self.said, answer), 3),
            "stretched": share("removedSamplesForAcceleration", "insertedSamplesForDeceleration"),
            "made_up": share("concealedSamples"),
            "buffer_ms": round(1000 * since("jitterBufferDelay") / max(1, since("jitterBufferEmittedCount"))),
            "kbit_s": round(since("bytesReceived") * 8 / 1000 / self.records),
            "freezes": sum(gap > STILL for gap in gaps),
            "longest_still_s": round(max(gaps), 2),
            "load": load(),
        }

    async def back(self) -> float:
        """When sound of the officer comes again."""
        side = self.listener
        return float(await side.person.until(HEARD, side.other, deadline=BACK, what="no sound"))

    async def outage(self) -> float:
        """Milliseconds after the line is there again."""
        for link in (self.relay.up, self.relay.down):
            link.outages.append((self.relay.now, self.relay.now + OUT))
        await asyncio.sleep(OUT)
        over = now()
        return await self.back() - over

    async def moves(self, *, told: bool) -> float:
        """Milliseconds after another network is there; `told`: the browser says so to the page."""
        self.relay.abandon()
        began = now()
        if told:
            await self.listener.person.page.evaluate(TOLD)
        return await self.back() - began


@dataclass
class Bench:
    """What all tables have in common."""

    running: Service
    relay: UdpRelay
    browser: Browser
    said: Sound
    judge: Executor
    options: argparse.Namespace

    @asynccontextmanager
    async def table(self) -> AsyncIterator[Table]:
        """With people who have just come: a browser remembers for half a minute how late packets were."""
        for link in (self.relay.up, self.relay.down):
            Condition("at random", 0.0, ROUND_TRIPS[0]).on(link)
        async with AsyncExitStack() as stack:

            async def arrive(*, over: bool = True) -> Person:
                context = await self.browser.new_context(
                    permissions=["camera", "microphone"], viewport=VIEWPORT
                )
                stack.push_async_callback(context.close)
                page = await context.new_page()
                for script in (NOTE_TRACKS, CATCH, *([OVER_RELAY] if over else ())):
                    await page.add_init_script(script)
                return await Person.at(page)

            meeting = Meeting(self.running, await self.running.meeting(), arrive, stack)
            officer = await arrive(over=False)
            await officer.enter(await meeting.link("officer", 1, name="Erik Lind"))
            await officer.until(CONNECTED)
            await meeting.start(1)
            newcomer = await meeting.person("newcomer", name="Samira")
            listener = Side("listener", newcomer, await officer.participant())
            speaker = Side("speaker", officer, await newcomer.participant())
            for side in (listener, speaker):
                await side.person.hears(side.other, deadline=BACK)
            settles, records = self.options.settles, self.options.records
            yield Table(self.relay, listener, speaker, self.said, self.judge, settles, records)


async def measure(options: argparse.Namespace, data: Path) -> dict[str, Any]:
    said = spoken(data / "speech.wav")
    port = free_port(SOCK_DGRAM)
    async with AsyncExitStack() as stack:
        listen = [{"ip": INSIDE}]
        running = await stack.enter_async_context(service(data, media_port=port, media_listen=listen))
        up, down = Link(options.seed), Link(options.seed + 1)
        relay = await UdpRelay.open((INSIDE, port), up=up, down=down, listen=(OUTSIDE, port))
        stack.callback(relay.close)
        playwright = await stack.enter_async_context(async_playwright())
        browser = await playwright.chromium.launch(
            executable_path=chromium(),
            args=[*FLAGS, f"--use-file-for-fake-audio-capture={data / 'speech.wav'}"],
            chromium_sandbox=False,
        )
        stack.push_async_callback(browser.close)
        judge = stack.enter_context(ProcessPoolExecutor(1, get_context("spawn")))
        bench = Bench(running, relay, browser, said, judge, options)
        found: dict[str, Any] = {}
        for condition in conditions(options):
            async with bench.table() as table:
                both = await table.at(condition)
            for owner, heard in both.items():
                name = f"{owner}'s line, {condition.name}"
                found[name] = {"line": owner, **vars(condition), **heard}
                print(f"{name:50} {heard}", flush=True)
        times: dict[str, list[int]] = {}
        for _ in range(options.runs):
            for name, what in (
                ("outage of 3 s", Table.outage),
                ("another address, the page is told", partial(Table.moves, told=True)),
                ("another address, nobody tells", partial(Table.moves, told=False)),
            ):
                async with bench.table() as table:
                    await asyncio.sleep(RUNS_WELL)
                    times.setdefault(name, []).append(round(await what(table)))
                print(f"{name:45} {times[name][-1]} ms", flush=True)
    return {"conditions": found, "back_ms": times}


def conditions(options: argparse.Namespace) -> Sequence[Condition]:
    return [
        Condition(kind, loss, round_trip)
        for round_trip in options.round_trips
        for kind in options.kinds
        for loss in options.losses
        if loss or kind == "at random"
    ]


def chart(path: Path, conditions: Sequence[dict[str, Any]]) -> None:
    """Over what is lost: what is understood, how much sound is made up, how often a picture stands still."""
    try:
        import matplotlib
    except ImportError:
        print("no chart: the extra `bench` is not installed (matplotlib is missing)")
        return
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, places = pyplot.subplots(3, 1, figsize=(8, 11), sharex=True)
    shown = (("stoi", "STOI", 1), ("made_up", "made up, %", 100), ("freezes", "freezes", 1))
    for axes, (what, name, scale) in zip(places, shown, strict=True):
        for key in sorted({(each["line"], each["kind"], each["round_trip"]) for each in conditions}):
            line, kind, round_trip = key
            points = sorted(
                (100 * each["loss"], scale * each[what])
                for each in conditions
                if (each["line"], each["round_trip"]) == (line, round_trip)
                and (each["kind"] == kind or not each["loss"])
            )
            label = f"{line}'s line, {kind}, {round_trip * 1000:.0f} ms"
            axes.plot(*zip(*points, strict=True), "o-", label=label)
        axes.set_ylabel(name)
    places[0].plot([100 * loss for loss in TARGETS], list(TARGETS.values()), "kx", label="aim")
    places[0].set(ylim=(0, 1), title="Speech over lines that lose packets")
    places[0].legend(fontsize="small")
    places[-1].set_xlabel("lost, %")
    figure.tight_layout()
    figure.savefig(path.with_suffix(".png"), dpi=120)
    pyplot.close(figure)
    print(path.with_suffix(".png"))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--losses", nargs="+", type=float, default=LOSSES)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--round-trips", nargs="+", type=float, default=ROUND_TRIPS)
    parser.add_argument("--seed", type=int, default=1, help="of what is lost")
    parser.add_argument("--settles", type=float, default=8, help="seconds before it is recorded")
    parser.add_argument("--records", type=float, default=12)
    parser.add_argument("--runs", type=int, default=3, help="of each outage and move")
    parser.add_argument("--name", default="loss", help="of the files in tests/bench/results")
    options = parser.parse_args()
    logs.configure("error")
    before = load()
    with tempfile.TemporaryDirectory() as data:
        found = asyncio.run(measure(options, Path(data)))
    head = ["", "STOI", "made up %", "stretched %", "buffer ms", "kbit/s", "freezes", "longest still s"]
    rows = [
        [name, each["stoi"], round(100 * each["made_up"], 1), round(100 * each["stretched"], 1)]
        + [each[key] for key in ("buffer_ms", "kbit_s", "freezes", "longest_still_s")]
        for name, each in found["conditions"].items()
    ]
    print(table(head, rows))
    print(table(["sound is back after", "ms"], [[name, each] for name, each in found["back_ms"].items()]))
    path = write(options.name, {"load": [before, load()], **found})
    print(f"load {before} to {load()}; kept in {path}")
    chart(path, list(found["conditions"].values()))
    short = [
        name for name, each in found["conditions"].items() if each["stoi"] < TARGETS.get(each["loss"], 0)
    ]
    late = [name for name, each in found["back_ms"].items() if max(each) > TARGET_BACK]
    print("missed:", ", ".join([*short, *late]) or "nothing")
    return bool(short or late)


if __name__ == "__main__":
    sys.exit(main())
