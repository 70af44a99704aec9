"""LiveKit, driven for a benchmark over its own signaling: protobuf messages in a WebSocket."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import jwt

from tests.bench import sdp
from tests.bench.modules import LIVEKIT, built
from tests.bench.servers import ServerMissing, ServerRefused, ended, own_address
from tests.e2e.process import free_port

KEY, ROOM = "bench", "room"
PROTOCOL = 15
_STARTED, _ANSWERED = 20.0, 10.0


class Participant:
    """One WebSocket with the two peer connections that LiveKit has for it."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, rtc: Any, number: int) -> None:
        self._socket, self._rtc, self._number = socket, rtc, number
        self._told: dict[str, asyncio.Queue[Any]] = {}
        self._candidates: dict[int, list[str]] = {0: [], 1: []}
        self._ears: Mapping[str, Any] | None = None
        self._offered: Any = None
        self._reading = asyncio.create_task(self._read())

    async def close(self) -> None:
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
        await self._socket.close()

    async def _read(self) -> None:
        async for message in self._socket:
            if message.type is not aiohttp.WSMsgType.BINARY:
                continue
            response = self._rtc.SignalResponse.FromString(message.data)
            kind = response.WhichOneof("message")
            if kind == "trickle":
                candidate = json.loads(response.trickle.candidateInit).get("candidate", "")
                self._candidates[response.trickle.target].append(candidate)
            elif kind == "offer":
                self._offered = response.offer
                if self._ears is not None:
                    await self._answer()
            self._queue(kind).put_nowait(getattr(response, kind))

    def _queue(self, kind: str) -> asyncio.Queue[Any]:
        return self._told.setdefault(kind, asyncio.Queue())

    async def told(self, kind: str) -> Any:
        try:
            async with asyncio.timeout(_ANSWERED):
                return await self._queue(kind).get()
        except TimeoutError:
            raise ServerRefused(f"LiveKit did not tell of {kind}") from None

    async def say(self, **message: Any) -> None:
        await self._socket.send_bytes(self._rtc.SignalRequest(**message).SerializeToString())

    async def publish(self, dtls: Mapping[str, Any], kinds: Sequence[str]) -> dict[str, Any]:
        for kind in kinds:
            track: dict[str, Any] = {"cid": f"{kind}{self._number}", "name": kind}
            if kind == "video":
                track |= {"type": 1, "source": 1, "width": 1280, "height": 720}
            else:
                track |= {"type": 0, "source": 2, "disable_red": True}
            await self.say(add_track=self._rtc.AddTrackRequest(**track))
            await self.told("track_published")
        offered = sdp.offer(dtls, self._number, kinds)
        await self.say(offer=self._rtc.SessionDescription(type="offer", sdp=offered))
        answered = await self.told("answer")
        return await self._description(answered.sdp, 0)

    async def listen(self, dtls: Mapping[str, Any]) -> dict[str, Any]:
        """Streams are offered once this transport stands; what is offered from now on is taken at once."""
        await self.told("offer")
        self._ears = dtls
        await self._answer()
        return await self._description(self._offered.sdp, 1)

    async def _answer(self) -> None:
        assert self._ears is not None
        answered = sdp.answer(self._ears, self._offered.sdp)
        await self.say(answer=self._rtc.SessionDescription(type="answer", sdp=answered, id=self._offered.id))

    async def _description(self, described: str, target: int) -> dict[str, Any]:
        """Its candidates are told one by one."""
        async with asyncio.timeout(_ANSWERED):
            while True:
                candidates = "".join(f"a={each}\r\n" for each in self._candidates[target])
                found = sdp.description(described + candidates)
                if found["iceCandidates"]:
                    return found
                await self.told("trickle")


class LiveKit:
    name = "LiveKit"

    def __init__(self, http: aiohttp.ClientSession, rtc: Any, port: int, secret: str, pid: int) -> None:
        self.pid = pid
        self._http, self._rtc, self._port, self._secret = http, rtc, port, secret
        self._people: dict[int, Participant] = {}

    async def publish(self, number: int, dtls: Mapping[str, Any], kinds: Sequence[str]) -> dict[str, Any]:
        return await (await self._participant(number)).publish(dtls, kinds)

    async def listen(self, number: int, dtls: Mapping[str, Any]) -> dict[str, Any]:
        return await (await self._participant(number)).listen(dtls)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def token(self, identity: str) -> str:
        """With it somebody comes into the room, and may send and take everything."""
        now = int(time.time())
        grants = {
            "iss": KEY,
            "sub": identity,
            "nbf": now - 10,
            "exp": now + 3600,
            "video": {"room": ROOM, "roomJoin": True, "canPublish": True, "canSubscribe": True},
        }
        return jwt.encode(grants, self._secret, algorithm="HS256")

    async def _participant(self, number: int) -> Participant:
        if number not in self._people:
            token = self.token(f"p{number}")
            url = f"{self.url}/rtc"
            words = {"access_token": token, "protocol": str(PROTOCOL), "auto_subscribe": "1", "sdk": "python"}
            socket = await self._http.ws_connect(url, params=words)
            self._people[number] = Participant(socket, self._rtc, number)
            await self._people[number].told("join")
        return self._people[number]

    async def close(self) -> None:
        for each in self._people.values():
            await each.close()


@asynccontextmanager
async def livekit(folder: Path, people: int) -> AsyncIterator[LiveKit]:
    """`ServerMissing` when it cannot be built."""
    try:
        from livekit.protocol import rtc
    except ImportError as error:
        raise ServerMissing(f"the extra `bench` is not installed ({error})") from error
    program = await built(LIVEKIT)
    port, tcp, udp = free_port(), free_port(), free_port()
    secret, address = secrets.token_hex(32), own_address()
    settings = {
        "port": port,
        "bind_addresses": ["127.0.0.1"],
        "rtc": {
            "tcp_port": tcp,
            "udp_port": udp,
            "use_external_ip": False,
            "node_ip": address,
            "use_ice_lite": True,
            "enable_loopback_candidate": address.startswith("127."),
        },
        "keys": {KEY: secret},
        "logging": {"level": "error"},
    }
    (folder / "livekit.json").write_text(json.dumps(settings))
    process = await asyncio.create_subprocess_exec(
        program, "--config", str(folder / "livekit.json"), stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL
    )
    try:
        async with aiohttp.ClientSession() as http:
            await _answers(http, f"http://127.0.0.1:{port}/", process)
            driven = LiveKit(http, rtc, port, secret, process.pid)
            try:
                yield driven
            finally:
                await driven.close()
    finally:
        await ended(process)


async def _answers(http: aiohttp.ClientSession, url: str, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(_STARTED):
        while process.returncode is None:
            with suppress(aiohttp.ClientError):
                async with http.get(url):
                    return
            await asyncio.sleep(0.05)
    raise ServerMissing(f"LiveKit ended with code {process.returncode}")
