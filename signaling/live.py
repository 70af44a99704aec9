"""One meeting while this node owns it: commands in, events out, in the one order that keeps secrets.

A batch: (1) the worker forbids what will be forbidden, and acknowledges; (2) the events are durable; (3) the
worker allows what is new; (4) the devices are told. Batches of one meeting never overlap.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import structlog
from pydantic import TypeAdapter

from rooms import commands as cmd
from rooms import events as ev
from rooms.decide import decide, due
from rooms.errors import Reason, Rejected
from rooms.history import told
from rooms.meeting import Meeting, evolve, fold
from rooms.policy import audience
from rooms.store.base import EventStore, StoreUnavailable, VersionConflict
from rooms.store.codec import type_name
from rooms.views import Names, Snapshot, instant, snapshot
from signaling.errors import ServiceUnavailable
from signaling.exchange import Exchange
from signaling.restrictions import Kept, Restriction, Restrictions, is_restriction
from signaling.session import Session

log = structlog.get_logger(__name__)

Heard = dict[str, list[tuple[int, ev.Event]]]
"""Participant → what they are told, numbered."""

_SNAPSHOT = TypeAdapter(Snapshot)
_EVENT_DATA: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[str, Any])
ATTEMPTS = 3
STORE_RETRY = 1.0


@dataclass(frozen=True, slots=True)
class Attached:
    """What a device begins with; `replaced` is the session that it took the slot from."""

    snapshot: dict[str, Any]
    last_event: int
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
    ) -> None:
        self.id = meeting
        self.exchange = exchange
        self.state: Meeting | None = None
        self.sessions: dict[tuple[str, str], Session] = {}
        self._store = store
        self._restrictions = restrictions
        self._names = names
        self._clock = clock
        self._grace = grace
        self._stream = f"meeting/{meeting}"
        self._stored = 0
        self._unstored: list[ev.Event] = []
        self._numbers: dict[str, int] = {}
        self._lock = asyncio.Lock()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def current(self) -> Meeting:
        """Raises `Rejected` for a meeting that is not there (any more)."""
        if self.state is None or self.state.erased_at is not None:
            raise Rejected(Reason.MEETING_UNKNOWN, "there is no such meeting")
        return self.state

    async def load(self) -> None:
        """The state from the log, and over it what was restricted while the store was down."""
        async with self._lock:
            await self._load()
            self._schedule()
            if self.state is not None:
                for person in self.state.participants.values():
                    if person.present:
                        self._leave_later(person.id)

    async def execute(self, command: cmd.Command) -> Meeting:
        """Raises `Rejected`, or `ServiceUnavailable` when the store does not answer; nothing widens then."""
        return await self._finished(self._execute(command))  # type: ignore[no-any-return]

    async def change_media(self, change: Callable[[], Any]) -> Any:
        """Runs `change` between batches; `reconcile` is for the caller to ask for, once it has answered."""

        async def changing() -> Any:
            async with self._lock:
                return await change()

        return await self._finished(changing())

    async def reconcile(self) -> None:
        """Brings the consumers in step with what is allowed and published."""
        await self.change_media(self.exchange.reconcile)

    async def attach(self, session: Session) -> Attached:
        """The device takes its slot; another one that had it is replaced."""
        return await self._finished(self._attach(session))  # type: ignore[no-any-return]

    async def detach(self, session: Session) -> None:
        """The device's connection is gone; its owner counts as present for the grace time."""
        slot = (session.participant, session.slot)
        if self.sessions.get(slot) is session:
            self._leave_later(session.participant, session)

    async def leave(self, session: Session) -> None:
        """The device says goodbye."""
        await self._finished(self._gone(session.participant, session))

    async def drop_media(self) -> None:
        """The worker is another one: its table is written anew, and the devices that had media start over."""
        async with self._lock:
            for session in self.exchange.lost():
                session.close("media_restarted", "sound and picture start over")
            if self.state is not None:
                await self.exchange.allow(audience(self.state))

    def speakers(self, levels: Sequence[dict[str, Any]]) -> None:
        for session in self.sessions.values():
            heard = [
                {"participant": level["owner"], "level": level["level"]}
                for level in levels
                if self.exchange.hears(session.participant, level["owner"])
            ]
            session.hint("media.speakers", {"speakers": heard})

    async def close(self, code: str, reason: str) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        for session in list(self.sessions.values()):
            session.close(code, reason)
        self.sessions.clear()
        for task in list(self._tasks):
            await asyncio.wait([task])

    async def _finished(self, work: Any) -> Any:
        """A caller that goes away does not leave a batch half done."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return await asyncio.shield(task)

    async def _execute(self, command: cmd.Command) -> Meeting:
        async with self._lock:
            return await self._batch(command)

    async def _batch(self, command: cmd.Command) -> Meeting:
        for _ in range(ATTEMPTS):
            before = self.state
            now = self._clock()
            events = decide(before, command, now)
            if not events:
                assert before is not None
                return before
            after = fold(events, before)
            assert after is not None
            target = audience(after)
            await self.exchange.restrict(target)
            try:
                await self._append(events, command, now)
            except VersionConflict:
                await self._load()
                continue
            except ServiceUnavailable:
                await self.exchange.reconcile()
                raise
            heard = self._advance_all(events)
            await self.exchange.allow(target)
            self._tell(heard)
            await self._expel(after)
            await self.exchange.reconcile()
            self._schedule()
            return after
        raise ServiceUnavailable("busy", "the meeting changes too fast; try again")

    async def _append(self, events: Sequence[ev.Event], command: cmd.Command, now: float) -> None:
        pending = [*self._unstored, *events]
        try:
            self._stored = await self._store.append(self._stream, self._stored, pending)
        except StoreUnavailable as error:
            log.error("the store does not answer", meeting=self.id, error=str(error))
            if not is_restriction(command):
                raise ServiceUnavailable(
                    "store_unavailable", "nothing can be saved now; try again"
                ) from error
            assert isinstance(command, Restriction)
            await asyncio.to_thread(self._restrictions.keep, Kept(self.id, now, command))
            self._unstored = pending
            self._later("restrictions", self._clock() + STORE_RETRY, self._store_restrictions)
        else:
            if self._unstored:
                self._unstored = []
                await asyncio.to_thread(self._restrictions.drop, self.id)

    async def _load(self) -> None:
        try:
            recorded = await self._store.read(self._stream)
        except StoreUnavailable as error:
            raise ServiceUnavailable("store_unavailable", "the meeting cannot be read now") from error
        self._stored = len(recorded)
        self._unstored = []
        self._numbers = {}
        self.state = None
        for event in (r.event for r in recorded):
            self._advance(event)
        for kept in self._restrictions.of(self.id):
            try:
                events = decide(self.state, kept.command, kept.at)
            except Rejected:
                continue  # the log has overtaken it
            for event in events:
                self._advance(event)
                self._unstored.append(event)
        if self._unstored:
            self._later("restrictions", self._clock(), self._store_restrictions)

    async def _store_restrictions(self) -> None:
        async with self._lock:
            if not self._unstored:
                return
            try:
                self._stored = await self._store.append(self._stream, self._stored, self._unstored)
            except (StoreUnavailable, VersionConflict):
                self._later("restrictions", self._clock() + STORE_RETRY, self._store_restrictions)
            else:
                self._unstored = []
                await asyncio.to_thread(self._restrictions.drop, self.id)

    def _advance(self, event: ev.Event) -> dict[str, ev.Event]:
        """Folds one event; what each participant is told of it, counted."""
        before, self.state = self.state, evolve(self.state, event)
        if before is None:
            return {}
        after = self.state
        heard = {p: told(before, event, after, p) for p in after.participants}
        kept = {p: narrowed for p, narrowed in heard.items() if narrowed is not None}
        for participant in kept:
            self._numbers[participant] = self._numbers.get(participant, 0) + 1
        return kept

    def _advance_all(self, events: Sequence[ev.Event]) -> Heard:
        heard: Heard = {}
        for event in events:
            for participant, narrowed in self._advance(event).items():
                heard.setdefault(participant, []).append((self._numbers[participant], narrowed))
        return heard

    def _tell(self, heard: Heard) -> None:
        for session in list(self.sessions.values()):
            self._tell_device(session, heard.get(session.participant, []))

    def _tell_device(self, session: Session, heard: Sequence[tuple[int, ev.Event]]) -> None:
        shown = self._shown(session.participant)
        changes = {name: part for name, part in shown.items() if session.shown.get(name) != part}
        session.shown = shown
        for index, (number, event) in enumerate(heard):
            last = index == len(heard) - 1
            session.notify("meeting.event", _notice(number, event, changes if last else {}))
        if not heard and changes.keys() - {"now"}:
            number = self._numbers.get(session.participant, 0)
            at = instant(self._clock()).isoformat()
            notice = {"number": number, "type": "view_changed", "at": at, "data": {}, "changes": changes}
            session.notify("meeting.event", notice)

    def _shown(self, participant: str) -> dict[str, Any]:
        shown = snapshot(self.current_or_ended(), participant, self._clock(), self._names)
        result: dict[str, Any] = _SNAPSHOT.dump_python(shown, mode="json")
        return result

    def current_or_ended(self) -> Meeting:
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
            await self.exchange.drop(session)

    async def _attach(self, session: Session) -> Attached:
        async with self._lock:
            slot = (session.participant, session.slot)
            earlier = self.sessions.pop(slot, None)
            if earlier is not None:
                if earlier.id != session.id:
                    earlier.close("replaced", "the meeting has been opened on another device")
                else:
                    earlier.close("resumed", "the session goes on in another connection")
                await self.exchange.drop(earlier)
            await self._batch(cmd.Enter(actor=session.participant, participant=session.participant))
            self._cancel(f"leave {session.participant} {session.slot}")
            self._cancel(f"leave {session.participant}")
            self.sessions[slot] = session
            session.shown = self._shown(session.participant)
            replaced = earlier.id if earlier is not None and earlier.id != session.id else None
            return Attached(session.shown, self._numbers.get(session.participant, 0), replaced)

    def _leave_later(self, participant: str, session: Session | None = None) -> None:
        name = f"leave {participant}" + (f" {session.slot}" if session else "")
        self._later(name, self._clock() + self._grace, lambda: self._gone(participant, session))

    async def _gone(self, participant: str, session: Session | None) -> None:
        async with self._lock:
            if session is not None and self.sessions.get((participant, session.slot)) is session:
                del self.sessions[participant, session.slot]
                await self.exchange.drop(session)
            if all(who != participant for who, _ in self.sessions) and self.state is not None:
                await self._batch(cmd.Leave(actor=cmd.SYSTEM, participant=participant))

    def _schedule(self) -> None:
        """What time brings about, as `rooms.decide.due` says."""
        self._cancel("due")
        if self.state is None:
            return
        upcoming = sorted(due(self.state), key=lambda pair: pair[0])
        if upcoming:
            at, command = upcoming[0]
            self._later("due", at, lambda: self._execute(command))

    def _later(self, name: str, at: float, work: Callable[[], Any]) -> None:
        self._cancel(name)
        delay = max(0.0, at - self._clock())
        loop = asyncio.get_running_loop()
        self._timers[name] = loop.call_later(delay, lambda: self._finish_later(work(), name))

    def _finish_later(self, work: Any, timer: str | None = None) -> None:
        if timer is not None:
            self._timers.pop(timer, None)
        task = asyncio.create_task(_logged(work, self.id))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _cancel(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()


async def _logged(work: Any, meeting: str) -> None:
    try:
        await work
    except (Rejected, ServiceUnavailable) as error:
        log.warning("a step in the background failed", meeting=meeting, error=error.message)


def _notice(number: int, event: ev.Event, changes: dict[str, Any]) -> dict[str, Any]:
    data: dict[str, Any] = _EVENT_DATA.dump_python(asdict(event), mode="json")
    del data["at"]
    return {
        "number": number,
        "type": type_name(type(event)),
        "at": instant(event.at).isoformat(),
        "data": data,
        "changes": changes,
    }
