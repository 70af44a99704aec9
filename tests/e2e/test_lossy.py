"""People at their pages; what one of them sends and gets goes over a line that loses packets or is narrow."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from socket import SOCK_DGRAM
from typing import Any

import pytest
from playwright.async_api import expect

from tests.e2e.conftest import fixture
from tests.e2e.people import Meeting, Person, demand_pages
from tests.e2e.process import free_port
from tests.e2e.test_layers import CATCH
from tests.support.relay import Link, UdpRelay
from tests.support.service import Service, service

INSIDE, OUTSIDE = "127.0.0.1", "127.0.0.2"
"""Where the worker listens, and where pages are told that it does: there the relay is."""
DELAY = 0.005
LOSSES: dict[str, tuple[dict[str, Any], float]] = {
    "at random": ({"loss": 0.1}, 0.02),
    "in bursts": ({"burst": (0.025, 0.225)}, 0.05),
}
"""A tenth is lost, each way; the share of sound that may be made up."""
SETTLED, WATCHED, TIMES = 4, 10, 3
"""Seconds of sound, and how often at most: a browser waits longer for sound only after it has missed some."""
FAR, FAR_LOSS = 0.2, 0.2
"""Round trip, and the share that is lost on the way to who is so far away."""
HEARD, UNPROTECTED = 8, 0.06
"""Seconds of sound of which less than that share is made up."""
NARROW, WHOLE = 130_000, 3
"""bit/s, less than the larger picture and sound take; and seconds of sound of which hardly any is made up."""
RISES = 90
"""Seconds: on a busy machine larger pictures are tried in vain, each time with a longer pause after it."""
STILL, OUT = 2.0, 2.5
"""Seconds: a picture may stand still for so long; the line is out for so long."""

WATCH = """(testid) => {
  const video = document.querySelector(`[data-testid="${testid}"]`);
  const shown = window.__shown = [performance.now() / 1000];
  const note = (now) => {
    shown.push(now / 1000);
    video.requestVideoFrameCallback(note);
  };
  video.requestVideoFrameCallback(note);
}"""
"""Notes when the page shows a picture, in `window.__shown`."""

LASTS = """(() => {
  let first = null;
  return async ({participant, seconds}) => {
    await new Promise((next) => setTimeout(next, 250));
    const stats = await window.__motesrum.stats();
    const of = (kind) => stats.find((each) => each.participant === participant && each.kind === kind) ?? {};
    const {totalSamplesReceived, concealedSamples} = of('audio');
    const now = {totalSamplesReceived, concealedSamples, framesDecoded: of('video').framesDecoded};
    if (!now.totalSamplesReceived || !now.framesDecoded) return null;
    first ??= now;
    const since = (name) => now[name] - first[name];
    return since('totalSamplesReceived') >= seconds * 48000 && {
      made_up: since('concealedSamples') / since('totalSamplesReceived'),
      decoded: since('framesDecoded'),
      ids: stats.map((each) => each.id).sort(),
    };
  };
})()"""
"""When so many seconds of sound have come: what has come meanwhile, and on which consumers."""

LITTLE_MADE_UP = """(() => {
  const seen = [];
  return async ({participant, seconds, share}) => {
    await new Promise((next) => setTimeout(next, 250));
    const stats = await window.__motesrum.stats();
    const sound = stats.find((each) => each.participant === participant && each.kind === 'audio');
    if (!sound?.totalSamplesReceived) return null;
    seen.push(sound);
    const since = (name) => sound[name] - seen[0][name];
    while (seen.length > 1 && sound.totalSamplesReceived - seen[1].totalSamplesReceived >= seconds * 48000) {
      seen.shift();
    }
    const made_up = since('concealedSamples') / since('totalSamplesReceived');
    return since('totalSamplesReceived') >= seconds * 48000 && made_up < share && {made_up};
  };
})()"""
"""When of the last so many seconds of sound less than that share is made up: how much of them."""

SOUND_AGAIN = """(() => {
  let first = null;
  return async (participant) => {
    const stats = await window.__motesrum.stats();
    const sound = stats.find((each) => each.participant === participant && each.kind === 'audio');
    if (!sound?.packetsReceived) return void (first = null);
    first ??= sound.packetsReceived;
    return sound.packetsReceived >= first + 5;
  };
})()"""
"""When more has come than was on its way."""
TOLD = "dispatchEvent(new Event('offline')), dispatchEvent(new Event('online'))"
SHOWN = """({testid, width}) =>
  document.querySelector(`[data-testid="${testid}"]`).videoWidth === width"""
CONNECTED = "() => window.__connections.filter((each) => each.connectionState === 'connected').length === 2"
GAPS = """() => {
  const shown = [...window.__shown, performance.now() / 1000];
  return shown.slice(1).map((at, index) => at - shown[index]);
}"""


@dataclass
class Seen:
    """`gaps`: seconds between pictures; `made_up`: the share of sound that did not come in time."""

    gaps: list[float]
    made_up: float
    decoded: int
    ids: list[str]

    @property
    def longest(self) -> float:
        return max(self.gaps)

    def __str__(self) -> str:
        freezes = sum(gap > 0.5 for gap in self.gaps)
        return (
            f"{self.decoded} pictures in {sum(self.gaps):.1f} s, shown {len(self.gaps) - 1} times, "
            f"longest still {self.longest:.2f} s, {freezes} over 0.5 s, {self.made_up:.2%} of sound made up"
        )


@dataclass
class Pair:
    """Newcomer and officer, each seeing and hearing the other. The newcomer's line is `up` and `down`."""

    relay: UdpRelay
    up: Link
    down: Link
    newcomer: Person
    officer: Person
    newcomer_id: str
    officer_id: str

    async def watch(self, seconds: float) -> list[Seen]:
        """What the newcomer and the officer get within so many seconds of sound."""
        both = await asyncio.gather(
            self._watch(self.newcomer, self.officer_id, seconds),
            self._watch(self.officer, self.newcomer_id, seconds),
        )
        print(*both, sep="\n")
        return both

    async def _watch(self, person: Person, other: str, seconds: float) -> Seen:
        await person.page.evaluate(WATCH, "stage-video")
        wanted = {"participant": other, "seconds": seconds}
        came = await person.until(LASTS, wanted, deadline=3 * seconds + 10)
        return Seen(await person.page.evaluate(GAPS), **came)


