"""The command `motesrum` in this process, without the seconds that its start takes."""

import asyncio
from dataclasses import dataclass

from typer.testing import CliRunner

from signaling.cli import app


@dataclass
class Ended:
    code: int
    out: str
    err: str


async def run(*arguments: str) -> Ended:
    """In a thread, because a command has a loop of its own."""
    result = await asyncio.to_thread(CliRunner().invoke, app, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Ended(result.exit_code, result.stdout, result.stderr)


async def refused(*arguments: str) -> str:
    """The one line that a command which cannot begin writes."""
    ended = await run(*arguments)
    assert (ended.code, ended.out) == (2, ""), ended
    assert ended.err.count("\n") == 1, ended.err
    return ended.err
