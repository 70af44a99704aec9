"""What every store offers: streams of events, and small records. All stores keep the same promises.

Stream names are `meeting/m_…`, `person/…`, `site/…`, `agency/…`; versions count from 1 in each stream.
Instants are seconds since the Unix epoch, UTC.
"""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from rooms.audit import Fault, Heads
from rooms.events import Event

KEY_LENGTH = 512
"""Characters in the key of a record, at most."""
_STREAM = re.compile(r"[a-z]+/[A-Za-z0-9._:-]{1,200}")


@dataclass(frozen=True, slots=True)
class Recorded:
    stream: str
    version: int
    event: Event


@dataclass(frozen=True, slots=True)
class Record:
    """`version` changes with every write and is never used twice, not even after a deletion."""

    value: Mapping[str, Any]
    version: int
    expires_at: float | None = None


class VersionConflict(Exception):
    """Somebody else has appended: the stream does not stand at the expected version. Nothing was written."""

    def __init__(self, stream: str, expected: int, actual: int) -> None:
        super().__init__(f"{stream} stands at version {actual}, not at {expected}")
        self.stream = stream
        self.expected = expected
        self.actual = actual


class StoreUnavailable(Exception):
    """The store cannot be read or written now: closed, locked, full, broken, or of a newer program."""


class UnknownEvent(Exception):
    """A stored type or version that this program does not know; a stream that holds one cannot be taken."""


class CorruptLog(Exception):
    """Stored bytes are not what was written, or cannot be read."""


class Unstorable(ValueError):
    """An event or value that would not come back from the store as it went in. Nothing was written."""


class ContentErased(Exception):
    """Content of an owner whose key in this stream is destroyed is not written again. Nothing was written."""


class Fenced(Exception):
    """Somebody with a higher fencing token has written: the stream is theirs now. Nothing was written."""


class SlowReader(Exception):
    """A subscriber fell behind and has missed events; it must read the streams again."""


class EventStore(Protocol):
    async def append(
        self, stream: str, expected_version: int, events: Sequence[Event], *, fence: int = 0
    ) -> int:
        """Adds all events or none, durably before it returns; the new version.

        `fence`: the writer's fencing token; once it has written to the stream, lower ones are refused.
        Raises Fenced, VersionConflict, Unstorable, ContentErased, StoreUnavailable. After the last one, and
        for a caller that is cancelled while it waits, the events may have been written or not.
        """

    async def read(self, stream: str, after: int = 0) -> Sequence[Recorded]:
        """Everything above version `after`, in order; empty for a stream that does not exist.

        Content that was erased comes back blank. Raises UnknownEvent, CorruptLog, StoreUnavailable.
        """

    async def streams(self, prefix: str) -> Sequence[str]:
        """The names of the streams that begin with `prefix`, sorted."""

    def subscribe(self, prefix: str) -> AbstractAsyncContextManager[AsyncIterator[Recorded]]:
        """What is appended after entering, in order, by this process or another one that shares the store.

        Bounded: a reader that falls behind gets SlowReader. The iterator ends when the store is closed.
        """

    async def erase(self, stream: str, owner: str) -> None:
        """Destroys the key of `owner`'s content in the stream and scrubs it from the files; may be repeated.

        Raises LookupError for a stream without events; StoreUnavailable also when the key is destroyed but
        traces of it could not be scrubbed yet (repeat it).
        """

    async def verify(self, exported: Heads | None = None) -> Sequence[Fault]:
        """Checks every hash chain; with heads exported earlier, also against truncation and rollback."""

    async def heads(self) -> Heads:
        """The ends of all chains now."""


class Records(Protocol):
    """Small JSON values by kind and key: links, token ids, sessions, leases, idempotency.

    An expired record (`expires_at` ≤ now) is as good as absent. None means that it does not expire.
    """

    async def put_if_absent(
        self, kind: str, key: str, value: Mapping[str, Any], expires_at: float | None = None
    ) -> bool:
        """True for exactly one of all who put the same key at once. Raises Unstorable, StoreUnavailable."""

    async def get(self, kind: str, key: str) -> Record | None: ...

    async def compare_and_set(
        self, kind: str, key: str, version: int, value: Mapping[str, Any], expires_at: float | None = None
    ) -> bool:
        """Replaces value and expiry if the record still has `version`."""

    async def delete(self, kind: str, key: str) -> bool:
        """False if there was none."""

    async def scan(self, kind: str, prefix: str = "") -> Sequence[tuple[str, Record]]:
        """The records whose key begins with `prefix`, by key."""

    async def sweep(self, now: float) -> int:
        """Drops what has expired at `now`; how many."""


class Store(Protocol):
    @property
    def events(self) -> EventStore: ...

    @property
    def records(self) -> Records: ...

    async def close(self) -> None:
        """Idempotent. Afterwards every call raises StoreUnavailable and no thread is left."""


def is_stream_name(stream: str) -> bool:
    return _STREAM.fullmatch(stream) is not None


def check_stream_name(stream: str) -> str:
    """Raises ValueError for a name that no stream can have."""
    if not is_stream_name(stream):
        raise ValueError(f"not a stream name: {stream!r}")
    return stream


def storable_key(key: str) -> bool:
    """Can a record have this key? Whatever arrives from outside may be asked for."""
    return (
        0 < len(key) <= KEY_LENGTH and "\x00" not in key and not any("\ud800" <= c <= "\udfff" for c in key)
    )
