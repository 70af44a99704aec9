"""Every page can be read by programs, fits a narrow screen, and is used with a keyboard."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from signaling import staff
from tests.e2e.people import Arrive, Meeting, Person, reach
from tests.support.service import SITE, Service

NARROW = {"width": 320, "height": 640}
WIDE = {"width": 1280, "height": 800}

Open = Callable[[Meeting], Awaitable[Person]]


async def join_page(meeting: Meeting) -> Person:
    person = await meeting.arrive()
    await person.open(await meeting.link("newcomer"))
    await expect(person.find("join-button")).to_be_visible()
    return person


async def host(meeting: Meeting) -> Person:
    """With somebody in the room and somebody in the lobby."""
    await in_station(meeting)
    waiting = await meeting.raw("officer", 2, name="Maria Berg", sends=False)
    person = await meeting.person("host", name="Karin Ek")
    await expect(person.find("lobby-person")).to_have_count(1)
    await person.sees(await officer_in_room(person))
    assert waiting.consumers == []
    return person


async def newcomer_in_arabic(meeting: Meeting) -> Person:
    person = await meeting.person("newcomer", name="Samira", language="ar")
    await meeting.raw("officer", 1, name="Erik Lind")
    await meeting.start(1)
    await person.sees(await officer_in_room(person))
    await expect(person.page.locator("html")).to_have_attribute("dir", "rtl")
    await expect(person.page.locator("html")).to_have_attribute("lang", "ar")
    return person


async def newcomer_between(meeting: Meeting) -> Person:
    person = await meeting.person("newcomer", name="Samira", language="ar")
    await expect(person.find("ready")).to_be_visible()
    return person


async def officer_in_lobby(meeting: Meeting) -> Person:
    person = await meeting.person("officer", 1, name="Erik Lind")
    await expect(person.find("lobby")).to_be_visible()
    return person


async def late_officer(meeting: Meeting) -> Person:
    await in_station(meeting)
    person = await meeting.arrive()
    await person.open(await meeting.link("officer", 1, name="Per Sandin"))
    await person.press("join-button")
    await expect(person.find("officer-entry")).to_be_visible(timeout=20_000)
    await expect(person.find("self-video")).to_be_visible(timeout=20_000)
    return person


async def officer(meeting: Meeting) -> Person:
    newcomer = await meeting.raw("newcomer", name="Samira")
    person = await meeting.person("officer", 1, name="Erik Lind")
    await meeting.start(1)
    await person.sees(newcomer.participant)
    await person.says("välkommen")
    return person


async def interpreter(meeting: Meeting) -> Person:
    await in_station(meeting)
    person = await meeting.person("interpreter", name="Layla Haddad")
    await person.sees(await officer_in_room(person))
    return person


async def staff_home(meeting: Meeting) -> Person:
    person = await signed_in(meeting.service, meeting.arrive)
    await expect(person.find("meeting-row")).to_have_count(1)
    return person


async def new_meeting(meeting: Meeting) -> Person:
    person = await signed_in(meeting.service, meeting.arrive)
    await person.press("new-meeting")
    await person.press("next")
    await expect(person.find("alias")).to_be_focused()
    return person


async def stations_of_a_new_meeting(meeting: Meeting) -> Person:
    person = await new_meeting(meeting)
    await person.find("alias").fill("Samira")
    await person.find("language-choice").select_option("ar")
    await person.press("next")
    await person.press("add-break")
    await expect(person.find("draft-break")).to_be_visible()
    return person


async def links_of_a_new_meeting(meeting: Meeting) -> Person:
    person = await stations_of_a_new_meeting(meeting)
    await person.press("next")
    await person.press("interpreter-none")
    await person.press("next")
    await expect(person.find("copy-all")).to_be_enabled()
    return person


async def signed_in(running: Service, arrive: Arrive) -> Person:
    link = await running.services.staff.create_link(
        staff.Person(sub="lena", name="Lena Ek", role="host", sites=(SITE,))
    )
    person = await arrive()
    await person.open(link.url)
    await person.press("sign-in")
    await expect(person.find("new-meeting")).to_be_visible()
    return person


async def in_station(meeting: Meeting) -> None:
    await meeting.raw("newcomer", name="Samira")
    await meeting.raw("officer", 1, name="Erik Lind")
    await meeting.start(1)


async def officer_in_room(person: Person) -> str:
    found: str = await person.until(
        """() => window.__motesrum.snapshot.participants
             .find((one) => one.role === 'officer' && one.phase === 'room')?.id"""
    )
    return found


async def violations(page: Page) -> list[str]:
    """What axe calls serious or critical, each with the elements that it is about."""
    found: dict[str, Any] = (await Axe().run(page)).response
    return [
        f"{one['id']}: {', '.join(str(node['target'][0]) for node in one['nodes'])}"
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
    ]


async def too_wide(page: Page) -> list[str]:
    """Elements that make the page scroll sideways; empty where it fits."""
    found: list[str] = await page.evaluate(
        """() => document.documentElement.scrollWidth <= innerWidth ? [] :
          [`${document.documentElement.scrollWidth} of ${innerWidth} px`,
            ...[...document.querySelectorAll('#app *')]
              .filter((one) => one.getBoundingClientRect().right > innerWidth + 1)
              .map((one) => `${one.tagName.toLowerCase()}.${one.getAttribute('class')}`).slice(0, 12)]"""
    )
    return found


async def test_what_is_wrong_is_found(arrive: Arrive) -> None:
    """These checks would notice."""
    person = await arrive(viewport=NARROW)
    await person.page.set_content("<p id=app><img src='data:,'><input style='width: 400px'>")
    found = {one.partition(":")[0] for one in await violations(person.page)}
    assert found >= {"html-has-lang", "image-alt", "label"}
    assert await too_wide(person.page) != []


PAGES: list[Open] = [
    join_page,
    host,
    newcomer_in_arabic,
    newcomer_between,
    officer_in_lobby,
    late_officer,
    officer,
    interpreter,
    staff_home,
    new_meeting,
    stations_of_a_new_meeting,
    links_of_a_new_meeting,
]


@pytest.mark.parametrize("page_of", PAGES, ids=lambda page_of: page_of.__name__)
async def test_a_page_is_accessible_and_fits(page_of: Open, meeting: Meeting) -> None:
    person = await page_of(meeting)
    assert await violations(person.page) == []
    await person.page.set_viewport_size(NARROW)  # type: ignore[arg-type]
    assert await too_wide(person.page) == []
    assert await violations(person.page) == []


async def test_the_main_actions_are_reached_and_pressed_with_a_keyboard(meeting: Meeting) -> None:
    officer = await meeting.raw("officer", 1, name="Erik Lind")
    await officer.act("meeting.ready", ready=True)
    newcomer = await join_page(meeting)
    await reach(newcomer, newcomer.find("join-button"))
    await newcomer.page.keyboard.press("Enter")
    await expect(newcomer.find("role-view")).to_be_visible()

    host = await meeting.arrive()
    await host.enter(await meeting.link("host", name="Karin Ek"))
    await reach(host, host.find("start-station-1"))
    await host.page.keyboard.press("Enter")
    await newcomer.sees(officer.participant)

    await reach(newcomer, newcomer.find("pause"))
    await newcomer.page.keyboard.press("Space")
    await expect(newcomer.find("meeting-paused")).to_be_visible()
    await reach(newcomer, newcomer.find("resume"))
    await newcomer.page.keyboard.press("Enter")
    await newcomer.sees(officer.participant)

    await reach(host, host.find("chat-input"))
    await host.page.keyboard.type("hej")
    await host.page.keyboard.press("Enter")
    await host.reads("hej")

    await host.page.evaluate("document.activeElement.blur()")
    await reach(host, host.find("end-meeting"))
    await host.page.keyboard.press("Enter")
    await expect(host.find("confirm")).to_be_visible()
    await host.page.keyboard.press("Escape")
    await expect(host.find("confirm")).to_have_count(0)
    await expect(host.find("end-meeting")).to_be_focused()
    await host.page.keyboard.press("Enter")
    await reach(host, host.find("confirm"))
    await host.page.keyboard.press("Enter")
    await expect(newcomer.find("meeting-ended")).to_be_visible()
