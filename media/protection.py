"""The earlier frames that go along with the sound for one listener, within a bound."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from media.red import History, Sound
from media.redundancy import Redundancy
from media.resend import Budget
from media.runs import Runs

EXTRA_RATE, EXTRA_MOST = 18_000, 9_000
"""Bytes of earlier frames: a second, and at once. Two of each frame at 64 kbit/s are 16 000 a second."""


class Protection:
    """Nothing of it outlives `restart`: who begins anew is sent no frame from before."""

    def __init__(self, payload_type: int) -> None:
        self.payload_type = payload_type
        self.redundancy = Redundancy()
        self.packets = 0
        """How many carried earlier frames."""
        self._history = History()
        self._runs = Runs()
        self._extra = Budget(EXTRA_RATE, EXTRA_MOST)

    def before(self, frame: Sound, now: float) -> Sequence[Sound]:
        """What to send along with this frame, which the caller then sends."""
        blocks = self.redundancy.blocks
        if not blocks:
            self._history.add(frame)
            return ()
        before = self._history.before(frame, blocks, self.redundancy.spacing)
        self._history.add(frame)
        while before and not self._extra.spend(sum(len(each.payload) for each in before), now):
            del before[0]
        self.packets += bool(before)
        return before

    def asked(self, sequences: Iterable[int]) -> None:
        """The listener misses these, by 16-bit numbers."""
        self._runs.asked(sequences)

    def judge(self, loss: float, left: float, rtt: float | None, room: float | None, now: float) -> None:
        """As `Redundancy.judge` has it."""
        self.redundancy.judge(loss, rtt, room, now, together=self._runs.together, left=left)

    def restart(self) -> None:
        self._history.clear()
