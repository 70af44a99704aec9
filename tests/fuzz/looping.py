"""An event loop for targets that need one: the same for every input, and empty again after each."""

from __future__ import annotations

import asyncio
import atexit
from collections.abc import Coroutine
from typing import Any

_runner: asyncio.Runner | None = None


def run(scenario: Coroutine[Any, Any, None]) -> None:
    """To its end; `AssertionError` when it leaves a task, or when something failed where nobody looked."""
    global _runner
    if _runner is None:
        _runner = asyncio.Runner()
        atexit.register(_runner.close)
    _runner.run(_watched(scenario))


async def _watched(scenario: Coroutine[Any, Any, None]) -> None:
    loop, failures = asyncio.get_running_loop(), []
    loop.set_exception_handler(lambda _, context: failures.append(context))
    await scenario
    await turns(10)
    assert not failures, failures
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    assert not left, left


async def turns(number: int) -> None:
    """Let everything that is ready go on."""
    for _ in range(number):
        await asyncio.sleep(0)
