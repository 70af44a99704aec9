"""All that docker-compose starts, together: people join over HTTPS, also where only TCP 443 gets out."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import nullcontext
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from tests.deployment.browser import NOTE_PATHS, TAKES, browser
from tests.deployment.stack import SITE_NAME, TURN_NAME, Stack, stack
from tests.e2e.people import Person, demand_pages

pytestmark = pytest.mark.asyncio(loop_scope="module")

URL = f"https://{SITE_NAME}"
SECONDS = 30.0
STATIONS = [{"agency": "skatteverket", "purpose": "Folkbokföring", "minutes": 25}]
PLAN = {"site": "gavle", "alias": "Samira", "languages": ["ar", "sv"], "stations": STATIONS}

CALL = """async ([method, path, body]) => {
  const headers = {"Content-Type": "application/json"};
  const answer = await fetch(`/api/v1${path}`, {method, headers, body: body && JSON.stringify(body)});
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${text}`);
  return text ? JSON.parse(text) : null;
}"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    demand_pages()
    async with stack(tmp_path_factory.mktemp("site")) as started:
        yield started


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium(running: Stack, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    async with browser(running, tmp_path_factory.mktemp("office")) as opened:
        yield opened


async def page_in(chromium: Browser, **options: Any) -> Page:
    context = await chromium.new_context(permissions=["camera", "microphone"], **options)
    context.set_default_timeout(SECONDS * 1000)
    await context.add_init_script(NOTE_PATHS)
    return await context.new_page()


OPEN, BLOCKED = "open", "blocked"
FOUND = {
    "open": dict.fromkeys(("socket", "udp", "tcp", "relayUdp", "relayTcp", "relayTls"), OPEN),
    "strict": {
        **dict.fromkeys(("socket", "relayTls"), OPEN),
        **dict.fromkeys(("udp", "tcp", "relayUdp", "relayTcp"), BLOCKED),
    },
}
"""What the page that tests the connection says, by the office's firewall."""


class Host:
    """A member of staff, by what their page calls."""

    def __init__(self, page: Page) -> None:
        self._page = page

    @classmethod
    async def signed_in(cls, running: Stack, chromium: Browser) -> "Host":
        link = await running.token("--role", "host", "--site", "gavle", "--name", "Lena Ek")
        host = cls(await page_in(chromium))
        await host._page.goto(URL)
        await host.call("POST", "/staff/session", {"code": link["url"].rpartition("/")[2]})
        return host

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        return await self._page.evaluate(CALL, [method, path, body])

    async def link(self, meeting: str, **whom: Any) -> str:
        made = await self.call("POST", f"/meetings/{meeting}/invitations", whom)
        return str(made["url"])


async def met(running: Stack, chromium: Browser) -> tuple[Host, str, Person, Person]:
    """A host, the meeting, and in it a newcomer and an officer who hears them."""
    host = await Host.signed_in(running, chromium)
    meeting = (await host.call("POST", "/meetings", PLAN))["id"]
    newcomer = await Person.at(await page_in(chromium))
    await newcomer.enter(await host.link(meeting, role="newcomer"))
    officer = await Person.at(await page_in(chromium))
    await officer.enter(await host.link(meeting, role="officer", agency="skatteverket", station=1))
    await host.call("POST", f"/meetings/{meeting}/stations/1/start")
    await officer.hears(await newcomer.participant(), deadline=SECONDS)
    return host, meeting, newcomer, officer


@pytest.mark.parametrize(("firewall", "path"), [("open", "host udp"), ("strict", "relay tls")])
async def test_an_officer_joins_over_https_and_hears_the_newcomer(
    running: Stack, chromium: Browser, firewall: str, path: str
) -> None:
    with running.net.walled() if firewall == "strict" else nullcontext():
        host, meeting, newcomer, officer = await met(running, chromium)
        for person in (officer, newcomer):
            await person.until(TAKES, path, deadline=SECONDS, what=f"media goes {path}")
        await host.call("POST", f"/meetings/{meeting}/end")
    for page in (newcomer.page, officer.page):
        await page.context.close()


@pytest.mark.parametrize(("firewall", "means"), [("open", "good"), ("strict", "relayed")])
async def test_the_page_that_tests_the_connection_tells_what_is_blocked(
    running: Stack, chromium: Browser, firewall: str, means: str
) -> None:
    with running.net.walled() if firewall == "strict" else nullcontext():
        page = await page_in(chromium)
        await page.goto(f"{URL}/connection")
        await page.get_by_test_id("test-connection").click()
        verdict = page.get_by_test_id("verdict")
        await verdict.wait_for(timeout=SECONDS * 1000)
        found = {
            part: await page.get_by_test_id(f"part-{part}").get_attribute("data-state")
            for part in (*FOUND[firewall], "device", "down", "up")
        }
        assert found == {**FOUND[firewall], **dict.fromkeys(("device", "down", "up"), OPEN)}
        assert await verdict.get_attribute("data-verdict") == means
        assert f"TCP {TURN_NAME}:443" in await page.get_by_test_id("part-relayTls").inner_text()
        await page.context.close()


async def test_pages_are_back_with_sound_when_their_node_dies(running: Stack, chromium: Browser) -> None:
    host, meeting, newcomer, officer = await met(running, chromium)
    before = await running.owner(meeting)
    began = time.monotonic()
    await running.kill_node(before)
    await asyncio.gather(
        officer.hears(await newcomer.participant(), deadline=2 * SECONDS),
        newcomer.hears(await officer.participant(), deadline=2 * SECONDS),
    )
    print(f"\nboth hear each other {time.monotonic() - began:.1f} s after their node was killed")
    assert await running.owner(meeting) != before
    shown = await host.call("GET", f"/meetings/{meeting}")
    assert [station["state"] for station in shown["stations"]] == ["active"]
    for person in (officer, newcomer):
        assert await person.connection() == "joined"
        await person.page.context.close()
