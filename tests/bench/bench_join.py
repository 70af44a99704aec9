"""How long people wait for a picture: `python -m tests.bench.bench_join`.

Join: in Chromium, from the click that takes somebody in to the first picture of somebody else that the
page shows. Both send a camera of 640×360 in two sizes, thirty a second, and sound. The page is loaded and
their own devices are open before the click, all else is made on the way. Ours is the page of an officer who
comes into a station that goes on; LiveKit's is a page with its client library and nothing else
(`pages/livekit.html`). They take turns, five at a time; `--timeline` tells what happens when.
Switch: from the host's call that starts a station to the last packet of the new officer's first picture in
the newcomer's kernel, with raw clients. Servers, browser and clients share this machine.
"""

import argparse
import asyncio
import itertools
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlencode

from aiohttp import web
from playwright.async_api import Browser, Page, async_playwright

from media.vp8 import vp8_keyframe
from signaling import logs
from signaling.client import Received
from tests.bench.chart import times as times_chart
from tests.bench.figures import load, part, table, write
from tests.bench.livekit import livekit
from tests.bench.servers import ServerMissing
from tests.e2e.conftest import FLAGS, VIEWPORT
from tests.e2e.people import Person
from tests.e2e.process import free_port
from tests.support.raw_client import RawClient
from tests.support.service import Service, service

TARGET = 500
"""Milliseconds: 95 of 100 switches are to be faster."""
SETTLE = 1.0
"""Seconds between two switches, so that no request for a key frame of the one serves the other."""
PICTURE_TARGET = 350
"""Milliseconds: half of all joins are to be faster."""
WIDTH, HEIGHT, RATE = 640, 360, 30
TIMELINE = (Path(__file__).parent / "timeline.js").read_text()
OPEN = """async () => {
  const seen = () => [...document.querySelectorAll('video')].some((video) => video.currentTime > 0);
  while (!seen()) await new Promise((next) => setTimeout(next, 30));
}"""
"""Until somebody sees themselves."""
PAGES = Path(__file__).parent / "pages"
CLIENT = PAGES / "node_modules" / "livekit-client" / "dist" / "livekit-client.umd.js"
BLOCK = 5
"""Joins of one system before it is the other's turn."""
SWITCH = "start of a station to first picture"
Times = dict[str, float]
"""Milliseconds after the click, by what happened; `picture` is the last."""
Joins = Callable[[], Awaitable[Times]]


async def participant(
    stack: AsyncExitStack, running: Service, meeting: str, role: str, **more: Any
) -> RawClient:
    client = await stack.enter_async_context(await running.joined(meeting, role, **more))
    await client.open_transports()
    await client.produce("audio")
    await client.produce("video")
    return client


@asynccontextmanager
async def page(browser: Browser) -> AsyncIterator[Page]:
    context = await browser.new_context(permissions=["camera", "microphone"], viewport=VIEWPORT)
    try:
        yield await context.new_page()
    finally:
        await context.close()


async def clicked(joining: Page, button: str) -> Times:
    """Once the page has fetched what it wants."""
    await joining.wait_for_load_state("networkidle")
    await joining.locator(button).click()
    async with asyncio.timeout(20):
        await joining.evaluate("window.__first")
    times: Times = await joining.evaluate("window.__times")
    return times


@asynccontextmanager
async def ours(browser: Browser) -> AsyncIterator[Joins]:
    """A station that goes on, with the newcomer in it."""
    size = f"picture={WIDTH}x{HEIGHT}@{RATE}"
    async with AsyncExitStack() as stack:
        scratch = stack.enter_context(tempfile.TemporaryDirectory())
        running = await stack.enter_async_context(service(Path(scratch)))
        data = await running.meeting()
        station = data["stations"][0]
        newcomer = await Person.at(await stack.enter_async_context(page(browser)))
        await newcomer.page.goto(f"{(await running.invite(data['id'], 'newcomer'))['url']}?{size}")
        await newcomer.join()
        await running.rest("POST", f"/meetings/{data['id']}/stations/{station['number']}/start")

        async def join() -> Times:
            booking = {"agency": station["agency"], "station": station["number"]}
            made = await running.invite(data["id"], "officer", **booking)
            async with page(browser) as officer:
                await officer.add_init_script(TIMELINE)
                await officer.goto(f"{made['url']}?{size}")
                await officer.get_by_test_id("join-button").click()
                await officer.evaluate(OPEN)
                return await clicked(officer, "[data-testid=step-in]")

        yield join


