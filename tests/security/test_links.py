"""What a link tells before it is used: enough to know the right one, and nothing to those it is not for."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.rest import Answer, Clock, Service, browser, service

ALIAS = "Samira Testperson"
DAY = [
    {"agency": "migrationsverket", "purpose": "Besked"},
    {"agency": "skatteverket", "purpose": "Folkbokföring"},
]
PLANNED = (datetime.now(UTC) + timedelta(days=7)).strftime("%Y-%m-%dT%H:00:00Z")
LATER = timedelta(days=10).total_seconds()
"""The link is still known then, and opens nothing any more."""


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Service]:
    async with service(tmp_path, clock=Clock()) as running:
        yield running


async def meeting(desk: Service) -> str:
    made = await desk.meeting(alias=ALIAS, planned_at=PLANNED, stations=DAY)
    await desk.invite(made["id"], "interpreter", name="Layla Haddad")
    return str(made["id"])


async def officer(desk: Service, meeting: str) -> dict[str, Any]:
    return await desk.invite(meeting, "officer", agency="skatteverket", station=2, name="Erik Lind")


async def ask(desk: Service, code: str) -> Answer:
    return await desk.call("POST", "/api/v1/links", {"code": code}, token="")


async def test_an_officer_is_told_of_their_own_station_and_of_nobody(desk: Service) -> None:
    here = await meeting(desk)
    link = await officer(desk, here)
    answer = await ask(desk, link["code"])
    booking = answer.json["booking"]
    assert booking["station"]["purpose"] == "Folkbokföring"
    assert booking["station"]["expected_start"] is not None
    assert not booking["station"]["going_on"]
    assert booking["planned_at"] is None
    for secret in (
        ALIAS,
        "Layla",
        "Erik",
        "migrationsverket",
        "Migrationsverket",
        "Besked",
        here,
        link["participant"],
    ):
        assert secret.encode() not in answer.body


async def test_one_who_comes_late_is_told_that_the_station_goes_on(desk: Service) -> None:
    here = await meeting(desk)
    link = await officer(desk, here)
    assert (await desk.call("POST", f"/api/v1/meetings/{here}/stations/2/start")).status == 200
    assert (await ask(desk, link["code"])).json["booking"]["station"]["going_on"]


@pytest.mark.parametrize("role", ["newcomer", "companion", "interpreter"])
async def test_the_others_are_told_where_and_when_and_of_no_agency(desk: Service, role: str) -> None:
    link = await desk.invite(await meeting(desk), role)
    answer = await ask(desk, link["code"])
    booking = answer.json["booking"]
    assert (booking["planned_at"], booking["station"]) == (PLANNED, None)
    assert booking["site_name"]
    assert booking["time_zone"] == "Europe/Stockholm"
    for secret in (ALIAS, "Layla", "skatteverket", "migrationsverket"):
        assert secret.encode() not in answer.body


@pytest.mark.parametrize("how", ["used", "replaced", "expired"])
async def test_a_link_that_opens_nothing_any_more_tells_nothing_of_the_meeting(
    desk: Service, how: str
) -> None:
    here = await meeting(desk)
    link = await officer(desk, here)
    if how == "used":
        async with browser() as other:
            assert (await desk.redeem(link["code"], other)).status == 200
    elif how == "replaced":
        await desk.invite(here, "officer", agency="skatteverket", station=2, participant=link["participant"])
    else:
        desk.clock.ahead = LATER
    answer = await ask(desk, link["code"])
    nothing = {"booking": None, "router_rtp_capabilities": None}
    assert answer.json == {"role": "officer", "language": "sv", **nothing}


async def test_a_token_tells_the_same_as_the_link_it_came_from_until_it_is_taken_back(desk: Service) -> None:
    here = await meeting(desk)
    link = await officer(desk, here)
    told = (await ask(desk, link["code"])).json
    token = (await desk.redeem(link["code"])).json["access_token"]

    async def ask_with(token: str) -> Answer:
        return await desk.call("POST", "/api/v1/links", {"token": token}, token="")

    assert (await ask_with(token)).json == told
    assert (await ask_with(token[:-8] + "AAAAAAAA")).code == "token_invalid"
    assert (await ask_with(desk.host_token)).code == "token_wrong_type"
    assert (await desk.call("DELETE", f"/api/v1/grants?participant={link['participant']}")).status == 200
    assert (await ask_with(token)).code == "invitation_revoked"


async def test_a_guess_is_told_the_same_whatever_it_is(desk: Service) -> None:
    link = await officer(desk, await meeting(desk))
    near = link["code"][:-1] + ("A" if link["code"][-1] != "A" else "B")
    answers = [await ask(desk, code) for code in (near, "A" * 22, "no code", "x" * 200)]
    assert {answer.status for answer in answers} == {404}
    assert {answer.code for answer in answers} == {"invitation_unknown"}
    assert len({answer.json["detail"] for answer in answers}) == 1
