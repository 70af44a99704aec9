"""What only a file can get wrong: durability, modes, locks, erasure on disk, tampering, migrations."""

import asyncio
import signal
import sqlite3
import stat
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from rooms.audit import Fault, FaultKind
from rooms.store.base import CorruptLog, Store, StoreUnavailable
from rooms.store.content import NEWCOMER, of_agency
from rooms.store.schema import connect
from rooms.store.sqlite import open_sqlite
from tests.rooms.store.samples import SECRET, STREAM, Clock, a_day, created, message, paused

ROOT = Path(__file__).parents[3]


@contextmanager
def other_program(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


def bytes_on_disk(path: Path) -> bytes:
    return b"".join(file.read_bytes() for file in path.parent.iterdir() if file.suffix != ".key")


def threads_and_files() -> tuple[int, int]:
    return threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))


class TestDurability:
    async def test_everything_is_there_after_reopening(self, path: Path, clock: Clock) -> None:
        store = await open_sqlite(path, clock=clock)
        await store.events.append(STREAM, 0, a_day())
        await store.records.put_if_absent("link", "a", {"n": 1})
        heads = await store.events.heads()
        await store.close()

        store = await open_sqlite(path, clock=clock)

        assert [one.event for one in await store.events.read(STREAM)] == a_day()
        record = await store.records.get("link", "a")
        assert record is not None
        assert record.value == {"n": 1}
        assert await store.events.heads() == heads
        assert await store.events.append(STREAM, len(a_day()), [message("more")]) == len(a_day()) + 1
        await store.close()

    @pytest.mark.parametrize("acknowledged", [1, 7, 25])
    async def test_a_writer_that_is_killed_leaves_whole_batches(self, path: Path, acknowledged: int) -> None:
        writer = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.rooms.store.writing", path, cwd=ROOT, stdout=asyncio.subprocess.PIPE
        )
        assert writer.stdout is not None
        durable = 0
        try:
            async with asyncio.timeout(30):
                for _ in range(acknowledged):
                    durable = int(await writer.stdout.readline())
        finally:
            writer.send_signal(signal.SIGKILL)
            await writer.wait()
        rest = [int(line) for line in (await writer.stdout.read()).splitlines() if line.endswith(b"\n")]

        store = await open_sqlite(path)
        recorded = await store.events.read(STREAM)
        assert len(recorded) >= max([durable, *rest])
        assert len(recorded) % 3 == 0
        assert recorded[1].event == message()
        assert await store.events.verify() == []
        assert await store.events.append(STREAM, len(recorded), [paused(99.0)]) == len(recorded) + 1
        await store.close()

    async def test_commits_wait_for_the_disk(self, sqlite: Store, path: Path) -> None:
        with closing(connect(path, 1.0)) as connection:
            found = {
                name: connection.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("journal_mode", "synchronous", "secure_delete", "foreign_keys")
            }
        assert found == {"journal_mode": "wal", "synchronous": 2, "secure_delete": 1, "foreign_keys": 1}

    async def test_two_stores_on_one_file_see_each_other(self, sqlite: Store, path: Path) -> None:
        other = await open_sqlite(path)
        async with sqlite.events.subscribe("meeting/") as feed:
            await other.events.append(STREAM, 0, [created()])
            async with asyncio.timeout(5):
                assert (await anext(feed)).event == created()
        assert [one.event for one in await sqlite.events.read(STREAM)] == [created()]
        answers = await asyncio.gather(
            *(store.records.put_if_absent("link", "a", {}) for store in (sqlite, other) * 10)
        )
        assert answers.count(True) == 1
        await other.close()

    async def test_many_may_open_a_new_file_at_once(self, path: Path) -> None:
        stores = await asyncio.gather(*(open_sqlite(path, busy=10.0) for _ in range(5)))
        for number, store in enumerate(stores):
            await store.events.append(f"meeting/m_{number}", 0, [created()])
        assert len(await stores[0].events.streams("meeting/")) == 5
        assert await stores[0].events.verify() == []
        for store in stores:
            await store.close()


