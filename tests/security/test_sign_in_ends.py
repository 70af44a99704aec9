"""Whoever loses a sign-in loses with it what it opened, also what they were just about to do."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pyotp
import pytest

from signaling.staff import Person
from tests.support.door import Device
from tests.support.rest import SITE, Answer, Service, browser, service

PASSWORD = "korrekt häst batteri häftklammer"


@dataclass
class Desk:
    service: Service
    meeting: str
    host: Device
    own: aiohttp.ClientSession
    stack: AsyncExitStack
    account: str = ""

    async def admin(self, method: str, path: str, body: Any = None) -> Answer:
        token = self.service.staff_token(sub="ada", role="admin", sites=())
        return await self.service.call(method, f"/api/v1/admin{path}", body, token=token)

    async def mine(self, method: str, path: str, body: Any = None) -> Answer:
        """By the person's own cookie."""
        ours = {"Origin": self.service.url}
        return await self.service.call(
            method, f"/api/v1{path}", body, headers=ours, token="", session=self.own
        )

    async def invited(self, login: str, role: str) -> tuple[str, pyotp.TOTP]:
        """The link's code, and what shows the code of the moment."""
        sites = [SITE] if role == "host" else []
        new = {"login": login, "name": "Amal", "role": role, "sites": sites}
        made = (await self.admin("POST", "/accounts", new)).json
        self.account = made["account"]["id"]
        code = made["url"].rsplit("/", 1)[1]
        return code, pyotp.TOTP(
            (await self.mine("POST", "/staff/account/link", {"code": code})).json["secret"]
        )

    async def signed_in(self, role: str) -> None:
        code, totp = await self.invited("amal", role)
        assert (await self.take_up(code, totp)).status == 200

    async def take_up(self, code: str, totp: pyotp.TOTP) -> Answer:
        sent = {"code": code, "password": PASSWORD, "totp": totp.at(self.service.clock())}
        return await self.mine("POST", "/staff/account", sent)

    async def in_a_room(self) -> Device:
        """Called in from the pool, with the floor."""
        await self.available()
        await self.host.call("interpret.call", language="ar")
        (waiting,) = (await self.mine("GET", "/pool")).json["waiting"]
        accepted = await self.mine("POST", f"/pool/calls/{waiting['call']}/accept")
        assert accepted.json["floor"], accepted.body
        token = (await self.mine("POST", f"/pool/rooms/{self.meeting}/token")).json["access_token"]
        booth = await self.stack.enter_async_context(Device(self.service))
        await booth.join_with(token)
        return booth

    async def available(self) -> int:
        """The board's revision."""
        until = datetime.fromtimestamp(self.service.clock() + 3600, UTC).isoformat()
        change = {"languages": ["ar", "sv"], "kind": "spoken", "available_until": until}
        return int((await self.mine("PUT", "/pool/me", change)).json["revision"])

    def heard(self) -> set[str]:
        """Everybody in the table at the worker."""
        table = self.service.services.hub._lives[self.meeting].exchange.table
        return {*table, *(who for heard in table.values() for who in heard)}


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with service(tmp_path) as running, browser() as own, AsyncExitStack() as stack:
        meeting = (await running.meeting())["id"]
        host, newcomer = [await stack.enter_async_context(Device(running)) for _ in range(2)]
        await host.join(meeting, "host")
        await newcomer.join(meeting, "newcomer")
        yield Desk(running, meeting, host, own, stack)


async def lock(desk: Desk) -> Answer:
    return await desk.admin("PATCH", f"/accounts/{desk.account}", {"locked": True})


async def renew(desk: Desk) -> Answer:
    return await desk.admin("POST", f"/accounts/{desk.account}/link")


async def remove(desk: Desk) -> Answer:
    return await desk.admin("DELETE", f"/accounts/{desk.account}")


async def sign_out_there(desk: Desk) -> Answer:
    (session,) = (await desk.admin("GET", "/sessions")).json["sessions"]
    return await desk.admin("DELETE", f"/sessions/{session['id']}")


async def sign_out(desk: Desk) -> Answer:
    return await desk.mine("DELETE", "/staff/session")


async def sign_out_of_the_page(desk: Desk) -> Answer:
    ours = {"Origin": desk.service.url}
    return await desk.service.call("POST", "/sign-out", headers=ours, token="", session=desk.own)


