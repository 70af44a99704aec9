"""The line of a whole office is blocked, or becomes another one: everybody there is back where they were."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from socket import SOCK_DGRAM
from urllib.parse import urlsplit

import pytest
from playwright.async_api import expect

from tests.e2e.conftest import ExpectError, fixture
from tests.e2e.people import INDEX, Arrive, Meeting, Person, demand_pages, reach
from tests.e2e.process import free_port
from tests.support.raw_client import RawClient
from tests.support.relay import Link, TcpRelay, UdpRelay
from tests.support.roster import demand_once
from tests.support.service import service

INSIDE, OUTSIDE = "127.0.0.1", "127.0.0.2"
"""Where the worker listens, and where pages are told that it does: there the relay is."""
BLOCKED = {"silently": 5.0, "openly": 10.0}
BACK = 40.0
LANGUAGES = ("ar", "sv")
"""Of the newcomer's page, and of the officer's."""
LOCALES = INDEX.parents[1] / "src" / "locales"

NOTED = r"WebSocket connection to .* failed"
WHY = "the browser notes attempts over a line that is cut"

NOTE_SAID = """
window.__said = new Set();
new MutationObserver(() => {
  for (const banner of document.querySelectorAll('[aria-live="polite"] .banner')) {
    window.__said.add(banner.innerText.trim());
  }
}).observe(document, {childList: true, subtree: true, characterData: true});
"""
"""Remembers every banner that the page has shown."""


def words(language: str) -> dict[str, str]:
    """What pages say of their line."""
    said: dict[str, str] = json.loads((LOCALES / language / "status.json").read_text("utf-8"))["status"]
    return said


@dataclass
class Office:
    """All that its pages send and get goes through two relays: HTTP with the WebSockets, and media."""

    meeting: Meeting
    http: TcpRelay
    media: UdpRelay

    async def blocked(self, how: str) -> None:
        """Returns when it is over. Silently: all is swallowed; openly: connections are cut and refused."""
        self.media.up.block_udp = self.media.down.block_udp = True
        if how == "silently":
            self.http.stall()
        else:
            self.http.refuses = True
            self.http.cut()
        over = asyncio.Event()
        asyncio.get_running_loop().call_later(BLOCKED[how], over.set)
        await over.wait()
        self.media.up.block_udp = self.media.down.block_udp = False
        self.http.refuses = False
        self.http.go_on()

    def moves(self) -> None:
        """To another network: connections are cut, and the addresses that the pages had are dead."""
        self.media.abandon()
        self.http.cut()


@fixture()
async def office(tmp_path: Path, arrive: Arrive) -> AsyncIterator[Office]:
    demand_pages()
    async with AsyncExitStack() as stack:
        http = await TcpRelay.open((INSIDE, 0))
        stack.push_async_callback(http.close)
        port = free_port(SOCK_DGRAM)
        media = await UdpRelay.open((INSIDE, port), up=Link(1), down=Link(2), listen=(OUTSIDE, port))
        stack.callback(media.close)
        running = await stack.enter_async_context(
            service(
                tmp_path,
                public_url=f"http://localhost:{http.address[1]}",
                media_port=port,
                media_listen=[{"ip": INSIDE, "announced": OUTSIDE}],
            )
        )
        http.target = INSIDE, urlsplit(running.url).port or 0
        yield Office(Meeting(running, await running.meeting(), arrive, stack), http, media)


@dataclass
class Place:
    """Newcomer and officer at the office, in the first station; the host, without media, is elsewhere."""

    people: tuple[Person, Person]
    ids: tuple[str, str]
    host: RawClient
    consumers: list[list[str]]
    transports: list[int]
    """How many each has asked for: one fewer where it came along with joining."""

    @classmethod
    async def taken(cls, office: Office) -> "Place":
        host = await office.meeting.stack.enter_async_context(
            await office.meeting.service.joined(office.meeting.id, "host")
        )
        newcomer = await office.meeting.person("newcomer", name="Samira")
        officer = await office.meeting.person("officer", 1, name="Erik Lind")
        for person in (newcomer, officer):
            await person.page.evaluate(NOTE_SAID)
        await office.meeting.start(1)
        place = cls(
            (newcomer, officer), (await newcomer.participant(), await officer.participant()), host, [], []
        )
        await place.see_and_hear()
        place.consumers = [await place.receives(person) for person in place.people]
        place.transports = place.asked()
        return place

    async def see_and_hear(self) -> None:
        for person, other in zip(self.people, reversed(self.ids), strict=True):
            await person.sees(other, deadline=BACK)
            await person.hears(other, deadline=BACK)

    def asked(self) -> list[int]:
        return [person.calls.count("media.createTransport") for person in self.people]

    async def receives(self, person: Person) -> list[str]:
        return sorted(each["id"] for each in await person.stats())

    async def demand_kept(self) -> None:
        """The same people in the same place with the media that they had, each once in every roster."""
        for person, who in zip(self.people, self.ids, strict=True):
            await expect(person.find("connection-lost")).to_have_count(0, timeout=BACK * 1000)
            assert await person.connection() == "joined"
            assert await person.participant() == who
            await expect(person.find("role-view")).to_be_visible()
        await self.see_and_hear()
        assert [await self.receives(person) for person in self.people] == self.consumers
        for snapshot in [self.host.snapshot, *[await person.snapshot() for person in self.people]]:
            for who in self.ids:
                demand_once(snapshot, who)
        for person in self.people:
            assert person.calls.count("session.join") == 1
        assert self.asked() == self.transports

    async def said(self) -> list[set[str]]:
        return [set(await person.page.evaluate("[...window.__said]")) for person in self.people]


@pytest.mark.parametrize("how", ["silently", "openly"])
async def test_when_all_of_the_line_is_blocked_for_a_while_everybody_is_back_in_their_place(
    office: Office, expect_error: ExpectError, how: str
) -> None:
    expect_error(NOTED, WHY)
    place = await Place.taken(office)
    newcomer, _ = place.people
    await reach(newcomer, newcomer.find("pause"))
    blocked = asyncio.create_task(office.blocked(how))
    for person, language in zip(place.people, LANGUAGES, strict=True):
        await expect(person.find("connection-lost")).to_have_text(words(language)["lost"])
    assert not blocked.done()
    await place.host.act("chat.send", text="hör ni mig?")
    await blocked
    await place.demand_kept()
    for person in place.people:
        await person.until(
            "(text) => window.__motesrum.snapshot.messages.some((one) => one.text === text)", "hör ni mig?"
        )
    for said, told in zip(await place.said(), map(words, LANGUAGES), strict=True):
        assert said >= {told["lost"], told["back"]}
    await expect(newcomer.find("pause")).to_be_focused()
    await newcomer.page.keyboard.press("Enter")
    await expect(newcomer.find("resume")).to_be_focused()


async def test_who_changes_to_another_network_keeps_their_media_by_an_ice_restart(
    office: Office, expect_error: ExpectError
) -> None:
    expect_error(NOTED, WHY)
    place = await Place.taken(office)
    office.moves()
    for person in place.people:
        await person.until("() => window.__motesrum.connection === 'joined'", deadline=BACK)
    for person in place.people:
        await person.until(
            """async (ids) => {
              const moved = {};
              for (const one of await window.__motesrum.stats()) moved[one.id] = one.packetsReceived;
              await new Promise((next) => setTimeout(next, 200));
              return (await window.__motesrum.stats()).every(
                (one) => ids.includes(one.id) && one.packetsReceived > moved[one.id]);
            }""",
            place.consumers[place.people.index(person)],
            deadline=BACK,
        )
    await place.demand_kept()
    assert all(person.calls.count("media.restartIce") >= 1 for person in place.people)