@fixture()
async def relay() -> AsyncIterator[UdpRelay]:
    port = free_port(SOCK_DGRAM)
    up, down = Link(1, delay=DELAY), Link(2, delay=DELAY)
    opened = await UdpRelay.open((INSIDE, port), up=up, down=down, listen=(OUTSIDE, port))
    yield opened
    opened.close()


@fixture()
async def running(tmp_path: Path, relay: UdpRelay) -> AsyncIterator[Service]:
    demand_pages()
    _, port = relay.target
    listen = [{"ip": INSIDE, "announced": OUTSIDE}]
    async with service(tmp_path, media_port=port, media_listen=listen) as started:
        yield started


@dataclass
class Line:
    conditions: dict[str, Any]
    may_be_made_up: float


@pytest.fixture
def line(request: pytest.FixtureRequest) -> Line:
    return Line(*LOSSES[request.param]) if hasattr(request, "param") else Line({}, 0.0)


@fixture()
async def pair(meeting: Meeting, relay: UdpRelay, line: Line) -> Pair:
    """The newcomer's line is as bad as it will be from the first packet on."""
    officer = await meeting.arrive()
    await officer.page.add_init_script(CATCH)
    await officer.enter(await meeting.link("officer", 1, name="Erik Lind"))
    await officer.until(CONNECTED)
    await meeting.start(1)
    relay.up, relay.down = (Link(seed, delay=DELAY, **line.conditions) for seed in (3, 4))
    newcomer = await meeting.person("newcomer", name="Samira")
    ids = await newcomer.participant(), await officer.participant()
    found = Pair(relay, relay.up, relay.down, newcomer, officer, *ids)
    await officer.sees(found.newcomer_id, deadline=20)
    await newcomer.sees(found.officer_id, deadline=20)
    return found


@pytest.mark.parametrize("line", LOSSES, indirect=True)
async def test_pictures_and_sound_go_on_while_a_tenth_is_lost_each_way(pair: Pair, line: Line) -> None:
    await pair.watch(SETTLED)
    for _ in range(TIMES):
        both = await pair.watch(WATCHED)
        for seen in both:
            assert seen.decoded >= 4 * WATCHED
            assert seen.longest < STILL
        made_up = sum(seen.made_up for seen in both) / len(both)
        if made_up < line.may_be_made_up:
            break
    assert made_up < line.may_be_made_up
    for link in (pair.up, pair.down):
        assert link.lost > 0.05 * link.offered


