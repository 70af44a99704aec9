"""A process that appends batches of three events for ever and prints what is durable. To be killed."""

import asyncio
import sys
from pathlib import Path

from rooms.store.sqlite import open_sqlite
from tests.rooms.store.samples import STREAM, created, message, paused


async def write(path: Path) -> None:
    store = await open_sqlite(path)
    version = await store.events.append(STREAM, 0, [created(), message(), paused(0.0)])
    while True:
        print(version, flush=True)
        number = float(version)
        batch = [paused(number), message(f"batch at {version}"), paused(number)]
        version = await store.events.append(STREAM, version, batch)
        await store.records.put_if_absent("batch", str(version), {"version": version})


if __name__ == "__main__":
    asyncio.run(write(Path(sys.argv[1])))
