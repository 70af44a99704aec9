"""Who may hear, see and do what. This is the only place that decides it; everything else asks here.

Read from top to bottom:
  phase      where a participant stands: in the lobby, in the room, or finished
  hears      may one participant receive another's sound and picture now
  reads      may one participant receive another's text now
  audience   `hears` for everybody: what the media workers are told
  entering   who comes into a room in which nothing else changes
  sees_*     which parts of the meeting a participant may know of
  may        which actions a participant may take
"""

from collections.abc import Mapping
from enum import StrEnum

from rooms.commands import AGENCY, STAFF, SYSTEM, Scene
from rooms.derived import derived
from rooms.meeting import BOOTH, Line, Meeting, Message, Station
from rooms.people import Kind, Participant, Phase, Place, Role

Audience = Mapping[str, Mapping[str, tuple[str, ...]]]
"""listener → participant heard → sources, e.g. {"p_1": {"p_2": ("camera", "microphone")}}."""

SOURCES: Mapping[Role, tuple[str, ...]] = {
    Role.NEWCOMER: ("camera", "microphone", "screen"),
    Role.HOST: ("camera", "microphone", "screen"),
    Role.OFFICER: ("camera", "microphone", "screen"),
    Role.INTERPRETER: ("camera", "interpretation", "microphone"),
    Role.COMPANION: ("camera", "microphone"),
    Role.ATTENDEE: (),
}
"""What each role may publish; somebody who interprets in writing publishes nothing but that."""


def sources(who: Participant) -> tuple[str, ...]:
    return () if who.kind is Kind.TEXT else SOURCES[who.role]


@derived
def active_stations(state: Meeting) -> tuple[Station, ...]:
    """The stations that are going on, earliest first. More than one only while a consent joins them all."""
    active = sorted((s for s in state.stations if s.active), key=lambda s: (s.started_at or 0.0, s.number))
    together: list[Station] = []
    for station in active:
        if all(joined(state, station.number, other.number) for other in together):
            together.append(station)
    return tuple(together)


def joined(state: Meeting, one: int, other: int) -> bool:
    """Has the newcomer agreed to have these two stations together?"""
    return any(c.kind == "together" and {one, other} <= c.stations for c in state.consents)


def phase(state: Meeting, who: Participant) -> Phase:
    if state.ended or who.removed:
        return Phase.FINISHED
    match who.role:
        case Role.NEWCOMER | Role.HOST:
            return Phase.ROOM
        case Role.INTERPRETER:
            return Phase.ROOM if attends(state, who) else Phase.LOBBY
        case Role.COMPANION | Role.ATTENDEE:
            return Phase.ROOM if who.admitted else Phase.LOBBY
        case Role.OFFICER:
            own = state.station(who.station)
            if own is None or own.final:
                return Phase.FINISHED
            going_on = any(s.number == who.station and s.agency == who.agency for s in active_stations(state))
            return Phase.ROOM if going_on else Phase.LOBBY


def attends(state: Meeting, who: Participant) -> bool:
    """Somebody of the interpreters' pool is in the one room where they have the floor."""
    return state.pool.attends(who.id)


def may_answer(state: Meeting, subject: str, kind: Kind) -> bool:
    """May this person of the pool answer a call for that kind? Whoever was shown out does not come back by
    the next one, and whoever is here already stays of the kind they are."""
    known = (state.participants[who] for who in state.pool.floors)
    return all(p.subject != subject or (p.kind is kind and not p.removed) for p in known)


def stands_for(state: Meeting, who: Participant, subject: str) -> bool:
    """Is this the place that a member of staff has by who they are, and not by a link of somebody else's?"""
    return who.subject == subject and (who.role is Role.HOST or who.id in state.pool.floors)


def excluded(state: Meeting, who: Participant) -> bool:
    """Does the newcomer want to be without this participant right now?"""
    return any((who.id, s.number) in state.excluded for s in active_stations(state))


def in_room(state: Meeting, who: Participant) -> bool:
    return who.present and phase(state, who) is Phase.ROOM and not excluded(state, who)


def hears(state: Meeting, listener: Participant, source: Participant) -> bool:
    """May `listener` receive sound and picture of `source` at this moment?"""
    if listener.id == source.id or state.paused:
        return False
    return in_room(state, listener) and in_room(state, source) and not _cut(state, listener, source)


def reads(state: Meeting, reader: Participant, author: Participant) -> bool:
    """May `reader` receive what `author` writes at this moment? While paused, only those at the office."""
    if state.paused and not (_at_the_office(reader) and _at_the_office(author)):
        return False
    return in_room(state, reader) and in_room(state, author) and not _cut(state, reader, author)


