"""The real port of a worker without a socket: what it would send is kept, and no fault is caught."""

from __future__ import annotations

from collections.abc import Sequence

from config.media import Listen
from media.ice import Path
from media.port import Port


class BarePort(Port):
    def __init__(self) -> None:
        super().__init__((Listen("127.0.0.1"),), 0)
        self.close()
        self.sent: list[tuple[bytes, Path]] = []

    def take(self, datagrams: Sequence[bytes], path: Path, now: float) -> None:
        self.traffic.received(sum(map(len, datagrams)), len(datagrams))
        self._dispatch(datagrams, path, now)

    def send(self, data: bytes, path: Path) -> bool:
        self.sent.append((data, path))
        self.traffic.sent(len(data))
        return True