async def test_a_path_that_looks_well_and_brings_nothing_is_left_for_another_by_itself(pair: Pair) -> None:
    await pair.watch(1)
    pair.relay.hollow()
    for person, other in ((pair.newcomer, pair.officer_id), (pair.officer, pair.newcomer_id)):
        await person.until(SOUND_AGAIN, other, deadline=25, what="no sound")
        await expect(person.page.get_by_test_id("media-repaired")).to_have_count(0, timeout=25_000)
        assert "media.restartIce" in person.calls
    for seen in await pair.watch(3):
        assert seen.decoded >= 12
    for person in (pair.newcomer, pair.officer):
        assert len(person.sockets) == 1


async def test_sound_is_back_by_another_address_whether_the_browser_tells_of_the_change_or_not(
    pair: Pair,
) -> None:
    page = pair.newcomer.page
    for told in (True, False):
        restarts = pair.newcomer.calls.count("media.restartIce")
        pair.relay.abandon(pair.up)
        began = time.monotonic()
        if told:
            await page.evaluate(TOLD)
        await pair.newcomer.until(SOUND_AGAIN, pair.officer_id, deadline=20, what="no sound")
        took = time.monotonic() - began
        print(f"sound back after {took:.2f} s, told: {told}")
        assert pair.newcomer.calls.count("media.restartIce") >= restarts + 1
    assert len(pair.newcomer.sockets) == 1
    await pair.officer.hears(pair.newcomer_id)


async def test_after_a_short_outage_everything_goes_on_as_it_was(pair: Pair) -> None:
    for link in (pair.up, pair.down):
        link.outages.append((pair.relay.now + 1, pair.relay.now + 1 + OUT))
    during = await pair.watch(2 * OUT + 2)
    after = await pair.watch(3)
    for seen, then in zip(during, after, strict=True):
        assert OUT - 0.5 < seen.longest < OUT + STILL
        assert then.longest < STILL
        assert seen.ids == then.ids
    for person in (pair.newcomer, pair.officer):
        assert await person.connection() == "joined"
        assert len(person.sockets) == 1


async def test_who_is_far_and_loses_a_fifth_hears_nearly_all_of_it(
    meeting: Meeting, relay: UdpRelay, running: Service
) -> None:
    """There, what is asked for again comes late: frames are sent twice or three times (RED)."""
    newcomer = await meeting.raw("newcomer", sends=False)
    await newcomer.produce("audio")
    await meeting.start(1)
    down = relay.down = Link(6, delay=FAR / 2, loss=FAR_LOSS)
    relay.up = Link(5, delay=FAR / 2)
    officer = await meeting.person("officer", 1, name="Erik Lind")
    wanted = {"participant": newcomer.participant, "seconds": HEARD, "share": UNPROTECTED}
    heard = await officer.until(LITTLE_MADE_UP, wanted, deadline=40)
    told = await running.services.hub.workers.all[0].call(lambda worker: worker.stats(meeting.id))
    [sound] = [each for each in told["consumers"] if each["owner"] == newcomer.participant]
    print(f"{down.lost / down.offered:.1%} lost, {heard['made_up']:.1%} made up, {sound}")
    assert down.lost > FAR_LOSS * 0.8 * down.offered
    assert sound["redundant"] > sound["packets"] / 4


@pytest.mark.timeout(300)
async def test_on_a_line_that_becomes_narrow_sound_stays_whole_and_the_picture_is_smaller_until_it_is_wide(
    meeting: Meeting, relay: UdpRelay
) -> None:
    newcomer = await meeting.arrive()
    await newcomer.page.add_init_script(CATCH)
    await newcomer.page.goto(f"{await meeting.link('newcomer', name='Samira')}?picture=640x360@10")
    await newcomer.join()
    await newcomer.until(CONNECTED)
    relay.up, relay.down = Link(7, delay=DELAY), Link(8, delay=DELAY)
    officer = await meeting.person("officer", 1, name="Erik Lind")
    await meeting.start(1)
    participant = await newcomer.participant()
    await officer.sees(participant, deadline=20)

    async def shows(width: int) -> None:
        wanted = {"testid": "stage-video", "width": width}
        await officer.until(SHOWN, wanted, deadline=RISES, what=f"a picture {width} wide")

    await shows(640)
    relay.down.rate = NARROW
    await shows(320)
    wanted = {"participant": participant, "seconds": WHOLE, "share": UNPROTECTED}
    print(await officer.until(LITTLE_MADE_UP, wanted, deadline=20))
    await officer.sees(participant)
    relay.down.rate = None
    await shows(640)
    await officer.sees(participant)