class TestFiles:
    async def test_are_for_their_owner_only(self, sqlite: Store, path: Path) -> None:
        await sqlite.events.append(STREAM, 0, a_day())
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
        assert modes == dict.fromkeys(["rooms.db", "rooms.db-shm", "rooms.db-wal", "rooms.key"], 0o600)
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700

    async def test_that_others_could_read_are_closed_to_them(self, path: Path) -> None:
        await (await open_sqlite(path)).close()
        for file in path.parent.iterdir():
            file.chmod(0o644)
        await (await open_sqlite(path)).close()
        assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}

    async def test_leave_no_thread_and_no_open_file_behind(self, path: Path) -> None:
        before = threads_and_files()
        store = await open_sqlite(path)
        await store.events.append(STREAM, 0, a_day())
        async with store.events.subscribe("meeting/"):
            pass
        await store.close()
        assert threads_and_files() == before

    async def test_show_no_content_without_the_key_file(self, sqlite: Store, path: Path) -> None:
        await sqlite.events.append(STREAM, 0, a_day())
        on_disk = bytes_on_disk(path)
        assert b"message_sent" in on_disk
        for text in (SECRET, "Family Ek", "Selam", "Olof Officer"):
            assert text.encode() not in on_disk

    async def test_hold_no_trace_of_a_destroyed_key(self, sqlite: Store, path: Path) -> None:
        await sqlite.events.append(STREAM, 0, a_day())
        await sqlite.events.append("meeting/m_2", 0, a_day())
        with other_program(path) as connection:
            keys = dict(
                connection.execute("SELECT owner, wrapped FROM content_keys WHERE stream = ?", (STREAM,))
            )
        assert keys[NEWCOMER] in bytes_on_disk(path)

        await sqlite.events.erase(STREAM, NEWCOMER)

        assert keys[NEWCOMER] not in bytes_on_disk(path)
        assert keys[of_agency("migration")] in bytes_on_disk(path)

    async def test_an_erasure_that_cannot_scrub_says_so_and_is_repeated(self, path: Path) -> None:
        store = await open_sqlite(path, busy=0.05)
        await store.events.append(STREAM, 0, a_day())
        with other_program(path) as connection:
            connection.execute("BEGIN")
            connection.execute("SELECT * FROM events").fetchall()
            with pytest.raises(StoreUnavailable, match="repeat"):
                await store.events.erase(STREAM, NEWCOMER)
            connection.execute("COMMIT")
        await store.events.erase(STREAM, NEWCOMER)
        assert (await store.events.heads()).service.version == 2
        await store.close()