def _cut(state: Meeting, one: Participant, other: Participant) -> bool:
    """Nobody decides on a consent under an official's eye."""
    return state.question is not None and Role.OFFICER in (one.role, other.role)


def _at_the_office(who: Participant) -> bool:
    return who.place is Place.ON_SITE and who.role is not Role.OFFICER


def listeners_of(state: Meeting, source: str) -> frozenset[str]:
    """All who hear `source` now, and read what they write letter by letter."""
    speaker = state.participants[source]
    return frozenset(p.id for p in state.participants.values() if hears(state, p, speaker))


def scene(state: Meeting) -> Scene:
    """A line that is being written ends with it."""
    going_on = tuple(station.number for station in active_stations(state))
    question = None if state.question is None else state.question.id
    return going_on, state.paused or state.ended, question


def audience(state: Meeting) -> Audience:
    """For every listener, the participants and sources it may receive. Whoever is absent receives nothing."""
    people = [p for p in state.participants.values() if in_room(state, p)]
    table = {
        listener.id: {p.id: sources(p) for p in people if sources(p) and hears(state, listener, p)}
        for listener in people
    }
    return {listener: heard for listener, heard in table.items() if heard}


def entering(before: Meeting | None, after: Meeting) -> frozenset[str]:
    """Those who come into a room that is otherwise as it was: nobody's turn has begun or ended meanwhile, so
    nothing under way was said to somebody else. They still hear nothing from before they came, by when it was
    recorded; everybody else waits until all that may be under way has arrived."""
    if before is None or scene(before) != scene(after):
        return frozenset()
    here = {p.id for p in before.participants.values() if p.present}
    return frozenset(p.id for p in after.participants.values() if in_room(after, p) and p.id not in here)


def may_publish(state: Meeting, who: Participant, source: str) -> bool:
    """Publishing is not being heard: a device may connect while its owner waits in the lobby."""
    return not who.removed and not state.ended and source in sources(who)


def slots(who: Participant) -> tuple[str, ...]:
    """The devices with which one is here at the same time: a newcomer has a telephone beside the screen in
    the room. A second one of anybody else's would be a listener, or a voice, whom nobody sees."""
    return ("screen", "phone") if who.role is Role.NEWCOMER else ("screen",)


def station_of(state: Meeting, sender: str) -> int | None:
    """The station that a text written now by `sender` belongs to."""
    author = state.participants.get(sender)
    if author is not None and author.station is not None:
        return author.station
    active = active_stations(state)
    return active[0].number if active else None


def readers_of(state: Meeting, sender: str, line: str | None) -> frozenset[str]:
    """All who may read what `sender` writes now; `line`: a private line, as `Message` has it."""
    author = state.participants[sender]
    if line == BOOTH:
        return frozenset(p.id for p in state.participants.values() if sees_booth(state, p))
    if line is not None:
        hosts = {p.id for p in state.participants.values() if p.role is Role.HOST and not p.removed}
        return frozenset({sender, line} | hosts)
    readers = {p.id for p in state.participants.values() if p.id != sender and reads(state, p, author)}
    return frozenset(readers | {sender})


def sees_message(state: Meeting, reader: Participant, message: Message) -> bool:
    """Visible is what was allowed when it was written and is allowed now."""
    if reader.id not in message.seen_by or phase(state, reader) is Phase.FINISHED:
        return False
    if message.line is not None:
        return _on_line(state, reader, message.line)
    return _rereads(state, reader, message.station)


def sees_line(state: Meeting, reader: Participant, line: Line) -> bool:
    """As `sees_message`."""
    return reader.id in line.seen_by and _rereads(state, reader, line.station)


def _rereads(state: Meeting, reader: Participant, station: int | None) -> bool:
    """May what was written in the room, in that station, be read now by somebody who could read it then?"""
    if state.paused and not _at_the_office(reader):
        return False
    if reader.role is Role.OFFICER and not _of_this_hour(state, station):
        return False
    return in_room(state, reader)


def _on_line(state: Meeting, reader: Participant, line: str) -> bool:
    if line == BOOTH:
        return sees_booth(state, reader)
    if reader.role is Role.HOST:
        return True
    standing = phase(state, reader)
    return reader.id == line and (standing is Phase.LOBBY or reader.role is Role.INTERPRETER)


def sees_booth(state: Meeting, viewer: Participant) -> bool:
    """What interpreters note and write among themselves."""
    return viewer.role is Role.INTERPRETER and not viewer.removed and attends(state, viewer)


def sees_handover(state: Meeting, viewer: Participant) -> bool:
    """Who is being asked to take over; that somebody has is for everybody to see."""
    return viewer.role in (Role.INTERPRETER, Role.HOST) and in_chain(state, viewer)


