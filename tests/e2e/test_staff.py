"""A member of staff's day at the start page."""

import re
from datetime import UTC, datetime, timedelta

from playwright.async_api import Page, expect

from signaling import staff
from tests.e2e.conftest import ExpectError
from tests.e2e.people import Arrive, Person
from tests.support.service import SITE, Service

REFUSED = r"the server responded with a status of 4\d\d"


async def staff_link(running: Service, *more_sites: str) -> str:
    made = await running.services.staff.create_link(
        staff.Person(sub="lena", name="Lena Ek", role="host", sites=(SITE, *more_sites))
    )
    return made.url


async def signed_in(running: Service, arrive: Arrive, *more_sites: str) -> Person:
    person = await arrive(permissions=["camera", "microphone", "clipboard-read", "clipboard-write"])
    await person.open(await staff_link(running, *more_sites))
    await person.press("sign-in")
    await expect(person.find("new-meeting")).to_be_visible()
    return person


async def looked_at_again(person: Person) -> None:
    """The page refreshes itself by and by, and at once when it comes into sight."""
    await person.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


async def copied(page: Page) -> str:
    text: str = await page.evaluate("navigator.clipboard.readText()")
    return text


async def test_a_host_makes_a_meeting_by_route_copies_links_and_goes_in(
    running: Service, arrive: Arrive
) -> None:
    host = await signed_in(running, arrive)
    page = host.page
    await expect(host.find("meeting-row")).to_have_count(0)
    await host.press("new-meeting")
    await expect(host.find("draft-station").first).to_be_visible()
    drafted = await host.find("draft-station").count()
    await host.press("create-meeting")
    await expect(page.get_by_role("alert").filter(has_text="alias")).to_be_visible()
    await (
        host.find("alias").get_by_role("textbox").or_(page.locator("input[data-testid=alias]")).fill("Samira")
    )
    await host.press("create-meeting")
    await expect(host.find("meeting-created")).to_be_visible()
    meeting = await host.find("meeting-created").get_attribute("data-meeting")
    stations = (await running.rest("GET", f"/meetings/{meeting}"))["stations"]
    assert len(stations) == drafted > 0

    await host.press("create-link")
    await host.press("copy-link")
    link = await host.find("link").input_value()
    assert link.startswith(f"{running.services.settings.public_url}/j/")
    assert await copied(page) == link
    newcomer = await arrive()
    await newcomer.enter(link)
    assert (await newcomer.snapshot())["you"]["role"] == "newcomer"
    assert (await newcomer.snapshot())["meeting"]["id"] == meeting

    await host.press("go-in")
    await host.join()
    assert (await host.snapshot())["you"]["role"] == "host"
    await host.sees(await newcomer.participant(), "room-video")

    await page.goto(running.services.settings.public_url)
    row = host.find("meeting-row")
    await expect(row).to_have_attribute("data-meeting", str(meeting))
    await expect(row).to_contain_text("Samira")
    await host.press("go-in")
    await host.join()
    people = (await host.snapshot())["participants"]
    assert [person["name"] for person in people if person["role"] == "host"] == ["Lena Ek"]


async def test_the_start_page_names_what_is_missing_and_follows_what_happens(
    running: Service, arrive: Arrive
) -> None:
    made = await running.meeting()
    await running.invite(made["id"], "officer", agency="skatteverket", station=1, name="Karin Lund")
    host = await signed_in(running, arrive)
    row = host.find("meeting-row")
    await expect(host.find("needs-you")).to_contain_text("Samira saknar tolk")
    await expect(row).to_contain_text("Ingen tolk bokad")
    await expect(row).to_contain_text("1 av 2 handläggare inbjudna")

    await host.press("invite-interpreter")
    await host.find("invite-name").fill("Amina Haddad")
    await host.press("create-link")
    await expect(host.find("link")).to_have_value(re.compile("/j/"))
    await host.page.keyboard.press("Escape")
    await expect(row).to_contain_text("Amina Haddad")
    await expect(host.find("needs-you")).to_contain_text("Försäkringskassan")

    await host.find("open-details").focus()
    await running.rest("POST", f"/meetings/{made['id']}/stations/1/start")
    await looked_at_again(host)
    await expect(row).to_contain_text("1. Skatteverket pågår")
    await expect(host.find("open-details")).to_be_focused()
    await running.rest("POST", f"/meetings/{made['id']}/end")
    await looked_at_again(host)
    await expect(host.find("show-meeting")).to_be_visible()
    await expect(host.find("needs-you")).to_have_count(0)


async def test_offices_and_days_are_chosen(running: Service, arrive: Arrive) -> None:
    token, _ = running.services.tokens.issue_staff(
        sub="eva", name="Eva", role="host", sites=[SITE, "sandviken"]
    )
    authorised = {"Authorization": f"Bearer {token}"}
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    await running.rest("POST", "/meetings", {"site": SITE, "alias": "Omar"}, **authorised)
    await running.rest("POST", "/meetings", {"site": "sandviken", "alias": "Selam"}, **authorised)
    later = {"site": SITE, "alias": "Hodan", "planned_at": tomorrow}
    await running.rest("POST", "/meetings", later, **authorised)
    host = await signed_in(running, arrive, "sandviken")

    async def listed(*aliases: str) -> None:
        names = host.find("open-details")
        await expect(names).to_have_count(len(aliases))
        assert set(await names.all_inner_texts()) == set(aliases)

    await listed("Omar", "Selam")
    await host.find("office").select_option("sandviken")
    await listed("Selam")
    await host.find("office").select_option(SITE)
    await host.find("span").get_by_role("radio").first.focus()
    await host.page.keyboard.press("ArrowRight")
    await listed("Hodan")


async def test_signing_out_ends_the_session(
    running: Service, arrive: Arrive, expect_error: ExpectError
) -> None:
    expect_error(REFUSED, "the browser notes that nobody is signed in")
    await running.meeting()
    person = await signed_in(running, arrive)
    await person.press("sign-out")
    await expect(person.find("signed-out")).to_be_visible()
    await person.page.goto(running.services.settings.public_url)
    await expect(person.find("signed-out")).to_be_visible()
    await expect(person.find("meeting-row")).to_have_count(0)
    assert [cookie["name"] for cookie in await person.page.context.cookies()] == []


async def test_a_used_staff_link_says_so(running: Service, arrive: Arrive, expect_error: ExpectError) -> None:
    expect_error(REFUSED, "the browser notes the call that this test wants to be refused")
    link = await staff_link(running)
    owner, other = await arrive(), await arrive()
    await owner.open(link)
    await owner.press("sign-in")
    await expect(owner.find("new-meeting")).to_be_visible()
    await other.open(link)
    await other.press("sign-in")
    await expect(other.find("link-error")).to_have_attribute("data-code", "invitation_used")
    await expect(other.find("link-error").get_by_role("heading")).not_to_be_empty()


async def test_nobody_else_sees_a_meeting_on_the_start_page(
    running: Service, arrive: Arrive, expect_error: ExpectError
) -> None:
    expect_error(REFUSED, "the browser notes that nobody is signed in")
    await running.meeting()
    stranger = await arrive()
    await stranger.page.goto(running.services.settings.public_url)
    await expect(stranger.find("signed-out")).to_be_visible()
    assert "Samira" not in await stranger.page.content()
