"""What the service writes about itself: to standard error, without codes, tokens or names."""

import logging
import re
import sys

import structlog
from aiohttp import web
from aiohttp.abc import AbstractAccessLogger
from aiohttp.http_exceptions import HttpProcessingError

_SECRET_PATH = re.compile(r"^/(j|s)/[^/]*")
_CODE = re.compile(r"(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{22}(?![A-Za-z0-9_-])")
_ID_PATH = re.compile(r"/invitations/i_[0-9a-f]+")
QUIET = ("aioice", "aiortc", "asyncio", "libav")


def configure(level: str) -> None:
    """Lines for people on a terminal, JSON otherwise."""
    number = getattr(logging, level.upper())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: structlog.typing.Processor
    if sys.stderr.isatty():
        renderer = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    else:
        shared.append(structlog.processors.format_exc_info)
        renderer = structlog.processors.JSONRenderer(ensure_ascii=False)
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processor=renderer, foreign_pre_chain=shared))
    logging.basicConfig(level=max(number, logging.INFO), handlers=[handler], force=True)
    server = logging.getLogger("aiohttp.server")
    server.filters = [_told_already]
    for name in QUIET:
        logging.getLogger(name).setLevel(max(number, logging.WARNING))


def _told_already(record: logging.LogRecord) -> bool:
    """What a client sent wrong is its own affair, is answered, and may quote a token: it is not logged."""
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, HttpProcessingError | web.RequestPayloadError | ConnectionError)


def redacted(path: str) -> str:
    """The path of a request without one-time codes, wherever they stand, and without control characters."""
    hidden = _CODE.sub("…", _ID_PATH.sub("/invitations/…", _SECRET_PATH.sub(r"/\1/…", path)))
    return "".join(ch if ch.isprintable() else f"\\x{ord(ch):02x}" for ch in hidden)


class AccessLog(AbstractAccessLogger):
    """One line a request: no query, no headers, no codes."""

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        structlog.get_logger("access").info(
            "request",
            method=request.method,
            path=redacted(request.path),
            status=response.status,
            milliseconds=round(time * 1000, 1),
        )
