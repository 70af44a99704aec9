"""Which meetings are this node's to act for, where several share a store: taken, lost, handed over; and what
the nodes ask of each other for it.
"""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import replace
from typing import Any, Protocol

import structlog

from rooms import commands as cmd
from rooms.cluster import Node, Owner, Standing, place
from rooms.decide import decide
from rooms.errors import Reason, Rejected
from rooms.meeting import Meeting, fold
from rooms.store.base import CorruptLog, StoreUnavailable, UnknownEvent
from signaling.cluster import Cluster, Displaced, View
from signaling.errors import ServiceError, ServiceUnavailable
from signaling.live import Live
from signaling.nodes import Elsewhere, Moving, Nodes, Params, decoded, encoded
from signaling.others import Others
from signaling.restrictions import Restrictions
from signaling.session import Session

log = structlog.get_logger(__name__)

MOVES = 4
MOVE_PAUSE = 0.1
"""Attempts to find out where a meeting has gone, and seconds by which each waits longer."""
AT_ONCE = 8
"""Meetings that are handed over together."""


class Here(Protocol):
    """The meetings of this node: the hub."""

    @property
    def lives(self) -> Mapping[str, Live]: ...

    async def open(
        self, meeting: str, *, keep_unknown: bool = True, replaces: Owner | None = None
    ) -> Live: ...

    async def live(self, meeting: str) -> Live: ...

    def forget(self, meeting: str) -> Live | None: ...

    async def create_here(self, command: cmd.CreateMeeting) -> Meeting: ...

    async def execute(self, meeting: str, command: cmd.Command) -> Meeting: ...

    async def erase(self, meeting: str, actor: str) -> None: ...

    async def end(self, live: Live, session: Session, code: str, reason: str) -> None: ...

    def other_changed(self, state: Meeting) -> None: ...

    def keep(self, work: Coroutine[Any, Any, None]) -> None: ...


