"""The command `motesrum` as a process of its own, as people run it."""

import asyncio
import json
import signal
import socket
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from signaling.leftover import Leftover

ROOT = Path(__file__).parents[2]
STARTED = 30.0
STOPPED = 15.0


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Motesrum:
    """`async with Motesrum("serve", data) as running`: answers at `url`; SIGTERM at the end of the block.

    `first_line` is the first line of the output, where the command writes one.
    """

    def __init__(
        self, command: str, data: Path, *flags: str, http_port: int = 0, media_port: int = 0
    ) -> None:
        self.http_port = http_port or free_port()
        self.media_port = media_port or free_port(socket.SOCK_DGRAM)
        self.url = f"http://localhost:{self.http_port}"
        self.data = data
        self.first_line = ""
        self._arguments = [command, "--data", str(data), "--http-port", str(self.http_port)]
        self._arguments += ["--media-port", str(self.media_port), "--log-level", "warning", *flags]
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[list[str]] | None = None

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            *command(*self._arguments),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            limit=1 << 20,
        )
        try:
            async with asyncio.timeout(STARTED):
                if "--json" in self._arguments:
                    self.first_line = (await self._output.readline()).decode()
                self._reading = asyncio.create_task(self._read())
                await self._answers()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def stop(self) -> int:
        """SIGTERM, then the exit code; AssertionError when it does not end."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOPPED):
                code = await self._process.wait()
        except TimeoutError:
            self._process.kill()
            raise AssertionError(f"{self._arguments[0]} did not end within {STOPPED} s of SIGTERM") from None
        return code

    async def kill(self) -> None:
        """SIGKILL. Its media worker goes on alone, and keeps the output open."""
        process = Leftover(self.pid)
        process.kill()
        await process.wait()

    async def output(self) -> list[str]:
        """The lines that it has written, the first one of `--json` left out; call after `stop`."""
        assert self._reading is not None
        return await self._reading

    def processes(self) -> list[int]:
        """The ids of all processes that name this data folder."""
        return [pid for pid in _pids() if str(self.data) in _command_line(pid)]

    @property
    def _output(self) -> asyncio.StreamReader:
        assert self._process is not None
        assert self._process.stdout is not None
        return self._process.stdout

    async def _read(self) -> list[str]:
        return [line.decode(errors="replace").rstrip() async for line in self._output]

    async def _answers(self) -> None:
        """Until the port takes connections; each attempt is refused at once until then."""
        while True:
            assert self._process is not None
            if self._process.returncode is not None:
                raise AssertionError(f"it has ended: {await self.output()}")
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.http_port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "signaling.cli", *arguments]


async def staff_link(data: Path, site: str, name: str) -> str:
    """What `motesrum token` prints for a running service."""
    process = await asyncio.create_subprocess_exec(
        *command("token", "--json", "--data", str(data), "--site", site, "--name", name),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    return str(json.loads(out)["url"])


def _pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def as_object(line: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(line)
    return found
