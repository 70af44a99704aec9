"""The hash chains that make a change to the stored past visible. Pure.

Every stored event carries `hash = sha256(previous ‖ its stored bytes)`, where `previous` is the hash of the
event before it in its stream. A chain across the service records which meetings were created, and whose
content was erased. An edit, a deletion in the middle or a reordering breaks a chain. Cutting off the end of
everything, or rewriting it all, can only be seen against heads that were exported earlier.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import groupby

CHRONICLED = "meeting/"
"""Streams that begin with this have their creation in the service's chain."""
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
    kind: str
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
    return replace(made, hash=_of_entry(made))


def intact(one: Link, before: Head) -> bool:
    """Is this link whole, and does it follow `before`?"""
    return one.version == before.version + 1 and one.previous == before.hash and one.hash == _recomputed(one)


@dataclass(frozen=True, slots=True)
class Books:
    """All that a store holds, for checking. `heads`: where the chains should end.

    `entries`: the service's chain in order. `keys`: (stream, owner) → is the key there, or was it destroyed.
    """

    heads: Heads
    entries: Sequence[Entry]
    keys: Mapping[tuple[str, str], bool]


def check(links: Iterable[tuple[Link, str | None]], books: Books, exported: Heads | None) -> list[Fault]:
    """Every fault there is. `links`: by stream and version, each with the owner of its content, if any."""
    faults: list[Fault] = []
    wanted = {(e.stream, e.version) for e in books.entries}
    if exported is not None:
        wanted |= {(stream, head.version) for stream, head in exported.streams.items()}
    hashes: dict[tuple[str, int], bytes] = {}
    owners: dict[tuple[str, str], int] = {}
    streams: set[str] = set()

    def noted(group: Iterable[tuple[Link, str | None]]) -> Iterable[Link]:
        for one, owner in group:
            if (one.stream, one.version) in wanted:
                hashes[one.stream, one.version] = one.hash
            if owner is not None:
                owners.setdefault((one.stream, owner), one.version)
            yield one

    for stream, group in groupby(links, key=lambda pair: pair[0].stream):
        streams.add(stream)
        faults += _check_stream(stream, noted(group), books.heads.streams.get(stream))
    for stream in sorted(books.heads.streams.keys() - streams):
        faults += _check_stream(stream, (), books.heads.streams[stream])
    faults += _check_service(books.entries, books.heads.service)
    faults += _check_entries(books.entries, hashes, streams)
    faults += _check_keys(books, owners)
    if exported is not None:
        faults += _check_exported(exported, books.entries, hashes)
    return faults


def _check_stream(stream: str, links: Iterable[Link], recorded: Head | None) -> list[Fault]:
    faults: list[Fault] = []
    before = NOTHING
    for one in links:
        if one.version != before.version + 1:
            text = f"versions {before.version + 1} to {one.version - 1} are gone"
            faults.append(Fault(FaultKind.MISSING, stream, before.version + 1, text))
        elif one.previous != before.hash:
            text = f"version {one.version} does not follow the version before it"
            faults.append(Fault(FaultKind.MISPLACED, stream, one.version, text))
        if one.hash != _recomputed(one):
            text = f"version {one.version} is not what was written"
            faults.append(Fault(FaultKind.EDITED, stream, one.version, text))
        before = Head(one.version, one.hash)
    if recorded is None:
        faults.append(Fault(FaultKind.UNRECORDED, stream, 0, "the stream is not in the list of streams"))
    elif before != recorded:
        faults.append(_ends_wrongly(stream, before, recorded))
    return faults


def _check_service(entries: Sequence[Entry], recorded: Head) -> list[Fault]:
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


def _check_entries(
    entries: Iterable[Entry], hashes: Mapping[tuple[str, int], bytes], streams: Iterable[str]
) -> list[Fault]:
    """Is every stream still what it was when an entry was written, and does every meeting have its entry?"""
    faults: list[Fault] = []
    created: set[str] = set()
    for one in entries:
        if one.kind == EntryKind.CREATED:
            created.add(one.stream)
        found = hashes.get((one.stream, one.version))
        if found is None:
            text = f"version {one.version} was there when the stream was {one.kind}"
            faults.append(Fault(FaultKind.MISSING, one.stream, one.version, text))
        elif found != one.stream_hash:
            text = f"version {one.version} is not what it was when the stream was {one.kind}"
            faults.append(Fault(FaultKind.EDITED, one.stream, one.version, text))
    for stream in sorted(set(streams) - created):
        if stream.startswith(CHRONICLED):
            text = "the service's chain does not know that the stream was created"
            faults.append(Fault(FaultKind.UNRECORDED, stream, 0, text))
    return faults


def _check_keys(books: Books, owners: Mapping[tuple[str, str], int]) -> list[Fault]:
    """Content without a key must have been erased on the record, and what was erased stays so."""
    erased = {(e.stream, e.owner) for e in books.entries if e.kind == EntryKind.ERASED}
    faults: list[Fault] = []
    for (stream, owner), version in sorted(owners.items()):
        if (stream, owner) not in books.keys:
            text = f"the key of {owner}'s content is gone"
            faults.append(Fault(FaultKind.MISSING, stream, version, text))
    for (stream, owner), there in sorted(books.keys.items()):
        if not there and (stream, owner) not in erased:
            text = f"the key of {owner}'s content was destroyed without a record"
            faults.append(Fault(FaultKind.UNRECORDED, stream, 0, text))
        elif there and (stream, owner) in erased:
            text = f"the key of {owner}'s content is back after its erasure"
            faults.append(Fault(FaultKind.UNRECORDED, stream, 0, text))
    return faults


def _check_exported(
    exported: Heads, entries: Sequence[Entry], hashes: Mapping[tuple[str, int], bytes]
) -> list[Fault]:
    """What was there at the export must still be there."""
    faults: list[Fault] = []
    count = exported.service.version
    if count and (len(entries) < count or entries[count - 1].hash != exported.service.hash):
        text = f"the service's chain no longer holds the entry {count} that was exported"
        faults.append(Fault(FaultKind.MISSING, "", count, text))
    for stream, head in sorted(exported.streams.items()):
        if hashes.get((stream, head.version)) != head.hash:
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
