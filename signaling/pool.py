"""The interpreters' pool: who is available, which rooms wait for one, and the lease of the floor.

A hop from one room to another: (1) the old meeting forbids, and its worker has acknowledged; (2) the lease is
taken by compare-and-set; (3) the new meeting allows. Whatever breaks in between leaves the interpreter in no
room at all (`rooms.pool` says why a hop that was overtaken opens nothing).
"""

import asyncio
import secrets
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import structlog

from rooms import commands as cmd
from rooms import pool_commands as pcmd
from rooms.errors import Reason, Rejected
from rooms.meeting import Meeting
from rooms.people import Kind, Participant
from rooms.policy import may_answer
from rooms.pool import Interpreter, InterpreterCall, in_line
from rooms.rules.pool import of_the_pool
from rooms.store.base import Record, Records
from signaling.errors import ServiceError, ServiceUnavailable
from signaling.tokens import StaffClaims, Tokens, new_jti

log = structlog.get_logger(__name__)

PERSON = "pool_person"
LEASE = "floor_lease"
HOLD = 20.0
"""Seconds for which a question waits for news."""
ATTEMPTS = 20


class PoolError(ServiceError):
    """`code`: call_unknown, room_unknown, floor_busy."""


class Meetings(Protocol):
    async def state(self, meeting: str) -> Meeting: ...

    async def execute(self, meeting: str, command: cmd.Command) -> Meeting: ...

    def going_on(self) -> list[Meeting]: ...

    def acts_for(self, meeting: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class Waiting:
    """A room that waits, as somebody who is not of it may know."""

    call: InterpreterCall
    site: str
    place: int


@dataclass(frozen=True, slots=True)
class Room:
    """A meeting that the interpreter has been given to."""

    state: Meeting
    person: Participant
    floor: bool


@dataclass(frozen=True, slots=True)
class Board:
    revision: int
    me: Interpreter
    waiting: tuple[Waiting, ...]
    rooms: tuple[Room, ...]


class Pool:
    def __init__(
        self, *, records: Records, meetings: Meetings, tokens: Tokens, clock: Callable[[], float]
    ) -> None:
        self._records = records
        self._meetings = meetings
        self._tokens = tokens
        self._clock = clock
        self._revision = int(clock())
        self._news = asyncio.Event()
        self._placing: asyncio.Task[None] | None = None
        self._again = False
        self._closed = False

    async def me(self, claims: StaffClaims) -> Interpreter:
        record = await self._records.get(PERSON, claims.sub)
        known = Interpreter(claims.sub, claims.name) if record is None else _interpreter(record)
        return Interpreter(claims.sub, claims.name, known.languages, known.kind, claims.sites, known.until)

    async def describe(
        self, claims: StaffClaims, languages: tuple[str, ...], kind: Kind, until: float | None
    ) -> Interpreter:
        """What somebody says of themselves: what they can do, and until when they are to be called."""
        me = Interpreter(claims.sub, claims.name, languages, kind, claims.sites, until)
        value = {**asdict(me), "kind": kind.value}
        while not await self._records.put_if_absent(PERSON, claims.sub, value):
            record = await self._records.get(PERSON, claims.sub)
            if record is not None and await self._records.compare_and_set(
                PERSON, claims.sub, record.version, value
            ):
                break
        self._tell()
        return me

    async def board(self, claims: StaffClaims, known: int | None = None) -> Board:
        """What the interpreter's page shows; waits a while when nothing is newer than `known`."""
        if known == self._revision and not self._closed:
            await self._wait()
        return await self._board(claims)

    async def accept(self, claims: StaffClaims, call: str) -> Room:
        """The first one comes, and has the floor there unless they are in another room. Raises PoolError,
        Rejected."""
        me = await self.me(claims)
        now = self._clock()
        for state in self._meetings.going_on():
            found = state.pool.call(call)
            if found is not None and _called(me, found, state, now):
                accepted = pcmd.AcceptCall(
                    actor=cmd.SYSTEM,
                    call=call,
                    participant="p_" + secrets.token_hex(8),
                    subject=me.subject,
                    name=me.name,
                    languages=me.languages,
                )
                room = _room(await self._meetings.execute(state.id, accepted), me.subject)
                if await self._free(me.subject):
                    await self.hop(claims, state.id)
                    return _room(await self._meetings.state(state.id), me.subject)
                return room
        raise PoolError("call_unknown", "somebody else has come, or nobody is called any more")

    async def admission(self, claims: StaffClaims, meeting: str) -> tuple[str, int]:
        """An access token to a room of one's own, and its lifetime. Raises PoolError."""
        room = await self._own(claims.sub, meeting)
        return self._tokens.issue_access(
            participant=room.person.id,
            role=room.person.role.value,
            agency=None,
            meeting=meeting,
            station=None,
            jti=new_jti(),
        )

    async def hop(self, claims: StaffClaims, meeting: str | None) -> None:
        """The floor goes to `meeting`, or to none. Raises PoolError, Rejected, ServiceUnavailable."""
        await self._hop(claims.sub, meeting)

    async def put_down(self, subject: str) -> None:
        """Whoever is signed in no more is in no room. Raises PoolError, Rejected, ServiceUnavailable."""
        record = await self._records.get(LEASE, subject)
        if record is not None and record.value["meeting"] is not None:
            await self._hop(subject, None)

    async def _hop(self, subject: str, meeting: str | None) -> None:
        room = None if meeting is None else await self._own(subject, meeting)
        for _ in range(ATTEMPTS):
            record = await self._lease(subject)
            held, fence = record.value["meeting"], int(record.value["fence"])
            if held is not None:
                if held == meeting and room is not None and await self._holds(room, fence):
                    return
                await self._leave(subject, held, fence + 1)
            value = {"meeting": meeting, "fence": fence + 1}
            if not await self._records.compare_and_set(LEASE, subject, record.version, value):
                continue
            if room is not None:
                taken = pcmd.TakeFloor(actor=cmd.SYSTEM, participant=room.person.id, fence=fence + 1)
                await self._meetings.execute(room.state.id, taken)
            return
        raise PoolError("floor_busy", "the floor changes too fast; try again")

    def changed(self) -> None:
        """Something about calls or rooms has changed in some meeting."""
        self._tell()
        self._again = True
        if self._placing is None and not self._closed:
            self._placing = asyncio.create_task(self._place())

    async def close(self) -> None:
        """Lets everybody who waits go."""
        self._closed = True
        self._news.set()
        if self._placing is not None:
            self._placing.cancel()
            await asyncio.gather(self._placing, return_exceptions=True)

    async def _board(self, claims: StaffClaims) -> Board:
        revision, me, now = self._revision, await self.me(claims), self._clock()
        states = self._meetings.going_on()
        places = in_line(call for state in states for call in state.pool.calls)
        waiting = [
            Waiting(call, state.site, places[call.id])
            for state in states
            for call in state.pool.calls
            if _called(me, call, state, now)
        ]
        rooms = [_room(state, me.subject) for state in states if of_the_pool(state, me.subject) is not None]
        return Board(
            revision,
            me,
            tuple(sorted(waiting, key=lambda w: (w.call.at, w.call.id))),
            tuple(_by_beginning(rooms)),
        )

    async def _own(self, subject: str, meeting: str) -> Room:
        state = next((each for each in self._meetings.going_on() if each.id == meeting), None)
        if state is None or of_the_pool(state, subject) is None:
            raise PoolError("room_unknown", "this is not a room of yours")
        return _room(state, subject)

    async def _lease(self, subject: str) -> Record:
        while True:
            record = await self._records.get(LEASE, subject)
            if record is not None:
                return record
            await self._records.put_if_absent(LEASE, subject, {"meeting": None, "fence": 0})

    async def _free(self, subject: str) -> bool:
        """In no room now that still goes on."""
        held = (await self._lease(subject)).value["meeting"]
        return held not in [state.id for state in self._meetings.going_on()]

    async def _holds(self, room: Room, fence: int) -> bool:
        floor = (await self._meetings.state(room.state.id)).pool.floors.get(room.person.id)
        return floor is not None and floor.held and floor.fence == fence

    async def _leave(self, subject: str, meeting: str, fence: int) -> None:
        """A meeting that is over, or gone, has let nobody hear anything for long."""
        try:
            state = await self._meetings.state(meeting)
            person = of_the_pool(state, subject)
            if person is not None:
                left = pcmd.LeaveFloor(actor=cmd.SYSTEM, participant=person.id, fence=fence)
                await self._meetings.execute(meeting, left)
        except Rejected as error:
            if error.reason not in (Reason.MEETING_ENDED, Reason.MEETING_UNKNOWN):
                raise

    async def _place(self) -> None:
        """Every call is told its place in the queue; once more when something has changed meanwhile."""
        try:
            while self._again:
                self._again = False
                calls = [(state.id, call) for state in self._meetings.going_on() for call in state.pool.calls]
                places = in_line(call for _, call in calls)
                for meeting, call in calls:
                    if call.place != places[call.id] and self._meetings.acts_for(meeting):
                        await self._tell_place(meeting, call.id, places[call.id])
        finally:
            self._placing = None

    async def _tell_place(self, meeting: str, call: str, place: int) -> None:
        try:
            placed = pcmd.PlaceCall(actor=cmd.SYSTEM, call=call, place=place)
            await self._meetings.execute(meeting, placed)
        except (Rejected, ServiceUnavailable) as error:
            log.info("a call is not told its place", meeting=meeting, why=error.message)

    def _tell(self) -> None:
        self._revision += 1
        self._news.set()
        self._news = asyncio.Event()

    async def _wait(self) -> None:
        news = self._news
        try:
            async with asyncio.timeout(HOLD):
                await news.wait()
        except TimeoutError:
            return


def _room(state: Meeting, subject: str) -> Room:
    person = of_the_pool(state, subject)
    assert person is not None
    return Room(state, person, state.pool.attends(person.id))


def _called(me: Interpreter, call: InterpreterCall, state: Meeting, now: float) -> bool:
    return me.fits(call, state.site, now) and may_answer(state, me.subject, call.kind)


def _by_beginning(rooms: Iterable[Room]) -> list[Room]:
    return sorted(rooms, key=lambda room: (room.state.planned_at or room.state.created_at, room.state.id))


def _interpreter(record: Record) -> Interpreter:
    value: dict[str, Any] = dict(record.value)
    return Interpreter(
        **{
            **value,
            "languages": tuple(value["languages"]),
            "sites": tuple(value["sites"]),
            "kind": Kind(value["kind"]),
        }
    )
