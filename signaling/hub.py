"""The meetings of this node: loads them from the store, keeps them alive, and finds them again."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from config.settings import Settings
from media.errors import WorkerError
from media.memory import give_back
from rooms import commands as cmd
from rooms.cluster import Node, Owner, Standing, place
from rooms.decide import decide
from rooms.errors import Reason, Rejected
from rooms.events import Event
from rooms.meeting import Meeting, fold
from rooms.pool import NOTHING_CALLED, Pooled
from rooms.store.base import CorruptLog, Store, StoreUnavailable, UnknownEvent, is_stream_name
from rooms.views import Names
from signaling.bookkeeping import Bookkeeper
from signaling.cluster import Cluster, Displaced, View
from signaling.dump import RoomDump
from signaling.errors import ServiceError, ServiceUnavailable
from signaling.exchange import Exchange, Holder, session_of
from signaling.live import Live
from signaling.mixing import Mixers
from signaling.nodes import Elsewhere, Nodes, Params, decoded, encoded
from signaling.others import Others
from signaling.restrictions import Restrictions
from signaling.seals import Seals
from signaling.session import Session, Sessions
from signaling.shelf import Shelf, begin, over
from signaling.watching import watch
from signaling.worker import Worker
from signaling.workers import Found, Workers

log = structlog.get_logger(__name__)

PREFIX = "meeting/"
NEWCOMER = "newcomer"
"""Owner of a meeting's content in the store."""
SESSION_LIFETIME = 24 * 3600.0
SWEEP_EVERY = 600.0
DAY = 86400.0
MOVES = 4
MOVE_PAUSE = 0.1
"""Attempts to find out where a meeting has gone, and seconds by which each waits longer."""


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
        self._cluster = cluster
        self._nodes = nodes or Nodes(Seals(b""))
        self._others = Others(store.events, self.acts_for, self._other_changed)
        self._nodes.answer("execute", self._asked_to_execute)
        self._nodes.answer("erase", self._asked_to_erase)
        self._nodes.answer("close", self._asked_to_close)
        self._nodes.answer("take", self._asked_to_take)
        self._nodes.answer("lost", self._told_lost)

    async def start(self) -> None:
        """Takes every meeting that the store has, then starts media. Raises `ServiceUnavailable`."""
        try:
            if self._cluster is not None:
                await self._enter(self._cluster)
            else:
                for stream in await self._store.events.streams(PREFIX):
                    await self._open_logged(stream.removeprefix(PREFIX))
        except StoreUnavailable as error:
            raise ServiceUnavailable("store_unavailable", str(error)) from error
        await self._adopt(await self.workers.start(self))
        early, self._early = self._early, None
        for event, data in early or []:
            self.on_media(event, data)
        for live in self._lives.values():
            live.begin()
        self._keep(self._sweep())
        self._keep(watch(lambda: self._lives.values()))
        if self._cluster is not None:
            self._keep(self._others.follow())
            self._keep(self._beat(self._cluster))

    def hand_over(self) -> None:
        """At `close` media is not to end: it goes on alone, for the service that starts next."""
        self._hands_over = True

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._cluster is not None:
            await self._drain(self._cluster)
        for live in list(self._lives.values()):
            await live.close("shutting_down", "the service is being restarted")
        if self.mixers is not None:
            await self.mixers.close()
        await (self.workers.hand_over() if self._hands_over else self.workers.close())
        await self._nodes.close()

    async def create(self, command: cmd.CreateMeeting) -> Meeting:
        """At the node that its site and the nodes' load call for."""
        if self._cluster is not None:
            node = self._cluster.place(command.site)
            if node.name != self._cluster.me.name:
                with contextlib.suppress(ServiceUnavailable):
                    await self._nodes.execute(node, command.meeting, command)
                    return await self.state(command.meeting)
        return await self._create_here(command)

    async def _create_here(self, command: cmd.CreateMeeting) -> Meeting:
        live = await self._open(command.meeting)
        try:
            return await live.execute(command)
        finally:
            if live.state is None:
                self._lives.pop(command.meeting, None)
                await self._let_go(command.meeting)

    async def execute(self, meeting: str, command: cmd.Command) -> Meeting:
        """Carries the command out in the order of a batch, at the node that acts for the meeting. Raises
        `Rejected`, `ServiceUnavailable`."""
        if await self._done_elsewhere(meeting, "execute", **encoded(command)):
            return await self._after(meeting, command)
        return await (await self.live(meeting)).execute(command)

    async def state(self, meeting: str) -> Meeting:
        if self._cluster is None or meeting in self._lives:
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
            live = await self._open(meeting, keep_unknown=False)
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
        await self._let_go(meeting)

    async def close_participant(self, meeting: str, participant: str, code: str, reason: str) -> None:
        """Closes the participant's devices; media goes first."""
        if await self._done_elsewhere(
            meeting, "close", participant=participant, session=None, code=code, reason=reason
        ):
            return
        live = await self.live(meeting)
        for session in [s for (who, _), s in live.sessions.items() if who == participant]:
            await self._end(live, session, code, reason)

    async def close_session(self, meeting: str, session: str, code: str, reason: str) -> None:
        """Closes one device, if it is connected."""
        if await self._done_elsewhere(
            meeting, "close", participant=None, session=session, code=code, reason=reason
        ):
            return
        live = await self.live(meeting)
        for each in [s for s in live.sessions.values() if s.id == session]:
            await self._end(live, each, code, reason)

    async def _end(self, live: Live, session: Session, code: str, reason: str) -> None:
        await live.leave(session)
        session.close(code, reason)
        await self.sessions.close(session.id, "closed")

    async def _adopt(self, found: list[Found]) -> None:
        """Workers have gone on while we were away. First of all they forbid what is not allowed any more."""
        everywhere = [(worker, worker.generation, room) for worker, rooms in found for room in rooms]
        known: dict[str, tuple[Worker, int, RoomDump]] = {}
        for worker, generation, room in sorted(everywhere, key=lambda each: len(each[2].transports)):
            known[room.id] = (worker, generation, room)
        kept = [(self._lives[id_], *there) for id_, there in known.items() if id_ in self._lives]
        places = {(worker, room.id) for _, worker, _, room in kept}
        strangers = [(worker, room) for worker, _, room in everywhere if (worker, room.id) not in places]
        await asyncio.gather(
            *(live.adopt_table(worker, room) for live, worker, _, room in kept),
            *(self._close_room(worker, room.id) for worker, room in strangers),
        )
        for live, _, generation, room in kept:
            await live.adopt_devices(room, await self._holders(room), generation)
        others = self._lives.keys() - {live.id for live, *_ in kept}
        await asyncio.gather(*(self._lives[id_].drop_media() for id_ in others))

    async def _close_room(self, worker: Worker, room: str) -> None:
        with contextlib.suppress(WorkerError, ServiceUnavailable):
            await worker.call(lambda client: client.close_room(room))

    async def _holders(self, room: RoomDump) -> dict[str, Holder]:
        """Whose the sessions are to which the room's transports belong."""
        known: dict[str, Holder] = {}
        for session in {session_of(transport["id"]) for transport in room.transports}:
            try:
                holder = await self.sessions.holder(session, room.id)
            except StoreUnavailable as error:
                raise ServiceUnavailable("store_unavailable", str(error)) from error
            if holder is not None:
                participant, slot, mixes = holder
                known[session] = Holder(participant, slot, mixes or self.mixers is None)
        return known

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

    async def _open(self, meeting: str, *, keep_unknown: bool = True, replaces: Owner | None = None) -> Live:
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
                    fenced=lambda: self._keep(self._lose(meeting, fence)),
                )
                try:
                    await live.load()
                except ServiceUnavailable:
                    await self._let_go(meeting)
                    raise
                if self._early is None:
                    await live.drop_media()
                    live.begin()
                if keep_unknown if live.state is None else not _gone(live.state):
                    self._shelf.take(meeting)
                    self._others.drop(meeting)
                    self._lives[meeting] = live
                    asyncio.get_running_loop().call_soon(self._shelve, meeting)
                else:
                    await self._let_go(meeting)
            return live

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
            self._keep(self._book(meeting))
            self._keep(self._let_go(meeting))

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
            await self._open(meeting)
        except ServiceUnavailable as error:
            if error.code != "meeting_unreadable":
                raise

    def acts_for(self, meeting: str) -> bool:
        return meeting in self._lives

    async def demand_session_here(self, session: str) -> None:
        """Raises `Elsewhere` for a session of a meeting at another node, before anything of it is used up."""
        if self._cluster is not None:
            meeting = await self.sessions.meeting(session)
            if meeting is not None:
                await self.live(meeting)

    async def _enter(self, cluster: Cluster) -> None:
        """What this node had when it ended is its own again; what nobody has is divided."""
        try:
            view = await cluster.beat(0)
        except Displaced as error:
            raise ServiceUnavailable("node_displaced", str(error)) from error
        await self._others.read_all()
        for state in self._others.states():
            owner = view.owners.get(state.id)
            if owner.node == cluster.me.name if owner else cluster.inherits(state.id, state.site):
                await self._take_up(state.id, owner)

    async def _beat(self, cluster: Cluster) -> None:
        while True:
            await asyncio.sleep(cluster.lifetime / 5)
            try:
                await self._arrange(cluster, await cluster.beat(self._load()))
            except StoreUnavailable as error:
                log.info("no sign of life could be given", why=str(error))
            except Displaced as error:
                log.error("this node stops", why=str(error))
                await self._lose_all()
                return
            except Exception:
                log.exception("the nodes cannot be looked at")
            if cluster.standing is Standing.ORPHANED:
                await self._lose_all()

    def _load(self) -> int:
        return sum(len(live.sessions) for live in self._lives.values())

    async def _arrange(self, cluster: Cluster, view: View) -> None:
        """What is lost is let go, and what nobody has any more is taken."""
        for meeting, fence in view.held.items():
            if view.owners.get(meeting) != Owner(cluster.me.name, fence):
                await self._lose(meeting, fence)
        for state in list(self._others.states()):
            owner = view.owners.get(state.id)
            ours = owner is not None and owner.node == cluster.me.name
            left = owner is None or owner.node not in view.nodes
            if ours or (left and cluster.inherits(state.id, state.site)):
                await self._take_up(state.id, owner)
        for meeting in self._restrictions.meetings() - self._lives.keys():
            await self._pass_on(meeting)

    async def _take_up(self, meeting: str, owner: Owner | None) -> None:
        try:
            await self._open(meeting, replaces=owner)
        except (Elsewhere, ServiceUnavailable, Rejected) as error:
            log.info("a meeting is not taken up", meeting=meeting, why=error.message)
            return
        log.info("a meeting is taken up", meeting=meeting)
        assert self._cluster is not None
        before = None if owner is None else self._cluster.view.known.get(owner.node)
        if before is not None and before.name != self._cluster.me.name:
            self._keep(self._tell_lost(before, meeting, self._cluster.held.get(meeting, 0)))

    async def _tell_lost(self, node: Node, meeting: str, fence: int) -> None:
        with contextlib.suppress(ServiceError):
            await self._nodes.ask(node, "lost", meeting=meeting, fence=fence)

    async def _take(self, meeting: str, keep_unknown: bool, replaces: Owner | None) -> int:
        """The fencing token with which this node acts for the meeting. Raises `Elsewhere`,
        `ServiceUnavailable`, and `Rejected` for a meeting that is not there."""
        cluster = self._cluster
        if cluster is None:
            return 0
        try:
            owner = await cluster.owner(meeting)
            if owner is not None and owner.node != cluster.me.name and owner != replaces:
                if owner.node in cluster.view.nodes:
                    raise Elsewhere(owner.node)
                raise ServiceUnavailable("moving", "another node takes the meeting up; try again")
            if owner is None and not keep_unknown and await self._others.read(meeting) is None:
                raise Rejected(Reason.MEETING_UNKNOWN, "there is no such meeting")
            fence = await cluster.take(meeting, owner)
        except StoreUnavailable as error:
            raise ServiceUnavailable("store_unavailable", "the meeting cannot be read now") from error
        except (UnknownEvent, CorruptLog) as error:
            raise ServiceUnavailable("meeting_unreadable", "the meeting cannot be read") from error
        if fence is None:
            raise ServiceUnavailable("moving", "another node takes the meeting up; try again")
        return fence

    async def _let_go(self, meeting: str) -> None:
        """Nobody needs to act for it any more."""
        if self._cluster is not None and meeting not in self._lives:
            try:
                await self._cluster.release(meeting)
            except StoreUnavailable as error:
                log.info("a meeting is not let go", meeting=meeting, why=str(error))

    async def _lose(self, meeting: str, fence: int) -> None:
        """Another node acts for it: this one stops at once."""
        assert self._cluster is not None
        if self._cluster.held.get(meeting) != fence:
            return
        del self._cluster.held[meeting]
        live = self._lives.pop(meeting, None)
        if live is None:
            return
        log.warning("the meeting is another node's", meeting=meeting)
        await live.surrender()
        if live.state is not None:
            self._other_changed(live.state)
            self._others.put(live.state)

    async def _lose_all(self) -> None:
        assert self._cluster is not None
        await asyncio.gather(*(self._lose(*each) for each in list(self._cluster.held.items())))

    async def _pass_on(self, meeting: str) -> None:
        """What was restricted here while the store was away holds wherever the meeting is now."""
        try:
            for kept in self._restrictions.of(meeting):
                with contextlib.suppress(Rejected):
                    await self.execute(meeting, replace(kept.command, actor=cmd.SYSTEM))
            await asyncio.to_thread(self._restrictions.drop, meeting)
        except (ServiceError, OSError) as error:
            log.warning("a restriction is not passed on yet", meeting=meeting, why=str(error))

    async def _drain(self, cluster: Cluster) -> None:
        """Every meeting goes to another node, if there is one."""
        cluster.drain()
        try:
            await cluster.beat(self._load())
            heirs = [node for node in cluster.others() if not node.draining]
            for meeting, live in list(self._lives.items()) if heirs else []:
                to = place(live.state.site if live.state is not None else "", heirs)
                assert to is not None
                await live.surrender()
                del self._lives[meeting]
                if await cluster.hand_over(meeting, to):
                    await self._tell_to_take(to, meeting)
            if heirs:
                await cluster.leave()
        except (StoreUnavailable, Displaced) as error:
            log.warning("meetings are not handed over", why=str(error))

    async def _tell_to_take(self, node: Node, meeting: str) -> None:
        try:
            await self._nodes.ask(node, "take", meeting=meeting)
        except (ServiceError, Rejected) as error:
            log.warning("a meeting waits to be taken up", meeting=meeting, why=error.message)

    async def _done_elsewhere(self, meeting: str, what: str, **params: Any) -> bool:
        """Has the node that acts for the meeting done it? False when it is for this one to do."""
        cluster = self._cluster
        if cluster is None:
            return False
        for attempt in range(MOVES):
            if meeting in self._lives:
                return False
            node = await cluster.known_owner(meeting)
            if node is None or node.name == cluster.me.name:
                return False
            with contextlib.suppress(Elsewhere):
                await self._nodes.ask(node, what, meeting=meeting, **params)
                return True
            await asyncio.sleep(MOVE_PAUSE * attempt)
        raise ServiceUnavailable("moving", "the meeting moves to another node; try again")

    async def _after(self, meeting: str, command: cmd.Command) -> Meeting:
        """The meeting as the command has left it; while the store is away, as far as this node knows it."""
        state = await self.state(meeting)
        if self._cluster is None or self._cluster.standing is Standing.KEEPING:
            return state
        return _after(state, command, self._clock())

    async def _asked_to_execute(self, params: Params) -> None:
        command = decoded(params)
        if isinstance(command, cmd.CreateMeeting):
            await self._create_here(command)
        else:
            await (await self.live(params["meeting"])).execute(command)

    async def _asked_to_erase(self, params: Params) -> None:
        await self.erase(params["meeting"], params["actor"])

    async def _asked_to_close(self, params: Params) -> None:
        live = await self.live(params["meeting"])
        for (who, _), session in list(live.sessions.items()):
            if params["participant"] == who or params["session"] == session.id:
                await self._end(live, session, params["code"], params["reason"])

    async def _asked_to_take(self, params: Params) -> None:
        assert self._cluster is not None
        await self._open(params["meeting"])

    async def _told_lost(self, params: Params) -> None:
        assert self._cluster is not None
        held = self._cluster.held.get(params["meeting"])
        if held is not None and held < params["fence"]:
            await self._lose(params["meeting"], held)

    def _other_changed(self, state: Meeting) -> None:
        """A meeting of another node's is as the store has it now."""
        if _gone(state):
            self._shelf.take(state.id)
        elif state.ended:
            self._shelf.put(state)
        self._look_at_pool(state.id, state)

    def _keep(self, work: Any) -> None:
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


def _after(state: Meeting, command: cmd.Command, now: float) -> Meeting:
    try:
        return fold(decide(state, command, now), state) or state
    except Rejected:
        return state


def _gone(state: Meeting) -> bool:
    """Erased, and the content with it: an alias is never blank otherwise."""
    return state.erased_at is not None and not state.alias
