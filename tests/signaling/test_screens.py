"""Screens at an office: paired by the code they show, and told which meeting to open; nothing else."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from signaling import screens
from signaling.screens import ALPHABET, CODE_LIFETIME, LENGTH, PAIRED_FOR
from tests.support.rest import ELSEWHERE, Answer, Clock, Service, browser, service

SCREEN = "/api/v1/screen"
SCREENS = "/api/v1/screens"


@dataclass
class OfficeScreen:
    """A browser that stands at the office. `known` is the version it was told last."""

    desk: Service
    http: aiohttp.ClientSession
    known: int = 0

    async def call(self, method: str, path: str = "", origin: str | None = None) -> Answer:
        headers = {"Origin": origin or self.desk.url}
        return await self.desk.call(method, SCREEN + path, headers=headers, token="", session=self.http)

    async def code(self) -> str:
        answer = await self.call("POST", "/code")
        assert answer.status == 201, answer.body
        return str(answer.json["code"])

    async def ask(self) -> dict[str, Any]:
        """At once, whatever it knows."""
        answer = await self.call("GET")
        assert answer.status == 200, answer.body
        self.known = answer.json["version"]
        return dict(answer.json)

    async def news(self) -> dict[str, Any]:
        """What comes next."""
        async with asyncio.timeout(10):
            answer = await self.call("GET", f"?known={self.known}")
        self.known = answer.json["version"]
        return dict(answer.json)

    async def open(self) -> Answer:
        return await self.call("POST", "/invitation")


@dataclass
class Office:
    desk: Service
    clock: Clock

    async def pair(self, code: str, name: str = "Rum 2", **more: Any) -> Answer:
        token = more.pop("token", None)
        return await self.desk.call("POST", SCREENS, {"code": code, "name": name, **more}, token=token)

    async def show(self, screen: str, meeting: str | None, token: str | None = None) -> Answer:
        path = f"{SCREENS}/{screen}/meeting"
        return await self.desk.call("PUT", path, {"meeting": meeting}, token=token)

    async def listed(self, token: str | None = None) -> list[dict[str, Any]]:
        return list((await self.desk.call("GET", SCREENS, token=token)).json["screens"])


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    clock = Clock()
    async with service(tmp_path, clock=clock) as desk:
        yield Office(desk, clock)


@pytest.fixture
async def screen(office: Office) -> AsyncIterator[OfficeScreen]:
    async with browser() as http:
        yield OfficeScreen(office.desk, http)


async def paired(office: Office, screen: OfficeScreen) -> str:
    answer = await office.pair(await screen.code())
    assert answer.status == 201, answer.body
    assert (await screen.ask())["state"] == "idle"
    return str(answer.json["id"])


async def test_a_screen_is_paired_by_its_code_and_shows_what_staff_choose(
    office: Office, screen: OfficeScreen
) -> None:
    id_ = await paired(office, screen)
    meeting = (await office.desk.meeting())["id"]
    assert (await office.show(id_, meeting)).json["meeting"] == meeting
    assert (await screen.ask())["state"] == "meeting"

    link = (await screen.open()).json
    redeemed = (await office.desk.redeem(link["code"], screen.http)).json
    assert (redeemed["meeting"], redeemed["role"]) == (meeting, "newcomer")
    assert (await office.listed())[0]["name"] == "Rum 2"

    await office.desk.call("POST", f"/api/v1/meetings/{meeting}/end")
    assert (await screen.ask())["state"] == "idle"
    assert (await office.listed())[0]["meeting"] is None


async def test_a_waiting_screen_is_told_at_once(office: Office, screen: OfficeScreen) -> None:
    code = await screen.code()
    waiting = asyncio.create_task(screen.news())
    id_ = (await office.pair(code)).json["id"]
    assert (await waiting)["state"] == "idle"
    meeting = (await office.desk.meeting())["id"]
    waiting = asyncio.create_task(screen.news())
    await office.show(id_, meeting)
    assert (await waiting)["state"] == "meeting"
    waiting = asyncio.create_task(screen.news())
    await office.show(id_, None)
    assert (await waiting)["state"] == "idle"
    waiting = asyncio.create_task(screen.news())
    await office.desk.call("DELETE", f"{SCREENS}/{id_}")
    assert (await waiting)["state"] == "unpaired"


async def test_a_question_without_news_is_answered_after_a_while(
    office: Office, screen: OfficeScreen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screens, "HOLD", 0.05)
    await paired(office, screen)
    known = screen.known
    assert (await screen.news())["version"] == known


async def test_the_newcomer_of_a_screen_is_the_one_whom_the_meeting_has(
    office: Office, screen: OfficeScreen
) -> None:
    id_ = await paired(office, screen)
    meeting = (await office.desk.meeting())["id"]
    newcomer = (await office.desk.invite(meeting, "newcomer"))["participant"]
    await office.show(id_, meeting)
    first, second = (await screen.open()).json, (await screen.open()).json
    assert first["participant"] == second["participant"] == newcomer
    assert (await office.desk.redeem(first["code"], screen.http)).code == "invitation_revoked"
    assert (await office.desk.redeem(second["code"], screen.http)).status == 200


async def test_what_a_screen_showed_is_taken_from_it(office: Office, screen: OfficeScreen) -> None:
    id_ = await paired(office, screen)
    meeting = (await office.desk.meeting())["id"]
    for take_back in ("another", "nothing", "forgotten"):
        await office.show(id_, meeting)
        link = (await screen.open()).json
        assert (await office.desk.redeem(link["code"], screen.http)).status == 200
        if take_back == "another":
            await office.show(id_, (await office.desk.meeting())["id"])
        elif take_back == "nothing":
            await office.show(id_, None)
        else:
            await office.desk.call("DELETE", f"{SCREENS}/{id_}")
        assert (await office.desk.redeem(link["code"], screen.http)).code == "invitation_revoked"
    assert (await screen.open()).code == "screen_unpaired"


async def test_a_screen_that_is_not_paired_can_do_nothing(office: Office, screen: OfficeScreen) -> None:
    answer = await screen.call("GET")
    assert (answer.status, answer.code) == (401, "screen_missing")
    await screen.code()
    assert (await screen.ask()) == {"state": "unpaired", "version": 0, "name": None, "site_name": None}
    answer = await screen.open()
    assert (answer.status, answer.code) == (403, "screen_unpaired")


async def test_a_screen_s_cookie_opens_nothing_else(office: Office, screen: OfficeScreen) -> None:
    answer = await screen.call("POST", "/code")
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert f"Path={SCREEN}" in cookie
    await office.pair(answer.json["code"])
    await office.desk.meeting()
    for path in ("/api/v1/meetings", SCREENS, "/api/v1/catalogue", "/api/v1/staff/session"):
        refused = await office.desk.call("GET", path, token="", session=screen.http)
        assert refused.status == 401
    answer = await screen.open()
    assert (answer.status, answer.code) == (409, "screen_idle")


async def test_a_code_is_short_readable_and_hard_to_guess(screen: OfficeScreen) -> None:
    codes = {await screen.code() for _ in range(5)}
    assert len(codes) == 5
    for code in codes:
        assert len(code) == LENGTH
        assert set(code) <= set(ALPHABET)
    assert len(ALPHABET) ** LENGTH >= 2**40
    answer = await screen.call("POST", "/code")
    assert answer.headers["Cache-Control"] == "no-store"


async def test_a_code_is_read_as_people_write_it(
    office: Office, screen: OfficeScreen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screens, "_new_code", lambda: "AB01CDEF")
    await screen.code()
    assert (await office.pair("ab-oL cdef")).status == 201


async def test_a_code_pairs_once_and_for_ten_minutes(office: Office, screen: OfficeScreen) -> None:
    code = await screen.code()
    office.clock.ahead = CODE_LIFETIME + 1
    assert (await office.pair(code)).code == "screen_code_unknown"
    code = await screen.code()
    answers = await asyncio.gather(*(office.pair(code, f"Rum {n}") for n in range(4)))
    assert sorted(answer.status for answer in answers) == [201, 404, 404, 404]
    answer = await screen.call("POST", "/code")
    assert (answer.status, answer.code) == (409, "screen_paired")


async def test_a_pairing_ends_by_itself(office: Office, screen: OfficeScreen) -> None:
    await paired(office, screen)
    office.clock.ahead = PAIRED_FOR + 1
    assert (await screen.ask())["state"] == "unpaired"
    assert await office.listed() == []


async def test_guessing_is_limited_for_staff_and_for_screens(office: Office, screen: OfficeScreen) -> None:
    guesses = [await office.pair(f"GUESS{n:03}") for n in range(12)]
    assert guesses[0].code == "screen_code_unknown"
    assert (guesses[-1].status, guesses[-1].code) == (429, "too_many_requests")
    burst = office.desk.services.settings.limits.redemptions_per_minute
    answers = [await screen.call("POST", "/code") for _ in range(2 * burst)]
    assert 429 in {answer.status for answer in answers}


@pytest.mark.parametrize("path", ["/code", "/invitation"])
async def test_another_page_cannot_use_a_screen(screen: OfficeScreen, path: str) -> None:
    answer = await screen.call("POST", path, origin="https://evil.example")
    assert (answer.status, answer.code) == (403, "origin_forbidden")


async def test_a_screen_is_its_offices_own(office: Office, screen: OfficeScreen) -> None:
    id_ = await paired(office, screen)
    stranger = office.desk.staff_token(sub="eva", sites=(ELSEWHERE,))
    meeting = (await office.desk.meeting())["id"]
    assert await office.listed(stranger) == []
    assert (await office.show(id_, None, stranger)).code == "screen_unknown"
    forgotten = await office.desk.call("DELETE", f"{SCREENS}/{id_}", token=stranger)
    assert (forgotten.status, forgotten.code) == (404, "screen_unknown")
    other = await office.desk.call("POST", "/api/v1/meetings", {"alias": "A"}, token=stranger)
    assert (await office.show(id_, other.json["id"])).code == "meeting_unknown"
    answer = await office.pair("ABCDEFGH", site=ELSEWHERE)
    assert (answer.status, answer.code) == (403, "not_allowed")
    await office.desk.call("POST", f"/api/v1/meetings/{meeting}/end")
    assert (await office.show(id_, meeting)).code == "meeting_ended"


async def test_a_screen_is_remembered_over_a_restart(tmp_path: Path) -> None:
    async with browser() as http:
        async with service(tmp_path) as desk:
            screen = OfficeScreen(desk, http)
            id_ = await paired(Office(desk, desk.clock), screen)
            port = desk.services.settings.http_port
        async with service(tmp_path, port=port) as desk:
            assert (await OfficeScreen(desk, http).ask())["name"] == "Rum 2"
            assert [each["id"] for each in await Office(desk, desk.clock).listed()] == [id_]


async def test_somebody_who_waits_does_not_keep_the_service_from_stopping(tmp_path: Path) -> None:
    async with browser() as http:
        async with asyncio.timeout(20), service(tmp_path) as desk:
            screen = OfficeScreen(desk, http)
            await paired(Office(desk, desk.clock), screen)
            waiting = asyncio.create_task(screen.news())
            while not desk.services.screens.waiting:
                await asyncio.sleep(0.01)
        assert (await waiting)["state"] == "idle"
