"""Nodes that share a store, in one process and in virtual time: each can be cut off, frozen, killed and
started again, and the store can hang.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar, copy_context
from pathlib import Path
from typing import Any, TypeVar

from config.settings import Settings
from rooms import commands as cmd
from rooms.cluster import Node
from rooms.errors import Rejected
from rooms.events import Event, MessageSent
from rooms.people import Place, Role
from rooms.policy import Audience
from rooms.store.base import Fenced, Recorded, StoreUnavailable
from rooms.store.memory import MemoryStore, open_memory
from rooms.views import Names
from signaling.cluster import Cluster
from signaling.errors import ServiceError, ServiceUnavailable
from signaling.hub import Hub
from signaling.nodes import Nodes
from signaling.seals import Seals
from tests.signaling.live_rig import TableWorkers
from tests.support.fake_workers import FakeClient

T = TypeVar("T")
_whose: ContextVar[object] = ContextVar("whose", default=None)
LIFETIME, ORPHANED = 5.0, 20.0
PATIENCE, BETWEEN_NODES = 2.0, 15.0
"""Seconds after which an answer of the store, or of another node, is not waited for any more."""
SITE = "gavle"


class Shared:
    """The store itself. `hangs`: it carries nothing out, and everything when it goes on. `slow`: seconds that
    an answer takes, at most."""

    def __init__(self, chance: random.Random, time: Callable[[], float]) -> None:
        self.memory = open_memory(clock=time)
        assert isinstance(self.memory, MemoryStore)
        self.log: list[tuple[str, int, str]] = []
        """Meeting, fencing token and node of every append, in their order."""
        self.goes = asyncio.Event()
        self.goes.set()
        self.slow = 0.01
        self.busy = 0.0
        """Seconds that a media worker takes for an answer, at most."""
        self.unreadable: set[str] = set()
        """Streams that bring whoever reads them to a fault that nobody foresaw."""
        self.killed: list[str] = []
        """Rooms whose worker was given a table older than its own: it would have been killed."""
        self.chance = chance
        self.time = time

    async def work(self) -> None:
        await asyncio.sleep(self.chance.uniform(0, self.busy))


class Line:
    """One node's way to the store. What was sent is carried out in the end, also when nobody waits for it
    any more."""

    def __init__(self, shared: Shared, node: str) -> None:
        self._shared = shared
        self._node = node
        self.passes, self.thawed = asyncio.Event(), asyncio.Event()
        self.passes.set()
        self.thawed.set()
        self.dead = False
        self.records, self.events = _Records(self), _Events(self)
        self._sent: set[asyncio.Task[Any]] = set()

    @property
    def shared(self) -> Shared:
        return self._shared

    @property
    def node(self) -> str:
        return self._node

    async def open(self) -> None:
        for each in (self.thawed, self.passes, self._shared.goes):
            await each.wait()

    async def ask(self, call: Callable[[], Awaitable[T]]) -> T:
        """As the store's own client does: an answer that does not come is no answer."""
        await self.thawed.wait()
        if self.dead:
            raise StoreUnavailable("the process has ended")
        task = asyncio.create_task(self._carried_out(call))
        self._sent.add(task)
        task.add_done_callback(self._sent.discard)
        done, _ = await asyncio.wait([task], timeout=PATIENCE)
        await self.thawed.wait()
        if not done:
            task.add_done_callback(_told_nobody)
            raise StoreUnavailable("the store does not answer")
        return task.result()

    async def _carried_out(self, call: Callable[[], Awaitable[T]]) -> T:
        way = self._shared.chance.uniform(0, self._shared.slow) / 2
        await asyncio.sleep(way)
        await self.passes.wait()
        await self._shared.goes.wait()
        result = await call()
        await asyncio.sleep(way)
        await self.passes.wait()
        return result


def _told_nobody(task: "asyncio.Task[Any]") -> None:
    if not task.cancelled():
        task.exception()


