"""What is compared, started and told alike: here our worker, and what the others share."""

from __future__ import annotations

import asyncio
import socket
from asyncio import subprocess
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

from config.media import Listen, MediaSettings
from media.client import WorkerClient, start_worker
from media.process import Process
from tests.bench.traffic import parameters

SOURCES = {"video": "camera", "audio": "microphone"}


class ServerMissing(Exception):
    """It is not installed, cannot be built, or does not start."""


class ServerRefused(Exception):
    """It runs, and does not do what it should; another time it may."""


class Server(Protocol):
    """Everybody has a number, and listens to all others who publish.

    `publish` and `listen` take our end's DtlsParameters and give mediasoup's transport description. All
    publish before anybody listens.
    """

    name: str
    pid: int

    async def publish(self, number: int, dtls: Mapping[str, Any], kinds: Sequence[str]) -> dict[str, Any]: ...
    async def listen(self, number: int, dtls: Mapping[str, Any]) -> dict[str, Any]: ...


def own_address() -> str:
    """The address of this machine's first way out; loopback where there is none. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, suppress(OSError):
        probe.connect(("192.0.2.1", 9))
        return str(probe.getsockname()[0])
    return "127.0.0.1"


class OurWorker:
    name = "Mötesrum"

    def __init__(self, client: WorkerClient, pid: int, people: int, room: str = "room") -> None:
        self.pid = pid
        self._client = client
        self._people = people
        self._room = room
        self._producers: list[tuple[int, str]] = []

    async def open(self) -> None:
        everybody = [self._owner(number) for number in range(self._people)]
        heard = list(SOURCES.values())
        allow = {one: {other: heard for other in everybody if other != one} for one in everybody}
        await self._client.set_table(self._room, 1, allow)

    async def publish(self, number: int, dtls: Mapping[str, Any], kinds: Sequence[str]) -> dict[str, Any]:
        description = await self._transport(number, "send", dtls)
        for kind in kinds:
            producer = f"{self._owner(number)}-{kind}"
            self._producers.append((number, producer))
            await self._client.produce(
                transport=description["id"],
                producer=producer,
                kind=kind,
                source=SOURCES[kind],
                rtp_parameters=parameters(kind, number),
            )
        return description

    async def listen(self, number: int, dtls: Mapping[str, Any]) -> dict[str, Any]:
        description = await self._transport(number, "recv", dtls)
        for of, producer in self._producers:
            if of != number:
                consumer = f"{producer}>{self._owner(number)}"
                await self._client.consume(consumer=consumer, transport=description["id"], producer=producer)
                await self._client.resume_consumer(consumer)
        return description

    async def _transport(self, number: int, direction: str, dtls: Mapping[str, Any]) -> dict[str, Any]:
        owner = self._owner(number)
        id_ = f"{owner}-{direction}"
        made = await self._client.create_transport(
            room=self._room, owner=owner, transport=id_, direction=direction
        )
        await self._client.connect_transport(id_, dtls)
        return made

    def _owner(self, number: int) -> str:
        return f"{self._room}-p{number}"


@asynccontextmanager
async def worker(folder: Path, *, batched: bool = True) -> AsyncIterator[tuple[WorkerClient, int]]:
    """Its control and its process id."""
    path = folder / "control.sock"
    process = await start_worker(MediaSettings(listen=(Listen(own_address()),), batched=batched), path)
    try:
        client = await WorkerClient.connect(path, lambda name, data: None, lambda: None)
        yield client, process.pid
        client.close()
    finally:
        await ended(process)


@asynccontextmanager
async def our_worker(folder: Path, people: int, *, batched: bool = True) -> AsyncIterator[Server]:
    async with worker(folder, batched=batched) as (client, pid):
        server = OurWorker(client, pid, people)
        await server.open()
        yield server


async def ended(process: Process | subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
    try:
        async with asyncio.timeout(5):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
