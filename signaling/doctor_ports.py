"""What the doctor looks at in ports: each is free, or has been taken by this very service."""

import errno
import json
import socket
import ssl
from collections.abc import Callable
from urllib.error import URLError
from urllib.request import urlopen

from config.settings import Settings
from signaling.app import WORKER_SOCKET
from signaling.leftover import listens
from signaling.serving import runs

Check = tuple[str, Callable[[], str | None]]
WITHIN = 1.0


def checks(settings: Settings) -> list[Check]:
    host, port = settings.http_host, settings.http_port
    media = [(listen.ip, each) for listen in settings.media_listen for each in settings.media_ports]
    return [
        (f"port {port} on {host} is free, or this service's", lambda: _pages(settings)),
        *(
            (f"port {port} on {ip} is free for UDP and TCP, or this service's", _media(settings, ip, port))
            for ip, port in media
        ),
    ]


def _pages(settings: Settings) -> str | None:
    host, port = settings.http_host, settings.http_port
    return _taken(host, port, socket.SOCK_STREAM, "http_port", lambda: _answers(settings))


def _media(settings: Settings, ip: str, port: int) -> Callable[[], str | None]:
    def has_worker() -> bool:
        sockets = settings.data.glob(WORKER_SOCKET.replace(".", "*."))
        return any(listens(each) for each in sockets)

    def taken(kind: socket.SocketKind) -> str | None:
        return _taken(ip, port, kind, "media_port", has_worker)

    return lambda: taken(socket.SOCK_DGRAM) or taken(socket.SOCK_STREAM)


def _taken(
    host: str, port: int, kind: socket.SocketKind, setting: str, by_us: Callable[[], bool]
) -> str | None:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=kind)[0]
        with socket.socket(family, kind) as probe:
            if kind is socket.SOCK_STREAM:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        match error.errno:
            case errno.EADDRINUSE if by_us():
                return None
            case errno.EADDRINUSE:
                return f"another program has it (ss -lntup tells which): end it, or choose another {setting}"
            case errno.EADDRNOTAVAIL:
                return "this machine has no such address"
            case errno.EACCES:
                return f"only root may have it: choose a {setting} above 1023"
        return error.strerror or str(error)
    return None


def _answers(settings: Settings) -> bool:
    """This service runs, and is what answers there."""
    if not runs(settings.data):
        return False
    scheme = "http" if settings.tls_cert is None else "https"
    host = f"[{settings.http_host}]" if ":" in settings.http_host else settings.http_host
    unseen = ssl.create_default_context()
    unseen.check_hostname, unseen.verify_mode = False, ssl.CERT_NONE
    url = f"{scheme}://{host}:{settings.http_port}/healthz"
    try:
        with urlopen(url, timeout=WITHIN, context=unseen) as answer:
            return bool(json.load(answer) == {"status": "ok"})
    except (URLError, OSError, ValueError):
        return False
