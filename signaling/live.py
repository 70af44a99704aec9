"""One meeting while this node owns it: commands in, events out, in the one order that keeps secrets.

A batch: (1) the worker forbids what will be forbidden, and acknowledges; (2) the events are durable; (3) the
worker allows what is new; (4) the devices are told. Batches of one meeting never overlap.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import structlog

from rooms import commands as cmd
from rooms import events as ev
from rooms.decide import decide, due
from rooms.drafts import Draft, Edit
from rooms.errors import Reason, Rejected
from rooms.meeting import Meeting, fold
from rooms.mixes import Choice
from rooms.policy import Audience, audience, entering, sees_quality
from rooms.store.base import EventStore, Fenced, StoreUnavailable, VersionConflict
from rooms.views import Names
from signaling.dump import RoomDump
from signaling.errors import ServiceUnavailable
from signaling.exchange import Exchange, Holder
from signaling.mixing import Mixers
from signaling.quality import Quality
from signaling.record import Heard, Record
from signaling.restrictions import Restrictions
from signaling.session import Session
from signaling.telling import differs, notice, shown, view_changed
from signaling.timers import Timers
from signaling.worker import Worker
from signaling.writing import Writing

log = structlog.get_logger(__name__)

T = TypeVar("T")
ATTEMPTS = 3
STORE_RETRY = 1.0
GOING = "shutting_down"
"""Code of a refusal: this node does not act for the meeting any more."""


@dataclass(frozen=True, slots=True)
class Attached:
    """What a device begins with; `media` is what stands of its session's, `replaced` the session that it took
    the slot from."""

    snapshot: dict[str, Any]
    last_event: int
    media: dict[str, Any]
    replaced: str | None


class Live:
    def __init__(
        self,
        meeting: str,
        *,
        store: EventStore,
        exchange: Exchange,
        restrictions: Restrictions,
        names: Names,
        clock: Callable[[], float],
        grace: float,
        done: Callable[[], None] = lambda: None,
        mixers: Mixers | None = None,
        fence: int = 0,
        fenced: Callable[[], None] = lambda: None,
    ) -> None:
        """`done` is called whenever some work has ended: it may have been the last. `fence`: the token with
        which this node writes; `fenced` is called when another one has a higher one."""
        self.id = meeting
        self.fence = fence
        self.exchange = exchange
        self.sessions: dict[tuple[str, str], Session] = {}
        self._record = Record(meeting, store, restrictions, fence)
        self._names = names
        self._clock = clock
        self._grace = grace
        self._coming: Meeting | None = None
        self._writing = Writing()
        self._lock = asyncio.Lock()
        self._done = done
        self._fenced = fenced
        self._timers = Timers(meeting, clock, done)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed = False
        self._mixing = None if mixers is None else mixers.mixing(exchange, self.change_media)

    @property
    def state(self) -> Meeting | None:
        return self._record.state

    @property
    def current(self) -> Meeting:
        """Raises `Rejected` for a meeting that is not there (any more)."""
        if self.state is None or self.state.erased_at is not None:
            raise Rejected(Reason.MEETING_UNKNOWN, "there is no such meeting")
        return self.state

    @property
    def over(self) -> bool:
        """The meeting has ended, the store has all of it, and nothing goes on here any more."""
        if self.state is None or not self.state.ended:
            return False
        going_on = self.sessions or self._tasks or self._timers.working
        return not going_on and not self._record.owes

    def retire(self) -> None:
        """It leaves memory; only for one that is over."""
        self._closed = True
        self._timers.stop()

    async def load(self) -> None:
        """The state from the log, and over it what was restricted while the store was down.

        Raises `ServiceUnavailable` store_unavailable, or meeting_unreadable for a log of a newer program or a
        broken one.
        """
        async with self._lock:
            await self._load()
            self._schedule()

    def begin(self) -> None:
        """Time goes on from here: what it brings about comes after the worker has the meeting's table, or has
        told what it holds."""
        self._timers.begin()
        self._timers.set("unclaimed", self._clock() + self._grace, self._drop_unclaimed)
        if self.state is None or self.state.ended:
            return
        for person in self.state.participants.values():
            if person.present:
                self._leave_later(person.id)

    async def execute(self, command: cmd.Command) -> Meeting:
        """Raises `Rejected`, or `ServiceUnavailable` when the store does not answer; nothing widens then."""
        return await self._finished(self._execute(command))

    async def change_media(self, change: Callable[[], Any]) -> Any:
        """Runs `change` between batches; `reconcile` is for the caller to ask for, once it has answered."""

        async def changing() -> Any:
            async with self._lock:
                return await change()

        return await self._finished(changing())

    async def reconcile(self) -> None:
        """Brings the consumers in step with what is allowed and published."""
        await self.change_media(self._in_step)

    async def restart_consumer(self, consumer: str) -> None:
        """One that brings its listener nothing is closed, and another one made."""
        session = self.exchange.session_with(consumer)
        if session is not None:
            await self.change_media(lambda: self.exchange.restart_consumer(session, consumer))
            await self.reconcile()

    async def choose_mix(self, session: Session, choice: Choice) -> None:
        """How the sound is made for a device that cannot mix."""

        async def choose() -> None:
            session.choice = choice
            await self._listen_anew()
            await self._in_step()

        await self.change_media(choose)

    async def _in_step(self) -> None:
        await self.exchange.reconcile()
        if self._mixing is not None:
            await self._mixing.settle()

    async def _listen_anew(self) -> None:
        """Somebody whose device cannot mix has come, gone, or chosen."""
        if self._mixing is not None:
            target = self._allowed()
            await self.exchange.restrict(target)
            if self.exchange.unmixed == self._heard():  # else a restriction stands that could not be stored
                await self.exchange.allow(target)
            await self._mixing.settle()

    async def attach(self, session: Session) -> Attached:
        """The device takes its slot; another one that had it is replaced."""
        return await self._finished(self._attach(session))

    async def detach(self, session: Session) -> None:
        """The device's connection is gone; its owner counts as present for the grace time."""
        slot = (session.participant, session.slot)
        if self.sessions.get(slot) is session:
            self._leave_later(session.participant, session)

    async def leave(self, session: Session) -> None:
        """The device is gone for good, and its media with it."""
        await self._finished(self._gone(session.participant, session))

    async def drop_media(self) -> None:
        """The worker is another one: its table is written anew, and the devices that had media start over."""
        async with self._lock:
            for session in self.exchange.lost():
                session.notify("media.reset", {"reason": "worker_lost"})
            if self.state is not None and not self.state.ended:
                await self.exchange.allow(self._allowed())
            if self._mixing is not None:
                await self._mixing.settle()

    async def adopt_table(self, worker: Worker, found: RoomDump) -> None:
        """What a service that died had allowed, and this meeting as it is saved does not, is forbidden."""
        async with self._lock:
            await self.exchange.adopt_table(worker, found, self._allowed())

    async def adopt_devices(self, found: RoomDump, holders: Mapping[str, Holder], generation: int) -> None:
        """Media that the worker held meanwhile goes on; whose session does not come back loses it."""
        async with self._lock:
            people = {} if self.state is None or self.state.ended else self.state.participants
            stand = {s: h for s, h in holders.items() if h.participant in people}
            stand = {s: h for s, h in stand.items() if not people[h.participant].removed}
            await self.exchange.adopt_devices(found, stand, generation)
            await self.exchange.allow(self._allowed())
            if not people:
                await self.exchange.close()

    async def _drop_unclaimed(self) -> None:
        async with self._lock:
            await self.exchange.drop_unclaimed()

    def _heard(self) -> Audience:
        return {} if self.state is None or self.state.ended else audience(self.state)

    def _allowed(self) -> Audience:
        return {} if self.state is None or self.state.ended else self._table(self.state)

    def _table(self, state: Meeting) -> Audience:
        """Who may receive what, and the mixes of those whose devices cannot mix."""
        if self._mixing is None:
            return audience(state)
        return self._mixing.table(
            state, {s.participant: s.choice for s in self.sessions.values() if not s.mixes}
        )

    def type_text(self, session: Session, edit: Edit) -> None:
        """A letter of somebody's goes to those who hear them. While a change is under way, to those who hear
        them before and after it. Raises `Rejected`."""
        states = [self.current] if self._coming is None else [self.current, self._coming]
        self._writing.type(states, session, edit, self.sessions.values())

    def draft(self, session: Session, line: str) -> Draft:
        """The line that the device writes. Raises `Rejected` text_gone."""
        return self._writing.of(session, line)

    async def finish_line(self, session: Session, line: str, write: Callable[[Draft], cmd.WriteLine]) -> None:
        """`write` is asked when it is the line's turn: whoever has lost it by then does not get it back."""

        async def finish() -> None:
            async with self._lock:
                await self._batch(write(self.draft(session, line)))
                self._writing.finished(session, line)

        await self._finished(finish())

    def drafts(self, session: Session) -> list[dict[str, Any]]:
        return self._writing.shown(session)

    def speakers(self, levels: Sequence[dict[str, Any]]) -> None:
        """Each device is told of those whom it hears, and once when they fall silent."""
        for session in self.sessions.values():
            heard = [
                {"participant": level["owner"], "level": level["level"]}
                for level in levels
                if self.exchange.hears(session.participant, level["owner"])
            ]
            if heard or session.speaking:
                session.speaking = bool(heard)
                session.hint("media.speakers", {"speakers": heard})

    def tell_quality(self, known: Mapping[str, Quality]) -> None:
        """Each device is told of those of whom its owner may know it."""
        if self.state is None:
            return
        people = self.state.participants
        for session in self.sessions.values():
            told = [
                {"participant": id_, **asdict(quality)}
                for id_, quality in known.items()
                if id_ in people and sees_quality(self.state, people[session.participant], people[id_])
            ]
            if told:
                session.hint("media.quality", {"people": told})

    async def close(self, code: str, reason: str) -> None:
        """What has begun is finished; nothing begins after it."""
        self._closed = True
        for session in list(self.sessions.values()):
            session.close(code, reason)
        self.sessions.clear()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._timers.close()
        if self._mixing is not None:
            await self._mixing.close()

    async def surrender(self) -> None:
        """Another node acts for the meeting, or will in a moment: media ends first, then devices are sent
        there."""
        self._closed = True
        await self.exchange.restrict({})
        await self.close("moved", "the meeting goes on at another node")
        await self.exchange.close()

    async def _finished(self, work: Coroutine[Any, Any, T]) -> T:
        """A caller that goes away does not leave a batch half done."""
        if self._closed:
            work.close()
            raise ServiceUnavailable(GOING, "the meeting is taken up again in a moment")
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        self._done()

    async def _execute(self, command: cmd.Command) -> Meeting:
        async with self._lock:
            return await self._batch(command)

    async def _batch(self, command: cmd.Command) -> Meeting:
        try:
            for _ in range(ATTEMPTS):
                before, now = self.state, self._clock()
                events = decide(before, command, now)
                if not events:
                    assert before is not None
                    return before
                self._coming = _after(before, events)
                self._writing.narrow(self._coming, self.sessions.values())
                await self.exchange.restrict(self._table(self._coming))
                if await self._append(events, command):
                    heard = self._record.advance(events)
                    await self._show(before, heard, entering(before, self._known()))
                    return self._known()
                await self._reload()
        except Rejected:
            raise
        except Exception:
            await self.exchange.reconcile()  # what the worker forbids now, it forbids
            raise
        finally:
            self._coming = None
        raise ServiceUnavailable("busy", "the meeting changes too fast; try again")

    async def _append(self, events: Sequence[ev.Event], command: cmd.Command) -> bool:
        """False when somebody else has written: the command is to be decided again."""
        try:
            recorded = await self._record.append(events, command)
        except Fenced as error:
            raise self._surpassed() from error
        self._settle_later(STORE_RETRY if self._record.unstored else 0.0)
        return recorded

    def _surpassed(self) -> ServiceUnavailable:
        log.warning("another node has the meeting", meeting=self.id, fence=self.fence)
        self._fenced()
        return ServiceUnavailable(GOING, "the meeting is at another node now")

    async def _show(
        self, before: Meeting | None, heard: Heard, entering: frozenset[str] = frozenset()
    ) -> None:
        """What is durable: the worker allows it, and the devices are told."""
        state = self._known()
        self._writing.narrow(state, self.sessions.values())
        await self.exchange.allow(self._table(state), entering)
        self._tell(before, heard)
        await self._expel(state)
        await self._in_step()
        self._schedule()

    async def _reload(self) -> None:
        """Somebody else's events hold; the devices get them as one change."""
        before = self.state
        await self._load()
        await self._show(before, {})

    async def _load(self) -> None:
        await self._record.load()
        self._settle_later()

    def _settle_later(self, pause: float = 0.0) -> None:
        """What is kept in the file of restrictions goes to the store."""
        if self._record.owes:
            self._timers.set("restrictions", self._clock() + pause, self._settle)

    async def _settle(self) -> None:
        async with self._lock:
            try:
                await self._record.settle()
            except VersionConflict:
                await self._reload()
            except Fenced:
                self._surpassed()
            except (StoreUnavailable, OSError):
                self._settle_later(STORE_RETRY)

    def _tell(self, before: Meeting | None, heard: Heard) -> None:
        """A device that is told of no event is told of what changed for it. What only time changes (an
        expected start) is no reason: it would give away that something happened to the others."""
        now = self._clock()
        for session in list(self.sessions.values()):
            events = heard.get(session.participant, [])
            if events or differs(before, self._known(), session.participant, now, self._names):
                self._tell_device(session, events)

    def _tell_device(self, session: Session, heard: Sequence[tuple[int, ev.Event]]) -> None:
        before, session.shown = session.shown, self._shown(session.participant)
        changes = {name: part for name, part in session.shown.items() if before.get(name) != part}
        for index, (number, event) in enumerate(heard):
            last = index == len(heard) - 1
            session.notify("meeting.event", notice(number, event, changes if last else {}))
        if not heard and changes.keys() - {"now"}:
            number = self._record.told(session.participant)
            session.notify("meeting.event", view_changed(number, self._clock(), changes))

    def _shown(self, participant: str) -> dict[str, Any]:
        return shown(self._known(), participant, self._clock(), self._names)

    def _known(self) -> Meeting:
        assert self.state is not None
        return self.state

    async def _expel(self, state: Meeting) -> None:
        """Those whose grant is gone, or everybody when the meeting is over."""
        for slot, session in list(self.sessions.items()):
            if state.participants[session.participant].removed:
                session.close("removed", "the invitation has been taken back")
            elif state.ended:
                session.close("meeting_ended", "the meeting has ended")
            else:
                continue
            del self.sessions[slot]
            await self.exchange.drop(session.id)
        if state.ended:
            await self.exchange.close()

    async def _attach(self, session: Session) -> Attached:
        async with self._lock:
            await self._batch(cmd.Enter(actor=session.participant, participant=session.participant))
            slot = (session.participant, session.slot)
            earlier = self.sessions.pop(slot, None)
            if earlier is not None:
                if earlier.id != session.id:
                    earlier.close("replaced", "the meeting has been opened on another device")
                else:
                    earlier.close("resumed", "the session goes on in another connection")
            media = await self.exchange.attach(session)
            self._timers.cancel(f"leave {session.participant} {session.slot}")
            self._timers.cancel(f"leave {session.participant}")
            self.sessions[slot] = session
            session.shown = self._shown(session.participant)
            if earlier is not None and earlier.id == session.id:
                session.choice = earlier.choice
            await self._listen_anew()
            if session.closed:  # its connection went away meanwhile
                self._leave_later(session.participant, session)
            replaced = earlier.id if earlier is not None and earlier.id != session.id else None
            return Attached(session.shown, self._record.told(session.participant), media, replaced)

    def _leave_later(self, participant: str, session: Session | None = None) -> None:
        name = f"leave {participant}" + (f" {session.slot}" if session else "")
        self._timers.set(name, self._clock() + self._grace, lambda: self._gone(participant, session))

    async def _gone(self, participant: str, session: Session | None) -> None:
        async with self._lock:
            if session is not None and self.sessions.get((participant, session.slot)) is session:
                del self.sessions[participant, session.slot]
                await self.exchange.drop(session.id)
                await self._listen_anew()
            if any(who == participant for who, _ in self.sessions) or self.state is None:
                return
            try:
                await self._batch(cmd.Leave(actor=cmd.SYSTEM, participant=participant))
            except ServiceUnavailable:
                again = self._clock() + STORE_RETRY
                self._timers.set(f"leave {participant}", again, lambda: self._gone(participant, None))

    def _schedule(self, pause: float = 0.0) -> None:
        """What time brings about, as `rooms.decide.due` says; not before `pause` seconds have passed."""
        self._timers.cancel("due")
        if self.state is None:
            return
        upcoming = sorted(due(self.state), key=lambda pair: pair[0])
        if upcoming:
            at, command = upcoming[0]
            self._timers.set("due", max(at, self._clock() + pause), lambda: self._bring_about(command))

    async def _bring_about(self, command: cmd.Command) -> None:
        try:
            await self._execute(command)
        finally:
            self._schedule(STORE_RETRY)


def _after(before: Meeting | None, events: Sequence[ev.Event]) -> Meeting:
    after = fold(events, before)
    assert after is not None
    return after
