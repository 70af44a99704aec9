"""Debian's Janus with its videoroom, driven for a benchmark."""

from __future__ import annotations

import asyncio
import shutil
from asyncio import subprocess
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp

from tests.bench import sdp
from tests.bench.servers import Server, ServerMissing, ServerRefused, ended, own_address
from tests.e2e.process import free_port

JANUS_LIBRARIES = Path("/usr/lib")
ROOM = 1
_STARTED = 15.0


class Janus:
    """Over its HTTP API. Our end takes the DTLS client's part."""

    name = "Janus"

    def __init__(self, http: aiohttp.ClientSession, url: str, pid: int) -> None:
        self.pid = pid
        self._http, self._url = http, url
        self._session = ""
        self._feeds: dict[int, int] = {}
        self._poll: asyncio.Task[None] | None = None
        self._events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def open(self) -> None:
        self._session = f"{self._url}/{(await self._post(self._url, janus='create'))['data']['id']}"
        self._poll = asyncio.create_task(self._listen_for_events())

    async def close(self) -> None:
        if self._poll is not None:
            self._poll.cancel()
            await asyncio.gather(self._poll, return_exceptions=True)

    async def publish(self, number: int, dtls: Mapping[str, Any], kinds: Sequence[str]) -> dict[str, Any]:
        handle = await self._attach()
        if not self._feeds:
            made = {
                "request": "create",
                "room": ROOM,
                "publishers": 100,
                "bitrate": 50_000_000,
                "videocodec": "vp8",
                "audiocodec": "opus",
            }
            await self._post(handle, janus="message", body=made)
        join = {"request": "joinandconfigure", "room": ROOM, "ptype": "publisher"}
        offered = {"type": "offer", "sdp": sdp.offer(dtls, number, kinds)}
        await self._post(handle, janus="message", body=join, jsep=offered)
        told = await self._told()
        self._feeds[number] = told["plugindata"]["data"]["id"]
        return sdp.description(told["jsep"]["sdp"])

    async def listen(self, number: int, dtls: Mapping[str, Any]) -> dict[str, Any]:
        handle = await self._attach()
        streams = [{"feed": feed} for of, feed in self._feeds.items() if of != number]
        join = {"request": "join", "room": ROOM, "ptype": "subscriber", "streams": streams}
        await self._post(handle, janus="message", body=join)
        offered = (await self._told())["jsep"]["sdp"]
        answered = {"type": "answer", "sdp": sdp.answer(dtls, offered)}
        await self._post(handle, janus="message", body={"request": "start"}, jsep=answered)
        return sdp.description(offered)

    async def _attach(self) -> str:
        answer = await self._post(self._session, janus="attach", plugin="janus.plugin.videoroom")
        return f"{self._session}/{answer['data']['id']}"

    async def _told(self) -> dict[str, Any]:
        """The next event with a session description."""
        async with asyncio.timeout(10):
            while True:
                event = await self._events.get()
                data = event.get("plugindata", {}).get("data", {})
                if "error" in data:
                    raise ServerRefused(str(data))
                if "jsep" in event:
                    return event

    async def _post(self, url: str, **message: Any) -> dict[str, Any]:
        async with self._http.post(url, json={"transaction": "bench", **message}) as answer:
            body: dict[str, Any] = await answer.json(content_type=None)
        failed = body.get("error") or body.get("plugindata", {}).get("data", {}).get("error")
        if failed:
            raise ServerRefused(str(failed))
        return body

    async def _listen_for_events(self) -> None:
        while True:
            async with self._http.get(self._session, params={"maxev": "1"}) as answer:
                self._events.put_nowait(await answer.json(content_type=None))


@asynccontextmanager
async def janus(folder: Path, listeners: int) -> AsyncIterator[Server]:
    """Debian's Janus with only its videoroom and its HTTP interface; `ServerMissing` when it is not there."""
    command = shutil.which("janus")
    if command is None:
        raise ServerMissing("Debian's package janus is not installed")
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        command,
        "--configs-folder",
        str(_configure(folder, port)),
        stdin=DEVNULL,
        stdout=DEVNULL,
        stderr=DEVNULL,
    )
    try:
        async with aiohttp.ClientSession() as http:
            url = f"http://127.0.0.1:{port}/janus"
            await _answers(http, url, process)
            driven = Janus(http, url, process.pid)
            await driven.open()
            try:
                yield driven
            finally:
                await driven.close()
    finally:
        await ended(process)


def _configure(folder: Path, port: int) -> Path:
    found = [path for path in JANUS_LIBRARIES.glob("*/janus") if (path / "plugins").is_dir()]
    if not found:
        raise ServerMissing("the plugins of Janus are not where Debian has them")
    libraries = found[0]
    others = ",".join(
        path.name for path in (libraries / "plugins").glob("*.so") if "videoroom" not in path.name
    )
    transports = ",".join(
        path.name for path in (libraries / "transports").glob("*.so") if "http" not in path.name
    )
    address = own_address()
    (folder / "janus.jcfg").write_text(
        f"""general: {{
  configs_folder = "{folder}"
  plugins_folder = "{libraries}/plugins"
  transports_folder = "{libraries}/transports"
  events_folder = "{libraries}/events"
  loggers_folder = "{libraries}/loggers"
  debug_level = 2
}}
nat: {{
  ice_tcp = false
  full_trickle = false
  ice_enforce_list = "{address}"
}}
plugins: {{ disable = "{others}" }}
transports: {{ disable = "{transports}" }}
"""
    )
    (folder / "janus.transport.http.jcfg").write_text(
        f"""general: {{
  json = "plain"
  base_path = "/janus"
  http = true
  port = {port}
  ip = "127.0.0.1"
  https = false
}}
admin: {{ admin_http = false
  admin_https = false }}
"""
    )
    (folder / "janus.plugin.videoroom.jcfg").write_text("general: { }\n")
    return folder


async def _answers(http: aiohttp.ClientSession, url: str, process: subprocess.Process) -> None:
    async with asyncio.timeout(_STARTED):
        while process.returncode is None:
            with suppress(aiohttp.ClientError):
                async with http.get(f"{url}/info"):
                    return
            await asyncio.sleep(0.05)
    raise ServerMissing(f"janus ended with code {process.returncode}")
