"""What is written of a fault: its type and the places that it passed, never its message or its arguments.

A message may quote what somebody has sent: a name, a token, a line of a chat.
"""

import asyncio
import errno
import logging
import sys
import threading
import traceback
from types import TracebackType
from typing import Any

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]
LONGEST_CHAIN = 8

log = logging.getLogger("faults")


def told(error: BaseException) -> str:
    """The fault and those that led to it, the first one first."""
    chain: list[BaseException] = []
    at: BaseException | None = error
    while at is not None and at not in chain and len(chain) < LONGEST_CHAIN:
        chain.append(at)
        at = at.__cause__ or (None if at.__suppress_context__ else at.__context__)
    return "\n".join(_one(each) for each in reversed(chain))


def of_exc_info(exc_info: ExcInfo) -> str:
    return told(exc_info[1])


class Formatter(logging.Formatter):
    """For `logging`, where an exception comes with a line."""

    def format(self, record: logging.LogRecord) -> str:
        record.exc_text = None  # another formatter's words
        return super().format(record)

    def formatException(self, ei: Any) -> str:
        return "" if ei[1] is None else told(ei[1])


def in_loop(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """For `loop.set_exception_handler`: a callback's arguments and a task's result are not written."""
    error = context.get("exception")
    what, _, _ = str(context.get("message", "a fault")).partition("(")
    log.error("%s", what, exc_info=error)


def watch() -> None:
    """Faults that nobody catches, of this process and its threads, are written as all others are."""
    sys.excepthook = _uncaught
    threading.excepthook = _in_thread
    sys.unraisablehook = _unraisable


def _one(error: BaseException) -> str:
    places = "".join(traceback.format_tb(error.__traceback__))
    inner = ""
    if isinstance(error, BaseExceptionGroup):
        inner = "".join(f"\nwith {told(each)}" for each in error.exceptions[:LONGEST_CHAIN])
    return f"{places}{_named(error)}{inner}"


def _named(error: BaseException) -> str:
    kind = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
    number = error.errno if isinstance(error, OSError) else None
    return kind if number is None else f"{kind} ({errno.errorcode.get(number, number)})"


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if isinstance(error, KeyboardInterrupt):
        return
    sys.stderr.write(f"{told(error)}\n")


def _in_thread(found: threading.ExceptHookArgs) -> None:
    if found.exc_value is not None:
        log.error("a fault in a thread", exc_info=found.exc_value)


def _unraisable(found: "sys.UnraisableHookArgs") -> None:
    log.error("a fault while cleaning up", exc_info=found.exc_value)
