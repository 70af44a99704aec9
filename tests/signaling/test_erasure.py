"""What is erased is read by nobody again, though they have the whole data folder; an agency's own remains."""

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from typer.testing import CliRunner

from rooms.commands import STAFF
from rooms.events import MeetingPaused
from signaling.cli import app
from signaling.stores import DATABASE
from tests.support.door import Device
from tests.support.rest import Service, service

CANARY = "Kanariefågeln Samira"
OFFICER = "Karin Lund"
KEY, NONCE, TAG = 32, 12, 16
LARGEST_KEY_FILE = 4096


@dataclass(frozen=True)
class Sealed:
    """A piece of content as it lies in the store, and to what it is bound."""

    stream: str
    owner: str
    place: str
    content: bytes

    def opened_with(self, key: bytes) -> bytes | None:
        return opened(key, self.content, self.place)


def opened(key: bytes, sealed: bytes, bound_to: str) -> bytes | None:
    try:
        return AESGCM(key).decrypt(sealed[:NONCE], sealed[NONCE:], bound_to.encode())
    except InvalidTag:
        return None


def sealed_for(folder: Path, meeting: str, owner: str) -> list[Sealed]:
    stream = f"meeting/{meeting}"
    with sqlite3.connect(folder / DATABASE) as file:
        query = "SELECT version, head, content FROM events WHERE stream = ? AND content IS NOT NULL"
        found = file.execute(query, (stream,)).fetchall()
    rows = [(version, json.loads(head), content) for version, head, content in found]
    file.close()
    return [
        Sealed(stream, owner, f"{stream}|{version}|{head['type']}", content)
        for version, head, content in rows
        if head["owner"] == owner
    ]


def windows(data: bytes, length: int) -> Iterator[bytes]:
    """Every piece that may be random; text and empty space are not."""
    for start in range(len(data) - length + 1):
        piece = data[start : start + length]
        if not piece.isascii() and len(set(piece)) > KEY // 2:
            yield piece


def keys_in(folder: Path, sealed: Sealed) -> set[bytes]:
    """Every key that opens the content, lying anywhere in the folder as it is or wrapped in another one."""
    files = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    wrapping = {key for data in files if len(data) <= LARGEST_KEY_FILE for key in windows(data, KEY)}
    found = {key for data in files for key in windows(data, KEY) if sealed.opened_with(key)}
    for data in files:
        for piece in windows(data, NONCE + KEY + TAG):
            for outer in wrapping:
                inner = opened(outer, piece, f"{sealed.stream}|{sealed.owner}")
                if inner is not None and sealed.opened_with(inner):
                    found.add(inner)
    return found


def told_in_clear(folder: Path, text: str) -> list[Path]:
    forms = (text.encode(), text.encode("utf-16-le"), json.dumps(text)[1:-1].encode())
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path for path in files if any(form in path.read_bytes() for form in forms)]


def motesrum(folder: Path, *words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, [*words, "--data", str(folder)])
    return done.exit_code, done.output


async def a_meeting(desk: Service) -> str:
    """Its newcomer's words are the canary; calls are repeated, so that answers are kept too."""
    headers = {"Idempotency-Key": "the same"}
    wanted = {"alias": CANARY, "languages": ["ar"], "stations": [{"agency": "skatteverket"}]}
    for _ in range(2):
        answer = await desk.call("POST", "/api/v1/meetings", wanted, headers=headers)
    meeting: str = answer.json["id"]
    async with Device(desk) as newcomer, Device(desk) as officer:
        await newcomer.join(meeting, "newcomer", name=CANARY)
        await officer.join(meeting, "officer", agency="skatteverket", station=1, name=OFFICER)
        await desk.call("POST", f"/api/v1/meetings/{meeting}/stations/1/start")
        for request in ("6f1c9a52-6c0e-4f5f-9d0e-0d9b2f7f3f11",) * 2:
            await newcomer.call("chat.send", text=f"{CANARY} skriver", request=request)
    return meeting


async def test_before_it_a_key_in_the_folder_opens_the_canary_and_after_it_none_does(tmp_path: Path) -> None:
    async with service(tmp_path) as desk:
        meeting = await a_meeting(desk)
        other = (await desk.meeting(alias="Selam"))["id"]
        await desk.services.store.events.append(
            "agency/skatteverket", 0, [MeetingPaused(at=1.0, actor=f"{STAFF}lena")]
        )
        pieces = sealed_for(tmp_path, meeting, "newcomer")
        (key,) = keys_in(tmp_path, pieces[0])
        assert any(CANARY.encode() in (piece.opened_with(key) or b"") for piece in pieces)
        assert told_in_clear(tmp_path, CANARY) == []
        code, heads = await asyncio.to_thread(motesrum, tmp_path, "audit", "heads")
        assert code == 0

        assert (await desk.call("DELETE", f"/api/v1/meetings/{meeting}")).status == 204

        assert keys_in(tmp_path, pieces[0]) == set(), "while the service runs"
        alias = (await desk.call("GET", f"/api/v1/meetings/{other}")).json["alias"]
        assert alias == "Selam"
    assert keys_in(tmp_path, pieces[0]) == set(), "after it has ended"
    assert key not in b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert told_in_clear(tmp_path, CANARY) == []
    exported = tmp_path / "heads.json"
    exported.write_text(heads)
    code, told = await asyncio.to_thread(motesrum, tmp_path, "audit", "verify", "--heads", str(exported))
    assert code == 0, told


async def test_what_an_agency_may_prove_afterwards_remains(tmp_path: Path) -> None:
    async with service(tmp_path) as desk:
        meeting = await a_meeting(desk)
        (before,) = sealed_for(tmp_path, meeting, "agency:skatteverket")[:1]
        await desk.call("DELETE", f"/api/v1/meetings/{meeting}")
        assert len(keys_in(tmp_path, before)) == 1
    code, told = await asyncio.to_thread(motesrum, tmp_path, "audit", "hearing", meeting)
    assert code == 0
    assert f"{OFFICER} [skatteverket] could hear" in told
    assert CANARY not in told


def test_the_search_finds_a_key_that_was_left_in_the_log_of_the_database(tmp_path: Path) -> None:
    """Or it would prove nothing."""
    key, outer = AESGCM.generate_key(256), AESGCM.generate_key(256)
    sealed = Sealed("s", "o", "p", bytes(NONCE) + AESGCM(key).encrypt(bytes(NONCE), b"text", b"p"))
    (tmp_path / "a.key").write_bytes(outer)
    assert keys_in(tmp_path, sealed) == set()
    wrapped = b"nonce-nonce-" + AESGCM(outer).encrypt(b"nonce-nonce-", key, b"s|o")
    (tmp_path / "a.sqlite-wal").write_bytes(b"\0" * 5000 + wrapped + b"text" * 500)
    assert keys_in(tmp_path, sealed) == {key}
