"""What hostile connections cost the service's process, as the kernel counts it: at most a mebibyte each."""

import json
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from functools import cache
from pathlib import Path

import pytest

from config.settings import Limits
from signaling.heads import MAX_FIELD, MAX_FIELDS, MAX_HEAD
from tests.support.mortal import Mortal
from tests.support.raw_client import RawClient, redeem
from tests.support.strangers import PING, TEXT, Stranger, frame, memory

MOST = 1 << 20
MANY, SLOW = 100, 30
PATIENT = Limits(
    join_timeout=300.0,
    calls_per_second=10_000.0,
    calls_burst=10_000,
    redemptions_per_minute=10_000,
    connections_per_address=1000,
)
"""So that all of them are there at once when it is measured."""


@pytest.fixture
async def it(tmp_path: Path) -> AsyncIterator[Mortal]:
    """A service that has had visitors already: what the first ones cost is not theirs alone."""
    async with Mortal(tmp_path, limits=PATIENT) as running:
        async with AsyncExitStack() as visitors:
            for _ in range(20):
                visitor = await visitors.enter_async_context(await Stranger().connect(running.service.url))
                await visitor.upgrade()
        await answers(running)
        yield running


async def answers(it: Mortal) -> None:
    async with it.service.http.get(f"{it.service.url}/readyz") as answer:
        assert answer.status == 200


async def unfinished_message(stranger: Stranger) -> None:
    """As much of one message as is taken, in small parts and without its end."""
    await stranger.upgrade(fill=MAX_HEAD - 1000)
    part = b"[" * 1000
    await stranger.say(frame(TEXT, part, last=False) + frame(0, part, last=False) * 64)
    await stranger.say(frame(PING, b"all of it"))
    await stranger.hear_until(b"all of it")


async def unfinished_head(stranger: Stranger) -> None:
    field = b"X: " + b"x" * (MAX_FIELD - 10) + b"\r\n"
    await stranger.say(b"GET /api/v1/meetings HTTP/1.1\r\nHost: x\r\n" + field * (MAX_FIELDS - 1))


async def unfinished_body(stranger: Stranger) -> None:
    size = PATIENT.body_bytes
    await stranger.say(
        b"POST /api/v1/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n" % size + b"[" * (size - 1)
    )


@cache
def packed() -> bytes:
    """The beginning of very much of nothing."""
    packing = zlib.compressobj(wbits=31)
    return packing.compress(b" " * (4 << 20)) + packing.flush(zlib.Z_SYNC_FLUSH)


async def unfinished_packed_body(stranger: Stranger) -> None:
    await stranger.say(
        b"POST /api/v1/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % (len(packed()) + 1) + packed()
    )


@pytest.mark.parametrize(
    "begin", [unfinished_message, unfinished_head, unfinished_body, unfinished_packed_body]
)
async def test_what_never_comes_to_its_end_is_kept_within_bounds(
    it: Mortal, begin: Callable[[Stranger], Awaitable[None]]
) -> None:
    before = memory(it.pid)
    async with AsyncExitStack() as strangers:
        for _ in range(MANY):
            stranger = await strangers.enter_async_context(await Stranger().connect(it.service.url))
            await begin(stranger)
        await answers(it)
        grown = memory(it.pid) - before
        print(begin.__name__, grown // MANY >> 10, "KiB each")
        assert grown <= MANY * MOST


async def test_who_reads_nothing_in_a_lively_meeting_is_given_up_within_bounds(it: Mortal) -> None:
    meeting = (await it.service.meeting())["id"]
    tokens = [await token(it, meeting, f"Vän {number}") for number in range(SLOW)]
    async with await it.service.joined(meeting, "host") as host, AsyncExitStack() as strangers:
        before = peak = memory(it.pid)
        slow = []
        for each in tokens:
            slow.append(await strangers.enter_async_context(await Stranger().connect(it.service.url)))
            await slow[-1].upgrade(fill=MAX_HEAD - 1000)
            await slow[-1].say(joining(each))
            await slow[-1].hear_until(b'"last_event"')
        for each in companions(host):
            await host.call("meeting.admit", participant=each)
        for _ in range(40):
            await host.call("chat.send", text="\U0001f600" * 2000)
            peak = max(peak, memory(it.pid))
        print("slow readers", (peak - before) // SLOW >> 10, "KiB each")
        assert peak - before <= SLOW * MOST
        for stranger in slow:
            assert b"slow_reader" in await stranger.hear_all()


def companions(host: RawClient) -> list[str]:
    return [each["id"] for each in host.snapshot["participants"] if each["role"] == "companion"]


async def token(it: Mortal, meeting: str, name: str) -> str:
    link = await it.service.invite(meeting, "companion", name=name)
    return str((await redeem(it.service.url, link["code"]))["access_token"])


def joining(token: str) -> bytes:
    call = {"jsonrpc": "2.0", "id": 1, "method": "session.join", "params": {"token": token}}
    return frame(TEXT, json.dumps(call).encode())
