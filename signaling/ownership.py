"""Which meetings are this node's to act for, where several share a store: taken, lost, handed over; and what
the nodes ask of each other for it.
"""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Mapping
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
        nodes.answer("execute", self._asked_to_execute)
        nodes.answer("erase", self._asked_to_erase)
        nodes.answer("close", self._asked_to_close)
        nodes.answer("take", self._asked_to_take)
        nodes.answer("lost", self._told_lost)

    async def enter(self) -> None:
        """What this node had when it ended is its own again; what nobody has is divided. Raises
        StoreUnavailable, ServiceUnavailable."""
        try:
            view = await self._cluster.beat(0)
        except Displaced as error:
            raise ServiceUnavailable("node_displaced", str(error)) from error
        await self._others.read_all()
        for state in self._others.states():
            owner = view.owners.get(state.id)
            if owner.node == self._cluster.me.name if owner else self._cluster.inherits(state.id, state.site):
                await self._take_up(state.id, owner)

    async def beat(self) -> None:
        """Until this node goes: signs of life, and what follows from those of the others."""
        while True:
            await asyncio.sleep(self._cluster.lifetime / 5)
            try:
                await self._arrange(await self._cluster.beat(self._load()))
            except StoreUnavailable as error:
                log.info("no sign of life could be given", why=str(error))
            except Displaced as error:
                log.error("this node stops", why=str(error))
                await self._lose_all()
                return
            except Exception:
                log.exception("the nodes cannot be looked at")
            if self._cluster.standing is Standing.ORPHANED:
                await self._lose_all()

    async def drain(self) -> None:
        """Every meeting goes to another node, if there is one."""
        self._cluster.drain()
        try:
            await self._cluster.beat(self._load())
            heirs = [node for node in self._cluster.others() if not node.draining]
            for meeting, live in list(self._here.lives.items()) if heirs else []:
                to = place(live.state.site if live.state is not None else "", heirs)
                assert to is not None
                await live.surrender()
                self._here.forget(meeting)
                if await self._cluster.hand_over(meeting, to):
                    await self._tell_to_take(to, meeting)
            if heirs:
                await self._cluster.leave()
        except (StoreUnavailable, Displaced) as error:
            log.warning("meetings are not handed over", why=str(error))

    async def created_elsewhere(self, command: cmd.CreateMeeting) -> bool:
        """At the node that its site and the nodes' load call for, unless that is this one, or does not
        answer."""
        node = self._cluster.place(command.site)
        if node.name != self._cluster.me.name:
            with contextlib.suppress(ServiceUnavailable):
                await self._nodes.execute(node, command.meeting, command)
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
                await self._nodes.ask(node, what, meeting=meeting, **params)
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

    async def let_go(self, meeting: str) -> None:
        """Nobody needs to act for it any more."""
        try:
            await self._cluster.release(meeting)
        except StoreUnavailable as error:
            log.info("a meeting is not let go", meeting=meeting, why=str(error))

    async def lose(self, meeting: str, fence: int) -> None:
        """Another node acts for it: this one stops at once."""
        if self._cluster.held.get(meeting) != fence:
            return
        del self._cluster.held[meeting]
        live = self._here.forget(meeting)
        if live is None:
            return
        log.warning("the meeting is another node's", meeting=meeting)
        await live.surrender()
        if live.state is not None:
            self._here.other_changed(live.state)
            self._others.put(live.state)

    async def _lose_all(self) -> None:
        await asyncio.gather(*(self.lose(*each) for each in list(self._cluster.held.items())))

    def _load(self) -> int:
        return sum(len(live.sessions) for live in self._here.lives.values())

    async def _arrange(self, view: View) -> None:
        """What is lost is let go, and what nobody has any more is taken."""
        for meeting, fence in view.held.items():
            if view.owners.get(meeting) != Owner(self._cluster.me.name, fence):
                await self.lose(meeting, fence)
        for state in self._others.states():
            owner = view.owners.get(state.id)
            ours = owner is not None and owner.node == self._cluster.me.name
            left = owner is None or owner.node not in view.nodes
            if ours or (left and self._cluster.inherits(state.id, state.site)):
                await self._take_up(state.id, owner)
        for meeting in self._restrictions.meetings() - self._here.lives.keys():
            await self._pass_on(meeting)

    async def _take_up(self, meeting: str, owner: Owner | None) -> None:
        try:
            await self._here.open(meeting, replaces=owner)
        except (Elsewhere, ServiceUnavailable, Rejected) as error:
            log.info("a meeting is not taken up", meeting=meeting, why=error.message)
            return
        log.info("a meeting is taken up", meeting=meeting)
        before = None if owner is None else self._cluster.view.known.get(owner.node)
        if before is not None and before.name != self._cluster.me.name:
            self._here.keep(self._tell_lost(before, meeting, self._cluster.held.get(meeting, 0)))

    async def _tell_lost(self, node: Node, meeting: str, fence: int) -> None:
        with contextlib.suppress(ServiceError):
            await self._nodes.ask(node, "lost", meeting=meeting, fence=fence)

    async def _tell_to_take(self, node: Node, meeting: str) -> None:
        try:
            await self._nodes.ask(node, "take", meeting=meeting)
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
