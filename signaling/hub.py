"""The meetings of this node: loads them from the store, keeps them alive, and finds them again."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from config.settings import Settings
from media.memory import give_back
from rooms import commands as cmd
from rooms.cluster import SHORTEST, Owner
from rooms.errors import Reason, Rejected
from rooms.events import Event
from rooms.meeting import Meeting, fold
from rooms.pool import NOTHING_CALLED, Pooled
from rooms.store.base import CorruptLog, Store, StoreUnavailable, UnknownEvent, is_stream_name
from rooms.views import Names
from signaling.adoption import adopt
from signaling.bookkeeping import Bookkeeper
from signaling.cluster import Cluster
from signaling.errors import ServiceUnavailable
from signaling.exchange import Exchange
from signaling.live import Live
from signaling.mixing import Mixers
from signaling.nodes import Moving, Nodes
from signaling.others import Others
from signaling.ownership import Ownership
from signaling.restrictions import Restrictions
from signaling.seals import Seals
from signaling.session import Session, Sessions
from signaling.shelf import Shelf, begin, over
from signaling.watching import watch
from signaling.worker import Worker
from signaling.workers import Workers

log = structlog.get_logger(__name__)

PREFIX = "meeting/"
NEWCOMER = "newcomer"
"""Owner of a meeting's content in the store."""
SESSION_LIFETIME = 24 * 3600.0
SWEEP_EVERY = 600.0
DAY = 86400.0