class _Records:
    def __init__(self, line: Line) -> None:
        self._line = line

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        made = getattr(self._line.shared.memory.records, name)
        return lambda *args, **more: self._line.ask(lambda: made(*args, **more))

    async def now(self) -> float:
        return self._line.shared.time()


class _Events:
    def __init__(self, line: Line) -> None:
        self._line = line
        self._inner = line.shared.memory.events

    @asynccontextmanager
    async def subscribe(self, prefix: str) -> AsyncIterator[AsyncIterator[Recorded]]:
        async def told() -> AsyncIterator[Recorded]:
            async for recorded in feed:
                await self._line.open()
                yield recorded

        async with self._inner.subscribe(prefix) as feed:
            yield told()

    async def append(self, stream: str, expected: int, events: Sequence[Event], *, fence: int = 0) -> int:
        async def append() -> int:
            version = await self._inner.append(stream, expected, events, fence=fence)
            self._line.shared.log.append((stream.removeprefix("meeting/"), fence, self._line.node))
            return version

        return await self._line.ask(append)

    async def guard(self, stream: str, fence: int) -> None:
        async def guard() -> None:
            fences = self._inner._fences  # type: ignore[attr-defined]
            if fence < fences.get(stream, 0):
                raise Fenced(stream)
            fences[stream] = fence

        await self._line.ask(guard)

    async def read(self, stream: str, after: int = 0) -> Sequence[Recorded]:
        if stream in self._line.shared.unreadable:
            raise RuntimeError("nobody foresaw this")
        return await self._line.ask(lambda: self._inner.read(stream, after))

    async def streams(self, prefix: str) -> Sequence[str]:
        return await self._line.ask(lambda: self._inner.streams(prefix))


class _Worker(FakeClient):
    """Knows of each room how new its table is, and refuses an older one as a real worker does."""

    def __init__(self, shared: Shared) -> None:
        super().__init__()
        self.revisions: dict[str, int] = {}
        self._shared = shared

    async def close_room(self, room: str) -> None:
        await self._shared.work()
        self.revisions.pop(room, None)


class _Workers(TableWorkers):
    def __init__(self, shared: Shared) -> None:
        super().__init__([])
        self.client = self.worker = _Worker(shared)
        self._shared = shared

    async def set_table(
        self, room: str, revision: int, table: Audience, entering: Collection[str] = ()
    ) -> None:
        await self._shared.work()
        if revision < self.worker.revisions.get(room, 0):
            self._shared.killed.append(room)
        self.worker.revisions[room] = revision

    async def start(self, listener: object) -> list[Any]:
        return []

    async def close(self) -> None: ...


class Asked(Nodes):
    """Calls arrive without a network, and wait while the other one is frozen."""

    def __init__(self, running: dict[str, "Process"]) -> None:
        super().__init__(Seals(b""))
        self._running = running

    async def ask(self, node: Node, what: str, **params: Any) -> None:
        other = self._running.get(node.name)
        if other is None:
            raise ServiceUnavailable("node_unavailable", "nobody is there")
        try:
            async with asyncio.timeout(BETWEEN_NODES):
                await other.line.thawed.wait()
                await other.do(other.nodes._work[what](params))
        except TimeoutError as late:
            raise ServiceUnavailable("node_unavailable", "it does not answer") from late


