"""Events to bytes and back."""

import json
import sys
from dataclasses import fields
from typing import Any, get_type_hints

import pytest
from hypothesis import given

from rooms import audit
from rooms import events as ev
from rooms.people import Role
from rooms.store import keys
from rooms.store.base import CorruptLog, UnknownEvent
from rooms.store.codec import STORED, canonical, close_link, meeting_codec, open_link, type_name
from rooms.store.content import CONTENT, NEWCOMER, SERVICE, of_agency
from tests.rooms.store.samples import SECRET, STREAM, any_event, any_of, created, invited, message, paused

CODEC = meeting_codec()
VAULT = keys.Vault(keys.new_key())
KEY = keys.new_key()

CLEAR_TEXT = {
    "actor",
    "agency",
    "call",
    "consent",
    "corrects",
    "giver",
    "handover",
    "interpreter",
    "into",
    "kind",
    "language",
    "languages",
    "line",
    "meeting",
    "message",
    "mode",
    "participant",
    "place",
    "question",
    "relay",
    "request",
    "role",
    "room",
    "route",
    "seen_by",
    "sender",
    "signal",
    "site",
    "source",
    "subject",
    "taker",
    "term",
}
"""Ids, codes and places. Whoever adds a name here decides that it may be read without a key."""


def stored(event: ev.Event) -> audit.Link:
    return close_link(CODEC.encode(event), audit.NOTHING, STREAM, KEY)


def read(one: audit.Link, owner: str | None) -> ev.Event:
    wrapped = {} if owner is None else {owner: VAULT.wrap(STREAM, owner, KEY)}
    return open_link(CODEC, one, wrapped, VAULT).event


def test_nobody_keeps_a_text_that_was_read() -> None:
    event = message("läkarintyget")
    back = read(stored(event), NEWCOMER)
    assert isinstance(back, ev.MessageSent)
    text = back.text
    del back
    fresh = json.loads('"läkarintyget"')
    assert sys.getrefcount(text) == sys.getrefcount(fresh)


@given(any_event)
def test_any_event_comes_back_as_it_was(event: ev.Event) -> None:
    encoded = CODEC.encode(event)
    back = read(close_link(encoded, audit.NOTHING, STREAM, KEY), encoded.owner)
    assert back == event
    assert type(back) is type(event)


@pytest.mark.parametrize("cls", STORED, ids=type_name)
def test_every_type_comes_back(cls: type[ev.Event]) -> None:
    @given(any_of(cls))
    def comes_back(event: ev.Event) -> None:
        assert read(stored(event), CODEC.encode(event).owner) == event

    comes_back()


@given(any_event)
def test_any_event_can_be_read_after_its_content_is_erased(event: ev.Event) -> None:
    encoded = CODEC.encode(event)
    one = close_link(encoded, audit.NOTHING, STREAM, KEY)
    wrapped = {} if encoded.owner is None else {encoded.owner: None}

    back = open_link(CODEC, one, wrapped, VAULT).event

    declared = CONTENT.get(type(event))
    blank: dict[str, Any] = {} if declared is None else dict(declared.blank)
    for field in fields(event):
        assert getattr(back, field.name) == blank.get(field.name, getattr(event, field.name))


def test_no_text_is_stored_in_clear_unless_it_was_decided() -> None:
    clear = set()
    for cls in STORED:
        hidden = CONTENT[cls].blank.keys() if cls in CONTENT else set()
        hints = get_type_hints(cls)
        numbers = (int, float, bool, float | None, int | None, tuple[int, ...])
        clear |= {f.name for f in fields(cls) if f.name not in hidden and hints[f.name] not in numbers}
    assert clear == CLEAR_TEXT


