"""A store in a file: gzip over lines of JSON, the first with the ends of all chains, the last with the number
of rows. The keys of content are wrapped as they were in the store; the file key is not in it.
"""

import base64
import gzip
import json
import os
import secrets
import zlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, Any

from rooms import audit
from rooms.store import keys
from rooms.store.codec import content_owner
from rooms.store.dump import CopyRefused, Dump, KeyRow, RecordRow, Row, Source

FORMAT = "motesrum-backup-1"
_KINDS: Mapping[str, Callable[..., Row]] = {
    "entry": audit.Entry,
    "key": KeyRow,
    "record": RecordRow,
    "event": audit.Link,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}
_BYTES = {"head", "content", "previous", "hash", "stream_hash", "wrapped"}


async def write(source: Source, path: Path) -> audit.Heads:
    """The file is there when it is whole and on disk, and only its owner reads it. Raises OSError,
    CopyRefused for a path that is taken, StoreUnavailable."""
    _demand_free(path)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with open_private(draft) as file:
            with gzip.GzipFile(fileobj=file, mode="wb", mtime=0, compresslevel=6) as packed:
                heads = await _write(source, packed)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    keys.sync_folder(path.parent)
    return heads


def _demand_free(path: Path) -> None:
    if path.exists():
        raise CopyRefused(f"there is a file {path} already")


def open_private(path: Path) -> IO[bytes]:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


async def _write(source: Source, packed: gzip.GzipFile) -> audit.Heads:
    rows = 0
    async with source.dump() as dump:
        packed.write(_line({"format": FORMAT, **_beginning(dump)}))
        async for row in dump.rows:
            packed.write(_line(_as_json(row)))
            rows += 1
        packed.write(_line({"rows": rows}))
        return dump.heads


class BackupFile:
    """`file_key`: the one that the keys in the file are wrapped with."""

    def __init__(self, path: Path, file_key: bytes) -> None:
        self._path = path
        self._vault = keys.Vault(file_key)

    @asynccontextmanager
    async def dump(self) -> AsyncIterator[Dump]:
        """Raises CopyRefused for a file that is not whole, or of another key."""
        lines = _lines(self._path)
        first = self._first(lines)
        rows = _rows(self._path, lines)
        yield Dump(_heads(first), int(first["record_version"]), self._vault, rows)

    def faults(self) -> list[audit.Fault]:
        """Reads the whole file, and checks the chains in it. Raises CopyRefused."""
        lines = _lines(self._path)
        heads = _heads(self._first(lines))
        entries: list[audit.Entry] = []
        there: dict[tuple[str, str], bool] = {}
        links: list[audit.Link] = []
        for row in _parsed(self._path, lines):
            match row:
                case audit.Entry():
                    entries.append(row)
                case KeyRow():
                    there[row.stream, row.owner] = row.wrapped is not None
                case audit.Link():
                    links.append(row)
        owned = ((link, content_owner(link)) for link in links)
        return audit.check(owned, audit.Books(heads, entries, there), heads)

    def _first(self, lines: Iterator[dict[str, Any]]) -> dict[str, Any]:
        first = next(lines, {})
        if first.get("format") != FORMAT:
            raise CopyRefused(f"{self._path} is no backup that this program can read")
        if first["file_key"] != self._vault.fingerprint.hex():
            raise CopyRefused(f"the keys are not those of {self._path}")
        return first


async def _rows(path: Path, lines: Iterator[dict[str, Any]]) -> AsyncIterator[Row]:
    for row in _parsed(path, lines):
        yield row


def _parsed(path: Path, lines: Iterator[dict[str, Any]]) -> Iterator[Row]:
    """Ends only where the file says so."""
    for count, line in enumerate(lines):
        if "rows" in line:
            if line["rows"] != count:
                break
            return
        try:
            yield _from_json(line)
        except (KeyError, TypeError, ValueError, AttributeError):
            break
    raise CopyRefused(f"{path} is not whole")


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with gzip.open(path, "rb") as packed:
            for line in packed:
                yield json.loads(line)
    except (EOFError, ValueError, zlib.error, gzip.BadGzipFile) as error:
        raise CopyRefused(f"{path} is not whole") from error


def _line(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def _beginning(dump: Dump) -> dict[str, Any]:
    def end(head: audit.Head) -> list[Any]:
        return [head.version, head.hash.hex()]

    return {
        "file_key": dump.vault.fingerprint.hex(),
        "record_version": dump.record_version,
        "service": end(dump.heads.service),
        "streams": {stream: end(head) for stream, head in dump.heads.streams.items()},
    }


def _heads(first: Mapping[str, Any]) -> audit.Heads:
    def head(written: list[Any]) -> audit.Head:
        return audit.Head(int(written[0]), bytes.fromhex(written[1]))

    return audit.Heads(
        head(first["service"]), {name: head(written) for name, written in first["streams"].items()}
    )


def _as_json(row: Row) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name in row.__slots__:
        value = getattr(row, name)
        is_bytes = name in _BYTES and isinstance(value, bytes)
        values[name] = base64.b64encode(value).decode() if is_bytes else value
    return {_NAMES[type(row)]: values}


def _from_json(line: Mapping[str, Any]) -> Row:
    [(name, written)] = line.items()
    values = {
        field: base64.b64decode(value, validate=True) if field in _BYTES and value is not None else value
        for field, value in written.items()
    }
    return _KINDS[name](**values)
