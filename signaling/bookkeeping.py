"""Books the interpreting of meetings that are over, each agency's part in its own stream.

What is to be there follows from the meeting's log, so booking may be repeated, and may be broken off, without
anything being booked twice. The erasure of a meeting's content leaves what is booked.
"""

from collections.abc import Iterable

from rooms.ledger import unbooked, worked
from rooms.ledger_events import InterpretingBooked
from rooms.store.base import (
    CorruptLog,
    Recorded,
    Store,
    StoreUnavailable,
    UnknownEvent,
    VersionConflict,
)
from signaling.errors import ServiceUnavailable

PREFIX = "agency/"
KIND = "booked"
"""Records: meeting → how many of its events are in the books."""
ATTEMPTS = 20


class Bookkeeper:
    def __init__(self, store: Store) -> None:
        self._store = store

    async def settle(self, meeting: str) -> None:
        """Brings the books in line with the meeting's log. Raises `ServiceUnavailable`."""
        try:
            await self._settle(meeting)
        except StoreUnavailable as error:
            raise ServiceUnavailable("store_unavailable", str(error)) from error
        except (UnknownEvent, CorruptLog) as error:
            raise ServiceUnavailable("meeting_unreadable", "the log cannot be read") from error

    async def of_agency(self, agency: str) -> list[InterpretingBooked]:
        """Raises `ServiceUnavailable`."""
        try:
            return _booked(await self._store.events.read(PREFIX + agency))
        except (StoreUnavailable, UnknownEvent, CorruptLog) as error:
            raise ServiceUnavailable("ledger_unreadable", "the ledger cannot be read") from error

    async def agencies(self) -> list[str]:
        """Those that have something in the books. Raises `ServiceUnavailable`."""
        try:
            found = await self._store.events.streams(PREFIX)
        except StoreUnavailable as error:
            raise ServiceUnavailable("store_unavailable", str(error)) from error
        return [stream.removeprefix(PREFIX) for stream in found]

    async def _settle(self, meeting: str) -> None:
        log = await self._store.events.read(f"meeting/{meeting}")
        mark = await self._store.records.get(KIND, meeting)
        if not log or (mark is not None and mark.value["events"] == len(log)):
            return
        wanted = worked(each.event for each in log)
        already = [] if mark is None else mark.value["agencies"]
        agencies = sorted({*already, *(each.agency for each in wanted)})
        for agency in agencies:
            await self._book(agency, meeting, [each for each in wanted if each.agency == agency])
        value = {"events": len(log), "agencies": agencies}
        if mark is None:
            await self._store.records.put_if_absent(KIND, meeting, value)
        else:
            await self._store.records.compare_and_set(KIND, meeting, mark.version, value)

    async def _book(self, agency: str, meeting: str, wanted: list[InterpretingBooked]) -> None:
        stream = PREFIX + agency
        for _ in range(ATTEMPTS):
            recorded = await self._store.events.read(stream)
            booked = [each for each in _booked(recorded) if each.meeting == meeting]
            changes = unbooked(wanted, booked)
            if not changes:
                return
            try:
                await self._store.events.append(stream, len(recorded), changes)
            except VersionConflict:
                continue
            return
        raise StoreUnavailable(f"{stream} changes all the time")


def _booked(recorded: Iterable[Recorded]) -> list[InterpretingBooked]:
    return [each.event for each in recorded if isinstance(each.event, InterpretingBooked)]
