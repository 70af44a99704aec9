"""The two servers that are compared, started and told alike: our worker, and Janus with its videoroom."""

import asyncio
import shutil
import socket
from asyncio import subprocess
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

import aiohttp

from config.media import Listen, MediaSettings
from media.client import WorkerClient, start_worker
from media.process import Process
from tests.bench.traffic import EXTENSIONS, ICE_FRAGMENT, ICE_PASSWORD, PARAMETERS, PAYLOAD_TYPE, SSRC
from tests.e2e.process import free_port

JANUS_LIBRARIES = Path("/usr/lib")
ROOM = 1
_STARTED = 15.0


class Server(Protocol):
    """`publish` and `listen` take our end's DtlsParameters and give mediasoup's transport description."""

    name: str
    pid: int

    async def publish(self, dtls: Mapping[str, Any]) -> dict[str, Any]: ...
    async def listen(self, dtls: Mapping[str, Any]) -> dict[str, Any]: ...


def own_address() -> str:
    """The address of this machine's first way out; loopback where there is none. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, suppress(OSError):
        probe.connect(("192.0.2.1", 9))
        return str(probe.getsockname()[0])
    return "127.0.0.1"


class OurWorker:
    name = "Mötesrum"

    def __init__(self, client: WorkerClient, pid: int, listeners: int) -> None:
        self.pid = pid
        self._client = client
        self._listeners = listeners
        self._next = 0

    async def publish(self, dtls: Mapping[str, Any]) -> dict[str, Any]:
        allow = {f"listener{number}": {"speaker": ["camera"]} for number in range(self._listeners)}
        await self._client.set_table("room", 1, allow)
        description = await self._transport("speaker", "send", dtls)
        await self._client.produce(
            transport="speaker", producer="camera", kind="video", source="camera", rtp_parameters=PARAMETERS
        )
        return description

    async def listen(self, dtls: Mapping[str, Any]) -> dict[str, Any]:
        owner = f"listener{self._next}"
        self._next += 1
        description = await self._transport(owner, "recv", dtls)
        await self._client.consume(consumer=f"of-{owner}", transport=owner, producer="camera")
        await self._client.resume_consumer(f"of-{owner}")
        return description

    async def _transport(self, owner: str, direction: str, dtls: Mapping[str, Any]) -> dict[str, Any]:
        made = await self._client.create_transport(
            room="room", owner=owner, transport=owner, direction=direction
        )
        await self._client.connect_transport(owner, dtls)
        return made


@asynccontextmanager
async def our_worker(folder: Path, listeners: int, *, batched: bool = True) -> AsyncIterator[Server]:
    path = folder / "control.sock"
    process = await start_worker(MediaSettings(listen=(Listen(own_address()),), batched=batched), path)
    try:
        client = await WorkerClient.connect(path, lambda name, data: None, lambda: None)
        yield OurWorker(client, process.pid, listeners)
        client.close()
    finally:
        await _ended(process)


class JanusMissing(Exception):
    """Janus is not installed, or does not answer."""


class Janus:
    """Over its HTTP API. Our end takes the DTLS client's part."""

    name = "Janus"

    def __init__(self, http: aiohttp.ClientSession, url: str, pid: int) -> None:
        self.pid = pid
        self._http, self._url = http, url
        self._session = ""
        self._feed = 0
        self._poll: asyncio.Task[None] | None = None
        self._events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def open(self) -> None:
        self._session = f"{self._url}/{(await self._post(self._url, janus='create'))['data']['id']}"
        self._poll = asyncio.create_task(self._listen_for_events())

    async def close(self) -> None:
        if self._poll is not None:
            self._poll.cancel()
            await asyncio.gather(self._poll, return_exceptions=True)

    async def publish(self, dtls: Mapping[str, Any]) -> dict[str, Any]:
        handle = await self._attach()
        made = {
            "request": "create",
            "room": ROOM,
            "publishers": 2,
            "bitrate": 50_000_000,
            "videocodec": "vp8",
        }
        await self._post(handle, janus="message", body=made)
        join = {"request": "joinandconfigure", "room": ROOM, "ptype": "publisher", "audio": False}
        offer = {"type": "offer", "sdp": _sdp(dtls, sends=True)}
        await self._post(handle, janus="message", body=join, jsep=offer)
        told = await self._told()
        self._feed = told["plugindata"]["data"]["id"]
        return _description(told["jsep"]["sdp"])

    async def listen(self, dtls: Mapping[str, Any]) -> dict[str, Any]:
        handle = await self._attach()
        join = {"request": "join", "room": ROOM, "ptype": "subscriber", "streams": [{"feed": self._feed}]}
        await self._post(handle, janus="message", body=join)
        description = _description((await self._told())["jsep"]["sdp"])
        answer = {"type": "answer", "sdp": _sdp(dtls, sends=False)}
        await self._post(handle, janus="message", body={"request": "start"}, jsep=answer)
        return description

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
                    raise JanusMissing(str(data))
                if "jsep" in event:
                    return event

    async def _post(self, url: str, **message: Any) -> dict[str, Any]:
        async with self._http.post(url, json={"transaction": "bench", **message}) as answer:
            body: dict[str, Any] = await answer.json(content_type=None)
        failed = body.get("error") or body.get("plugindata", {}).get("data", {}).get("error")
        if failed:
            raise JanusMissing(str(failed))
        return body

    async def _listen_for_events(self) -> None:
        while True:
            async with self._http.get(self._session, params={"maxev": "1"}) as answer:
                self._events.put_nowait(await answer.json(content_type=None))


