"""Events to stored bytes and back.

An event becomes a head in clear, canonical JSON `{"type", "v", "at", "actor", "ids", "request"?, "owner"?}`,
and its content, a JSON object encrypted under the owner's key. `type` is the class's name in snake_case, `v`
its VERSION. Errors name fields, never values: content does not belong in a log.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from math import isfinite
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import CoreConfig, PydanticSerializationError, SchemaValidator, to_jsonable_python

from rooms import audit
from rooms.events import EVENT_TYPES, Event
from rooms.ledger_events import LEDGER_EVENTS
from rooms.store import keys
from rooms.store.base import CorruptLog, Recorded, UnknownEvent, Unstorable, storable_key
from rooms.store.content import CONTENT, Content

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]
"""The fields of version v to those of v + 1. Content fields are absent once they are erased."""


STORED: tuple[type[Event], ...] = (*EVENT_TYPES, *LEDGER_EVENTS)


def _without_breaks(fields: dict[str, Any]) -> dict[str, Any]:
    return {**fields, "break_after": 0}


def _of_a_kind(fields: dict[str, Any]) -> dict[str, Any]:
    """Every interpreter spoke, then."""
    return {**fields, "kind": "spoken" if fields["role"] == "interpreter" else None}


UPCASTERS: Mapping[tuple[str, int], Upcaster] = {
    ("station_added", 1): _without_breaks,
    ("station_changed", 1): _without_breaks,
    ("participant_invited", 1): _of_a_kind,
}


def type_name(cls: type[Event]) -> str:
    """MessageSent → message_sent."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()


