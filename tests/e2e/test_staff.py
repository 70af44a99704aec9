"""A member of staff's day at the start page."""

import re
from datetime import UTC, datetime, timedelta

from playwright.async_api import Locator, Page, Route, expect

from signaling import staff
from tests.e2e.conftest import ExpectError
from tests.e2e.people import Arrive, Person
from tests.support.service import SITE, Service

TODAY = "new Intl.DateTimeFormat('sv-SE', {timeZone: 'Europe/Stockholm'}).format()"
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


async def written(host: Person) -> None:
    """The first step of a new meeting, filled in."""
    await host.press("new-meeting")
    await host.find("alias").fill("Samira")
    await host.find("language-choice").select_option("ar")
    await host.press("next")
    await expect(host.find("draft-station").first).to_be_visible()


async def made(host: Person) -> str:
    """From the second step on, with an interpreter who is named."""
    await host.press("next")
    await host.find("interpreter-name").fill("Amina Haddad")
    await host.press("next")
    await expect(host.find("meeting-created")).to_be_visible()
    return str(await host.find("meeting-created").get_attribute("data-meeting"))


def link_of(host: Person, key: str) -> Locator:
    return host.find(f"link-{key}").get_by_role("textbox")


async def test_a_host_makes_a_meeting_by_route_copies_links_and_goes_in(
    running: Service, arrive: Arrive
) -> None:
    host = await signed_in(running, arrive)
    page = host.page
    await expect(host.find("meeting-row")).to_have_count(0)
    await written(host)
    drafted = await host.find("draft-station").count()
    await host.find("officer").first.click()
    await host.find("officer-name").fill("Per Sandin")
    await page.keyboard.press("Enter")
    await host.press("add-break")
    meeting = await made(host)
    made_of = await running.rest("GET", f"/meetings/{meeting}")
    assert len(made_of["stations"]) == drafted > 0
    assert sum(station["break_after"] for station in made_of["stations"]) == 10

    await expect(link_of(host, "newcomer")).to_have_value(re.compile("/j/"))
    await host.press("copy-all")
    every = await copied(page)
    links = re.findall(r"http\S+/j/\S+", every)
    assert len(set(links)) == drafted + 2
    officer = await arrive()
    await officer.enter(await link_of(host, "officer-1").input_value())
    you = (await officer.snapshot())["you"]
    assert (you["role"], you["name"], you["station"]) == ("officer", "Per Sandin", 1)
    newcomer = await arrive()
    await newcomer.enter(await link_of(host, "newcomer").input_value())
    assert (await newcomer.snapshot())["you"]["role"] == "newcomer"
    assert (await newcomer.snapshot())["meeting"]["id"] == meeting

    await host.press("go-in")
    await expect(host.find("role-view")).to_be_visible()
    assert (await host.snapshot())["you"]["role"] == "host"
    await host.sees(await newcomer.participant(), "room-video")

    await page.goto(running.services.settings.public_url)
    row = host.find("meeting-row")
    await expect(row).to_have_attribute("data-meeting", meeting)
    await expect(row).to_contain_text("Samira")
    await host.press("go-in")
    await expect(host.find("role-view")).to_be_visible()
    people = (await host.snapshot())["participants"]
    assert [person["name"] for person in people if person["role"] == "host"] == ["Lena Ek"]


async def test_a_family_of_two_languages_gets_a_meeting_which_is_changed_afterwards(
    running: Service, arrive: Arrive
) -> None:
    host = await signed_in(running, arrive)
    await host.press("new-meeting")
    await host.find("alias").fill("Samira")
    await host.find("language-choice").select_option("ar")
    await host.press("add-language")
    await expect(host.find("other-language")).to_be_focused()
    await host.find("other-language").select_option("ti")
    await host.page.get_by_role("button", name="I morgon").click()
    await host.find("time").fill("09:00")
    await host.press("next")
    meeting = await made(host)
    await expect(link_of(host, "interpreter")).to_have_value(re.compile("/j/"))
    assert (await running.rest("GET", f"/meetings/{meeting}"))["languages"] == ["ar", "ti"]

    await host.page.goto(running.services.settings.public_url)
    await host.find("span").get_by_text("I morgon").click()
    await host.press("open-meeting")
    await host.press("change-meeting")
    await host.find("time").fill("25:00")
    await host.press("save-meeting")
    await expect(host.find("time")).to_be_focused()
    await host.find("time").fill("10:30")
    await host.find("room").fill("Rum 2")
    await host.press("remove-language")
    await host.press("save-meeting")
    await expect(host.find("change-meeting")).to_be_focused()
    await expect(host.find("meeting-sheet")).to_contain_text("10:30")
    await expect(host.find("meeting-row")).to_contain_text("10:30")
    changed = await running.rest("GET", f"/meetings/{meeting}")
    assert (changed["languages"], changed["room"], changed["alias"]) == (["ar"], "Rum 2", "Samira")


