"""People at pages of the service: what they see, hear and press, said in words."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import pytest
from playwright.async_api import Locator, Page, WebSocket, expect

from tests.support.raw_client import RawClient
from tests.support.service import Service

INDEX = Path(__file__).parents[2] / "web" / "dist" / "index.html"
SMALL = "picture=320x180@10"
MOST_TABS = 60

NOTE_DEVICES = """
window.__own = [];
const ask = navigator.mediaDevices?.getUserMedia?.bind(navigator.mediaDevices);
if (ask) navigator.mediaDevices.getUserMedia = async (wanted) => {
  const stream = await ask(wanted);
  window.__own.push(...stream.getTracks());
  return stream;
};
"""
"""Remembers every track that the page was given, in `window.__own`."""

POLL = """async ([limit, value]) => {
  const holds = %s;
  const end = performance.now() + limit;
  for (;;) {
    const seen = await holds(value);
    if (seen) return {seen, at: Date.now()};
    if (performance.now() > end) return null;
    await new Promise((next) => setTimeout(next, 30));
  }
}"""

MOVING = """(() => {
  let first = null;
  return async ({testid, participant, source}) => {
    const video = document.querySelector(`[data-testid="${testid}"]`);
    const stats = await window.__motesrum.stats();
    const one = stats.find((each) => each.participant === participant && each.source === source);
    if (!one?.framesDecoded || !video?.videoWidth || !video.checkVisibility()) return void (first = null);
    first ??= {frames: one.framesDecoded, time: video.currentTime};
    const frames = one.framesDecoded - first.frames;
    return frames >= 3 && video.currentTime > first.time
      && {frames, width: video.videoWidth, height: video.videoHeight, shown: video.clientWidth};
  };
})()"""

SOUNDING = """(() => {
  let first = null, loudest = 0;
  return async ({participant, source}) => {
    const stats = await window.__motesrum.stats();
    const one = stats.find((each) => each.participant === participant && each.source === source);
    if (!one?.packetsReceived) return void (first = null);
    first ??= one;
    loudest = Math.max(loudest, one.level);
    const packets = one.packetsReceived - first.packetsReceived;
    const samples = one.totalSamplesReceived - first.totalSamplesReceived;
    return packets >= 10 && samples > 0 && loudest > 0.003 && {packets, samples, loudest};
  };
})()"""

REMOTE_PICTURES = """[...document.querySelectorAll('video:not([data-testid="self-video"])')]
  .filter((video) => video.srcObject?.getTracks().some((track) => track.readyState === 'live')).length"""


def demand_pages() -> None:
    if not INDEX.is_file():
        pytest.fail("web/dist is missing: run `npm run build` in web/, or `make web`", pytrace=False)


@dataclass
class Person:
    """`sockets` are the page's WebSockets in the order in which they were opened, `calls` the methods that it
    has called on them."""

    page: Page
    sockets: list[WebSocket] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    @classmethod
    async def at(cls, page: Page) -> Self:
        person = cls(page)
        page.on("websocket", person._connected)
        await page.add_init_script(NOTE_DEVICES)
        return person

    def _connected(self, socket: WebSocket) -> None:
        self.sockets.append(socket)
        socket.on("framesent", lambda frame: self.calls.append(json.loads(frame)["method"]))

    def find(self, testid: str) -> Locator:
        return self.page.get_by_test_id(testid)

    async def press(self, testid: str) -> None:
        await self.find(testid).click()

    async def open(self, link: str) -> None:
        await self.page.goto(f"{link}?{SMALL}")

    async def open_address(self, address: str) -> None:
        """One that has something behind a `#`."""
        place, mark, rest = address.partition("#")
        await self.page.goto(f"{place}?{SMALL}{mark}{rest}")

    async def enter(self, link: str) -> None:
        """Open the link, press "Join", and be in the meeting."""
        await self.open(link)
        await self.join()

    async def join(self) -> None:
        """Whoever comes late to a station looks at themselves first."""
        await self.press("join-button")
        inside, ahead = self.find("role-view"), self.find("step-in")
        await expect(inside.or_(ahead)).to_be_visible()
        if await ahead.is_visible():
            await ahead.click()
        await expect(inside).to_be_visible()

    async def until(
        self, condition: str, value: Any = None, *, deadline: float = 10.0, what: str = ""
    ) -> Any:
        """What the function gave when it was first true; `condition` is its source, it may be async."""
        found = await self._poll(condition, value, deadline)
        assert found is not None, f"not within {deadline} s: {what or condition}"
        return found["seen"]

    async def _poll(self, condition: str, value: Any, deadline: float) -> Any:
        async with asyncio.timeout(deadline + 10):
            return await self.page.evaluate(POLL % condition, [deadline * 1000, value])

    async def sees(
        self, participant: str, testid: str = "stage-video", source: str = "camera", deadline: float = 10.0
    ) -> dict[str, Any]:
        """A moving picture of that participant: frames are decoded and the element plays them.

        The answer has `frames`, `width` and `height` of the picture, `shown` (its width on the page) and
        `at`, the instant in milliseconds of the machine's clock.
        """
        wanted = {"testid": testid, "participant": participant, "source": source}
        found = await self._poll(MOVING, wanted, deadline)
        assert found is not None, (
            f"no moving picture of {participant} within {deadline} s: {await self.stats()}"
        )
        return {**found["seen"], "at": found["at"]}

    async def hears(
        self, participant: str, source: str = "microphone", deadline: float = 15.0
    ) -> dict[str, Any]:
        """Sound of that participant that is louder than nothing."""
        found = await self._poll(SOUNDING, {"participant": participant, "source": source}, deadline)
        assert found is not None, f"no sound of {participant}: {await self.stats()}"
        return dict(found["seen"])

    async def receives_nothing(self, deadline: float = 5.0) -> None:
        """No consumer is left, and no picture but their own has a live track."""
        await self.until(
            f"async () => (await window.__motesrum.stats()).length === 0 && {REMOTE_PICTURES} === 0",
            deadline=deadline,
            what=f"something is still received: {await self.stats()}",
        )

    async def stats(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = await self.page.evaluate("window.__motesrum.stats()")
        return found

    async def snapshot(self) -> dict[str, Any]:
        found: dict[str, Any] = await self.page.evaluate("window.__motesrum.snapshot")
        return found

    async def participant(self) -> str:
        found: str = await self.page.evaluate("window.__motesrum.snapshot.you.participant")
        return found

    async def connection(self) -> str:
        found: str = await self.page.evaluate("window.__motesrum.connection")
        return found

    async def in_phase(self, phase: str, deadline: float = 5.0) -> None:
        await expect(self.find(f"phase-{phase}")).to_be_visible(timeout=deadline * 1000)

    async def starts(self, station: int, testid: str | None = None) -> None:
        """A host's press, and the second one where somebody is missing or would be cut off."""
        await self.press(testid or f"start-station-{station}")
        active = self.page.locator(f"[data-testid=station-{station}][data-state=active]")
        await expect(self.find("confirm").or_(active).first).to_be_visible()
        if await self.find("confirm").is_visible():
            await self.press("confirm")

    async def own_tracks(self) -> list[str]:
        """`live` or `ended` for every track that the browser has given to the page."""
        found: list[str] = await self.page.evaluate("window.__own.map((track) => track.readyState)")
        return found

    async def says(self, text: str) -> None:
        await self.find("chat-input").fill(text)
        await self.press("chat-send")
        await self.reads(text)

    async def reads(self, text: str) -> None:
        await expect(self.find("chat-message").filter(has_text=text)).to_have_count(1)

    async def messages(self) -> list[str]:
        return [message["text"] for message in (await self.snapshot())["messages"]]


