"""The same suite over every store: a factory of stores, and events to put into them."""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from rooms.store.base import Store
from rooms.store.codec import Codec
from rooms.store.memory import open_memory
from rooms.store.redis import open_redis
from rooms.store.redis_server import RedisServer
from rooms.store.sqlite import open_sqlite
from tests.rooms.store.samples import Clock
from tests.support.redis_process import RedisProcess

Opener = Callable[[Codec | None], Awaitable[Store]]


@pytest.fixture
def clock() -> Clock:
    return Clock(1_000.0)


@pytest.fixture(scope="session")
def redis_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisProcess]:
    """One for all tests; each writes under a prefix of its own."""
    with RedisProcess(tmp_path_factory.mktemp("redis")).running() as process:
        yield process


@pytest.fixture
def redis_server(redis_process: RedisProcess) -> RedisServer:
    return replace(redis_process.server, prefix=f"test-{secrets.token_hex(8)}")


@pytest.fixture(params=["memory", "sqlite", "redis"])
async def opener(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> AsyncIterator[Opener]:
    """Opens the store, with another codec if one is given. A memory store is a new one every time."""
    opened: list[Store] = []

    async def make(codec: Codec | None = None) -> Store:
        if request.param == "memory":
            opened.append(open_memory(clock=clock, codec=codec))
        elif request.param == "redis":
            server = request.getfixturevalue("redis_server")
            opened.append(await open_redis(server, tmp_path / "redis.key", clock=clock, codec=codec))
        else:
            opened.append(await open_sqlite(tmp_path / "data" / "rooms.db", clock=clock, codec=codec))
        return opened[-1]

    yield make
    for store in opened:
        await store.close()


@pytest.fixture
async def store(opener: Opener) -> Store:
    return await opener(None)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "rooms.db"


@pytest.fixture
async def sqlite(path: Path, clock: Clock) -> AsyncIterator[Store]:
    opened = await open_sqlite(path, clock=clock)
    yield opened
    await opened.close()