class Hub:
    def __init__(
        self,
        *,
        store: Store,
        workers: Workers,
        names: Names,
        settings: Settings,
        clock: Callable[[], float],
        cluster: Cluster | None = None,
        nodes: Nodes | None = None,
    ) -> None:
        """`cluster`: this node among others that share the store, reached over `nodes`; without it this is
        the only one."""
        self.workers = workers
        self.mixers = Mixers(settings.media) if settings.server_mix else None
        self.books = Bookkeeper(store)
        self.sessions = Sessions(store, SESSION_LIFETIME, clock)
        self._store = store
        self._names = names
        self._settings = settings
        self._clock = clock
        self._lives: dict[str, Live] = {}
        self._shelf = Shelf()
        self._restrictions = Restrictions(settings.data / "restrictions.jsonl")
        self._opening = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._unbooked: set[str] = set()
        self._pooled: dict[str, Pooled] = {}
        self.on_pool: Callable[[], None] = lambda: None
        """Called when a call for an interpreter, or who has the floor, has changed in some meeting."""
        self._early: list[tuple[str, dict[str, Any]]] | None = []
        """What media tells before its meetings are taken up."""
        self._hands_over = False
        self._nodes = nodes or Nodes(Seals(b""))
        self._others = Others(store.events, self.acts_for, self.other_changed)
        self._ownership: Ownership | None = None
        if cluster is not None:
            self._ownership = Ownership(
                self,
                cluster=cluster,
                nodes=self._nodes,
                others=self._others,
                restrictions=self._restrictions,
                clock=clock,
            )

    @property
    def lives(self) -> Mapping[str, Live]:
        """The meetings that this node acts for."""
        return self._lives

    async def start(self) -> None:
        """Takes every meeting that the store has, then starts media. Raises `ServiceUnavailable`."""
        try:
            if self._ownership is not None:
                await self._ownership.enter()
            else:
                for stream in await self._store.events.streams(PREFIX):
                    await self._open_logged(stream.removeprefix(PREFIX))
        except StoreUnavailable as error:
            raise ServiceUnavailable("store_unavailable", str(error)) from error
        found = await self.workers.start(self)
        await adopt(found, self._lives, self.sessions, server_mix=self.mixers is not None)
        early, self._early = self._early, None
        for event, data in early or []:
            self.on_media(event, data)
        for live in self._lives.values():
            live.begin()
        self.keep(self._sweep())
        self.keep(watch(lambda: self._lives.values()))
        if self._ownership is not None:
            self.keep(self._others.follow())
            self.keep(self._ownership.arrange())

    def hand_over(self) -> None:
        """At `close` media is not to end: it goes on alone, for the service that starts next."""
        self._hands_over = True

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._ownership is not None:
            await self._ownership.drain()
        for live in list(self._lives.values()):
            await live.close("shutting_down", "the service is being restarted")
        if self.mixers is not None:
            await self.mixers.close()
        await (self.workers.hand_over() if self._hands_over else self.workers.close())
        await self._nodes.close()

    async def create(self, command: cmd.CreateMeeting) -> Meeting:
        """At the node that its site and the nodes' load call for."""
        if self._ownership is not None and await self._ownership.created_elsewhere(command):
            with contextlib.suppress(ServiceUnavailable):
                return await self.state(command.meeting)
        return await self.create_here(command)

    async def create_here(self, command: cmd.CreateMeeting) -> Meeting:
        live = await self.open(command.meeting)
        try:
            return await live.execute(command)
        finally:
            if live.state is None:
                self._lives.pop(command.meeting, None)
                await self._let_go(live)

    async def execute(self, meeting: str, command: cmd.Command) -> Meeting:
        """Carries the command out in the order of a batch, at the node that acts for the meeting. Raises
        `Rejected`, `ServiceUnavailable`."""
        if self._ownership is not None and await self._ownership.executed_elsewhere(meeting, command):
            return self._ownership.after(await self.state(meeting), command)
        return await (await self.live(meeting)).execute(command)

    async def state(self, meeting: str) -> Meeting:
        if self._ownership is None or meeting in self._lives:
            return (await self.live(meeting)).current
        try:
            state = await self._others.read(meeting)
        except StoreUnavailable as error:
            state = self._others.state(meeting)
            if state is None:
                raise ServiceUnavailable("store_unavailable", str(error)) from error
        except (UnknownEvent, CorruptLog) as error:
            raise ServiceUnavailable("meeting_unreadable", "the meeting's log cannot be read") from error
        if state is None or state.erased_at is not None:
            raise Rejected(Reason.MEETING_UNKNOWN, "there is no such meeting")
        return state

    async def live(self, meeting: str) -> Live:
        """Raises `Rejected` for a meeting that is not there; `Elsewhere` for one of another node;
        `ServiceUnavailable` when it cannot be read."""
        live = self._lives.get(meeting)
        if live is None and is_stream_name(PREFIX + meeting):
            if self._ownership is not None:
                await self._ownership.demand_here(meeting)
            live = await self.open(meeting, keep_unknown=False)
        if live is None or live.state is None:
            raise Rejected(Reason.MEETING_UNKNOWN, "there is no such meeting")
        return live

    async def log(self, meeting: str) -> list[Event]:
        """What has happened in a meeting, as it is stored. Raises `ServiceUnavailable`."""
        try:
            return [each.event for each in await self._store.events.read(PREFIX + meeting)]
        except (StoreUnavailable, UnknownEvent, CorruptLog) as error:
            raise ServiceUnavailable("meeting_unreadable", "the meeting's log cannot be read") from error

    async def meetings(self, site: str | None, day: date | None, days: int = 1) -> list[Meeting]:
        """Those of a site and `days` from `day` on (each meeting in its own site's time zone), by planned
        time. None means any."""
        among = None if day is None else {day + timedelta(days=n) for n in range(days)}

        def wanted(of: str, at: float) -> bool:
            return site in (None, of) and (among is None or self.day(of, at) in among)

        lives = [live.state for live in self._lives.values()]
        past = [await self._recalled(meeting) for meeting in self._shelf.find(wanted)]
        states = [s for s in (*lives, *self._others.states(), *past) if s is not None and s.erased_at is None]
        return sorted((s for s in states if wanted(s.site, begin(s))), key=lambda s: (begin(s), s.id))

    def day(self, site: str, at: float) -> date:
        """The day that it is at the site."""
        return datetime.fromtimestamp(at, ZoneInfo(self._names.zone(site))).date()

    async def _recalled(self, meeting: str) -> Meeting | None:
        """One that is over, as it was; None while the store cannot tell."""
        try:
            return fold(await self.log(meeting))
        except ServiceUnavailable as error:
            log.warning("a meeting that is over cannot be read", meeting=meeting, error=error.message)
            return None

    async def erase(self, meeting: str, actor: str) -> None:
        if await self._done_elsewhere(meeting, "erase", actor=actor):
            return
        live = await self.live(meeting)
        await live.execute(cmd.Erase(actor=actor))
        await self._book_before_erasure(meeting)
        try:
            await self._store.events.erase(PREFIX + meeting, NEWCOMER)
        except StoreUnavailable as error:
            raise ServiceUnavailable(
                "store_unavailable", "the content is not erased yet; try again"
            ) from error
        await live.close("meeting_ended", "the meeting has ended")
        self._lives.pop(meeting, None)  # with what was still in memory
        self._shelf.take(meeting)
        await self._let_go(live)

    async def close_participant(self, meeting: str, participant: str, code: str, reason: str) -> None:
        """Closes the participant's devices; media goes first."""
        if await self._done_elsewhere(
            meeting, "close", participant=participant, session=None, code=code, reason=reason
        ):
            return
        live = await self.live(meeting)
        for session in [s for (who, _), s in live.sessions.items() if who == participant]:
            await self.end(live, session, code, reason)

    async def close_session(self, meeting: str, session: str, code: str, reason: str) -> None:
        """Closes one device, if it is connected."""
        if await self._done_elsewhere(
            meeting, "close", participant=None, session=session, code=code, reason=reason
        ):
            return
        live = await self.live(meeting)
        for each in [s for s in live.sessions.values() if s.id == session]:
            await self.end(live, each, code, reason)

    async def _done_elsewhere(self, meeting: str, what: str, **params: Any) -> bool:
        return self._ownership is not None and await self._ownership.done_elsewhere(meeting, what, **params)

    async def end(self, live: Live, session: Session, code: str, reason: str) -> None:
        await live.leave(session)
        session.close(code, reason)
        await self.sessions.close(session.id, "closed")

    def on_media(self, event: str, data: dict[str, Any]) -> None:
        if self._early is not None:
            self._early.append((event, data))
            return
        match event:
            case "speakers":
                live = self._lives.get(data["room"])
                if live is not None:
                    live.speakers(data["levels"])
            case "layersNeeded":
                live = self._lives.get(data["room"])
                if live is not None:
                    live.exchange.layers_needed(data["producer"], data["layers"])
            case "producerClosed":
                for live in self._lives.values():
                    live.exchange.producer_closed(data["producer"])
            case "transportState" if data["state"] == "closed":
                live = self._lives.get(data["room"])
                if live is not None:
                    live.exchange.transport_closed(data["transport"])
            case _:
                log.debug("media", what=event, data=data)

    async def on_media_lost(self, worker: Worker) -> None:
        concerned = [live for live in self._lives.values() if live.exchange.worker is worker]
        await asyncio.gather(*(live.drop_media() for live in concerned))

    async def open(self, meeting: str, *, keep_unknown: bool = True, replaces: Owner | None = None) -> Live:
        """`replaces`: the owner that is gone."""
        async with self._opening:
            live = self._lives.get(meeting)
            if live is None:
                fence = await self._take(meeting, keep_unknown, replaces)
                live = Live(
                    meeting,
                    store=self._store.events,
                    exchange=Exchange(meeting, self.workers),
                    restrictions=self._restrictions,
                    names=self._names,
                    clock=self._clock,
                    grace=self._settings.session_grace,
                    done=lambda: self._worked(meeting),
                    mixers=self.mixers,
                    fence=fence,
                    fenced=lambda: self._surpassed(meeting, fence),
                )
                try:
                    await live.load()
                except ServiceUnavailable:
                    await self._let_go(live)
                    raise
                if self._early is None:
                    await live.drop_media()
                if self._ownership is not None and not self._ownership.holds(meeting, fence):
                    await live.surrender()
                    raise Moving(SHORTEST)
                if self._early is None:
                    live.begin()
                if keep_unknown if live.state is None else not _gone(live.state):
                    self._shelf.take(meeting)
                    self._others.drop(meeting)
                    self._lives[meeting] = live
                    asyncio.get_running_loop().call_soon(self._shelve, meeting)
                else:
                    await self._let_go(live)
            return live

    async def _take(self, meeting: str, keep_unknown: bool, replaces: Owner | None) -> int:
        """The fencing token; 0 for the only node."""
        return 0 if self._ownership is None else await self._ownership.take(meeting, keep_unknown, replaces)

    def _surpassed(self, meeting: str, fence: int) -> None:
        """Another node has a higher token."""
        if self._ownership is not None:
            self.keep(self._ownership.lose(meeting, fence))

    async def _let_go(self, live: Live) -> None:
        if self._ownership is not None:
            await self._ownership.let_go(live.id, live.fence)

    def forget(self, meeting: str) -> Live | None:
        return self._lives.pop(meeting, None)

    def going_on(self) -> list[Meeting]:
        """The meetings that have not ended."""
        states = [*(live.state for live in self._lives.values()), *self._others.states()]
        return [state for state in states if state is not None and not state.ended]

    def _worked(self, meeting: str) -> None:
        """Some work on the meeting has ended."""
        live = self._lives.get(meeting)
        self._look_at_pool(meeting, None if live is None else live.state)
        self._shelve(meeting)

    def _look_at_pool(self, meeting: str, state: Meeting | None) -> None:
        pooled = NOTHING_CALLED if state is None or state.ended else state.pool
        if pooled is not self._pooled.pop(meeting, NOTHING_CALLED):
            self.on_pool()
        if pooled is not NOTHING_CALLED:
            self._pooled[meeting] = pooled

    def _shelve(self, meeting: str) -> None:
        """A meeting that is over leaves memory. The store has it, and it is loaded again when needed."""
        live = self._lives.get(meeting)
        if live is not None and live.over:
            assert live.state is not None
            del self._lives[meeting]
            self._shelf.put(live.state)
            live.retire()
            self._unbooked.add(meeting)
            self.keep(self._book(meeting))
            self.keep(self._let_go(live))

    async def _book(self, meeting: str) -> None:
        try:
            await self.books.settle(meeting)
        except ServiceUnavailable as error:
            log.warning("interpreting not booked yet", meeting=meeting, error=error.message)
        else:
            self._unbooked.discard(meeting)

    async def _book_before_erasure(self, meeting: str) -> None:
        """Books that cannot be read are no reason to keep what is to be erased."""
        try:
            await self.books.settle(meeting)
        except ServiceUnavailable as error:
            if error.code == "store_unavailable":
                raise
            log.error("interpreting not booked", meeting=meeting, error=error.message)

    async def _open_logged(self, meeting: str) -> None:
        try:
            await self.open(meeting)
        except ServiceUnavailable as error:
            if error.code != "meeting_unreadable":
                raise

    @property
    def displaced(self) -> bool:
        """Another process has this node's name: nothing is done here any more."""
        return self._ownership is not None and self._ownership.displaced

    def acts_for(self, meeting: str) -> bool:
        return meeting in self._lives

    async def demand_session_here(self, session: str) -> None:
        """Raises `Elsewhere` for a session of a meeting at another node, before anything of it is used up."""
        if self._ownership is not None:
            meeting = await self.sessions.meeting(session)
            if meeting is not None:
                await self.live(meeting)

    def other_changed(self, state: Meeting) -> None:
        """A meeting of another node's is as the store has it now."""
        if _gone(state):
            self._shelf.take(state.id)
        elif state.ended:
            self._shelf.put(state)
        self._look_at_pool(state.id, state)

    def keep(self, work: Coroutine[Any, Any, None]) -> None:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def sweep(self) -> None:
        """Drops expired links, sessions and answers from the store, and the newcomer's content of meetings
        that are over for so long; an erasure that was interrupted is finished."""
        now = self._clock()
        try:
            await self._store.records.sweep(now)
        except StoreUnavailable as error:
            log.warning("nothing swept", error=str(error))
        for meeting in list(self._unbooked):
            await self._book(meeting)
        until = now - self._settings.retention_days * DAY
        lives = [m for m, live in self._lives.items() if live.state is not None and over(live.state) <= until]
        for meeting in (*lives, *self._shelf.before(until)):
            try:
                await self.erase(meeting, cmd.SYSTEM)
            except (Rejected, ServiceUnavailable) as error:
                log.warning("not erased yet", meeting=meeting, error=error.message)

    async def _sweep(self) -> None:
        while True:
            try:
                await self.sweep()
            except Exception:
                log.exception("sweep failed")
            give_back()
            await asyncio.sleep(SWEEP_EVERY)


def _gone(state: Meeting) -> bool:
    """Erased, and the content with it: an alias is never blank otherwise."""
    return state.erased_at is not None and not state.alias
