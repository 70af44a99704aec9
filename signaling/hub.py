"""The meetings of this node: loads them from the store, keeps them alive, and finds them again."""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from config.settings import Settings
from media.errors import WorkerError
from media.memory import give_back
from rooms import commands as cmd
from rooms.errors import Reason, Rejected
from rooms.events import Event
from rooms.meeting import Meeting, fold
from rooms.pool import NOTHING_CALLED, Pooled
from rooms.store.base import CorruptLog, Store, StoreUnavailable, UnknownEvent, is_stream_name
from rooms.views import Names
from signaling import quality
from signaling.bookkeeping import Bookkeeper
from signaling.dump import RoomDump
from signaling.errors import ServiceUnavailable
from signaling.exchange import Exchange, Holder, session_of
from signaling.live import Live
from signaling.mixing import Mixers
from signaling.restrictions import Restrictions
from signaling.session import Session, Sessions
from signaling.shelf import Shelf, begin, over
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
    ) -> None:
        self.workers = workers
        self.mixers = Mixers(workers, settings.media) if settings.server_mix else None
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

    async def start(self) -> None:
        """Takes every meeting that the store has, then starts media. Raises `ServiceUnavailable`."""
        try:
            for stream in await self._store.events.streams(PREFIX):
                await self._open_logged(stream.removeprefix(PREFIX))
        except StoreUnavailable as error:
            raise ServiceUnavailable("store_unavailable", str(error)) from error
        found = await self.workers.start(self)
        if found is None:
            await self.on_media_lost()
        else:
            await self._adopt(found, self.workers.generation)
        early, self._early = self._early, None
        for event, data in early or []:
            self.on_media(event, data)
        for live in self._lives.values():
            live.begin()
        self._keep(self._sweep())
        self._keep(self._watch_quality())

    def hand_over(self) -> None:
        """At `close` media is not to end: it goes on alone, for the service that starts next."""
        self._hands_over = True

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for live in list(self._lives.values()):
            await live.close("shutting_down", "the service is being restarted")
        if self.mixers is not None:
            await self.mixers.close()
        await (self.workers.hand_over() if self._hands_over else self.workers.close())

    async def create(self, command: cmd.CreateMeeting) -> Meeting:
        live = await self._open(command.meeting)
        try:
            return await live.execute(command)
        finally:
            if live.state is None:
                self._lives.pop(command.meeting, None)

    async def execute(self, meeting: str, command: cmd.Command) -> Meeting:
        """Carries the command out in the order of a batch. Raises `Rejected`, `ServiceUnavailable`."""
        live = await self.live(meeting)
        return await live.execute(command)

    async def state(self, meeting: str) -> Meeting:
        return (await self.live(meeting)).current

    async def live(self, meeting: str) -> Live:
        """Raises `Rejected` for a meeting that is not there; `ServiceUnavailable` when it cannot be read."""
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
        states = [s for s in (*lives, *past) if s is not None and s.erased_at is None]
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

    async def close_participant(self, meeting: str, participant: str, code: str, reason: str) -> None:
        """Closes the participant's devices; media goes first."""
        live = await self.live(meeting)
        for session in [s for (who, _), s in live.sessions.items() if who == participant]:
            await self._end(live, session, code, reason)

    async def close_session(self, meeting: str, session: str, code: str, reason: str) -> None:
        """Closes one device, if it is connected."""
        live = await self.live(meeting)
        for each in [s for s in live.sessions.values() if s.id == session]:
            await self._end(live, each, code, reason)

    async def _end(self, live: Live, session: Session, code: str, reason: str) -> None:
        await live.leave(session)
        session.close(code, reason)
        await self.sessions.close(session.id, "closed")

    async def _adopt(self, found: list[RoomDump], generation: int) -> None:
        """A worker has gone on while we were away. First of all it forbids what is not allowed any more."""
        known = [(room, live) for room in found if (live := self._lives.get(room.id)) is not None]
        strangers = [room.id for room in found if room.id not in self._lives]
        await asyncio.gather(
            *(live.adopt_table(room) for room, live in known), *(self._close_room(id_) for id_ in strangers)
        )
        for room, live in known:
            await live.adopt_devices(room, await self._holders(room), generation)
        others = self._lives.keys() - {room.id for room in found}
        await asyncio.gather(*(self._lives[id_].drop_media() for id_ in others))

    async def _close_room(self, room: str) -> None:
        with contextlib.suppress(WorkerError, ServiceUnavailable):
            await self.workers.call(lambda worker: worker.close_room(room))

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
            case "producerClosed":
                for live in self._lives.values():
                    live.exchange.producer_closed(data["producer"])
            case "transportState" if data["state"] == "closed":
                live = self._lives.get(data["room"])
                if live is not None:
                    live.exchange.transport_closed(data["transport"])
            case _:
                log.debug("media", what=event, data=data)

    async def on_media_lost(self) -> None:
        await asyncio.gather(*(live.drop_media() for live in list(self._lives.values())))

    async def _open(self, meeting: str, *, keep_unknown: bool = True) -> Live:
        async with self._opening:
            live = self._lives.get(meeting)
            if live is None:
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
                )
                await live.load()
                if self._early is None:
                    live.begin()
                if keep_unknown if live.state is None else not _gone(live.state):
                    self._shelf.take(meeting)
                    self._lives[meeting] = live
                    asyncio.get_running_loop().call_soon(self._shelve, meeting)
            return live

    def going_on(self) -> list[Meeting]:
        """The meetings that have not ended."""
        states = [live.state for live in self._lives.values()]
        return [state for state in states if state is not None and not state.ended]

    def _worked(self, meeting: str) -> None:
        """Some work on the meeting has ended."""
        live = self._lives.get(meeting)
        state = None if live is None else live.state
        pooled = NOTHING_CALLED if state is None or state.ended else state.pool
        if pooled is not self._pooled.pop(meeting, NOTHING_CALLED):
            self.on_pool()
        if pooled is not NOTHING_CALLED:
            self._pooled[meeting] = pooled
        self._shelve(meeting)

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

    async def _watch_quality(self) -> None:
        read: dict[str, dict[str, Any]] = {}
        while True:
            await asyncio.sleep(quality.EVERY)
            read = await self._assess_quality(read)

    async def _assess_quality(self, before: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """What the worker counts now, by meeting; the devices are told what has changed since `before`."""
        read: dict[str, dict[str, Any]] = {}
        for live in [each for each in self._lives.values() if each.sessions]:
            try:
                read[live.id] = await self.workers.call(lambda worker, id_=live.id: worker.stats(id_))  # type: ignore[misc]
            except (WorkerError, ServiceUnavailable):
                continue
            if live.id in before:
                live.tell_quality(quality.assess(before[live.id], read[live.id]))
        return read


def _gone(state: Meeting) -> bool:
    """Erased, and the content with it: an alias is never blank otherwise."""
    return state.erased_at is not None and not state.alias
