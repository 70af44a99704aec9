"""How fast and how faithfully an interpreter is heard: `python -m tests.bench.bench_interpreting`.

Newcomer, officer, two interpreters in Chromium, each with a tone for a voice; measured behind everything
that a page mixes, just before the loudspeaker. Turn: from the key that changes the direction until the page
of the one who listens is told, and until it is heard at −6 dB. Hand-over: how long nobody, or both, are above
−12 dB. Response: the interpreter's tone at the newcomer, against 1 kHz. Delay: from the tone's beginning at
the one page to half of its loudness at the other. All on this machine.
"""

import argparse
import asyncio
import shutil
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, async_playwright

from signaling import logs
from tests.bench.chart import times
from tests.bench.figures import load, part, table, write
from tests.e2e.conftest import FLAGS, VIEWPORT
from tests.e2e.people import Meeting, Person
from tests.e2e.test_interpreting import LOWERED, simultaneous
from tests.e2e.tones import Speaker, both, longest, nobody, speaker
from tests.support.service import service

TARGET = 100
"""Milliseconds: 95 of 100 turns are to be told faster than that."""
PITCHES = (125, 250, 500, 1000, 2000, 4000, 8000, 12_000, 15_000)
WINDOW = 512
"""Samples that a voice is looked for in, about 11 ms; its middle is half of that ago."""

NOTE_THE_KEY = "addEventListener('keydown', () => (window.__pressed = Date.now()), {capture: true})"
AWAIT_TURN = """([language, tone, window_]) => {
  window.__turn = new Promise((resolve) => {
    const seen = {};
    const look = () => {
      const {interpreting} = window.__motesrum.snapshot;
      const into = interpreting.interpreters.find((one) => one.on_duty)?.into;
      if (!seen.told && into === language) seen.told = Date.now();
      if (seen.told && window.__level(tone, window_) > -6) seen.heard = Date.now();
      if (seen.heard) resolve(seen);
      else setTimeout(look, 2);
    };
    look();
  });
}"""
AWAIT_TONE = """([tone, window_]) => {
  window.__begin = new Promise((resolve) => {
    const look = () => window.__level(tone, window_) > -6 ? resolve(Date.now()) : setTimeout(look, 1);
    look();
  });
}"""


async def turn(interpreter: Speaker, listeners: dict[str, Speaker], language: str) -> tuple[float, float]:
    """Milliseconds until the listener's page is told, and until it is heard."""
    listener = listeners[language]
    await listener.person.page.evaluate(AWAIT_TURN, [language, interpreter.pitch, WINDOW])
    await interpreter.person.page.keyboard.press("Space")
    async with asyncio.timeout(20):
        seen = await listener.person.page.evaluate("window.__turn")
    pressed = await interpreter.person.page.evaluate("window.__pressed")
    return float(seen["told"] - pressed), float(seen["heard"] - pressed)


async def hand_over(giver: Speaker, taker: Speaker, listener: Speaker) -> tuple[float, float]:
    """Milliseconds without a voice, and with both."""
    await listener.records(giver, taker)
    await giver.person.press(f"offer-{taker.id}")
    await taker.person.press("accept-handover")
    await listener.hears(taker)
    await listener.hears_nothing_of(giver)
    heard = await listener.recorded()
    return longest(heard, nobody), longest(heard, both)


async def response(interpreter: Speaker, listener: Speaker) -> dict[int, float]:
    """dB by pitch, against 1 kHz."""
    levels = {}
    for pitch in PITCHES:
        await interpreter.person.page.evaluate("(pitch) => window.__sing(pitch)", pitch)
        await asyncio.sleep(1.2)
        found = [
            float(await listener.person.page.evaluate("(pitch) => window.__level(pitch)", pitch))
            for _ in range(5)
        ]
        levels[pitch] = sorted(found)[2]
    await interpreter.person.page.evaluate("(pitch) => window.__sing(pitch)", interpreter.pitch)
    return {pitch: round(level - levels[1000], 2) for pitch, level in levels.items()}


