"""Connections on which no whole request ever comes."""

import asyncio
from pathlib import Path

import pytest

from tests.support.service import service


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
