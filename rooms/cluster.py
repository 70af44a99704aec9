"""Who acts for which meeting when several nodes share a store: pure decisions, without clock or chance."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from hashlib import sha256

RETURNING = 150.0
"""Devices that a node lets in again in a second without keeping anybody waiting."""
SHORTEST, LONGEST = 0.5, 15.0
"""Seconds over which devices come back: whoever is alone is not kept waiting, and nobody forever."""


@dataclass(frozen=True, slots=True)
class Node:
    """As a node tells of itself. `sites`: those that it takes first; without any, all alike. `load`: devices
    that are connected. `draining`: it takes no meeting any more."""

    name: str
    url: str
    sites: tuple[str, ...] = ()
    load: int = 0
    draining: bool = False


@dataclass(frozen=True, slots=True)
class Owner:
    """`fence` is higher with every owner."""

    node: str
    fence: int


class Standing(Enum):
    """KEEPING: the store knows of us. ALONE: it cannot be reached; what goes on goes on. ORPHANED: it has not
    been reached for so long that nothing may go on."""

    KEEPING = "keeping"
    ALONE = "alone"
    ORPHANED = "orphaned"


def standing(silence: float, lifetime: float, orphan_limit: float) -> Standing:
    """`silence`: seconds since the store was last reached."""
    if silence > orphan_limit:
        return Standing.ORPHANED
    return Standing.ALONE if silence > lifetime else Standing.KEEPING


def place(site: str, nodes: Iterable[Node]) -> Node | None:
    """Where a meeting of that site is opened: at a node of the site, the one with the least load."""
    return min(_fitting(site, nodes), key=lambda node: (node.load, node.name), default=None)


def heir(meeting: str, site: str, nodes: Iterable[Node]) -> Node | None:
    """Who takes a meeting that nobody has. All nodes see the same one, and many meetings are spread."""
    return max(_fitting(site, nodes), key=lambda node: _lot(meeting, node.name), default=None)


def spread(load: int, heirs: int) -> float:
    """Seconds over which those should come back whose node is gone, where its `load` falls to so many."""
    return min(LONGEST, max(SHORTEST, load / max(1, heirs) / RETURNING))


def _fitting(site: str, nodes: Iterable[Node]) -> list[Node]:
    open_ = [node for node in nodes if not node.draining]
    own = [node for node in open_ if site in node.sites]
    return own or [node for node in open_ if not node.sites] or open_


def _lot(meeting: str, node: str) -> bytes:
    return sha256(f"{meeting}\0{node}".encode()).digest()


STEP = 1 / 4
"""Of its lifetime that a node is silent for with one look, at most: several looks tell that it is gone."""
FORGIVING = 5.0
"""Lifetimes, after a look that took long, within which no other one is a reason to wait anew."""


class Watch:
    """Which nodes live, by what is seen of their signs of life and not by anybody's clock. `looked` is called
    each time that the signs could be read: a node is gone when it gave none while they could be."""

    def __init__(self, lifetime: float) -> None:
        self._lifetime = lifetime
        self._signs: dict[str, tuple[int, float]] = {}
        """Node → its last sign, and the seconds of silence since."""
        self._looked_at = self._anew_at = -math.inf

    def looked(self, signs: Mapping[str, int], begun: float, now: float) -> None:
        """`signs`: node → a number that changes with each of its signs. `begun`, `now`: when they were asked
        for and were there, by a clock that is never set; what took long tells no more of who gave none than
        not having looked. Where every look takes long, that alone keeps nobody alive."""
        passed = max(now - self._looked_at, now - begun)
        forgiving = now - self._anew_at <= FORGIVING * self._lifetime
        blind = passed > self._lifetime or (passed > self._lifetime / 2 and not forgiving)
        if blind:
            self._anew_at = now
        self._looked_at = now
        step = min(passed, STEP * self._lifetime)
        self._signs = {
            node: (sign, 0.0 if blind else self._silence(node, sign, step)) for node, sign in signs.items()
        }

    def lives(self, node: str) -> bool:
        """As of the last look."""
        sign = self._signs.get(node)
        return sign is not None and sign[1] < self._lifetime

    def _silence(self, node: str, sign: int, step: float) -> float:
        before = self._signs.get(node)
        return 0.0 if before is None or before[0] != sign else before[1] + step