async def test_what_is_missing_is_said_beside_the_field_which_gets_the_focus(
    running: Service, arrive: Arrive
) -> None:
    host = await signed_in(running, arrive)
    await host.press("new-meeting")
    await host.press("next")
    await expect(host.find("alias")).to_be_focused()
    await expect(host.find("alias")).to_have_accessible_description(re.compile("Skriv ett förnamn"))
    await host.find("alias").fill("Samira 19900101-1234")
    await host.press("next")
    await expect(host.find("alias")).to_have_accessible_description(
        re.compile("Skriv inget personnummer\\.$")
    )
    await host.find("alias").fill("Samira")
    await host.press("next")
    await expect(host.find("language-choice")).to_be_focused()
    await host.find("language-choice").select_option("ar")

    date = host.find("date")
    await date.fill("31/11")
    await host.press("next")
    await expect(date).to_be_focused()
    await expect(date).to_have_accessible_description(re.compile("Skriv en dag"))
    await date.fill("24/12")
    await host.page.keyboard.press("Tab")
    await expect(date).to_have_value(re.compile(r"^20\d\d-12-24$"))
    await host.find("time").fill("930")
    await host.page.keyboard.press("Tab")
    await expect(host.find("time")).to_have_value("09:30")
    await host.press("time-now")
    assert await date.input_value() == await host.page.evaluate(TODAY)
    await host.press("next")
    await expect(host.find("draft-station").first).to_be_visible()


async def test_a_meeting_in_the_making_survives_a_reload_a_refusal_and_a_way_back(
    running: Service, arrive: Arrive, expect_error: ExpectError
) -> None:
    expect_error(r"the server responded with a status of 503", "the browser notes the refused call")
    host = await signed_in(running, arrive)
    await written(host)
    before = await host.find("draft-station").count()
    await host.find("remove-station").first.click()
    await host.press("undo")
    await expect(host.find("draft-station")).to_have_count(before)
    await host.find("remove-station").first.click()
    await host.page.reload()
    await expect(host.find("draft-station")).to_have_count(before - 1)
    await host.press("back")
    await expect(host.find("alias")).to_have_value("Samira")
    await host.press("next")

    async def refuse(route: Route) -> None:
        if route.request.method == "POST":
            await route.fulfill(status=503, json={"code": "store_unavailable"})
        else:
            await route.continue_()

    await host.page.route("**/api/v1/meetings", refuse)
    await host.press("next")
    await host.find("interpreter-kind").select_option("text")
    await host.find("interpreter-name").fill("Amina Haddad")
    await host.press("next")
    await expect(host.page.get_by_role("alert").filter(has_text="Försök igen")).to_be_visible()
    await host.page.unroute("**/api/v1/meetings")
    await host.press("next")
    await expect(link_of(host, "newcomer")).to_have_value(re.compile("/j/"))
    link = await link_of(host, "newcomer").input_value()
    await host.page.reload()
    await expect(link_of(host, "newcomer")).to_have_value(link)
    await expect(host.find("link-interpreter")).to_contain_text("Skrivtolk")
    await host.press("to-start")
    await expect(host.find("meeting-row")).to_have_count(1)
    await host.press("new-meeting")
    await expect(host.find("alias")).to_have_value("")


async def test_a_meeting_is_planned_and_begun_with_the_keyboard_alone(
    running: Service, arrive: Arrive
) -> None:
    host = await signed_in(running, arrive)
    keyboard = host.page.keyboard

    async def tab_to(testid: str) -> None:
        for _ in range(80):
            await keyboard.press("Tab")
            if await host.page.evaluate("document.activeElement?.dataset?.testid") == testid:
                return
        raise AssertionError(f"the Tab key does not come to {testid}")

    await host.page.evaluate("document.activeElement.blur()")
    await tab_to("new-meeting")
    await keyboard.press("Enter")
    await expect(host.page.get_by_role("heading", level=1)).to_be_visible()
    await tab_to("alias")
    await keyboard.type("Samira")
    await tab_to("language-choice")
    await keyboard.type("arabiska")
    await tab_to("next")
    await keyboard.press("Enter")
    await expect(host.find("draft-station").first).to_be_visible()

    grip = host.find("draft-station").first.locator(".grip")
    first, second = (await host.find("draft-station").locator(".strong").all_inner_texts())[:2]
    await tab_to("route-1")
    await keyboard.press("Tab")
    await expect(grip).to_be_focused()
    await keyboard.press("ArrowDown")
    names = host.find("draft-station").locator(".strong")
    await expect(names.nth(0)).to_have_text(second)
    await expect(names.nth(1)).to_have_text(first)
    await expect(host.find("draft-station").nth(1).locator(".grip")).to_be_focused()
    await tab_to("next")
    await keyboard.press("Enter")
    await tab_to("interpreter-name")
    await keyboard.type("Amina Haddad")
    await keyboard.press("Enter")
    await expect(link_of(host, "newcomer")).to_have_value(re.compile("/j/"))
    await tab_to("go-in")
    await keyboard.press("Enter")
    await expect(host.find("role-view")).to_be_visible()
    assert (await host.snapshot())["you"]["role"] == "host"


async def test_the_start_page_names_what_is_missing_and_follows_what_happens(
    running: Service, arrive: Arrive
) -> None:
    meeting = await running.meeting()
    await running.invite(meeting["id"], "officer", agency="skatteverket", station=1, name="Karin Lund")
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
    await running.rest("POST", f"/meetings/{meeting['id']}/stations/1/start")
    await looked_at_again(host)
    await expect(row).to_contain_text("1. Skatteverket pågår")
    await expect(host.find("open-details")).to_be_focused()
    await running.rest("POST", f"/meetings/{meeting['id']}/end")
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
        await expect(host.find("open-details")).to_have_text(list(aliases))

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
