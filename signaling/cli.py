"""The command `motesrum`. What is wrong with the settings or the machine is told in one line, exit code 2."""

import asyncio
import contextlib
import json
import os
import socket
import sys
import time
from collections.abc import Callable, Coroutine, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from config.catalogue import CatalogueError, load_catalogue
from config.settings import Settings, SettingsError, load_settings
from rooms.store.base import StoreUnavailable
from signaling import staff
from signaling.keys import KeyFolder, KeyFolderError
from signaling.logs import configure
from signaling.serving import CannotStart, remembered_url, serve

UNUSABLE = 2

app = typer.Typer(
    name="motesrum",
    help="Video meeting rooms for public agencies.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Config = Annotated[Path | None, typer.Option("--config", help="TOML file with settings")]
HttpPort = Annotated[int | None, typer.Option("--http-port", help="0 takes any free port")]
HttpHost = Annotated[str | None, typer.Option("--http-host", help="address to listen on")]
MediaPort = Annotated[int | None, typer.Option("--media-port", help="the media worker's UDP and TCP port")]
Data = Annotated[Path | None, typer.Option("--data", help="data folder")]
PublicUrl = Annotated[str | None, typer.Option("--public-url", help="the address that people use")]
LogLevel = Annotated[str | None, typer.Option("--log-level", help="debug, info, warning or error")]
TlsCert = Annotated[Path | None, typer.Option("--tls-cert", help="certificate chain in PEM")]
TlsKey = Annotated[Path | None, typer.Option("--tls-key", help="private key in PEM")]
AsJson = Annotated[bool, typer.Option("--json", help="one JSON object on the first line of the output")]


@app.command("serve")
def serve_command(
    config: Config = None,
    http_port: HttpPort = None,
    http_host: HttpHost = None,
    media_port: MediaPort = None,
    data: Data = None,
    public_url: PublicUrl = None,
    log_level: LogLevel = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
) -> None:
    """Run the service."""
    settings = _settings(
        config,
        http_port=http_port,
        http_host=http_host,
        media_port=media_port,
        data=data,
        public_url=public_url,
        log_level=log_level,
        tls_cert=tls_cert,
        tls_key=tls_key,
    )
    configure(settings.log_level)
    _run(serve(settings))


@app.command("demo")
def demo_command(
    config: Config = None,
    http_port: HttpPort = None,
    http_host: HttpHost = None,
    media_port: MediaPort = None,
    data: Data = None,
    public_url: PublicUrl = None,
    log_level: LogLevel = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    as_json: AsJson = False,
    bots: Annotated[bool, typer.Option(help="fill the roles that nobody has taken")] = True,
) -> None:
    """Run the service with a ready meeting, and print a link for each role."""
    from signaling.demo import demo, for_demo

    settings = _settings(
        config,
        http_port=http_port,
        http_host=http_host,
        media_port=media_port,
        data=data,
        public_url=public_url,
        log_level=log_level,
        tls_cert=tls_cert,
        tls_key=tls_key,
    )
    configure(settings.log_level if "log_level" in settings.model_fields_set else "warning")
    _run(serve(for_demo(settings), demo(as_json=as_json, bots=bots)))


@app.command("media")
def media_command(
    config: Config = None,
    media_port: MediaPort = None,
    data: Data = None,
    control: Annotated[Path | None, typer.Option("--socket", help="path of the control socket")] = None,
) -> None:
    """Run a media worker of its own."""
    from media.worker import main as worker
    from signaling.app import WORKER_SOCKET

    settings = _settings(config, media_port=media_port, data=data)
    path = control or settings.data / WORKER_SOCKET
    with _told():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    raise typer.Exit(worker(["--socket", str(path), "--settings", settings.media.to_json()]))


@app.command("token")
def token_command(
    site: Annotated[list[str], typer.Option("--site", help="id of a site; may be given several times")],
    role: Annotated[str, typer.Option("--role", help="host or admin")] = "host",
    name: Annotated[str, typer.Option("--name", help="shown to the others")] = "",
    subject: Annotated[str | None, typer.Option("--subject", help="the same person as before")] = None,
    config: Config = None,
    data: Data = None,
    public_url: PublicUrl = None,
    as_json: AsJson = False,
) -> None:
    """Print a single-use link with which a member of staff signs in, also while the service runs."""
    settings = _settings(config, data=data, public_url=public_url)
    if role not in staff.ROLES:
        _fail(f"--role: must be one of {', '.join(staff.ROLES)}, not {role}")
    with _told():
        sites = load_catalogue().sites
    unknown = next((each for each in site if each not in sites), None)
    if unknown is not None:
        _fail(f"--site: there is no site {unknown}; there are {', '.join(sites)}")
    if not settings.model_fields_set & {"public_url", "http_port"}:
        settings = settings.model_copy(
            update={"public_url": remembered_url(settings.data) or settings.public_url}
        )
    link = _run(_staff_link(settings, role, site, name or ("Värd" if role == "host" else "Admin"), subject))
    if as_json:
        expires_at = datetime.fromtimestamp(link.expires_at, UTC).isoformat()
        print(json.dumps({"url": link.url, "code": link.code, "expires_at": expires_at}))
    else:
        print(link.url)


async def _staff_link(
    settings: Settings, role: str, sites: Iterable[str], name: str, subject: str | None
) -> staff.StaffLink:
    from signaling.app import KEYS, make_staff, make_tokens, open_store

    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    store = await open_store(settings)
    try:
        desk = make_staff(settings, store, make_tokens(settings, KeyFolder(settings.data / KEYS)))
        return await desk.create_link(role=role, sites=sites, name=name, sub=subject)
    finally:
        await store.close()


@app.command("keys")
def keys_command(
    new: Annotated[bool, typer.Option("--new", help="make a new key; it signs after the next start")] = False,
    config: Config = None,
    data: Data = None,
) -> None:
    """Print the public keys of the service's own tokens, newest first, as a JWK set."""
    from signaling.app import KEYS

    settings = _settings(config, data=data)
    with _told():
        folder = KeyFolder(settings.data / KEYS)
        if new:
            folder.rotate()
        print(json.dumps({"keys": [key.jwk() for key in folder.signing_keys()]}, indent=2))


@app.command("schema")
def schema_command(
    folder: Annotated[Path | None, typer.Argument(help="where to write; printed when omitted")] = None,
) -> None:
    """Write openapi.json and asyncapi.json."""
    from signaling import asyncapi, openapi, schema

    if folder is None:
        print(json.dumps({"openapi": openapi.document(), "asyncapi": asyncapi.document()}, indent=2))
        return
    with _told():
        for path in schema.write(folder):
            print(path)


@app.command("doctor")
def doctor_command(
    config: Config = None,
    http_port: HttpPort = None,
    http_host: HttpHost = None,
    media_port: MediaPort = None,
    data: Data = None,
) -> None:
    """Check this machine: settings, data folder, ports, pages. Exit code 1 when something is wrong."""
    settings = _settings(config, http_port=http_port, http_host=http_host, media_port=media_port, data=data)
    good = [_checked(name, check) for name, check in _checks(settings)]
    raise typer.Exit(0 if all(good) else 1)


def _checks(settings: Settings) -> list[tuple[str, Callable[[], str | None]]]:
    """What is checked; each check gives what is wrong."""
    media = [listen.ip for listen in settings.media_listen]
    return [
        (f"data folder {settings.data} can be written", lambda: _folder(settings.data)),
        ("keys can be read by nobody else", lambda: _keys(settings.data)),
        (
            f"port {settings.http_port} on {settings.http_host} is free",
            lambda: _free(settings.http_host, settings.http_port, socket.SOCK_STREAM),
        ),
        *((f"UDP port {settings.media_port} on {ip} is free", _udp(ip, settings.media_port)) for ip in media),
        ("cameras work in browsers (HTTPS or localhost)", lambda: _camera(settings)),
        ("the web pages are built", _pages),
    ]


def _checked(name: str, check: Callable[[], str | None]) -> bool:
    wrong = check()
    print(f"{'ok   ' if wrong is None else 'WRONG'}  {name}" + ("" if wrong is None else f": {wrong}"))
    return wrong is None


def _folder(path: Path) -> str | None:
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        probe = path / f".probe-{os.getpid()}-{time.monotonic_ns()}"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        return error.strerror
    return None


def _keys(data: Path) -> str | None:
    from signaling.app import KEYS

    found = KeyFolder(data / KEYS).open_to_others()
    return None if not found else f"{found[0]} is open to others"


def _udp(ip: str, port: int) -> Callable[[], str | None]:
    return lambda: _free(ip, port, socket.SOCK_DGRAM)


def _free(host: str, port: int, kind: socket.SocketKind) -> str | None:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=kind)[0]
        with socket.socket(family, kind) as probe:
            if kind is socket.SOCK_STREAM:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        return error.strerror or str(error)
    return None


def _camera(settings: Settings) -> str | None:
    host = settings.public_url.partition("://")[2].partition(":")[0]
    if settings.secure or host in ("localhost", "127.0.0.1"):
        return None
    return f"{settings.public_url} is neither"


def _pages() -> str | None:
    from web import DIST

    return None if (DIST / "index.html").is_file() else "run make web"


def _settings(config: Path | None, **flags: Any) -> Settings:
    with _told():
        return load_settings(config, **flags)


def _run(work: Coroutine[Any, Any, Any]) -> Any:
    with _told():
        return asyncio.run(work)


class _told(contextlib.AbstractContextManager[None]):
    """What a person can put right is told in one line."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(
            error, SettingsError | CannotStart | CatalogueError | KeyFolderError | StoreUnavailable
        ):
            _fail(" ".join(str(error).split()))
        if isinstance(error, OSError):
            _fail(f"{error.filename or ''}: {error.strerror or error}".removeprefix(": "))


def _fail(line: str) -> NoReturn:
    print(f"motesrum: {line}", file=sys.stderr)
    raise typer.Exit(UNUSABLE)


def main() -> None:
    app()


if __name__ == "__main__":
    main()
