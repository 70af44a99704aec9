"""One-time links in real browsers: whose they are, and what is said to anybody else."""

import asyncio
import json
from pathlib import Path

from playwright.async_api import Route, expect

from tests.e2e.conftest import ExpectError
from tests.e2e.people import INDEX, Arrive, Meeting, Person
from tests.support.roster import demand_once
from tests.support.service import Service, service

REFUSED = r"the server responded with a status of 4\d\d"
WHY = "the browser notes the token call that this test wants to be refused"


async def told(person: Person, code: str) -> None:
    """The page says in words why the link does not work, and the code is on it."""
    error = person.find("link-error")
    await expect(error).to_have_attribute("data-code", code)
    await expect(error.get_by_role("heading")).not_to_be_empty()
    assert await person.page.evaluate("window.__motesrum.snapshot") is None


async def test_links_of_several_roles_live_side_by_side_in_one_browser(meeting: Meeting) -> None:
    newcomer = await meeting.person("newcomer", name="Samira")
    officer = await meeting.arrive(context=newcomer.page.context)
    await officer.enter(await meeting.link("officer", 1, name="Erik Lind"))
    host = await meeting.arrive(context=newcomer.page.context)
    await host.enter(await meeting.link("host", name="Karin Ek"))
    people = [newcomer, officer, host]
    assert [(await person.snapshot())["you"]["role"] for person in people] == ["newcomer", "officer", "host"]

    await host.starts(1)
    await officer.sees(await newcomer.participant())
    await newcomer.sees(await officer.participant())

    before = [await person.participant() for person in people]
    for person in people:
        await person.page.reload()
        await person.join()
    assert [await person.participant() for person in people] == before
    await officer.sees(before[0])
    for snapshot in [await person.snapshot() for person in people]:
        for participant in before:
            demand_once(snapshot, participant)


async def test_the_same_browser_opens_its_link_again_as_the_same_person(meeting: Meeting) -> None:
    link = await meeting.link("host", name="Karin Ek")
    host = await meeting.arrive()
    await host.enter(link)
    before = await host.participant()
    await host.page.close()
    again = await meeting.arrive(context=host.page.context)
    await again.enter(link)
    assert await again.participant() == before
    assert [person["id"] for person in (await again.snapshot())["participants"]] == [before]


async def test_a_second_browser_is_told_that_the_link_is_used(
    meeting: Meeting, expect_error: ExpectError
) -> None:
    expect_error(REFUSED, WHY)
    link = await meeting.link("interpreter", name="Layla Haddad")
    owner, other = await meeting.arrive(), await meeting.arrive()
    await owner.enter(link)
    await other.open(link)
    await other.press("join-button")
    await told(other, "invitation_used")
    await expect(owner.find("role-view")).to_be_visible()
    assert await owner.connection() == "joined"


async def test_two_browsers_that_press_at_once_do_not_both_come_in(
    meeting: Meeting, expect_error: ExpectError
) -> None:
    expect_error(REFUSED, WHY)
    link = await meeting.link("interpreter", name="Layla Haddad")
    both = [await meeting.arrive(), await meeting.arrive()]
    for person in both:
        await person.open(link)
    await asyncio.gather(*(person.press("join-button") for person in both))
    for person in both:
        await expect(person.find("role-view").or_(person.find("link-error"))).to_be_visible()
    assert sorted([await person.find("role-view").count() for person in both]) == [0, 1]


async def test_a_link_that_nobody_has_made_is_unknown(
    running: Service, arrive: Arrive, expect_error: ExpectError
) -> None:
    expect_error(REFUSED, WHY)
    for code in ("AAAAAAAAAAAAAAAAAAAAAA", "short"):
        person = await arrive()
        await person.open(f"{running.url}/j/{code}")
        await person.press("join-button")
        await told(person, "invitation_unknown")


async def test_a_link_expires(tmp_path: Path, arrive: Arrive, expect_error: ExpectError) -> None:
    expect_error(REFUSED, WHY)
    async with service(tmp_path, link_lifetime=0.01) as hasty:
        made = await hasty.invite((await hasty.meeting())["id"], "interpreter")
        person = await arrive()
        await person.open(made["url"])
        await person.press("join-button")
        await told(person, "invitation_expired")


async def test_a_scanner_that_opens_the_link_first_changes_nothing(
    running: Service, meeting: Meeting
) -> None:
    link = await meeting.link("interpreter", name="Layla Haddad")
    for method in ("GET", "HEAD", "GET"):
        async with running.http.request(method, link) as answer:
            assert answer.status == 200
            assert "Set-Cookie" not in answer.headers
    scanner = await meeting.arrive()
    await scanner.open(link)
    await expect(scanner.find("join-button")).to_be_visible()
    person = await meeting.arrive()
    await person.enter(link)
    assert (await person.snapshot())["you"]["role"] == "interpreter"


async def test_a_second_tab_takes_over_and_the_first_can_take_it_back(meeting: Meeting) -> None:
    newcomer = await meeting.raw("newcomer")
    link = await meeting.link("host", name="Karin Ek")
    first = await meeting.arrive()
    await first.enter(link)
    second = await meeting.arrive(context=first.page.context)
    await second.enter(link)
    await expect(first.find("session-replaced")).to_contain_text("annan flik")
    await first.receives_nothing()
    assert await first.connection() == "over"
    assert len(first.sockets) == 1
    await second.sees(newcomer.participant, "room-video")

    await first.press("use-here")
    await first.sees(newcomer.participant, "room-video")
    await expect(second.find("session-replaced")).to_be_visible()
    assert await first.participant() == await second.participant()
    demand_once(newcomer.snapshot, await first.participant())


async def test_a_page_whose_texts_do_not_come_is_fetched_anew_instead_of_shown_without(
    meeting: Meeting, expect_error: ExpectError
) -> None:
    expect_error("ERR_FAILED|Failed to fetch", "the browser notes the file that this test keeps from it")
    manifest = json.loads((INDEX.parent / ".vite" / "manifest.json").read_text("utf-8"))
    person = await meeting.arrive()
    tries = 0

    async def second_time(route: Route) -> None:
        nonlocal tries
        tries += 1
        await (route.abort() if tries == 1 else route.continue_())

    await person.page.route(f"**/{manifest['src/locales/sv/index.ts']['file']}", second_time)
    await person.open(await meeting.link("officer", 1, name="Erik Lind"))
    await expect(person.find("join-button")).to_have_text("Gå med")
    assert tries == 2
