"""Nodes that start fast: each a process of its own, forked from one that has read the program already."""

import multiprocessing
import os
import sys
from collections.abc import Mapping
from pathlib import Path

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["signaling.cli", "signaling.serving"])


class Forked:
    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        self._process = _CONTEXT.Process(target=_serve, args=(dict(environment), str(log)), daemon=False)
        self._process.start()

    def poll(self) -> int | None:
        return self._process.exitcode

    def send_signal(self, number: int, /) -> None:
        assert self._process.pid is not None
        os.kill(self._process.pid, number)


def _serve(environment: Mapping[str, str], log: str) -> None:
    os.environ.clear()
    os.environ.update(environment)
    out = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.dup2(out, 1)
    os.dup2(out, 2)
    sys.argv = ["motesrum", "serve"]
    from signaling.cli import app

    app()
