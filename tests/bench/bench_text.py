"""How soon a letter is read: `python -m tests.bench.bench_text`.

Somebody who interprets in writing types with a keyboard at a page in Chromium; the newcomer reads at another.
A letter counts from the key's event to the first frame in which it can be read. Service and browser share
this machine.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from typing import Any

import aiohttp
from playwright.async_api import Browser, async_playwright

from signaling import logs
from tests.bench.chart import times
from tests.bench.figures import load, part, table, write
from tests.e2e.conftest import FLAGS, VIEWPORT, chromium
from tests.e2e.desk import Desk
from tests.e2e.people import Person, demand_pages
from tests.e2e.process import Motesrum, staff_link
from tests.support.service import SITE, STATIONS

TARGET = 300
"""Milliseconds, for 95 of 100 letters."""
LETTERS = 400
"""In a line; one may have 500."""
PERIOD = 90
"""Milliseconds from key to key: fast writing."""

NOTE_KEYS = """() => {
  document.querySelector('[data-testid=write-text]').addEventListener('input', (event) =>
    window.__keys.push([event.target.value.length, performance.timeOrigin + event.timeStamp]));
}"""
NOTE_READ = """() => {
  const captions = document.querySelector('[data-testid=captions]');
  const length = () => [...captions.querySelectorAll('.growing .said')].at(-1)?.textContent.length ?? 0;
  new MutationObserver(() => requestAnimationFrame(() => window.__read.push([length(), Date.now()])))
    .observe(captions, {subtree: true, childList: true, characterData: true});
}"""


@asynccontextmanager
async def together(browser: Browser, data: Path) -> AsyncIterator[tuple[Person, Person]]:
    """Writer and reader, in a station that goes on."""
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar) as http, Motesrum("serve", data) as running:
        desk = Desk(http, running.url)
        await desk.sign_in(await staff_link(data, SITE, "Lena Ek"))
        made = await desk.call("POST", "/meetings", {"site": SITE, "stations": STATIONS})

        async def enters(role: str, **more: str) -> Person:
            body = {"role": role, **more}
            link = await desk.call("POST", f"/meetings/{made['id']}/invitations", body)
            context = await browser.new_context(permissions=["camera", "microphone"], viewport=VIEWPORT)
            person = await Person.at(await context.new_page())
            await person.enter(str(link["url"]))
            return person

        reader = await enters("newcomer", language="sv")
        writer = await enters("interpreter", kind="text")
        await desk.call("POST", f"/meetings/{made['id']}/stations/1/start", {})
        for person in (reader, writer):
            await person.until(
                "() => window.__motesrum.snapshot.stations.some((station) => station.state === 'active')",
                deadline=20,
            )
        await writer.page.evaluate(NOTE_KEYS)
        await reader.page.evaluate(NOTE_READ)
        yield writer, reader


async def one_line(writer: Person, reader: Person) -> list[float]:
    """Milliseconds until each of its letters was read."""
    await writer.page.evaluate("window.__keys = []")
    await reader.page.evaluate("window.__read = []")
    await writer.find("write-text").focus()
    await writer.page.keyboard.type("abcdefghi " * (LETTERS // 10), delay=PERIOD)
    await reader.until(
        "(all) => window.__read.some(([length]) => length >= all)", LETTERS - 1, deadline=20, what="read"
    )
    keys = await writer.page.evaluate("window.__keys")
    read = await reader.page.evaluate("window.__read")
    await writer.page.keyboard.press("Enter")
    await reader.until("() => !document.querySelector('[data-testid=captions] .growing')", deadline=20)
    return [
        next(at for length, at in read if length >= number) - pressed
        for number, pressed in keys
        if number < LETTERS
    ]


async def main(options: argparse.Namespace) -> int:
    demand_pages()
    before, taken = load(), []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium(), args=list(FLAGS), chromium_sandbox=False
        )
        with tempfile.TemporaryDirectory() as data:
            async with together(browser, Path(data)) as (writer, reader):
                for line in range(1, options.lines + 1):
                    found = await one_line(writer, reader)
                    print(f"line {line}: p95 {part(found, 0.95):.0f} ms", flush=True)
                    taken += found
        await browser.close()
    figures: dict[str, Any] = {
        "letters": len(taken),
        "median": round(median(taken)),
        "p95": round(part(taken, 0.95)),
        "worst": round(max(taken)),
        "target": TARGET,
        "load": [before, load()],
    }
    verdict = "held" if figures["p95"] <= TARGET else "missed"
    head = ["", "letters", "median ms", "p95 ms", "worst ms", "target", "load before, after"]
    row = ["letter read", *(figures[each] for each in ("letters", "median", "p95", "worst"))]
    print()
    print(table(head, [[*row, f"≤ {TARGET}: {verdict}", "{}, {}".format(*figures["load"])]]))
    path = write(options.name, figures)
    print(path)
    times(path, [("letter read", figures["median"], figures["p95"])])
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=3)
    parser.add_argument("--name", default="text", help="of the JSON file in tests/bench/results")
    logs.configure("warning")
    sys.exit(asyncio.run(main(parser.parse_args())))
