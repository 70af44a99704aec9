"""The records of the Redis store."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rooms.store.base import Record, StoreUnavailable, storable_key
from rooms.store.codec import encode_record
from rooms.store.redis_link import Command, RedisLink, Script
from rooms.store.redis_names import Names, beginning_with, read_record
from rooms.store.redis_scripts import DELETE, PUT, REPLACE, SWEEP

_SWEPT_AT_ONCE = 1000
LOADING = "a copy into this Redis was broken off: repeat it"


class RedisRecords:
    """Without a `clock`, instants are judged by Redis's own, which all nodes share."""

    def __init__(self, link: RedisLink, names: Names, clock: Callable[[], float] | None) -> None:
        self._link = link
        self._names = names
        self._clock = clock

    async def put_if_absent(
        self, kind: str, key: str, value: Mapping[str, Any], expires_at: float | None = None
    ) -> bool:
        text = encode_record(key, value, expires_at)
        return await self._change(PUT, kind, key, text, _written(expires_at))

    async def get(self, kind: str, key: str) -> Record | None:
        if not storable_key(key):
            return None
        held, at = await self._asked(["HGET", self._names.records(kind), key])
        return None if held is None else _alive(read_record(held), at)

    async def compare_and_set(
        self, kind: str, key: str, version: int, value: Mapping[str, Any], expires_at: float | None = None
    ) -> bool:
        text = encode_record(key, value, expires_at)
        return await self._change(REPLACE, kind, key, text, _written(expires_at), str(version))

    async def delete(self, kind: str, key: str) -> bool:
        return storable_key(key) and await self._change(DELETE, kind, key)

    async def scan(self, kind: str, prefix: str = "") -> Sequence[tuple[str, Record]]:
        found, _ = await self._asked(["ZRANGEBYLEX", self._names.known(kind), *beginning_with(prefix)])
        if not found:
            return []
        held, at = await self._asked(["HMGET", self._names.records(kind), *found])
        read = [(key.decode(), read_record(value)) for key, value in zip(found, held, strict=True) if value]
        return [(key, record) for key, record in read if _alive(record, at) is not None]

    async def sweep(self, now: float) -> int:
        keys = [self._names.meta, self._names.expiry]
        swept = 0
        while True:
            args: Command = [repr(now), self._names.prefix, _SWEPT_AT_ONCE]
            gone = _counted(await self._link.change(SWEEP, keys, args))
            swept += gone
            if gone < _SWEPT_AT_ONCE:
                return swept

    async def now(self) -> float:
        """By which records expire. Raises StoreUnavailable."""
        if self._clock is not None:
            return self._clock()
        return _instant(*(await self._link.ask(["TIME"])))

    async def _asked(self, command: Sequence[bytes | str | int]) -> tuple[Any, float]:
        """The answer, and what time it is."""
        if self._clock is not None:
            return (await self._link.ask(command))[0], self._clock()
        answer, time = await self._link.ask(command, ["TIME"])
        return answer, _instant(time)

    async def _change(self, script: Script, kind: str, key: str, *more: str) -> bool:
        names = self._names
        keys = [names.meta, names.kinds, names.records(kind), names.known(kind), names.expiry]
        now = "" if self._clock is None else repr(float(self._clock()))
        return _counted(await self._link.change(script, keys, [key, now, kind, *more])) == 1


def _counted(answer: int) -> int:
    if answer < 0:
        raise StoreUnavailable(LOADING)
    return answer


def _instant(time: Sequence[bytes]) -> float:
    seconds, microseconds = time
    return int(seconds) + int(microseconds) / 1e6


def _written(expires_at: float | None) -> str:
    return "-" if expires_at is None else repr(float(expires_at))


def _alive(record: Record, at: float) -> Record | None:
    return record if at < (math.inf if record.expires_at is None else record.expires_at) else None
