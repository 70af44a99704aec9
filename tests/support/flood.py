"""A flood from many loopback addresses, in a process of its own: `python -m tests.support.flood KIND URL …`.

Bounded in time and rate; what was done is written to stdout as one JSON object at the end.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import socket
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import aiohttp
from aioice import stun

ADDRESSES = 250
"""Loopback addresses that datagrams come from, two ports each."""
AT_ONCE = 25
"""Calls, or WebSockets, at the same time."""
_TURN = 0.005

Done = Counter[str]


def address(number: int) -> str:
    return f"127.1.{number // 200}.{number % 200 + 1}"


def datagrams(host: str, port: int, seconds: float, rate: int) -> Done:
    """What a stranger can send: noise, DTLS, SRTP, and STUN with names that nobody has."""
    chance = random.Random(1)
    senders = [_sender(number) for number in range(ADDRESSES) for _ in range(2)]
    kinds = [
        b"",
        b"\x16\xfe\xfd" + bytes(60),
        b"\x15\xfe\xfd" + bytes(12),
        b"\x80" + bytes(1200),
        _stun("nobody"),
    ]
    kinds += [chance.randbytes(chance.randrange(1, 1400)) for _ in range(20)]
    done: Done = Counter()
    began = time.monotonic()
    while (elapsed := time.monotonic() - began) < seconds:
        while done["sent"] < elapsed * rate:
            try:
                senders[done["sent"] % len(senders)].sendto(chance.choice(kinds), (host, port))
            except BlockingIOError:
                done["refused"] += 1
            done["sent"] += 1
        time.sleep(_TURN)
    return done


def _sender(number: int) -> socket.socket:
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.setblocking(False)
    sender.bind((address(number), 0))
    return sender


def _stun(name: str) -> bytes:
    request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    request.attributes["USERNAME"] = f"{name}:x"
    request.add_message_integrity(b"guessed")
    return bytes(request)


async def calls(url: str, seconds: float) -> Done:
    """Guesses at one-time codes, as fast as they are answered."""
    done: Done = Counter()

    async def guess(http: aiohttp.ClientSession) -> None:
        async with http.post(f"{url}/api/v1/token", json={"code": "A" * 22}) as answer:
            done[str(answer.status)] += 1
            await answer.read()

    await _all_the_time(seconds, guess)
    return done


async def sockets(url: str, seconds: float) -> Done:
    """Frames that are no calls until the connection is closed, and another connection then."""
    done: Done = Counter()

    async def shout(http: aiohttp.ClientSession) -> None:
        async with http.ws_connect(f"{url}/api/v1/socket") as opened:
            done["opened"] += 1
            for _ in range(200):
                await opened.send_str('{"jsonrpc": "2.0", "method": 7, "params": [' + "1," * 2000 + "1]}")
                done["frames"] += 1
            while (await opened.receive()).type is aiohttp.WSMsgType.TEXT:
                done["answers"] += 1

    await _all_the_time(seconds, shout)
    return done


async def _all_the_time(seconds: float, act: Callable[[aiohttp.ClientSession], Awaitable[None]]) -> None:
    until = time.monotonic() + seconds

    async def go_on(number: int) -> None:
        connector = aiohttp.TCPConnector(local_addr=(address(number), 0))
        async with aiohttp.ClientSession(connector=connector) as http:
            while time.monotonic() < until:
                try:
                    await act(http)
                except (aiohttp.ClientError, ConnectionError):
                    await asyncio.sleep(_TURN)

    await asyncio.gather(*(go_on(number) for number in range(AT_ONCE)))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=("datagrams", "calls", "sockets"))
    parser.add_argument("url")
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--rate", type=int, default=10_000, help="datagrams a second")
    chosen = parser.parse_args()
    parts = urlsplit(chosen.url)
    match chosen.kind:
        case "datagrams":
            done = datagrams(str(parts.hostname), int(parts.port or 0), chosen.seconds, chosen.rate)
        case "calls":
            done = asyncio.run(calls(chosen.url, chosen.seconds))
        case _:
            done = asyncio.run(sockets(chosen.url, chosen.seconds))
    sys.stdout.write(json.dumps(done))


if __name__ == "__main__":
    main()
