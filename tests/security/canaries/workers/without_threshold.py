"""Whoever comes is given what was sent before."""

import sys
from math import inf

from media import worker
from media.stream import Threshold


def record(
    cls: type[Threshold], streams: object, rtt: float | None, now: float, *, enters: bool = False
) -> Threshold:
    return cls(now, -inf, {})


Threshold.record = classmethod(record)  # type: ignore[method-assign, assignment]

if __name__ == "__main__":
    sys.exit(worker.main())
