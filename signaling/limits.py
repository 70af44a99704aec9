"""How often one client may call: token buckets, one for each name."""

from collections.abc import Callable
from dataclasses import dataclass

MAX_BUCKETS = 20_000
"""Full buckets are forgotten when there are this many."""


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class Limiter:
    """A name may call `burst` times at once and `rate` times a second in the long run."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._buckets: dict[str, tuple[_Bucket, float, float]] = {}

    def wait(self, name: str, rate: float, burst: float) -> float:
        """0.0 when the call may go on, else the seconds until the next one may."""
        now = self._clock()
        bucket, _, _ = self._buckets.get(name) or self._add(name, rate, burst, now)
        bucket.tokens = min(burst, bucket.tokens + max(0.0, now - bucket.at) * rate)
        bucket.at = now
        if bucket.tokens >= 1.0:
            bucket.tokens -= 1.0
            return 0.0
        return (1.0 - bucket.tokens) / rate

    def _add(self, name: str, rate: float, burst: float, now: float) -> tuple[_Bucket, float, float]:
        if len(self._buckets) >= MAX_BUCKETS:
            self._forget(now)
        self._buckets[name] = added = (_Bucket(burst, now), rate, burst)
        return added

    def _forget(self, now: float) -> None:
        """Whoever has a full bucket is treated the same without one; else the oldest half goes."""
        for name, (bucket, rate, burst) in list(self._buckets.items()):
            if bucket.tokens + (now - bucket.at) * rate >= burst:
                del self._buckets[name]
        if len(self._buckets) >= MAX_BUCKETS:
            oldest = sorted(self._buckets, key=lambda name: self._buckets[name][0].at)
            for name in oldest[: MAX_BUCKETS // 2]:
                del self._buckets[name]
