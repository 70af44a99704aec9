"""Which pages may use a cookie or open a socket (RFC 6454)."""

from urllib.parse import urlsplit

from aiohttp import hdrs, web

from signaling.services import SERVICES


def from_our_page(request: web.Request) -> bool:
    """The page is ours, under the name by which the browser knows us, or one of the settings."""
    origin = request.headers.get(hdrs.ORIGIN, "")
    try:
        host = urlsplit(origin).netloc
    except ValueError:
        return False
    return origin in request.app[SERVICES].settings.origins or (host != "" and host == request.host)
