"""A process that appends batches of three events for ever and prints what is durable. To be killed."""

import asyncio
import sys
from pathlib import Path

from rooms.store.base import Store
from rooms.store.redis import open_redis
from rooms.store.redis_server import RedisServer
from rooms.store.sqlite import open_sqlite
from tests.rooms.store.samples import STREAM, created, message, paused


async def open_at(path: Path, where: str | None) -> Store:
    """`where`: port and prefix in Redis, for which the path is that of the key file."""
    if where is None:
        return await open_sqlite(path)
    port, _, prefix = where.partition("/")
    return await open_redis(RedisServer(port=int(port), prefix=prefix), path)


async def write(path: Path, where: str | None = None) -> None:
    store = await open_at(path, where)
    version = await store.events.append(STREAM, 0, [created(), message(), paused(0.0)])
    while True:
        print(version, flush=True)
        number = float(version)
        batch = [paused(number), message(f"batch at {version}"), paused(number)]
        version = await store.events.append(STREAM, version, batch)
        await store.records.put_if_absent("batch", str(version), {"version": version})


if __name__ == "__main__":
    asyncio.run(write(Path(sys.argv[1]), *sys.argv[2:]))
