"""The interpreters' pool through its own doors: called, waited for, accepted, and one room at a time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.signaling.test_ledger import BEGIN, THREE, Literal, read, told
from tests.support.door import Device, Failed
from tests.support.rest import ELSEWHERE, SITE, Answer, Service, service


@dataclass
class Booth:
    """An interpreter of the pool at their page, with a socket in each room that they have entered."""

    desk: Service
    token: str
    stack: AsyncExitStack
    rooms: dict[str, Device] = field(default_factory=dict)

    async def ask(self, method: str, path: str = "", body: Any = None) -> Answer:
        return await self.desk.call(method, f"/api/v1/pool{path}", body, token=self.token)

    async def board(self) -> dict[str, Any]:
        answer = await self.ask("GET")
        assert answer.status == 200, answer.body
        found: dict[str, Any] = answer.json
        return found

    async def ready(self, *languages: str, hours: float = 4, kind: str = "spoken") -> Answer:
        until = datetime.fromtimestamp(self.desk.clock() + hours * 3600, UTC).isoformat()
        change = {"languages": list(languages), "kind": kind, "available_until": until}
        return await self.ask("PUT", "/me", change)

    async def accept(self) -> dict[str, Any]:
        (waiting, *_) = (await self.board())["waiting"]
        answer = await self.ask("POST", f"/calls/{waiting['call']}/accept")
        assert answer.status == 200, answer.body
        room: dict[str, Any] = answer.json
        await self.enter(room["meeting"])
        return room

    async def enter(self, meeting: str) -> Device:
        answer = await self.ask("POST", f"/rooms/{meeting}/token")
        assert answer.status == 201, answer.body
        device = await self.stack.enter_async_context(Device(self.desk))
        await device.join_with(answer.json["access_token"])
        self.rooms[meeting] = device
        return device

    async def hop(self, meeting: str | None) -> Answer:
        return await self.ask("PUT", "/floor", {"meeting": meeting})

    def attended(self) -> set[str]:
        """The rooms in whose table, at the worker, the interpreter hears or is heard."""
        found = set()
        for meeting, device in self.rooms.items():
            table = self.desk.services.hub._lives[meeting].exchange.table
            if device.participant in table or any(device.participant in heard for heard in table.values()):
                found.add(meeting)
        return found


@dataclass
class Room:
    meeting: str
    host: Device
    newcomer: Device

    async def call(self, language: str = "ar", kind: str = "spoken") -> None:
        await self.host.call("interpret.call", language=language, kind=kind)

    def pool(self, device: Device) -> dict[str, Any]:
        found: dict[str, Any] = shown(device, "pool")
        return found

    def interpreters(self) -> list[dict[str, Any]]:
        return [person for person in shown(self.host, "participants") if person["role"] == "interpreter"]


def shown(device: Device, section: str) -> Any:
    """What the device's page shows now."""
    found = device.me["snapshot"][section]
    for event in device.events():
        found = event["changes"].get(section, found)
    return found


@dataclass
class Office:
    desk: Service
    stack: AsyncExitStack

    async def room(self, **fields: Any) -> Room:
        meeting = (await self.desk.meeting(**fields))["id"]
        host, newcomer = [await self.stack.enter_async_context(Device(self.desk)) for _ in range(2)]
        await host.join(meeting, "host")
        await newcomer.join(meeting, "newcomer")
        return Room(meeting, host, newcomer)

    def interpreter(self, sub: str = "amal", sites: tuple[str, ...] = ()) -> Booth:
        return Booth(self.desk, self.desk.staff_token(sub, "interpreter", sites), self.stack)


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with service(tmp_path, clock=Literal()) as desk, AsyncExitStack() as stack:
        yield Office(desk, stack)


async def test_an_interpreter_is_called_into_a_room_and_has_the_floor_there(office: Office) -> None:
    room, amal = await office.room(), office.interpreter()
    await amal.ready("ar", "sv")
    await room.call()
    (waiting,) = (await amal.board())["waiting"]
    assert waiting.keys() == {"call", "site_name", "language", "kind", "since", "place"}
    assert (waiting["language"], waiting["place"]) == ("ar", 1)
    accepted = await amal.accept()
    assert (accepted["meeting"], accepted["floor"]) == (room.meeting, True)
    assert amal.attended() == {room.meeting}
    assert (await amal.board())["waiting"] == []
    await room.host.until(lambda: any(p["present"] for p in room.interpreters()))
    assert [(p["name"], p["phase"]) for p in room.interpreters()] == [("Amal", "room")]


