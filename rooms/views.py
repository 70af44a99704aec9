"""What one participant is shown: the state as `policy` lets them see it, as plain data.

Every field that a participant may not know is None or empty, never a placeholder that tells something.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from rooms.instants import instant as instant
from rooms.instants import maybe as maybe
from rooms.interpreting_view import InterpretingView, interpreting_view
from rooms.limits import QUESTION_LIFETIME
from rooms.meeting import Line, Meeting, Station
from rooms.people import Kind, Participant, Party, Phase, Place, Role
from rooms.policy import (
    actions,
    excluded,
    in_chain,
    phase,
    sees_line,
    sees_message,
    sees_participant,
    sees_sent_away,
    sees_station,
)
from rooms.pool_view import PoolView, pool_view
from rooms.schedule import expected_starts, queue_place

MESSAGES_SHOWN = 500
"""A snapshot carries the newest ones only."""
LINES_SHOWN = 80
"""Lines of a transcript given at a time; with the longest of them, too, it fits in a frame."""
HOME_ZONE = "Europe/Stockholm"
"""Of a site that nothing is known of."""


@dataclass(frozen=True, slots=True)
class Names:
    """Display names of what the core knows by id: site → name, agency → language → name.

    `purposes`: agency → what a station says of its purpose → language → text; `zones`: site → time zone.
    """

    sites: Mapping[str, str]
    agencies: Mapping[str, Mapping[str, str]]
    purposes: Mapping[str, Mapping[str, Mapping[str, str]]] = field(default_factory=dict)
    zones: Mapping[str, str] = field(default_factory=dict)

    def zone(self, site: str) -> str:
        return self.zones.get(site, HOME_ZONE)

    def purpose(self, station: Station) -> Mapping[str, str]:
        """Empty for a purpose in somebody's own words."""
        return self.purposes.get(station.agency, {}).get(station.purpose, {})


@dataclass(frozen=True, slots=True)
class You:
    participant: str
    role: Role
    name: str
    language: str
    kind: Kind | None
    agency: str | None
    station: int | None
    place: Place
    phase: Phase
    ready: bool
    may: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MeetingView:
    """`state`: planned, open, paused or ended. `time_zone`: the site's, in which every time of the meeting is
    shown."""

    id: str
    site: str
    site_name: str
    time_zone: str
    alias: str | None
    people: Party | None
    languages: tuple[str, ...]
    planned_at: datetime | None
    route: str | None
    room: str | None
    state: str
    paused_since: datetime | None
    interpreter: str | None


@dataclass(frozen=True, slots=True)
class OfficerView:
    """`came`: has opened the link and been here, now or before."""

    participant: str
    name: str
    present: bool
    ready: bool
    came: bool


@dataclass(frozen=True, slots=True)
class SentAwayView:
    """`by`: newcomer or host; null when it was neither of them."""

    participant: str
    name: str
    by: Role | None


@dataclass(frozen=True, slots=True)
class StationView:
    """`stood_still`: seconds since its start during which the meeting was paused; a pause that goes on is not
    in it. `sent_away`: officers who have been removed, in the order of their invitations."""

    number: int
    position: int
    agency: str
    agency_name: Mapping[str, str]
    purpose: str
    purpose_text: Mapping[str, str]
    state: str
    minutes: int
    started_at: datetime | None
    ended_at: datetime | None
    expected_start: datetime | None
    officers: tuple[OfficerView, ...]
    sent_away: tuple[SentAwayView, ...]
    break_after: int
    stood_still: float


@dataclass(frozen=True, slots=True)
class ParticipantView:
    id: str
    role: Role
    kind: Kind | None
    name: str
    agency: str | None
    station: int | None
    language: str
    place: Place
    phase: Phase
    ready: bool
    present: bool
    since: datetime | None
    excluded: bool


@dataclass(frozen=True, slots=True)
class MessageView:
    id: str
    at: datetime
    sender: str
    sender_name: str
    role: Role
    text: str
    station: int | None
    line: str | None


@dataclass(frozen=True, slots=True)
class LineView:
    line: str
    at: datetime
    sender: str
    sender_name: str
    role: Role
    kind: Kind | None
    text: str
    language: str
    station: int | None
    corrects: str | None


