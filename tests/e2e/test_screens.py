"""The screen at the office: paired by its code, then it opens what staff show on it, and nothing else."""

from playwright.async_api import expect

from tests.e2e.conftest import ExpectError
from tests.e2e.people import Arrive, Person
from tests.e2e.test_staff import REFUSED, signed_in
from tests.support.service import Service


async def screen_at_office(running: Service, arrive: Arrive) -> Person:
    screen = await arrive()
    await screen.open(f"{running.services.settings.public_url}/screen")
    await expect(screen.find("code")).to_be_visible()
    return screen


async def paired(host: Person, screen: Person, name: str = "Rum 2") -> None:
    code = await screen.find("code").get_attribute("data-code")
    await host.press("open-screens")
    await host.find("screen-code").fill(f"{code}"[:4].lower() + " " + f"{code}"[4:])
    await host.find("screen-name").fill(name)
    await host.press("pair-screen")
    await expect(host.find("screen")).to_contain_text(name)
    await host.page.keyboard.press("Escape")


async def test_a_paired_screen_opens_the_newcomers_page_by_itself_and_returns_to_its_welcome(
    running: Service, arrive: Arrive, expect_error: ExpectError
) -> None:
    expect_error(REFUSED, "a browser that is no screen yet is told so")
    made = await running.meeting()
    host = await signed_in(running, arrive)
    screen = await screen_at_office(running, arrive)
    await paired(host, screen)
    await screen.press("start-screen")
    await expect(screen.find("screen-idle")).to_contain_text("Välkommen")

    await host.press("open-details")
    await host.press("show-on-screen")
    await expect(screen.find("role-view")).to_have_attribute("data-role", "newcomer")
    await expect(host.find("hide-on-screen")).to_be_visible()
    assert (await screen.snapshot())["meeting"]["id"] == made["id"]

    await host.press("hide-on-screen")
    await expect(screen.find("screen-idle")).to_be_visible()
    await host.press("show-on-screen")
    await expect(screen.find("role-view")).to_be_visible()
    await running.rest("POST", f"/meetings/{made['id']}/end")
    await expect(screen.find("meeting-ended")).to_be_visible()
    await screen.page.reload()
    await screen.press("start-screen")
    await expect(screen.find("screen-idle")).to_be_visible()


async def test_a_screen_that_is_taken_back_shows_a_new_code(
    running: Service, arrive: Arrive, expect_error: ExpectError
) -> None:
    expect_error(REFUSED, "a browser that is no screen yet is told so")
    host = await signed_in(running, arrive)
    screen = await screen_at_office(running, arrive)
    code = await screen.find("code").get_attribute("data-code")
    await paired(host, screen)
    await expect(screen.find("screen-waiting")).to_be_visible()
    await host.press("open-screens")
    await host.press("forget-screen")
    await host.press("forget-screen")
    await expect(host.find("screen")).to_have_count(0)
    await expect(screen.find("code")).to_be_visible()
    assert await screen.find("code").get_attribute("data-code") != code