@asynccontextmanager
async def janus(folder: Path, listeners: int) -> AsyncIterator[Server]:
    """Debian's Janus with only its videoroom and its HTTP interface; `JanusMissing` when it is not there."""
    command = shutil.which("janus")
    if command is None:
        raise JanusMissing("Debian's package janus is not installed")
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
        await _ended(process)


def _configure(folder: Path, port: int) -> Path:
    found = [path for path in JANUS_LIBRARIES.glob("*/janus") if (path / "plugins").is_dir()]
    if not found:
        raise JanusMissing("the plugins of Janus are not where Debian has them")
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


async def _answers(http: aiohttp.ClientSession, url: str, process: Process | subprocess.Process) -> None:
    async with asyncio.timeout(_STARTED):
        while process.returncode is None:
            with suppress(aiohttp.ClientError):
                async with http.get(f"{url}/info"):
                    return
            await asyncio.sleep(0.05)
    raise JanusMissing(f"janus ended with code {process.returncode}")


async def _ended(process: Process | subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
    try:
        async with asyncio.timeout(5):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def _sdp(dtls: Mapping[str, Any], *, sends: bool) -> str:
    """RFC 8866. The candidate is a stand-in: ours is learnt from its checks (RFC 8445 section 7.3.1.3)."""
    fingerprint = next(each for each in dtls["fingerprints"] if each["algorithm"] == "sha-256")
    lines = [
        "v=0",
        "o=- 1 1 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "a=group:BUNDLE 0",
        f"m=video 9 UDP/TLS/RTP/SAVPF {PAYLOAD_TYPE}",
        "c=IN IP4 127.0.0.1",
        f"a=ice-ufrag:{ICE_FRAGMENT}",
        f"a=ice-pwd:{ICE_PASSWORD}",
        f"a=fingerprint:{fingerprint['algorithm']} {fingerprint['value']}",
        "a=setup:active",
        "a=mid:0",
        f"a={'sendonly' if sends else 'recvonly'}",
        "a=rtcp-mux",
        "a=rtcp-rsize",
        f"a=rtpmap:{PAYLOAD_TYPE} VP8/90000",
        *(
            f"a=rtcp-fb:{PAYLOAD_TYPE} {kind}"
            for kind in ("nack", "nack pli", "ccm fir", "transport-cc")
            if sends or kind != "transport-cc"
        ),
        *(f"a=extmap:{number} {uri}" for uri, number in EXTENSIONS.items() if sends or number != 3),
        *([f"a=ssrc:{SSRC} cname:bench", f"a=ssrc:{SSRC} msid:bench camera"] if sends else []),
        "a=candidate:1 1 udp 2113937151 127.0.0.1 9 typ host",
        "a=end-of-candidates",
    ]
    return "\r\n".join(lines) + "\r\n"


def _description(sdp: str) -> dict[str, Any]:
    """The remote end's parameters out of its session description."""
    values: dict[str, str] = {}
    candidates = []
    for line in sdp.splitlines():
        name, _, value = line.removeprefix("a=").partition(":")
        if name == "candidate":
            fields = value.split()
            if fields[1] == "1" and fields[2].lower() == "udp" and ":" not in fields[4]:
                candidates.append(
                    {"protocol": "udp", "ip": fields[4], "port": int(fields[5]), "priority": int(fields[3])}
                )
        else:
            values.setdefault(name, value)
    algorithm, _, fingerprint = values["fingerprint"].partition(" ")
    return {
        "iceParameters": {"usernameFragment": values["ice-ufrag"], "password": values["ice-pwd"]},
        "iceCandidates": candidates,
        "dtlsParameters": {
            "fingerprints": [{"algorithm": algorithm, "value": fingerprint}],
            "role": "server",
        },
    }
