"""Afterwards anybody entitled can see who could hear whom, and that the log is what was written."""

import asyncio
import json
import shutil
import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner

from signaling.cli import app
from signaling.stores import DATABASE
from tests.support.door import Device
from tests.support.rest import ELSEWHERE, SITE, Service, service


async def a_meeting(desk: Service) -> str:
    """Samira's, in which station 1 has been and station 2 goes on."""
    meeting: str = (await desk.meeting())["id"]
    async with Device(desk) as newcomer, Device(desk) as tax, Device(desk) as insurance:
        await newcomer.join(meeting, "newcomer")
        await tax.join(meeting, "officer", agency="skatteverket", station=1, name="Karin Lund")
        await insurance.join(meeting, "officer", agency="forsakringskassan", station=2, name="Maria Holm")
        for station in (1, 2):
            await desk.call("POST", f"/api/v1/meetings/{meeting}/stations/{station}/start")
    return meeting


@pytest.fixture
async def over(tmp_path: Path) -> str:
    """A data folder whose service has ended."""
    async with service(tmp_path) as desk:
        return await a_meeting(desk)


def motesrum(folder: Path, *words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, [*words, "--data", str(folder)])
    return done.exit_code, done.output


def tamper(folder: Path, *statements: str) -> None:
    with sqlite3.connect(folder / DATABASE) as file:
        for statement in statements:
            file.execute(statement)
    file.close()


async def test_the_host_sees_the_whole_meeting(tmp_path: Path) -> None:
    async with service(tmp_path) as desk:
        meeting = await a_meeting(desk)
        rows = (await desk.call("GET", f"/api/v1/meetings/{meeting}/hearing")).json["rows"]
        named = {(row["listener"]["name"], row["source"]["name"]) for row in rows}
        assert named == {
            ("Karin Lund", "Samira"),
            ("Samira", "Karin Lund"),
            ("Maria Holm", "Samira"),
            ("Samira", "Maria Holm"),
        }
        first = next(row for row in rows if row["listener"]["name"] == "Karin Lund")
        second = next(row for row in rows if row["listener"]["name"] == "Maria Holm")
        assert first["ends"] == second["begins"]
        assert (first["stations"], second["stations"]) == ([1], [2])
        elsewhere = desk.staff_token(sub="elsewhere", sites=(ELSEWHERE,))
        refused = await desk.call("GET", f"/api/v1/meetings/{meeting}/hearing", token=elsewhere)
        assert refused.code == "meeting_unknown"


async def test_an_agency_sees_what_concerned_its_own_officers_and_no_name_of_another(tmp_path: Path) -> None:
    async with service(tmp_path) as desk:
        await a_meeting(desk)
        token = desk.staff_token(sub="a", role="agency_admin", sites=(), agency="skatteverket")
        today = desk.services.hub.day(SITE, desk.clock()).isoformat()
        address = f"/api/v1/agencies/skatteverket/hearing?date={today}"
        answer = await desk.call("GET", address, token=token)
        rows = answer.json["rows"]
        assert {(row["listener"]["name"], row["source"]["role"]) for row in rows} == {
            ("Karin Lund", "newcomer"),
            (None, "officer"),
        }
        assert all(row["stations"] == [1] for row in rows)
        for secret in ("Samira", "Maria", "forsakringskassan"):
            assert secret not in answer.body.decode()


def test_an_untouched_log_is_found_to_be_so(over: str, tmp_path: Path) -> None:
    code, told = motesrum(tmp_path, "audit", "verify")
    assert code == 0, told
    assert "are what was written" in told


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET head = CAST(replace(head, 'skatte', 'skitte') AS BLOB)",
        "DELETE FROM events WHERE version = 3",
        "UPDATE events SET version = -version WHERE version IN (3, 4);",
        "DELETE FROM events WHERE version = (SELECT max(version) FROM events)",
    ],
    ids=["edit", "deletion", "reorder", "truncation"],
)
def test_what_was_done_to_the_file_is_found(over: str, tmp_path: Path, statement: str) -> None:
    tamper(tmp_path, statement)
    code, told = motesrum(tmp_path, "audit", "verify")
    assert code == 1
    assert over in told


def test_a_rollback_is_found_with_heads_that_were_exported(over: str, tmp_path: Path) -> None:
    code, told = motesrum(tmp_path, "audit", "heads")
    assert code == 0
    heads = tmp_path / "heads.json"
    heads.write_text(told)
    assert motesrum(tmp_path, "audit", "verify", "--heads", str(heads))[0] == 0
    longer = json.loads(told)
    stream = longer["streams"][f"meeting/{over}"]
    stream["version"] += 1
    heads.write_text(json.dumps(longer))
    code, told = motesrum(tmp_path, "audit", "verify", "--heads", str(heads))
    assert (code, over in told) == (1, True)


async def test_an_older_copy_of_the_file_is_found_with_heads_that_were_exported_later(tmp_path: Path) -> None:
    """A whole copy is sound in itself: nothing else can show that it is old."""
    folder, copy = tmp_path / "data", tmp_path / "copy"
    async with service(folder) as desk:
        await a_meeting(desk)
    shutil.copytree(folder, copy)
    async with service(folder) as desk:
        later = await a_meeting(desk)
    code, told = await asyncio.to_thread(motesrum, folder, "audit", "heads")
    assert code == 0
    heads = tmp_path / "heads.json"
    heads.write_text(told)
    assert (await asyncio.to_thread(motesrum, copy, "audit", "verify"))[0] == 0
    words = ("audit", "verify", "--heads", str(heads))
    assert (await asyncio.to_thread(motesrum, folder, *words))[0] == 0
    code, told = await asyncio.to_thread(motesrum, copy, *words)
    assert (code, later in told) == (1, True)


def test_heads_that_are_none_are_told_in_one_line(over: str, tmp_path: Path) -> None:
    heads = tmp_path / "heads.json"
    heads.write_text("[]")
    done = CliRunner().invoke(app, ["audit", "verify", "--heads", str(heads), "--data", str(tmp_path)])
    assert done.exit_code == 2
    assert done.output.count("\n") == 1


def test_who_could_hear_whom_is_printed(over: str, tmp_path: Path) -> None:
    code, told = motesrum(tmp_path, "audit", "hearing", over)
    assert code == 0
    assert "Karin Lund [skatteverket] could hear Samira [newcomer] (camera, microphone, screen)" in told
    code, told = motesrum(tmp_path, "audit", "hearing", over, "--json")
    lines = [json.loads(line) for line in told.splitlines()]
    assert {line["listener"]["agency"] for line in lines} == {None, "skatteverket", "forsakringskassan"}
    assert motesrum(tmp_path, "audit", "hearing", "m_none")[0] == 2
