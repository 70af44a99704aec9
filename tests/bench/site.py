"""A meeting of `motesrum serve` to which things happen: a newcomer who sends sound and a host who notes every
packet of it, both raw clients, and the page of an officer in Chromium, behind two relays."""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from socket import SOCK_DGRAM
from typing import Any, cast

import aiohttp
from playwright.async_api import Browser

from signaling.app import WORKER_SOCKET, make_tokens
from signaling.client import Received
from signaling.keys import KeyFolder
from signaling.services import Services
from tests.e2e.conftest import VIEWPORT
from tests.e2e.people import Person
from tests.e2e.process import Motesrum, free_port
from tests.support import processes
from tests.support.gaps import Gap, gap, note_what_is_sent
from tests.support.raw_client import RawClient
from tests.support.relay import Link, TcpRelay, UdpRelay
from tests.support.service import SITE, Service, settings_for

BACK = 60.0
BEFORE = 500_000_000
"""Nanoseconds before an instant, from which a gap is looked for."""
INSIDE, OUTSIDE = "127.0.0.1", "127.0.0.2"
"""Where the worker listens, and where pages are told that it does: there the relay is."""

WATCH_STATES = """() => {
  const {__motesrum: page} = window;
  let before = page.connection;
  window.__states = [];
  clearInterval(window.__watching);
  window.__watching = setInterval(() => {
    if (page.connection !== before) window.__states.push([before = page.connection, Date.now()]);
  }, 5);
}"""
RESUMED = """() => {
  const lost = window.__states.findIndex(([state]) => state === 'lost');
  return lost >= 0 && window.__states.slice(lost).find(([state]) => state === 'joined')?.[1];
}"""
HEARD = """(() => {
  let first = null;
  return async ([participant, gone]) => {
    const stats = await window.__motesrum.stats();
    const one = stats.find((each) => each.participant === participant && each.source === 'microphone'
      && !gone.includes(each.id));
    if (!one?.packetsReceived) return void (first = null);
    first ??= one.packetsReceived;
    return one.packetsReceived >= first + 3 && one.level > 0.003 && Date.now();
  };
})()"""
"""When three packets have come on a consumer that is not gone, and it is loud."""


def now() -> float:
    """Milliseconds since the epoch, as pages count them."""
    return time.time() * 1000


class Near(RawClient):
    """Reaches the worker without the relay."""

    async def _transport(self, direction: str) -> Any:
        made = await super()._transport(direction)
        for candidate in made.offer["iceCandidates"]:
            candidate["ip"] = candidate["address"] = INSIDE
        return made


class Running:
    """`motesrum serve`, started again on the same data and ports."""

    def __init__(self, data: Path, public_url: str, http_port: int, media_port: int) -> None:
        self.data, self.http_port, self.media_port = data, http_port, media_port
        config = data / "motesrum.toml"
        config.write_text(f'[[media_listen]]\nip = "{INSIDE}"\nannounced = "{OUTSIDE}"\n')
        self._flags = ("--config", str(config), "--public-url", public_url)
        self.processes: list[Motesrum] = []

    @property
    def process(self) -> Motesrum:
        """The newest."""
        return self.processes[-1]

    async def start(self) -> float:
        """When it took connections."""
        ports = {"http_port": self.http_port, "media_port": self.media_port}
        self.processes.append(Motesrum("serve", self.data, *self._flags, **ports))
        await self.process.__aenter__()
        return now()

    @property
    def worker(self) -> int:
        """The process id."""
        (pid,) = processes.naming(self.data / WORKER_SOCKET)
        return pid


@dataclass
class Place:
    running: Running
    http: TcpRelay
    media: UdpRelay
    newcomer: RawClient
    host: RawClient
    officer: Person
    sent: dict[int, int] = field(default_factory=dict)

    async def settled(self) -> Received:
        """Everybody hears the newcomer; the consumer of the host. From here on is watched what happens."""
        heard = await self.host.wait_for_consumer("microphone", self.newcomer.participant, deadline=BACK)
        at = time.time_ns()
        await self.host.wait_for(lambda: len(self.host.packets(heard, after=at)) > 10, BACK)
        await self.hears()
        await self.officer.page.evaluate(WATCH_STATES)
        self.sent.clear()
        at = time.time_ns() + BEFORE
        await self.host.wait_for(lambda: self.host.packets(heard, after=at), BACK)
        return heard

    async def hears(self, gone: Sequence[str] = ()) -> float:
        """When the officer's page hears the newcomer, on a consumer that is not gone."""
        wanted = [self.newcomer.participant, list(gone)]
        return float(await self.officer.until(HEARD, wanted, deadline=BACK, what="no sound"))

    async def consumers(self) -> list[str]:
        return [str(each["id"]) for each in await self.officer.stats()]

    async def resumed(self) -> float:
        """When the session of the officer's page went on, after it was lost."""
        return float(await self.officer.until(RESUMED, deadline=BACK, what="the page is not back"))

    async def gap(self, heard: Received, since: float) -> Gap:
        """In what the host has heard from just before `since` until now and a little longer."""
        at = time.time_ns() + BEFORE
        await self.host.wait_for(lambda: self.host.packets(heard, after=at), BACK)
        return gap(self.sent, self.host.packets(heard, after=int(since * 1e6) - BEFORE))


@asynccontextmanager
async def place(browser: Browser, data: Path) -> AsyncIterator[Place]:
    async with AsyncExitStack() as stack:
        http_port, media_port = free_port(), free_port(SOCK_DGRAM)
        http = await TcpRelay.open((INSIDE, http_port))
        stack.push_async_callback(http.close)
        listen = OUTSIDE, media_port
        media = await UdpRelay.open((INSIDE, media_port), up=Link(1), down=Link(2), listen=listen)
        stack.callback(media.close)
        public_url = f"http://localhost:{http.address[1]}"
        running = Running(data, public_url, http_port, media_port)
        await running.start()
        stack.push_async_callback(lambda: running.process.stop())
        session = await stack.enter_async_context(aiohttp.ClientSession())
        desk = _desk(data, public_url, f"http://{INSIDE}:{http_port}", session)
        made = await desk.meeting()
        station = made["stations"][0]
        newcomer, host = Near(desk.url), Near(desk.url)
        for client, role in ((newcomer, "newcomer"), (host, "host")):
            await client.join_with_code((await desk.invite(made["id"], role))["code"])
            await stack.enter_async_context(client)
            await client.open_transports()
        await newcomer.produce("audio")
        officer = await _page(stack, browser)
        booking = {"agency": station["agency"], "station": station["number"]}
        await officer.enter((await desk.invite(made["id"], "officer", **booking))["url"])
        await desk.rest("POST", f"/meetings/{made['id']}/stations/{station['number']}/start")
        yield Place(running, http, media, newcomer, host, officer, note_what_is_sent(newcomer))


async def _page(stack: AsyncExitStack, browser: Browser) -> Person:
    context = await browser.new_context(permissions=["camera", "microphone"], viewport=VIEWPORT)
    stack.push_async_callback(context.close)
    return await Person.at(await context.new_page())


def _desk(data: Path, public_url: str, url: str, http: aiohttp.ClientSession) -> Service:
    """REST as a member of staff, without a service of our own in this process."""
    settings = settings_for(data).model_copy(update={"public_url": public_url})
    tokens = make_tokens(settings, KeyFolder(settings.keys))
    token, _ = tokens.issue_staff(sub="lena", name="Lena Ek", role="host", sites=[SITE])
    return Service(cast(Services, None), url, http, token)
