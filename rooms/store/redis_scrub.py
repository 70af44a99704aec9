"""After an erasure: Redis writes its file anew, so that the destroyed key is no longer in it."""

import asyncio
import time

from rooms.store.base import StoreUnavailable
from rooms.store.redis_link import PAUSE, RedisLink
from rooms.store.redis_server import facts

PATIENCE = 30.0
"""Seconds for the file to be written anew."""
_LATER = "the key is destroyed, but not yet scrubbed from Redis's file: repeat the erasure"


async def scrub(link: RedisLink) -> None:
    """Files of replicas lose it when they are written anew the next time. Raises StoreUnavailable."""
    until = time.monotonic() + PATIENCE
    try:
        before, _ = await _written(link, 0, until)
        await link.order(["BGREWRITEAOF"])
        _, how = await _written(link, before + 1, until)
    except StoreUnavailable as error:
        raise StoreUnavailable(f"{_LATER} ({error})") from error
    if how != "ok":
        raise StoreUnavailable(_LATER)


async def _written(link: RedisLink, times: int, until: float) -> tuple[int, str]:
    """How often the file was written anew, at least so many `times`, and how it went last."""
    while True:
        [info] = await link.ask(["INFO", "ALL"])
        found = facts(info)
        idle = found.get("aof_rewrite_in_progress") == "0" == found.get("aof_rewrite_scheduled")
        if idle and int(found["aof_rewrites"]) >= times:
            return int(found["aof_rewrites"]), found["aof_last_bgrewrite_status"]
        if time.monotonic() > until:
            raise StoreUnavailable("Redis is still writing it")
        await asyncio.sleep(PAUSE)
