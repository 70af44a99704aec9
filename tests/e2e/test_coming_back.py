"""Lines are cut, processes are killed, devices change: the people at the pages are back where they were."""

import os
import signal
import time
from pathlib import Path

import aiohttp
from playwright.async_api import expect

from tests.e2e.conftest import ExpectError
from tests.e2e.desk import Desk
from tests.e2e.people import Arrive, Meeting, Person, demand_pages
from tests.e2e.process import Motesrum, staff_link
from tests.e2e.stillness import STILL, watch, watched
from tests.support.roster import demand_once
from tests.support.service import SITE, STATIONS

BACK = 40.0
REFUSED = "the browser notes attempts while the service is down"

LOSE_AN_ANSWER = """
const Real = window.WebSocket;
window.__sockets = [];
window.WebSocket = class extends Real {
  constructor(url) {
    super(url);
    window.__sockets.push(this);
    if (window.__sockets.length === 2) this.addEventListener('message', (event) => {
      event.stopImmediatePropagation();
      this.close();
    });
  }
};
"""
"""The first thing that is said to the page's second socket never reaches it."""


async def knows(person: Person, text: str) -> None:
    await person.until(
        "(text) => window.__motesrum.snapshot.messages.some((message) => message.text === text)", text
    )


async def test_a_picture_goes_on_while_the_service_is_killed_and_the_page_comes_back_by_itself(
    tmp_path: Path, arrive: Arrive, expect_error: ExpectError
) -> None:
    demand_pages()
    expect_error(r"WebSocket connection to .* failed", REFUSED)
    expect_error("ERR_CONNECTION_REFUSED", REFUSED)
    data = tmp_path / "data"
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        async with Motesrum("serve", data) as first:
            desk = Desk(http, first.url)
            await desk.sign_in(await staff_link(data, SITE, "Lena Ek"))
            made = await desk.call("POST", "/meetings", {"site": SITE, "stations": STATIONS})

            async def link(role: str, name: str, **more: object) -> str:
                body = {"role": role, "name": name, **more}
                return str((await desk.call("POST", f"/meetings/{made['id']}/invitations", body))["url"])

            newcomer, officer = await arrive(), await arrive()
            people = (newcomer, officer)
            await newcomer.enter(await link("newcomer", "Samira"))
            await officer.enter(await link("officer", "Erik Lind", agency=STATIONS[0]["agency"], station=1))
            await desk.call("POST", f"/meetings/{made['id']}/stations/1/start", {})
            before = [await person.participant() for person in people]
            await officer.sees(before[0])
            await newcomer.sees(before[1])
            await watch(officer, before[0])
            await first.kill()
            for person in people:
                await expect(person.find("connection-lost")).to_be_visible()
            seen_while_dead = await officer.sees(before[0])
            assert seen_while_dead["frames"] >= 3

        async with Motesrum("serve", data, http_port=first.http_port, media_port=first.media_port) as second:
            answers = time.monotonic()
            for person in people:
                await expect(person.find("connection-lost")).to_have_count(0, timeout=BACK * 1000)
            back = time.monotonic() - answers
            assert [await person.participant() for person in people] == before
            await officer.says("vi är kvar")
            await knows(newcomer, "vi är kvar")
            await officer.sees(before[0])
            seen = await watched(officer)
            print(f"longest still {seen.longest:.2f} s, pages back {back:.2f} s after the port answered")
            assert len(seen.consumers) == 1
            assert seen.longest <= STILL
            found = await desk.call("GET", f"/meetings/{made['id']}")
            assert sorted(p["role"] for p in found["participants"]) == ["newcomer", "officer"]  # type: ignore[attr-defined]
            assert await second.stop() == 0


async def test_media_comes_back_by_itself_when_its_worker_is_killed(meeting: Meeting) -> None:
    newcomer = await meeting.person("newcomer", name="Samira")
    officer = await meeting.person("officer", 1, name="Erik Lind")
    await meeting.start(1)
    one, other = await newcomer.participant(), await officer.participant()
    await officer.sees(one)
    await newcomer.hears(other)
    worker = meeting.service.services.hub.workers.all[0].pid
    assert worker is not None
    os.kill(worker, signal.SIGKILL)
    killed = time.monotonic()
    await newcomer.until(
        """async ([participant, gone]) => (await window.__motesrum.stats()).some((each) =>
          each.participant === participant && each.kind === 'audio' && !gone.includes(each.id)
          && each.packetsReceived > 5)""",
        [other, [each["id"] for each in await newcomer.stats()]],
        deadline=BACK,
        what="no sound after the worker was killed",
    )
    print(f"sound back after {time.monotonic() - killed:.2f} s")
    await newcomer.hears(other)
    await officer.sees(one, deadline=BACK)
    await newcomer.sees(other, deadline=BACK)
    assert [len(person.sockets) for person in (newcomer, officer)] == [1, 1]
    assert [await person.connection() for person in (newcomer, officer)] == ["joined", "joined"]


async def test_an_answer_that_is_lost_on_the_way_back_changes_nothing(meeting: Meeting) -> None:
    newcomer = await meeting.person("newcomer", name="Samira")
    officer = await meeting.arrive()
    await officer.page.add_init_script(LOSE_AN_ANSWER)
    await officer.enter(await meeting.link("officer", 1, name="Erik Lind"))
    await meeting.start(1)
    one, other = await newcomer.participant(), await officer.participant()
    await officer.sees(one)
    await newcomer.sees(other)
    await watch(officer, one)
    await officer.page.evaluate("window.__sockets[0].close()")
    await officer.until("() => window.__sockets.length >= 3", deadline=BACK)
    await officer.until("() => window.__motesrum.connection === 'joined'", deadline=BACK)
    assert await officer.participant() == other
    await officer.says("jag är tillbaka")
    await knows(newcomer, "jag är tillbaka")
    await officer.sees(one)
    seen = await watched(officer)
    assert len(seen.consumers) == 1
    assert seen.longest <= STILL
    demand_once(await newcomer.snapshot(), other)


async def test_a_link_made_anew_brings_the_same_person_to_another_device(meeting: Meeting) -> None:
    officer = await meeting.person("officer", 1, name="Erik Lind")
    await meeting.start(1)
    first = await meeting.person("newcomer", name="Samira")
    who = await first.participant()
    await officer.sees(who)
    of_the_first = [each["id"] for each in await officer.stats()]
    second = await meeting.arrive()
    await second.enter(await meeting.link("newcomer", participant=who))
    assert await second.participant() == who
    await expect(first.find("session-replaced")).to_be_visible()
    await officer.until(
        """async (gone) => (await window.__motesrum.stats()).every((each) => !gone.includes(each.id))""",
        of_the_first,
        what="the first device is still received",
    )
    await officer.sees(who)
    demand_once(await officer.snapshot(), who)
    assert len(first.sockets) == 1
