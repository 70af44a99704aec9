"""Staff: single-use links, cookie sessions, bearer tokens, and where a call must come from."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from signaling.staff import LINK_LIFETIME, Person
from tests.support.rest import SITE, Answer, Clock, Service, browser, service

SESSION = "/api/v1/staff/session"


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Service]:
    async with service(tmp_path) as running:
        yield running


async def code(desk: Service, role: str = "host") -> str:
    return (await desk.services.staff.create_link(Person("anna", "Anna", role, (SITE,)))).code


async def sign_in(desk: Service, with_code: str) -> Answer:
    return await desk.call("POST", SESSION, {"code": with_code}, token="")


async def test_a_link_signs_in_once_and_a_cookie_stays(desk: Service) -> None:
    answer = await sign_in(desk, await code(desk))
    assert answer.status == 200
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    shown = await desk.call("GET", SESSION, token="")
    assert shown.json == answer.json
    assert shown.json["sites"] == [
        {"id": SITE, "name": "Servicekontoret Norrköping", "time_zone": "Europe/Stockholm"}
    ]
    assert (shown.json["name"], shown.json["role"]) == ("Anna", "host")


async def test_a_used_link_is_used_for_everybody_but_that_browser(desk: Service) -> None:
    link = await code(desk)
    await sign_in(desk, link)
    assert (await sign_in(desk, link)).status == 200
    async with browser() as other:
        answer = await desk.call("POST", SESSION, {"code": link}, token="", session=other)
    assert (answer.status, answer.code) == (410, "staff_link_used")


async def test_of_many_who_sign_in_at_once_one_succeeds(desk: Service) -> None:
    link = await code(desk)
    browsers = [browser() for _ in range(20)]
    try:
        calls = (desk.call("POST", SESSION, {"code": link}, token="", session=each) for each in browsers)
        answers = await asyncio.gather(*calls)
    finally:
        await asyncio.gather(*(each.close() for each in browsers))
    assert sorted(answer.status for answer in answers) == [200, *[410] * 19]


async def test_links_and_sessions_expire(tmp_path: Path) -> None:
    clock = Clock()
    async with service(tmp_path, clock=clock) as desk:
        late, early = await code(desk), await code(desk)
        assert (await sign_in(desk, early)).status == 200
        clock.ahead = LINK_LIFETIME + 1
        assert (await sign_in(desk, late)).code == "staff_link_expired"
        assert (await desk.call("GET", SESSION, token="")).status == 200
        clock.ahead = 12 * 3600 + 1
        answer = await desk.call("GET", SESSION, token="")
        assert (answer.status, answer.code) == (401, "session_missing")


async def test_a_session_outlives_a_restart(tmp_path: Path) -> None:
    async with service(tmp_path) as desk:
        await sign_in(desk, await code(desk))
        cookies = {cookie.key: cookie.value for cookie in desk.http.cookie_jar}
        port = desk.services.settings.http_port
    async with service(tmp_path, port=port) as desk:
        desk.http.cookie_jar.update_cookies(cookies)
        assert (await desk.call("GET", SESSION, token="")).json["name"] == "Anna"


async def test_signing_out_ends_the_session_everywhere(desk: Service) -> None:
    await sign_in(desk, await code(desk))
    cookies = {cookie.key: cookie.value for cookie in desk.http.cookie_jar}
    origin = {"Origin": desk.url}
    assert (await desk.call("DELETE", SESSION, token="", headers=origin)).status == 204
    async with browser() as copy:
        copy.cookie_jar.update_cookies(cookies)
        answer = await desk.call("GET", SESSION, token="", session=copy)
    assert answer.status == 401


@pytest.mark.parametrize("origin", [None, "https://evil.example", "null", "http://localhost.evil.example"])
async def test_a_cookie_changes_nothing_from_another_page(desk: Service, origin: str | None) -> None:
    await sign_in(desk, await code(desk))
    headers = {} if origin is None else {"Origin": origin}
    for method, path, body in (
        ("POST", "/api/v1/meetings", {}),
        ("DELETE", "/api/v1/grants?agency=kommun", None),
        ("DELETE", SESSION, None),
    ):
        answer = await desk.call(method, path, body, token="", headers=headers)
        assert (answer.status, answer.code) == (403, "origin_forbidden")
    assert (await desk.call("GET", "/api/v1/meetings", token="", headers=headers)).json["meetings"] == []


async def test_a_cookie_works_from_our_own_pages_and_those_of_the_settings(tmp_path: Path) -> None:
    origins = ("https://start.example.se",)
    async with service(tmp_path, public_url="http://localhost:1", allowed_origins=origins) as desk:
        await sign_in(desk, await code(desk))
        for origin in (desk.url, "http://localhost:1", *origins):
            answer = await desk.call("POST", "/api/v1/meetings", {}, token="", headers={"Origin": origin})
            assert answer.status == 201


async def test_a_page_without_https_is_not_ours_where_we_have_it(tmp_path: Path) -> None:
    """Somebody on the way can put it into any browser, under our name."""
    wrong = {"login": "lena", "password": "guess", "code": "000000"}
    async with service(tmp_path, public_url="https://rum.example.se") as desk:
        codes = []
        for origin in ("http://rum.example.se", "https://rum.example.se"):
            headers = {"Origin": origin, "Host": "rum.example.se"}
            answer = await desk.call("POST", "/api/v1/staff/password", wrong, headers=headers, token="")
            codes.append(answer.code)
    assert codes == ["origin_forbidden", "sign_in_failed"]


async def test_without_any_proof_nothing_opens(desk: Service) -> None:
    for headers in ({}, {"Authorization": "Basic YTpi"}, {"Authorization": "Bearer"}):
        answer = await desk.call("GET", "/api/v1/meetings", token="", headers=headers)
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert answer.code in ("token_missing", "token_invalid")


async def test_a_participant_s_token_is_no_staff_token(desk: Service) -> None:
    meeting = (await desk.meeting())["id"]
    link = await desk.invite(meeting, "host")
    token = (await desk.redeem(link["code"])).json["access_token"]
    answer = await desk.call("GET", f"/api/v1/meetings/{meeting}", token=token)
    assert (answer.status, answer.code) == (403, "token_wrong_type")


async def test_a_staff_token_expires_and_can_be_taken_back(tmp_path: Path) -> None:
    clock = Clock()
    async with service(tmp_path, clock=clock) as desk:
        token, expires_in = desk.services.tokens.issue_staff(sub="a", name="A", role="host", sites=[SITE])
        assert expires_in == 12 * 3600
        jti = desk.services.tokens.verify_staff(token).jti
        answer = await desk.call("DELETE", f"/api/v1/grants?jti={jti}", token=desk.staff_token(sub="b"))
        assert (answer.status, answer.code) == (403, "not_allowed")
        assert (await desk.call("DELETE", f"/api/v1/grants?jti={jti}", token=token)).status == 200
        assert (await desk.call("GET", "/api/v1/meetings", token=token)).code == "token_invalid"
        other = desk.staff_token()
        clock.ahead = 12 * 3600
        assert (await desk.call("GET", "/api/v1/meetings", token=other)).code == "token_expired"


async def test_a_code_of_the_one_kind_of_link_is_unknown_to_the_other(desk: Service) -> None:
    link = await desk.invite((await desk.meeting())["id"], "host")
    answer = await sign_in(desk, link["code"])
    assert (answer.status, answer.code) == (404, "staff_link_unknown")
    assert (await desk.redeem(await code(desk))).code == "invitation_unknown"
