"""The controlling side: answers, errors, events, and a worker that is gone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from media.client import WorkerClient, WorkerError

HELLO = {
    "hello": {"protocol": 1, "pid": 7, "port": 9, "rtpCapabilities": {"codecs": []}, "dump": {"rooms": []}}
}
Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def worker(tmp_path: Path, script: Script) -> AsyncIterator[Path]:
    """A scripted worker on a real UNIX socket."""
    path = tmp_path / "control.sock"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await script(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_unix_server(serve, str(path))
    try:
        yield path
    finally:
        server.close()


def line(message: dict[str, Any]) -> bytes:
    return json.dumps(message).encode() + b"\n"


async def request(reader: asyncio.StreamReader) -> dict[str, Any]:
    received: dict[str, Any] = json.loads(await reader.readline())
    return received


def nothing(*_: object) -> None: ...


async def test_the_greeting_is_read_and_answers_find_their_calls_in_any_order(tmp_path: Path) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(line(HELLO))
        first, second = await request(reader), await request(reader)
        writer.write(line({"id": second["id"], "result": {"of": second["method"]}}))
        writer.write(line({"id": first["id"], "result": {"of": first["method"]}}))
        await reader.read()

    async with worker(tmp_path, script) as path:
        client = await WorkerClient.connect(path, nothing, nothing)
        assert (client.hello.pid, client.hello.port, client.hello.dump) == (7, 9, {"rooms": []})
        assert await asyncio.gather(client.restart_ice("t"), client.stats()) == [
            {"of": "restartIce"},
            {"of": "stats"},
        ]
        client.close()


async def test_an_error_is_raised_with_its_code(tmp_path: Path) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(line(HELLO))
        asked = await request(reader)
        writer.write(line({"id": asked["id"], "error": {"code": "stale_revision", "message": "old"}}))
        await reader.read()

    async with worker(tmp_path, script) as path:
        client = await WorkerClient.connect(path, nothing, nothing)
        with pytest.raises(WorkerError, match="old") as refused:
            await client.set_table("room", 1, {"a": {"b": ("camera",)}})
        assert refused.value.code == "stale_revision"
        client.close()


async def test_events_come_before_the_answer_they_precede_and_a_failing_handler_harms_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(line(HELLO))
        asked = await request(reader)
        writer.write(line({"event": "consumerClosed", "data": {"consumer": "c"}}))
        writer.write(line({"id": asked["id"], "result": {}}))
        await reader.read()

    seen: list[str] = []

    def handle(name: str, data: dict[str, Any]) -> None:
        seen.append(name)
        raise RuntimeError("a handler's mistake")

    async with worker(tmp_path, script) as path:
        client = await WorkerClient.connect(path, handle, nothing)
        await client.set_table("room", 1, {})
        assert seen == ["consumerClosed"]
        assert "handling the worker's event consumerClosed failed" in caplog.text
        client.close()


@pytest.mark.parametrize("last_words", [b"", b"not json\n", b'{"id": 1'])
async def test_when_the_worker_goes_calls_fail_and_the_loss_is_told_once(
    tmp_path: Path, last_words: bytes
) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(line(HELLO))
        await request(reader)
        writer.write(last_words)

    losses: list[int] = []
    async with worker(tmp_path, script) as path:
        client = await WorkerClient.connect(path, nothing, lambda: losses.append(1))
        with pytest.raises(WorkerError) as lost:
            await client.stats()
        assert lost.value.code == "worker_lost"
        with pytest.raises(WorkerError):
            await client.stats()
        client.close()
        assert losses == [1]


async def test_closing_fails_open_calls_and_is_not_a_loss(tmp_path: Path) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(line(HELLO))
        await reader.read()

    losses: list[int] = []
    async with worker(tmp_path, script) as path:
        client = await WorkerClient.connect(path, nothing, lambda: losses.append(1))
        call = asyncio.create_task(client.stats())
        await asyncio.sleep(0)
        client.close()
        client.close()
        with pytest.raises(WorkerError) as failed:
            await call
        assert failed.value.code == "worker_lost"
        assert losses == []


@pytest.mark.parametrize(
    "greeting", [b"", b"hello\n", b"{}\n", line({"hello": {**HELLO["hello"], "protocol": 2}})]
)
async def test_a_strange_greeting_is_refused(tmp_path: Path, greeting: bytes) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)

    async with worker(tmp_path, script) as path:
        with pytest.raises(WorkerError) as refused:
            await WorkerClient.connect(path, nothing, nothing)
        assert refused.value.code == "worker_failed"


async def test_where_nobody_listens_connecting_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await WorkerClient.connect(tmp_path / "control.sock", nothing, nothing)