@pytest.mark.parametrize(
    "end",
    [lock, renew, remove, sign_out_there, sign_out, sign_out_of_the_page],
    ids=lambda end: str(end.__name__),
)
async def test_an_interpreter_who_is_signed_in_no_more_hears_nothing(desk: Desk, end: Any) -> None:
    await desk.signed_in("interpreter")
    booth = await desk.in_a_room()
    assert booth.participant in desk.heard()
    assert (await end(desk)).status < 300
    assert booth.participant not in desk.heard()
    me = booth.me
    await booth.hang_up()
    again = await desk.stack.enter_async_context(Device(desk.service))
    if end is not remove:
        await again.resume(me)
        assert [p["id"] for p in again.me["snapshot"]["participants"]] == [booth.participant]
    assert booth.participant not in desk.heard()


async def test_somebody_with_the_name_of_an_account_that_is_gone_has_none_of_its_rooms(desk: Desk) -> None:
    await desk.signed_in("interpreter")
    await desk.in_a_room()
    await remove(desk)
    await desk.signed_in("interpreter")
    assert (await desk.mine("GET", "/pool")).json["rooms"] == []
    assert (await desk.mine("POST", f"/pool/rooms/{desk.meeting}/token")).code == "room_unknown"


@pytest.mark.parametrize("end", [lock, renew, remove], ids=lambda end: str(end.__name__))
async def test_a_host_whose_account_is_closed_leads_no_meeting_on(desk: Desk, end: Any) -> None:
    await desk.signed_in("host")
    made = (await desk.mine("POST", f"/meetings/{desk.meeting}/invitations", {"role": "host"})).json
    amal = await desk.stack.enter_async_context(Device(desk.service))
    await amal.join_with((await desk.service.redeem(made["code"])).json["access_token"])
    await end(desk)
    assert await amal.closed_with() == "removed"
    assert desk.host.params("session.closed") == [], "the other host stays"


async def test_a_question_that_waits_for_news_tells_none_to_who_was_locked_meanwhile(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.signed_in("interpreter")
    known = await desk.available()

    async def meanwhile() -> None:
        await lock(desk)
        await desk.host.call("interpret.call", language="ar")

    monkeypatch.setattr(desk.service.services.pool, "_wait", meanwhile)
    assert (await desk.mine("GET", f"/pool?known={known}")).code == "session_missing"


@pytest.mark.parametrize("end", [lock, renew, remove], ids=lambda end: str(end.__name__))
async def test_nobody_takes_up_an_account_that_is_closed_while_they_do(
    desk: Desk, end: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The password is being hashed, which takes a while."""
    code, totp = await desk.invited("amal", "host")
    accounts = desk.service.services.accounts
    hashed = accounts._hashed

    async def meanwhile(password: str) -> str:
        await end(desk)
        return await hashed(password)

    monkeypatch.setattr(accounts, "_hashed", meanwhile)
    assert (await desk.take_up(code, totp)).code in ("account_link_unknown", "account_unknown")
    assert (await desk.mine("GET", "/staff/session")).status == 401


@pytest.mark.parametrize("end", [lock, renew, remove], ids=lambda end: str(end.__name__))
async def test_nobody_signs_in_with_an_account_that_is_closed_while_they_do(
    desk: Desk, end: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The password and the code were right, the session has not begun."""
    code, totp = await desk.invited("amal", "host")
    await desk.take_up(code, totp)
    await sign_out(desk)
    desk.service.clock.ahead += 30
    staff = desk.service.services.staff
    begin = staff.begin

    async def just_before(person: Person, by: str) -> Any:
        await end(desk)
        return await begin(person, by)

    monkeypatch.setattr(staff, "begin", just_before)
    sent = {"login": "amal", "password": PASSWORD, "code": totp.at(desk.service.clock())}
    assert (await desk.mine("POST", "/staff/password", sent)).code == "sign_in_failed"
    assert (await desk.admin("GET", "/sessions")).json["sessions"] == []


async def test_a_floor_that_is_taken_just_after_its_interpreter_was_signed_out_is_put_down(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.signed_in("interpreter")
    booth = await desk.in_a_room()
    await desk.mine("PUT", "/pool/floor", {"meeting": None})
    pool = desk.service.services.pool
    hop = pool.hop

    async def late(claims: Any, meeting: str | None) -> None:
        await lock(desk)
        await hop(claims, meeting)

    monkeypatch.setattr(pool, "hop", late)
    taken = await desk.mine("PUT", "/pool/floor", {"meeting": desk.meeting})
    assert taken.code == "session_missing"
    assert booth.participant not in desk.heard()
