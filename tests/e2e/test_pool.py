"""An interpreter of the pool in a browser: called, in one room, and by one press in the next."""

from pathlib import Path

from playwright.async_api import expect

from signaling.staff import Person as Staff
from tests.e2e.people import Arrive, Meeting, reach
from tests.e2e.test_scenes import violations
from tests.support.service import Service

DEADLINE = 20_000
"""Milliseconds."""


async def test_an_interpreter_is_called_in_and_hops_by_keyboard_alone(
    running: Service, meeting: Meeting, arrive: Arrive, artifacts: Path
) -> None:
    link = await running.services.staff.create_link(Staff("s_amal", "Amal Said", "interpreter"))
    amal = await arrive()
    await amal.page.goto(link.url)
    await amal.press("sign-in")
    await expect(amal.find("pool-home")).to_be_visible(timeout=DEADLINE)
    keyboard = amal.page.keyboard
    await reach(amal, amal.find("add-language"))
    await keyboard.type("arab")
    await expect(amal.find("pool-home")).to_contain_text("arabiska")
    await reach(amal, amal.find("be-available"))
    await keyboard.press("Enter")
    await expect(amal.find("available")).to_be_visible(timeout=DEADLINE)

    other = await running.meeting()
    async with await running.joined(other["id"], "host") as second, await meeting.raw("host") as first:
        for host in (first, second):
            await host.call("interpret.call", language="ar")
            await reach(amal, amal.find("accept-call"))
            await keyboard.press("Enter")
            await host.wait_for_event("floor_taken", deadline=20)
            await expect(amal.page.get_by_test_id("role-view")).to_have_attribute(
                "data-phase", "room", timeout=DEADLINE
            )
        await expect(amal.find("hop")).to_have_count(2, timeout=DEADLINE)
        await amal.page.screenshot(path=artifacts / "pool-room.png")
        assert await violations(amal.page) == []
        await keyboard.press("n")
        await first.wait_for(
            lambda: [e.params["type"] for e in first.events if "type" in e.params].count("floor_taken") == 2,
            20,
            "not back",
        )
        await second.wait_for_event("floor_left", deadline=20)
        await reach(amal, amal.find("hop").last)
        await keyboard.press("Enter")
        await second.wait_for(
            lambda: [e.params["type"] for e in second.events if "type" in e.params].count("floor_taken") == 2,
            20,
            "not there again",
        )
        await reach(amal, amal.find("step-out"))
        await keyboard.press("Enter")
        await expect(amal.find("pool-home")).to_be_visible(timeout=DEADLINE)
        await expect(amal.find("own-room")).to_have_count(2, timeout=DEADLINE)
