"""What a media worker says of itself when it greets: its rooms, and what is in each of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rooms.policy import Audience

Entry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class RoomDump:
    """One room. The entries are the worker's: transports `{id, owner, direction, …}`, producers
    `{id, transport, kind, source, …}`, consumers `{id, transport, producer, kind, rtpParameters, …}`."""

    id: str
    revision: int
    allow: Audience
    transports: tuple[Entry, ...] = ()
    producers: tuple[Entry, ...] = ()
    consumers: tuple[Entry, ...] = ()


def rooms_of(dump: Mapping[str, list[Entry]]) -> list[RoomDump]:
    """KeyError for a dump that is none."""
    return [
        RoomDump(
            room["id"],
            room["revision"],
            {
                listener: {owner: tuple(sources) for owner, sources in heard.items()}
                for listener, heard in room["allow"].items()
            },
            *(tuple(e for e in dump[kind] if e["room"] == room["id"]) for kind in _KINDS),
        )
        for room in dump["rooms"]
    ]


_KINDS = ("transports", "producers", "consumers")
