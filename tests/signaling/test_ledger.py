"""What agencies pay for interpreting can be read by those concerned, and outlives the meeting."""

import asyncio
import csv
import io
import json
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from rooms.ledger import Row
from rooms.people import Kind
from rooms.store.base import StoreUnavailable
from signaling.cli import app
from signaling.ledger_cli import write_csv
from tests.support.door import Device
from tests.support.rest import ELSEWHERE, SITE, Clock, Service, service

BEGIN = 1_795_600_000.0
"""2026-11-25 09:46:40 in Sweden."""
THREE = [{"agency": "skatteverket"}, {"agency": "forsakringskassan"}]

A_ROW = Row(
    agency="skatteverket",
    meeting="m_1",
    site=SITE,
    station=1,
    interpreter="p_1",
    name="Amal Said",
    kind=Kind.SPOKEN,
    languages=("ar", "sv"),
    day=date(2026, 11, 25),
    begins=BEGIN,
    ends=BEGIN + 90,
    seconds=90.0,
    charged=120.0,
)


class Literal(Clock):
    def __call__(self) -> float:
        return BEGIN + self.ahead


async def a_day(desk: Service) -> list[str]:
    """One interpreter in two meetings with three stations: 600, 300 and 90 seconds."""
    first = (await desk.meeting(stations=THREE))["id"]
    second = (await desk.meeting(stations=[{"agency": "skatteverket"}]))["id"]
    await _hold(desk, first, [(1, 600), (2, 300)])
    await _hold(desk, second, [(1, 90)])
    return [first, second]


async def _hold(desk: Service, meeting: str, stations: list[tuple[int, int]]) -> None:
    async with AsyncExitStack() as stack:
        for role in ("newcomer", "interpreter"):
            device = await stack.enter_async_context(Device(desk))
            await device.join(meeting, role, **({"name": "Amal Said"} if role == "interpreter" else {}))
        for station, seconds in stations:
            assert (
                await desk.call("POST", f"/api/v1/meetings/{meeting}/stations/{station}/start")
            ).status == 200
            desk.clock.ahead += seconds
        assert (await desk.call("POST", f"/api/v1/meetings/{meeting}/end")).status == 200


async def read(
    desk: Service, token: str, path: str = "/ledger", *, of: int | None = None
) -> list[dict[str, Any]]:
    """The rows, once there are `of` of them: booking happens after the meeting's end."""
    async with asyncio.timeout(20):
        while True:
            answer = await desk.call("GET", f"/api/v1{path}", token=token)
            assert answer.status == 200, answer.body
            rows: list[dict[str, Any]] = answer.json["rows"]
            if of is None or len(rows) == of:
                return rows
            await asyncio.sleep(0.02)


def told(rows: list[dict[str, Any]]) -> list[tuple[str, int, float, float]]:
    return [(row["agency"], row["station"], row["seconds"], row["charged"]) for row in rows]


async def test_one_interpreter_served_three_stations_of_two_meetings(tmp_path: Path) -> None:
    async with service(tmp_path, clock=Literal()) as desk:
        await a_day(desk)
        rows = await read(desk, desk.host_token, of=3)
        assert told(rows) == [
            ("skatteverket", 1, 600, 600),
            ("forsakringskassan", 2, 300, 300),
            ("skatteverket", 1, 90, 120),
        ]
        assert {row["name"] for row in rows} == {"Amal Said"}
        assert {tuple(row["languages"]) for row in rows} == {("ar", "sv")}
        assert {row["day"] for row in rows} == {"2026-11-25"}


async def test_an_agency_reads_its_own_part_only_and_a_host_that_of_their_sites(tmp_path: Path) -> None:
    async with service(tmp_path, clock=Literal()) as desk:
        await a_day(desk)
        await read(desk, desk.host_token, of=3)
        agency = desk.staff_token("eva", "agency_admin", (), "skatteverket")
        rows = await read(desk, agency, "/agencies/skatteverket/ledger")
        assert {row["agency"] for row in rows} == {"skatteverket"}
        assert (
            await desk.call("GET", "/api/v1/agencies/forsakringskassan/ledger", token=agency)
        ).status == 403
        assert (await desk.call("GET", "/api/v1/ledger", token=agency)).status == 403
        assert await read(desk, desk.staff_token("olle", sites=(ELSEWHERE,))) == []
        assert len(await read(desk, desk.staff_token("ada", "admin", ()))) == 3


