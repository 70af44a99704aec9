"""How loud a voice is, and how it gets there without a click. No clock: a step is a frame."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count, repeat
from math import exp, sqrt
from operator import mul

RATE = 48_000
FRAME = 0.02
SAMPLES = 960
"""In one frame."""
LOWER, LIFT, SWITCH = 0.05, 0.2, 0.015
"""Seconds until two thirds of a change are done; all but all of it after three times that."""
SPEAKING = 0.008
"""From here on somebody speaks (root mean square)."""
PATIENCE = 0.6
"""Seconds for which an interpreter is silent before the floor comes back."""
_ALIKE = 1e-4


class Gain:
    """On its way to its target along an exponential, straight within a frame."""

    def __init__(self, level: float) -> None:
        self.level = level

    def apply(self, samples: Sequence[float], target: float, ramp: float) -> Sequence[float] | None:
        """The frame as loud as it is to be; None for nothing at all."""
        begin, end = self.level, target
        if abs(target - begin) > _ALIKE:
            end = target + (begin - target) * exp(-FRAME / ramp)
        self.level = end
        if begin == end:
            if end == 0.0:
                return None
            return samples if end == 1.0 else list(map(mul, samples, repeat(end)))
        step = (end - begin) / len(samples)
        return list(map(mul, samples, count(begin + step, step)))


class Lowering:
    """Is the floor lowered? By an interpreter's voice, until they have been silent for a while, or hand it
    back."""

    def __init__(self) -> None:
        self._silent: float | None = None

    def note(self, samples: Sequence[float] | None, *, automatic: bool) -> bool:
        """One frame of the interpreter's voice."""
        if samples is not None and loudness(samples) > SPEAKING:
            self._silent = 0.0
        elif self._silent is not None:
            self._silent += FRAME
            if automatic and self._silent > PATIENCE:
                self._silent = None
        return self._silent is not None

    def end(self) -> None:
        self._silent = None


@dataclass(slots=True)
class Limiter:
    """What would be louder than a sample can be is turned down at once, and comes back slowly."""

    ceiling: float = 0.89
    release: float = 0.2
    gain: float = 1.0

    def apply(self, samples: Sequence[float]) -> Sequence[float]:
        peak = max(max(samples), -min(samples))
        before = self.gain
        if peak * before > self.ceiling:
            self.gain = self.ceiling / peak
            return list(map(mul, samples, repeat(self.gain)))
        if before == 1.0:
            return samples
        risen = 1.0 + (before - 1.0) * exp(-FRAME / self.release)
        after = min(risen, self.ceiling / peak) if peak > 0 else risen
        self.gain = 1.0 if after > 1.0 - _ALIKE else after
        step = (self.gain - before) / len(samples)
        return list(map(mul, samples, count(before + step, step)))


def loudness(samples: Sequence[float]) -> float:
    """Root mean square."""
    return sqrt(sum(map(mul, samples, samples)) / len(samples))
