"""What is recorded of one meeting: its log, folded, and over it what was restricted without the store."""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import replace

import structlog

from rooms import commands as cmd
from rooms import events as ev
from rooms.decide import decide
from rooms.errors import Rejected
from rooms.history import told
from rooms.meeting import Meeting, evolve
from rooms.store.base import (
    CorruptLog,
    EventStore,
    Recorded,
    StoreUnavailable,
    UnknownEvent,
    VersionConflict,
)
from signaling.errors import ServiceUnavailable
from signaling.restrictions import Kept, Restriction, Restrictions

log = structlog.get_logger(__name__)

Heard = dict[str, list[tuple[int, ev.Event]]]
"""Participant → what they are told, numbered."""


class Record:
    """`state` is ahead of the log by what is `unstored`. Its calls must not overlap."""

    def __init__(self, meeting: str, store: EventStore, restrictions: Restrictions, fence: int) -> None:
        """`fence`: the token with which this node writes."""
        self.state: Meeting | None = None
        self.unstored: list[ev.Event] = []
        self._meeting = meeting
        self._store = store
        self._restrictions = restrictions
        self._fence = fence
        self._stream = f"meeting/{meeting}"
        self._stored = 0
        self._numbers: dict[str, int] = {}

    @property
    def owes(self) -> bool:
        """Something is in the file of restrictions: the store lacks it, or has it and the file may go."""
        return bool(self.unstored or self._restrictions.of(self._meeting))

    def told(self, participant: str) -> int:
        """The number of the last event that the participant was told of."""
        return self._numbers.get(participant, 0)

    async def load(self) -> None:
        """Raises `ServiceUnavailable` store_unavailable, or meeting_unreadable (the log is broken, or of a
        newer program)."""
        try:
            recorded = await self._store.read(self._stream)
        except StoreUnavailable as error:
            raise ServiceUnavailable("store_unavailable", "the meeting cannot be read now") from error
        except (UnknownEvent, CorruptLog) as error:
            log.error("a meeting cannot be taken", meeting=self._meeting, error=str(error))
            raise ServiceUnavailable("meeting_unreadable", "the meeting cannot be read") from error
        self._stored = len(recorded)
        self.unstored = []
        self._numbers = {}
        self.state = None
        for event in (r.event for r in recorded):
            self._advance(event)
        self._replay(recorded)

    async def append(self, events: Sequence[ev.Event], command: cmd.Command) -> bool:
        """They are durable (a restriction's even if only the file can be written), and `advance` is due.

        False when somebody else has written: load, and decide again.

        Raises `Fenced`, or `ServiceUnavailable` store_unavailable: nothing is recorded.
        """
        pending = [*self.unstored, *events]
        try:
            await self._write(pending)
        except VersionConflict:
            return False
        except StoreUnavailable as error:
            log.error("the store does not answer", meeting=self._meeting, error=str(error))
            version = self._stored + len(self.unstored)
            kept = isinstance(command, Restriction) and await self._kept(
                Kept(self._meeting, events[-1].at, command, version)
            )
            if not kept:
                raise ServiceUnavailable(
                    "store_unavailable", "nothing can be saved now; try again"
                ) from error
            self.unstored = pending
        return True

    async def settle(self) -> None:
        """The store gets what only the file has, and the file is done with it.

        Raises `VersionConflict`, `Fenced`, `StoreUnavailable`, or `OSError` for the file.
        """
        if self.unstored:
            await self._write(self.unstored)
        await asyncio.to_thread(self._restrictions.drop, self._meeting)

    def advance(self, events: Sequence[ev.Event]) -> Heard:
        """Folds what has been appended."""
        heard: Heard = {}
        for event in events:
            for participant, narrowed in self._advance(event).items():
                heard.setdefault(participant, []).append((self._numbers[participant], narrowed))
        return heard

    async def _write(self, events: Sequence[ev.Event]) -> None:
        self._stored = await self._store.append(self._stream, self._stored, events, fence=self._fence)
        self.unstored = []

    async def _kept(self, kept: Kept) -> bool:
        try:
            await asyncio.to_thread(self._restrictions.keep, kept)
        except OSError as error:
            log.error(
                "a restriction cannot even be kept in its file", meeting=self._meeting, error=str(error)
            )
            return False
        return True

    def _replay(self, recorded: Sequence[Recorded]) -> None:
        """Over the log; nothing is carried out twice where the store has it already."""
        paused = max((r.version for r in recorded if isinstance(r.event, ev.MeetingPaused)), default=0)
        for kept in self._restrictions.of(self._meeting):
            if isinstance(kept.command, cmd.Pause) and paused > kept.version:
                continue
            for event in self._decide_again(kept):
                self._advance(event)
                self.unstored.append(event)

    def _decide_again(self, kept: Kept) -> tuple[ev.Event, ...]:
        """It was allowed when it was carried out, whatever its actor may do by now."""
        for actor in (kept.command.actor, cmd.SYSTEM):
            with contextlib.suppress(Rejected):
                return decide(self.state, replace(kept.command, actor=actor), kept.at)
        return ()

    def _advance(self, event: ev.Event) -> dict[str, ev.Event]:
        """What each participant is told of it, counted."""
        before, self.state = self.state, evolve(self.state, event)
        if before is None:
            return {}
        after = self.state
        heard = {p: told(before, event, after, p) for p in after.participants}
        kept = {p: narrowed for p, narrowed in heard.items() if narrowed is not None}
        for participant in kept:
            self._numbers[participant] = self._numbers.get(participant, 0) + 1
        return kept
