"""What the commands share: their flags, the settings from them, and errors told in one line, exit code 2."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from config.catalogue import CatalogueError
from config.settings import Settings, SettingsError, load_settings
from rooms.store.base import Store, StoreUnavailable
from rooms.store.dump import CopyRefused
from signaling.errors import ServiceError
from signaling.keys import KeyFolderError
from signaling.serving import CannotStart

UNUSABLE = 2

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


def settings_of(config: Path | None, **flags: Any) -> Settings:
    with told():
        return load_settings(config, **flags)


def run(work: Coroutine[Any, Any, Any]) -> Any:
    with told():
        return asyncio.run(work)


@contextlib.asynccontextmanager
async def offline(settings: Settings) -> AsyncIterator[Store]:
    """The store of a data folder, also while a service uses it."""
    from signaling.stores import open_store

    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    store = await open_store(settings)
    try:
        yield store
    finally:
        await store.close()


class told(contextlib.AbstractContextManager[None]):
    """What a person can put right is told in one line."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(
            error,
            SettingsError
            | CannotStart
            | CatalogueError
            | CopyRefused
            | KeyFolderError
            | StoreUnavailable
            | ServiceError,
        ):
            fail(" ".join(str(error).split()))
        if isinstance(error, OSError):
            fail(f"{error.filename or ''}: {error.strerror or error}".removeprefix(": "))


def fail(line: str) -> NoReturn:
    print(f"motesrum: {line}", file=sys.stderr)
    raise typer.Exit(UNUSABLE)
