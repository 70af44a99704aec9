"""Behind a proxy: whose request it is. A proxy of the settings is believed about that, and nobody else."""

import ipaddress

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

FORWARDED_FOR = "X-Forwarded-For"


def caller(peer: str, chain: str, proxies: tuple[str, ...]) -> str:
    """Who has called, by the address of the connection and what the proxies have written down: the last one
    who is no proxy of ours. What stands before that is the caller's own word."""
    trusted = [ipaddress.ip_network(proxy) for proxy in proxies]
    found = peer
    for before in reversed([part.strip() for part in chain.split(",")]):
        if not _in(found, trusted) or _address(before) is None:
            break
        found = before
    return found


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _in(text: str, networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    address = _address(text)
    return address is not None and any(address in network for network in networks)


def middleware(proxies: tuple[str, ...]) -> Middleware:
    @web.middleware
    async def forwarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        chain = ",".join(request.headers.getall(FORWARDED_FOR, []))
        if not proxies or not chain:
            return await handler(request)
        return await handler(request.clone(remote=caller(request.remote or "", chain, proxies)))

    return forwarded
