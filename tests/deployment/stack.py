"""What docker-compose would start, as processes on the site's network, with the files that it mounts.

Only addresses, secrets and places on the disk are others than in a container.
"""

import asyncio
import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.deployment.network import RELAY, SITE, Network, network
from tests.support import processes
from tests.support.certificates import certificate

ROOT = Path(__file__).parents[2]
SITE_NAME, TURN_NAME = "meetings.example.se", RELAY
"""Browsers look for a relay's name in ways that no test can answer, so here it has none."""
IN_CONTAINERS = "/run/secrets"


def compose(environment: Mapping[str, str]) -> dict[str, Any]:
    """The file as docker-compose understands it. AssertionError with its words where it does not."""
    done = subprocess.run(
        ["docker-compose", "--file", str(ROOT / "docker-compose.yml"), "config"],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = yaml.safe_load(done.stdout)
    return found


@dataclass
class Stack:
    net: Network
    folder: Path
    cert: Path
    services: Mapping[str, Mapping[str, Any]]

    async def start(self, name: str) -> None:
        service = self.services[name]
        self.net.folder.mkdir(exist_ok=True)
        words = [*_words(service.get("entrypoint")), *_words(service.get("command"))]
        places = self._places(name)
        environment = {key: _placed(str(value), places) for key, value in service["environment"].items()}
        environment["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        await self.net.start(name, *(_placed(word, places) for word in words), **environment)

    async def owner(self, meeting: str) -> str:
        """The node that acts for the meeting."""
        password = (self.folder / "secrets" / "redis_password").read_text().strip()
        process = await asyncio.create_subprocess_exec(
            *(*self.net.site, "redis-cli", "--user", "motesrum", "hget", "motesrum:records:owner", meeting),
            env={"PATH": os.environ["PATH"], "REDISCLI_AUTH": password},
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await process.communicate()
        return out.decode().split('"node":')[1].split('"')[1]

    async def kill_node(self, name: str) -> None:
        """As a machine that loses its power: the service and its media worker."""
        for worker in processes.naming(self.folder / f"node-{name}"):
            os.kill(worker, signal.SIGKILL)
        await self.net.kill(f"node-{name}")

    async def token(self, *words: str) -> dict[str, Any]:
        """What `motesrum token` prints at the first node."""
        service = self.services["node-1"]
        places = self._places("node-1")
        environment = {key: _placed(str(value), places) for key, value in service["environment"].items()}
        process = await asyncio.create_subprocess_exec(
            *(*self.net.site, str(ROOT / "config/node/start"), "token", "--json", *words),
            env={**environment, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await process.communicate()
        assert process.returncode == 0, self.net.said()
        found: dict[str, Any] = json.loads(out)
        return found

    def _places(self, name: str) -> dict[str, Path]:
        """Where a container's folders are here."""
        service = self.services[name]
        places = {IN_CONTAINERS: self.folder / "secrets"}
        for volume in service.get("volumes", []):
            here, there = volume.split(":")[:2]
            places[there] = Path(here) if here.startswith("/") else self.folder / here
        for mount in service.get("tmpfs", []):
            places[mount.partition(":")[0]] = self.folder / f"{name}-memory"
        for place in places.values():
            place.mkdir(parents=True, exist_ok=True)
        return places


def _words(given: str | list[str] | None) -> list[str]:
    return shlex.split(given) if isinstance(given, str) else list(given or [])


def _placed(value: str, places: Mapping[str, Path]) -> str:
    for there, here in places.items():
        if value == there or value.startswith(there + "/"):
            return str(here) + value.removeprefix(there)
    return value


def secrets_in(folder: Path) -> Path:
    """As README makes them; the certificate's file is the result."""
    folder.mkdir(parents=True)
    (folder / "redis_password").write_text("a password of Redis\n")
    (folder / "turn_secret").write_text("a secret of the relay\n")
    cert, key = certificate(folder, names=(SITE_NAME, TURN_NAME))
    cert.rename(folder / "tls_cert")
    key.rename(folder / "tls_key")
    return folder / "tls_cert"


def environment(secrets: Path) -> dict[str, str]:
    return {
        "SITE_NAME": SITE_NAME,
        "SITE_ADDRESS": SITE,
        "TURN_NAME": TURN_NAME,
        "TURN_ADDRESS": RELAY,
        "SECRETS": str(secrets),
    }


@asynccontextmanager
async def stack(folder: Path) -> AsyncIterator[Stack]:
    cert = secrets_in(folder / "secrets")
    (folder / "secrets" / "redis_key").write_bytes(os.urandom(32))
    async with network(folder / "logs") as net:
        made = Stack(net, folder, cert, compose(environment(folder / "secrets"))["services"])
        await made.start("redis")
        await net.answers("127.0.0.1", 6379)
        for name in ("node-1", "node-2", "coturn", "caddy"):
            await made.start(name)
        for host, port in (("127.0.0.1", 8081), ("127.0.0.1", 8082), (RELAY, 443), (SITE, 443)):
            await net.answers(host, port)
        yield made
