"""What every rule asks first: is this open to the actor, is it there, can it be kept?"""

import re
import unicodedata

from rooms import commands as cmd
from rooms.errors import Reason, Rejected
from rooms.limits import (
    LANGUAGE,
    MAX_BREAK,
    MAX_LANGUAGE,
    MAX_LANGUAGES,
    MAX_MINUTES,
    MAX_NAME,
    MAX_PARTICIPANTS,
    MAX_PARTY,
)
from rooms.meeting import Meeting, Station
from rooms.people import Participant, Party, Role
from rooms.policy import Action, active_stations, may

_UNKEPT = frozenset({"Cc", "Cs"})
"""Unicode categories: controls, and halves of surrogate pairs."""
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Embeddings, overrides and isolates (UAX 9): with them a name could pass for another."""


def demand(state: Meeting, command: cmd.Command, action: Action) -> None:
    if not may(state, command.actor, action):
        raise Rejected(Reason.NOT_ALLOWED, f"{action} is not open to you now")


def demand_self(command: cmd.Enter | cmd.Leave, person: Participant) -> None:
    if command.actor not in (cmd.SYSTEM, person.id):
        raise Rejected(Reason.NOT_ALLOWED, "nobody enters or leaves for somebody else")


def demand_room(state: Meeting) -> None:
    """For one more. Officers who were removed are not counted: an agency fills its own stations alone."""
    counted = [p for p in state.participants.values() if p.role is not Role.OFFICER or not p.removed]
    if len(counted) >= MAX_PARTICIPANTS:
        raise Rejected(Reason.INVALID, f"a meeting has at most {MAX_PARTICIPANTS} participants")


def demand_question(state: Meeting, question: str) -> None:
    if state.question is None or state.question.id != question:
        raise Rejected(Reason.QUESTION_UNKNOWN, "this question is not open")


def oneself(state: Meeting, command: cmd.Command, action: Action) -> Participant:
    person = existing_person(state, command.actor)
    demand(state, command, action)
    return person


def existing_person(state: Meeting, participant: str) -> Participant:
    person = state.participants.get(participant)
    if person is None:
        raise Rejected(Reason.PARTICIPANT_UNKNOWN, "there is no such participant")
    return person


def newcomer_of(state: Meeting) -> Participant | None:
    return next((p for p in state.participants.values() if p.role is Role.NEWCOMER and not p.removed), None)


def officers_of(state: Meeting, station: int) -> list[Participant]:
    return [p for p in state.participants.values() if p.station == station and not p.removed]


def existing_station(state: Meeting, number: int) -> Station:
    station = state.station(number)
    if station is None:
        raise Rejected(Reason.STATION_UNKNOWN, "there is no such station")
    return station


def open_station(state: Meeting, number: int) -> Station:
    station = existing_station(state, number)
    if station.final:
        raise Rejected(Reason.STATION_FINAL, "the station is finished or skipped; that is final")
    return station


def some_active(state: Meeting) -> tuple[Station, ...]:
    active = active_stations(state)
    if not active:
        raise Rejected(Reason.STATION_NOT_ACTIVE, "no station is active")
    return active


def check_text(text: str, limit: int, name: str, *, empty: bool = False, lines: bool = False) -> None:
    """`lines`: may have line breaks. What turns the direction of the text around it is for no name."""
    if len(text) > limit or not (empty or text.strip()):
        raise Rejected(Reason.INVALID, f"{name} has 1 to {limit} characters")
    kept = text.replace("\n", "").replace("\t", "") if lines else text
    if any(unicodedata.category(ch) in _UNKEPT or ch in _TURNING for ch in kept):
        raise Rejected(Reason.INVALID, f"{name} has characters that cannot be kept")


def check_language(language: str) -> None:
    """Pages ask the browser for its name, and a browser throws at what is no tag."""
    if not is_language(language):
        raise Rejected(Reason.INVALID, "a language is told by its tag (BCP 47), such as sv or zh-Hant")


def is_language(text: str) -> bool:
    return len(text) <= MAX_LANGUAGE and "\n" not in text and re.match(LANGUAGE, text) is not None


def check_minutes(minutes: int) -> None:
    if not 1 <= minutes <= MAX_MINUTES:
        raise Rejected(Reason.INVALID, f"minutes are from 1 to {MAX_MINUTES}")


def check_break(minutes: int) -> None:
    if not 0 <= minutes <= MAX_BREAK:
        raise Rejected(Reason.INVALID, f"a break has 0 to {MAX_BREAK} minutes")


def check_meeting(alias: str, party: Party, languages: tuple[str, ...]) -> None:
    check_text(alias, MAX_NAME, "alias")
    if not 0 < party.adults + party.children <= MAX_PARTY or min(party.adults, party.children) < 0:
        raise Rejected(Reason.INVALID, f"a meeting is for 1 to {MAX_PARTY} people")
    if not 1 <= len(languages) <= MAX_LANGUAGES:
        raise Rejected(Reason.INVALID, f"a meeting has 1 to {MAX_LANGUAGES} languages")
    for language in languages:
        check_language(language)
