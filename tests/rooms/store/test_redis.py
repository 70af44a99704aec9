"""What only Redis can get wrong: durability, lost answers, erasure on disk, tampering, lax servers."""

import asyncio
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from rooms.audit import Fault, FaultKind
from rooms.store.base import CorruptLog, Store, StoreUnavailable
from rooms.store.content import NEWCOMER, of_agency
from rooms.store.redis import open_redis
from rooms.store.redis_link import Unsure
from rooms.store.redis_names import Names
from rooms.store.redis_server import RedisServer
from tests.rooms.store.samples import SECRET, STREAM, Clock, a_day, created, message, paused
from tests.support.redis_process import DURABLE, RedisProcess

ROOT = Path(__file__).parents[3]
PATIENCE = 20.0


@pytest.fixture
def own(tmp_path: Path) -> Iterator[RedisProcess]:
    """One that a test may stop and spoil."""
    with RedisProcess(tmp_path / "own").running() as process:
        yield process


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return tmp_path / "redis.key"


@pytest.fixture
async def redis(redis_server: RedisServer, key: Path, clock: Clock) -> AsyncIterator[Store]:
    opened = await open_redis(redis_server, key, clock=clock)
    yield opened
    await opened.close()


def bytes_on_disk(process: RedisProcess) -> bytes:
    return b"".join(file.read_bytes() for file in process.folder.rglob("*") if file.is_file())


