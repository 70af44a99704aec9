"""The command `motesrum` as a process of its own, as people run it."""

import asyncio
import json
import os
import signal
import socket
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support import processes

ROOT = Path(__file__).parents[2]
STARTED = 30.0
STOPPED = 15.0


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


PATIENT = {"MOTESRUM_WORKER_SILENCE": "20"}
"""A busy machine is no stalled worker."""


class Motesrum:
    """`async with Motesrum("serve", data) as running`: answers at `url`; Ctrl-C at the end of the block.

    `module`: what is run, instead of the command itself. `first_line` is the first line of the output, where
    the command writes one; `written` the others so far.
    """

    def __init__(
        self,
        command: str,
        data: Path,
        *flags: str,
        http_port: int = 0,
        media_port: int = 0,
        module: str = "signaling.cli",
    ) -> None:
        self.http_port = http_port or free_port()
        self.media_port = media_port or free_port(socket.SOCK_DGRAM)
        self.url = f"http://localhost:{self.http_port}"
        self.data = data
        self.first_line = ""
        self.written: list[str] = []
        self._arguments = [command, "--data", str(data), "--http-port", str(self.http_port)]
        self._arguments += ["--media-port", str(self.media_port), "--log-level", "warning", *flags]
        self._module = module
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        readable, writable = os.pipe()
        self._process = await asyncio.create_subprocess_exec(
            *command(*self._arguments, module=self._module),
            cwd=ROOT,
            stdout=writable,
            stderr=writable,
            env={**os.environ, **PATIENT},
        )
        os.close(writable)
        try:
            async with asyncio.timeout(STARTED):
                output = await self._opened(readable)
                if "--json" in self._arguments:
                    self.first_line = (await output.readline()).decode()
                self._reading = asyncio.create_task(self._read(output))
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
        """Ctrl-C, which ends everything; then the exit code. AssertionError when it does not end."""
        return await self._end(signal.SIGINT)

    async def terminate(self) -> int:
        """SIGTERM. A media worker that carries something goes on alone, and keeps the output open."""
        return await self._end(signal.SIGTERM)

    async def _end(self, number: signal.Signals) -> int:
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(number)
        try:
            async with asyncio.timeout(STOPPED):
                code = await self._process.wait()
        except TimeoutError:
            self._process.kill()
            wanted = f"{self._arguments[0]} did not end within {STOPPED} s of {number.name}"
            raise AssertionError(wanted) from None
        return code

    async def kill(self) -> None:
        """SIGKILL. Its media worker goes on alone, and keeps the output open."""
        assert self._process is not None
        self._process.kill()
        await self._process.wait()

    async def output(self) -> list[str]:
        """All that was written, the first line of `--json` left out; call after `stop`."""
        assert self._reading is not None
        await self._reading
        return self.written

    def processes(self) -> list[int]:
        """The ids of all processes that name this data folder."""
        return processes.naming(self.data)

    async def _opened(self, readable: int) -> asyncio.StreamReader:
        """A pipe of our own: with asyncio's, a process runs for as long as somebody holds its output."""
        output = asyncio.StreamReader(limit=1 << 20)
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(output), os.fdopen(readable, "rb", buffering=0)
        )
        return output

    async def _read(self, output: asyncio.StreamReader) -> None:
        async for line in output:
            self.written.append(line.decode(errors="replace").rstrip())

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


def command(*arguments: str, module: str = "signaling.cli") -> list[str]:
    return [sys.executable, "-m", module, *arguments]


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


def as_object(line: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(line)
    return found
