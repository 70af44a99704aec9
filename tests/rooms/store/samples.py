"""Events as a meeting has them, a clock that stands still, and strategies for any event."""

from dataclasses import fields
from typing import Any, get_type_hints

from hypothesis import strategies as st

from rooms import events as ev
from rooms.people import Kind, Party, Place, Role
from rooms.store.codec import STORED

STREAM = "meeting/m_1"
SECRET = "Ägirs önskemål ☂ about the flat"


class Clock:
    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def created(meeting: str = "m_1", alias: str = "Family Ek", at: float = 10.0) -> ev.MeetingCreated:
    return ev.MeetingCreated(
        at=at,
        actor="staff:s_1",
        meeting=meeting,
        site="lund",
        route="first_days",
        alias=alias,
        party=Party(2, 3),
        languages=("ti", "sv"),
        planned_at=None,
        room="4",
    )


def station(number: int = 1, purpose: str = SECRET) -> ev.StationAdded:
    return ev.StationAdded(
        at=11.0, actor="staff:s_1", number=number, agency="migration", purpose=purpose, minutes=20
    )


def invited(participant: str, role: Role, name: str, agency: str | None = None) -> ev.ParticipantInvited:
    return ev.ParticipantInvited(
        at=12.0,
        actor="staff:s_1",
        participant=participant,
        role=role,
        name=name,
        language="sv",
        place=Place.ELSEWHERE,
        agency=agency,
        station=None if agency is None else 1,
        kind=Kind.SPOKEN if role is Role.INTERPRETER else None,
    )


def message(text: str = SECRET, number: int = 1) -> ev.MessageSent:
    return ev.MessageSent(
        at=13.0,
        actor="p_1",
        message=f"c_{number}",
        sender="p_1",
        text=text,
        station=1,
        line=None,
        seen_by=("p_1", "p_2"),
    )


def paused(at: float = 14.0) -> ev.MeetingPaused:
    return ev.MeetingPaused(at=at, actor="p_1")


def a_day() -> list[ev.Event]:
    """A meeting with content of the newcomer, of an agency and of the service."""
    return [
        created(),
        station(),
        invited("p_1", Role.NEWCOMER, "Selam"),
        invited("p_2", Role.OFFICER, "Olof Officer", "migration"),
        invited("p_3", Role.INTERPRETER, "Ines Interpreter"),
        ev.StationStarted(at=12.5, actor="staff:s_1", number=1),
        message(),
        paused(),
    ]


_FINITE = st.floats(allow_nan=False, allow_infinity=False)


def any_of(cls: type[ev.Event]) -> st.SearchStrategy[ev.Event]:
    hints = get_type_hints(cls)
    instants: dict[str, st.SearchStrategy[Any]] = {
        field.name: _FINITE if hints[field.name] is float else st.none() | _FINITE
        for field in fields(cls)
        if hints[field.name] in (float, float | None)
    }
    return st.builds(cls, **instants)


any_event = st.one_of([any_of(cls) for cls in STORED])
