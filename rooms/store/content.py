"""Which fields of an event are content, and whose. All that is not named here is stored in clear.

Content is what people say and what they are called, encrypted under its owner's key and gone with it.
Ids, roles, languages, places, numbers and instants stay in clear.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rooms import events as ev
from rooms import interpreting_events as iev
from rooms.ledger_events import InterpretingBooked
from rooms.people import Party, Role

NEWCOMER = "newcomer"
"""Owner of what belongs to the person whom the meeting is for, and of those who come with them."""
SERVICE = "service"
"""Owner of the names of those who work for the service: hosts and interpreters."""


def of_agency(agency: str) -> str:
    """Owner of what belongs to an agency."""
    return f"agency:{agency}"


@dataclass(frozen=True, slots=True)
class Content:
    """`blank`: the content fields, each with what is read back after an erasure."""

    blank: Mapping[str, Any]
    owner: Callable[[Any], str]


def _the_newcomer(_: ev.Event) -> str:
    return NEWCOMER


def _of_the_invited(event: ev.ParticipantInvited) -> str:
    match event.role:
        case Role.NEWCOMER | Role.COMPANION | Role.ATTENDEE:
            return NEWCOMER
        case Role.OFFICER if event.agency is not None:
            return of_agency(event.agency)
        case _:
            return SERVICE


_PEOPLE = Content({"alias": "", "party": Party()}, _the_newcomer)
_PURPOSE = Content({"purpose": ""}, _the_newcomer)

CONTENT: Mapping[type[ev.Event], Content] = {
    ev.MeetingCreated: _PEOPLE,
    ev.MeetingChanged: _PEOPLE,
    ev.StationAdded: _PURPOSE,
    ev.StationChanged: _PURPOSE,
    ev.ParticipantInvited: Content({"name": ""}, _of_the_invited),
    ev.MessageSent: Content({"text": ""}, _the_newcomer),
    ev.LineWritten: Content({"text": ""}, _the_newcomer),
    iev.TermAdded: Content({"text": "", "translation": ""}, _the_newcomer),
    InterpretingBooked: Content({"name": ""}, lambda booked: of_agency(booked.agency)),
}
