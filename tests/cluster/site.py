"""Nodes as processes of their own on loopback, their Redis, and raw clients that go where they are sent.

In front of nodes stands a proxy that passes `/n/<name>/…` to the node of that name, and everything else to
any that answers; here the clients do that themselves.
"""

import asyncio
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

import aiohttp
import redis as redis_client

from config.settings import Settings
from signaling.app import WORKER_SOCKET, make_tokens
from signaling.client import PASSES
from signaling.connection import CallFailed
from signaling.keys import KeyFolder
from signaling.leftover import listener_of
from signaling.pauses import pause
from signaling.tokens import Tokens
from tests.support import processes
from tests.support.raw_client import RawClient, redeem
from tests.support.redis_process import RedisProcess, free_port
from tests.support.relay import TcpRelay
from tests.support.service import SITE, STATIONS, Refused

ROOT = Path(__file__).parents[2]
STARTED = 120.0
STOPPED = 30.0
SLOW = (
    "the media worker did not",
    "the media worker does not start",
    "does not answer: Timeout",
    "cannot be reached: Timeout",
    "cannot be reached: Connection closed by server",
)
DEADLINE = 30.0
PUBLIC_URL = "https://meetings.example.se"


class Running(Protocol):
    def poll(self) -> int | None: ...

    def send_signal(self, number: int, /) -> None: ...


def anew(environment: Mapping[str, str], log: Path) -> Running:
    with log.open("ab") as out:
        return subprocess.Popen(
            [sys.executable, "-m", "signaling.cli", "serve"],
            cwd=ROOT,
            env=environment,
            stdout=out,
            stderr=out,
        )


class NodeProcess:
    """`line`: what it reaches Redis through. `by_others`: where the other nodes look for it; its own address
    unless something else is said. `run` starts it."""

    def __init__(
        self,
        name: str,
        folder: Path,
        line: TcpRelay,
        by_others: str | None = None,
        run: Callable[[Mapping[str, str], Path], Running] = anew,
        **cluster: Any,
    ) -> None:
        self.name = name
        self.line = line
        self.data = folder / name
        self.url = f"http://127.0.0.1:{free_port()}"
        self._environment = {
            **os.environ,
            "MOTESRUM_HTTP_PORT": self.url.rpartition(":")[2],
            "MOTESRUM_MEDIA_PORT": str(_free_datagrams()),
            "MOTESRUM_PUBLIC_URL": PUBLIC_URL,
            "MOTESRUM_DATA": str(self.data),
            "MOTESRUM_KEYS_FOLDER": str(folder / "keys"),
            "MOTESRUM_STORE": "redis",
            "MOTESRUM_REDIS__URL": f"redis://127.0.0.1:{line.address[1]}",
            "MOTESRUM_REDIS__KEY_FILE": str(folder / "redis.key"),
            "MOTESRUM_CLUSTER__NAME": name,
            "MOTESRUM_CLUSTER__URL": by_others or self.url,
            "MOTESRUM_LIMITS__CONNECTIONS_PER_ADDRESS": "2000",
            "MOTESRUM_LIMITS__REDEMPTIONS_PER_MINUTE": "6000",
            "MOTESRUM_LOG_LEVEL": "info",
            **{f"MOTESRUM_CLUSTER__{key.upper()}": str(value) for key, value in cluster.items()},
        }
        self.still = False
        self._process: Running | None = None
        self._run = run

    @property
    def log(self) -> str:
        return (self.data / "log").read_text("utf-8")

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    async def start(self) -> None:
        """Returns when it is ready. One whose worker or Redis is too slow on a busy machine is started again,
        as init systems do it."""
        self.data.mkdir(parents=True, exist_ok=True)
        self._process = self._run(self._environment, self.data / "log")
        try:
            async with asyncio.timeout(STARTED):
                await self._answers()
        except TimeoutError as error:
            raise AssertionError(f"{self.name} does not get ready:\n{self.log[-4000:]}") from error

    async def _answers(self) -> None:
        async with aiohttp.ClientSession() as http:
            while True:
                if not self.running:
                    assert any(each in self.log[-500:] for each in SLOW), self.log
                    self._process = self._run(self._environment, self.data / "log")
                with suppress(aiohttp.ClientError):
                    async with http.get(self.url + "/readyz") as answer:
                        if answer.status == 200:
                            return
                await asyncio.sleep(0.05)

    @property
    def worker(self) -> int | None:
        """Its process id."""
        return listener_of(self.data / WORKER_SOCKET)

    async def kill(self) -> None:
        """As a machine that loses its power: the service and its media worker at once."""
        worker = self.worker
        if self.running:
            self.signal(signal.SIGKILL)
        if worker is not None:
            with suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)
        await self.ended()

    def signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)
        self.still = number == signal.SIGSTOP

    async def ended(self) -> None:
        async with asyncio.timeout(STOPPED):
            while self.running:
                await asyncio.sleep(0.02)

    async def stop(self) -> None:
        """SIGTERM, as an init system does it; whatever is left is killed."""
        if self.running:
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)
            await self.ended()

    async def clean(self) -> None:
        if self.running:
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGINT)
            with suppress(TimeoutError):
                await self.ended()
        await self.kill()
        for pid in processes.naming(self.data):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


