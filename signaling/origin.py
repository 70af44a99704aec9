"""Which pages may use a cookie or open a socket (RFC 6454)."""

from urllib.parse import urlsplit

from aiohttp import hdrs, web

from signaling.services import SERVICES


def from_our_page(request: web.Request) -> bool:
    """The page is ours, under the name by which the browser knows us, or one of the settings. Where we are
    reached by HTTPS, a page without it is somebody's on the way."""
    origin = request.headers.get(hdrs.ORIGIN, "")
    try:
        page = urlsplit(origin)
    except ValueError:
        return False
    settings = request.app[SERVICES].settings
    ours = page.netloc != "" and page.netloc == request.host
    return origin in settings.origins or (ours and (page.scheme == "https" or not settings.secure))
