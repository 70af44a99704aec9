"""What the doctor looks at in the store."""

import asyncio
import secrets
import time
from collections.abc import Callable

from config.settings import Settings
from rooms.store.base import Store, StoreUnavailable
from rooms.store.redis_link import RedisLink
from rooms.store.redis_server import facts
from signaling.stores import database, open_store, redis_server

Check = tuple[str, Callable[[], str | None]]
CLOCK = 2.0
"""Seconds that the clocks of two machines may differ."""


def checks(settings: Settings) -> list[Check]:
    if settings.store == "sqlite":
        path = database(settings)
        there: list[Check] = [(f"the database {path} can be used", lambda: _usable(settings))]
        return there if path.exists() else []
    assert settings.redis is not None
    where = redis_server(settings.redis).where
    return [
        (f"Redis at {where} keeps what it is given", lambda: _usable(settings)),
        (
            "Redis writes no other file that would keep what is erased",
            lambda: _of_redis(settings, _snapshots),
        ),
        ("Redis has the replicas that a write waits for", lambda: _of_redis(settings, _replicas)),
        ("the clock is that of Redis", lambda: _of_redis(settings, _clock)),
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
    await store.records.put_if_absent("probe", name, {"n": 1}, time.time() + 60)
    found = await store.records.get("probe", name)
    await store.records.delete("probe", name)
    return None if found is not None else "what was put into it is not there"


def _of_redis(settings: Settings, look: Callable[[dict[str, str], Settings], str | None]) -> str | None:
    """Nothing, where it does not answer: that is told already."""

    async def ask() -> str | None:
        assert settings.redis is not None
        link = RedisLink(redis_server(settings.redis))
        try:
            [info, config, now] = await link.ask(["INFO"], ["CONFIG", "GET", "save"], ["TIME"])
        except StoreUnavailable:
            return None
        finally:
            await link.close()
        asked = {"save": config[1].decode(), "time": now[0].decode()}
        return look({**facts(info), **asked}, settings)

    return asyncio.run(ask())


def _snapshots(found: dict[str, str], _: Settings) -> str | None:
    return f'set save "" in redis.conf, instead of {found["save"]}' if found["save"] else None


def _replicas(found: dict[str, str], settings: Settings) -> str | None:
    assert settings.redis is not None
    wanted, there = redis_server(settings.redis).replicas, int(found.get("connected_slaves", 0))
    return None if there >= wanted else f"there are {there}, and every write waits for {wanted}"


def _clock(found: dict[str, str], _: Settings) -> str | None:
    ahead = time.time() - int(found["time"])
    if abs(ahead) <= CLOCK:
        return None
    return f"this machine is {abs(ahead):.0f} s {'ahead' if ahead > 0 else 'behind'}: keep the time with NTP"
