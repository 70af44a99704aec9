"""What was taken back stays taken back, whichever of many links, screens and moments somebody tries."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support.door import Device
from tests.support.rest import SITE, Service, browser, service

MANY = 25
"""More links than anybody remembers."""


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Service]:
    async with service(tmp_path) as running:
        yield running


async def test_the_first_of_many_links_is_taken_back_with_the_others(desk: Service) -> None:
    meeting = (await desk.meeting())["id"]
    async with browser() as first, Device(desk) as host:
        await host.join(meeting, "host")
        made = await desk.invite(meeting, "newcomer")
        assert (await desk.redeem(made["code"], first)).status == 200
        for _ in range(MANY):
            await desk.invite(meeting, "newcomer")
        await host.call("grants.revoke", participant=made["participant"])
        assert (await desk.redeem(made["code"], first)).code == "invitation_revoked"


async def test_a_link_that_is_used_while_a_newer_one_is_made_is_remembered_or_void(desk: Service) -> None:
    meeting = (await desk.meeting())["id"]
    for _ in range(MANY):
        made = await desk.invite(meeting, "newcomer")
        used, _ = await asyncio.gather(desk.redeem(made["code"]), desk.invite(meeting, "newcomer"))
        await desk.invite(meeting, "newcomer")
        known = [name for name, _ in await desk.services.invitations.links_of(meeting)]
        assert (used.status == 200) == (made["id"] in known)


async def test_a_screen_that_is_forgotten_comes_back_by_none_of_its_links(desk: Service) -> None:
    meeting = (await desk.meeting())["id"]
    ours = {"Origin": desk.url}
    async with browser() as screen:
        shown = await desk.call("POST", "/api/v1/screen/code", headers=ours, token="", session=screen)
        wanted = {"code": shown.json["code"], "name": "Rum 2", "site": SITE}
        paired = (await desk.call("POST", "/api/v1/screens", wanted)).json["id"]
        await desk.call("PUT", f"/api/v1/screens/{paired}/meeting", {"meeting": meeting})
        codes = []
        for _ in range(3):
            opened = await desk.call(
                "POST", "/api/v1/screen/invitation", headers=ours, token="", session=screen
            )
            codes.append(opened.json["code"])
            assert (await desk.redeem(codes[-1], screen)).status == 200
        assert (await desk.call("DELETE", f"/api/v1/screens/{paired}")).status == 204
        assert {(await desk.redeem(code, screen)).code for code in codes} == {"invitation_revoked"}


async def test_an_interpreter_who_was_shown_out_does_not_answer_the_next_call(desk: Service) -> None:
    meeting = (await desk.meeting())["id"]
    token = desk.staff_token(sub="amal", role="interpreter", sites=())
    until = datetime.fromtimestamp(desk.clock() + 3600, UTC).isoformat()
    change = {"languages": ["ar", "sv"], "kind": "spoken", "available_until": until}
    await desk.call("PUT", "/api/v1/pool/me", change, token=token)
    async with Device(desk) as host:
        await host.join(meeting, "host")
        await host.call("interpret.call", language="ar")
        (waiting,) = (await desk.call("GET", "/api/v1/pool", token=token)).json["waiting"]
        accepted = await desk.call("POST", f"/api/v1/pool/calls/{waiting['call']}/accept", token=token)
        await host.call("meeting.remove", participant=accepted.json["participant"])
        await host.call("interpret.call", language="ar")
        (call,) = (await desk.services.hub.state(meeting)).pool.calls
        assert (await desk.call("GET", "/api/v1/pool", token=token)).json["waiting"] == []
        again = await desk.call("POST", f"/api/v1/pool/calls/{call.id}/accept", token=token)
        assert again.code == "call_unknown"
