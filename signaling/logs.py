"""What the service writes about itself: to standard error, without codes, tokens or names."""

import logging
import sys

import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from config import faults

QUIET = ("aioice", "aiortc", "asyncio", "httpcore", "httpx", "httpx2", "libav")


def configure(level: str) -> None:
    """Lines for people on a terminal, JSON otherwise."""
    number = getattr(logging, level.upper())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.ExceptionRenderer(faults.of_exc_info),
    ]
    renderer: structlog.typing.Processor
    if sys.stderr.isatty():
        renderer = structlog.dev.ConsoleRenderer()
    else:
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
    faults.watch()


def _told_already(record: logging.LogRecord) -> bool:
    """What a client sent wrong is its own affair, is answered, and may quote a token: it is not logged."""
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, HttpProcessingError | web.RequestPayloadError | ConnectionError)