class TestTrouble:
    async def test_a_locked_file_is_unavailable_until_it_is_free(self, path: Path) -> None:
        store = await open_sqlite(path, busy=0.05)
        await store.events.append(STREAM, 0, [created()])
        with other_program(path) as connection:
            connection.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreUnavailable, match="locked"):
                await store.events.append(STREAM, 1, [paused()])
            with pytest.raises(StoreUnavailable, match="locked"):
                await store.records.put_if_absent("link", "a", {})
            assert len(await store.events.read(STREAM)) == 1
            connection.execute("ROLLBACK")
        assert await store.events.append(STREAM, 1, [paused()]) == 2
        await store.close()

    async def test_a_full_disk_changes_nothing(self, sqlite: Store) -> None:
        await sqlite.events.append(STREAM, 0, [created()])
        await sqlite.events._writer.run(  # type: ignore[attr-defined]
            lambda c: c.execute("PRAGMA max_page_count = 20").fetchall()
        )
        with pytest.raises(StoreUnavailable, match="full"):
            await sqlite.events.append(STREAM, 1, [message("long " * 1000, n) for n in range(50)])

        assert len(await sqlite.events.read(STREAM)) == 1
        assert await sqlite.events.verify() == []
        assert await sqlite.events.append(STREAM, 1, [paused()]) == 2

    async def test_a_file_of_a_newer_program_is_left_alone(self, path: Path) -> None:
        await (await open_sqlite(path)).close()
        with other_program(path) as connection:
            connection.execute("PRAGMA user_version = 99")
        with pytest.raises(StoreUnavailable, match=r"newer version.*step 99"):
            await open_sqlite(path)

    async def test_a_file_of_another_program_is_left_alone(self, path: Path) -> None:
        path.parent.mkdir()
        with other_program(path) as connection:
            connection.execute("CREATE TABLE songs (title TEXT)")
        with pytest.raises(StoreUnavailable, match="not a database of this service"):
            await open_sqlite(path)
        assert not path.with_suffix(".key").exists()

    async def test_a_file_that_is_no_database_is_unavailable(self, path: Path) -> None:
        path.parent.mkdir()
        path.write_bytes(b"not a database at all" * 100)
        with pytest.raises(StoreUnavailable, match="not a database"):
            await open_sqlite(path)

    async def test_a_folder_that_cannot_be_made_is_unavailable(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(StoreUnavailable, match="cannot be opened"):
            await open_sqlite(tmp_path / "file" / "rooms.db")

    async def test_a_lost_or_foreign_key_file_is_not_replaced(self, path: Path) -> None:
        await (await open_sqlite(path)).close()
        key = path.with_suffix(".key")
        right = key.read_bytes()
        key.unlink()
        with pytest.raises(StoreUnavailable, match="cannot be read"):
            await open_sqlite(path)
        key.write_bytes(bytes(32))
        with pytest.raises(StoreUnavailable, match="does not belong"):
            await open_sqlite(path)
        key.write_bytes(b"short")
        with pytest.raises(StoreUnavailable, match="5 bytes"):
            await open_sqlite(path)
        key.write_bytes(right)
        await (await open_sqlite(path)).close()


class TestTampering:
    """Somebody changes the file behind the store's back."""

    async def faults_after(self, store: Store, path: Path, *statements: str) -> list[Fault]:
        with other_program(path) as connection:
            connection.execute("PRAGMA foreign_keys = OFF")
            for statement in statements:
                assert connection.execute(statement).rowcount != 0
        return list(await store.events.verify())

    @pytest.fixture
    async def filled(self, sqlite: Store) -> Store:
        await sqlite.events.append(STREAM, 0, a_day())
        await sqlite.events.append("meeting/m_2", 0, a_day())
        await sqlite.events.append("agency/tax", 0, [paused(), paused(15.0)])
        await sqlite.events.erase("meeting/m_2", NEWCOMER)
        assert await sqlite.events.verify() == []
        return sqlite

    @pytest.mark.parametrize(
        "edit",
        [
            "head = CAST(replace(CAST(head AS TEXT), '\"minutes\":20', '\"minutes\":90') AS BLOB)",
            "head = randomblob(50)",
            "content = randomblob(length(content))",
            "content = NULL",
            "previous = randomblob(32)",
            "hash = randomblob(32)",
        ],
    )
    async def test_an_edit_is_found(self, filled: Store, path: Path, edit: str) -> None:
        where = f"WHERE stream = '{STREAM}' AND version = 2"
        faults = await self.faults_after(filled, path, f"UPDATE events SET {edit} {where}")
        assert (FaultKind.EDITED, STREAM, 2) in [(f.kind, f.stream, f.version) for f in faults]
        assert {fault.stream for fault in faults} == {STREAM}
        with pytest.raises(CorruptLog, match="version 2"):
            await filled.events.read(STREAM)

    async def test_a_deletion_is_found(self, filled: Store, path: Path) -> None:
        faults = await self.faults_after(
            filled, path, f"DELETE FROM events WHERE stream = '{STREAM}' AND version IN (3, 4)"
        )
        assert [(f.kind, f.stream, f.version) for f in faults] == [(FaultKind.MISSING, STREAM, 3)]
        assert "3 to 4" in faults[0].message
        with pytest.raises(CorruptLog):
            await filled.events.read(STREAM)

    async def test_a_deletion_that_closes_the_gap_is_found(self, filled: Store, path: Path) -> None:
        faults = await self.faults_after(
            filled,
            path,
            f"DELETE FROM events WHERE stream = '{STREAM}' AND version = 3",
            f"UPDATE events SET version = 3 - version WHERE stream = '{STREAM}' AND version > 3",
            f"UPDATE events SET version = 2 - version WHERE stream = '{STREAM}' AND version < 0",
        )
        assert (FaultKind.MISPLACED, STREAM, 3) in [(f.kind, f.stream, f.version) for f in faults]

    async def test_a_reordering_is_found(self, filled: Store, path: Path) -> None:
        faults = await self.faults_after(
            filled,
            path,
            f"UPDATE events SET version = -2 WHERE stream = '{STREAM}' AND version = 2",
            f"UPDATE events SET version = 2 WHERE stream = '{STREAM}' AND version = 3",
            f"UPDATE events SET version = 3 WHERE stream = '{STREAM}' AND version = -2",
        )
        assert {(FaultKind.MISPLACED, STREAM, 2), (FaultKind.MISPLACED, STREAM, 3)} <= {
            (f.kind, f.stream, f.version) for f in faults
        }

    async def test_an_event_moved_to_another_stream_is_found(self, filled: Store, path: Path) -> None:
        faults = await self.faults_after(
            filled,
            path,
            "UPDATE events SET stream = 'agency/tax', version = 3"
            " WHERE version = 8 AND stream = 'meeting/m_2'",
        )
        assert {f.stream for f in faults} == {"agency/tax", "meeting/m_2"}

    async def test_an_event_cut_off_the_end_is_found(self, filled: Store, path: Path) -> None:
        faults = await self.faults_after(filled, path, "DELETE FROM events WHERE version = 8")
        assert [(f.kind, f.stream, f.version) for f in faults if f.version == 8] == [
            (FaultKind.MISSING, STREAM, 8),
            (FaultKind.MISSING, "meeting/m_2", 8),
            (FaultKind.MISSING, "meeting/m_2", 8),
        ]

    async def test_a_meeting_that_vanished_is_found(self, filled: Store, path: Path) -> None:
        faults = await self.faults_after(
            filled,
            path,
            f"DELETE FROM events WHERE stream = '{STREAM}'",
            f"DELETE FROM content_keys WHERE stream = '{STREAM}'",
            f"DELETE FROM streams WHERE stream = '{STREAM}'",
        )
        assert [(f.kind, f.stream, f.version) for f in faults] == [(FaultKind.MISSING, STREAM, 1)]

    async def test_a_meeting_that_nobody_created_is_found(self, filled: Store, path: Path) -> None:
        await filled.events.append("site/lund", 0, [created()])
        faults = await self.faults_after(
            filled,
            path,
            *(
                f"UPDATE {table} SET stream = 'meeting/m_3' WHERE stream = 'site/lund'"
                for table in ("events", "streams", "content_keys")
            ),
        )
        assert (FaultKind.UNRECORDED, "meeting/m_3") in [(f.kind, f.stream) for f in faults]

    @pytest.mark.parametrize(
        "change",
        [
            "DELETE FROM entries WHERE number = 1",
            "DELETE FROM entries WHERE number = 3",
            "UPDATE entries SET kind = 'created' WHERE number = 3",
            "UPDATE entries SET kind = 'nonsense' WHERE number = 3",
            "UPDATE entries SET owner = 'agency:tax' WHERE number = 3",
            "UPDATE entries SET at = at + 1 WHERE number = 2",
        ],
    )
    async def test_a_change_of_the_service_s_chain_is_found(
        self, filled: Store, path: Path, change: str
    ) -> None:
        faults = await self.faults_after(filled, path, change)
        assert "" in {fault.stream for fault in faults}

    async def test_a_key_that_was_destroyed_in_silence_is_found(self, filled: Store, path: Path) -> None:
        where = f"WHERE stream = '{STREAM}' AND owner = '{NEWCOMER}'"
        faults = await self.faults_after(filled, path, f"UPDATE content_keys SET wrapped = NULL {where}")
        assert [(f.kind, f.stream) for f in faults] == [(FaultKind.UNRECORDED, STREAM)]

        faults = await self.faults_after(filled, path, f"DELETE FROM content_keys {where}")
        assert [(f.kind, f.stream, f.version) for f in faults] == [(FaultKind.MISSING, STREAM, 1)]
        with pytest.raises(CorruptLog, match="key"):
            await filled.events.read(STREAM)

    async def test_a_key_that_came_back_is_found(self, filled: Store, path: Path) -> None:
        faults = await self.faults_after(
            filled, path, "UPDATE content_keys SET wrapped = zeroblob(60) WHERE wrapped IS NULL"
        )
        assert [(f.kind, f.stream) for f in faults] == [(FaultKind.UNRECORDED, "meeting/m_2")]

    async def test_a_careful_truncation_is_found_with_exported_heads(self, filled: Store, path: Path) -> None:
        exported = await filled.events.heads()
        back = (
            f"DELETE FROM events WHERE stream = '{STREAM}' AND version = 8",
            "UPDATE streams SET version = 7, hash ="
            f" (SELECT hash FROM events WHERE stream = '{STREAM}' AND version = 7) WHERE stream = '{STREAM}'",
        )
        assert await self.faults_after(filled, path, *back) == []
        faults = await filled.events.verify(exported)
        assert [(f.kind, f.stream, f.version) for f in faults] == [(FaultKind.MISSING, STREAM, 8)]

    async def test_a_rollback_to_a_backup_is_found_with_exported_heads(
        self, path: Path, clock: Clock
    ) -> None:
        store = await open_sqlite(path, clock=clock)
        await store.events.append(STREAM, 0, [created()])
        await store.close()
        backup = path.read_bytes()
        store = await open_sqlite(path, clock=clock)
        await store.events.append("meeting/m_2", 0, [created()])
        exported = await store.events.heads()
        await store.close()
        path.write_bytes(backup)

        store = await open_sqlite(path, clock=clock)

        assert await store.events.verify() == []
        found = {(f.stream, f.version) for f in await store.events.verify(exported)}
        assert found == {("", 2), ("meeting/m_2", 1)}
        await store.close()
