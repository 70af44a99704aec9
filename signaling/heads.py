"""How much a request may say before its body. It is kept for as long as the request is at work, which for a
WebSocket is the whole meeting."""

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

MAX_FIELDS, MAX_FIELD = 48, 8190
"""Browsers send about 25 fields, and proxies add some."""
MAX_HEAD = 32 << 10
"""Bytes of all fields together."""

PARSER: dict[str, Any] = {"max_headers": MAX_FIELDS, "max_field_size": MAX_FIELD}
"""For the runner: what is read at all."""


@web.middleware
async def bounded(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    if sum(len(name) + len(value) for name, value in request.raw_headers) > MAX_HEAD:
        raise web.HTTPRequestHeaderFieldsTooLarge
    return await handler(request)
