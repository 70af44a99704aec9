"""Is this machine fit for the service: data folder, keys, secrets, ports, addresses, HTTPS, relays, store,
other nodes, pages."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from config.settings import Settings
from media import batch, compiled
from signaling import (
    doctor_address,
    doctor_cluster,
    doctor_ports,
    doctor_secrets,
    doctor_store,
    doctor_tls,
    doctor_turn,
)
from web import DIST

MEBIBYTE = 1 << 20
ROOM = 512 * MEBIBYTE


def checks(settings: Settings) -> list[tuple[str, Callable[[], str | None]]]:
    """What is checked; each check gives what is wrong."""
    return [
        (f"data folder {settings.data} can be written", lambda: _folder(settings.data)),
        (f"there is room on the disk of {settings.data}", lambda: _room(settings.data)),
        *doctor_secrets.checks(settings),
        *doctor_ports.checks(settings),
        (f"packets of sound and picture: {batch.ways(batched=settings.media_batched)}", lambda: None),
        (f"what moves them: {compiled.ways(wanted=settings.media_compiled)}", lambda: None),
        ("cameras work in browsers (HTTPS or localhost)", lambda: _camera(settings)),
        *doctor_tls.checks(settings),
        *doctor_address.checks(settings),
        *doctor_turn.checks(settings),
        *doctor_store.checks(settings),
        *doctor_cluster.checks(settings),
        ("the web pages are built", _pages),
    ]


def _folder(path: Path) -> str | None:
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        probe = path / f".probe-{os.getpid()}-{time.monotonic_ns()}"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        return error.strerror
    return None


def _room(path: Path) -> str | None:
    """Nothing, where there is no folder: that is told already."""
    if not path.is_dir():
        return None
    free = shutil.disk_usage(path).free
    return (
        None if free >= ROOM else f"{free / MEBIBYTE:.0f} MiB are left, and {ROOM / MEBIBYTE:.0f} should be"
    )


def _camera(settings: Settings) -> str | None:
    host = settings.public_url.partition("://")[2].partition(":")[0]
    if settings.secure or host in ("localhost", "127.0.0.1"):
        return None
    return (
        f"{settings.public_url} is neither: write https, with tls_cert and tls_key, or with a proxy in front"
        " that has a certificate"
    )


def _pages() -> str | None:
    return None if (DIST / "index.html").is_file() else "run make web"
