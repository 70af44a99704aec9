"""What happened in a meeting. An event is a fact: it is folded into the state by `meeting.evolve`.

Field names are stored. A field is added with a default and the class's version is raised; the store's
codec upcasts older versions. Instants are seconds since the Unix epoch, UTC.
"""

from dataclasses import dataclass
from typing import ClassVar

from rooms.event import Event as Event
from rooms.interpreting_events import INTERPRETING_EVENTS
from rooms.people import Kind, Party, Place, Role
from rooms.pool_events import POOL_EVENTS


@dataclass(frozen=True, slots=True, kw_only=True)
class MeetingCreated(Event):
    meeting: str
    site: str
    route: str | None
    alias: str
    party: Party
    languages: tuple[str, ...]
    planned_at: float | None
    room: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MeetingChanged(Event):
    alias: str
    party: Party
    languages: tuple[str, ...]
    planned_at: float | None
    room: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MeetingPaused(Event):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class MeetingResumed(Event):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class MeetingEnded(Event):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class MeetingErased(Event):
    """The newcomer's content is destroyed; what remains says only that there was a meeting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StationAdded(Event):
    """`break_after`: minutes of rest before the next station."""

    VERSION: ClassVar[int] = 2
    number: int
    agency: str
    purpose: str
    minutes: int
    break_after: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StationMoved(Event):
    """`position` counts from 1 among all stations of the meeting."""

    number: int
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StationChanged(Event):
    VERSION: ClassVar[int] = 2
    number: int
    purpose: str
    minutes: int
    break_after: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StationStarted(Event):
    """Activates `number`; every station in `returned` goes from active back to called in the same instant."""

    number: int
    returned: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StationReturned(Event):
    """An active station goes back to called, without another one being started."""

    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StationFinished(Event):
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StationSkipped(Event):
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ParticipantInvited(Event):
    """`kind`: of an interpreter."""

    VERSION: ClassVar[int] = 2
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
class ParticipantEntered(Event):
    participant: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ParticipantLeft(Event):
    participant: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ParticipantAdmitted(Event):
    participant: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ParticipantRemoved(Event):
    """The grant is taken back; the participant never comes in again."""

    participant: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ParticipantExcluded(Event):
    """The newcomer wants to be without this companion or host while `station` is active."""

    participant: str
    station: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ParticipantIncluded(Event):
    participant: str
    station: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyChanged(Event):
    participant: str
    ready: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageChanged(Event):
    participant: str
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceChanged(Event):
    participant: str
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentAsked(Event):
    """A question on the newcomer's screen. `kind` "together": may these stations be active at once?"""

    question: str
    kind: str
    stations: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentAnswered(Event):
    question: str
    granted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentWithdrawn(Event):
    """The question is taken back by the one who asked, before any answer."""

    question: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentLapsed(Event):
    """Nobody answered in time; it counts as no answer, not as a no."""

    question: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentRevoked(Event):
    """The newcomer takes a given consent back."""

    consent: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageSent(Event):
    """`station`: where it was written, None between stations. `line`: the participant in the lobby, on the
    private line between the host and them. `seen_by`: all who could receive it at that moment."""

    message: str
    sender: str
    text: str
    station: int | None
    line: str | None
    seen_by: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalSent(Event):
    """A gentle sign to those in the room: "not_understood", "slower", "help", …"""

    participant: str
    signal: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LineWritten(Event):
    """A line that was written letter by letter, finished. `corrects`: an earlier one of the same sender that
    it stands in for. `seen_by`: all who could receive it while it was written."""

    line: str
    sender: str
    text: str
    language: str
    station: int | None
    corrects: str | None
    seen_by: tuple[str, ...]


EVENT_TYPES: tuple[type[Event], ...] = (
    MeetingCreated,
    MeetingChanged,
    MeetingPaused,
    MeetingResumed,
    MeetingEnded,
    MeetingErased,
    StationAdded,
    StationMoved,
    StationChanged,
    StationStarted,
    StationReturned,
    StationFinished,
    StationSkipped,
    ParticipantInvited,
    ParticipantEntered,
    ParticipantLeft,
    ParticipantAdmitted,
    ParticipantRemoved,
    ParticipantExcluded,
    ParticipantIncluded,
    ReadyChanged,
    LanguageChanged,
    PlaceChanged,
    ConsentAsked,
    ConsentAnswered,
    ConsentWithdrawn,
    ConsentLapsed,
    ConsentRevoked,
    MessageSent,
    SignalSent,
    LineWritten,
    *INTERPRETING_EVENTS,
    *POOL_EVENTS,
)
