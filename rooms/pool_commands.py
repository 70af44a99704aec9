"""What is asked of a meeting about the pool of interpreters. Only who leads the meeting calls and withdraws;
the rest comes from the pool itself."""

from dataclasses import dataclass

from rooms.commands import Command
from rooms.people import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class CallInterpreter(Command):
    call: str
    language: str
    kind: Kind = Kind.SPOKEN


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawCall(Command):
    call: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LapseCall(Command):
    call: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceCall(Command):
    call: str
    place: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptCall(Command):
    """`participant`: whom the person becomes, unless they have a place here already."""

    call: str
    participant: str
    subject: str
    name: str
    languages: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeFloor(Command):
    participant: str
    fence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaveFloor(Command):
    participant: str
    fence: int
