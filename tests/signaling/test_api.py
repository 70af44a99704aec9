"""Staff create, read and lead meetings over REST."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.rest import ELSEWHERE, SITE, Service, service


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Service]:
    async with service(tmp_path) as running:
        yield running


async def test_a_meeting_is_created_and_read_again(desk: Service) -> None:
    made = await desk.meeting(alias="Samira", people={"adults": 2, "children": 3}, room="Rum 2")
    read = await desk.call("GET", f"/api/v1/meetings/{made['id']}")
    assert read.status == 200
    assert read.json == made
    assert made["site"] == SITE
    assert made["site_name"] == "Servicekontoret Norrköping"
    assert made["people"] == {"adults": 2, "children": 3}
    assert made["state"] == "planned"
    assert [(s["number"], s["position"], s["agency"]) for s in made["stations"]] == [
        (1, 1, "skatteverket"),
        (2, 2, "forsakringskassan"),
    ]


async def test_a_link_is_redeemed_for_an_access_token(desk: Service) -> None:
    meeting = await desk.meeting()
    link = await desk.invite(meeting["id"], "newcomer")
    answer = await desk.redeem(link["code"])
    assert answer.status == 200, answer.body
    assert answer.json["token_type"] == "Bearer"
    assert answer.json["participant"] == link["participant"]
    claims = desk.services.tokens.verify_access(answer.json["access_token"])
    assert (claims.sub, claims.meeting, claims.role) == (link["participant"], meeting["id"], "newcomer")


async def test_another_site_s_staff_see_no_such_meeting(desk: Service) -> None:
    meeting = await desk.meeting()
    other = desk.staff_token(sub="bo", sites=(ELSEWHERE,))
    answer = await desk.call("GET", f"/api/v1/meetings/{meeting['id']}", token=other)
    assert (answer.status, answer.code) == (404, "meeting_unknown")
