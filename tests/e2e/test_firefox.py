"""Firefox in a meeting with Chromium and with clients that are no browsers: it sends and it receives."""

from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import Protocol, cast

import pytest
from playwright.async_api import Page

from config.settings import local_addresses
from tests.e2e.conftest import fixture
from tests.e2e.people import SMALL, Meeting, Person, demand_pages
from tests.e2e.sizes import SMALL_TILE, resize, shows
from tests.support.firefox import Firefox, Tab
from tests.support.raw_client import RawClient
from tests.support.service import Service, service

A, B = 1, 2
DEADLINE = 40.0


class Sit(Protocol):
    def __call__(self, link: str, picture: str = ..., /) -> Awaitable[Person]: ...


@fixture()
async def running(tmp_path: Path) -> AsyncIterator[Service]:
    """At every address of this machine, as the demo: Firefox gathers no loopback where there is another."""
    demand_pages()
    listen = [{"ip": ip} for ip in local_addresses()]
    async with service(tmp_path / "data", media_listen=listen) as started:
        yield started


@fixture(scope="module")
async def firefox(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Firefox]:
    async with Firefox(tmp_path_factory.mktemp("firefox")) as started:
        yield started


@fixture()
async def sit_down(firefox: Firefox) -> AsyncIterator[Sit]:
    """`await sit_down(link)`: a person who has opened the link in Firefox, and pressed "Join"."""
    tabs: list[Tab] = []

    async def sit(link: str, picture: str = SMALL) -> Person:
        tab = await firefox.open_tab()
        tabs.append(tab)
        await tab.goto(f"{link}?{picture}")
        await tab.press("join-button")
        person = Person(cast(Page, tab))
        await joined(person)
        return person

    yield sit
    for tab in tabs:
        await tab.close()
    assert firefox.errors == []


async def joined(person: Person) -> None:
    await person.until("() => window.__motesrum?.connection === 'joined'", deadline=DEADLINE)


async def gets(raw: RawClient, participant: str, source: str) -> None:
    """More than a moment of it."""
    consumer = await raw.wait_for_consumer(source, participant, deadline=DEADLINE)
    await raw.wait_for(lambda: len(raw.packets(consumer)) > 20, DEADLINE, f"no {source} of {participant}")


async def test_an_officer_in_firefox_sees_and_hears_and_is_seen_and_heard(
    meeting: Meeting, sit_down: Sit
) -> None:
    newcomer = await meeting.person("newcomer", name="Samira")
    interpreter = await meeting.raw("interpreter", name="Layla Haddad")
    officer = await sit_down(await meeting.link("officer", A, name="Erik Lind"))
    one, other = await newcomer.participant(), await officer.participant()
    await meeting.start(A)
    await officer.sees(one, deadline=DEADLINE)
    await officer.hears(one, deadline=DEADLINE)
    await officer.hears(interpreter.participant, "interpretation", DEADLINE)
    await newcomer.sees(other, deadline=DEADLINE)
    await newcomer.hears(other, deadline=DEADLINE)
    for source in ("camera", "microphone"):
        await gets(interpreter, other, source)

    await meeting.start(B)
    await officer.receives_nothing()
    await meeting.start(A)
    await officer.sees(one, deadline=DEADLINE)
    await newcomer.sees(other, deadline=DEADLINE)

    await cast(Tab, officer.page).reload()
    await cast(Tab, officer.page).press("join-button")
    await joined(officer)
    assert await officer.participant() == other
    await officer.sees(one, deadline=DEADLINE)
    await newcomer.sees(other, deadline=DEADLINE)
    await newcomer.hears(other, deadline=DEADLINE)


async def test_a_newcomer_in_firefox_sees_and_hears_and_is_seen_and_heard(
    meeting: Meeting, sit_down: Sit
) -> None:
    newcomer = await sit_down(await meeting.link("newcomer", name="Samira"))
    officer = await meeting.person("officer", A, name="Erik Lind")
    one, other = await newcomer.participant(), await officer.participant()
    await meeting.start(A)
    large = await newcomer.sees(other, deadline=DEADLINE)
    assert large["shown"] > 600
    await newcomer.hears(other, deadline=DEADLINE)
    await officer.sees(one, deadline=DEADLINE)
    await officer.hears(one, deadline=DEADLINE)


async def test_firefox_sends_its_camera_in_two_sizes_and_each_page_gets_the_one_that_it_shows(
    meeting: Meeting, sit_down: Sit
) -> None:
    newcomer = await sit_down(await meeting.link("newcomer", name="Samira"), "picture=640x360@10")
    officer = await meeting.person("officer", A, name="Erik Lind")
    await meeting.start(A)
    await officer.sees(await newcomer.participant(), deadline=DEADLINE)
    await shows(officer, 640)
    await resize(officer, SMALL_TILE)
    await shows(officer, 320)
    await resize(officer)
    await shows(officer, 640)
