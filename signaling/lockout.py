"""Whoever fails too often waits, longer each time: passwords, pairing codes, one-time codes, assertions."""

from collections.abc import Awaitable, Callable, Container
from dataclasses import dataclass
from typing import TypeVar

from rooms.store.base import Records
from signaling.codes import digest
from signaling.errors import ServiceError

T = TypeVar("T")


class LockedOut(ServiceError):
    """Too many failures; `wait`: seconds."""

    def __init__(self, code: str, wait: float) -> None:
        super().__init__(code, "too many failures; wait a while")
        self.wait = wait


@dataclass(frozen=True, slots=True)
class Lockout:
    """The last of `free` failures brings a lock of `first` seconds, doubled with each further one up to
    `longest`. They are forgotten when none has come for twice as long. Kept in the store, so that a restart
    helps nobody. `code`: what a refusal is called."""

    records: Records
    clock: Callable[[], float]
    kind: str
    code: str = "too_many_failures"
    free: int = 5
    first: float = 60.0
    longest: float = 3600.0

    async def demand_open(self, name: str) -> None:
        """Raises LockedOut."""
        wait = await self.wait(name)
        if wait > 0:
            raise LockedOut(self.code, wait)

    async def wait(self, name: str) -> float:
        """Seconds for which the name is locked."""
        record = await self.records.get(self.kind, digest(name))
        return 0.0 if record is None else max(0.0, record.value["until"] - self.clock())

    async def failed(self, name: str) -> None:
        key = digest(name)
        while True:
            record = await self.records.get(self.kind, key)
            count = 1 if record is None else record.value["count"] + 1
            over = count - self.free
            lock = 0.0 if over < 0 else min(self.first * 2 ** min(over, 30), self.longest)
            now = self.clock()
            value, expires_at = {"count": count, "until": now + lock}, now + 2 * self.longest
            if record is None:
                if await self.records.put_if_absent(self.kind, key, value, expires_at):
                    return
            elif await self.records.compare_and_set(self.kind, key, record.version, value, expires_at):
                return

    async def count(self, name: str, wrong: Container[str], guess: Awaitable[T]) -> T:
        """What the guess gives. After too many that were wrong (`wrong`: their codes), a further wrong one is
        not even told so, while what is right goes on working: nobody can lock others out, who may share an
        address with them. Raises LockedOut, and what the guess raises."""
        try:
            return await guess
        except ServiceError as error:
            if error.code in wrong:
                await self.demand_open(name)
                await self.failed(name)
            raise

    async def forgive(self, name: str) -> None:
        await self.records.delete(self.kind, digest(name))
