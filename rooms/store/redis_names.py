"""The keys of the Redis store, all with one prefix, and how their values are written.

| key | type | holds |
|---|---|---|
| `meta` | hash | format, fingerprint of the key file, counters, end of the service's chain, `loading` |
| `heads` | hash | stream → `version hash append`, the last one naming the append that came last |
| `names` | sorted set | the streams, all of score 0, in the order of their bytes |
| `fences` | hash | stream → the highest fencing token that was taken or has written |
| `events:<stream>` | stream | the links, `<version>-0` |
| `keys:<stream>` | hash | owner → wrapped content key, empty once it is destroyed |
| `entries` | stream | the service's chain, `<number>-0` |
| `feed` | stream | what was appended last anywhere, `<position>-0`: stream, version and fencing token |
| `kinds`, `records:<kind>`, `known:<kind>` | set, hash, sorted set | key → `version expiry value`; its keys |
| `expiry` | sorted set | `kind NUL key` by the instant at which it expires |
"""

from collections.abc import Sequence
from dataclasses import dataclass

from rooms import audit
from rooms.store.base import CorruptLog, Record
from rooms.store.codec import decode_value

FORMAT = "1"
Fields = Sequence[bytes]
"""Name, value, name, value…"""


class Names:
    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.meta = f"{prefix}:meta"
        self.heads = f"{prefix}:heads"
        self.streams = f"{prefix}:names"
        self.fences = f"{prefix}:fences"
        self.entries = f"{prefix}:entries"
        self.feed = f"{prefix}:feed"
        self.kinds = f"{prefix}:kinds"
        self.expiry = f"{prefix}:expiry"
        self.everything = f"{prefix}:*"

    def events(self, stream: str) -> str:
        return f"{self.prefix}:events:{stream}"

    def keys(self, stream: str) -> str:
        return f"{self.prefix}:keys:{stream}"

    def records(self, kind: str) -> str:
        return f"{self.prefix}:records:{kind}"

    def known(self, kind: str) -> str:
        return f"{self.prefix}:known:{kind}"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a stream stands, and which append brought it there."""

    head: audit.Head
    append: bytes

    def written(self) -> bytes:
        return b" ".join((str(self.head.version).encode(), self.head.hash.hex().encode(), self.append))


NOWHERE = Standing(audit.NOTHING, b"")


def standing(value: bytes | None) -> Standing:
    if value is None:
        return NOWHERE
    try:
        version, hash_, append = value.split(b" ")
        return Standing(audit.Head(int(version), bytes.fromhex(hash_.decode())), append)
    except ValueError:
        raise CorruptLog("the end of a stream is not readable") from None


def service_head(found: Sequence[bytes | None]) -> audit.Head:
    """The end of the service's chain, of what HMGET gives for `service_version` and `service_hash`."""
    number, hash_ = found
    return audit.NOTHING if number is None or hash_ is None else audit.Head(int(number), hash_)


def beginning_with(prefix: str) -> tuple[bytes, bytes]:
    """The span of a sorted set's members: no byte of UTF-8 is FF."""
    start = prefix.encode(errors="surrogatepass")
    return b"[" + start, b"(" + start + b"\xff"


def pairs(flat: Fields) -> dict[bytes, bytes]:
    return dict(zip(flat[::2], flat[1::2], strict=True))


def link_fields(one: audit.Link) -> list[bytes]:
    """Content that is missing differs from empty content."""
    content = [] if one.content is None else [b"content", one.content]
    return [b"head", one.head, *content, b"previous", one.previous, b"hash", one.hash]


def read_link(stream: str, row: Sequence[object]) -> audit.Link:
    """`row`: what XRANGE gives, an id and fields."""
    number, fields = _row(row)
    return audit.Link(
        stream,
        number,
        fields.get(b"head", b""),
        fields.get(b"content"),
        fields.get(b"previous", b""),
        fields.get(b"hash", b""),
    )


def entry_fields(one: audit.Entry) -> list[bytes]:
    given: dict[str, str | bytes] = {
        "kind": str(one.kind),
        "stream": one.stream,
        "owner": one.owner,
        "at": repr(float(one.at)),
        "version": str(one.version),
        "stream_hash": one.stream_hash,
        "previous": one.previous,
        "hash": one.hash,
    }
    flat: list[bytes] = []
    for name, value in given.items():
        flat += [name.encode(), value.encode() if isinstance(value, str) else value]
    return flat


def read_entry(row: Sequence[object]) -> audit.Entry:
    number, fields = _row(row)
    try:
        return audit.Entry(
            number,
            fields[b"kind"].decode(),
            fields[b"stream"].decode(),
            fields[b"owner"].decode(),
            float(fields[b"at"]),
            int(fields[b"version"]),
            fields[b"stream_hash"],
            fields[b"previous"],
            fields[b"hash"],
        )
    except (KeyError, ValueError):
        raise CorruptLog(f"entry {number} of the service's chain is not readable") from None


def read_record(value: bytes) -> Record:
    version, expires, text = value.split(b" ", 2)
    return Record(decode_value(text.decode()), int(version), _instant(expires))


def _instant(written: bytes) -> float | None:
    return None if written == b"-" else float(written)


def _row(row: Sequence[object]) -> tuple[int, dict[bytes, bytes]]:
    id_, flat = row
    assert isinstance(id_, bytes)
    assert isinstance(flat, list)
    return int(id_.partition(b"-")[0]), pairs(flat)
