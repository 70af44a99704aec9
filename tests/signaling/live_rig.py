"""One `Live` over a store that can fail and a worker that is only a table; `log` is what happened."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rooms import commands as cmd
from rooms.events import Event
from rooms.meeting import Meeting, fold
from rooms.policy import Audience
from rooms.store.base import Recorded, StoreUnavailable
from rooms.store.memory import open_memory
from rooms.views import Names
from signaling.errors import ServiceUnavailable
from signaling.exchange import Exchange
from signaling.live import Live
from signaling.mixing import Mixers
from signaling.outbox import Outbox
from signaling.restrictions import Kept, Restrictions
from signaling.session import Session
from tests.rooms.builders import Story
from tests.support.fake_workers import FakeClient

STREAM = "meeting/m_1"


class TableWorkers:
    """`flowing` is what the worker forwards. `deaf`: the next so many tables are not acknowledged, and the
    worker is killed each time."""

    running = True
    generation = 1

    def __init__(self, log: list[Any]) -> None:
        self.client = FakeClient()
        self.rooms: set[str] = set()
        self.flowing: Audience = {}
        self.deaf = 0
        self.before_table: Callable[[Audience], Awaitable[None]] | None = None
        self.revisions: list[int] = []
        self.entering: frozenset[str] = frozenset()
        self._log = log

    def place(self) -> "TableWorkers":
        return self

    async def set_table(
        self, room: str, revision: int, table: Audience, entering: frozenset[str] = frozenset()
    ) -> None:
        self.entering = entering
        self.revisions.append(revision)
        if self.before_table is not None:
            await self.before_table(table)
        if self.deaf:
            self.deaf -= 1
            self.flowing = {}
            self._log.append("killed")
            raise ServiceUnavailable("media_unavailable", "media does not answer")
        self._log.append(("table", table))
        self.flowing = table

    async def call(self, ask: Callable[[Any], Awaitable[Any]]) -> Any:
        return await ask(self.client)


class FragileEvents:
    """`down`: nothing can be read or written. `before_append`: what happens just before the next append."""

    def __init__(self, log: list[Any]) -> None:
        self.inner = open_memory().events
        self.down = False
        self.before_append: Callable[[], Awaitable[None]] | None = None
        self._log = log

    async def append(
        self, stream: str, expected_version: int, events: Sequence[Event], *, fence: int = 0
    ) -> int:
        if self.before_append is not None:
            meanwhile, self.before_append = self.before_append, None
            await meanwhile()
        if self.down:
            self._log.append("append failed")
            raise StoreUnavailable("the disk is full")
        version = await self.inner.append(stream, expected_version, events)
        self._log.append(("append", [type(event).__name__ for event in events]))
        return version

    async def read(self, stream: str, after: int = 0) -> Sequence[Recorded]:
        if self.down:
            raise StoreUnavailable("the disk is gone")
        return await self.inner.read(stream, after)

    async def add_elsewhere(self, *events: Event) -> None:
        """As another node would."""
        at = len(await self.inner.read(STREAM))
        await self.inner.append(STREAM, at, events)


class LoggedOutbox(Outbox):
    def __init__(self, log: list[Any]) -> None:
        super().__init__(512, 1 << 20)
        self.frames: list[dict[str, Any]] = []
        self._log = log

    def put(self, frame: bytes, about: str | None = None) -> bool:
        self._take(frame)
        return super().put(frame, about)

    def put_if_idle(self, frame: bytes) -> None:
        self._take(frame)

    def close(self, last: bytes | None = None) -> None:
        if last is not None:
            self._take(last)
        super().close(last)

    def _take(self, frame: bytes) -> None:
        told = json.loads(frame)
        self.frames.append(told)
        self._log.append(("told", told["params"].get("type") or told["method"]))


class FragileRestrictions(Restrictions):
    """Cannot be written while its rig's disk is full."""

    def __init__(self, rig: "Rig") -> None:
        super().__init__(rig.kept_file)
        self._rig = rig

    def keep(self, kept: Kept) -> None:
        if self._rig.disk_full:
            raise OSError("no space left")
        super().keep(kept)


@dataclass
class Rig:
    path: Path
    story: Story
    log: list[Any] = field(default_factory=list)
    grace: float = 1000.0
    disk_full: bool = False
    mixers: Mixers | None = None

    def __post_init__(self) -> None:
        self.store = FragileEvents(self.log)
        self.workers = TableWorkers(self.log)
        self.lives: list[Live] = []

    def clock(self) -> float:
        self.story.now += 0.001
        return self.story.now

    @property
    def kept_file(self) -> Path:
        return self.path / "restrictions.jsonl"

    @property
    def kept(self) -> list[dict[str, Any]]:
        text = self.kept_file.read_text() if self.kept_file.exists() else ""
        return [json.loads(line) for line in text.splitlines()]

    async def open(self) -> Live:
        """A `Live` of its own over the same store and file, as after a restart."""
        live = await self.loaded()
        await live.drop_media()
        live.begin()
        return live

    async def loaded(self) -> Live:
        """The same before its media is taken up."""
        live = Live(
            "m_1",
            store=self.store,  # type: ignore[arg-type]
            exchange=Exchange("m_1", self.workers),  # type: ignore[arg-type]
            restrictions=FragileRestrictions(self),
            names=Names({}, {}),
            clock=self.clock,
            grace=self.grace,
            mixers=self.mixers,
        )
        self.lives.append(live)
        await live.load()
        return live

    async def attach(
        self, live: Live, participant: str, slot: str = "screen", *, mixes: bool = True
    ) -> tuple[Session, LoggedOutbox]:
        outbox = LoggedOutbox(self.log)
        session = Session(f"s_{participant}_{slot}", "m_1", participant, slot, "grant", outbox, mixes=mixes)
        await live.attach(session)
        session.release()
        return session, outbox

    async def stored(self) -> Meeting:
        state = fold(recorded.event for recorded in await self.store.inner.read(STREAM))
        assert state is not None
        return state

    def kinds(self) -> list[str]:
        """The log without its details."""
        return [entry if isinstance(entry, str) else str(entry[0]) for entry in self.log]


@asynccontextmanager
async def rig(path: Path, story: Story, **changes: Any) -> AsyncIterator[tuple[Rig, Live]]:
    made = Rig(path, story, **changes)
    await made.store.inner.append(STREAM, 0, story.log)
    live = await made.open()
    made.log.clear()
    try:
        yield made, live
    finally:
        made.store.down = False
        for each in made.lives:
            await each.close("shutting_down", "the test is over")


def within(table: Audience, limit: Audience) -> bool:
    """Does `table` allow nothing that `limit` does not?"""
    return all(
        source in limit.get(listener, {}).get(owner, ())
        for listener, heard in table.items()
        for owner, sources in heard.items()
        for source in sources
    )


def start(station: int) -> cmd.StartStation:
    return cmd.StartStation(actor="p_host", station=station)
