"""Redis as sites run it: with replicas, found by Sentinels, behind TLS."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from rooms.store.base import Store, StoreUnavailable, VersionConflict
from rooms.store.redis import open_redis
from rooms.store.redis_server import RedisServer, Tls
from tests.rooms.store.samples import STREAM, created, paused
from tests.support.certificates import certificate
from tests.support.redis_process import DURABLE, RedisProcess

PATIENCE = 60.0
NAME = "rooms"


class Set:
    """One that is written to, a replica, and three Sentinels that watch them."""

    def __init__(self, folder: Path) -> None:
        self.one = RedisProcess(folder / "one", DURABLE)
        self.other = RedisProcess(folder / "other", (*DURABLE, f"replicaof 127.0.0.1 {self.one.port}"))
        watching = (
            f"sentinel monitor {NAME} 127.0.0.1 {self.one.port} 2",
            f"sentinel down-after-milliseconds {NAME} 500",
            f"sentinel failover-timeout {NAME} 5000",
            "sentinel deny-scripts-reconfig yes",
        )
        self.sentinels = [RedisProcess(folder / f"sentinel{n}", watching, sentinel=True) for n in range(3)]

    @property
    def server(self) -> RedisServer:
        found_by = tuple(("127.0.0.1", each.port) for each in self.sentinels)
        return RedisServer(host=NAME, sentinels=found_by, replicas=1, timeout=1.0)

    def everybody_knows_everybody(self) -> bool:
        wanted = {"num-other-sentinels 2", "num-slaves 1"}
        return all(wanted <= told_by(each) for each in self.sentinels)


def told_by(sentinel: RedisProcess) -> set[str]:
    words = sentinel.flat("SENTINEL", "MASTER", NAME).split()
    return {" ".join(pair) for pair in pairwise(words)}


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Set]:
    made = Set(tmp_path)
    with ExitStack() as stack:
        for process in (made.one, made.other, *made.sentinels):
            stack.enter_context(process.running())
        until = time.monotonic() + PATIENCE
        while not made.everybody_knows_everybody():
            assert time.monotonic() < until
            time.sleep(0.1)
        yield made


async def opened(server: RedisServer, key: Path) -> Store:
    """As soon as the replica is there."""
    async with asyncio.timeout(PATIENCE):
        while True:
            store = None
            try:
                store = await open_redis(server, key)
                await store.records.put_if_absent("probe", str(time.monotonic_ns()), {})
                return store
            except StoreUnavailable:
                if store is not None:
                    await store.close()
                await asyncio.sleep(0.1)


class Writer:
    """Appends for ever. `acknowledged`: the instants of the events whose append has returned."""

    def __init__(self, store: Store) -> None:
        self.acknowledged: list[float] = []
        self.refused = 0
        self._store = store
        self._version = 1
        self._task = asyncio.create_task(self._write())

    async def _write(self) -> None:
        number = 0.0
        while True:
            number += 1.0
            try:
                self._version = await self._store.events.append(STREAM, self._version, [paused(number)])
            except StoreUnavailable:
                self.refused += 1
                await asyncio.sleep(0.05)
            except VersionConflict as conflict:
                self._version = conflict.actual
            else:
                self.acknowledged.append(number)

    async def goes_on(self, by: int = 20) -> None:
        until = len(self.acknowledged) + by
        async with asyncio.timeout(PATIENCE):
            while len(self.acknowledged) < until:
                assert not self._task.done()
                await asyncio.sleep(0.02)

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


async def test_when_sentinel_changes_over_nothing_acknowledged_is_lost(watched: Set, tmp_path: Path) -> None:
    store = await opened(watched.server, tmp_path / "redis.key")
    await store.events.append(STREAM, 0, [created()])
    async with store.events.subscribe("meeting/") as feed:
        writer = Writer(store)
        await writer.goes_on()
        before = writer.acknowledged[-1]

        watched.one.kill()
        killed = time.monotonic()
        while watched.other.flat("ROLE").split()[0] != "master":
            assert time.monotonic() < killed + PATIENCE
            await asyncio.sleep(0.05)
        over = time.monotonic() - killed
        watched.one.start()  # Sentinel makes a replica of it after a while, and we at once
        watched.one.command("REPLICAOF", "127.0.0.1", str(watched.other.port))
        await writer.goes_on()
        print(f"another one after {over:.1f} s, {writer.refused} appends refused meanwhile")

        await writer.stop()
        recorded = await store.events.read(STREAM)
        there = [one.event.at for one in recorded[1:]]
        assert set(writer.acknowledged) <= set(there)
        assert len(there) == len(set(there))
        assert writer.refused > 0
        assert await store.events.verify() == []
        async with asyncio.timeout(PATIENCE):
            while (await anext(feed)).event.at <= before:
                pass
    await store.close()


async def test_a_write_counts_only_when_a_replica_has_it(tmp_path: Path) -> None:
    with RedisProcess(tmp_path / "one").running() as one:
        server = replace(one.server, replicas=1, timeout=1.0)
        store = await open_redis(replace(server, replicas=0), tmp_path / "redis.key")
        await store.events.append(STREAM, 0, [created()])
        await store.close()
        store = await open_redis(server, tmp_path / "redis.key")
        with pytest.raises(StoreUnavailable, match="0 replicas have it"):
            await store.events.append(STREAM, 1, [paused()])
        following = (*DURABLE, f"replicaof 127.0.0.1 {one.port}")
        with RedisProcess(tmp_path / "other", following).running():
            version = len(await store.events.read(STREAM))
            async with asyncio.timeout(PATIENCE):
                while version < 4:
                    try:
                        version = await store.events.append(STREAM, version, [paused(float(version))])
                    except StoreUnavailable:
                        await asyncio.sleep(0.05)
                    except VersionConflict as conflict:
                        version = conflict.actual
        await store.close()


async def test_tls_proves_both_sides(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    process = RedisProcess(tmp_path / "tls")
    tls_port = RedisProcess(tmp_path / "port").port
    files = (f"tls-cert-file {cert}", f"tls-key-file {key}", f"tls-ca-cert-file {cert}")
    lines = (f"tls-port {tls_port}", *files)
    with RedisProcess(tmp_path / "tls", (*DURABLE, *lines)).running():
        server = replace(process.server, port=tls_port, timeout=1.0)
        store = await open_redis(replace(server, tls=Tls(cert, cert, key)), tmp_path / "redis.key")
        async with store.events.subscribe("meeting/") as feed:
            await store.events.append(STREAM, 0, [created()])
            async with asyncio.timeout(PATIENCE):
                assert (await anext(feed)).event == created()
        await store.close()
        for unproven in (Tls(None, cert, key), Tls(cert), None):
            with pytest.raises(StoreUnavailable):
                await open_redis(replace(server, tls=unproven, timeout=0.2), tmp_path / "redis.key")
