"""The chains as Redis holds them, for checking and for copying."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rooms import audit
from rooms.store.codec import content_owner
from rooms.store.redis_feed import keys_of
from rooms.store.redis_link import Command, RedisLink
from rooms.store.redis_names import Names, pairs, read_entry, read_link, service_head, standing


@dataclass(frozen=True, slots=True)
class View:
    """Of one moment. `keys`: stream → owner → wrapped key, None where it was destroyed. `records`: by kind
    and key, as Redis keeps them."""

    heads: audit.Heads
    entries: Sequence[audit.Entry]
    keys: Mapping[str, Mapping[str, bytes | None]]
    records: Mapping[str, Mapping[bytes, bytes]]
    record_version: int


class RedisBooks:
    def __init__(self, link: RedisLink, names: Names) -> None:
        self._link = link
        self._names = names

    async def heads(self) -> audit.Heads:
        ends, service = await self._link.together(*self._ends())
        return _heads(ends, service)

    async def verify(self, exported: audit.Heads | None) -> list[audit.Fault]:
        """What is appended meanwhile is left out."""
        view = await self.view()
        links = [
            (one, content_owner(one))
            for stream in sorted({*view.heads.streams, *await self.held()})
            async for one in self.links(stream, view)
        ]
        there = {
            (stream, owner): wrapped is not None
            for stream, owned in view.keys.items()
            for owner, wrapped in owned.items()
        }
        return audit.check(links, audit.Books(view.heads, view.entries, there), exported)

    async def held(self) -> list[str]:
        """The streams of which there is anything, on the list or not."""
        found: set[str] = set()
        for name in (self._names.events(""), self._names.keys("")):
            cursor = b"0"
            while True:
                [(cursor, some)] = await self._link.ask(["SCAN", cursor, "MATCH", f"{name}*", "COUNT", 1000])
                found |= {each.decode().removeprefix(name) for each in some}
                if cursor == b"0":
                    break
        return sorted(found)

    async def view(self) -> View:
        """What is asked for is known only when it is seen; so it is asked for until nothing is missing."""
        streams, kinds = set(await self.held()), set[str]()
        while True:
            view, known = await self._view(sorted(streams), sorted(kinds))
            if streams >= view.heads.streams.keys() and kinds >= known:
                return view
            streams |= view.heads.streams.keys()
            kinds |= known

    async def _view(self, streams: Sequence[str], kinds: Sequence[str]) -> tuple[View, set[str]]:
        names = self._names
        ends, service, rows, known, version, *rest = await self._link.together(
            *self._ends(),
            ["XRANGE", names.entries, "-", "+"],
            ["SMEMBERS", names.kinds],
            ["HGET", names.meta, "record_version"],
            *(["HGETALL", names.keys(stream)] for stream in streams),
            *(["HGETALL", names.records(kind)] for kind in kinds),
        )
        keys = {stream: keys_of(flat) for stream, flat in zip(streams, rest, strict=False)}
        records = {kind: pairs(flat) for kind, flat in zip(kinds, rest[len(streams) :], strict=True)}
        entries = [read_entry(row) for row in rows]
        view = View(_heads(ends, service), entries, keys, records, int(version or 0))
        return view, {kind.decode() for kind in known}

    async def links(self, stream: str, view: View) -> AsyncIterator[audit.Link]:
        """As they were at the moment of the view; all of them where the stream does not end as it says."""
        rows, now = await self._link.together(
            ["XRANGE", self._names.events(stream), "-", "+"], ["HGET", self._names.heads, stream]
        )
        links = [read_link(stream, row) for row in rows]
        seen = view.heads.streams.get(stream, audit.NOTHING).version
        end = standing(now).head
        regular = bool(links) and (links[-1].version, links[-1].hash) == (end.version, end.hash)
        for one in links:
            if not regular or one.version <= seen:
                yield one

    def _ends(self) -> list[Command]:
        names = self._names
        return [["HGETALL", names.heads], ["HMGET", names.meta, "service_version", "service_hash"]]


def _heads(ends: Sequence[bytes], service: Any) -> audit.Heads:
    streams = {stream.decode(): standing(value).head for stream, value in pairs(ends).items()}
    return audit.Heads(service_head(service), streams)
