"""A store copied into another kind of store, and into a file and back: everything, proven, or nothing."""

import asyncio
import gzip
import stat
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from rooms import audit
from rooms.store import backup
from rooms.store.base import ContentErased, Store, StoreUnavailable
from rooms.store.codec import meeting_codec
from rooms.store.content import NEWCOMER
from rooms.store.dump import BATCH, CopyRefused, Loader, Row, Source, Target, copy
from rooms.store.keys import load_key
from rooms.store.redis import RedisStore, open_redis
from rooms.store.redis_copy import RedisCopy
from rooms.store.redis_server import RedisServer
from rooms.store.sqlite import open_sqlite
from rooms.store.sqlite_copy import SqliteCopy
from tests.rooms.store.samples import Clock, a_day, created, message, paused

KINDS = ("sqlite", "redis")
BOTH_WAYS = pytest.mark.parametrize(("one", "other"), [("sqlite", "redis"), ("redis", "sqlite")])
EACH = pytest.mark.parametrize("one", KINDS)


class Stores:
    """One store of each kind, in a folder: opened to be used, or as a whole to be copied."""

    def __init__(self, folder: Path, server: RedisServer, clock: Clock) -> None:
        self.folder = folder
        self.keys = {"sqlite": folder / "rooms.key", "redis": folder / "redis.key"}
        self._server = server
        self._clock = clock

    async def open(self, kind: str) -> Store:
        if kind == "sqlite":
            return await open_sqlite(self.folder / "rooms.sqlite", clock=self._clock)
        return await open_redis(self._server, self.keys["redis"], clock=self._clock)

    def whole(self, kind: str) -> "SqliteCopy | RedisCopy":
        if kind == "sqlite":
            return SqliteCopy(self.folder / "rooms.sqlite")
        return RedisCopy(RedisStore(self._server, self.keys["redis"], self._clock, meeting_codec()))

    @asynccontextmanager
    async def used(self, kind: str) -> AsyncIterator[Store]:
        store = await self.open(kind)
        try:
            yield store
        finally:
            await store.close()

    async def fill(self, kind: str) -> audit.Heads:
        async with self.used(kind) as store:
            for number in range(3):
                await store.events.append(f"meeting/m_{number}", 0, a_day())
            await store.events.append("agency/tax", 0, [paused(float(n)) for n in range(BATCH + 20)], fence=5)
            await store.events.erase("meeting/m_2", NEWCOMER)
            await store.records.put_if_absent("link", "å/1", {"n": [1, None, "å"]}, expires_at=2_000.5)
            await store.records.put_if_absent("link", "gone", {})
            await store.records.delete("link", "gone")
            await store.records.put_if_absent("session", "s", {})
            return await store.events.heads()


@pytest.fixture
def stores(tmp_path: Path, redis_server: RedisServer, clock: Clock) -> Stores:
    return Stores(tmp_path, redis_server, clock)


async def demand_same(stores: Stores, kind: str, heads: audit.Heads) -> None:
    """All that `fill` has put into a store is in this one, and it can be used on."""
    async with stores.used(kind) as store:
        assert await store.events.heads() == heads
        assert await store.events.verify(heads) == []
        for number in range(2):
            recorded = await store.events.read(f"meeting/m_{number}")
            assert [one.event for one in recorded] == a_day()
        assert message("") in [one.event for one in await store.events.read("meeting/m_2")]
        with pytest.raises(ContentErased):
            await store.events.append("meeting/m_2", len(a_day()), [message()])
        assert await store.events.streams("meeting/") == ["meeting/m_0", "meeting/m_1", "meeting/m_2"]
        [(key, link)] = await store.records.scan("link")
        assert (key, link.value, link.expires_at) == ("å/1", {"n": [1, None, "å"]}, 2_000.5)
        session = await store.records.get("session", "s")
        assert session is not None
        assert session.version > link.version
        await store.records.put_if_absent("session", "t", {})
        later = await store.records.get("session", "t")
        assert later is not None
        assert later.version > session.version
        assert await store.records.sweep(3_000.0) == 1
        async with store.events.subscribe("meeting/") as feed:
            assert (
                await store.events.append("meeting/m_0", len(a_day()), [message("more")]) == len(a_day()) + 1
            )
            assert await store.events.append("meeting/m_9", 0, [created()]) == 1
            async with asyncio.timeout(20):
                assert [(await anext(feed)).stream for _ in range(2)] == ["meeting/m_0", "meeting/m_9"]
        assert await store.events.append("agency/tax", BATCH + 20, [paused(9_999.0)]) == BATCH + 21
        assert await store.events.verify(heads) == []


