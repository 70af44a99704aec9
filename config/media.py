"""Settings of a media worker: where it listens and how long it lives without a controller."""

from __future__ import annotations

import ipaddress
import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Listen:
    """One local address; `announced` is what clients are told (behind NAT or in a container)."""

    ip: str
    announced: str | None = None

    def __post_init__(self) -> None:
        for address in (self.ip, self.announced):
            if address is not None:
                ipaddress.ip_address(address)
        if ipaddress.ip_address(self.ip).is_unspecified:
            raise ValueError(f"listen on the address that is used, not on {self.ip}")

    @property
    def candidate_ip(self) -> str:
        return self.announced or self.ip


@dataclass(frozen=True)
class MediaSettings:
    """`port` 0 means any free one; the orphan limits are seconds without a controller. `batched` lets many
    datagrams share a system call where the system can do that, `compiled` takes what was compiled where
    there is such."""

    listen: tuple[Listen, ...] = (Listen("127.0.0.1"),)
    port: int = 0
    orphan_forbid: float = 30.0
    orphan_end: float = 300.0
    batched: bool = True
    compiled: bool = True

    def __post_init__(self) -> None:
        if not self.listen:
            raise ValueError("listen: at least one address is needed")
        if not 0 <= self.port <= 65535:
            raise ValueError(f"port: {self.port} is not between 0 and 65535")
        if not 0 < self.orphan_forbid <= self.orphan_end:
            raise ValueError("orphan limits: 0 < orphan_forbid <= orphan_end is needed")

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> MediaSettings:
        """Raise `ValueError` naming what is wrong."""
        try:
            fields = json.loads(text)
            listen = tuple(Listen(**entry) for entry in fields.pop("listen", [{"ip": "127.0.0.1"}]))
            return cls(listen=listen, **fields)
        except (TypeError, AttributeError) as error:
            raise ValueError(f"media settings: {error}") from error
