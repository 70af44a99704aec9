"""The hash chains that make a change to the stored past visible. Pure.

Every stored event carries `hash = sha256(previous ‖ its stored bytes)`, where `previous` is the hash of the
event before it in its stream. A chain across the service records which meetings were created, and whose
content was erased. An edit, a deletion in the middle or a reordering breaks a chain. Cutting off the end of
everything, or rewriting it all, can only be seen against heads that were exported earlier.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

GENESIS = bytes(32)
"""What stands before the first link of every chain."""


@dataclass(frozen=True, slots=True)
class Link:
    """One stored event. `head`: the bytes in clear; `content`: the encrypted ones, or None."""

    stream: str
    version: int
    head: bytes
    content: bytes | None
    previous: bytes
    hash: bytes


class EntryKind(StrEnum):
    CREATED = "created"
    ERASED = "erased"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the service's chain: `stream` stood at `version` with `stream_hash` when it was written.

    `owner`: whose content was erased; empty for a creation. `at`: seconds since the epoch, UTC.
    """

    number: int
    kind: EntryKind
    stream: str
    owner: str
    at: float
    version: int
    stream_hash: bytes
    previous: bytes
    hash: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain: how many links it has and the hash of the last."""

    version: int
    hash: bytes


NOTHING = Head(0, GENESIS)


@dataclass(frozen=True, slots=True)
class Heads:
    """The ends of all chains at one moment; kept elsewhere, they show a later truncation or rollback."""

    service: Head
    streams: Mapping[str, Head]


class FaultKind(StrEnum):
    EDITED = "edited"
    """The stored bytes are not those that were hashed."""
    MISPLACED = "misplaced"
    """What stands before is not what stood there: something was removed, inserted or moved."""
    MISSING = "missing"
    """Something that was written is no longer there."""
    UNRECORDED = "unrecorded"
    """Something is there, or was erased, that the service's chain knows nothing of."""


@dataclass(frozen=True, slots=True)
class Fault:
    """`stream` is empty for the service's own chain; `version` counts from 1, 0 means the whole stream."""

    kind: FaultKind
    stream: str
    version: int
    message: str


def digest(previous: bytes, *parts: bytes | None) -> bytes:
    """sha256 over `previous` and the parts, each with its length before it; None differs from empty."""
    sha = hashlib.sha256(previous)
    for part in parts:
        sha.update((0 if part is None else len(part) + 1).to_bytes(8, "big"))
        sha.update(part or b"")
    return sha.digest()


def link(previous: Head, stream: str, head: bytes, content: bytes | None) -> Link:
    """The next link of a stream after `previous`."""
    version = previous.version + 1
    return Link(
        stream, version, head, content, previous.hash, _of_link(previous.hash, stream, version, head, content)
    )


def entry(previous: Head, kind: EntryKind, stream: str, owner: str, at: float, stream_head: Head) -> Entry:
    """The next line of the service's chain after `previous`."""
    number = previous.version + 1
    made = Entry(number, kind, stream, owner, at, stream_head.version, stream_head.hash, previous.hash, b"")
    return Entry(
        number, kind, stream, owner, at, made.version, made.stream_hash, made.previous, _of_entry(made)
    )


def head_of(last: Link | None) -> Head:
    return NOTHING if last is None else Head(last.version, last.hash)


def intact(one: Link, before: Head) -> bool:
    """Is this link whole, and does it follow `before`?"""
    return one.version == before.version + 1 and one.previous == before.hash and one.hash == _recomputed(one)


