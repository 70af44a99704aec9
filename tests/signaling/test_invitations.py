"""One-time links: opened once, again by the same browser, and by nobody else."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from config.settings import Limits
from rooms.commands import Remove
from rooms.store.base import StoreUnavailable
from signaling.invitations import INVITATION, KEPT, LINKS_KEPT
from tests.support.rest import Answer, Clock, Service, browser, service


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Service]:
    async with service(tmp_path) as running:
        yield running


def told(answer: Answer) -> tuple[int, str, str]:
    return answer.status, answer.json["error"], answer.code


async def test_a_link_carries_128_bits_and_the_store_only_their_hash(desk: Service, tmp_path: Path) -> None:
    link = await desk.invite((await desk.meeting())["id"], "newcomer")
    assert len(link["code"]) == 22
    assert link["url"] == f"{desk.services.settings.public_url}/j/{link['code']}"
    await desk.redeem(link["code"])
    await desk.services.store.close()
    stored = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert link["id"].encode() in stored
    assert link["code"].encode() not in stored


async def test_a_second_browser_is_told_that_the_link_is_used(desk: Service) -> None:
    link = await desk.invite((await desk.meeting())["id"], "newcomer")
    assert (await desk.redeem(link["code"])).status == 200
    async with browser() as other:
        answer = await desk.redeem(link["code"], other)
    assert told(answer) == (410, "invalid_grant", "invitation_used")
    assert answer.json["error_description"]


async def test_a_store_that_answers_too_late_costs_nobody_their_link(
    desk: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = desk.services.store.records
    change = records.compare_and_set

    async def late(kind: str, *args: Any) -> bool:
        changed = await change(kind, *args)
        if kind == INVITATION:
            raise StoreUnavailable("no answer in time")
        return changed

    link = await desk.invite((await desk.meeting())["id"], "newcomer")
    monkeypatch.setattr(records, "compare_and_set", late)
    assert (await desk.redeem(link["code"])).json["participant"] == link["participant"]
    async with browser() as other:
        assert (await desk.redeem(link["code"], other)).code == "invitation_used"


async def test_a_store_that_is_away_keeps_the_link_for_later(
    desk: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*args: Any) -> bool:
        raise StoreUnavailable("the disk is gone")

    link = await desk.invite((await desk.meeting())["id"], "newcomer")
    with monkeypatch.context() as during:
        during.setattr(desk.services.store.records, "compare_and_set", away)
        assert (await desk.redeem(link["code"])).status == 503
    assert (await desk.redeem(link["code"])).status == 200


async def test_the_same_browser_comes_back_with_its_cookie(desk: Service) -> None:
    link = await desk.invite((await desk.meeting())["id"], "newcomer")
    first, second = await desk.redeem(link["code"]), await desk.redeem(link["code"])
    assert first.status == second.status == 200
    assert first.json["participant"] == second.json["participant"]
    assert first.json["access_token"] != second.json["access_token"]


async def test_links_of_several_roles_live_side_by_side_in_one_browser(desk: Service) -> None:
    meeting = (await desk.meeting())["id"]
    links = [await desk.invite(meeting, role) for role in ("newcomer", "host", "interpreter")]
    for _ in range(2):
        for link in links:
            assert (await desk.redeem(link["code"])).json["participant"] == link["participant"]


class OldBrowser:
    """Sends its cookies as RFC 6265 has it, the oldest first; aiohttp sorts them by name."""

    def __init__(self, desk: Service) -> None:
        self.desk = desk
        self.cookies: dict[str, str] = {}

    async def redeem(self, code: str) -> int:
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        async with (
            aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http,
            http.post(
                f"{self.desk.url}/api/v1/token", json={"code": code}, headers={"Cookie": cookies}
            ) as answer,
        ):
            for name, morsel in answer.cookies.items():
                if morsel["max-age"] == "0":
                    del self.cookies[name]
                else:
                    self.cookies[name] = morsel.value
            return answer.status


@pytest.mark.parametrize(("scheme", "number"), [("http", 120), ("https", LINKS_KEPT + 5)])
async def test_a_browser_that_opens_links_every_day_forgets_the_oldest_and_never_fails(
    tmp_path: Path, scheme: str, number: int
) -> None:
    limits = Limits(calls_burst=10_000, redemptions_per_minute=10_000)
    async with service(tmp_path, limits=limits, public_url=f"{scheme}://moten.example") as desk:
        meeting, screen = (await desk.meeting())["id"], OldBrowser(desk)
        links = [await desk.invite(meeting, "interpreter") for _ in range(number)]
        assert [await screen.redeem(link["code"]) for link in links] == [200] * len(links)
        assert len(screen.cookies) == LINKS_KEPT
        assert [await screen.redeem(link["code"]) for link in links[-LINKS_KEPT:]] == [200] * LINKS_KEPT
        assert await screen.redeem(links[0]["code"]) == 410


async def test_a_cookie_of_one_link_does_not_open_another(desk: Service) -> None:
    meeting = (await desk.meeting())["id"]
    mine, theirs = await desk.invite(meeting, "interpreter"), await desk.invite(meeting, "companion")
    cookie = (await desk.redeem(mine["code"])).headers["Set-Cookie"].split(";")[0].split("=")[1]
    async with browser() as other:
        name = (await desk.redeem(theirs["code"], other)).headers["Set-Cookie"].split("=")[0]
    async with browser() as thief:
        answer = await desk.call(
            "POST",
            "/api/v1/token",
            {"code": theirs["code"]},
            token="",
            headers={"Cookie": f"{name}={cookie}"},
            session=thief,
        )
    assert answer.code == "invitation_used"


async def test_the_cookie_is_out_of_reach_for_scripts_and_other_pages(tmp_path: Path) -> None:
    for url, secure in (("https://meetings.example.se", True), ("http://localhost:1", False)):
        async with service(tmp_path, public_url=url) as desk:
            link = await desk.invite((await desk.meeting())["id"], "newcomer")
            cookie = (await desk.redeem(link["code"])).headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert "Path=/api/v1/token" in cookie
        assert ("Secure" in cookie) is secure
        assert link["code"] not in cookie


async def test_of_a_hundred_redemptions_at_once_exactly_one_succeeds(desk: Service) -> None:
    link = await desk.invite((await desk.meeting())["id"], "newcomer")
    browsers = [browser() for _ in range(100)]
    try:
        answers = await asyncio.gather(*(desk.redeem(link["code"], each) for each in browsers))
        again = await asyncio.gather(*(desk.redeem(link["code"], each) for each in browsers))
    finally:
        await asyncio.gather(*(each.close() for each in browsers))
    assert sorted(answer.status for answer in answers) == [200, *[410] * 99]
    assert {answer.code for answer in answers if answer.status == 410} == {"invitation_used"}
    assert [a.status for a in again] == [a.status for a in answers]


async def test_a_scanner_that_opens_the_link_changes_nothing(desk: Service) -> None:
    link = await desk.invite((await desk.meeting())["id"], "newcomer")
    for method in ("GET", "HEAD", "GET"):
        answer = await desk.call(method, f"/j/{link['code']}", token="")
        assert "Set-Cookie" not in answer.headers
    for method in ("GET", "HEAD"):
        answer = await desk.call(method, "/api/v1/token", {"code": link["code"]}, token="")
        assert answer.status == 405
    assert (await desk.redeem(link["code"])).status == 200


async def test_a_link_tells_for_whom_it_is_without_being_used(desk: Service) -> None:
    link = await desk.invite((await desk.meeting())["id"], "companion", name="Yusuf", language="so")
    for _ in range(2):
        told_of = await desk.call("POST", "/api/v1/links", {"code": link["code"]}, token="")
        assert (told_of.json["role"], told_of.json["language"]) == ("companion", "so")
        assert "Set-Cookie" not in told_of.headers
        assert told_of.json["router_rtp_capabilities"] == desk.services.hub.workers.router_capabilities
    assert (await desk.redeem(link["code"])).status == 200
    assert (
        await desk.call("POST", "/api/v1/links", {"code": "A" * 22}, token="")
    ).code == "invitation_unknown"


async def test_links_and_cookies_outlive_a_restart(tmp_path: Path) -> None:
    async with service(tmp_path) as desk, browser() as phone:
        meeting = (await desk.meeting())["id"]
        used, fresh = await desk.invite(meeting, "newcomer"), await desk.invite(meeting, "interpreter")
        first = await desk.redeem(used["code"], phone)
        port = desk.services.settings.http_port
        jar = phone.cookie_jar
        token = desk.host_token
        cookies = {cookie.key: cookie.value for cookie in jar}
    async with service(tmp_path, port=port) as desk:
        desk.http.cookie_jar.update_cookies(cookies)
        again = await desk.redeem(used["code"])
        assert again.json["participant"] == first.json["participant"]
        assert (await desk.redeem(fresh["code"])).json["participant"] == fresh["participant"]
        assert (await desk.call("GET", f"/api/v1/meetings/{meeting}", token=token)).status == 200
        claims = desk.services.tokens.verify_access(first.json["access_token"])
        assert await desk.services.invitations.grant_stands(meeting, claims.sub, claims.jti)


async def test_a_link_expires_and_is_still_known_as_expired(tmp_path: Path) -> None:
    clock = Clock()
    async with service(tmp_path, clock=clock, link_lifetime=60) as desk:
        link = await desk.invite((await desk.meeting())["id"], "newcomer")
        clock.ahead = 61
        assert told(await desk.redeem(link["code"])) == (410, "invalid_grant", "invitation_expired")
        clock.ahead = 62 + KEPT
        assert told(await desk.redeem(link["code"])) == (404, "invalid_grant", "invitation_unknown")


async def test_a_link_of_a_planned_meeting_lasts_over_its_day(tmp_path: Path) -> None:
    clock = Clock()
    async with service(tmp_path, clock=clock, link_lifetime=60) as desk:
        meeting = await desk.meeting(planned_at="2027-06-01T09:00:00+02:00")
        link = await desk.invite(meeting["id"], "newcomer")
        assert link["expires_at"].startswith("2027-06-02T07:00:00")


async def test_a_browser_that_has_come_in_may_come_back_after_the_link_s_expiry(tmp_path: Path) -> None:
    clock = Clock()
    async with service(tmp_path, clock=clock, link_lifetime=60) as desk:
        link = await desk.invite((await desk.meeting())["id"], "newcomer")
        await desk.redeem(link["code"])
        clock.ahead = 3600
        assert (await desk.redeem(link["code"])).status == 200


@pytest.mark.parametrize("code", ["A" * 22, "x", "ö" * 22, "../../etc", "A" * 200])
async def test_a_code_that_nobody_made_is_unknown(desk: Service, code: str) -> None:
    assert told(await desk.redeem(code)) == (404, "invalid_grant", "invitation_unknown")


async def test_a_link_of_an_ended_meeting_says_so(desk: Service) -> None:
    meeting = (await desk.meeting())["id"]
    used, fresh = await desk.invite(meeting, "newcomer"), await desk.invite(meeting, "interpreter")
    await desk.redeem(used["code"])
    await desk.call("POST", f"/api/v1/meetings/{meeting}/end")
    for link in (used, fresh):
        assert told(await desk.redeem(link["code"])) == (410, "invalid_grant", "meeting_ended")


async def test_a_revoked_link_opens_nothing_used_or_not(desk: Service) -> None:
    meeting = (await desk.meeting())["id"]
    used, fresh = await desk.invite(meeting, "newcomer"), await desk.invite(meeting, "interpreter")
    claims = desk.services.tokens.verify_access((await desk.redeem(used["code"])).json["access_token"])
    for link in (used, fresh):
        for _ in range(2):
            assert (await desk.call("DELETE", f"/api/v1/invitations/{link['id']}")).status == 204
        assert told(await desk.redeem(link["code"])) == (410, "invalid_grant", "invitation_revoked")
    assert not await desk.services.invitations.grant_stands(meeting, claims.sub, claims.jti)
    again = await desk.invite(meeting, "newcomer")
    assert again["participant"] == used["participant"]
    assert (await desk.redeem(again["code"])).status == 200


async def test_a_new_link_for_the_same_person_makes_the_unused_one_void(desk: Service) -> None:
    meeting = (await desk.meeting())["id"]
    old = await desk.invite(meeting, "interpreter", name="Layla")
    new = await desk.invite(meeting, "interpreter", participant=old["participant"])
    assert new["participant"] == old["participant"]
    assert (await desk.redeem(old["code"])).code == "invitation_revoked"
    assert (await desk.redeem(new["code"])).status == 200
    people = (await desk.call("GET", f"/api/v1/meetings/{meeting}")).json["participants"]
    assert [person["name"] for person in people] == ["Layla"]


async def test_a_new_link_leaves_the_device_that_came_in_with_the_old_one(desk: Service) -> None:
    meeting = (await desk.meeting())["id"]
    old = await desk.invite(meeting, "interpreter")
    async with browser() as laptop, browser() as phone:
        assert (await desk.redeem(old["code"], laptop)).status == 200
        new = await desk.invite(meeting, "interpreter", participant=old["participant"])
        assert (await desk.redeem(new["code"], phone)).status == 200
        assert (await desk.redeem(old["code"], laptop)).status == 200


async def test_the_newcomer_s_people_are_one_participant(desk: Service) -> None:
    meeting = (await desk.meeting())["id"]
    first, second = await desk.invite(meeting, "newcomer"), await desk.invite(meeting, "newcomer")
    assert first["participant"] == second["participant"]


async def test_a_member_of_staff_is_one_host_and_two_are_two(desk: Service) -> None:
    meeting = (await desk.meeting())["id"]
    first, second = await desk.invite(meeting, "host"), await desk.invite(meeting, "host")
    assert first["participant"] == second["participant"]
    path, other = f"/api/v1/meetings/{meeting}/invitations", desk.staff_token(sub="bo")
    third = (await desk.call("POST", path, {"role": "host"}, token=other)).json
    assert third["participant"] != first["participant"]
    people = (await desk.call("GET", f"/api/v1/meetings/{meeting}")).json["participants"]
    assert [person["name"] for person in people] == ["Anna", "Bo"]


async def test_what_is_left_out_is_chosen_from_the_meeting(desk: Service) -> None:
    meeting = (await desk.meeting(alias="Samira", languages=["ar", "sv"]))["id"]
    await desk.invite(meeting, "newcomer")
    await desk.invite(meeting, "interpreter")
    await desk.invite(meeting, "officer", agency="skatteverket", station=1)
    people = (await desk.call("GET", f"/api/v1/meetings/{meeting}")).json["participants"]
    assert [(p["role"], p["name"], p["language"], p["place"]) for p in people] == [
        ("newcomer", "Samira", "ar", "on_site"),
        ("interpreter", "", "sv", "elsewhere"),
        ("officer", "Skatteverket", "sv", "elsewhere"),
    ]


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"role": "officer"}, 422, "invalid"),
        ({"role": "officer", "agency": "skatteverket", "station": 2}, 422, "agency_mismatch"),
        ({"role": "officer", "agency": "skatteverket", "station": 7}, 404, "station_unknown"),
        ({"role": "interpreter", "agency": "skatteverket"}, 422, "invalid"),
        ({"role": "admin"}, 422, "invalid"),
        ({"role": "interpreter", "language": "no language"}, 422, "invalid"),
        ({"role": "interpreter", "participant": "p_nobody"}, 404, "participant_unknown"),
        ({}, 422, "invalid"),
    ],
)
async def test_an_invitation_that_does_not_fit_is_refused(
    desk: Service, fields: dict[str, object], status: int, code: str
) -> None:
    meeting = (await desk.meeting())["id"]
    answer = await desk.call("POST", f"/api/v1/meetings/{meeting}/invitations", fields)
    assert (answer.status, answer.code) == (status, code)
    assert (await desk.call("GET", f"/api/v1/meetings/{meeting}")).json["participants"] == []


async def test_nobody_is_invited_anew_as_somebody_else(desk: Service) -> None:
    meeting = (await desk.meeting())["id"]
    officer = await desk.invite(meeting, "officer", agency="skatteverket", station=1)
    path = f"/api/v1/meetings/{meeting}/invitations"
    anew = {"role": "officer", "participant": officer["participant"]}
    for fields, status, code in (
        ({**anew, "role": "host"}, 422, "invalid"),
        ({**anew, "agency": "kommun"}, 422, "agency_mismatch"),
        ({**anew, "station": 2}, 422, "invalid"),
        (anew, 201, None),
    ):
        answer = await desk.call("POST", path, fields)
        assert (answer.status, answer.json.get("code") if code else None) == (status, code)


async def test_somebody_who_was_removed_does_not_come_back(desk: Service) -> None:
    meeting = (await desk.meeting())["id"]
    link = await desk.invite(meeting, "interpreter")
    await desk.redeem(link["code"])
    await desk.services.hub.execute(meeting, Remove(actor="system", participant=link["participant"]))
    assert (await desk.redeem(link["code"])).code == "invitation_revoked"
    answer = await desk.call(
        "POST",
        f"/api/v1/meetings/{meeting}/invitations",
        {"role": "interpreter", "participant": link["participant"]},
    )
    assert (answer.status, answer.code) == (409, "participant_removed")


async def test_attempts_from_one_address_are_limited(tmp_path: Path) -> None:
    async with service(tmp_path, limits={"redemptions_per_minute": 5}) as desk:
        answers = [await desk.redeem("A" * 22) for _ in range(6)]
    assert [answer.status for answer in answers] == [404] * 5 + [429]
    assert answers[5].code == "too_many_requests"


async def test_an_agency_s_assertion_is_refused_in_clear_words(desk: Service) -> None:
    form = b"grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=a.b.c"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await desk.call("POST", "/api/v1/token", data=form, headers=headers, token="")
    assert told(answer) == (400, "invalid_grant", "assertion_malformed")
    answer = await desk.call("POST", "/api/v1/token", data=b"assertion=a", headers=headers, token="")
    assert (answer.status, answer.json["error"]) == (422, "invalid_request")