@BOTH_WAYS
async def test_everything_comes_over_and_the_chains_hold(stores: Stores, one: str, other: str) -> None:
    heads = await stores.fill(one)
    assert await copy(stores.whole(one), stores.whole(other)) == heads
    assert load_key(stores.keys["sqlite"]) != load_key(stores.keys["redis"])
    await demand_same(stores, other, heads)


@BOTH_WAYS
async def test_a_store_that_is_not_empty_is_left_alone(stores: Stores, one: str, other: str) -> None:
    await stores.fill(one)
    async with stores.used(other) as store:
        await store.records.put_if_absent("link", "a", {})
    with pytest.raises(CopyRefused, match="is not empty"):
        await copy(stores.whole(one), stores.whole(other))
    async with stores.used(other) as store:
        assert await store.events.streams("") == []
        assert await store.records.get("link", "a") is not None


class Breaking:
    """A target that is broken off after so many batches."""

    def __init__(self, inner: Target, batches: int) -> None:
        self._inner = inner
        self._batches = batches

    @asynccontextmanager
    async def loading(self, heads: audit.Heads, record_version: int) -> AsyncIterator[Loader]:
        async with self._inner.loading(heads, record_version) as loader:
            add, left = loader.add, self._batches

            async def add_some(rows: Sequence[Row]) -> None:
                nonlocal left
                if left == 0:
                    raise KeyboardInterrupt
                left -= 1
                await add(rows)

            loader.add = add_some  # type: ignore[method-assign]
            yield loader


@BOTH_WAYS
async def test_a_copy_may_be_broken_off_and_begun_again(stores: Stores, one: str, other: str) -> None:
    heads = await stores.fill(one)
    for batches in (0, 1):
        with pytest.raises(KeyboardInterrupt):
            await copy(stores.whole(one), Breaking(stores.whole(other), batches))
    if other == "redis":
        with pytest.raises(StoreUnavailable, match="broken off"):
            await stores.open(other)
    else:
        async with stores.used(other) as store:
            assert await store.events.streams("") == []

    assert await copy(stores.whole(one), stores.whole(other)) == heads
    await demand_same(stores, other, heads)


async def test_an_open_store_cannot_write_into_a_copy_under_way(stores: Stores) -> None:
    await stores.fill("sqlite")
    async with stores.used("redis") as early:
        with pytest.raises(KeyboardInterrupt):
            await copy(stores.whole("sqlite"), Breaking(stores.whole("redis"), 1))
        for attempt in (
            early.events.append("meeting/m_7", 0, [created()]),
            early.records.put_if_absent("link", "a", {}),
            early.records.sweep(1e9),
        ):
            with pytest.raises(StoreUnavailable, match="broken off"):
                await attempt