def test_the_head_is_readable_and_the_content_is_not() -> None:
    one = stored(message())
    assert json.loads(one.head) == {
        "type": "message_sent",
        "v": 1,
        "at": 13.0,
        "actor": "p_1",
        "owner": NEWCOMER,
        "ids": {"message": "c_1", "sender": "p_1", "station": 1, "line": None, "seen_by": ["p_1", "p_2"]},
    }
    assert one.content is not None
    assert SECRET.encode() not in one.content
    assert stored(message()).content != one.content


def test_the_same_event_has_the_same_head() -> None:
    assert stored(message()).head == stored(message("other")).head


@pytest.mark.parametrize(
    ("role", "agency", "owner"),
    [
        (Role.NEWCOMER, None, NEWCOMER),
        (Role.COMPANION, None, NEWCOMER),
        (Role.ATTENDEE, None, NEWCOMER),
        (Role.OFFICER, "tax", of_agency("tax")),
        (Role.HOST, None, SERVICE),
        (Role.INTERPRETER, None, SERVICE),
    ],
)
def test_a_name_belongs_to(role: Role, agency: str | None, owner: str) -> None:
    assert CODEC.encode(invited("p_1", role, "Somebody", agency)).owner == owner


def test_blank_content_needs_no_key() -> None:
    encoded = CODEC.encode(message(""))
    assert (encoded.owner, encoded.content) == (None, None)


def test_content_opens_only_in_its_place() -> None:
    first = stored(message())
    second = close_link(CODEC.encode(message("other")), audit.Head(1, first.hash), STREAM, KEY)
    moved = audit.Link(STREAM, 2, second.head, first.content, second.previous, second.hash)
    with pytest.raises(CorruptLog, match="cannot be decrypted"):
        read(moved, NEWCOMER)


def test_a_missing_key_is_not_an_erasure() -> None:
    with pytest.raises(CorruptLog, match="key of its content is missing"):
        read(stored(created()), None)


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff",
        b'{"type":"meeting_paused","v":1,"at":"soon","actor":"a","ids":{}}',
        b'{"type":"meeting_paused","v":1,"at":1.0,"actor":"a","ids":{},"more":1}',
        b'{"type":"meeting_paused","v":1,"at":1.0,"actor":"a","ids":{"number":1}}',
        b'{"type":"station_finished","v":1,"at":1.0,"actor":"a","ids":{}}',
        b'{"type":"station_finished","v":1,"at":1.0,"actor":"a","ids":{"number":"1"}}',
    ],
)
def test_a_head_that_is_none_is_corrupt(head: bytes) -> None:
    with pytest.raises(CorruptLog):
        CODEC.decode(head, None)


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"[]", b"{}", b"\xff", b'{"text":1}', b'{"text":"a","more":1}', b"[" * 100_000),
        *(b'{"text":"a","more":NaN}', b'{"text":"\\ud800"}'),
    ],
    ids=lambda content: repr(content[:24]),
)
def test_content_that_is_none_is_corrupt(content: bytes) -> None:
    with pytest.raises(CorruptLog):
        CODEC.decode(stored(message()).head, content)


@pytest.mark.parametrize(("name", "v"), [("meeting_paused", 2), ("meeting_flown", 1), ("meeting_paused", 0)])
def test_an_unknown_type_or_version_is_refused(name: str, v: int) -> None:
    head = {"type": name, "v": v, "at": 1.0, "actor": "a", "ids": {}}
    with pytest.raises(UnknownEvent, match=f"{name} version {v}"):
        CODEC.decode(json.dumps(head).encode(), None)


def test_an_interpreter_of_an_older_log_speaks() -> None:
    event = invited("p_1", Role.INTERPRETER, "Amina")
    written = CODEC.encode(event)
    head = json.loads(written.head)
    head["v"] = 1
    del head["ids"]["kind"]
    assert CODEC.decode(canonical(head), written.content) == event


def test_type_names_are_distinct_snake_case() -> None:
    names = [type_name(cls) for cls in STORED]
    assert type_name(ev.ParticipantInvited) == "participant_invited"
    assert len(set(names)) == len(names)
    assert type_name(type(paused())) == "meeting_paused"
