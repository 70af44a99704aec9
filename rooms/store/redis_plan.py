"""One append as it is sent to Redis."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rooms import audit
from rooms.store.redis_names import Standing, entry_fields, link_fields


@dataclass(frozen=True, slots=True)
class Owned:
    """The key of an owner's content, and as it is kept. `new`: nothing may be kept for the owner yet."""

    key: bytes
    wrapped: bytes
    new: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be written when the stream, its keys and the service's chain are still as they were seen.

    `name` makes it known again when it is sent twice.
    """

    stream: str
    before: audit.Head
    links: Sequence[audit.Link]
    owned: Mapping[str, Owned]
    service: audit.Head
    created: audit.Entry | None
    name: str = field(default_factory=lambda: secrets.token_hex(8))

    def arguments(self, fence: int) -> list[bytes | str | int]:
        """As the script takes them."""
        end = audit.Head(self.links[-1].version, self.links[-1].hash)
        entry = [] if self.created is None else entry_fields(self.created)
        args: list[bytes | str | int] = [self.stream, self.before.version, self.name, fence]
        args += [Standing(end, self.name.encode()).written(), known_hash(self.service), len(self.owned)]
        for owner, each in self.owned.items():
            args += [owner, "new" if each.new else "same", each.wrapped]
        args += [len(entry), *entry, len(self.links)]
        for one in self.links:
            fields = link_fields(one)
            args += [len(fields), *fields]
        return args


def known_hash(service: audit.Head) -> bytes:
    """As Redis keeps it: nothing while the chain is empty."""
    return service.hash if service.version else b""
