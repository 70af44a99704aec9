"""Who takes part: roles, places and participants."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    NEWCOMER = "newcomer"
    HOST = "host"
    OFFICER = "officer"
    INTERPRETER = "interpreter"
    COMPANION = "companion"
    ATTENDEE = "attendee"


class Place(StrEnum):
    ON_SITE = "on_site"
    ELSEWHERE = "elsewhere"


class Kind(StrEnum):
    """What an interpreter puts their words into: speech, sign language, or writing."""

    SPOKEN = "spoken"
    SIGN = "sign"
    TEXT = "text"


class Phase(StrEnum):
    """Where a participant stands, derived from the state of the meeting and never stored."""

    LOBBY = "lobby"
    ROOM = "room"
    FINISHED = "finished"


@dataclass(frozen=True, slots=True)
class Party:
    """The newcomer's people as numbers; a meeting carries no identity of theirs but an alias."""

    adults: int = 1
    children: int = 0


ONE_ADULT = Party()


@dataclass(frozen=True, slots=True)
class Participant:
    """One grant in one meeting. `station` and `agency` are set for officers only, `kind` for interpreters.

    `came`: has been here, now or before. `sent_away`: removed, and whose doing it
    was: the newcomer's, or the host's, for whom staff of the office stand; none of theirs otherwise.
    """

    id: str
    role: Role
    name: str
    language: str
    place: Place
    agency: str | None = None
    station: int | None = None
    subject: str | None = None
    kind: Kind | None = None
    present_since: float | None = None
    came: bool = False
    admitted: bool = False
    ready: bool = False
    removed: bool = False
    sent_away: Role | None = None

    @property
    def present(self) -> bool:
        return self.present_since is not None and not self.removed