def sees_listening(state: Meeting, viewer: Participant, listener: Participant) -> bool:
    """Which language somebody listens to is for those who interpret into it and for the host."""
    if viewer.id == listener.id:
        return True
    working = viewer.role in (Role.INTERPRETER, Role.HOST)
    return working and in_room(state, listener) and sees_participant(state, viewer, listener)


def _of_this_hour(state: Meeting, station: int | None) -> bool:
    """Written in a station that goes on now: what two stations wrote together is apart when they are."""
    return state.question is None and any(s.number == station for s in active_stations(state))


def sees_station(state: Meeting, viewer: Participant, station: Station) -> bool:
    """Officers know of their own station only; the others in the room know the whole chain."""
    if viewer.role is Role.OFFICER:
        return not viewer.removed and viewer.station == station.number and viewer.agency == station.agency
    return in_chain(state, viewer)


def in_chain(state: Meeting, viewer: Participant) -> bool:
    """May the viewer follow the day as a whole?"""
    if viewer.removed or viewer.role is Role.OFFICER or not attends(state, viewer):
        return False
    return viewer.role in (Role.NEWCOMER, Role.HOST, Role.INTERPRETER) or viewer.admitted


def sees_for_whom(state: Meeting, viewer: Participant) -> bool:
    """Interpreters of the pool tell their rooms apart by this, from whichever of them they are in."""
    return viewer.role is Role.INTERPRETER and not viewer.removed and not state.ended


def sees_participant(state: Meeting, viewer: Participant, other: Participant) -> bool:
    """Newcomer and host see everybody, so that nobody listens unseen; others see whom they read."""
    if viewer.removed:
        return False
    if viewer.id == other.id:
        return True
    if viewer.role in (Role.NEWCOMER, Role.HOST):
        return not other.removed
    return reads(state, viewer, other)


def sees_sent_away(viewer: Participant, other: Participant) -> bool:
    """Who will not come back: the newcomer, whoever has removed them, once they had come; and the host those
    whom the newcomer has sent away, to ask what they want instead."""
    if not other.removed:
        return False
    if other.sent_away is Role.NEWCOMER:
        return viewer.role in (Role.NEWCOMER, Role.HOST)
    return viewer.role is Role.NEWCOMER and other.came


def sees_grants(state: Meeting, viewer: Participant) -> bool:
    """Who is let in, and by what: the host, while the meeting goes on."""
    return viewer.role is Role.HOST and viewer.present and phase(state, viewer) is Phase.ROOM


def sees_quality(state: Meeting, viewer: Participant, other: Participant) -> bool:
    """How a connection is: of oneself, of whom one hears; a host knows it of everybody they see."""
    if viewer.id == other.id:
        return True
    if viewer.role is Role.HOST and phase(state, viewer) is Phase.ROOM:
        return sees_participant(state, viewer, other)
    return hears(state, viewer, other)


class Action(StrEnum):
    """Everything a participant can ask for; the value is the call's name on the wire."""

    START = "meeting.start"
    FINISH = "meeting.finish"
    SKIP = "meeting.skip"
    ADD_STATION = "meeting.addStation"
    MOVE_STATION = "meeting.moveStation"
    CHANGE_STATION = "meeting.changeStation"
    EXTEND_STATION = "meeting.extendStation"
    PAUSE = "meeting.pause"
    RESUME = "meeting.resume"
    END = "meeting.end"
    ERASE = "meeting.erase"
    CHANGE = "meeting.change"
    INVITE = "meeting.invite"
    ADMIT = "meeting.admit"
    REMOVE = "meeting.remove"
    EXCLUDE = "meeting.exclude"
    INCLUDE = "meeting.include"
    ASK_CONSENT = "meeting.askConsent"
    ANSWER_CONSENT = "meeting.answerConsent"
    WITHDRAW_QUESTION = "meeting.withdrawQuestion"
    REVOKE_CONSENT = "meeting.revokeConsent"
    SIGNAL = "meeting.signal"
    READY = "meeting.ready"
    SET_LANGUAGE = "meeting.setLanguage"
    SET_PLACE = "meeting.setPlace"
    SEND_MESSAGE = "chat.send"
    WRITE_TEXT = "text.type"
    INTERPRET_LANGUAGES = "interpret.languages"
    INTERPRET_DIRECTION = "interpret.direction"
    INTERPRET_MODE = "interpret.mode"
    INTERPRET_RELAY = "interpret.relay"
    INTERPRET_LISTEN = "interpret.listen"
    INTERPRET_OFFER = "interpret.offerHandover"
    INTERPRET_ACCEPT = "interpret.acceptHandover"
    INTERPRET_WITHDRAW = "interpret.withdrawHandover"
    INTERPRET_ADD_TERM = "interpret.addTerm"
    INTERPRET_REMOVE_TERM = "interpret.removeTerm"
    INTERPRET_CALL = "interpret.call"
    INTERPRET_WITHDRAW_CALL = "interpret.withdrawCall"


