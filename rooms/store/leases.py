"""Who acts for what: a lease on a name, held by one node at a time, with a fencing token.

A token is higher than all that were given before it. A holder that was paused, and does not know that its
lease is over, cannot write any more once the next holder has: `EventStore.append` refuses its lower token.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rooms.store.base import Record, Records

KIND = "lease"


@dataclass(frozen=True, slots=True)
class Lease:
    """`fence` stays the same while the lease is renewed. `version`: of the record."""

    name: str
    node: str
    fence: int
    expires_at: float
    version: int

    def holds(self, now: float, margin: float = 0.0) -> bool:
        """Is it safe to act for another `margin` seconds?"""
        return now + margin < self.expires_at


class Leases:
    """Of one node, whose name no other process has, nor the same one before it was started again.

    All calls raise StoreUnavailable; whether a lease was taken then is found out by taking it again.
    """

    def __init__(self, records: Records, node: str, lifetime: float, clock: Callable[[], float]) -> None:
        self._records = records
        self._node = node
        self._lifetime = lifetime
        self._clock = clock

    async def take(self, name: str) -> Lease | None:
        """None while another node holds it. Counted from before the store is asked, so never too long."""
        until = self._clock() + self._lifetime
        await self._records.put_if_absent(KIND, name, {"node": self._node}, until)
        held = await self._held(name)
        return held if held is not None and held.node == self._node else None

    async def renew(self, lease: Lease) -> Lease | None:
        """None when it is lost: another may hold it already, and nothing may be done in its name any more."""
        until = self._clock() + self._lifetime
        value = {"node": self._node, "fence": lease.fence}
        if await self._records.compare_and_set(KIND, lease.name, lease.version, value, until):
            held = await self._held(lease.name)
            return held if held is not None and held.fence == lease.fence else None
        # An answer that was lost has left a newer version that is ours as well.
        held = await self._held(lease.name)
        if held is None or held.fence != lease.fence or held.version == lease.version:
            return None
        return await self.renew(held)

    async def release(self, lease: Lease) -> None:
        """So that another may take it at once; nothing if it is lost already."""
        value = {"node": self._node, "fence": lease.fence}
        await self._records.compare_and_set(KIND, lease.name, lease.version, value, self._clock())

    async def holder(self, name: str) -> str | None:
        held = await self._held(name)
        return None if held is None else held.node

    async def _held(self, name: str) -> Lease | None:
        record = await self._records.get(KIND, name)
        return None if record is None else _lease(name, record)


def _lease(name: str, record: Record) -> Lease:
    value: Mapping[str, Any] = record.value
    fence = int(value.get("fence", record.version))
    assert record.expires_at is not None
    return Lease(name, str(value["node"]), fence, record.expires_at, record.version)