class Ownership:
    def __init__(
        self,
        here: Here,
        *,
        cluster: Cluster,
        nodes: Nodes,
        others: Others,
        restrictions: Restrictions,
        clock: Callable[[], float],
    ) -> None:
        self._here = here
        self._cluster = cluster
        self._nodes = nodes
        self._others = others
        self._restrictions = restrictions
        self._clock = clock
        self._surrendered: set[str] = set()
        self._seen = asyncio.Event()
        """A sign of life has been given, or could not be: there may be something to arrange."""
        nodes.answer("execute", self._asked_to_execute)
        nodes.answer("erase", self._asked_to_erase)
        nodes.answer("close", self._asked_to_close)
        nodes.answer("take", self._asked_to_take)
        nodes.answer("lost", self._told_lost)

    @property
    def displaced(self) -> bool:
        return self._cluster.displaced

    async def enter(self) -> None:
        """What this node had when it ended is its own again; what nobody has is divided. Raises
        StoreUnavailable, ServiceUnavailable."""
        try:
            view = await self._cluster.beat(0)
        except Displaced as error:
            raise ServiceUnavailable("node_displaced", str(error)) from error
        self._here.keep(self._beat())
        await self._others.read_all()
        for state in self._others.states():
            owner = view.owners.get(state.id)
            if owner.node == self._cluster.me.name if owner else self._cluster.inherits(state.id, state.site):
                await self._take_up(state.id, owner)

    async def arrange(self) -> None:
        """Until this node goes: what follows from the signs of life. It may take long, and signs are given
        all the while."""
        while True:
            await self._seen.wait()
            self._seen.clear()
            try:
                if self._cluster.displaced or self._cluster.standing is Standing.ORPHANED:
                    await self._lose_all()
                else:
                    await self._arrange()
            except Exception:
                log.exception("the meetings cannot be arranged")

    async def drain(self) -> None:
        """Every meeting goes to another node, if there is one. Until then the others see that we live."""
        self._cluster.drain()
        beating = asyncio.create_task(self._beat())
        try:
            await self._cluster.beat(self._load())
            while self._here.lives and self._cluster.heirs():
                some = list(self._here.lives.values())[:AT_ONCE]
                await asyncio.gather(*(self._hand_over(live) for live in some))
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)
            if self._cluster.heirs():
                await self._cluster.leave()
        except (StoreUnavailable, Displaced) as error:
            log.warning("meetings are not handed over", why=str(error))
        finally:
            beating.cancel()

    async def created_elsewhere(self, command: cmd.CreateMeeting) -> bool:
        """At the node that its site and the nodes' load call for, unless that is this one, or does not
        answer."""
        node = self._cluster.place(command.site)
        if node.name != self._cluster.me.name:
            with contextlib.suppress(ServiceUnavailable):
                await self._ask(node, "execute", meeting=command.meeting, **encoded(command))
                return True
        return False

    async def executed_elsewhere(self, meeting: str, command: cmd.Command) -> bool:
        return await self.done_elsewhere(meeting, "execute", **encoded(command))

    async def done_elsewhere(self, meeting: str, what: str, **params: Any) -> bool:
        """Has the node that acts for the meeting done it? False when it is for this one to do."""
        for attempt in range(MOVES):
            if meeting in self._here.lives:
                return False
            node = await self._cluster.known_owner(meeting)
            if node is None or node.name == self._cluster.me.name:
                return False
            with contextlib.suppress(Elsewhere):
                await self._ask(node, what, meeting=meeting, **params)
                return True
            await asyncio.sleep(MOVE_PAUSE * attempt)
        raise ServiceUnavailable("moving", "the meeting moves to another node; try again")

    def after(self, state: Meeting, command: cmd.Command) -> Meeting:
        """The meeting as the command has left it at another node; while the store is away `state` is from
        before."""
        if self._cluster.standing is Standing.KEEPING:
            return state
        with contextlib.suppress(Rejected):
            return fold(decide(state, command, self._clock()), state) or state
        return state

    async def take(self, meeting: str, keep_unknown: bool, replaces: Owner | None) -> int:
        """The fencing token with which this node acts for the meeting. Raises `Elsewhere`,
        `ServiceUnavailable`, and `Rejected` for a meeting that is not there."""
        cluster = self._cluster
        leaves = cluster.displaced or (cluster.me.draining and cluster.heirs())
        if leaves or meeting in self._surrendered:
            raise Moving(cluster.spread(""))
        try:
            owner = await cluster.owner(meeting)
            if owner != replaces:
                self._demand_ours(owner)
            if owner is None and not keep_unknown and await self._others.read(meeting) is None:
                raise Rejected(Reason.MEETING_UNKNOWN, "there is no such meeting")
            fence = await cluster.take(meeting, owner)
        except StoreUnavailable as error:
            raise ServiceUnavailable("store_unavailable", "the meeting cannot be read now") from error
        except (UnknownEvent, CorruptLog) as error:
            raise ServiceUnavailable("meeting_unreadable", "the meeting cannot be read") from error
        if fence is None:
            raise Moving(cluster.spread("" if owner is None else owner.node))
        return fence

    async def demand_here(self, meeting: str) -> None:
        """Raises `Elsewhere` and `Moving` for a meeting of another node, and waits for nothing that is being
        opened: many ask while their meetings move. Raises `ServiceUnavailable`."""
        try:
            self._demand_ours(await self._cluster.owner(meeting))
        except StoreUnavailable as error:
            raise ServiceUnavailable("store_unavailable", "the meeting cannot be read now") from error

    def _demand_ours(self, owner: Owner | None) -> None:
        if owner is not None and owner.node != self._cluster.me.name:
            spread = self._cluster.spread(owner.node)
            raise Elsewhere(owner.node, spread) if owner.node in self._cluster.view.nodes else Moving(spread)

    def holds(self, meeting: str, fence: int) -> bool:
        """Is that still the token with which this node acts for it, as far as is known?"""
        return self._cluster.held.get(meeting) == fence

    async def let_go(self, meeting: str, fence: int) -> None:
        """Nobody needs to act for it any more."""
        try:
            await self._cluster.release(meeting, fence)
        except StoreUnavailable as error:
            log.info("a meeting is not let go", meeting=meeting, why=str(error))

    async def lose(self, meeting: str, fence: int) -> None:
        """Another node acts for it: this one stops at once."""
        if self.holds(meeting, fence):
            del self._cluster.held[meeting]
        live = self._here.lives.get(meeting)
        if live is None or live.fence != fence:
            return
        log.warning("the meeting is another node's", meeting=meeting)
        if live.state is not None:
            self._others.put_doubtful(live.state)
        await self._surrender(live)
        if live.state is not None:
            self._here.other_changed(live.state)

    async def _surrender(self, live: Live) -> None:
        """Until its media has ended it is not opened again: the worker knows one meeting of that name."""
        self._here.forget(live.id)
        self._surrendered.add(live.id)
        try:
            await live.surrender()
        finally:
            self._surrendered.discard(live.id)

    async def _lose_all(self) -> None:
        mine = {meeting: live.fence for meeting, live in self._here.lives.items()}
        await self._lose_together({**self._cluster.held, **mine}.items())

    async def _lose_together(self, meetings: Iterable[tuple[str, int]]) -> None:
        for failed in await asyncio.gather(*(self.lose(*each) for each in meetings), return_exceptions=True):
            if failed is not None:
                log.error("a meeting is not given up in order", why=repr(failed))

    def _load(self) -> int:
        return sum(len(live.sessions) for live in self._here.lives.values())

    async def _beat(self) -> None:
        """Signs of life after the first one, until this node goes or another has its name."""
        every, time = self._cluster.lifetime / 5, asyncio.get_running_loop().time
        begun = time()
        while not self._cluster.displaced:
            await asyncio.sleep(max(every / 5, begun + every - time()))
            begun = time()
            try:
                await self._cluster.beat(self._load())
            except StoreUnavailable as error:
                log.info("no sign of life could be given", why=str(error))
                if self._cluster.standing is not Standing.ORPHANED:
                    continue
            except Displaced as error:
                log.error("this node stops", why=str(error))
            except Exception:
                log.exception("the nodes cannot be looked at")
                continue
            self._seen.set()

    async def _arrange(self) -> None:
        """What is lost is let go, and what nobody has any more is taken, first where people are. What has
        been seen meanwhile counts."""
        view = await self._lose_what_is_lost(None)
        await self._others.look_again()
        for state in sorted(self._others.states(), key=_present, reverse=True):
            view = await self._lose_what_is_lost(view)
            owner = view.owners.get(state.id)
            ours = owner is not None and owner.node == self._cluster.me.name
            left = owner is None or owner.node not in view.nodes
            if ours or (left and self._cluster.inherits(state.id, state.site)):
                await self._take_up(state.id, owner)
        for meeting in self._restrictions.meetings() - self._here.lives.keys():
            await self._pass_on(meeting)

    async def _lose_what_is_lost(self, known: View | None) -> View:
        """What is to be seen now; `known` has been dealt with."""
        view = self._cluster.view
        if view is not known:
            mine = self._cluster.me.name
            lost = [each for each in view.held.items() if view.owners.get(each[0]) != Owner(mine, each[1])]
            await self._lose_together(lost)
        return view

    async def _hand_over(self, live: Live) -> None:
        to = place(live.state.site if live.state is not None else "", self._cluster.heirs())
        assert to is not None
        await self._surrender(live)
        try:
            if await self._cluster.hand_over(live.id, live.fence, to):
                await self._tell_to_take(to, live.id)
        except StoreUnavailable as error:
            log.warning("a meeting is not handed over", meeting=live.id, why=str(error))

    async def _take_up(self, meeting: str, owner: Owner | None) -> None:
        try:
            await self._here.open(meeting, replaces=owner)
        except (Elsewhere, ServiceUnavailable, Rejected) as error:
            log.info("a meeting is not taken up", meeting=meeting, why=error.message)
            return
        except Exception:
            log.exception("a meeting cannot be taken up", meeting=meeting)  # the others can
            return
        log.info("a meeting is taken up", meeting=meeting)
        before = None if owner is None else self._cluster.view.known.get(owner.node)
        if before is not None and before.name != self._cluster.me.name:
            self._here.keep(self._tell_lost(before, meeting, self._cluster.held.get(meeting, 0)))

    async def _ask(self, node: Node, what: str, **params: Any) -> None:
        """As `Nodes.ask`; no answer is waited for from a node that is gone: `Moving`."""
        asking = asyncio.create_task(self._nodes.ask(node, what, **params))
        gone = asyncio.create_task(self._cluster.gone(node.name))
        try:
            await asyncio.wait((asking, gone), return_when=asyncio.FIRST_COMPLETED)
            if not asking.done():
                raise Moving(self._cluster.spread(node.name))
            asking.result()
        finally:
            asking.cancel()
            gone.cancel()

    async def _tell_lost(self, node: Node, meeting: str, fence: int) -> None:
        with contextlib.suppress(ServiceError):
            await self._nodes.ask(node, "lost", meeting=meeting, fence=fence)

    async def _tell_to_take(self, node: Node, meeting: str) -> None:
        try:
            await self._ask(node, "take", meeting=meeting)
        except (ServiceError, Rejected) as error:
            log.warning("a meeting waits to be taken up", meeting=meeting, why=error.message)

    async def _pass_on(self, meeting: str) -> None:
        """What was restricted here while the store was away holds wherever the meeting is now."""
        try:
            for kept in self._restrictions.of(meeting):
                with contextlib.suppress(Rejected):
                    await self._here.execute(meeting, replace(kept.command, actor=cmd.SYSTEM))
            await asyncio.to_thread(self._restrictions.drop, meeting)
        except (ServiceError, OSError) as error:
            log.warning("a restriction is not passed on yet", meeting=meeting, why=str(error))

    async def _asked_to_execute(self, params: Params) -> None:
        command = decoded(params)
        if isinstance(command, cmd.CreateMeeting):
            await self._here.create_here(command)
        else:
            await (await self._here.live(params["meeting"])).execute(command)

    async def _asked_to_erase(self, params: Params) -> None:
        await self._here.erase(params["meeting"], params["actor"])

    async def _asked_to_close(self, params: Params) -> None:
        live = await self._here.live(params["meeting"])
        for (who, _), session in list(live.sessions.items()):
            if params["participant"] == who or params["session"] == session.id:
                await self._here.end(live, session, params["code"], params["reason"])

    async def _asked_to_take(self, params: Params) -> None:
        await self._here.open(params["meeting"])

    async def _told_lost(self, params: Params) -> None:
        held = self._cluster.held.get(params["meeting"])
        if held is not None and held < params["fence"]:
            await self.lose(params["meeting"], held)


def _present(state: Meeting) -> int:
    return sum(person.present for person in state.participants.values())
