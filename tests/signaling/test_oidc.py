"""Staff sign in at their own provider: real redirects, and nothing that was not asked for is believed."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest

from tests.support.provider import Provider, new_key, provider, settings_of
from tests.support.rest import Answer, Service, browser, service


@dataclass
class Desk:
    service: Service
    provider: Provider
    browser: aiohttp.ClientSession

    async def go(self, address: str, session: aiohttp.ClientSession | None = None) -> str:
        """Where the browser goes from there; stops at the provider's and our own edges."""
        async with (session or self.browser).get(address, allow_redirects=False) as answer:
            assert answer.status in (302, 303), await answer.text()
            return answer.headers["Location"]

    async def sign_in(self) -> str:
        """Through the provider and back; where it ends."""
        back = await self.go(await self.go(f"{self.service.url}/sign-in"))
        return await self.go(back)

    async def who(self) -> Answer:
        return await self.service.call("GET", "/api/v1/staff/session", token="", session=self.browser)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with provider() as made, browser() as own, service(tmp_path, oidc=settings_of(made)) as running:
        yield Desk(running, made, own)


def problem(address: str) -> str:
    return parse_qs(urlsplit(address).query)["problem"][0]


async def test_a_member_of_staff_signs_in_and_is_what_their_group_says(desk: Desk) -> None:
    assert await desk.sign_in() == "/"
    me = (await desk.who()).json
    assert (me["name"], me["role"]) == ("Lena Ek", "host")
    assert [site["id"] for site in me["sites"]] == ["norrkoping"]


async def test_another_group_has_another_part(desk: Desk) -> None:
    desk.provider.groups = ["other", "skatt"]
    await desk.sign_in()
    me = (await desk.who()).json
    assert (me["role"], me["agency"], me["sites"]) == ("agency_admin", "skatteverket", [])


async def test_somebody_of_no_group_has_no_part(desk: Desk) -> None:
    desk.provider.groups = ["guests"]
    assert problem(await desk.sign_in()) == "sign_in_no_role"
    assert (await desk.who()).status == 401


async def test_whoever_says_no_there_is_told_so_here(desk: Desk) -> None:
    desk.provider.says_no = True
    assert problem(await desk.sign_in()) == "sign_in_refused"


LIES: dict[str, dict[str, Any]] = {
    "another nonce": {"nonce": "stolen"},
    "another audience": {"aud": "another-client"},
    "another issuer": {"iss": "https://evil.example"},
    "long ago": {"exp": 1_600_000_000, "iat": 1_599_999_000},
    "no subject": {"sub": None},
}


@pytest.mark.parametrize("lie", LIES)
async def test_a_token_with_a_lie_in_it_is_refused(desk: Desk, lie: str) -> None:
    desk.provider.claims = LIES[lie]
    assert problem(await desk.sign_in()) == "sign_in_refused"
    assert (await desk.who()).status == 401


async def test_a_token_of_another_key_is_refused(desk: Desk) -> None:
    desk.provider.signs_with = new_key()
    assert problem(await desk.sign_in()) == "sign_in_refused"


async def test_an_answer_that_was_begun_in_another_browser_is_refused(desk: Desk) -> None:
    back = await desk.go(await desk.go(f"{desk.service.url}/sign-in"))
    async with browser() as victim:
        assert problem(await desk.go(back, victim)) == "sign_in_expired"
    assert await desk.go(back) == "/"


async def test_an_answer_works_once(desk: Desk) -> None:
    back = await desk.go(await desk.go(f"{desk.service.url}/sign-in"))
    assert await desk.go(back) == "/"
    assert problem(await desk.go(back)) == "sign_in_expired"


async def test_a_state_that_nobody_made_is_refused(desk: Desk) -> None:
    assert problem(await desk.go(f"{desk.service.url}/sign-in/callback?state=x&code=y")) == "sign_in_expired"
    assert problem(await desk.go(f"{desk.service.url}/sign-in/callback")) == "sign_in_expired"


async def test_signing_out_ends_it_here_and_there(desk: Desk) -> None:
    await desk.sign_in()
    headers = {"Origin": desk.service.url}
    async with desk.browser.post(f"{desk.service.url}/sign-out", headers=headers) as answer:
        there = (await answer.json())["address"]
    assert await desk.go(there) == f"{desk.service.url}/"
    assert desk.provider.signed_out == 1
    assert (await desk.who()).status == 401


async def test_another_site_s_page_signs_nobody_out(desk: Desk) -> None:
    await desk.sign_in()
    headers = {"Origin": "https://evil.example"}
    async with desk.browser.post(f"{desk.service.url}/sign-out", headers=headers) as answer:
        assert answer.status == 403
    assert (await desk.who()).status == 200


async def test_without_a_provider_there_is_no_such_door(tmp_path: Path) -> None:
    async with service(tmp_path) as running:
        answer = await running.call("GET", "/sign-in", token="")
        assert answer.status == 404


async def test_a_provider_that_does_not_answer_is_said_to_be_so(tmp_path: Path) -> None:
    async with provider() as made:
        gone = settings_of(made)
    async with service(tmp_path, oidc=gone) as running, browser() as own:
        desk = Desk(running, made, own)
        assert problem(await desk.go(f"{running.url}/sign-in")) == "sign_in_unavailable"
