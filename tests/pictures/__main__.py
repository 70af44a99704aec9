"""Pictures of every page: `make screenshots`. They lie in tests/artifacts/screenshots, with an index page."""

import asyncio
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, async_playwright, expect

from signaling import logs
from signaling.staff import Person as Staff
from tests.e2e.conftest import ARTIFACTS, FLAGS, VIEWPORT, chromium
from tests.e2e.gallery import scenes, served, show
from tests.e2e.people import Arrive, Meeting, Person
from tests.pictures.album import Album
from tests.support.service import SITE, Service, service

FOLDER = ARTIFACTS / "screenshots"
LANGUAGES = ("sv", "ar", "ti")
STATIONS = [
    {"agency": "skatteverket", "purpose": "registration", "minutes": 25},
    {"agency": "forsakringskassan", "purpose": "families", "minutes": 25},
    {"agency": "arbetsformedlingen", "purpose": "introduction-programme", "minutes": 25},
]
FOR_NEWCOMERS = ("newcomer", "companion", "ended")


@asynccontextmanager
async def people(browser: Browser) -> AsyncIterator[Arrive]:
    """Each at a browser of their own, closed at the end."""
    async with AsyncExitStack() as stack:

        async def arrive(**options: Any) -> Person:
            context = await browser.new_context(
                permissions=["camera", "microphone"], viewport=VIEWPORT, **options
            )
            stack.push_async_callback(context.close)
            return await Person.at(await context.new_page())

        yield arrive


async def staff(album: Album, running: Service, arrive: Arrive) -> None:
    await running.meeting(alias="Samira", stations=STATIONS)
    link = await running.services.staff.create_link(Staff("lena", "Lena Ek", "host", (SITE,)))
    person = await arrive()
    await person.open(link.url)
    await expect(person.find("sign-in")).to_be_visible()
    await album.take(person.page, "staff link", "sv")
    await person.press("sign-in")
    await expect(person.find("meeting-row").first).to_be_visible()
    await album.take(person.page, "staff start", "sv")
    await person.press("new-meeting")
    await expect(person.page.locator("#content")).to_be_visible()
    await album.take(person.page, "staff new meeting", "sv")
    await person.page.goto(f"{running.url}/no/such/page")
    await expect(person.page.locator("#content")).to_be_visible()
    await album.take(person.page, "not found", "sv")


async def links(album: Album, meeting: Meeting, language: str) -> None:
    person = await meeting.arrive(locale=language)
    await person.open(await meeting.link("newcomer", name="Samira", language=language))
    await expect(person.find("join-button")).to_be_visible()
    await album.take(person.page, "link", language)
    if language == "sv":
        await person.open(await meeting.link("officer", 1, name="Karin Lund"))
        await expect(person.find("link-facts")).to_be_visible()
        await album.take(person.page, "link of an officer", language)
    await person.open(f"{meeting.service.url}/j/AAAAAAAAAAAAAAAAAAAAAA")
    await person.press("join-button")
    await expect(person.find("link-error")).to_be_visible()
    await album.take(person.page, "link unknown", language)


async def day(album: Album, meeting: Meeting, language: str) -> None:
    """A whole meeting; the staff's pages are taken once, in Swedish."""
    newcomer = await meeting.person("newcomer", name="Samira", language=language)
    companion = await meeting.person("companion", name="Yusuf", language=language)
    # With the companion still in the lobby, and nobody else.
    await album.take(newcomer.page, "newcomer alone", language)
    await album.take(companion.page, "companion lobby", language)
    interpreter = await meeting.raw("interpreter", name="Amina Haddad", language="sv")
    lead = await meeting.raw("host", name="Lena Ek", sends=False)
    await lead.call("meeting.admit", participant=await companion.participant())
    await companion.in_phase("room")
    first = await meeting.raw("officer", 1, name="Karin Lund")
    second = await meeting.raw("officer", 2, name="Maria Holm", sends=False)
    pages = {"newcomer": newcomer, "companion": companion}
    if language == "sv":
        pages |= {
            # The same person at a page: it takes the raw client's place.
            "host": await meeting.person("host", name="Lena Ek"),
            "interpreter": await meeting.person("interpreter", name="Senait Tesfay"),
            "officer": await meeting.person("officer", 1, name="Per Sandin"),
        }
        await album.take(pages["host"].page, "host before", language)
        await album.take(pages["officer"].page, "officer lobby", language)
        await album.take(pages["interpreter"].page, "interpreter before", language)

    async def everybody(state: str) -> None:
        for name, person in pages.items():
            await album.take(person.page, f"{name} {state}", language)

    await meeting.start(1)
    await newcomer.sees(first.participant)
    await everybody("talking")
    if language == "sv":
        late = await meeting.arrive(locale=language)
        await late.open(await meeting.link("officer", 1, name="Erik Lind"))
        await late.press("join-button")
        await expect(late.find("officer-entry")).to_be_visible()
        await album.take(late.page, "officer late", language)
    await newcomer.press("more")
    await album.take(newcomer.page, "newcomer more", language)
    await newcomer.press("more")
    if "host" in pages:
        await ask_together(pages["host"].page)
    else:
        await lead.call("meeting.askConsent", stations=[1, 2])
    await expect(newcomer.find("consent-question")).to_be_visible()
    await everybody("while asked")
    await newcomer.press("consent-no")
    await meeting.service.rest("POST", f"/meetings/{meeting.id}/pause")
    await expect(newcomer.find("meeting-paused")).to_be_visible()
    await everybody("paused")
    await meeting.service.rest("POST", f"/meetings/{meeting.id}/resume")
    await meeting.service.rest("POST", f"/meetings/{meeting.id}/stations/1/finish")
    await expect(newcomer.find("stage-video")).to_have_count(0)
    await everybody("between")
    await meeting.service.rest("POST", f"/meetings/{meeting.id}/end")
    await expect(newcomer.find("meeting-ended")).to_be_visible()
    await everybody("ended")
    assert {interpreter.participant, second.participant}


async def ask_together(host: Page) -> None:
    await host.get_by_label("Fler val för Försäkringskassan").click()
    await host.get_by_role("button", name="Be om att ha med Försäkringskassan").click()


async def made_up(album: Album, page: Page) -> None:
    async with served() as gallery:
        for name, address in (await scenes(page, gallery)).items():
            spoken = LANGUAGES if name.startswith(FOR_NEWCOMERS) else LANGUAGES[:1]
            for language in spoken:
                await show(page, address, language)
                await album.take(page, f"gallery {name}", language)


async def take(data: Path) -> Album:
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    album = Album(FOLDER)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium(), args=list(FLAGS), chromium_sandbox=False
        )
        async with service(data) as running, people(browser) as arrive:
            await staff(album, running, arrive)
        for language in LANGUAGES:
            async with (
                service(data / language) as running,
                people(browser) as arrive,
                AsyncExitStack() as stack,
            ):
                made = await running.meeting(alias="Samira", languages=[language], stations=STATIONS)
                meeting = Meeting(running, made, arrive, stack)
                await links(album, meeting, language)
                await day(album, meeting, language)
        async with people(browser) as arrive:
            await made_up(album, (await arrive()).page)
        await browser.close()
    return album


def main() -> None:
    logs.configure("error")
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as data:
        album = asyncio.run(take(Path(data)))
    index = album.write()
    count = sum(len(pictures) for pictures in album.groups.values())
    print(f"{count} pictures in {time.monotonic() - begun:.0f} s: {index}")


if __name__ == "__main__":
    main()