@BOTH_WAYS
async def test_a_log_that_is_not_what_was_written_is_not_copied(
    stores: Stores, one: str, other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stores.fill(one)
    really = type(stores.whole(one))._rows

    def spoilt(self: object, *args: object) -> AsyncIterator[Row]:
        async def rows() -> AsyncIterator[Row]:
            async for row in really(self, *args):  # type: ignore[arg-type]
                if isinstance(row, audit.Link) and (row.stream, row.version) == ("meeting/m_1", 2):
                    row = audit.link(audit.Head(1, row.previous), row.stream, b"{}", None)
                yield row

        return rows()

    monkeypatch.setattr(type(stores.whole(one)), "_rows", spoilt)
    with pytest.raises(CopyRefused, match="meeting/m_1"):
        await copy(stores.whole(one), stores.whole(other))


@EACH
async def test_a_backup_while_the_store_is_written_to_is_of_one_moment(stores: Stores, one: str) -> None:
    await stores.fill(one)
    file = stores.folder / "backup"
    async with stores.used(one) as store:
        stop = asyncio.Event()

        async def write() -> int:
            number = 0
            while not stop.is_set():
                await store.events.append(f"meeting/w_{number}", 0, a_day())
                await store.records.put_if_absent("written", str(number), {})
                number += 1
            return number

        writer = asyncio.create_task(write())
        while not await store.events.streams("meeting/w_"):
            await asyncio.sleep(0)
        heads = await backup.write(stores.whole(one), file)
        stop.set()
        assert await writer > 0
        assert await store.events.verify(heads) == []
    assert backup.BackupFile(file, load_key(stores.keys[one])).faults() == []


@EACH
@pytest.mark.parametrize("other", KINDS)
async def test_a_backup_is_put_back(
    stores: Stores, one: str, other: str, tmp_path: Path, redis_server: RedisServer, clock: Clock
) -> None:
    heads = await stores.fill(one)
    file = stores.folder / "backup"
    assert await backup.write(stores.whole(one), file) == heads
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert b"Family Ek" not in gzip.decompress(file.read_bytes())
    elsewhere = Stores(tmp_path / "elsewhere", _renamed(redis_server), clock)

    kept = backup.BackupFile(file, load_key(stores.keys[one]))
    assert kept.faults() == []
    assert await copy(kept, elsewhere.whole(other)) == heads

    await demand_same(elsewhere, other, heads)


def _renamed(server: RedisServer) -> RedisServer:
    return replace(server, prefix=server.prefix + "-elsewhere")


def cut_short(content: bytes) -> bytes:
    return content[: len(content) // 2]


def without_the_end(content: bytes) -> bytes:
    return gzip.compress(b"".join(gzip.decompress(content).splitlines(keepends=True)[:-1]))


def without_a_line(content: bytes) -> bytes:
    lines = gzip.decompress(content).splitlines(keepends=True)
    return gzip.compress(b"".join(lines[:10] + lines[11:]))


def of_another_program(content: bytes) -> bytes:
    return gzip.compress(b'{"songs": []}\n')


@pytest.mark.parametrize("spoil", [cut_short, without_the_end, without_a_line, of_another_program])
async def test_a_backup_that_is_not_whole_is_not_put_back(
    stores: Stores, spoil: Callable[[bytes], bytes]
) -> None:
    await stores.fill("sqlite")
    file = stores.folder / "backup"
    await backup.write(stores.whole("sqlite"), file)
    file.write_bytes(spoil(file.read_bytes()))
    kept: Source = backup.BackupFile(file, load_key(stores.keys["sqlite"]))
    with pytest.raises(CopyRefused, match=r"not whole|no backup"):
        await copy(kept, SqliteCopy(stores.folder / "new.sqlite"))
    store = await open_sqlite(stores.folder / "new.sqlite")
    assert await store.events.streams("") == []
    await store.close()


async def test_a_backup_needs_its_own_key_and_a_free_place(stores: Stores) -> None:
    await stores.fill("sqlite")
    file = stores.folder / "backup"
    await backup.write(stores.whole("sqlite"), file)
    with pytest.raises(CopyRefused, match="already"):
        await backup.write(stores.whole("sqlite"), file)
    with pytest.raises(CopyRefused, match="not those of"):
        await copy(backup.BackupFile(file, bytes(32)), SqliteCopy(stores.folder / "new.sqlite"))
