"""One line a request: the words of our own addresses, and nothing else of what was asked."""

import re
from http import HTTPStatus

import structlog
from aiohttp import hdrs, web
from aiohttp.abc import AbstractAccessLogger

from signaling.api.table import ROUTES

_PAGES = {"connection", "j", "s", "t", "u", "new", "admin", "agency", "hearing", "pool", "screen", "assets"}
_OTHERS = {"socket", "sign-in", "callback", "sign-out"}
_WORDS = {word for route in ROUTES for word in route.url.split("/") if "{" not in word} | _PAGES | _OTHERS
HEALTH = {"/healthz", "/readyz"}
"""Asked every few seconds by whoever watches; that all is well is no news."""
_ID = re.compile(r"[0-9]{1,9}|[mpd]_[0-9a-f]{1,32}")
"""Numbers of stations; ids of meetings, participants and screens open nothing."""


def redacted(path: str) -> str:
    """A path as it may be written: codes, names and whatever a stranger asks for are left out."""
    return "/".join(
        part if part in _WORDS or not part or _ID.fullmatch(part) else "…" for part in path.split("/")
    )


class AccessLog(AbstractAccessLogger):
    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        access = structlog.get_logger("access")
        well = request.path in HEALTH and response.status == HTTPStatus.OK
        (access.debug if well else access.info)(
            "request",
            method=request.method if request.method in hdrs.METH_ALL else "…",
            path=redacted(request.path),
            status=response.status,
            milliseconds=round(time * 1000, 1),
        )
