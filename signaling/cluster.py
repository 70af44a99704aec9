"""This node among the others: its sign of life, whom it sees, and the meetings that it holds.

A node's sign of life and a meeting's owner are records in the store that all nodes share. Nobody's clock
decides: a node is gone when its sign has not changed for `lifetime` while the others could look. Whoever
takes a meeting gets a fencing token above all earlier ones; what is written with a lower one is refused.
"""

import asyncio
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import structlog

from rooms.cluster import Node, Owner, Standing, Watch, heir, place, spread, standing
from rooms.store.base import Fenced, Record, StoreUnavailable
from rooms.store.dump import NODE, OWNER
from rooms.store.redis import RedisStore

log = structlog.get_logger(__name__)

FORGOTTEN = 86400.0
"""Seconds after which the record of a node that is gone is dropped."""
EXPIRED = 0.0
"""An instant that has passed: what is good until then is not there any more."""
PREFIX = "meeting/"


class Displaced(Exception):
    """Another process goes by this node's name."""


@dataclass(frozen=True, slots=True)
class View:
    """What a beat has shown. `nodes`: those that live, with this one; `known`: the others that there were;
    `held`: what this one had before."""

    nodes: Mapping[str, Node]
    known: Mapping[str, Node]
    owners: Mapping[str, Owner]
    held: Mapping[str, int]

    def owner(self, meeting: str) -> Node | None:
        """The living node that has it."""
        owner = self.owners.get(meeting)
        return None if owner is None else self.nodes.get(owner.node)


class Cluster:
    def __init__(
        self,
        store: RedisStore,
        me: Node,
        *,
        lifetime: float,
        orphan_limit: float,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self.me = me
        self.held: dict[str, int] = {}
        """Meeting → the fencing token with which this node acts for it."""
        self.view = View({me.name: me}, {}, {}, {})
        self.displaced = False
        """Another process goes by this node's name: this one takes nothing any more."""
        self.lifetime = lifetime
        self._orphan_limit = orphan_limit
        self._records = store.records
        self._events = store.events
        self._ticks = ticks
        self._watch = Watch(lifetime)
        self._reached_at = ticks()
        self._incarnation = secrets.token_hex(8)
        self._signed = False
        self._looked = asyncio.Event()
        """At the next look another one takes its place."""

    @property
    def standing(self) -> Standing:
        return standing(self._ticks() - self._reached_at, self.lifetime, self._orphan_limit)

    async def beat(self, load: int) -> View:
        """Gives a sign of life and looks at the others'. Raises Displaced, StoreUnavailable."""
        begun = self._ticks()
        self.me = replace(self.me, load=load)
        held = dict(self.held)
        await self._sign()
        signs = dict(await self._records.scan(NODE))
        found = await self._records.scan(OWNER)
        now = self._reached_at = self._ticks()
        self._watch.looked({name: record.version for name, record in signs.items()}, begun, now)
        known = {name: _node(name, record) for name, record in signs.items()}
        nodes = {name: node for name, node in known.items() if self._watch.lives(name)}
        owners = {meeting: Owner(str(r.value["node"]), r.version) for meeting, r in found}
        self.view = View({**nodes, self.me.name: self.me}, known, owners, held)
        looked, self._looked = self._looked, asyncio.Event()
        looked.set()
        return self.view

    async def gone(self, node: str) -> None:
        """Returns as soon as a look shows that the node does not live."""
        while node in self.view.nodes:
            await self._looked.wait()

    async def take(self, meeting: str, known: Owner | None) -> int | None:
        """The fencing token; None when the meeting has another owner than `known` by now. Raises
        StoreUnavailable."""
        value = {"node": self.me.name}
        taken = (
            await self._records.put_if_absent(OWNER, meeting, value)
            if known is None
            else await self._records.compare_and_set(OWNER, meeting, known.fence, value)
        )
        owner = await self.owner(meeting)
        if not taken or owner is None or owner.node != self.me.name:
            return None
        try:
            await self._events.guard(PREFIX + meeting, owner.fence)
        except Fenced:
            return None
        self.held[meeting] = owner.fence
        return owner.fence

    async def owner(self, meeting: str) -> Owner | None:
        record = await self._records.get(OWNER, meeting)
        return None if record is None else Owner(str(record.value["node"]), record.version)

    async def known_owner(self, meeting: str) -> Node | None:
        """The node to ask, as far as is known while the store is away. None: nobody that lives."""
        try:
            owner = await self.owner(meeting)
        except StoreUnavailable:
            return self.view.owner(meeting)
        return None if owner is None else self.view.nodes.get(owner.node)

    async def hand_over(self, meeting: str, fence: int, to: Node) -> bool:
        """The meeting is the other node's, which has to take it up; False when it was not ours any more."""
        if self.held.get(meeting) == fence:
            del self.held[meeting]
        return await self._records.compare_and_set(OWNER, meeting, fence, {"node": to.name})

    async def release(self, meeting: str, fence: int) -> None:
        """It is over: nobody needs to have it. Whoever took it meanwhile, with another token, keeps it."""
        if self.held.get(meeting) == fence:
            del self.held[meeting]
        await self._records.compare_and_set(OWNER, meeting, fence, {"node": self.me.name}, EXPIRED)

    async def leave(self) -> None:
        """No sign of life is to be waited for."""
        await self._records.delete(NODE, self.me.name)

    def drain(self) -> None:
        self.me = replace(self.me, draining=True)

    def others(self) -> list[Node]:
        return [node for name, node in self.view.nodes.items() if name != self.me.name]

    def heirs(self) -> list[Node]:
        """The others that take meetings."""
        return [node for node in self.others() if not node.draining]

    def place(self, site: str) -> Node:
        return place(site, self.view.nodes.values()) or self.me

    def inherits(self, meeting: str, site: str) -> bool:
        """Is a meeting that nobody has ours to take?"""
        chosen = heir(meeting, site, self.view.nodes.values())
        return chosen is not None and chosen.name == self.me.name

    def spread(self, node: str) -> float:
        """Seconds over which the devices of that node should come back to the others, should it be gone."""
        gone = self.view.known.get(node)
        heirs = [each for each in self.view.nodes.values() if each.name != node and not each.draining]
        return spread(0 if gone is None else gone.load, len(heirs))

    async def _sign(self) -> None:
        value: dict[str, Any] = {**asdict(self.me), "incarnation": self._incarnation}
        until = await self._records.now() + FORGOTTEN
        known = await self._records.get(NODE, self.me.name)
        if known is not None and self._signed:
            self._demand_ours(known)
        if known is None:
            await self._records.put_if_absent(NODE, self.me.name, value, until)
        else:
            await self._records.compare_and_set(NODE, self.me.name, known.version, value, until)
        self._signed = True
        record = await self._records.get(NODE, self.me.name)
        if record is None:
            raise StoreUnavailable("the sign of life is not there")
        self._demand_ours(record)

    def _demand_ours(self, sign: Record) -> None:
        if sign.value["incarnation"] != self._incarnation:
            self.displaced = True
            raise Displaced(f"another process is the node {self.me.name}")


def _node(name: str, record: Record) -> Node:
    value = record.value
    return Node(name, str(value["url"]), tuple(value["sites"]), int(value["load"]), bool(value["draining"]))