async def appended(store: Store, version: int) -> int:
    """Appends as soon as the store answers again."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                return await store.events.append(STREAM, version, [paused(float(version))])
            except StoreUnavailable:
                await asyncio.sleep(0.05)


class TestDurability:
    async def test_what_was_acknowledged_is_there_after_a_kill(self, own: RedisProcess, key: Path) -> None:
        store = await open_redis(own.server, key)
        await store.events.append(STREAM, 0, a_day())
        await store.records.put_if_absent("link", "a", {"n": 1})
        heads = await store.events.heads()

        own.kill()
        own.start()

        assert [one.event for one in await store.events.read(STREAM)] == a_day()
        record = await store.records.get("link", "a")
        assert record is not None
        assert record.value == {"n": 1}
        assert await store.events.verify(heads) == []
        assert await store.events.append(STREAM, len(a_day()), [message("more")]) == len(a_day()) + 1
        await store.close()

    async def test_a_writer_that_is_killed_leaves_whole_batches(
        self, redis_server: RedisServer, key: Path
    ) -> None:
        where = f"{redis_server.port}/{redis_server.prefix}"
        writer = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.rooms.store.writing",
            key,
            where,
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
        )
        assert writer.stdout is not None
        durable = 0
        try:
            async with asyncio.timeout(30):
                for _ in range(7):
                    durable = int(await writer.stdout.readline())
        finally:
            writer.send_signal(signal.SIGKILL)
            await writer.wait()
        rest = [int(line) for line in (await writer.stdout.read()).splitlines() if line.endswith(b"\n")]

        store = await open_redis(redis_server, key)
        recorded = await store.events.read(STREAM)
        assert len(recorded) >= max([durable, *rest])
        assert len(recorded) % 3 == 0
        assert await store.events.verify() == []
        await store.close()

    @pytest.mark.parametrize(
        ("line", "told"),
        [
            ("appendonly no", "appendonly yes"),
            ("appendfsync everysec", "appendfsync always"),
            ("maxmemory-policy allkeys-lru", "maxmemory-policy noeviction"),
        ],
    )
    async def test_a_server_that_could_lose_something_is_refused(
        self, tmp_path: Path, key: Path, line: str, told: str
    ) -> None:
        with (
            RedisProcess(tmp_path / "lax", (*DURABLE, line)).running() as lax,
            pytest.raises(StoreUnavailable, match=f"must have {told}"),
        ):
            await open_redis(lax.server, key)
        assert not key.exists()


class TestTrouble:
    async def test_a_server_that_is_away_is_unavailable_and_nothing_waits_long(
        self, own: RedisProcess, key: Path
    ) -> None:
        store = await open_redis(replace(own.server, timeout=0.5), key)
        await store.events.append(STREAM, 0, [created()])
        async with store.events.subscribe("meeting/") as feed:
            own.stop()
            async with asyncio.timeout(PATIENCE):
                for _ in range(20):
                    with pytest.raises(StoreUnavailable):
                        await store.events.append(STREAM, 1, [paused()])
                    with pytest.raises(StoreUnavailable):
                        await store.events.read(STREAM)
                    with pytest.raises(StoreUnavailable):
                        await store.records.put_if_absent("link", "a", {})
            own.start()

            assert await appended(store, 1) == 2
            async with asyncio.timeout(PATIENCE):
                assert (await anext(feed)).version == 2
        assert await store.records.put_if_absent("link", "a", {})
        await store.close()

    async def test_a_server_that_hangs_does_not_hang_the_caller(self, own: RedisProcess, key: Path) -> None:
        """What it takes in when it goes on was refused, and is one append at most."""
        store = await open_redis(replace(own.server, timeout=0.3), key)
        await store.events.append(STREAM, 0, [created()])
        own.signal(signal.SIGSTOP)
        try:
            async with asyncio.timeout(PATIENCE):
                with pytest.raises(StoreUnavailable):
                    await store.events.append(STREAM, 1, [paused()])
        finally:
            own.signal(signal.SIGCONT)
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    assert len(await store.events.read(STREAM)) <= 2
                    break
                except StoreUnavailable:
                    await asyncio.sleep(0.05)
        assert await store.events.verify() == []
        await store.close()

    async def test_one_that_is_known_to_hang_keeps_nobody_waiting_and_is_found_when_it_goes_on(
        self, own: RedisProcess, key: Path
    ) -> None:
        store = await open_redis(replace(own.server, timeout=1.0), key)
        own.signal(signal.SIGSTOP)
        try:
            for _ in range(2):
                with pytest.raises(StoreUnavailable):
                    await store.records.get("link", "a")
            began = time.monotonic()
            for _ in range(50):
                with pytest.raises(StoreUnavailable):
                    await store.records.get("link", "a")
                await asyncio.sleep(0)
            assert time.monotonic() - began < 1.0
        finally:
            own.signal(signal.SIGCONT)
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    assert await store.records.put_if_absent("link", "a", {})
                    break
                except StoreUnavailable:
                    await asyncio.sleep(0.01)
        await store.close()

    async def test_a_caller_that_is_cancelled_ends_at_once(self, own: RedisProcess, key: Path) -> None:
        store = await open_redis(own.server, key)

        async def ask_for_ever() -> None:
            while True:
                await store.events.streams("")

        for _ in range(50):
            asking = asyncio.create_task(ask_for_ever())
            await store.records.get("link", "a")
            asking.cancel()
            async with asyncio.timeout(PATIENCE):
                with pytest.raises(asyncio.CancelledError):
                    await asking
        await store.close()

    async def test_an_append_whose_answer_is_lost_is_made_once(self, own: RedisProcess, key: Path) -> None:
        """The connection breaks after Redis has carried it out."""
        store = await open_redis(own.server, key)
        await store.events.append(STREAM, 0, [created()])
        link = store.link  # type: ignore[attr-defined]
        exchange, lost = link._exchange, []

        async def losing(commands: list[list[object]]) -> object:
            answers = await exchange(commands)
            if not lost and commands[0][0] in ("EVAL", "EVALSHA"):
                lost.append(commands)
                raise Unsure("the connection broke")
            return answers

        link._exchange = losing
        assert await store.events.append(STREAM, 1, [paused()]) == 2

        assert lost
        assert len(await store.events.read(STREAM)) == 2
        await store.close()

    async def test_a_server_that_is_not_there_is_told(self, key: Path, tmp_path: Path) -> None:
        gone = RedisProcess(tmp_path / "none").server
        with pytest.raises(StoreUnavailable, match="cannot be reached"):
            await open_redis(replace(gone, timeout=0.2), key)

    async def test_a_lost_or_foreign_key_file_is_not_replaced(
        self, redis_server: RedisServer, key: Path
    ) -> None:
        await (await open_redis(redis_server, key)).close()
        right = key.read_bytes()
        key.unlink()
        with pytest.raises(StoreUnavailable, match="cannot be read"):
            await open_redis(redis_server, key)
        key.write_bytes(bytes(32))
        with pytest.raises(StoreUnavailable, match="does not belong"):
            await open_redis(redis_server, key)
        key.write_bytes(right)
        await (await open_redis(redis_server, key)).close()

    async def test_many_may_open_an_empty_one_at_once(self, redis_server: RedisServer, key: Path) -> None:
        stores = await asyncio.gather(*(open_redis(redis_server, key) for _ in range(5)))
        await asyncio.gather(
            *(store.events.append(f"meeting/m_{n}", 0, a_day()) for n, store in enumerate(stores))
        )
        assert len(await stores[0].events.streams("meeting/")) == 5
        assert await stores[0].events.verify() == []
        async with stores[1].events.subscribe("meeting/") as feed:
            await stores[2].events.append("meeting/m_9", 0, [created()])
            async with asyncio.timeout(PATIENCE):
                assert (await anext(feed)).stream == "meeting/m_9"
        for store in stores:
            await store.close()


class TestRights:
    """The rights that the guide tells to give, and no others."""

    LINE = (
        "user motesrum on >secret ~motesrum:* resetchannels -@all +@read +@write +@transaction +@scripting"
        " +info +config|get +bgrewriteaof +wait +ping +select +time"
    )

    @pytest.fixture
    def closed(self, tmp_path: Path) -> Iterator[RedisProcess]:
        with RedisProcess(
            tmp_path / "closed", (*DURABLE, "user default off", self.LINE)
        ).running() as process:
            yield process

    async def test_are_enough_for_everything(self, closed: RedisProcess, key: Path) -> None:
        store = await open_redis(replace(closed.server, username="motesrum", password="secret"), key)
        await store.events.append(STREAM, 0, a_day())
        await store.events.erase(STREAM, NEWCOMER)
        assert await store.records.put_if_absent("link", "a", {}, expires_at=1.0)
        assert await store.records.sweep(2.0) == 1
        assert await store.records.scan("link") == []
        assert await store.events.verify() == []
        await store.close()

    async def test_a_user_who_is_not_let_in_is_told(self, closed: RedisProcess, key: Path) -> None:
        for server in (closed.server, replace(closed.server, username="motesrum", password="wrong")):
            with pytest.raises(StoreUnavailable, match="refuses") as told:
                await open_redis(server, key)
            assert "wrong" not in str(told.value)


class TestErasure:
    async def test_leaves_no_trace_of_the_key_in_the_files(self, own: RedisProcess, key: Path) -> None:
        store = await open_redis(own.server, key)
        await store.events.append(STREAM, 0, a_day())
        wrapped = {
            owner: value
            for owner in (NEWCOMER, of_agency("migration"))
            for [value] in [await store.link.ask(["HGET", Names("motesrum").keys(STREAM), owner])]  # type: ignore[attr-defined]
        }
        assert all(value in bytes_on_disk(own) for value in wrapped.values())

        await store.events.erase(STREAM, NEWCOMER)

        assert wrapped[NEWCOMER] not in bytes_on_disk(own)
        assert wrapped[of_agency("migration")] in bytes_on_disk(own)
        await store.close()

    async def test_shows_no_content_without_the_key_file(self, own: RedisProcess, key: Path) -> None:
        store = await open_redis(own.server, key)
        await store.events.append(STREAM, 0, a_day())
        on_disk = bytes_on_disk(own)
        assert b"message_sent" in on_disk
        for text in (SECRET, "Family Ek", "Selam", "Olof Officer"):
            assert text.encode() not in on_disk
        await store.close()


class TestTampering:
    """Somebody changes Redis behind the store's back."""

    @pytest.fixture
    async def filled(self, redis: Store) -> Store:
        await redis.events.append(STREAM, 0, a_day())
        await redis.events.append("meeting/m_2", 0, a_day())
        await redis.events.append("agency/tax", 0, [paused(), paused(15.0)])
        await redis.events.erase("meeting/m_2", NEWCOMER)
        assert await redis.events.verify() == []
        return redis

    async def faults_after(self, store: Store, *commands: list[str | bytes]) -> list[Fault]:
        for command in commands:
            assert (await store.link.ask(command))[0] not in (0, None)  # type: ignore[attr-defined]
        return list(await store.events.verify())

    def names(self, store: Store) -> Names:
        return store.names  # type: ignore[attr-defined, no-any-return]

    @pytest.mark.parametrize("field", ["head", "content", "previous", "hash"])
    async def test_an_edit_is_found(self, filled: Store, field: str) -> None:
        events = self.names(filled).events(STREAM)
        [rows] = await filled.link.ask(["XRANGE", events, "-", "+"])  # type: ignore[attr-defined]
        await filled.link.ask(["DEL", events])  # type: ignore[attr-defined]
        for number, (id_, fields) in enumerate(rows, 1):
            if number == 2:
                at = fields.index(field.encode()) + 1
                fields[at] = bytes(len(fields[at]))
            await filled.link.ask(["XADD", events, id_, *fields])  # type: ignore[attr-defined]

        faults = list(await filled.events.verify())

        assert (FaultKind.EDITED, STREAM, 2) in [(f.kind, f.stream, f.version) for f in faults]
        assert {fault.stream for fault in faults} == {STREAM}
        with pytest.raises(CorruptLog, match="version 2"):
            await filled.events.read(STREAM)

    async def test_a_deletion_is_found(self, filled: Store) -> None:
        faults = await self.faults_after(filled, ["XDEL", self.names(filled).events(STREAM), "3-0", "4-0"])
        assert [(f.kind, f.stream, f.version) for f in faults] == [(FaultKind.MISSING, STREAM, 3)]
        with pytest.raises(CorruptLog):
            await filled.events.read(STREAM)

    async def test_an_event_cut_off_the_end_is_found(self, filled: Store) -> None:
        faults = await self.faults_after(filled, ["XDEL", self.names(filled).events(STREAM), "8-0"])
        assert [(f.kind, f.stream, f.version) for f in faults] == [(FaultKind.MISSING, STREAM, 8)]

    async def test_an_event_that_was_added_is_found(self, filled: Store) -> None:
        events = self.names(filled).events(STREAM)
        faults = await self.faults_after(filled, ["XADD", events, "9-0", "head", "{}"])
        assert FaultKind.UNRECORDED in {f.kind for f in faults if f.stream == STREAM}

    async def test_a_meeting_that_vanished_is_found(self, filled: Store) -> None:
        names = self.names(filled)
        faults = await self.faults_after(
            filled,
            ["DEL", names.events(STREAM), names.keys(STREAM)],
            ["HDEL", names.heads, STREAM],
            ["ZREM", names.streams, STREAM],
        )
        assert [(f.kind, f.stream, f.version) for f in faults] == [(FaultKind.MISSING, STREAM, 1)]

    async def test_a_meeting_that_is_on_no_list_is_found(self, filled: Store) -> None:
        names = self.names(filled)
        faults = await self.faults_after(filled, ["COPY", names.events(STREAM), names.events("meeting/m_3")])
        assert (FaultKind.UNRECORDED, "meeting/m_3") in [(f.kind, f.stream) for f in faults]

    async def test_a_change_of_the_service_s_chain_is_found(self, filled: Store) -> None:
        faults = await self.faults_after(filled, ["XDEL", self.names(filled).entries, "1-0"])
        assert "" in {fault.stream for fault in faults}

    async def test_a_key_that_was_destroyed_in_silence_is_found(self, filled: Store) -> None:
        keys = self.names(filled).keys(STREAM)
        faults = await self.faults_after(filled, ["HSET", keys, NEWCOMER, "", "x", ""])
        assert (FaultKind.UNRECORDED, STREAM) in [(f.kind, f.stream) for f in faults]
        faults = await self.faults_after(filled, ["HDEL", keys, NEWCOMER])
        assert (FaultKind.MISSING, STREAM, 1) in [(f.kind, f.stream, f.version) for f in faults]

    async def test_a_key_that_came_back_is_found(self, filled: Store) -> None:
        names = self.names(filled)
        faults = await self.faults_after(
            filled, ["HSET", names.keys("meeting/m_2"), NEWCOMER, bytes(60), "x", ""]
        )
        assert (FaultKind.UNRECORDED, "meeting/m_2") in [(f.kind, f.stream) for f in faults]

    async def test_a_rollback_is_found_with_exported_heads(self, own: RedisProcess, key: Path) -> None:
        store = await open_redis(own.server, key)
        await store.events.append(STREAM, 0, [created()])
        own.stop()
        earlier = own.folder.parent / "earlier"
        shutil.copytree(own.folder / "appendonlydir", earlier)
        own.start()
        assert await appended(store, 1) == 2
        await store.events.append("meeting/m_2", 0, [created()])
        exported = await store.events.heads()
        own.stop()
        shutil.rmtree(own.folder / "appendonlydir")
        shutil.copytree(earlier, own.folder / "appendonlydir")
        own.start()

        assert await store.events.verify() == []
        found = {(f.stream, f.version) for f in await store.events.verify(exported)}
        assert found == {("", 2), (STREAM, 2), ("meeting/m_2", 1)}
        await store.close()