async def delay(speaking: Speaker, listener: Speaker) -> float:
    """Milliseconds."""
    await speaking.speaks(False)
    await listener.hears_nothing_of(speaking)
    await listener.person.page.evaluate(AWAIT_TONE, [speaking.pitch, WINDOW])
    began = await speaking.person.page.evaluate("window.__say(true), Date.now()")
    async with asyncio.timeout(20):
        return float(await listener.person.page.evaluate("window.__begin") - began)


async def measure(runs: int, data: Path) -> dict[str, Any]:
    executable = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    async with AsyncExitStack() as stack:
        running = await stack.enter_async_context(service(data))
        playwright = await stack.enter_async_context(async_playwright())
        browser: Browser = await playwright.chromium.launch(
            executable_path=executable, args=list(FLAGS), chromium_sandbox=False
        )
        stack.push_async_callback(browser.close)

        async def arrive(**options: Any) -> Person:
            context = await browser.new_context(permissions=["microphone"], viewport=VIEWPORT, **options)
            stack.push_async_callback(context.close)
            return await Person.at(await context.new_page())

        meeting = Meeting(running, await running.meeting(), arrive, stack)
        newcomer = await speaker(
            arrive, meeting, 500, "newcomer", recorder=True, name="Samira", language="ar"
        )
        officer = await speaker(arrive, meeting, 1600, "officer", 1, name="Erik Lind")
        first = await speaker(arrive, meeting, 1000, "interpreter", name="Layla Haddad")
        await meeting.start(1)
        await simultaneous(first)
        await newcomer.hears(first)
        await newcomer.hears(officer, LOWERED)
        await first.person.page.evaluate(NOTE_THE_KEY)
        turns = []
        for number in range(runs + 1):
            into = ("sv", "ar")[number % 2]
            turns.append(await turn(first, {"sv": officer, "ar": newcomer}, into))
            print(f"turn {number:>3}  told {turns[-1][0]:5.0f}  heard {turns[-1][1]:5.0f} ms", flush=True)
            await asyncio.sleep(0.3)
        del turns[0]
        if into == "sv":
            await turn(first, {"ar": newcomer}, "ar")
        delays = [await delay(first, newcomer) for _ in range(10)]
        shape = await response(first, newcomer)
        second = await speaker(arrive, meeting, 3100, "interpreter", name="Samir Aziz")
        await first.person.find(f"offer-{second.id}").wait_for()
        gaps = []
        for number in range(6):
            giver, taker = (first, second) if number % 2 == 0 else (second, first)
            gaps.append(await hand_over(giver, taker, newcomer))
    return {
        "turns_told_ms": [told for told, _ in turns],
        "turns_heard_ms": [heard for _, heard in turns],
        "delay_ms": delays,
        "response_db": shape,
        "handover_nobody_ms": [without for without, _ in gaps],
        "handover_both_ms": [double for _, double in gaps],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=60)
    args = parser.parse_args()
    logs.configure("error")
    before = load()
    with tempfile.TemporaryDirectory() as data:
        found = asyncio.run(measure(args.runs, Path(data)))
    waits = (
        ("turn, told", "turns_told_ms"),
        ("turn, heard", "turns_heard_ms"),
        ("delay, voice to ear", "delay_ms"),
        ("hand-over, nobody", "handover_nobody_ms"),
        ("hand-over, both", "handover_both_ms"),
    )
    rows = [
        [name, len(found[key]), *(f"{part(found[key], share):.0f}" for share in (0.5, 0.95, 1.0))]
        for name, key in waits
    ]
    print(table(["ms", "runs", "median", "95 %", "longest"], rows))
    print(table(["Hz", *map(str, found["response_db"])], [["dB", *found["response_db"].values()]]))
    path = write("interpreting", {"load": [before, load()], **found})
    print(f"load {before} to {load()}; kept in {path}")
    times(path, [(name, part(found[key], 0.5), part(found[key], 0.95)) for name, key in waits])
    sys.exit(part(found["turns_told_ms"], 0.95) > TARGET)


if __name__ == "__main__":
    main()
