"""Acknowledges a table at once, and ends what it forbids a little later."""

import asyncio
import sys

from media import worker
from media.consumer import Consumer

LATE = 0.05
close = Consumer.close


def close_later(consumer: Consumer, reason: str | None = None) -> None:
    if reason == "forbidden":
        asyncio.get_running_loop().call_later(LATE, close, consumer, reason)
    else:
        close(consumer, reason)


Consumer.close = close_later  # type: ignore[method-assign]

if __name__ == "__main__":
    sys.exit(worker.main())
