"""How long people wait for a picture: `python -m tests.bench.bench_join`.

Join: in Chromium, from the click that takes an officer into a station that goes on to the first picture of
the newcomer that the page shows (320×180, ten a second); their own devices are open, both transports are
opened on the way. Switch: from the
host's call that starts a station to the last packet of the new officer's first picture in the newcomer's
kernel. Service, raw clients and, for joining, the browser share this machine.
"""

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median
from typing import Any

from playwright.async_api import Browser, async_playwright

from media.vp8 import vp8_keyframe
from signaling import logs
from signaling.client import Received
from tests.bench.chart import times
from tests.bench.figures import load, part, table, write
from tests.e2e.conftest import FLAGS, VIEWPORT
from tests.e2e.people import SMALL
from tests.support.raw_client import RawClient
from tests.support.service import Service, service

TARGET = 500
"""Milliseconds: 95 of 100 switches are to be faster."""
SETTLE = 1.0
"""Seconds between two switches, so that no request for a key frame of the one serves the other."""
WATCH = """
window.__first = new Promise((resolve) => {
  let clicked = null;
  const watched = new WeakSet();
  const watch = (video) => {
    if (watched.has(video)) return;
    watched.add(video);
    video.requestVideoFrameCallback(() => {
      if (video.dataset.testid === 'stage-video') resolve(performance.now() - clicked);
    });
  };
  addEventListener('click', (event) => {
    if (event.target.closest('[data-testid="step-in"]')) clicked = performance.now();
  }, {capture: true});
  const look = () => document.querySelectorAll('video').forEach(watch);
  new MutationObserver(look).observe(document, {childList: true, subtree: true});
});
"""


async def participant(
    stack: AsyncExitStack, running: Service, meeting: str, role: str, **more: Any
) -> RawClient:
    client = await stack.enter_async_context(await running.joined(meeting, role, **more))
    await client.open_transports()
    await client.produce("audio")
    await client.produce("video")
    return client


async def join(browser: Browser, link: str) -> float:
    """Milliseconds."""
    context = await browser.new_context(permissions=["camera", "microphone"], viewport=VIEWPORT)
    try:
        page = await context.new_page()
        await page.add_init_script(WATCH)
        await page.goto(f"{link}?{SMALL}")
        await page.get_by_test_id("join-button").click()
        await page.get_by_test_id("step-in").click()
        async with asyncio.timeout(20):
            return float(await page.evaluate("window.__first"))
    finally:
        await context.close()


async def joins(running: Service, runs: int) -> list[float]:
    taken = []
    executable = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    async with AsyncExitStack() as stack:
        data = await running.meeting()
        station = data["stations"][0]
        await participant(stack, running, data["id"], "newcomer", name="Samira")
        await running.rest("POST", f"/meetings/{data['id']}/stations/{station['number']}/start")
        playwright = await stack.enter_async_context(async_playwright())
        browser = await playwright.chromium.launch(
            executable_path=executable, args=list(FLAGS), chromium_sandbox=False
        )
        stack.push_async_callback(browser.close)
        for number in range(runs + 1):
            made = await running.invite(
                data["id"], "officer", agency=station["agency"], station=station["number"]
            )
            milliseconds = await join(browser, made["url"])
            print(f"join    {'warm-up' if number == 0 else number:>7}  {milliseconds:7.0f} ms", flush=True)
            taken.append(milliseconds)
    return taken[1:]


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


async def main(options: argparse.Namespace) -> int:
    figures: dict[str, Any] = {}
    for name, measure, runs in (("join", joins, options.joins), ("switch", switches, options.switches)):
        if not runs:
            continue
        with tempfile.TemporaryDirectory() as scratch:
            before = load()
            async with service(Path(scratch)) as running:
                taken = await measure(running, runs)
            figures[name] = {
                "milliseconds": [round(each, 1) for each in taken],
                "median": round(median(taken)),
                "p95": round(part(taken, 0.95)),
                "worst": round(max(taken)),
                "load": [before, load()],
            }
    head = ["", "runs", "median ms", "p95 ms", "worst ms", "load before, after"]
    what = {"join": "click on “Join” to first picture", "switch": "start of a station to first picture"}
    rows = [
        [
            what[name],
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
    if "switch" in figures:
        held = "held" if figures["switch"]["p95"] <= TARGET else "missed"
        print(f"\nTarget for a switch, p95 ≤ {TARGET} ms: {held}")
    path = write(options.name, figures)
    print(path)
    times(path, [(what[name], each["median"], each["p95"]) for name, each in figures.items()])
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--joins", type=int, default=10)
    parser.add_argument("--switches", type=int, default=20)
    parser.add_argument("--name", default="join", help="of the JSON file in tests/bench/results")
    logs.configure("warning")
    sys.exit(asyncio.run(main(parser.parse_args())))
