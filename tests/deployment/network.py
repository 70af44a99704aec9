"""Two networks on this machine: a site's, with its servers, and an office's behind a firewall.

Each is a namespace of its own with addresses that are not loopback (coturn relays to no loopback address,
whatever is allowed), and nothing else reaches either.
"""

import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

OFFICE, SITE, RELAY = "203.0.113.2", "203.0.113.10", "203.0.113.20"
"""Who calls; where pages and media are; where the relay is."""
STARTED, STOPPED = 90.0, 10.0

WALL = """
table inet wall {
  chain out {
    type filter hook output priority 0; policy drop;
    oifname "lo" accept
    tcp dport 443 accept
  }
}
"""
"""A strict firewall: nothing leaves but TCP to port 443."""


@dataclass
class Network:
    """`site` and `office`: words that begin a command line, which runs there then."""

    name: str
    folder: Path
    processes: dict[str, asyncio.subprocess.Process] = field(default_factory=dict)

    @property
    def site(self) -> list[str]:
        return ["nsenter", f"--net=/run/netns/{self.name}-site"]

    @property
    def office(self) -> list[str]:
        return ["nsenter", f"--net=/run/netns/{self.name}-office"]

    @contextlib.contextmanager
    def walled(self) -> Iterator[None]:
        """The office's firewall passes TCP to port 443 only, until the block ends."""
        nft = [*self.office, "nft"]
        subprocess.run([*nft, "-f", "-"], input=WALL, text=True, check=True)
        try:
            yield
        finally:
            subprocess.run([*nft, "delete", "table", "inet", "wall"], check=True)

    async def start(self, name: str, *command: str, cwd: Path | None = None, **environment: str) -> None:
        """At the site, until the network ends. What it writes is in the file of its name."""
        with (self.folder / f"{name}.log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                *self.site,
                *command,
                cwd=cwd or self.folder,
                env={"PATH": os.environ["PATH"], "HOME": str(self.folder), **environment},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.processes[name] = process

    async def kill(self, name: str) -> None:
        """It and nothing else."""
        self.processes[name].kill()
        await self.processes[name].wait()

    async def answers(self, host: str, port: int) -> None:
        """Returns when something takes connections there."""
        probe = [*self.site, "bash", "-c", f": </dev/tcp/{host}/{port}"]
        async with asyncio.timeout(STARTED):
            while True:
                ended = [process for process in self.processes.values() if process.returncode is not None]
                if ended:
                    raise AssertionError(self.said())
                asked = await asyncio.create_subprocess_exec(*probe, stderr=asyncio.subprocess.DEVNULL)
                if await asked.wait() == 0:
                    return
                await asyncio.sleep(0.05)

    def said(self) -> str:
        """The last that each has written."""
        return "\n".join(
            f"--- {path.name}\n" + path.read_text(errors="replace")[-4000:]
            for path in sorted(self.folder.glob("*.log"))
        )

    async def stop(self) -> None:
        for process in reversed(self.processes.values()):
            if process.returncode is None:
                process.send_signal(signal.SIGINT)
            try:
                await asyncio.wait_for(process.wait(), STOPPED)
            except TimeoutError:
                process.kill()
                await process.wait()


@contextlib.asynccontextmanager
async def network(folder: Path) -> AsyncIterator[Network]:
    made = Network(f"mr{secrets.token_hex(3)}", folder)
    site, office = f"{made.name}-site", f"{made.name}-office"
    try:
        _ip("netns", "add", site)
        _ip("netns", "add", office)
        _ip(
            "link", "add", "inside", "netns", office, "type", "veth", "peer", "name", "outside", "netns", site
        )
        for name, device, addresses in ((office, "inside", (OFFICE,)), (site, "outside", (SITE, RELAY))):
            for address in addresses:
                _ip("-n", name, "address", "add", f"{address}/24", "dev", device)
            _ip("-n", name, "link", "set", device, "up")
            _ip("-n", name, "link", "set", "lo", "up")
        yield made
    finally:
        await made.stop()
        for name in (site, office):
            subprocess.run([_IP, "netns", "delete", name], check=False, stderr=subprocess.DEVNULL)


_IP = shutil.which("ip") or "/usr/sbin/ip"


def _ip(*words: str) -> None:
    done = subprocess.run([_IP, *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(f"ip {' '.join(words)}: {done.stderr.strip()} (network namespaces need root)")


def environment_of(path: Path) -> Mapping[str, str]:
    """Names and values of a file as systemd and docker-compose read it."""
    lines = [line for line in path.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)
