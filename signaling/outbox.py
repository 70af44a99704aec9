"""What waits to be sent to one client: bounded, so that a slow reader costs only itself."""

import asyncio
from collections import deque


class Outbox:
    """Frames in order; sizes are bytes. `put` says False once the client reads too slowly, and the
    caller then closes it. A frame is never too large for an empty outbox. What a frame is `about` is a name
    by which it can be taken back while it waits."""

    def __init__(self, frames: int, size: int) -> None:
        self._frames = frames
        self._size = size
        self._waiting: deque[tuple[bytes, str | None]] = deque()
        self._filled_with = 0
        self._filled = asyncio.Event()
        self._closed = False

    def fits(self, size: int) -> bool:
        """Whether so many bytes more would not be too many."""
        return self._filled_with + size <= self._size

    def put(self, frame: bytes, about: str | None = None) -> bool:
        if self._closed:
            return True
        if self._waiting and (len(self._waiting) >= self._frames or not self.fits(len(frame))):
            return False
        self._push(frame, about)
        return True

    def take_back(self, about: str) -> None:
        kept = [each for each in self._waiting if each[1] != about]
        if len(kept) != len(self._waiting):
            self._waiting = deque(kept)
            self._filled_with = sum(len(frame) for frame, _ in kept)

    def put_if_idle(self, frame: bytes) -> None:
        """For what is stale in a moment (levels): dropped unless the client keeps up."""
        if not self._closed and not self._waiting:
            self._push(frame)

    def close(self, last: bytes | None = None) -> None:
        """Nothing is taken after this; `last` is still sent, whatever waits."""
        if self._closed:
            return
        if last is not None:
            self._push(last)
        self._closed = True
        self._filled.set()

    def discard(self) -> None:
        self._waiting.clear()
        self._filled_with = 0

    async def get(self) -> bytes | None:
        """The next frame; None when closed and empty."""
        while not self._waiting:
            if self._closed:
                return None
            self._filled.clear()
            await self._filled.wait()
        frame, _ = self._waiting.popleft()
        self._filled_with -= len(frame)
        return frame

    def _push(self, frame: bytes, about: str | None = None) -> None:
        self._waiting.append((frame, about))
        self._filled_with += len(frame)
        self._filled.set()
