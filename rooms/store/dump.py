"""All that a store holds at one moment, on its way into another store or into a file.

The rows come in this order: the service's chain, keys, records, and the events by stream and version. Fencing
tokens stay behind, and who acts for what: no node of the other store has taken a meeting.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from typing import Protocol

from rooms import audit
from rooms.store import keys

NODE, OWNER = "node", "owner"
OF_NODES = frozenset({NODE, OWNER})
"""Kinds of records: a node's sign of life, and which of them acts for a meeting."""
BATCH = 500
"""Rows that are written at once."""


class CopyRefused(Exception):
    """The message is one line that says why. The target is as it was, or marked as unfinished."""


@dataclass(frozen=True, slots=True)
class KeyRow:
    """`wrapped` is None where the key was destroyed."""

    stream: str
    owner: str
    wrapped: bytes | None


@dataclass(frozen=True, slots=True)
class RecordRow:
    kind: str
    key: str
    text: str
    version: int
    expires_at: float | None


Row = audit.Entry | KeyRow | RecordRow | audit.Link


@dataclass(frozen=True, slots=True)
class Dump:
    """`record_version` is the highest that was ever given; `vault` opens the keys of `rows`."""

    heads: audit.Heads
    record_version: int
    vault: keys.Vault
    rows: AsyncIterator[Row]


class Source(Protocol):
    def dump(self) -> AbstractAsyncContextManager[Dump]:
        """Of one moment, also while others write. Raises StoreUnavailable."""


class Loader(Protocol):
    vault: keys.Vault

    async def add(self, rows: Sequence[Row]) -> None: ...

    async def faults(self, heads: audit.Heads) -> Sequence[audit.Fault]:
        """What is wrong with all that was added."""


class Target(Protocol):
    def loading(self, heads: audit.Heads, record_version: int) -> AbstractAsyncContextManager[Loader]:
        """Into an empty store, which is used only when the block has ended well. Raises CopyRefused."""


async def copy(source: Source, target: Target) -> audit.Heads:
    """Everything, proven by the hash chains before it counts. Raises CopyRefused, StoreUnavailable."""
    async with (
        source.dump() as dump,
        target.loading(dump.heads, dump.record_version) as loader,
    ):
        batch: list[Row] = []
        async for row in dump.rows:
            if isinstance(row, RecordRow) and row.kind in OF_NODES:
                continue
            batch.append(_wrapped_anew(row, dump.vault, loader.vault))
            if len(batch) == BATCH:
                await loader.add(batch)
                batch = []
        await loader.add(batch)
        faults = await loader.faults(dump.heads)
        if faults:
            where = f"{faults[0].stream or 'the service'} at {faults[0].version}"
            raise CopyRefused(f"the log is not what was written: {where}: {faults[0].message}")
        return dump.heads


def _wrapped_anew(row: Row, before: keys.Vault, after: keys.Vault) -> Row:
    if not isinstance(row, KeyRow) or row.wrapped is None or before.fingerprint == after.fingerprint:
        return row
    key = before.unwrap(row.stream, row.owner, row.wrapped)
    return replace(row, wrapped=after.wrap(row.stream, row.owner, key))