async def test_only_who_fits_sees_a_room_that_waits(office: Office) -> None:
    room = await office.room()
    await room.call("ti")
    fits = office.interpreter("fits", (SITE,))
    others = [
        office.interpreter("language"),
        office.interpreter("site", (ELSEWHERE,)),
        office.interpreter("kind"),
    ]
    await fits.ready("ti", "sv")
    await others[0].ready("ar", "sv")
    await others[1].ready("ti", "sv")
    await others[2].ready("ti", "sv", kind="sign")
    away = office.interpreter("away")
    await away.ready("ti", "sv", hours=1)
    call = (await fits.board())["waiting"][0]["call"]
    office.desk.clock.ahead += 2 * 3600 - 1
    assert (await away.ask("POST", f"/calls/{call}/accept")).status == 404
    for other in others:
        assert (await other.board())["waiting"] == []
        assert (await other.ask("POST", f"/calls/{call}/accept")).code == "call_unknown"


async def test_the_first_who_accepts_comes(office: Office) -> None:
    room = await office.room()
    await room.call()
    two = [office.interpreter("one"), office.interpreter("two")]
    for each in two:
        await each.ready("ar", "sv")
    call = (await two[0].board())["waiting"][0]["call"]
    answers = await asyncio.gather(*(each.ask("POST", f"/calls/{call}/accept") for each in two))
    assert sorted(answer.status for answer in answers) in ([200, 404], [200, 409])
    assert {answer.code for answer in answers if answer.status != 200} == {"call_unknown"}
    people = office.desk.services.hub._lives[room.meeting].current.participants.values()
    assert sum(person.role == "interpreter" for person in people) == 1


async def test_a_room_is_told_its_place_and_nothing_of_the_others(office: Office) -> None:
    first, second = await office.room(alias="Yusuf"), await office.room()
    await first.call()
    office.desk.clock.ahead += 1
    await second.call()
    for device in (second.host, second.newcomer):
        await device.until(lambda d=device: [c["place"] for c in second.pool(d)["calls"]] == [2])  # type: ignore[misc]
    await first.host.call("interpret.withdrawCall", call=first.pool(first.host)["calls"][0]["id"])
    await second.newcomer.until(lambda: second.pool(second.newcomer)["calls"][0]["place"] == 1)
    said = str(second.host.told) + str(second.newcomer.told)
    assert first.meeting not in said
    assert "Yusuf" not in said


async def test_the_page_waits_for_news(office: Office) -> None:
    room, amal = await office.room(), office.interpreter()
    await amal.ready("ar", "sv")
    known = (await amal.board())["revision"]
    asking = asyncio.create_task(amal.ask("GET", f"?known={known}"))
    await room.call()
    async with asyncio.timeout(15):
        answer = await asking
    assert [each["language"] for each in answer.json["waiting"]] == ["ar"]
    assert answer.json["revision"] > known


async def test_one_hop_closes_the_one_room_and_opens_the_other(office: Office) -> None:
    first, second, amal = await office.room(), await office.room(), office.interpreter()
    await amal.ready("ar", "sv")
    for room in (first, second):
        await room.call()
        await amal.accept()
    assert amal.attended() == {first.meeting}
    floors = {room["meeting"]: room["floor"] for room in (await amal.board())["rooms"]}
    assert floors == {first.meeting: True, second.meeting: False}
    assert [room["alias"] for room in (await amal.board())["rooms"]] == ["Samira", "Samira"]
    assert (await amal.hop(second.meeting)).status == 200
    assert amal.attended() == {second.meeting}
    await first.newcomer.event("floor_left")
    assert first.pool(first.newcomer)["elsewhere"]
    assert not second.pool(second.newcomer)["elsewhere"]
    left = amal.rooms[first.meeting].events()[-1]["changes"]
    assert (left["you"]["phase"], left["stations"], left["meeting"]["alias"]) == ("lobby", [], None)
    assert (await amal.hop(None)).status == 200
    assert amal.attended() == set()
    assert second.pool(second.host)["elsewhere"]
    await second.host.call("meeting.pause")
    assert [room["paused"] for room in (await amal.board())["rooms"]] == [False, False]
    await amal.hop(second.meeting)
    assert {r["meeting"]: r["paused"] for r in (await amal.board())["rooms"]}[second.meeting]


async def test_without_the_floor_nothing_is_done_in_a_room(office: Office) -> None:
    first, second, amal = await office.room(), await office.room(), office.interpreter()
    await amal.ready("ar", "sv")
    for room in (first, second):
        await room.call()
        await amal.accept()
    device = amal.rooms[second.meeting]
    for method, params in (
        ("interpret.direction", {"into": "sv"}),
        ("meeting.signal", {"signal": "slower"}),
        ("interpret.addTerm", {"text": "bo", "language": "sv", "translation": "x", "into": "ar"}),
    ):
        with pytest.raises(Failed) as failed:
            await device.call(method, **params)
        assert failed.value.code == "not_allowed", method


