"""Servers that are compared, built from the Go module proxy into `.servers`; once, and only where Go is."""

from __future__ import annotations

import asyncio
import os
import shutil
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path

from tests.bench.servers import ServerMissing

KEPT = Path(__file__).parent / ".servers"
LIVEKIT = "github.com/livekit/livekit-server/cmd/server@v1.13.5"
"""The newest that `go install` takes: later ones replace modules, which it refuses."""
GALENE = "github.com/jech/galene@latest"


async def built(package: str) -> Path:
    """The program, or `ServerMissing`. One at a time, at low priority, on one core."""
    folder = KEPT / package.replace("/", "_")
    program = folder / package.partition("@")[0].rpartition("/")[2]
    if program.exists():
        return program
    go = shutil.which("go")
    if go is None:
        raise ServerMissing(f"{package} is built with Go, which is not installed")
    print(f"building {package}", flush=True)
    settings = {"GOBIN": str(folder), "GOFLAGS": "-p=1", "GOWORK": "off", "GO111MODULE": "on"}
    process = await asyncio.create_subprocess_exec(
        *("nice", "-n", "10", go, "install", "-trimpath", package),
        env={**os.environ, **settings},
        cwd="/",
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
    )
    _, errors = await process.communicate()
    if process.returncode:
        lines = errors.decode(errors="replace").strip().splitlines()
        raise ServerMissing(f"{package} cannot be built: {' '.join(lines[-2:])}")
    return program
