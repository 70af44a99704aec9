"""Where Redis is, and what this store demands of it."""

import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redis.asyncio.connection import Connection, ConnectionPool, SSLConnection
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool
from redis.backoff import NoBackoff

from rooms.store.base import StoreUnavailable

OLDEST = (7, 0)
"""Of Redis; what is used here is in this version."""


@dataclass(frozen=True, slots=True)
class Tls:
    """`ca`: whom to believe, else what the system does. `certificate` and `key`: who we are, if asked."""

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


@dataclass(frozen=True, slots=True)
class RedisServer:
    """`replicas`: so many must have a write before it counts. With `sentinels`, `host` is the name under
    which they know the one that is written to, and `port` is not used."""

    host: str = "127.0.0.1"
    port: int = 6379
    db: int = 0
    username: str | None = None
    password: str | None = None
    tls: Tls | None = None
    sentinels: tuple[tuple[str, int], ...] = ()
    sentinel_username: str | None = None
    sentinel_password: str | None = None
    replicas: int = 0
    prefix: str = "motesrum"
    timeout: float = 2.0

    @property
    def where(self) -> str:
        """For messages."""
        return f"{self.host}, found by Sentinel" if self.sentinels else f"{self.host}:{self.port}"


def make_pool(server: RedisServer, reading: float | None = None) -> ConnectionPool:
    """`reading`: seconds to wait for an answer. Nothing is repeated here: who calls knows what may be."""
    common: dict[str, Any] = {
        "db": server.db,
        "username": server.username,
        "password": server.password,
        "protocol": 2,
        "socket_timeout": reading or server.timeout,
        "socket_connect_timeout": server.timeout,
        "retry": Retry(NoBackoff(), 0),
        **_tls(server),
    }
    if not server.sentinels:
        kind = Connection if server.tls is None else SSLConnection
        return ConnectionPool(kind, host=server.host, port=server.port, **common)
    asking = {
        "username": server.sentinel_username,
        "password": server.sentinel_password,
        "socket_timeout": server.timeout,
        "socket_connect_timeout": server.timeout,
        "retry": Retry(NoBackoff(), 0),
        **({"ssl": True, **_tls(server)} if server.tls is not None else {}),
    }
    sentinel = Sentinel(list(server.sentinels), sentinel_kwargs=asking)  # type: ignore[no-untyped-call]
    return SentinelConnectionPool(  # type: ignore[no-untyped-call]
        server.host, sentinel, ssl=server.tls is not None, **common
    )


def _tls(server: RedisServer) -> dict[str, Any]:
    if server.tls is None:
        return {}
    given = {
        "ssl_ca_certs": server.tls.ca,
        "ssl_certfile": server.tls.certificate,
        "ssl_keyfile": server.tls.key,
    }
    return {
        "ssl_min_version": ssl.TLSVersion.TLSv1_2,
        **{name: str(path) for name, path in given.items() if path is not None},
    }


def facts(info: bytes) -> dict[str, str]:
    """The lines of INFO."""
    lines = (line.partition(":") for line in info.decode(errors="replace").splitlines())
    return {name: value for name, colon, value in lines if colon}


def demand_durable(info: Mapping[str, str], config: Sequence[bytes]) -> None:
    """Raises StoreUnavailable unless Redis writes to disk before it answers, and forgets nothing."""
    found = info.get("redis_version", "")
    if tuple(int(part) for part in found.split(".")[:2] if part.isdigit()) < OLDEST:
        raise StoreUnavailable(f"Redis is of version {found or 'unknown'}; at least 7.0 is needed")
    if info.get("role") != "master":
        raise StoreUnavailable("this Redis is a replica, which cannot be written to")
    given = {name.decode(): value.decode() for name, value in zip(config[::2], config[1::2], strict=True)}
    for name, wanted in WANTED.items():
        if given.get(name) != wanted:
            raise StoreUnavailable(f"Redis must have {name} {wanted}, and it has {given.get(name)}")


WANTED = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction"}
"""Settings without which something that was acknowledged could be lost."""