def check_stream(stream: str, links: Iterable[Link], recorded: Head | None) -> list[Fault]:
    """The faults of one stream; `links` in the order of their versions, `recorded` where it should end."""
    faults: list[Fault] = []
    before = NOTHING
    for one in links:
        if one.version != before.version + 1:
            gap = f"versions {before.version + 1} to {one.version - 1} are gone"
            faults.append(Fault(FaultKind.MISSING, stream, before.version + 1, gap))
        elif one.previous != before.hash:
            text = f"version {one.version} does not follow the version before it"
            faults.append(Fault(FaultKind.MISPLACED, stream, one.version, text))
        if one.hash != _recomputed(one):
            text = f"version {one.version} is not what was written"
            faults.append(Fault(FaultKind.EDITED, stream, one.version, text))
        before = Head(one.version, one.hash)
    if recorded is None:
        text = "the stream is not in the list of streams"
        faults.append(Fault(FaultKind.UNRECORDED, stream, 0, text))
    elif before != recorded:
        faults.append(_ends_wrongly(stream, before, recorded))
    return faults


def check_service(entries: Sequence[Entry], recorded: Head) -> list[Fault]:
    """The faults of the service's chain itself."""
    faults: list[Fault] = []
    before = NOTHING
    for one in entries:
        if one.number != before.version + 1 or one.previous != before.hash:
            text = f"entry {one.number} of the service's chain does not follow the entry before it"
            faults.append(Fault(FaultKind.MISPLACED, "", one.number, text))
        if one.hash != _of_entry(one):
            text = f"entry {one.number} of the service's chain is not what was written"
            faults.append(Fault(FaultKind.EDITED, "", one.number, text))
        before = Head(one.number, one.hash)
    if before != recorded:
        faults.append(_ends_wrongly("", before, recorded))
    return faults


def check_entries(entries: Iterable[Entry], hashes: Mapping[tuple[str, int], bytes]) -> list[Fault]:
    """Is every stream still what it was when an entry was written? `hashes`: (stream, version) → hash."""
    faults: list[Fault] = []
    for one in entries:
        found = hashes.get((one.stream, one.version))
        if found is None:
            text = f"version {one.version} was there when the stream was {one.kind}"
            faults.append(Fault(FaultKind.MISSING, one.stream, one.version, text))
        elif found != one.stream_hash:
            text = f"version {one.version} is not what it was when the stream was {one.kind}"
            faults.append(Fault(FaultKind.EDITED, one.stream, one.version, text))
    return faults


def check_heads(
    exported: Heads, service: Sequence[bytes], hashes: Mapping[tuple[str, int], bytes]
) -> list[Fault]:
    """What was there at the export must still be there. `service`: the hashes of its chain, in order."""
    faults: list[Fault] = []
    count = exported.service.version
    if count and (len(service) < count or service[count - 1] != exported.service.hash):
        text = f"the service's chain no longer holds the entry {count} that was exported"
        faults.append(Fault(FaultKind.MISSING, "", count, text))
    for stream, head in sorted(exported.streams.items()):
        if head.version and hashes.get((stream, head.version)) != head.hash:
            text = f"the stream no longer holds the version {head.version} that was exported"
            faults.append(Fault(FaultKind.MISSING, stream, head.version, text))
    return faults


def _recomputed(one: Link) -> bytes:
    return _of_link(one.previous, one.stream, one.version, one.head, one.content)


def _of_link(previous: bytes, stream: str, version: int, head: bytes, content: bytes | None) -> bytes:
    return digest(previous, stream.encode(), str(version).encode(), head, content)


def _of_entry(one: Entry) -> bytes:
    return digest(
        one.previous,
        str(one.number).encode(),
        one.kind.encode(),
        one.stream.encode(),
        one.owner.encode(),
        repr(float(one.at)).encode(),
        str(one.version).encode(),
        one.stream_hash,
    )


def _ends_wrongly(stream: str, found: Head, recorded: Head) -> Fault:
    if found.version < recorded.version:
        text = f"versions {found.version + 1} to {recorded.version} are gone from the end"
        return Fault(FaultKind.MISSING, stream, found.version + 1, text)
    if found.version > recorded.version:
        text = f"versions {recorded.version + 1} to {found.version} were added outside the store"
        return Fault(FaultKind.UNRECORDED, stream, recorded.version + 1, text)
    return Fault(FaultKind.EDITED, stream, found.version, "the last version is not what was written")
