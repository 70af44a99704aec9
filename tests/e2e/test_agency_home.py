"""An agency's administrator keeps its keys, takes an officer back, and sees who could hear whom."""

import json
from pathlib import Path

from playwright.async_api import expect

from signaling.staff import Person as Staff
from tests.e2e.conftest import ExpectError
from tests.e2e.people import Arrive, Meeting, Person
from tests.support.agency import AgencySystem

WIDTHS = ((1440, 900), (1024, 768), (390, 844))


async def signed_in(meeting: Meeting, arrive: Arrive, person: Staff) -> Person:
    link = await meeting.service.services.staff.create_link(person)
    desk = await arrive()
    await desk.page.goto(link.url)
    await desk.page.get_by_role("button", name="Logga in").click()
    return desk


async def pictured(desk: Person, folder: Path, name: str) -> None:
    for width, height in WIDTHS:
        await desk.page.set_viewport_size({"width": width, "height": height})
        await desk.page.screenshot(path=folder / f"{name}-{width}.png", full_page=True)
        wide = await desk.page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, "nothing scrolls sideways"


async def test_an_agency_keeps_its_keys_and_takes_its_officer_back(
    meeting: Meeting, arrive: Arrive, artifacts: Path, expect_error: ExpectError
) -> None:
    expect_error("422", "a key that is none")
    await meeting.raw("newcomer", name="Samira")
    officer = await meeting.person("officer", 1, name="Karin Lund")
    await meeting.start(1)
    await officer.in_phase("room")
    desk = await signed_in(meeting, arrive, Staff("a", "Anna Ask", "agency_admin", (), "skatteverket"))

    await expect(desk.find("agency-grant")).to_contain_text("Karin Lund")
    await expect(desk.find("agency-grant")).to_contain_text("I mötet")
    await expect(desk.find("hearing")).to_contain_text("Deltagare")
    assert "Samira" not in await desk.page.inner_text("main")

    system = AgencySystem("skatteverket", "https://ignored.example", kid="nyckel-2")
    await desk.find("new-key").fill("{}")
    await desk.press("add-key")
    await expect(desk.find("agency-keys").get_by_role("alert")).to_contain_text("går inte att använda")
    await desk.find("new-key").fill(json.dumps(system.jwk()))
    await desk.press("add-key")
    await expect(desk.find("agency-key")).to_contain_text("nyckel-2")
    await pictured(desk, artifacts, "agency-home")

    await desk.press("revoke-grant")
    await desk.press("confirm")
    await expect(officer.find("session-removed")).to_be_visible()
    await expect(desk.find("agency-grant")).to_have_count(0)
    await officer.receives_nothing()


async def test_a_host_sees_who_could_hear_whom(meeting: Meeting, arrive: Arrive, artifacts: Path) -> None:
    await meeting.raw("newcomer", name="Samira")
    await meeting.raw("officer", 1, name="Karin Lund")
    await meeting.raw("officer", 2, name="Maria Holm")
    for station in (1, 2):
        await meeting.start(station)
    desk = await signed_in(meeting, arrive, Staff("lena", "Lena Ek", "host", ("gavle",)))
    await expect(desk.find("new-meeting")).to_be_visible()
    await desk.page.goto(f"{meeting.service.services.settings.public_url}/hearing/{meeting.id}")
    heard = desk.find("hearing")
    await expect(heard.locator("tbody tr")).to_have_count(4)
    await expect(heard).to_contain_text("Karin Lund, Skatteverket")
    await pictured(desk, artifacts, "hearing")
    await expect(desk.find("own-sessions")).to_contain_text("den här webbläsaren")
