"""What interpreters and listeners ask for."""

from dataclasses import dataclass

from rooms.commands import Command
from rooms.interpreting_events import Mode, Relay


@dataclass(frozen=True, slots=True, kw_only=True)
class SetWorkingLanguages(Command):
    """Of oneself, or by the host for an interpreter."""

    languages: tuple[str, ...]
    participant: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetDirection(Command):
    """`into` None hands the floor back."""

    into: str | None
    source: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetMode(Command):
    """None leaves a field as it is."""

    mode: Mode | None = None
    automatic: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetRelay(Command):
    relay: Relay


@dataclass(frozen=True, slots=True, kw_only=True)
class SetListening(Command):
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferHandover(Command):
    handover: str
    taker: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptHandover(Command):
    handover: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawHandover(Command):
    handover: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LapseHandover(Command):
    handover: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CompleteHandover(Command):
    handover: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AddTerm(Command):
    term: str
    text: str
    language: str
    translation: str
    into: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveTerm(Command):
    term: str
