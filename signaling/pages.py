"""The web pages: one application for every address that is not the API's, and its files."""

from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from config.settings import Settings

ASSETS_CACHE = "public, max-age=31536000, immutable"
FILES_CACHE = "public, max-age=3600"
A_YEAR = 31_536_000
PERMISSIONS = {
    **dict.fromkeys(("camera", "microphone", "display-capture", "autoplay", "fullscreen"), "self"),
    **dict.fromkeys(
        ("accelerometer", "geolocation", "gyroscope", "hid", "idle-detection", "local-fonts"), ""
    ),
    **dict.fromkeys(("magnetometer", "midi", "payment", "serial", "usb", "xr-spatial-tracking"), ""),
}
"""What our pages may ask of the browser; what is not named is the browser's own default."""
MISSING = "The web pages are not built. Run `make web`, or install a package that holds them.\n"


def add_pages(app: web.Application, dist: Path) -> None:
    """Everything but `/api/…`. GET and HEAD change nothing, whatever the address holds."""
    pages = Pages(dist)
    app.router.add_get("/assets/{file:.+}", pages.asset)
    app.router.add_get("/{path:(?!api/).*}", pages.page)


class Pages:
    def __init__(self, dist: Path) -> None:
        self._dist = dist.resolve()

    async def page(self, request: web.Request) -> web.StreamResponse:
        file = self._file(request.match_info["path"])
        if file is not None:
            return self._sent(file, FILES_CACHE)
        index = self._dist / "index.html"
        if not index.is_file():
            return web.Response(status=503, text=MISSING)
        return self._sent(index)

    async def asset(self, request: web.Request) -> web.StreamResponse:
        file = self._file("assets/" + request.match_info["file"])
        if file is None:
            return web.Response(status=404, text="There is no such file.\n")
        return self._sent(file, ASSETS_CACHE)

    def _sent(self, file: Path, cache: str | None = None) -> web.StreamResponse:
        """In the form that the browser takes: the build leaves `.br` and `.gz` beside what gets smaller."""
        headers = {hdrs.VARY: hdrs.ACCEPT_ENCODING} | ({hdrs.CACHE_CONTROL: cache} if cache else {})
        return web.FileResponse(file, headers=headers)

    def _file(self, path: str) -> Path | None:
        """A built file, and nothing outside of the folder."""
        if not path or path == "index.html" or "\x00" in path or len(path) > 500:
            return None
        try:
            file = (self._dist / path).resolve()
            return file if file.is_relative_to(self._dist) and file.is_file() else None
        except (OSError, ValueError):
            return None


def security_headers(settings: Settings) -> dict[str, str]:
    """On every answer. A page of ours runs its own code only, and nobody frames it."""
    host = urlsplit(settings.public_url).netloc
    socket = f"{'wss' if settings.secure else 'ws'}://{host}"
    policy = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "font-src": "'self'",
        "worker-src": "'self'",
        "connect-src": f"'self' {socket}",
        "img-src": "'self' blob: data:",
        "media-src": "'self' blob:",
        "object-src": "'none'",
        "frame-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
    secure = {"Strict-Transport-Security": f"max-age={A_YEAR}"} if settings.secure else {}
    return {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Permissions-Policy": ", ".join(f"{what}=({who})" for what, who in PERMISSIONS.items()),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "no-store",
        "Server": "motesrum",
        **secure,
    }
