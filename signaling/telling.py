"""What a device is shown of a meeting and told of an event, as the plain data of the wire."""

from dataclasses import asdict
from typing import Any

from pydantic import TypeAdapter

from rooms import events as ev
from rooms.meeting import Meeting
from rooms.store.codec import type_name
from rooms.views import Names, Snapshot, instant, snapshot

MESSAGE_CHARACTERS = 50_000
"""The text of all messages shown to one device, so that a snapshot always fits in a frame."""

_SNAPSHOT = TypeAdapter(Snapshot)
_EVENT_DATA: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[str, Any])


def shown(state: Meeting, participant: str, now: float, names: Names) -> dict[str, Any]:
    """The snapshot's sections."""
    sections: dict[str, Any] = _SNAPSHOT.dump_python(snapshot(state, participant, now, names), mode="json")
    sections["messages"] = _newest(sections["messages"])
    return sections


def differs(before: Meeting | None, after: Meeting, participant: str, now: float, names: Names) -> bool:
    """Has anything but time changed what the participant is shown?"""
    if before is None or participant not in before.participants:
        return True
    return snapshot(before, participant, now, names) != snapshot(after, participant, now, names)


def notice(number: int, event: ev.Event, changes: dict[str, Any]) -> dict[str, Any]:
    data: dict[str, Any] = _EVENT_DATA.dump_python(asdict(event), mode="json")
    del data["at"], data["request"]
    return _notice(number, type_name(type(event)), event.at, data, changes)


def view_changed(number: int, at: float, changes: dict[str, Any]) -> dict[str, Any]:
    """Something has changed for the participant, of which they are told no event."""
    return _notice(number, "view_changed", at, {}, changes)


def _notice(
    number: int, type_: str, at: float, data: dict[str, Any], changes: dict[str, Any]
) -> dict[str, Any]:
    return {
        "number": number,
        "type": type_,
        "at": instant(at).isoformat(),
        "data": data,
        "changes": changes,
    }


def _newest(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    room = MESSAGE_CHARACTERS
    for index in range(len(messages) - 1, -1, -1):
        room -= len(messages[index]["text"])
        if room < 0:
            return messages[index + 1 :]
    return messages
