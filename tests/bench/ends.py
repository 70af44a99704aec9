"""The two processes around a server that is measured: who sends, and who takes (`tests.bench.traffic`)."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from tests.bench.servers import Server

PEOPLE = 8
"""In a meeting."""
FLOWING = 20.0


class TrafficFailed(Exception):
    """A source or sink ended before its time."""


@dataclass
class End:
    """Asked and answered in lines of JSON."""

    process: Process

    async def hear(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        async with asyncio.timeout(30):
            line = await self.process.stdout.readline()
        if not line:
            raise TrafficFailed("a source or sink has ended")
        heard: dict[str, Any] = json.loads(line)
        return heard

    async def ask(self, message: dict[str, Any]) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        return await self.hear()


@dataclass
class Ends:
    sources: End
    sinks: End
    profile: str
    """How they protect what they send."""
    streams: int
    """That each sink is to get."""

    async def counted(self) -> tuple[dict[str, Any], dict[str, Any]]:
        return await self.sources.ask({}), await self.sinks.ask({})

    async def flowing(self) -> None:
        """Until every listener has got something of everything."""
        async with asyncio.timeout(FLOWING):
            while (await self.sinks.ask({}))["streams"] < self.streams:
                await asyncio.sleep(0.1)


@asynccontextmanager
async def end(
    role: str, number: int, words: Sequence[str] = (), cores: Collection[int] = ()
) -> AsyncIterator[End]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench.traffic", role, str(number), *words), stdin=PIPE, stdout=PIPE
    )
    if cores:
        os.sched_setaffinity(process.pid, cores)
    try:
        yield End(process)
    finally:
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(3):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


@asynccontextmanager
async def lecture(server: Server, listeners: int, words: Sequence[str] = ()) -> AsyncIterator[Ends]:
    """One sends pictures, the others take them."""
    async with end("source", 1, words) as sources, end("sinks", listeners) as sinks:
        profile = await _connect(server, sources, sinks, range(1, listeners + 1), ["video"])
        yield Ends(sources, sinks, profile, 1)


@asynccontextmanager
async def meeting(
    server: Server, words: Sequence[str] = (), cores: Collection[int] = ()
) -> AsyncIterator[Ends]:
    """All send sound and pictures, and take those of the others."""
    async with end("people", PEOPLE, words, cores) as sources, end("sinks", PEOPLE, words, cores) as sinks:
        profile = await _connect(server, sources, sinks, range(PEOPLE), ["audio", "video"])
        yield Ends(sources, sinks, profile, 2 * (PEOPLE - 1))


async def _connect(
    server: Server, sources: End, sinks: End, listeners: Sequence[int], kinds: Sequence[str]
) -> str:
    ours = (await sources.hear())["dtls"]
    theirs = (await sinks.hear())["dtls"]
    publishing = [await server.publish(of, dtls, kinds) for of, dtls in enumerate(ours)]
    agreed = await sources.ask({"servers": publishing})
    listening = [await server.listen(of, dtls) for of, dtls in zip(listeners, theirs, strict=True)]
    await sinks.ask({"servers": listening})
    return str(agreed["profile"])