@asynccontextmanager
async def theirs(browser: Browser) -> AsyncIterator[Joins]:
    """A room of LiveKit's, with somebody in it."""
    if not CLIENT.is_file():
        raise ServerMissing(f"its client library is missing: npm ci in {PAGES}")
    async with AsyncExitStack() as stack:
        scratch = stack.enter_context(tempfile.TemporaryDirectory())
        server = await stack.enter_async_context(livekit(Path(scratch), 2))
        site = await stack.enter_async_context(served())
        numbers = itertools.count(1)

        def address() -> str:
            words = {"url": server.url, "token": server.token(f"p{next(numbers)}")}
            size = {"width": WIDTH, "height": HEIGHT, "rate": RATE}
            return f"{site}#{urlencode({**words, **size})}"

        sender = await stack.enter_async_context(page(browser))
        await sender.goto(address())
        await sender.locator("#join").click()
        await sender.wait_for_selector("body[data-published]")

        async def join() -> Times:
            async with page(browser) as joining:
                await joining.add_init_script(TIMELINE)
                await joining.goto(address())
                await joining.wait_for_selector("#join:enabled")
                return await clicked(joining, "#join")

        yield join


@asynccontextmanager
async def served() -> AsyncIterator[str]:
    """The page with LiveKit's client library; its address."""

    async def shown(request: web.Request) -> web.FileResponse:
        return web.FileResponse(PAGES / "livekit.html")

    async def library(request: web.Request) -> web.FileResponse:
        return web.FileResponse(CLIENT)

    application = web.Application()
    application.add_routes([web.get("/", shown), web.get(f"/{CLIENT.name}", library)])
    runner = web.AppRunner(application)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield f"http://localhost:{port}/"
    finally:
        await runner.cleanup()


OURS = "Mötesrum"
SYSTEMS = {OURS: ours, "LiveKit": theirs}


async def joins(runs: int, only: list[str]) -> dict[str, list[Times]]:
    """The first of each turn warms up, and is not counted."""
    found: dict[str, list[Times]] = {name: [] for name in only}
    executable = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    flags = [flag.replace("fps=10", f"fps={RATE}") for flag in FLAGS]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=executable, args=flags, chromium_sandbox=False
        )
        while name := next((name for name, times in found.items() if len(times) < runs), None):
            name = min(found, key=lambda each: len(found[each]))
            try:
                async with SYSTEMS[name](browser) as join:
                    for number in range(min(BLOCK, runs - len(found[name])) + 1):
                        times = await join()
                        what = "warm-up" if number == 0 else len(found[name]) + 1
                        print(f"join    {name:<9} {what:>7}  {times['picture']:7.0f} ms", flush=True)
                        if number:
                            found[name].append(times)
            except ServerMissing as error:
                print(f"left out: {name}: {error}", file=sys.stderr)
                del found[name]
        await browser.close()
    return found


def timeline(name: str, found: list[Times]) -> str:
    """What happened in more than half of all joins, in the order of the medians."""
    steps = {step for times in found for step in times}
    middle = {
        step: median(times[step] for times in found if step in times)
        for step in steps
        if sum(step in times for times in found) * 2 > len(found)
    }
    rows = [[step, round(at)] for step, at in sorted(middle.items(), key=lambda each: each[1])]
    return table([name, "median ms"], rows)


