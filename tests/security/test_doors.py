"""Races and floods at the WebSocket, seen by a device that should not have got in or held others up."""

import asyncio
import struct
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from signaling.staff import Person
from tests.support.door import Device, Failed
from tests.support.rest import Service, browser, service


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Service]:
    async with service(tmp_path) as running:
        yield running


@pytest.mark.parametrize("how", ["link", "token"])
async def test_a_grant_that_is_taken_back_while_its_holder_joins_lets_nobody_in(
    desk: Service, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    meeting = await desk.meeting()
    link = await desk.invite(meeting["id"], "interpreter")
    token = (await desk.redeem(link["code"])).json["access_token"]
    jti = desk.services.tokens.verify_access(token).jti
    sessions = desk.services.hub.sessions
    opening = sessions.open

    async def open_late(**whose: Any) -> Any:
        path = f"/invitations/{link['id']}" if how == "link" else f"/grants?jti={jti}"
        assert (await desk.call("DELETE", f"/api/v1{path}")).status in (200, 204)
        return await opening(**whose)

    monkeypatch.setattr(sessions, "open", open_late)
    async with Device(desk) as interpreter:
        with pytest.raises(Failed) as refused:
            await interpreter.join_with(token)
        assert refused.value.code == "grant_revoked"
        with pytest.raises(Failed):
            await interpreter.call("meeting.ready", ready=True)
    state = await desk.services.hub.state(meeting["id"])
    assert not state.participants[link["participant"]].present
    live = await desk.services.hub.live(meeting["id"])
    assert live.sessions == {}


async def test_nobody_but_the_newcomer_has_a_second_device_to_listen_with_unseen(desk: Service) -> None:
    meeting = await desk.meeting()
    officer: dict[str, Any] = {"agency": "skatteverket", "station": 1}
    for role in ("host", "interpreter", "companion", "officer", "newcomer"):
        link = await desk.invite(meeting["id"], role, **(officer if role == "officer" else {}))
        token = (await desk.redeem(link["code"])).json["access_token"]
        async with Device(desk) as first, Device(desk) as second:
            await first.join_with(token)
            if role == "newcomer":
                await second.join_with(token, "phone")
                continue
            with pytest.raises(Failed) as refused:
                await second.join_with(token, "phone")
            assert refused.value.code == "not_allowed", role
            await second.join_with(token)
            assert await first.closed_with() == "replaced"


@pytest.mark.parametrize("frame", [b"\x89\x80\0\0\0\0", b"\x8a\x80\0\0\0\0"], ids=["ping", "pong"])
async def test_a_flood_of_empty_pings_is_a_flood(desk: Service, frame: bytes) -> None:
    address = desk.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(address[0], int(address[1]))
    writer.write(
        b"GET /api/v1/socket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    await reader.readuntil(b"\r\n\r\n")
    writer.write(frame * 1000)
    async with asyncio.timeout(5):
        await reader.readuntil(struct.pack("!H", 1008) + b"too many calls")
    writer.close()


async def test_a_ping_is_answered(desk: Service) -> None:
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(f"{desk.url}/api/v1/socket", autoping=False) as ws,
    ):
        await ws.ping(b"anyone?")
        answer = await ws.receive(5)
        assert (answer.type, answer.data) == (aiohttp.WSMsgType.PONG, b"anyone?")


async def test_an_agency_that_is_not_in_the_catalogue_gets_no_station_on_the_socket_either(
    desk: Service,
) -> None:
    meeting = await desk.meeting()
    path = f"/api/v1/meetings/{meeting['id']}/stations"
    over_rest = await desk.call("POST", path, {"agency": "ingen"})
    async with Device(desk) as host, Device(desk) as officer:
        await host.join(meeting["id"], "host")
        with pytest.raises(Failed) as refused:
            await host.call("meeting.addStation", agency="ingen")
        assert refused.value.code == over_rest.code == "invalid"
        await officer.join(meeting["id"], "officer", agency="skatteverket", station=1)
        with pytest.raises(Failed) as refused:
            await officer.call("meeting.addStation", agency="ingen")
        assert refused.value.code == "not_allowed"
        with pytest.raises(Failed) as refused:
            await officer.call("catalogue.agencies")
        assert refused.value.code == "not_allowed"
        known = {one["id"]: one for one in (await host.call("catalogue.agencies"))["agencies"]}
        assert known["skatteverket"]["name"]["sv"] == "Skatteverket"
        assert "registration" in [each["id"] for each in known["skatteverket"]["purposes"]]
        await host.call("meeting.addStation", agency="skatteverket", purpose="Mer")
        assert (await host.event("station_added"))["data"]["agency"] == "skatteverket"


async def test_a_hundred_parallel_calls_leave_one_station_active_and_nobody_who_left(desk: Service) -> None:
    meeting = await desk.meeting(stations=[{"agency": "skatteverket"}, {"agency": "forsakringskassan"}])
    path = f"/api/v1/meetings/{meeting['id']}"
    tables = desk.services.hub.workers.client.tables  # type: ignore[attr-defined]
    async with Device(desk) as newcomer, Device(desk) as tax, Device(desk) as insurance:
        await newcomer.join(meeting["id"], "newcomer")
        await tax.join(meeting["id"], "officer", agency="skatteverket", station=1)
        await insurance.join(meeting["id"], "officer", agency="forsakringskassan", station=2)
        tokens = [desk.staff_token(sub=f"s{n}") for n in range(10)]
        acts = ("stations/1/start", "stations/2/start", "pause", "resume")
        await asyncio.gather(
            *(desk.call("POST", f"{path}/{acts[n % 4]}", token=tokens[n % 10]) for n in range(100))
        )
        for _, _, table in tables:
            assert not (tax.participant in table and insurance.participant in table), "two stations at once"
        shown = (await desk.call("GET", path)).json
        assert sum(s["state"] == "active" for s in shown["stations"]) <= 1


async def test_an_origin_that_is_no_address_is_refused_and_no_failure(desk: Service) -> None:
    link = await desk.services.staff.create_link(Person("anna", "Anna", "host", ("norrkoping",)))
    async with browser() as page:
        await desk.call("POST", "/api/v1/staff/session", {"code": link.code}, token="", session=page)
        for origin in ("http://[", "null", "", "http://"):
            answer = await desk.call(
                "POST", "/api/v1/meetings", {}, token="", session=page, headers={"Origin": origin}
            )
            assert (answer.status, answer.code) == (403, "origin_forbidden"), origin


async def test_a_body_that_never_comes_does_not_hold_its_place(
    desk: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("signaling.api.dispatch.BODY_WITHIN", 0.2)
    address = desk.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(address[0], int(address[1]))
    writer.write(
        b"POST /api/v1/token HTTP/1.1\r\nHost: x\r\n"
        b"Content-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
    )
    async with asyncio.timeout(5):
        head = await reader.readuntil(b"\r\n\r\n")
    assert b" 408 " in head
    writer.close()
