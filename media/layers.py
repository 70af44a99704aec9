"""Which layer of every picture one listener gets. Pure.

Sound is not weighed here: it always goes, and what is too much is taken from the pictures.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

STOPPED = 0.5
"""Seconds without a packet after which a layer counts as stopped, while others of its source go on."""
GUESSED = ((500_000.0,), (150_000.0, 500_000.0), (150_000.0, 500_000.0, 1_500_000.0))
"""bit/s of the layers of a source that has one, two or three, while they are not measured."""
MOST_STRAINED = 2


class Priority(IntEnum):
    """Whose picture is made better first, and worse last."""

    INTERPRETER = 0
    SPEAKER = 1
    OTHER = 2


@dataclass(frozen=True, slots=True)
class Step:
    """Everything up to this spatial and temporal layer, `bitrate` in bit/s."""

    spatial: int
    temporal: int
    bitrate: float


@dataclass(frozen=True, slots=True)
class Wish:
    """`steps` rise, and there is one at least; nobody is given less than the one at `floor`."""

    id: str
    priority: Priority
    steps: Sequence[Step]
    floor: int = 0


def rank(layer: int, highest: int | None) -> int:
    """How good a layer is for whoever wants none above `highest`: of those the highest, else the next."""
    return layer if highest is None or layer <= highest else -layer


def guessed(layers: int) -> tuple[float, ...]:
    """bit/s of each layer of a source that has so many."""
    known = GUESSED[min(layers, len(GUESSED)) - 1]
    return known + known[-1:] * (layers - len(known))


def ladder(
    rates: Mapping[int, Sequence[float]], spatial: int | None, temporal: int | None, strain: int = 0
) -> tuple[Step, ...]:
    """The steps for whoever wants none above `spatial` and `temporal`, the cheapest first.

    `rates` holds the layers that can be had: bit/s up to each temporal layer, in bit/s. The lowest layer can
    be had in all its temporal layers, the others without their last one at the least. With `strain` (up to
    `MOST_STRAINED`) the best ones are left out.
    """
    wanted = sorted(layer for layer in rates if spatial is None or layer <= spatial)
    found: list[Step] = []
    for layer in wanted or [min(rates)]:
        most = len(rates[layer]) - 1
        most = most if temporal is None else min(most, temporal)
        for each in range(max(0, most - 1) if found else 0, most + 1):
            step = Step(layer, each, rates[layer][each])
            if not found or step.bitrate > found[-1].bitrate:
                found.append(step)
    kept = max(1, len(found) - len(found) * strain // (MOST_STRAINED + 1))
    return tuple(found[:kept])


def fluent(steps: Sequence[Step]) -> int:
    """The step from which signs can be read: the smallest picture with all its motion."""
    lowest = steps[0].spatial
    return max(index for index, step in enumerate(steps) if step.spatial == lowest)


def allocate(wishes: Iterable[Wish], budget: float) -> dict[str, Step]:
    """What each gets of `budget` (bit/s). Everybody gets their floor, also where it is too much: a picture
    that moves little is better than none. What is left goes to the first in priority up to all that they
    want; equals go up by turns.
    """
    waiting = sorted(wishes, key=lambda wish: wish.priority)
    reached = {wish.id: wish.floor for wish in waiting}
    left = budget - sum(wish.steps[wish.floor].bitrate for wish in waiting)
    for priority in Priority:
        group = [wish for wish in waiting if wish.priority is priority]
        while group:
            wish = min(group, key=lambda each: reached[each.id])
            at = reached[wish.id]
            more = (
                wish.steps[at + 1].bitrate - wish.steps[at].bitrate if at + 1 < len(wish.steps) else left + 1
            )
            if more > left:
                group.remove(wish)
                continue
            left -= more
            reached[wish.id] = at + 1
    return {wish.id: wish.steps[reached[wish.id]] for wish in waiting}


def next_target(wishes: Iterable[Wish], given: Mapping[str, Step]) -> float | None:
    """bit/s of all together with the next improvement, for the first in priority; `None` at the top."""
    wishes = list(wishes)
    total = sum(step.bitrate for step in given.values())
    better = [
        (wish.priority, step.bitrate - given[wish.id].bitrate)
        for wish in wishes
        for step in wish.steps
        if step.bitrate > given[wish.id].bitrate
    ]
    return total + min(better)[1] if better else None
