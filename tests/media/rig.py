"""A worker process, its client, and raw endpoints, for tests that speak over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from config.media import MediaSettings
from media.client import WorkerClient, start_worker
from media.process import Process
from tests.media.endpoint import RawEndpoint

Event = tuple[str, dict[str, Any]]


@dataclass
class Rig:
    client: WorkerClient
    path: Path
    pid: int
    process: Process
    events: list[Event]
    changed: asyncio.Event
    endpoints: list[RawEndpoint] = field(default_factory=list)

    async def join(
        self, owner: str, direction: str, room: str = "room", kind: type[RawEndpoint] = RawEndpoint
    ) -> RawEndpoint:
        """A connected endpoint; its transport's id is `<owner>-<direction>`."""
        id_ = f"{owner}-{direction}"
        description = await self.client.create_transport(
            room=room, owner=owner, transport=id_, direction=direction
        )
        endpoint = kind(description)
        self.endpoints.append(endpoint)
        await self.client.connect_transport(id_, endpoint.dtls_parameters)
        await endpoint.connect()
        await self.event(
            lambda name, data: (
                name == "transportState" and data["transport"] == id_ and data["state"] == "connected"
            )
        )
        return endpoint

    async def event(self, wanted: Callable[[str, dict[str, Any]], bool], limit: float = 15.0) -> Event:
        """The first event, also among the past ones, that fits."""
        async with asyncio.timeout(limit):
            while True:
                for name, data in self.events:
                    if wanted(name, data):
                        return name, data
                self.changed.clear()
                await self.changed.wait()

    async def producer(self, id_: str) -> dict[str, Any]:
        stats = await self.client.stats()
        return next(each for each in stats["producers"] if each["id"] == id_)

    async def consumer(self, id_: str) -> dict[str, Any]:
        stats = await self.client.stats()
        return next(each for each in stats["consumers"] if each["id"] == id_)


fast = True
"""How a worker whose settings are left open reads and writes; `both_ways` in conftest tries both."""


@asynccontextmanager
async def running(tmp_path: Path, settings: MediaSettings | None = None) -> AsyncIterator[Rig]:
    path = tmp_path / "control.sock"
    process = await start_worker(settings or MediaSettings(batched=fast, compiled=fast), path)
    events: list[Event] = []
    changed = asyncio.Event()

    def take(name: str, data: dict[str, Any]) -> None:
        events.append((name, data))
        changed.set()

    try:
        client = await WorkerClient.connect(path, take, changed.set)
        rig = Rig(client, path, process.pid, process, events, changed)
        try:
            yield rig
        finally:
            for endpoint in rig.endpoints:
                endpoint.close()
            client.close()
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
