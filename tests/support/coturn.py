"""A real relay on a port of loopback, with the configuration that we ship. It relays to nobody there."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.redis_process import free_port

MEDIA = "192.0.2.1"
"""What it relays to, unless a test says otherwise."""
START = Path(__file__).parents[2] / "config" / "coturn" / "start"
STARTED = 20.0


@dataclass(frozen=True)
class Relay:
    port: int
    tls_port: int


@asynccontextmanager
async def relay(
    folder: Path, secret: Path, cert: Path, key: Path, media: str = MEDIA
) -> AsyncIterator[Relay]:
    made = Relay(free_port(), free_port())
    folder.mkdir(exist_ok=True)
    environment = {
        "RUNTIME_DIRECTORY": str(folder),
        "TURN_ADDRESS": "127.0.0.1",
        "TURN_REALM": "localhost",
        "MEDIA_ADDRESSES": media,
        "TURN_SECRET_FILE": str(secret),
        "TLS_CERT_FILE": str(cert),
        "TLS_KEY_FILE": str(key),
    }
    ports = (f"--listening-port={made.port}", f"--tls-listening-port={made.tls_port}")
    with (folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            str(START), *ports, env={"PATH": os.environ["PATH"], **environment}, stdout=log, stderr=log
        )
    try:
        async with asyncio.timeout(STARTED):
            for port in (made.port, made.tls_port):
                while not await _answers(port):
                    assert process.returncode is None, (folder / "log").read_text()
                    await asyncio.sleep(0.02)
        yield made
    finally:
        process.terminate()
        await process.wait()


async def _answers(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True
