"""What people and systems ask of a meeting. Ids and texts arrive here; nothing random is made in the core.

`actor` is a participant id of the meeting, or one of the `Actor` prefixes below for those outside it.
"""

from dataclasses import dataclass

from rooms.people import ONE_ADULT, Kind, Party, Place, Role

STAFF = "staff:"
"""Prefix of a signed-in staff member's actor string; staff of the site lead the meeting as a host does."""
Scene = tuple[tuple[int, ...], bool, str | None]
"""What an unfinished line stands in: the stations that go on, whether the meeting stands still, and the open
question."""
AGENCY = "agency:"
"""Prefix of an agency that speaks for itself, by what it has signed or through its administrator."""
SYSTEM = "system"
"""The service itself: timers, lost connections, revocation by an authority."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """`request`: names the call behind it; carried out once, however often it comes."""

    actor: str
    request: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewStation:
    """`break_after`: minutes of rest before the next station."""

    agency: str
    purpose: str
    minutes: int
    break_after: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateMeeting(Command):
    meeting: str
    site: str
    alias: str
    route: str | None = None
    party: Party = ONE_ADULT
    languages: tuple[str, ...] = ("sv",)
    planned_at: float | None = None
    room: str | None = None
    stations: tuple[NewStation, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeMeeting(Command):
    """None leaves a field as it is."""

    alias: str | None = None
    party: Party | None = None
    languages: tuple[str, ...] | None = None
    planned_at: float | None = None
    room: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause(Command):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume(Command):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class End(Command):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Erase(Command):
    """Ends the meeting if need be, and marks it as erased; the store then destroys its content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddStation(Command):
    agency: str
    purpose: str
    minutes: int
    break_after: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveStation(Command):
    station: int
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeStation(Command):
    station: int
    purpose: str | None = None
    minutes: int | None = None
    break_after: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtendStation(Command):
    station: int
    minutes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StartStation(Command):
    station: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishStation(Command):
    station: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SkipStation(Command):
    station: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Invite(Command):
    """`kind`: of an interpreter, who speaks if it is not given."""

    participant: str
    role: Role
    name: str
    language: str
    place: Place
    agency: str | None = None
    station: int | None = None
    subject: str | None = None
    kind: Kind | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Enter(Command):
    participant: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Leave(Command):
    participant: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Admit(Command):
    participant: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Remove(Command):
    participant: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclude(Command):
    """For the active station."""

    participant: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Include(Command):
    participant: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetReady(Command):
    ready: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SetLanguage(Command):
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetPlace(Command):
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class AskConsent(Command):
    question: str
    kind: str
    stations: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerConsent(Command):
    question: str
    granted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawQuestion(Command):
    question: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LapseQuestion(Command):
    question: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeConsent(Command):
    consent: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SendMessage(Command):
    """`to`: the participant in the lobby whom the host writes to. Those in the lobby write to the host."""

    message: str
    text: str
    to: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SendSignal(Command):
    signal: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteLine(Command):
    """A line that was written letter by letter is finished. `scene` and `heard_by`: of its draft; `corrects`:
    the line that it stands in for."""

    line: str
    text: str
    language: str
    scene: Scene
    heard_by: frozenset[str]
    corrects: str | None = None
