"""The same suite over every store: a factory of stores, and events to put into them."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from rooms.store.base import Store
from rooms.store.codec import Codec
from rooms.store.memory import open_memory
from rooms.store.sqlite import open_sqlite
from tests.rooms.store.samples import Clock

Opener = Callable[[Codec | None], Awaitable[Store]]


@pytest.fixture
def clock() -> Clock:
    return Clock(1_000.0)


@pytest.fixture(params=["memory", "sqlite"])
async def opener(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> AsyncIterator[Opener]:
    """Opens the store, with another codec if one is given. A memory store is a new one every time."""
    opened: list[Store] = []

    async def make(codec: Codec | None = None) -> Store:
        if request.param == "memory":
            opened.append(open_memory(clock=clock, codec=codec))
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
