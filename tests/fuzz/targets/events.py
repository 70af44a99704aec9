"""Stored events and records: what is none is `CorruptLog` or `UnknownEvent`; one comes back as it was."""

from __future__ import annotations

import json
from typing import Any

from rooms import audit
from rooms import events as ev
from rooms.people import Role
from rooms.store import keys
from rooms.store.base import CorruptLog, UnknownEvent, Unstorable
from rooms.store.codec import close_link, decode_value, encode_record, meeting_codec, open_links
from tests.fuzz.reading import Input, changed, value
from tests.fuzz.target import Target
from tests.rooms.store.samples import STREAM, a_day, invited

_CODEC = meeting_codec()
_VAULT = keys.Vault(bytes(32))
_KEY = bytes(range(32))
_EVENTS: list[ev.Event] = [*a_day(), invited("p_9", Role.COMPANION, "Åsa")]
_ENCODED = [_CODEC.encode(event) for event in _EVENTS]
_HEADS = [json.loads(each.head) for each in _ENCODED]
_CONTENTS = [{} if each.content is None else json.loads(each.content) for each in _ENCODED]
_WORDS = (
    *("type", "v", "at", "actor", "ids", "owner", "text", "name", "alias", "party", "purpose", "number"),
    *("meeting_paused", "message_sent", "station_finished", "newcomer", "service", "agency:migration"),
)


def check(data: bytes) -> None:
    source = Input(data)
    match source.number() % 4:
        case 0:
            at = source.number() % len(_EVENTS)
            head, content = changed(source, _HEADS[at], _WORDS), changed(source, _CONTENTS[at], _WORDS)
            _decode(json.dumps(head).encode(), json.dumps(content).encode() if source.number() & 1 else None)
        case 1:
            size = source.number(2)
            _decode(source.take(size), source.rest() or None)
        case 2:
            _open(source)
        case _:
            _record(source)


def _decode(head: bytes, content: bytes | None) -> None:
    try:
        event = _CODEC.decode(head, content)
    except (CorruptLog, UnknownEvent):
        return
    again = _CODEC.encode(event)
    assert _CODEC.decode(again.head, again.content) == event


def _open(source: Input) -> None:
    """A stream of which somebody has changed the bytes: noticed, or nothing was changed."""
    before, links = audit.NOTHING, []
    for encoded in _ENCODED:
        links.append(close_link(encoded, before, STREAM, _KEY))
        before = audit.Head(links[-1].version, links[-1].hash)
    at = source.number() % len(links)
    one = links[at]
    part = source.of(("head", "content", "hash", "previous", "version", "stream", "order"))
    if part == "order":
        links[at], links[0] = links[0], links[at]
    elif part == "version":
        links[at] = audit.Link(one.stream, source.number(2), one.head, one.content, one.previous, one.hash)
    elif part == "stream":
        links[at] = audit.Link(f"meeting/{source.number()}", *_without_stream(one))
    else:
        links[at] = _flipped(one, part, source)
    owners = {each.owner for each in _ENCODED if each.owner is not None}
    wrapped = {owner: _VAULT.wrap(STREAM, owner, _KEY) for owner in owners}
    try:
        opened = open_links(_CODEC, links, audit.NOTHING, wrapped, _VAULT)
    except CorruptLog:
        assert links[at] != one or part == "order"
        return
    assert [recorded.event for recorded in opened] == _EVENTS
    assert links[at] == one


def _without_stream(one: audit.Link) -> tuple[Any, ...]:
    return one.version, one.head, one.content, one.previous, one.hash


def _flipped(one: audit.Link, part: str, source: Input) -> audit.Link:
    fields = {name: getattr(one, name) for name in ("head", "content", "previous", "hash")}
    old = fields[part] or b""
    at = source.number(2) % (len(old) + 1)
    fields[part] = old[:at] + source.chunk() + old[at + source.number() % 4 :]
    return audit.Link(one.stream, one.version, **fields)


def _record(source: Input) -> None:
    if source.number() & 1:
        text = source.rest().decode("utf-8", "replace")
        try:
            decode_value(text)
        except CorruptLog:
            return
        return
    whole = value(source, _WORDS)
    expires = source.of((None, 0.0, 1e9, float("inf"), float("nan")))
    try:
        stored = encode_record(source.chunk().decode("utf-8", "surrogateescape"), {"value": whole}, expires)
    except Unstorable:
        return
    assert decode_value(stored) == {"value": whole}


TARGET = Target(
    check,
    seeds=[
        *(b"\0" + bytes((number, 0, 0, 1)) for number in range(len(_EVENTS))),
        *(b"\0" + bytes((number, 1, 0, place, 1, 0, 1)) for number in range(4) for place in range(1, 8)),
        *(
            b"\1" + len(each.head).to_bytes(2, "big") + each.head + (each.content or b"")
            for each in _ENCODED[:4]
        ),
        *(b"\2" + bytes((number, part, 0, 3, 1, 65, 1)) for number, part in enumerate(range(7))),
        b"\3\1{}",
        b"\3\1[1]",
        b"\3\1" + b"[" * 3000,
        b"\3\0\x0a\5\0\1a",
        b"\3\0\x06\x0a\0\1a",
    ],
    words=[b'"%s"' % word.encode() for word in _WORDS] + [b"NaN", b"1e999"],
)
