"""The host sees everybody who is let in, by what and until when, and takes that back."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.support.agency import GRANT, AgencySystem
from tests.support.door import Device, Failed
from tests.support.rest import SITE, Service, browser, service

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass
class Desk:
    service: Service
    meeting: str
    host: Device
    stack: AsyncExitStack
    invitations: dict[str, dict[str, Any]] = field(default_factory=dict)

    async def device(self, role: str, **booking: Any) -> Device:
        device = await self.stack.enter_async_context(Device(self.service))
        await device.join(self.meeting, role, **booking)
        return device

    async def let_in(self) -> dict[str, dict[str, Any]]:
        """By participant."""
        grants = (await self.host.call("grants.list"))["grants"]
        return {each["participant"]: each for each in grants}

    async def by_assertion(self) -> dict[str, Any]:
        tax = AgencySystem("skatteverket", self.service.url)
        await self.service.services.agency_keys.add(tax.agency, tax.jwk())
        form = urlencode({"grant_type": GRANT, "assertion": tax.asserts(self.meeting, 1)}).encode()
        answer = await self.service.call("POST", "/api/v1/token", data=form, headers=FORM, token="")
        given: dict[str, Any] = answer.json
        return given

    async def on_a_screen(self) -> str:
        """The link that a screen at the office was given."""
        headers = {"Origin": self.service.url}
        async with browser() as screen:
            shown = await self.service.call(
                "POST", "/api/v1/screen/code", headers=headers, token="", session=screen
            )
            wanted = {"code": shown.json["code"], "name": "Rum 2", "site": SITE}
            paired = (await self.service.call("POST", "/api/v1/screens", wanted)).json["id"]
            await self.service.call("PUT", f"/api/v1/screens/{paired}/meeting", {"meeting": self.meeting})
            opened = await self.service.call(
                "POST", "/api/v1/screen/invitation", headers=headers, token="", session=screen
            )
            return str(opened.json["code"])


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with service(tmp_path) as running, AsyncExitStack() as stack:
        meeting = (await running.meeting())["id"]
        host = await stack.enter_async_context(Device(running))
        await host.join(meeting, "host", name="Lena Ek")
        yield Desk(running, meeting, host, stack)


async def test_everybody_who_is_there_or_can_come_is_told(desk: Desk) -> None:
    interpreter = await desk.device("interpreter", name="Amina")
    waiting = await desk.service.invite(desk.meeting, "companion", name="Yusuf")
    officer = await desk.by_assertion()
    told = await desk.let_in()
    assert set(told) == {
        desk.host.participant,
        interpreter.participant,
        waiting["participant"],
        officer["participant"],
    }
    own = told[desk.host.participant]
    assert (own["by"], own["revocable"], own["devices"]) == (["staff"], False, ["screen"])
    here = told[interpreter.participant]
    assert (here["by"], here["until"], here["devices"]) == (["link"], None, ["screen"])
    not_yet = told[waiting["participant"]]
    assert (not_yet["until"], not_yet["devices"]) == (waiting["expires_at"], [])
    from_agency = told[officer["participant"]]
    assert (from_agency["by"], from_agency["agency"]) == (["assertion"], "skatteverket")
    assert from_agency["agency_name"]["sv"] == "Skatteverket"
    assert (from_agency["station"], from_agency["phase"]) == (1, "lobby")


async def test_a_screen_at_the_office_is_told_as_one(desk: Desk) -> None:
    code = await desk.on_a_screen()
    newcomer = await desk.stack.enter_async_context(Device(desk.service))
    await newcomer.join_with((await desk.service.redeem(code)).json["access_token"])
    (entry,) = [each for each in (await desk.let_in()).values() if each["role"] == "newcomer"]
    assert entry["by"] == ["screen"]
    await desk.service.invite(desk.meeting, "newcomer")
    assert (await desk.let_in())[newcomer.participant]["by"] == ["screen", "link"]


async def test_what_lets_nobody_in_any_more_is_not_told(desk: Desk) -> None:
    late = await desk.service.invite(desk.meeting, "companion", name="Yusuf")
    finished = await desk.device("officer", agency="skatteverket", station=1)
    removed = await desk.device("officer", agency="forsakringskassan", station=2)
    await desk.service.call("POST", f"/api/v1/meetings/{desk.meeting}/stations/1/start")
    await desk.service.call("POST", f"/api/v1/meetings/{desk.meeting}/stations/1/finish")
    await desk.host.call("grants.revoke", participant=removed.participant)
    told = await desk.let_in()
    assert not {finished.participant, removed.participant} & set(told)
    assert late["participant"] in told
    desk.service.clock.ahead += 8 * 86400
    assert late["participant"] not in await desk.let_in()


async def test_whoever_is_taken_back_is_out_at_once_and_comes_in_again_by_a_new_link_only(desk: Desk) -> None:
    made = await desk.service.invite(desk.meeting, "officer", agency="skatteverket", station=1, name="Karin")
    officer = await desk.stack.enter_async_context(Device(desk.service))
    token = (await desk.service.redeem(made["code"])).json["access_token"]
    me = await officer.join_with(token)
    await desk.host.call("grants.revoke", participant=officer.participant)
    assert await officer.closed_with() == "removed"
    again = await desk.stack.enter_async_context(Device(desk.service))
    for attempt in (again.resume(me), again.join_with(token)):
        with pytest.raises(Failed) as failed:
            await attempt
        assert failed.value.code == "grant_revoked"
    new = await desk.host.call(
        "meeting.invite", role="officer", agency="skatteverket", station=1, name="Karin"
    )
    await again.join_with((await desk.service.redeem(new["code"])).json["access_token"])
    assert again.participant in await desk.let_in()


async def test_the_newcomer_loses_every_link_and_keeps_the_meeting(desk: Desk) -> None:
    phone, screen = await desk.device("newcomer"), await desk.device("newcomer", participant=None)
    assert phone.participant == screen.participant
    await desk.host.call("grants.revoke", participant=screen.participant)
    assert await screen.closed_with() == "invitation_revoked"
    assert screen.participant not in await desk.let_in()
    back = await desk.device("newcomer")
    assert back.participant == screen.participant
    assert (await desk.let_in())[back.participant]["devices"] == ["screen"]


async def test_a_link_that_was_used_before_a_newer_one_is_known_and_taken_back_too(desk: Desk) -> None:
    first = await desk.service.invite(desk.meeting, "interpreter", name="Amina")
    async with browser() as own:
        redeemed = await desk.service.redeem(first["code"], own)
        again = {"role": "interpreter", "participant": first["participant"]}
        await desk.service.call("POST", f"/api/v1/meetings/{desk.meeting}/invitations", again)
        assert (await desk.let_in())[first["participant"]]["until"] is None, "the used one still lets in"
        await desk.host.call("grants.revoke", participant=first["participant"])
        assert redeemed.status == 200
        assert (await desk.service.redeem(first["code"], own)).code == "invitation_revoked"


@pytest.mark.parametrize("role", ["newcomer", "interpreter", "officer", "companion"])
async def test_only_the_host_is_told_and_takes_back(desk: Desk, role: str) -> None:
    booking = {"agency": "skatteverket", "station": 1} if role == "officer" else {}
    device = await desk.device(role, **booking)
    for call, params in (("grants.list", {}), ("grants.revoke", {"participant": desk.host.participant})):
        with pytest.raises(Failed) as failed:
            await device.call(call, **params)
        assert failed.value.code == "not_allowed"


async def test_a_host_takes_neither_themselves_nor_a_stranger_back(desk: Desk) -> None:
    with pytest.raises(Failed) as failed:
        await desk.host.call("grants.revoke", participant="p_none")
    assert failed.value.code == "participant_unknown"
    with pytest.raises(Failed) as failed:
        await desk.host.call("grants.revoke", participant=desk.host.participant)
    assert failed.value.code == "not_allowed"