def canonical(value: Any) -> bytes:
    """One form for one value: sorted keys, no spaces, UTF-8. Raises ValueError for what JSON cannot hold."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode()


def plain(value: Any) -> Any:
    """A JSON value as it will come back from the store. Raises Unstorable for anything else."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case Mapping():
            if not all(isinstance(key, str) for key in value):
                raise Unstorable("the keys of a stored object are strings")
            return {key: plain(item) for key, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
        case _:
            raise Unstorable(f"cannot be stored: {type(value).__name__}")


def encode_record(key: str, value: Mapping[str, Any], expires_at: float | None) -> str:
    """The value of a record. Raises Unstorable, also for a key or an instant that cannot be kept."""
    if not storable_key(key):
        raise Unstorable("a record cannot have this key")
    if expires_at is not None and not isfinite(expires_at):
        raise Unstorable("a record expires at a finite instant or never")
    try:
        return canonical(plain(value)).decode()
    except Unstorable:
        raise
    except ValueError as error:
        raise Unstorable(f"cannot be stored: {type(error).__name__}") from None


def decode_value(text: str) -> Mapping[str, Any]:
    """Raises CorruptLog."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise CorruptLog("a record is not readable") from None
    if not isinstance(value, dict):
        raise CorruptLog("a record is not an object")
    return value


@dataclass(frozen=True, slots=True)
class Encoded:
    """`content`: still readable; None when all of it is blank."""

    type: str
    head: bytes
    owner: str | None
    content: bytes | None


@dataclass(frozen=True, slots=True)
class _Header:
    type: str
    v: int
    at: float
    actor: str
    ids: dict[str, Any]
    request: str | None = None
    owner: str | None = None


_HEADER = TypeAdapter(_Header)


class Codec:
    def __init__(
        self,
        types: Iterable[type[Event]] = STORED,
        upcasters: Mapping[tuple[str, int], Upcaster] = UPCASTERS,
        content: Mapping[type[Event], Content] = CONTENT,
    ) -> None:
        self._types = {type_name(cls): cls for cls in types}
        self._adapters: dict[type[Event], TypeAdapter[Any]] = {
            cls: TypeAdapter(cls) for cls in self._types.values()
        }
        self._readers = {cls: _reader(adapter) for cls, adapter in self._adapters.items()}
        self._upcasters = upcasters
        self._content = content
        self._blank = {cls: to_jsonable_python(dict(declared.blank)) for cls, declared in content.items()}

    def encode(self, event: Event) -> Encoded:
        """Raises Unstorable unless the event comes back exactly as it is."""
        cls = type(event)
        adapter = self._adapters.get(cls)
        if adapter is None:
            raise Unstorable(f"not an event that this store keeps: {cls.__name__}")
        try:
            fields = adapter.dump_python(event, mode="json", warnings="error")
            back = self._readers[cls].validate_json(canonical(fields), strict=True, extra="forbid")
        except ValidationError as error:
            raise Unstorable(f"{cls.__name__} cannot be stored: {_fields(error)}") from None
        except (PydanticSerializationError, ValueError) as error:
            raise Unstorable(f"{cls.__name__} cannot be stored: {type(error).__name__}") from None
        if back != event:
            raise Unstorable(f"{cls.__name__} would not come back from the store as it is")
        return self._split(event, fields)

    def _split(self, event: Event, fields: dict[str, Any]) -> Encoded:
        cls = type(event)
        blank = self._blank.get(cls, {})
        content = {name: fields.pop(name) for name in blank}
        header: dict[str, Any] = {
            "type": type_name(cls),
            "v": cls.VERSION,
            "at": fields.pop("at"),
            "actor": fields.pop("actor"),
            "ids": fields,
        }
        if (request := fields.pop("request")) is not None:
            header["request"] = request
        if content == blank:
            return Encoded(header["type"], canonical(header), None, None)
        owner = self._content[cls].owner(event)
        return Encoded(header["type"], canonical({**header, "owner": owner}), owner, canonical(content))

    def decode(self, head: bytes, content: bytes | None) -> Event:
        """`content`: decrypted; None reads as blank. Raises UnknownEvent, CorruptLog."""
        header = _header(head)
        cls = self._types.get(header.type)
        if cls is None or header.v > cls.VERSION:
            raise UnknownEvent(f"{header.type} version {header.v} is not known to this program")
        fields = {**header.ids, "at": header.at, "actor": header.actor, "request": header.request}
        if content is not None:
            fields |= _object(content)
        for version in range(header.v, cls.VERSION):
            upcast = self._upcasters.get((header.type, version))
            if upcast is None:
                raise UnknownEvent(f"{header.type} version {version} can no longer be read by this program")
            fields = upcast(fields)
        if content is None:
            fields = {**self._blank.get(cls, {}), **fields}
        try:
            event: Event = self._readers[cls].validate_json(canonical(fields), strict=True, extra="forbid")
        except ValidationError as error:
            raise CorruptLog(f"a stored {header.type} cannot be read: {_fields(error)}") from None
        except ValueError as error:
            raise CorruptLog(f"a stored {header.type} cannot be read: {type(error).__name__}") from None
        return event


def _reader(adapter: TypeAdapter[Any]) -> SchemaValidator:
    """pydantic would keep thousands of the texts that it has read last, erased ones too."""
    return SchemaValidator(adapter.core_schema, CoreConfig(cache_strings="keys"))


@cache
def meeting_codec() -> Codec:
    return Codec()


def content_owner(one: audit.Link) -> str | None:
    """Whose key encrypts the content; None without content, or where the head is not readable."""
    try:
        return None if one.content is None else _header(one.head).owner
    except CorruptLog:
        return None


def close_link(encoded: Encoded, before: audit.Head, stream: str, key: bytes | None) -> audit.Link:
    """The event as the next link of its stream, content sealed. `key` is needed where there is content."""
    content = encoded.content
    if content is not None:
        assert key is not None
        content = keys.seal(key, content, _place(stream, before.version + 1, encoded.type))
    return audit.link(before, stream, encoded.head, content)


def open_link(
    codec: Codec, one: audit.Link, wrapped: Mapping[str, bytes | None], vault: keys.Vault
) -> Recorded:
    """The event of a link. `wrapped`: the stream's keys by owner, None where it was destroyed.

    Raises UnknownEvent and CorruptLog, the latter also for a key that is missing without an erasure.
    """
    where = f"{one.stream} version {one.version}"
    try:
        content = None if one.content is None else _opened(one, one.content, wrapped, vault)
        return Recorded(one.stream, one.version, codec.decode(one.head, content))
    except (UnknownEvent, CorruptLog) as error:
        raise type(error)(f"{where}: {error}") from None


def open_links(
    codec: Codec,
    links: Iterable[audit.Link],
    before: audit.Head,
    wrapped: Mapping[str, bytes | None],
    vault: keys.Vault,
) -> list[Recorded]:
    """The events of consecutive links after `before`. Raises UnknownEvent, CorruptLog."""
    opened: list[Recorded] = []
    for one in links:
        if not audit.intact(one, before):
            raise CorruptLog(f"{one.stream} version {one.version} is not what was written, or not its place")
        opened.append(open_link(codec, one, wrapped, vault))
        before = audit.Head(one.version, one.hash)
    return opened


def _opened(
    one: audit.Link, sealed: bytes, wrapped: Mapping[str, bytes | None], vault: keys.Vault
) -> bytes | None:
    header = _header(one.head)
    if header.owner is None or header.owner not in wrapped:
        raise CorruptLog("the key of its content is missing")
    key = wrapped[header.owner]
    if key is None:
        return None
    content_key = vault.unwrap(one.stream, header.owner, key)
    return keys.unseal(content_key, sealed, _place(one.stream, one.version, header.type))


def _place(stream: str, version: int, event_type: str) -> str:
    return f"{stream}|{version}|{event_type}"


def _header(head: bytes) -> _Header:
    try:
        return _HEADER.validate_json(head, strict=True, extra="forbid")
    except ValidationError as error:
        raise CorruptLog(f"the head of an event is not readable: {_fields(error)}") from None


def _object(content: bytes) -> dict[str, Any]:
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        raise CorruptLog("the content of an event is not readable") from None
    if not isinstance(value, dict):
        raise CorruptLog("the content of an event is not an object")
    return value


def _fields(error: ValidationError) -> str:
    return ", ".join(
        ".".join(map(str, part["loc"])) or part["type"] for part in error.errors(include_input=False)
    )