async def reach(person: Person, wanted: Locator) -> None:
    """Tab from the top of the page until the wanted element has the focus, and shows it."""
    await expect(wanted).to_be_visible()
    for _ in range(MOST_TABS):
        await person.page.keyboard.press("Tab")
        if await wanted.evaluate("(element) => element === document.activeElement"):
            break
    await expect(wanted).to_be_focused()
    outlined = "(element) => getComputedStyle(element).outlineStyle + getComputedStyle(element).boxShadow"
    assert await wanted.evaluate(outlined) != "nonenone", "the focus cannot be seen"


Arrive = Callable[..., Awaitable[Person]]


@dataclass
class Meeting:
    """A meeting with two agencies, skatteverket in station 1 and försäkringskassan in station 2."""

    service: Service
    data: dict[str, Any]
    arrive: Arrive
    stack: AsyncExitStack

    @property
    def id(self) -> str:
        return str(self.data["id"])

    def _booking(self, role: str, station: int | None, more: dict[str, Any]) -> dict[str, Any]:
        if station is None:
            return more
        agency = self.data["stations"][station - 1]["agency"]
        return {"agency": agency, "station": station, **more}

    async def link(self, role: str, station: int | None = None, **more: Any) -> str:
        made = await self.service.invite(self.id, role, **self._booking(role, station, more))
        return str(made["url"])

    async def person(self, role: str, station: int | None = None, **more: Any) -> Person:
        """In Chromium, in a browser of their own."""
        person = await self.arrive()
        await person.enter(await self.link(role, station, **more))
        return person

    async def raw(
        self, role: str, station: int | None = None, *, sends: bool = True, **more: Any
    ) -> RawClient:
        """Without a browser; sends sound and picture."""
        client = await self.service.joined(self.id, role, **self._booking(role, station, more))
        await self.stack.enter_async_context(client)
        await client.open_transports()
        if sends:
            await client.produce("audio", "interpretation" if role == "interpreter" else None)
            await client.produce("video")
        return client

    async def start(self, station: int) -> None:
        await self.service.rest("POST", f"/meetings/{self.id}/stations/{station}/start")
