"""Runs the service until it is told to stop."""

import asyncio
import contextlib
import errno
import fcntl
import ipaddress
import json
import os
import resource
import signal
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import structlog
from aiohttp import web

from config import faults
from config.catalogue import CatalogueError
from config.settings import Settings
from rooms.store.base import StoreUnavailable
from signaling.access_log import AccessLog
from signaling.app import WORKER_SOCKET, build_services, create_app
from signaling.errors import ServiceUnavailable
from signaling.heads import PARSER
from signaling.keys import KeyFolderError
from signaling.services import Services

log = structlog.get_logger(__name__)

SERVICE_FILE = "service.json"
LOCK_FILE = "service.lock"
LOOPBACK = "127.0.0.1"
IDLE = 75.0
"""Seconds for which a connection may be open without a whole request on it."""
GOODBYE = 5.0
"""Seconds that calls have to end when the service stops."""

Started = Callable[[Services, str], Awaitable[Callable[[], Awaitable[None]]]]
"""Called when the service answers, with its address for programs on this machine; gives what to do before the
service ends."""


class CannotStart(Exception):
    """The message is one line that says why."""


async def serve(settings: Settings, started: Started | None = None, *, hands_over: bool = False) -> None:
    """Returns after SIGINT, which ends everything, or SIGTERM. `hands_over`: SIGTERM leaves media running for
    the service that starts next. Raises CannotStart."""
    _lift_descriptors()
    stop: asyncio.Queue[int] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(faults.in_loop)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.put_nowait, number)
    async with running(settings) as (services, local):
        goodbye = await started(services, local) if started is not None else None
        log.info("ready", url=services.settings.public_url)
        try:
            if await stop.get() == signal.SIGTERM and hands_over:
                services.hub.hand_over()
        finally:
            if goodbye is not None:
                await goodbye()
    log.info("stopped")


def _lift_descriptors() -> None:
    """As many as the system allows: the usual 1024 would be used up by as many half-open connections."""
    with contextlib.suppress(OSError, ValueError):
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


@contextlib.asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[tuple[Services, str]]:
    """The whole service, and its address for programs on this machine. Raises CannotStart."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(owned(settings.data))
        listener = stack.enter_context(contextlib.closing(_bind(settings.http_host, settings.http_port)))
        settings = _with_port(settings, listener.getsockname()[1])
        _demand_media_port(settings)
        inside = None
        if settings.tls_cert is not None:
            inside = stack.enter_context(contextlib.closing(_bind(LOOPBACK, 0)))
        tls = _tls(settings)
        services, runner = await _start(settings)
        try:
            await web.SockSite(runner, listener, ssl_context=tls).start()
            if inside is not None:
                await web.SockSite(runner, inside).start()
            remember(settings)
            yield services, _local(listener if inside is None else inside)
        finally:
            await runner.cleanup()


async def _start(settings: Settings) -> tuple[Services, web.AppRunner]:
    try:
        services = await build_services(settings)
    except (KeyFolderError, CatalogueError, StoreUnavailable, OSError) as error:
        raise CannotStart(_line(error)) from error
    runner = web.AppRunner(
        create_app(services),
        access_log_class=AccessLog,
        handle_signals=False,
        keepalive_timeout=IDLE,
        shutdown_timeout=GOODBYE,
        **PARSER,
    )
    try:
        await runner.setup()
    except (ServiceUnavailable, OSError) as error:
        await runner.cleanup()
        raise CannotStart(_line(error)) from error
    return services, runner


def remember(settings: Settings) -> None:
    """Other commands on this data folder learn here under which address the service runs."""
    path = settings.data / SERVICE_FILE
    path.write_text(json.dumps({"public_url": settings.public_url}) + "\n", "utf-8")
    path.chmod(0o600)


def remembered_url(data: Path) -> str | None:
    try:
        found = json.loads((data / SERVICE_FILE).read_text("utf-8"))
        return str(found["public_url"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


@contextlib.contextmanager
def owned(data: Path) -> Iterator[None]:
    """A data folder has one service at a time; the system takes the lock back if it dies."""
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(data / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise CannotStart(f"the data folder {data} cannot be used: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise CannotStart(
            f"another service uses the data folder {data}; choose another with --data"
        ) from error
    finally:
        os.close(descriptor)


def runs(data: Path) -> bool:
    """Does the service of this data folder run?"""
    try:
        with owned(data):
            return False
    except CannotStart:
        return True


def _bind(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family, backlog=256)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise CannotStart(f"port {port} on {host} is taken; choose another with --http-port") from error
        raise CannotStart(f"cannot listen on {host}, port {port}: {error.strerror or error}") from error


def _demand_media_port(settings: Settings) -> None:
    """A worker of ours that is still there may hold the port: it is replaced."""
    if (settings.data / WORKER_SOCKET).exists():
        return
    for listen in settings.media_listen:
        address = ipaddress.ip_address(listen.ip)
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind((listen.ip, settings.media_port))
            except OSError as error:
                where = f"media port {settings.media_port} on {listen.ip}"
                if error.errno == errno.EADDRINUSE:
                    raise CannotStart(f"{where} is taken; choose another with --media-port") from error
                raise CannotStart(f"{where} cannot be used: {error.strerror}") from error


def _with_port(settings: Settings, port: int) -> Settings:
    """Port 0 became a real one; a public address that nobody set follows it."""
    changes: dict[str, object] = {"http_port": port}
    if "public_url" not in settings.model_fields_set:
        changes["public_url"] = f"{'https' if settings.tls_cert else 'http'}://localhost:{port}"
    return settings.model_copy(update=changes)


def _tls(settings: Settings) -> ssl.SSLContext | None:
    if settings.tls_cert is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(settings.tls_cert, settings.tls_key)
    except (OSError, ssl.SSLError) as error:
        raise CannotStart(f"{settings.tls_cert} and {settings.tls_key} cannot be used: {error}") from error
    return context


def _local(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    if host in ("0.0.0.0", "::"):
        host = LOOPBACK if listener.family is socket.AF_INET else "::1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _line(error: Exception) -> str:
    message = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    where = f"{error.filename}: " if isinstance(error, OSError) and error.filename else ""
    return " ".join(f"{where}{message}".split())