async def test_days_are_chosen(tmp_path: Path) -> None:
    async with service(tmp_path, clock=Literal()) as desk:
        await a_day(desk)
        await read(desk, desk.host_token, of=3)
        on = "?first=2026-11-25&last=2026-11-25"
        assert len(await read(desk, desk.host_token, f"/ledger{on}")) == 3
        assert await read(desk, desk.host_token, "/ledger?first=2026-11-26") == []
        assert await read(desk, desk.host_token, "/ledger?last=2026-11-24") == []


async def test_it_outlives_the_meetings_content(tmp_path: Path) -> None:
    async with service(tmp_path, clock=Literal()) as desk:
        for meeting in await a_day(desk):
            assert (await desk.call("DELETE", f"/api/v1/meetings/{meeting}")).status == 204
        assert sum(row["seconds"] for row in await read(desk, desk.host_token)) == 990


async def test_a_meeting_that_is_erased_while_it_goes_on_is_booked_first(tmp_path: Path) -> None:
    async with service(tmp_path, clock=Literal()) as desk, Device(desk) as newcomer, Device(desk) as booth:
        meeting = (await desk.meeting())["id"]
        await newcomer.join(meeting, "newcomer")
        await booth.join(meeting, "interpreter")
        await desk.call("POST", f"/api/v1/meetings/{meeting}/stations/1/start")
        desk.clock.ahead += 30
        assert (await desk.call("DELETE", f"/api/v1/meetings/{meeting}")).status == 204
        assert told(await read(desk, desk.host_token)) == [("skatteverket", 1, 30, 60)]


async def test_booking_again_books_nothing_twice(tmp_path: Path) -> None:
    async with service(tmp_path, clock=Literal()) as desk:
        meetings = await a_day(desk)
        before = await read(desk, desk.host_token, of=3)
        for meeting in meetings:
            await desk.services.store.records.delete("booked", meeting)
            await desk.services.hub.books.settle(meeting)
        assert await read(desk, desk.host_token) == before
        assert len(await desk.services.store.events.read("agency/skatteverket")) == 2


class FullDisk:
    """Nothing can be added to the agencies' streams."""

    def __init__(self, desk: Service, monkeypatch: pytest.MonkeyPatch) -> None:
        self._append = desk.services.store.events.append
        monkeypatch.setattr(desk.services.store.events, "append", self)

    async def __call__(self, stream: str, *rest: Any, **named: Any) -> int:
        if stream.startswith("agency/"):
            raise StoreUnavailable("full")
        return await self._append(stream, *rest, **named)


async def test_what_could_not_be_booked_is_booked_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with service(tmp_path, clock=Literal()) as desk:
        FullDisk(desk, monkeypatch)
        await a_day(desk)
        assert await read(desk, desk.host_token) == []
        monkeypatch.undo()
        await desk.services.hub.sweep()
        assert len(await read(desk, desk.host_token)) == 3


async def test_a_service_that_starts_books_what_was_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with service(tmp_path, clock=Literal()) as desk:
        FullDisk(desk, monkeypatch)
        await a_day(desk)
    async with service(tmp_path, clock=Literal()) as desk:
        assert len(await read(desk, desk.host_token, of=3)) == 3


@pytest.fixture
async def over(tmp_path: Path) -> Path:
    """A data folder whose service has ended."""
    async with service(tmp_path, clock=Literal()) as desk:
        await a_day(desk)
        await read(desk, desk.host_token, of=3)
    return tmp_path


def printed(folder: Path, *words: str) -> str:
    done = CliRunner().invoke(app, ["ledger", *words, "--data", str(folder)])
    assert done.exit_code == 0, done.output
    return done.output


def test_it_is_printed_for_spreadsheets(over: Path) -> None:
    table = list(csv.DictReader(io.StringIO(printed(over, "--agency", "skatteverket"))))
    assert [(row["site"], row["languages"], float(row["seconds"])) for row in table] == [
        (SITE, "ar sv", 600),
        (SITE, "ar sv", 90),
    ]


def test_it_is_printed_for_programs(over: Path) -> None:
    lines = [
        json.loads(line) for line in printed(over, "--format", "json", "--last", "2026-11-25").splitlines()
    ]
    assert [line["charged"] for line in lines] == [600, 300, 120]
    assert printed(over, "--format", "json", "--first", "2026-11-26") == ""


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("Ek;=1+1;", "Ek;'=1+1;"),
        ("Ek; @A1", "Ek; '@A1"),
        ("＝1", "'＝1"),
        ("Anna-Maria", "Anna-Maria"),
    ],
)
def test_no_cell_is_a_formula(name: str, cell: str, capsys: pytest.CaptureFixture[str]) -> None:
    write_csv([replace(A_ROW, name=name)])
    assert f",{cell}," in capsys.readouterr().out
