"""Local accounts: a password and a code of the moment, once; whoever guesses is locked out."""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pyotp
import pytest
from typer.testing import CliRunner

from signaling.api.staff import PASSWORDS
from signaling.cli import app
from signaling.staff import Person
from tests.support.rest import SITE, Answer, Service, browser, service

PASSWORD = "korrekt häst batteri häftklammer"


@dataclass
class Desk:
    service: Service
    totp: pyotp.TOTP

    def code(self, ahead: int = 0) -> str:
        return self.totp.generate_otp(int(self.service.clock() // 30) + ahead)

    async def sign_in(
        self, session: aiohttp.ClientSession | None = None, origin: str | None = None, **changes: str
    ) -> Answer:
        body = {"login": "lena", "password": PASSWORD, "code": self.code(), **changes}
        headers = {"Origin": origin or self.service.url}
        return await self.service.call(
            "POST", "/api/v1/staff/password", body, headers=headers, token="", session=session
        )


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with service(tmp_path) as running:
        person = Person("u_lena", "Lena Ek", "host", (SITE,))
        secret = await running.services.accounts.add("lena", person, PASSWORD)
        yield Desk(running, pyotp.TOTP(secret))


async def test_a_person_signs_in_and_leads_meetings(desk: Desk) -> None:
    async with browser() as own:
        signed = await desk.sign_in(own)
        assert (signed.status, signed.json["name"]) == (200, "Lena Ek")
        cookie = signed.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        headers = {"Origin": desk.service.url}
        made = await desk.service.call(
            "POST", "/api/v1/meetings", {"alias": "S"}, token="", session=own, headers=headers
        )
        assert made.status == 201


WRONG: list[dict[str, str]] = [
    {"password": "something else entirely"},
    {"login": "nobody"},
    {"code": "000000"},
    {"code": "𝟎𝟎𝟎𝟎𝟎𝟎"},
    {"password": ""},
]


@pytest.mark.parametrize("wrong", WRONG[:4], ids=str)
async def test_what_is_wrong_is_not_said(desk: Desk, wrong: dict[str, str]) -> None:
    answer = await desk.sign_in(**wrong)
    assert (answer.status, answer.code) == (401, "sign_in_failed")
    assert answer.json["detail"] == "the name, the password or the code is wrong"


async def test_a_code_of_the_moment_is_taken_once(desk: Desk) -> None:
    code = desk.code()
    assert (await desk.sign_in(code=code)).status == 200
    assert (await desk.sign_in(code=code)).status == 401
    assert (await desk.sign_in(code=desk.code(-1))).status == 401
    assert (await desk.sign_in(code=desk.code(1))).status == 200


async def test_whoever_guesses_is_locked_out_for_longer_and_longer(desk: Desk) -> None:
    for _ in range(5):
        assert (await desk.sign_in(password="guess")).status == 401
    locked = await desk.sign_in()
    assert (locked.status, locked.code) == (429, "sign_in_locked")
    assert 1 <= int(locked.headers["Retry-After"]) <= 61
    desk.service.clock.ahead += 61
    assert (await desk.sign_in(password="guess")).status == 401
    again = await desk.sign_in()
    assert int(again.headers["Retry-After"]) > 61
    desk.service.clock.ahead += 121
    assert (await desk.sign_in()).status == 200


async def test_whoever_guesses_elsewhere_does_not_lock_out_a_person_in_their_own_browser(desk: Desk) -> None:
    async with browser() as own, browser() as another:
        assert (await desk.sign_in(own)).status == 200
        for _ in range(5):
            assert (await desk.sign_in(password="guess")).status == 401
        assert (await desk.sign_in(another, code=desk.code(1))).code == "sign_in_locked"
        assert (await desk.sign_in(own, code=desk.code(1))).status == 200
        desk.service.services.limiter._buckets.clear()
        for _ in range(5):
            assert (await desk.sign_in(own, password="guess")).status == 401
        desk.service.clock.ahead += 30
        assert (await desk.sign_in(own, code=desk.code(1))).code == "sign_in_locked"


async def test_what_one_person_s_browser_was_given_opens_nothing_for_another(desk: Desk) -> None:
    await desk.service.services.accounts.add("omar", Person("u_omar", "Omar", "host", (SITE,)), PASSWORD)
    async with browser() as own:
        await desk.sign_in(own)
        for _ in range(5):
            assert (await desk.sign_in(login="omar", password="guess")).status == 401
        assert (await desk.sign_in(own, login="omar")).code == "sign_in_locked"


async def test_a_name_that_is_not_there_is_locked_like_any_other(desk: Desk) -> None:
    answers = [await desk.sign_in(login="nobody") for _ in range(6)]
    assert [answer.status for answer in answers] == [401] * 5 + [429]


async def test_one_address_tries_a_few_times_a_minute(desk: Desk) -> None:
    began, tries = time.monotonic(), 0
    while (answer := await desk.sign_in(login=f"n{tries}")).status == 401:
        tries += 1
    assert answer.code == "too_many_requests"
    waited = (time.monotonic() - began) / 60
    assert PASSWORDS <= tries <= PASSWORDS * (1 + waited) + 1


async def test_another_site_s_page_signs_nobody_in(desk: Desk) -> None:
    answer = await desk.sign_in(origin="https://evil.example")
    assert (answer.status, answer.code) == (403, "origin_forbidden")


async def test_a_person_sees_where_they_are_signed_in_and_signs_out_there(desk: Desk) -> None:
    async with browser() as home, browser() as office:
        await desk.sign_in(home)
        await desk.sign_in(office, code=desk.code(1))

        async def ask(session: aiohttp.ClientSession, method: str, path: str) -> Answer:
            headers = {"Origin": desk.service.url}
            return await desk.service.call(method, path, token="", session=session, headers=headers)

        seen: list[dict[str, Any]] = (await ask(office, "GET", "/api/v1/staff/sessions")).json["sessions"]
        assert sorted(each["here"] for each in seen) == [False, True]
        there = next(each["id"] for each in seen if not each["here"])
        assert (await ask(office, "DELETE", f"/api/v1/staff/sessions/{there}")).status == 204
        assert (await ask(home, "GET", "/api/v1/staff/session")).code == "session_missing"
        assert (await ask(office, "DELETE", f"/api/v1/staff/sessions/{there}")).code == "session_unknown"
        assert (await ask(office, "GET", "/api/v1/staff/session")).status == 200


def motesrum(folder: Path, *words: str, given: str = "") -> tuple[int, str]:
    done = CliRunner().invoke(app, [*words, "--data", str(folder)], input=given)
    return done.exit_code, done.output


def test_accounts_are_made_and_taken_away_by_the_command(tmp_path: Path) -> None:
    code, told = motesrum(tmp_path, "user", "add", "lena", "--site", SITE)
    assert code == 0, told
    password, uri = told.splitlines()
    assert password.startswith("password: ")
    assert uri.startswith("otpauth://totp/")
    assert motesrum(tmp_path, "user", "add", "lena", "--site", SITE)[0] == 2
    code, told = motesrum(tmp_path, "user", "add", "karin", "--site", SITE, given=PASSWORD)
    assert (code, "password" in told) == (0, False)
    assert motesrum(tmp_path, "user", "add", "kort", "--site", SITE, given="kort")[0] == 2
    assert motesrum(tmp_path, "user", "add", "x", "--role", "king", "--site", SITE)[0] == 2
    assert motesrum(tmp_path, "user", "add", "x", "--site", "nowhere")[0] == 2
    assert motesrum(tmp_path, "user", "remove", "lena")[0] == 0
    assert motesrum(tmp_path, "user", "remove", "lena")[0] == 2
