"""How fast people are back: `python -m tests.bench.bench_recovery`.

One figure for each time that something has gone wrong, in a meeting as `tests/bench/site.py` makes it.
Service, clients and browser share this machine.
"""

import argparse
import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median
from typing import Any

from playwright.async_api import Browser, async_playwright

from signaling import logs
from tests.bench.chart import times
from tests.bench.figures import load, part, table, write
from tests.bench.site import BACK, Place, now, place
from tests.e2e.conftest import FLAGS, chromium

BLOCKED = 5.0
"""Seconds."""
Figures = dict[str, float]
"""Milliseconds, by what was measured."""
TARGETS = {
    "kill -9 of the service: sound later at a raw listener": 200,
    "kill -9 of the service: session resumed, since the kill": 3000,
    "kill -9 of the media worker: sound in Chromium": 5000,
    "planned restart: sound later at a raw listener": 200,
    "planned restart: session resumed, since SIGTERM": 3000,
}
"""What 95 of 100 are to keep."""


async def killed(it: Place) -> Figures:
    return await _away(it, it.running.process.kill, "kill -9 of the service", "since the kill")


async def restarted(it: Place) -> Figures:
    async def end() -> None:
        assert await it.running.process.terminate() == 0

    return await _away(it, end, "planned restart", "since SIGTERM")


async def _away(it: Place, end: Callable[[], Awaitable[None]], what: str, since: str) -> Figures:
    heard = await it.settled()
    began = now()
    await end()
    back = [asyncio.create_task(client.come_back(BACK)) for client in (it.newcomer, it.host)]
    answers = await it.running.start()
    resumed = await it.resumed()
    await asyncio.gather(*back)
    found = await it.gap(heard, began)
    assert (heard.closed, found.lost) == (False, 0), "sound has started over"
    return {
        f"{what}: sound later at a raw listener": found.more * 1000,
        f"{what}: session resumed, {since}": resumed - began,
        f"{what}: session resumed, since the new process took connections": resumed - answers,
    }


async def worker_killed(it: Place) -> Figures:
    await it.settled()
    gone = await it.consumers()
    began = now()
    os.kill(it.running.worker, signal.SIGKILL)
    return {"kill -9 of the media worker: sound in Chromium": await it.hears(gone) - began}


async def reloaded(it: Place) -> Figures:
    await it.settled()
    began = now()
    await it.officer.page.reload()
    await it.officer.join()
    return {"reload and “Join”: sound in Chromium": await it.hears() - began}


async def cut(it: Place) -> Figures:
    await it.settled()
    began = now()
    it.http.cut()
    return {"WebSocket reset: session resumed": await it.resumed() - began}


async def blocked(it: Place) -> Figures:
    await it.settled()
    it.http.stall()
    it.media.up.block_udp = it.media.down.block_udp = True
    await asyncio.sleep(BLOCKED)
    it.media.up.block_udp = it.media.down.block_udp = False
    it.http.go_on()
    began = now()
    return {f"line blocked for {BLOCKED:g} s: sound in Chromium, after it": await it.hears() - began}


MEASURES = {
    "kill": killed,
    "restart": restarted,
    "worker": worker_killed,
    "reload": reloaded,
    "socket": cut,
    "block": blocked,
}


async def measure(browser: Browser, what: str, runs: int) -> dict[str, list[float]]:
    taken: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as data:
        async with place(browser, Path(data)) as it:
            for run in range(1, runs + 1):
                found = await MEASURES[what](it)
                print(
                    f"{what:8} {run:3}  " + "  ".join(f"{each:6.0f} ms" for each in found.values()),
                    flush=True,
                )
                for name, milliseconds in found.items():
                    taken.setdefault(name, []).append(milliseconds)
    return taken


async def main(options: argparse.Namespace) -> int:
    figures: dict[str, Any] = {}
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium(), args=list(FLAGS), chromium_sandbox=False
        )
        for what in options.only or MEASURES:
            before = load()
            for name, taken in (await measure(browser, what, options.runs)).items():
                figures[name] = {
                    "milliseconds": [round(each, 1) for each in taken],
                    "median": round(median(taken)),
                    "p95": round(part(taken, 0.95)),
                    "worst": round(max(taken)),
                    "target": TARGETS.get(name),
                    "load": [before, load()],
                }
        await browser.close()
    head = ["", "runs", "median ms", "p95 ms", "target", "load before, after"]
    rows = [
        [
            name,
            len(each["milliseconds"]),
            each["median"],
            each["p95"],
            _verdict(each),
            "{}, {}".format(*each["load"]),
        ]
        for name, each in figures.items()
    ]
    print()
    print(table(head, rows))
    path = write(options.name, figures)
    print(path)
    times(path, [(name, each["median"], each["p95"]) for name, each in figures.items()])
    return 0


def _verdict(figure: dict[str, Any]) -> str:
    if figure["target"] is None:
        return ""
    return f"≤ {figure['target']}: {'held' if figure['p95'] <= figure['target'] else 'missed'}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--only", nargs="+", choices=MEASURES)
    parser.add_argument("--name", default="recovery", help="of the JSON file in tests/bench/results")
    logs.configure("warning")
    sys.exit(asyncio.run(main(parser.parse_args())))