async def test_a_room_of_somebody_else_is_no_room(office: Office) -> None:
    room, amal, stranger = await office.room(), office.interpreter(), office.interpreter("eve")
    await amal.ready("ar", "sv")
    await room.call()
    await amal.accept()
    assert (await stranger.ask("POST", f"/rooms/{room.meeting}/token")).code == "room_unknown"
    assert (await stranger.hop(room.meeting)).code == "room_unknown"
    assert (await stranger.board())["rooms"] == []
    assert amal.attended() == {room.meeting}


async def test_who_is_shown_out_finds_no_way_back(office: Office) -> None:
    room, amal = await office.room(), office.interpreter()
    await amal.ready("ar", "sv")
    await room.call()
    accepted = await amal.accept()
    await room.host.call("meeting.remove", participant=accepted["participant"])
    assert await amal.rooms[room.meeting].closed_with() == "removed"
    assert (await amal.hop(room.meeting)).code == "room_unknown"
    assert (await amal.board())["rooms"] == []


async def test_the_floor_outlasts_the_room_s_end_and_the_service(tmp_path: Path) -> None:
    async with service(tmp_path, clock=Literal()) as desk, AsyncExitStack() as stack:
        office = Office(desk, stack)
        first, second, amal = await office.room(), await office.room(), office.interpreter()
        await amal.ready("ar", "sv")
        for room in (first, second):
            await room.call()
            await amal.accept()
        await first.host.call("meeting.end")
        assert (await amal.hop(second.meeting)).status == 200
    async with service(tmp_path, clock=Literal()) as desk, AsyncExitStack() as stack:
        amal = Office(desk, stack).interpreter()
        (room_again,) = (await amal.board())["rooms"]
        assert (room_again["meeting"], room_again["floor"]) == (second.meeting, True)
        assert (await amal.hop(None)).status == 200
        assert not (await amal.board())["rooms"][0]["floor"]


async def test_one_interpreter_serves_three_stations_of_two_rooms_and_each_pays_its_part(
    office: Office,
) -> None:
    desk, clock = office.desk, office.desk.clock
    first = await office.room(stations=THREE)
    second = await office.room(stations=[{"agency": "skatteverket"}])
    amal = office.interpreter()
    await amal.ready("ar", "sv")
    for room in (first, second):
        await room.call()
        await amal.accept()
        await room.host.call("meeting.start", station=1)
    clock.ahead += 600  # in the first room, and nowhere else
    await amal.hop(second.meeting)
    clock.ahead += 90
    await amal.hop(first.meeting)
    await first.host.call("meeting.start", station=2)
    clock.ahead += 300
    await amal.hop(None)
    clock.ahead += 1000  # a break of the interpreter's own
    await amal.hop(second.meeting)
    clock.ahead += 30
    for room in (first, second):
        await room.host.call("meeting.end")
    rows = await read(desk, desk.host_token, of=3)
    assert sorted(told(rows)) == [
        ("forsakringskassan", 2, 300, 300),
        ("skatteverket", 1, 120, 120),
        ("skatteverket", 1, 600, 600),
    ]
    assert {row["name"] for row in rows} == {"Amal"}
    assert desk.clock() > BEGIN


async def test_a_host_makes_a_link_into_the_pool_for_their_own_offices(office: Office) -> None:
    desk = office.desk
    made = await desk.call("POST", "/api/v1/pool/links", {"name": "Amal Said"})
    assert made.status == 201, made.body
    signed = await desk.call("POST", "/api/v1/staff/session", {"code": made.json["code"]}, token="")
    assert (signed.json["role"], [site["id"] for site in signed.json["sites"]]) == ("interpreter", [SITE])
    other = {"name": "Amal Said", "sites": [ELSEWHERE]}
    assert (await desk.call("POST", "/api/v1/pool/links", other)).status == 403


@pytest.mark.parametrize(
    "change",
    [
        {"languages": ["ar"], "available_until": None},
        {"languages": ["ar", "xx"], "available_until": None},
        {"languages": ["ar", "sv"], "available_until": "2199-01-01T00:00:00Z"},
        {"languages": ["ar", "sv"]},
    ],
)
async def test_what_cannot_be_is_not_kept(office: Office, change: dict[str, Any]) -> None:
    assert (await office.interpreter().ask("PUT", "/me", change)).status == 422
