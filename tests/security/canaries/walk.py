"""A random walk through meetings: what people, networks, processes and intruders do, step by step."""

import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Collection
from random import Random

from tests.security.canaries.gathering import Gathering, Numbers
from tests.security.canaries.steps import intruders, leading, media, people, processes, text
from tests.security.canaries.watch import Tally
from tests.support.mortal import Mortal

Step = Callable[[Gathering], Awaitable[bool]]
"""False: not now, nothing was done."""

STEPS: dict[str, tuple[float, Step]] = {
    **leading.STEPS,
    **people.STEPS,
    **text.STEPS,
    **media.STEPS,
    **intruders.STEPS,
    **processes.STEPS,
}
"""Name → how often, beside the others, and what."""
DISRUPTING = frozenset({*people.MOVES, *processes.STEPS, "remove"})
"""Before these, whoever has just come has finished coming."""
CHANGING = frozenset({*leading.STEPS, "start and hear"})
"""After these, everybody has read what they were told of it."""
MEETING = 250
"""Steps in one meeting."""


class Walk:
    """Meetings one after the other over one service, until so many steps are done or time is up.

    `only` names the steps that are taken, all of them without it.
    """

    def __init__(self, mortal: Mortal, seed: int, only: Collection[str] = ()) -> None:
        self._steps = {name: step for name, step in STEPS.items() if not only or name in only}
        self.tally = Tally()
        self.done: Counter[str] = Counter()
        self.refusals: Counter[str] = Counter()
        self.meetings = 0
        self.recent: deque[str] = deque(maxlen=12)
        self._mortal = mortal
        self._chance = Random(seed)
        self._numbers = Numbers()
        self._spent: Counter[str] = Counter()

    async def go(self, steps: int, until: float = float("inf")) -> None:
        """`until` on the monotonic clock. Raises `Leak`."""
        while self.done.total() < steps and time.monotonic() < until:
            await self._meeting(min(MEETING, steps - self.done.total()), until)

    async def _meeting(self, steps: int, until: float) -> None:
        self.meetings += 1
        chance = Random(self._chance.getrandbits(64))
        meeting = Gathering(self._mortal, self.meetings, self._numbers, chance, self.tally)
        try:
            await meeting.begin()
            for _ in range(steps):
                if time.monotonic() >= until or not leading.can_go_on(meeting):
                    break
                await self._step(meeting)
            await meeting.all_speak()
            await leading.end(meeting)
        finally:
            self.refusals += meeting.refusals
            await meeting.end()

    async def _step(self, meeting: Gathering) -> None:
        began = time.monotonic()
        while True:
            name = meeting.chance.choices([*self._steps], [often for often, _ in self._steps.values()])[0]
            if name in DISRUPTING:
                await meeting.all_speak()
            if await STEPS[name][1](meeting):
                break
        everybody = meeting.connected()
        await meeting.barrier(everybody if name in CHANGING else [meeting.chance.choice(everybody)])
        meeting.watch.judge()
        self.done[name] += 1
        self.recent.append(name)
        self._spent[name] += time.monotonic() - began

    def summary(self) -> str:
        tally = self.tally
        steps = ", ".join(f"{name} {count}" for name, count in sorted(self.done.items()))
        right = ", ".join(f"{kind} {count}" for kind, count in sorted(tally.right.items()))
        slow = ", ".join(
            f"{name} {1000 * spent / self.done[name]:.0f}" for name, spent in self._spent.most_common(12)
        )
        return "\n".join(
            (
                f"{self.done.total()} steps in {self.meetings} meetings, {sum(self._spent.values()):.0f} s",
                f"steps: {steps}",
                f"milliseconds a step, of those that took most: {slow}",
                f"refused: {dict(self.refusals.most_common())}",
                f"SRTP packets that arrived {tally.datagrams}, were opened {tally.packets}, were sent again "
                f"{tally.repeats}; were asked for by those who had left {tally.in_vain}",
                f"sender reports {tally.reports}, texts {tally.texts}",
                f"marks where they may be: {right}",
                f"leaks: {len(tally.leaks)}; last steps: {', '.join(self.recent)}",
            )
        )
