"""The store that the settings name."""

import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from config.kinds import secret_in
from config.redis import Redis
from config.settings import Settings
from rooms.store.base import Store
from rooms.store.redis import open_redis
from rooms.store.redis_server import RedisServer, Tls
from rooms.store.sqlite import open_sqlite

DATABASE = "motesrum.sqlite"
REDIS_KEY = "redis.key"
_REDIS_PORT = 6379


async def open_store(settings: Settings, clock: Callable[[], float] = time.time) -> Store:
    """Raises StoreUnavailable."""
    if settings.store == "sqlite":
        return await open_sqlite(database(settings), clock=clock)
    assert settings.redis is not None
    # Records expire by Redis's own time, which all nodes share; only a test has a clock of its own.
    shared = None if clock is time.time else clock
    return await open_redis(redis_server(settings.redis), redis_key(settings), clock=shared)


def database(settings: Settings) -> Path:
    return settings.data / DATABASE


def store_key(settings: Settings) -> Path:
    """The file with which the keys of content are wrapped."""
    return redis_key(settings) if settings.store == "redis" else database(settings).with_suffix(".key")


def redis_key(settings: Settings) -> Path:
    given = None if settings.redis is None else settings.redis.key_file
    return given or settings.data / REDIS_KEY


def redis_server(redis: Redis) -> RedisServer:
    parts = urlsplit(redis.url)
    assert parts.hostname is not None
    tls = Tls(redis.tls_ca, redis.tls_cert, redis.tls_key) if parts.scheme == "rediss" else None
    replicas = redis.replicas if redis.replicas is not None else int(bool(redis.sentinels))
    return RedisServer(
        host=parts.hostname,
        port=parts.port or _REDIS_PORT,
        db=int(parts.path.strip("/") or 0),
        username=redis.username,
        password=_secret(redis.password_file),
        tls=tls,
        sentinels=tuple(_address(each) for each in redis.sentinels),
        sentinel_username=redis.sentinel_username,
        sentinel_password=_secret(redis.sentinel_password_file),
        replicas=replicas,
        prefix=redis.prefix,
        timeout=redis.timeout,
    )


def _secret(path: Path | None) -> str | None:
    return None if path is None else secret_in(path)


def _address(written: str) -> tuple[str, int]:
    host, _, port = written.rpartition(":")
    return host.strip("[]"), int(port)
