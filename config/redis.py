"""The settings of Redis."""

import re
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, NonNegativeInt, model_validator

from config.kinds import ExistingFile, Frozen, Seconds, SecretFile


def _redis_url(value: str) -> str:
    """Without a password: what stands on a command line or in the environment is no secret."""
    parts = urlsplit(value)
    if parts.scheme not in {"redis", "rediss"} or not parts.hostname:
        raise ValueError("must be an address such as redis://redis.example.se:6379/0")
    if "@" in parts.netloc:
        raise ValueError("must not hold a user or password: set username and password_file")
    if not re.fullmatch(r"/?\d*", parts.path) or parts.query or parts.fragment:
        raise ValueError("must not have anything but a number behind the host and port")
    _ = parts.port  # raises ValueError
    return value


def _host_and_port(value: str) -> str:
    host, _, port = value.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError(f"must be host:port, not {value}")
    return value


class Redis(Frozen):
    """The Redis that several nodes share. `url`: `redis://host:port/db`, with TLS `rediss://`. With
    `sentinels` its host is the name under which they know the one that is written to. Passwords come from
    files."""

    url: Annotated[str, AfterValidator(_redis_url)]
    username: Annotated[str, Field(min_length=1)] | None = None
    password_file: SecretFile | None = None
    tls_ca: ExistingFile | None = None
    tls_cert: ExistingFile | None = None
    tls_key: ExistingFile | None = None
    sentinels: tuple[Annotated[str, AfterValidator(_host_and_port)], ...] = ()
    sentinel_username: Annotated[str, Field(min_length=1)] | None = None
    sentinel_password_file: SecretFile | None = None
    replicas: NonNegativeInt | None = None
    """So many replicas must have a write before it counts; without it none, with `sentinels` one."""
    prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")] = "motesrum"
    key_file: Path | None = None
    """What the keys of content are wrapped with, the same on every node; `redis.key` in the data folder."""
    timeout: Seconds = 2.0

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("tls_cert and tls_key belong together: set both or neither")
        if not self.url.startswith("rediss://") and (self.tls_ca or self.tls_cert):
            raise ValueError("tls_ca, tls_cert and tls_key go with a url that begins with rediss://")
        if self.username is not None and self.password_file is None:
            raise ValueError("username needs a password_file")
        return self
