"""What the doctor looks at in the addresses that people and their browsers are given."""

import ipaddress
import socket
from collections.abc import Callable
from urllib.parse import urlsplit

from config.settings import MediaListen, Settings

Check = tuple[str, Callable[[], str | None]]
_PORTS = {"http": 80, "https": 443}


def checks(settings: Settings) -> list[Check]:
    return [
        ("people reach the service at public_url", lambda: _served(settings)),
        *(
            (f"people outside reach media at {listen.announced or listen.ip}", _reached(settings, listen))
            for listen in settings.media_listen
        ),
    ]


def _served(settings: Settings) -> str | None:
    """Without a proxy, pages are where we serve them."""
    if settings.trusted_proxies:
        return None
    address = urlsplit(settings.public_url)
    if settings.secure and settings.tls_cert is None:
        return (
            f"{settings.public_url} is https, but nothing here speaks it: set tls_cert and tls_key, or put a"
            " proxy in front and name it in trusted_proxies"
        )
    if not settings.secure and settings.tls_cert is not None:
        return f"{settings.public_url} is http, but pages are served with tls_cert: write https"
    port = address.port or _PORTS[address.scheme]
    if settings.http_port not in (0, port):
        return (
            f"{settings.public_url} is port {port}, but pages are served at port {settings.http_port}; with a"
            " proxy between, name it in trusted_proxies"
        )
    return None


def _reached(settings: Settings, listen: MediaListen) -> Callable[[], str | None]:
    return lambda: _private(settings, listen.announced or listen.ip)


def _private(settings: Settings, media: str) -> str | None:
    """An address of an inner network is right where the pages have one too."""
    address = ipaddress.ip_address(media)
    host = urlsplit(settings.public_url).hostname or ""
    if address.is_loopback:
        if _is_local(host):
            return None
        return f"{media} is this machine alone: list the address that people reach in media_listen"
    if not address.is_private or not _is_public(host):
        return None
    return f"{media} is of an inner network, and {host} is not: set announced to the address outside"


def _is_local(host: str) -> bool:
    return host == "localhost" or any(found.is_loopback for found in addresses(host))


def _is_public(host: str) -> bool:
    return any(found.is_global for found in addresses(host))


def addresses(host: str) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    """Of a name or address; none for a name that nobody knows (yet)."""
    try:
        found = socket.getaddrinfo(host, None)
    except OSError:
        return []
    return [ipaddress.ip_address(str(place[4][0]).partition("%")[0]) for place in found]