_OWN = frozenset({Action.SEND_MESSAGE, Action.READY, Action.SET_LANGUAGE, Action.SET_PLACE})
_SPEAKING = _OWN | {Action.SIGNAL, Action.WRITE_TEXT, Action.INTERPRET_LISTEN}
"""Who may speak may write letter by letter."""
_LEADING = frozenset(
    {
        Action.START,
        Action.FINISH,
        Action.SKIP,
        Action.ADD_STATION,
        Action.MOVE_STATION,
        Action.CHANGE_STATION,
        Action.EXTEND_STATION,
        Action.PAUSE,
        Action.RESUME,
        Action.END,
        Action.ERASE,
        Action.CHANGE,
        Action.INVITE,
        Action.ADMIT,
        Action.REMOVE,
        Action.ASK_CONSENT,
        Action.WITHDRAW_QUESTION,
        Action.INTERPRET_LANGUAGES,
        Action.INTERPRET_CALL,
        Action.INTERPRET_WITHDRAW_CALL,
    }
)
_INTERPRETING = frozenset(
    {
        Action.INTERPRET_LANGUAGES,
        Action.INTERPRET_DIRECTION,
        Action.INTERPRET_MODE,
        Action.INTERPRET_RELAY,
        Action.INTERPRET_OFFER,
        Action.INTERPRET_ACCEPT,
        Action.INTERPRET_WITHDRAW,
        Action.INTERPRET_ADD_TERM,
        Action.INTERPRET_REMOVE_TERM,
    }
)
_OWNING = frozenset(
    {
        Action.REMOVE,
        Action.PAUSE,
        Action.RESUME,
        Action.END,
        Action.ERASE,
        Action.ADMIT,
        Action.EXCLUDE,
        Action.INCLUDE,
        Action.ANSWER_CONSENT,
        Action.REVOKE_CONSENT,
    }
)
_LISTENING = frozenset({Action.READY, Action.SET_LANGUAGE, Action.SIGNAL, Action.INTERPRET_LISTEN})

_IN_ROOM: Mapping[Role, frozenset[Action]] = {
    Role.NEWCOMER: _SPEAKING | _OWNING,
    Role.HOST: _SPEAKING | _LEADING,
    Role.OFFICER: _SPEAKING | {Action.ASK_CONSENT},
    Role.INTERPRETER: _SPEAKING | _INTERPRETING,
    Role.COMPANION: _SPEAKING,
    Role.ATTENDEE: _LISTENING,
}


def actions(state: Meeting, who: Participant) -> frozenset[Action]:
    """What `who` may ask for now: nothing without being there."""
    if not who.present:
        return frozenset()
    match phase(state, who):
        case Phase.FINISHED:
            return frozenset()
        case Phase.LOBBY:
            return _OWN
        case Phase.ROOM:
            allowed = _IN_ROOM[who.role]
            if state.paused:
                return allowed - {Action.PAUSE, Action.ASK_CONSENT, Action.WRITE_TEXT}
            if state.question is not None and who.role is Role.OFFICER:
                allowed = allowed - {Action.WRITE_TEXT}
            return allowed - {Action.RESUME}


_OF_AN_AGENCY = frozenset({Action.INVITE, Action.REMOVE})


def answers_for(actor: str, role: Role, agency: str | None) -> bool:
    """An agency lets in and takes back its own officers, and nobody else."""
    return not actor.startswith(AGENCY) or (role is Role.OFFICER and agency == actor.removeprefix(AGENCY))


def may_remove(state: Meeting, actor: str, who: Participant) -> bool:
    """Nobody takes the newcomer out of their own meeting, nor the newcomer the host: the office is theirs."""
    if actor == SYSTEM:
        return True
    if who.role is Role.NEWCOMER or not answers_for(actor, who.role, who.agency):
        return False
    remover = state.participants.get(actor)
    return remover is None or remover.role is not Role.NEWCOMER or who.role is not Role.HOST


def may(state: Meeting, actor: str, action: Action) -> bool:
    """May `actor` do this now? Staff of the meeting's site lead it as its host does."""
    if actor == SYSTEM:
        return True
    if actor.startswith(STAFF):
        return action in _LEADING
    if actor.startswith(AGENCY):
        return action in _OF_AN_AGENCY
    who = state.participants.get(actor)
    return who is not None and action in actions(state, who)
