"""What the doctor looks at in the store."""

import asyncio
import secrets
import time
from collections.abc import Callable
from functools import cache

from config.redis import Redis
from config.settings import Settings
from rooms.store.base import Store, StoreUnavailable
from rooms.store.redis_link import RedisLink
from rooms.store.redis_server import facts
from signaling.doctor_address import addresses
from signaling.stores import database, open_store, redis_server

Check = tuple[str, Callable[[], str | None]]
Facts = dict[str, str]
CLOCK = 2.0
"""Seconds that the clocks of two machines may differ."""
PROBED = 86400.0
"""Seconds that a probe is kept for if it cannot be taken away: it is there also where the clock is wrong."""
FULL = 0.8
"""Of what Redis may use: beyond, it soon refuses every write."""


def checks(settings: Settings) -> list[Check]:
    if settings.store == "sqlite":
        path = database(settings)
        there: list[Check] = [(f"the database {path} can be used", lambda: _usable(settings))]
        return there if path.exists() else []
    assert settings.redis is not None
    where = redis_server(settings.redis).where
    asked = cache(lambda: asyncio.run(_facts(settings)))

    def look(at: Callable[[Facts, Settings], str | None]) -> Callable[[], str | None]:
        return lambda: None if (found := asked()) is None else at(found, settings)

    return [
        (f"Redis at {where} keeps what it is given", lambda: _usable(settings)),
        ("Redis writes no other file that would keep what is erased", look(_snapshots)),
        ("nobody else can enter Redis, or listen to it", lambda: _guarded(settings.redis)),
        ("Redis has room, and can write to its disk", look(_able)),
        ("Redis has the replicas that a write waits for", look(_replicas)),
        ("the clock is that of Redis", look(_clock)),
    ]


def _usable(settings: Settings) -> str | None:
    async def use() -> str | None:
        try:
            store = await open_store(settings)
        except StoreUnavailable as error:
            return str(error)
        try:
            return await _kept(store)
        except StoreUnavailable as error:
            return str(error)
        finally:
            await store.close()

    return asyncio.run(use())


async def _kept(store: Store) -> str | None:
    name = secrets.token_hex(8)
    await store.records.put_if_absent("probe", name, {"n": 1}, time.time() + PROBED)
    found = await store.records.get("probe", name)
    await store.records.delete("probe", name)
    return None if found is not None else "what was put into it is not there; is the clock right?"


async def _facts(settings: Settings) -> Facts | None:
    """What Redis tells of itself; None where it does not answer, which is told already."""
    assert settings.redis is not None
    link = RedisLink(redis_server(settings.redis))
    try:
        [info, config, now] = await link.ask(["INFO"], ["CONFIG", "GET", "save"], ["TIME"])
    except StoreUnavailable:
        return None
    finally:
        await link.close()
    return {**facts(info), "save": config[1].decode(), "time": now[0].decode()}


def _snapshots(found: Facts, _: Settings) -> str | None:
    return f'set save "" in redis.conf, instead of {found["save"]}' if found["save"] else None


def _guarded(redis: Redis | None) -> str | None:
    """Between programs of one machine there is nobody to listen."""
    assert redis is not None
    server = redis_server(redis)
    hosts = [host for host, _ in server.sentinels] or [server.host]
    away = [ip for host in hosts for ip in addresses(host) if not ip.is_loopback]
    if away and server.password is None:
        return "it lets in whoever reaches it: give it a user, and set username and password_file"
    if any(ip.is_global for ip in away) and server.tls is None:
        return "what is sent there can be read on the way: let Redis speak TLS, and write rediss://"
    return None


def _able(found: Facts, _: Settings) -> str | None:
    for name in ("aof_last_write_status", "aof_last_bgrewrite_status"):
        if found.get(name, "ok") != "ok":
            return f"it could not write ({name}): is its disk full?"
    most, used = int(found.get("maxmemory", 0)), int(found.get("used_memory", 0))
    if most and used > FULL * most:
        return f"{used / most:.0%} of its maxmemory are used: give it more, or it refuses to keep anything"
    return None


def _replicas(found: Facts, settings: Settings) -> str | None:
    assert settings.redis is not None
    wanted, there = redis_server(settings.redis).replicas, int(found.get("connected_slaves", 0))
    return None if there >= wanted else f"there are {there}, and every write waits for {wanted}"


def _clock(found: Facts, _: Settings) -> str | None:
    ahead = time.time() - int(found["time"])
    if abs(ahead) <= CLOCK:
        return None
    return f"this machine is {_long(abs(ahead))} {'ahead' if ahead > 0 else 'behind'}: keep the time with NTP"


def _long(seconds: float) -> str:
    for unit, size in (("days", 86400.0), ("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} seconds"