@dataclass(frozen=True, slots=True)
class Transcript:
    """The newest lines last. `more`: there are earlier ones."""

    lines: tuple[LineView, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class QuestionView:
    id: str
    kind: str
    stations: tuple[int, ...]
    asked_at: datetime
    lapses_at: datetime


@dataclass(frozen=True, slots=True)
class ConsentView:
    id: str
    kind: str
    stations: tuple[int, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class QueueView:
    place: int
    expected_start: datetime | None


@dataclass(frozen=True, slots=True)
class BookedStation:
    """`going_on`: whoever comes now is in the middle of it."""

    agency_name: Mapping[str, str]
    purpose: str
    purpose_text: Mapping[str, str]
    expected_start: datetime | None
    going_on: bool


@dataclass(frozen=True, slots=True)
class BookingView:
    """`station`: an officer's own."""

    site: str
    site_name: str
    planned_at: datetime | None
    station: BookedStation | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    you: You
    meeting: MeetingView
    stations: tuple[StationView, ...]
    participants: tuple[ParticipantView, ...]
    messages: tuple[MessageView, ...]
    question: QuestionView | None
    consents: tuple[ConsentView, ...]
    queue: QueueView | None
    interpreting: InterpretingView
    pool: PoolView
    now: datetime


def snapshot(state: Meeting, participant: str, now: float, names: Names) -> Snapshot:
    """Raises KeyError for somebody who is no participant of the meeting."""
    viewer = state.participants[participant]
    return Snapshot(
        you=_you(state, viewer),
        meeting=meeting_view(state, viewer, names),
        stations=tuple(
            _seen_station(state, viewer, station_view(state, s, now, names))
            for s in state.stations
            if sees_station(state, viewer, s)
        ),
        participants=tuple(
            participant_view(state, p, viewer)
            for p in state.participants.values()
            if not p.removed and sees_participant(state, viewer, p)
        ),
        messages=_messages(state, viewer),
        question=_question(state, viewer),
        consents=tuple(
            ConsentView(c.id, c.kind, tuple(sorted(c.stations)), instant(c.at))
            for c in state.consents
            if in_chain(state, viewer)
        ),
        queue=_queue(state, viewer, now),
        interpreting=interpreting_view(state, viewer),
        pool=pool_view(state, viewer),
        now=instant(now),
    )


def transcript(state: Meeting, participant: str, before: str | None = None) -> Transcript:
    """The finished lines that the participant may read: the newest, or those before the line `before`."""
    viewer = state.participants[participant]
    at = next((i for i, line in enumerate(state.lines) if line.id == before), len(state.lines))
    shown: list[LineView] = []
    for line in reversed(state.lines[:at]):
        if not sees_line(state, viewer, line):
            continue
        if len(shown) == LINES_SHOWN:
            return Transcript(tuple(reversed(shown)), True)
        shown.append(line_view(state, line))
    return Transcript(tuple(reversed(shown)), False)


def booking(state: Meeting, person: Participant, now: float, names: Names) -> BookingView:
    """What somebody is told who is invited and not there yet: no more than the lobby shows, and no name."""
    station = state.station(person.station)
    return BookingView(
        site=state.site,
        site_name=names.sites.get(state.site, state.site),
        planned_at=None if person.role is Role.OFFICER else maybe(state.planned_at),
        station=None
        if station is None or not sees_station(state, person, station)
        else BookedStation(
            agency_name=names.agencies.get(station.agency, {"sv": station.agency}),
            purpose=names.purpose(station).get("sv", station.purpose),
            purpose_text=names.purpose(station),
            expected_start=maybe(expected_starts(state, now).get(station.number)),
            going_on=phase(state, person) is Phase.ROOM,
        ),
    )


def line_view(state: Meeting, line: Line) -> LineView:
    sender = state.participants[line.sender]
    return LineView(
        line=line.id,
        at=instant(line.at),
        sender=sender.id,
        sender_name=sender.name,
        role=sender.role,
        kind=sender.kind,
        text=line.text,
        language=line.language,
        station=line.station,
        corrects=line.corrects,
    )


def meeting_state(state: Meeting) -> str:
    if state.ended:
        return "ended"
    if state.paused:
        return "paused"
    begun = any(s.started_at is not None for s in state.stations)
    return "open" if begun or any(p.present for p in state.participants.values()) else "planned"


def station_view(state: Meeting, station: Station, now: float, names: Names) -> StationView:
    return StationView(
        number=station.number,
        position=state.position(station.number),
        agency=station.agency,
        agency_name=names.agencies.get(station.agency, {"sv": station.agency}),
        purpose=names.purpose(station).get("sv", station.purpose),
        purpose_text=names.purpose(station),
        state=station.state.value,
        minutes=station.minutes,
        started_at=maybe(station.started_at),
        ended_at=maybe(station.ended_at),
        expected_start=maybe(expected_starts(state, now).get(station.number)),
        officers=tuple(
            OfficerView(p.id, p.name, p.present, p.ready, p.came)
            for p in state.participants.values()
            if p.station == station.number and not p.removed
        ),
        sent_away=tuple(
            SentAwayView(p.id, p.name, p.sent_away)
            for p in state.participants.values()
            if p.station == station.number and p.removed
        ),
        break_after=station.break_after,
        stood_still=station.paused,
    )


def _seen_station(state: Meeting, viewer: Participant, view: StationView) -> StationView:
    """What comes after a station is for those who follow the day."""
    shown = view if in_chain(state, viewer) else replace(view, break_after=0)
    told = (one for one in shown.sent_away if sees_sent_away(viewer, state.participants[one.participant]))
    return replace(shown, sent_away=tuple(told))


def participant_view(
    state: Meeting, person: Participant, viewer: Participant | None = None
) -> ParticipantView:
    """`viewer` None: as the service's own staff see it."""
    shows_exclusion = viewer is not None and viewer.role is Role.NEWCOMER
    return ParticipantView(
        id=person.id,
        role=person.role,
        kind=person.kind,
        name=person.name,
        agency=person.agency,
        station=person.station,
        language=person.language,
        place=person.place,
        phase=phase(state, person),
        ready=person.ready,
        present=person.present,
        since=maybe(person.present_since),
        excluded=shows_exclusion and excluded(state, person),
    )


def meeting_view(state: Meeting, viewer: Participant, names: Names) -> MeetingView:
    """Somebody in the lobby sees their own booking: for whom, in which languages, with which interpreter."""
    standing = phase(state, viewer)
    booked = viewer.role is Role.OFFICER and standing is not Phase.FINISHED
    inside = in_chain(state, viewer)
    in_the_room = inside or standing is Phase.ROOM
    told = meeting_state(state)
    if not in_the_room and not state.ended:
        told = "open"
    return MeetingView(
        id=state.id,
        site=state.site,
        site_name=names.sites.get(state.site, state.site),
        time_zone=names.zone(state.site),
        alias=state.alias if inside or booked else None,
        people=state.party if inside or booked else None,
        languages=state.languages if inside or booked else (),
        planned_at=maybe(state.planned_at) if inside else None,
        route=state.route if inside else None,
        room=state.room if inside else None,
        state=told,
        paused_since=maybe(state.paused_at) if in_the_room else None,
        interpreter=_interpreter(state) if inside or booked else None,
    )


def _interpreter(state: Meeting) -> str | None:
    people = [p for p in state.participants.values() if p.role is Role.INTERPRETER and not p.removed]
    return next((p.name for p in people if p.present), people[0].name if people else None)


def _you(state: Meeting, viewer: Participant) -> You:
    return You(
        participant=viewer.id,
        role=viewer.role,
        name=viewer.name,
        language=viewer.language,
        kind=viewer.kind,
        agency=viewer.agency,
        station=viewer.station,
        place=viewer.place,
        phase=phase(state, viewer),
        ready=viewer.ready,
        may=tuple(sorted(action.value for action in actions(state, viewer))),
    )


def _messages(state: Meeting, viewer: Participant) -> tuple[MessageView, ...]:
    shown = [m for m in state.messages if sees_message(state, viewer, m)]
    return tuple(
        MessageView(
            id=m.id,
            at=instant(m.at),
            sender=m.sender,
            sender_name=state.participants[m.sender].name,
            role=state.participants[m.sender].role,
            text=m.text,
            station=m.station,
            line=m.line,
        )
        for m in shown[-MESSAGES_SHOWN:]
    )


def _question(state: Meeting, viewer: Participant) -> QuestionView | None:
    question = state.question
    if question is None or not in_chain(state, viewer):
        return None
    return QuestionView(
        id=question.id,
        kind=question.kind,
        stations=tuple(sorted(question.stations)),
        asked_at=instant(question.asked_at),
        lapses_at=instant(question.asked_at + QUESTION_LIFETIME),
    )


def _queue(state: Meeting, viewer: Participant, now: float) -> QueueView | None:
    if viewer.station is None or phase(state, viewer) is not Phase.LOBBY:
        return None
    expected = expected_starts(state, now).get(viewer.station)
    return QueueView(queue_place(state, viewer.station), maybe(expected))
