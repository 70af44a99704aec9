"""The service is restarted on the same data folder: the meeting goes on, and its people come back."""

from pathlib import Path

import aiohttp
import pytest
from playwright.async_api import expect

from tests.e2e.conftest import ExpectError
from tests.e2e.desk import Desk
from tests.e2e.people import Arrive, Person, demand_pages
from tests.e2e.process import Motesrum, staff_link
from tests.e2e.stillness import STILL, watch, watched
from tests.support.service import SITE, STATIONS

BACK = 30.0


@pytest.mark.timeout(240)
async def test_after_a_restart_the_meeting_goes_on_in_the_open_pages(
    tmp_path: Path, arrive: Arrive, expect_error: ExpectError
) -> None:
    demand_pages()
    expect_error(r"WebSocket connection to .* failed", "the browser notes attempts while the service is down")
    expect_error("ERR_CONNECTION_REFUSED", "the browser notes attempts while the service is down")
    expect_error("Media: Not connected", "a page cannot mend its media before the service is back")
    data = tmp_path / "data"
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        async with Motesrum("serve", data) as first:
            desk = Desk(http, first.url)
            await desk.sign_in(await staff_link(data, SITE, "Lena Ek"))
            made = await desk.call(
                "POST", "/meetings", {"site": SITE, "alias": "Samira", "stations": STATIONS}
            )
            meeting = f"/meetings/{made['id']}"

            async def link(role: str, name: str, **more: object) -> str:
                body = {"role": role, "name": name, **more}
                return str((await desk.call("POST", f"{meeting}/invitations", body))["url"])

            unused = await link("interpreter", "Layla Haddad")
            newcomer, host, officer = await arrive(), await arrive(), await arrive()
            people = (newcomer, host, officer)
            await newcomer.enter(await link("newcomer", "Samira"))
            await host.enter(await link("host", "Karin Ek"))
            await officer.enter(await link("officer", "Erik Lind", agency=STATIONS[0]["agency"], station=1))
            await host.starts(1)
            before = [await person.participant() for person in people]
            await officer.sees(before[0])
            await officer.says("vi talar om adressen")
            await host.reads("vi talar om adressen")
            await watch(officer, before[0])
            assert await first.terminate() == 0
            for person in people:
                await expect(person.find("connection-lost")).to_be_visible()
            assert first.written == []

        async with Motesrum("serve", data, http_port=first.http_port, media_port=first.media_port) as second:
            for person in people:
                await expect(person.find("connection-lost")).to_have_count(0, timeout=BACK * 1000)
                assert await person.connection() == "joined"
            assert [await person.participant() for person in people] == before
            await officer.sees(before[0])
            seen = await watched(officer)
            assert len(seen.consumers) == 1
            assert seen.longest <= STILL
            await officer.hears(before[0])
            await newcomer.sees(before[2])
            await host.sees(before[2])

            found = await desk.call("GET", meeting)
            assert [one["state"] for one in found["stations"]] == ["active", "planned"]  # type: ignore[attr-defined]
            everybody = {(one["name"], one["present"]) for one in found["participants"]}  # type: ignore[attr-defined]
            assert everybody >= {("Samira", True), ("Karin Ek", True), ("Erik Lind", True)}
            await host.reads("vi talar om adressen")
            await officer.says("nu är vi tillbaka")
            await host.reads("nu är vi tillbaka")

            await comes_back_with_its_cookie(officer, before[2])
            await officer.sees(before[0])
            await host.page.close()
            interpreter = await arrive()
            await interpreter.enter(unused)
            await interpreter.sees(before[2])
            assert await second.stop() == 0


async def comes_back_with_its_cookie(person: Person, participant: str) -> None:
    await person.page.reload()
    await person.join()
    assert await person.participant() == participant
    assert await person.messages() == ["vi talar om adressen", "nu är vi tillbaka"]
