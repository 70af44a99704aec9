"""The meetings that other nodes act for, as the store tells of them: followed, never changed."""

import asyncio
from collections.abc import Callable, Iterable

import structlog

from rooms.meeting import Meeting, evolve, fold
from rooms.store.base import CorruptLog, EventStore, Recorded, SlowReader, StoreUnavailable, UnknownEvent

log = structlog.get_logger(__name__)

PREFIX = "meeting/"
AGAIN = 0.5


class Others:
    """`here`: does this node act for it? `changed` is told the new state of one that others act for."""

    def __init__(
        self, store: EventStore, here: Callable[[str], bool], changed: Callable[[Meeting], None]
    ) -> None:
        self._store = store
        self._here = here
        self._changed = changed
        self._states: dict[str, Meeting] = {}
        self._doubtful: set[str] = set()
        """Those whose state may not be the log's."""

    def state(self, meeting: str) -> Meeting | None:
        return self._states.get(meeting)

    def states(self) -> Iterable[Meeting]:
        return list(self._states.values())

    def put(self, state: Meeting) -> None:
        """As it was when this node let it go, or first saw it; those that are over are not kept in mind."""
        if state.ended:
            self._states.pop(state.id, None)
        else:
            self._states[state.id] = state

    def put_doubtful(self, state: Meeting) -> None:
        """One that this node has lost: others may have added to its log, and what was restricted while the
        store was away is not in it."""
        self.put(state)
        self._doubtful.add(state.id)

    def drop(self, meeting: str) -> None:
        self._states.pop(meeting, None)
        self._doubtful.discard(meeting)

    async def read(self, meeting: str) -> Meeting | None:
        """As it is in the store now. Raises StoreUnavailable, UnknownEvent, CorruptLog."""
        return fold(each.event for each in await self._store.read(PREFIX + meeting))

    async def read_all(self) -> None:
        """Raises StoreUnavailable."""
        for stream in await self._store.streams(PREFIX):
            meeting = stream.removeprefix(PREFIX)
            if not self._here(meeting):
                await self._read_again(meeting)

    async def look_again(self) -> None:
        """At what is in doubt."""
        for meeting in list(self._doubtful):
            try:
                await self._read_again(meeting)
            except StoreUnavailable as error:
                log.info("a meeting of another node stays in doubt", meeting=meeting, why=str(error))
                return

    async def follow(self) -> None:
        while True:
            try:
                async with self._store.subscribe(PREFIX) as feed:
                    await self.read_all()
                    async for recorded in feed:
                        await self._heard(recorded)
            except (SlowReader, UnknownEvent, CorruptLog, StoreUnavailable) as error:
                log.info("what other nodes do is read anew", why=str(error))
            except Exception:
                log.exception("what other nodes do is read anew")
            await asyncio.sleep(AGAIN)

    async def _heard(self, recorded: Recorded) -> None:
        meeting = recorded.stream.removeprefix(PREFIX)
        if self._here(meeting):
            return
        known = self._states.get(meeting)
        if meeting in self._doubtful:
            await self._read_again(meeting)
            return
        if (0 if known is None else known.version) + 1 != recorded.version:
            if known is None or known.version < recorded.version:
                await self._read_again(meeting)
            return
        self._tell(evolve(known, recorded.event))

    async def _read_again(self, meeting: str) -> None:
        try:
            state = await self.read(meeting)
        except StoreUnavailable:
            raise
        except (UnknownEvent, CorruptLog) as error:
            log.error("a meeting cannot be read", meeting=meeting, error=str(error))
            self._doubtful.discard(meeting)
            return
        except Exception:
            log.exception("a meeting cannot be read", meeting=meeting)
            self._doubtful.discard(meeting)
            return
        if state is not None and not self._here(meeting):
            self._tell(state)

    def _tell(self, state: Meeting) -> None:
        self._doubtful.discard(state.id)
        self.put(state)
        self._changed(state)
