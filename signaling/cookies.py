"""Our cookies: out of scripts' reach, and over HTTPS for this host alone (RFC 6265bis, section 4.1.3)."""

from dataclasses import dataclass
from typing import Literal

from aiohttp import web

from signaling.services import SERVICES


@dataclass(frozen=True, slots=True)
class Cookie:
    """`path`: where the browser sends it; those of links go to one call only, for there may be many.
    `lifetime` in seconds; 0 takes the cookie away. `same_site`: Lax for the way back from elsewhere."""

    name: str
    value: str
    path: str
    lifetime: int
    same_site: Literal["Strict", "Lax"] = "Strict"


def read(request: web.Request, name: str, path: str = "/") -> str | None:
    return request.cookies.get(_prefixed(request, name, path))


def names(request: web.Request, path: str = "/") -> list[str]:
    """Of what the browser sent for that path, in its order."""
    prefix = _prefixed(request, "", path)
    return [name.removeprefix(prefix) for name in request.cookies if name.startswith(prefix)]


def put(request: web.Request, response: web.StreamResponse, cookie: Cookie) -> None:
    response.set_cookie(
        _prefixed(request, cookie.name, cookie.path),
        cookie.value,
        path=cookie.path,
        max_age=cookie.lifetime,
        httponly=True,
        samesite=cookie.same_site,
        secure=request.app[SERVICES].settings.secure,
    )


def _prefixed(request: web.Request, name: str, path: str) -> str:
    if not request.app[SERVICES].settings.secure:
        return name
    return ("__Host-" if path == "/" else "__Secure-") + name