class Roamer(RawClient):
    """Comes back by itself, as the page does. `back`: when it was, by the wall clock, and from where."""

    def __init__(self, site: "Site") -> None:
        super().__init__(PUBLIC_URL)
        self.site = site
        self.back: list[float] = []
        self.at = ""
        self.failure: Exception | None = None
        self._staying: asyncio.Task[None] | None = None

    def socket_url(self, node: str | None) -> str:
        self.at = node or random.choice(self.site.answering()).name
        return self.site.nodes[self.at].url + "/api/v1/socket"

    def stay(self) -> None:
        """From here on whatever is lost is come back from."""
        self._staying = asyncio.create_task(self._stay())

    async def _stay(self) -> None:
        while True:
            await self.wait_for(lambda: not self.connected, 3600.0)
            try:
                await self.come_back(120.0)
            except Exception as error:
                self.failure = error
                raise
            self.back.append(time.time())
            self.on_changed()

    async def close(self) -> None:
        if self._staying is not None:
            self._staying.cancel()
            await asyncio.gather(self._staying, return_exceptions=True)
        await super().close()


class Site:
    def __init__(
        self, folder: Path, nodes: dict[str, NodeProcess], redis: RedisProcess, tokens: Tokens
    ) -> None:
        self.folder = folder
        self.nodes = nodes
        self.redis = redis
        self.tokens = tokens
        self.http = aiohttp.ClientSession()
        self._token, _ = tokens.issue_staff(sub="lena", name="Lena Ek", role="host", sites=[SITE])

    def answering(self) -> list[NodeProcess]:
        """Those that a proxy would pass calls to."""
        return [node for node in self.nodes.values() if node.running and not node.still] or list(
            self.nodes.values()
        )

    def another(self, than: NodeProcess) -> NodeProcess:
        return next(node for node in self.nodes.values() if node is not than)

    async def placed(self) -> tuple[str, NodeProcess, NodeProcess]:
        """A new meeting, the node that acts for it, and another one. While the tests before had another event
        loop, the nodes could not reach their Redis."""
        meeting = await soon(lambda: self.meeting(next(iter(self.nodes.values()))))
        here = self.nodes[self.owner(meeting) or ""]
        return meeting, here, self.another(here)

    async def rest(self, node: NodeProcess, method: str, path: str, body: Any = None, token: str = "") -> Any:
        """As a host of the site, unless another token says otherwise; `Refused` for 4xx and 5xx."""
        headers = {"Authorization": f"Bearer {token or self._token}"}
        url = f"{node.url}/api/v1{path}"
        async with self.http.request(method, url, json=body, headers=headers) as answer:
            text = await answer.json(content_type=None) if answer.status != 204 else None
            if answer.status >= 400:
                raise Refused(answer.status, text)
            return text

    async def meeting(self, node: NodeProcess) -> str:
        body = {"site": SITE, "alias": "Samira", "languages": ["ar", "sv"], "stations": STATIONS}
        made = await self.rest(node, "POST", "/meetings", body)
        return str(made["id"])

    async def joined(self, node: NodeProcess, meeting: str, role: str, **body: Any) -> Roamer:
        """A client that has come in. While meetings move it is tried again, as pages do."""
        client = Roamer(self)
        invitation = "POST", f"/meetings/{meeting}/invitations", {"role": role, **body}
        invited = await soon(lambda: self.rest(node, *invitation))
        token = (await redeem(node.url, invited["code"]))["access_token"]
        await soon(lambda: client.join(token))
        return client

    def owner(self, meeting: str) -> str | None:
        with redis_client.Redis(port=self.redis.port) as client:
            found = client.hget("motesrum:records:owner", meeting)
        return None if found is None else str(found).split('"node":')[1].split('"')[1]

    def fences(self, meeting: str) -> list[int]:
        """The fencing token of everything in the meeting's log, in its order."""
        with redis_client.Redis(port=self.redis.port, decode_responses=True) as client:
            rows: Any = client.xrange("motesrum:feed")
        mine = [fields for _, fields in rows if fields["stream"] == f"meeting/{meeting}"]
        return [int(fields["fence"]) for fields in sorted(mine, key=lambda f: int(f["version"]))]


async def soon(call: Callable[[], Awaitable[Any]]) -> Any:
    async with asyncio.timeout(DEADLINE):
        while True:
            try:
                return await call()
            except (CallFailed, Refused) as error:
                if error.code not in PASSES | {"too_many_requests"}:
                    raise
                await asyncio.sleep(pause(0))


@asynccontextmanager
async def site(
    folder: Path,
    *names: str,
    by_others: Mapping[str, str] | None = None,
    run: Callable[[Mapping[str, str], Path], Running] = anew,
    **cluster: Any,
) -> AsyncIterator[Site]:
    """`cluster`: settings of the nodes. `by_others` and `run`: see `NodeProcess`."""
    keys = KeyFolder(folder / "keys")
    keys.sealing_key()
    settings = Settings(data=folder, public_url=PUBLIC_URL)
    tokens = make_tokens(settings, keys)
    with RedisProcess(folder / "redis").running() as redis:
        nodes = {}
        for name in names:
            line = await TcpRelay.open(("127.0.0.1", redis.port))
            nodes[name] = NodeProcess(name, folder, line, (by_others or {}).get(name), run, **cluster)
        it = Site(folder, nodes, redis, tokens)
        try:
            await asyncio.gather(*(node.start() for node in nodes.values()))
            yield it
        finally:
            redis.signal(signal.SIGCONT)
            for node in nodes.values():
                node.line.go_on()
            await asyncio.gather(*(node.clean() for node in nodes.values()))
            await asyncio.gather(*(node.line.close() for node in nodes.values()))
            await it.http.close()


def _free_datagrams() -> int:
    while True:
        port = random.randrange(21_000, 32_000)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
