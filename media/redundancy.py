"""When a listener gets earlier frames of sound along with each one, and how many. Pure.

Where the line is short a lost packet is asked for and comes in time, at the price of that packet alone. Where
it is long, or packets are lost together, what was asked for comes too late, or the listener's buffer grows
until it does not: in a run nothing comes by which the first could be missed. Then, and where much stays lost
although it was asked for, each frame is sent twice or three times; of lost runs more than the end comes back
when it is not with the next one but with that after it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from media.red import MOST_BLOCKS, MOST_SPACING

LONG, SHORT = 0.1, 0.07
"""Seconds of round trip from which on asking does not help, and below which it does again."""
TOGETHER, APART = 0.45, 0.35
"""Share of the lost packets that follow another, from which on they are lost in runs, and below which not."""
MUCH, LESS = 0.15, 0.1
"""Share lost on the line from which on what is asked for is too often lost itself, and below which not."""
LEFT, FILLED = 0.03, 0.01
"""Share that does not come at all, from which on asking does not do, and below which it does again."""
NEEDED = (0.015, 0.08)
"""Share that is lost on the line, from which on one and two earlier frames are sent along."""
SPARED = (0.005, 0.04)
"""Share below which they are not any more."""
PATIENCE = 10.0
"""Seconds for which less must have done before there is less."""
NO_ROOM = 15.0
"""Seconds for which there is none where there was no room for it: without it there seems to be room again."""
BLOCK_RATE = 160_000
"""bit/s that a line must be thought to carry for each earlier frame: twice what one takes at 64 kbit/s."""


@dataclass(slots=True)
class Redundancy:
    """`blocks`: how many earlier frames go along. More come at once; fewer late and one by one, but at once
    where they do not help or have no room."""

    blocks: int = 0
    _long: bool = False
    _together: bool = False
    _left: bool = False
    _much: bool = False
    _enough_since: float = inf
    _not_before: float = -inf

    def judge(
        self,
        loss: float,
        rtt: float | None,
        room: float | None,
        now: float,
        *,
        together: float = 0.0,
        left: float = 0.0,
    ) -> None:
        """`loss` on the listener's line, 0 to 1; `rtt` in seconds and `room` in bit/s, if they are known;
        `together`: of what is lost the share that follows another; `left`: of all the share that never came.
        """
        self._long = rtt is not None and rtt >= (SHORT if self._long else LONG)
        self._together = together >= (APART if self._together else TOGETHER)
        self._left = left >= (FILLED if self._left else LEFT)
        self._much = loss >= (LESS if self._much else MUCH)
        asking_does = not (self._long or self._together or self._left or self._much)
        most = MOST_BLOCKS if room is None else min(MOST_BLOCKS, int(room // BLOCK_RATE))
        if self.blocks and most == 0:
            self._not_before = now + NO_ROOM
        if asking_does or most == 0 or now < self._not_before:
            self.forget()
            return
        self.blocks = max(min(self.blocks, most), min(most, sum(loss >= least for least in NEEDED)))
        if not self.blocks or loss >= SPARED[self.blocks - 1]:
            self._enough_since = inf
        elif self._enough_since == inf:
            self._enough_since = now
        elif now - self._enough_since >= PATIENCE:
            self.blocks -= 1
            self._enough_since = inf

    @property
    def spacing(self) -> int:
        """Frames from one that goes along to the next."""
        return MOST_SPACING if self._together else 1

    def forget(self) -> None:
        self.blocks, self._enough_since = 0, inf
        self._long = self._together = self._left = self._much = False
