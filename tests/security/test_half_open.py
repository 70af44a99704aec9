"""Connections on which no whole request ever comes."""

import asyncio
import resource
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

import aiohttp
import pytest

from tests.e2e.process import Motesrum
from tests.support.service import service
from tests.support.strangers import Stranger


async def test_a_connection_without_a_whole_request_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("signaling.serving.IDLE", 0.5)
    async with service(tmp_path) as it:
        host, port = it.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nX: ")
        async with asyncio.timeout(10):
            assert await reader.read() == b""
        writer.close()


@contextmanager
def descriptors(number: int) -> Iterator[None]:
    """So many for what is started meanwhile, as a soft limit."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (number, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


async def test_more_half_open_connections_than_the_usual_descriptors_keep_nobody_out(tmp_path: Path) -> None:
    it = Motesrum("serve", tmp_path)
    async with AsyncExitStack() as strangers:
        with descriptors(128):
            await strangers.enter_async_context(it)
        for _ in range(300):
            stranger = await strangers.enter_async_context(await Stranger().connect(it.url))
            await stranger.say(b"GET / HTTP/1.1\r\nHost: x\r\nX: ")
        http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=15))
        async with http, http.get(it.url + "/readyz") as answer:
            assert answer.status == 200