class Process:
    """One node from its start to its end."""

    def __init__(self, site: "Several", name: str) -> None:
        self.name = name
        self.line = Line(site.shared, name)
        self.cluster = Cluster(
            self.line,  # type: ignore[arg-type]
            Node(name, f"http://{name}"),
            lifetime=LIFETIME,
            orphan_limit=ORPHANED,
            ticks=site.shared.time,
        )
        self.nodes = Asked(site.running)
        self.hub = Hub(
            store=self.line,  # type: ignore[arg-type]
            workers=_Workers(site.shared),  # type: ignore[arg-type]
            names=Names({}, {}),
            settings=Settings(
                data=site.folder / name, public_url="https://meetings.example.se", session_grace=86400.0
            ),
            clock=site.shared.time,
            cluster=self.cluster,
            nodes=self.nodes,
        )
        self._tasks: set[asyncio.Task[Any]] = set()
        self._context = copy_context()
        self._context.run(_whose.set, self)

    def took(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def do(self, work: Awaitable[T]) -> T:
        """Work of this node's: it ends with it."""
        task = self._context.run(asyncio.ensure_future, work)
        task.add_done_callback(_told_nobody)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if not task.cancelled():
                raise
            raise ServiceUnavailable("node_unavailable", "the node has died") from None

    def kill(self) -> None:
        self.line.dead = True
        self.line.thawed.set()
        for task in self._tasks:
            task.cancel()


def _made(loop: asyncio.AbstractEventLoop, work: Any, **more: Any) -> "asyncio.Task[Any]":
    task = asyncio.Task(work, loop=loop, **more)
    whose = _whose.get()
    if isinstance(whose, Process):
        whose.took(task)
    return task


class Several:
    """Nodes over one store. `acknowledged`: meeting → what was written and said to be saved."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.chance = random.Random(seed)
        loop = asyncio.get_running_loop()
        loop.set_task_factory(_made)
        self.shared = Shared(self.chance, loop.time)
        self.running: dict[str, Process] = {}
        self.acknowledged: dict[str, list[str]] = {}

    async def start(self, name: str) -> Process:
        """As an init system does it: again until it runs."""
        (self.folder / name).mkdir(exist_ok=True)
        while True:
            process = Process(self, name)
            try:
                await process.do(process.hub.start())
            except ServiceUnavailable:
                process.kill()
                await asyncio.sleep(0.5)
            else:
                self.running[name] = process
                return process

    def kill(self, name: str) -> None:
        self.running.pop(name).kill()

    async def stop(self, name: str) -> None:
        """In good order."""
        process = self.running[name]
        await process.do(process.hub.close())
        self.kill(name)

    async def meeting(self, name: str) -> str:
        """With a newcomer and a host who are there, and hear each other."""
        made = f"m_{len(self.acknowledged)}"
        hub = self.running[name].hub
        await self.running[name].do(hub.create(create(made)))
        for who, role in (("p_1", Role.NEWCOMER), ("p_2", Role.HOST)):
            for command in (invite(who, role), cmd.Enter(actor=who, participant=who)):
                await self.running[name].do(hub.execute(made, command))
        self.acknowledged[made] = []
        return made

    async def write(self, name: str, meeting: str, text: str) -> None:
        process = self.running[name]
        await process.line.thawed.wait()
        command = cmd.SendMessage(actor="p_1", message=f"msg_{text}", text=text)
        with suppress(ServiceError, Rejected, StoreUnavailable):
            await process.do(process.hub.execute(meeting, command))
            self.acknowledged[meeting].append(text)

    async def lost(self, meeting: str) -> list[str]:
        log = await self.shared.memory.events.read(f"meeting/{meeting}")
        there = {each.event.text for each in log if isinstance(each.event, MessageSent)}
        return [text for text in self.acknowledged[meeting] if text not in there]

    def acting(self, meeting: str) -> list[str]:
        return [name for name, process in self.running.items() if process.hub.acts_for(meeting)]


def create(meeting: str) -> cmd.CreateMeeting:
    station = cmd.NewStation(agency="skatteverket", purpose="Folkbokföring", minutes=25)
    return cmd.CreateMeeting(
        actor="staff:lena",
        meeting=meeting,
        site=SITE,
        alias="Samira",
        languages=("ar", "sv"),
        planned_at=0.0,
        stations=(station,),
    )


def invite(who: str, role: Role) -> cmd.Invite:
    return cmd.Invite(
        actor="staff:lena",
        participant=who,
        role=role,
        name="Samira",
        language="ar",
        place=Place.ON_SITE,
    )
