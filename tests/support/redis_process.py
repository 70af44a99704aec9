"""Real Redis servers and Sentinels, each a process on a port of loopback and in a folder of its own."""

import random
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import redis

from rooms.store.redis_server import RedisServer

STARTED = 20.0
DURABLE = (
    "appendonly yes",
    "appendfsync always",
    'save ""',
    "repl-diskless-sync-delay 0",
    "shutdown-timeout 0",
)
_COMMAND = shutil.which("redis-server") or "/usr/bin/redis-server"


class RedisProcess:
    def __init__(self, folder: Path, lines: tuple[str, ...] = DURABLE, *, sentinel: bool = False) -> None:
        self.folder = folder
        self.port = free_port()
        self._lines = lines
        self._sentinel = sentinel
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def server(self) -> RedisServer:
        return RedisServer(port=self.port)

    def start(self) -> None:
        """Returns when it answers. A second start finds what was there."""
        self.folder.mkdir(parents=True, exist_ok=True)
        config = self.folder / "redis.conf"
        if not config.exists():
            config.write_text(
                "\n".join(("bind 127.0.0.1", f"port {self.port}", f"dir {self.folder}", *self._lines))
            )
        how = ["--sentinel"] if self._sentinel else []
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen([_COMMAND, config, *how], stdout=log, stderr=log)
        until = time.monotonic() + STARTED
        while not self.command("PING").startswith(("+PONG", "-NOAUTH")):
            if time.monotonic() > until or self._process.poll() is not None:
                raise AssertionError((self.folder / "log").read_text())
            time.sleep(0.02)

    def command(self, *words: str) -> str:
        """The first line of the answer; nothing while it does not answer."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
                connection.sendall(" ".join(words).encode() + b"\r\n")
                return connection.makefile("rb").readline().decode().strip()
        except OSError:
            return ""

    def flat(self, *words: str) -> str:
        """The texts of an answer that is a list, with spaces between."""
        with redis.Redis(port=self.port, decode_responses=True) as client:
            answer = client.execute_command(*words)
        if isinstance(answer, dict):
            answer = [part for pair in answer.items() for part in pair]
        return " ".join(str(part) for part in answer)

    def stop(self) -> None:
        if self._process is not None:
            while self._process.poll() is None:  # one that writes its first file does not listen
                self._process.terminate()
                with suppress(subprocess.TimeoutExpired):
                    self._process.wait(0.5)
            self._process = None

    def kill(self) -> None:
        """As a machine that loses its power, but for what the kernel holds."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._process = None

    def signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    @contextmanager
    def running(self) -> Iterator["RedisProcess"]:
        self.start()
        try:
            yield self
        finally:
            self.stop()


def free_port() -> int:
    """Below those that the system gives to connections: one of them must not take it while Redis is down."""
    while True:
        port = random.randrange(21_000, 32_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