async def switches(running: Service, runs: int) -> list[float]:
    taken = []
    async with AsyncExitStack() as stack:
        data = await running.meeting()
        newcomer = await participant(stack, running, data["id"], "newcomer", name="Samira")
        officers = [
            await participant(
                stack, running, data["id"], "officer", agency=each["agency"], station=each["number"]
            )
            for each in data["stations"]
        ]
        for number in range(runs + 1):
            place = number % len(officers)
            known = len(newcomer.consumers)
            began = time.time_ns()
            await running.rest(
                "POST", f"/meetings/{data['id']}/stations/{data['stations'][place]['number']}/start"
            )
            end = await first_picture(newcomer, officers[place].participant, known)
            milliseconds = (end - began) / 1e6
            print(f"switch  {'warm-up' if number == 0 else number:>7}  {milliseconds:7.0f} ms", flush=True)
            taken.append(milliseconds)
            await asyncio.sleep(SETTLE)
    return taken[1:]


async def first_picture(client: RawClient, source: str, known: int) -> int:
    """When the last packet of the first whole key frame came, of a camera offered after `known` others."""

    def consumer() -> Received | None:
        for each in client.consumers[known:]:
            if (each.participant, each.source) == (source, "camera"):
                return each
        return None

    def end() -> int | None:
        offered = consumer()
        packets = client.packets(offered) if offered else []
        if not packets:
            return None
        assert vp8_keyframe(packets[0].payload), "a picture must begin with a key frame"
        last = [each for each in packets if each.marker and each.timestamp == packets[0].timestamp]
        return last[0].at if last else None

    await client.wait_for(end, 10.0, f"no picture of {source}")
    found = end()
    assert found is not None
    return found


def figure(taken: list[float], before: float) -> dict[str, Any]:
    return {
        "milliseconds": [round(each, 1) for each in taken],
        "median": round(median(taken)),
        "p95": round(part(taken, 0.95)),
        "worst": round(max(taken)),
        "load": [before, load()],
    }


async def main(options: argparse.Namespace) -> int:
    figures: dict[str, dict[str, Any]] = {}
    if options.joins:
        before = load()
        found = await joins(options.joins, options.only or list(SYSTEMS))
        for name, times in found.items():
            taken = [each["picture"] for each in times]
            figures[f"{name}: click on “Join” to first picture"] = {**figure(taken, before), "steps": times}
            if options.timeline:
                print(f"\n{timeline(name, times)}")
    if options.switches:
        with tempfile.TemporaryDirectory() as scratch:
            before = load()
            async with service(Path(scratch)) as running:
                taken = await switches(running, options.switches)
            figures[SWITCH] = figure(taken, before)
    head = ["", "runs", "median ms", "p95 ms", "worst ms", "load before, after"]
    rows = [
        [
            name,
            len(each["milliseconds"]),
            each["median"],
            each["p95"],
            each["worst"],
            "{}, {}".format(*each["load"]),
        ]
        for name, each in figures.items()
    ]
    print()
    print(table(head, rows))
    if SWITCH in figures:
        held = "held" if figures[SWITCH]["p95"] <= TARGET else "missed"
        print(f"\nTarget for a switch, p95 ≤ {TARGET} ms: {held}")
    waits = {name.partition(":")[0]: each["median"] for name, each in figures.items() if name != SWITCH}
    own, ratios = waits.pop(OURS, None), dict[str, float]()
    if own is not None:
        held = "held" if own <= PICTURE_TARGET else "missed"
        print(f"\nTarget for joining, median ≤ {PICTURE_TARGET} ms: {held}")
        ratios = {f"{OURS} beside {other}": round(own / wait, 2) for other, wait in waits.items()}
        for name, ratio in ratios.items():
            print(f"{name}: {ratio}")
    path = write(options.name, {**figures, "ratios": ratios})
    print(path)
    times_chart(path, [(name, each["median"], each["p95"]) for name, each in figures.items()])
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--joins", type=int, default=10)
    parser.add_argument("--only", action="append", choices=list(SYSTEMS))
    parser.add_argument("--timeline", action="store_true", help="what happens when, after the click")
    parser.add_argument("--switches", type=int, default=20)
    parser.add_argument("--name", default="join", help="of the JSON file in tests/bench/results")
    logs.configure("warning")
    sys.exit(asyncio.run(main(parser.parse_args())))
