"""The host's page: what it asks before a start, whose clock it shows, and a link that cannot be copied."""

from contextlib import AsyncExitStack

from playwright.async_api import expect

from tests.e2e.people import Arrive, Meeting
from tests.support.service import Service

ELSEWHERE = "Asia/Tokyo"
DAY_OF_THE_OFFICE = {"planned_at": "2150-03-02T08:00:00Z"}
"""Nine o'clock in Sweden, five in the afternoon in Tokyo."""

NO_CLIPBOARD = "void (navigator.clipboard.writeText = () => Promise.reject(new Error('refused')))"
SELECTED = "(field) => field.value.slice(field.selectionStart, field.selectionEnd)"


async def test_a_start_is_asked_about_only_while_somebody_is_missing(meeting: Meeting) -> None:
    officer = await meeting.raw("officer", 1, name="Erik Lind", sends=False)
    booked = await meeting.service.invite(meeting.id, "interpreter", name="Layla Haddad")
    host = await meeting.person("host", name="Karin Ek")
    await host.press("start-station-1")
    checks = host.find("start-checks").locator("li")
    await expect(checks).to_have_count(3)
    assert [await each.get_attribute("data-state") for each in await checks.all()] == [
        "away",
        "away",
        "waiting",
    ]
    await expect(checks.nth(1)).to_contain_text("Layla Haddad")
    await expect(host.find("confirm")).to_have_text("Starta ändå")
    await host.page.keyboard.press("Escape")
    await expect(host.find("station-1")).not_to_have_attribute("data-state", "active")

    await meeting.raw("newcomer", name="Samira", sends=False)
    await meeting.raw("interpreter", participant=booked["participant"], sends=False)
    await officer.act("meeting.ready", ready=True)
    await host.until(
        """() => window.__motesrum.snapshot.participants.filter((one) => one.present).length === 4
             && window.__motesrum.snapshot.stations[0].officers[0].ready"""
    )
    await host.press("start-station-1")
    await expect(host.find("station-1")).to_have_attribute("data-state", "active")
    await expect(host.find("confirm")).to_have_count(0)


async def test_every_page_shows_the_time_of_the_office_wherever_the_device_is(
    running: Service, arrive: Arrive
) -> None:
    async with AsyncExitStack() as stack:
        made = await running.meeting(**DAY_OF_THE_OFFICE)
        meeting = Meeting(running, made, lambda: arrive(timezone_id=ELSEWHERE), stack)
        host = await meeting.person("host", name="Karin Ek")
        newcomer = await meeting.person("newcomer", language="sv")
        officer = await meeting.person("officer", 1, name="Erik Lind")
        assert await host.page.evaluate("new Date(Date.UTC(2150, 2, 2, 8)).getHours()") == 17
        await expect(host.find("station-1")).to_contain_text("09:00")
        await expect(host.find("lobby-person")).to_contain_text("09:00")
        await expect(newcomer.find("station-1")).to_contain_text("09:00")
        await expect(officer.find("lobby")).to_contain_text("09:00")
        await expect(officer.find("connection-link")).to_have_attribute("href", "/connection")


async def test_on_a_tablet_the_host_goes_to_somebody_without_a_name_who_waits(meeting: Meeting) -> None:
    await meeting.raw("companion", sends=False)
    host = await meeting.person("host", name="Karin Ek")
    await host.page.set_viewport_size({"width": 1440, "height": 900})
    await expect(host.find("lobby-person")).to_be_in_viewport()
    await expect(host.find("to-lobby")).to_be_hidden()
    await host.page.set_viewport_size({"width": 1024, "height": 768})
    waiting = host.find("lobby-person")
    await expect(host.find("to-lobby")).to_contain_text("1")
    await expect(waiting).not_to_be_in_viewport()
    await host.press("to-lobby")
    await expect(waiting).to_be_in_viewport()
    assert await waiting.evaluate("(one) => document.activeElement.contains(one)")
    assert (await waiting.inner_text()).count("Medföljande") == 2
    await host.press("admit")
    await expect(host.find("to-lobby")).to_have_count(0)


async def test_a_link_that_cannot_be_copied_is_selected_and_it_is_said(meeting: Meeting) -> None:
    host = await meeting.person("host", name="Karin Ek")
    await host.page.evaluate(NO_CLIPBOARD)
    await host.press("invite-interpreter")
    await host.press("create-link")
    await host.press("copy-link")
    await expect(host.find("copy-refused")).to_contain_text("Ctrl+C")
    link = host.find("link")
    await expect(link).to_be_focused()
    assert await link.evaluate(SELECTED) == await link.input_value()
