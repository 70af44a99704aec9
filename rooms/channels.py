"""Who is heard in which language: worked out from what everybody has chosen, never stored. Pure.

The interpreters in the room stand in line. Whoever adds a language that is needed to those before them is on
duty; the others rest. So every language that is needed and that somebody here works in has a voice, whoever
comes and goes. Nobody is heard in a language that another one on duty speaks into: the later wish goes first,
the earlier one turns to another language and comes back when it is free. In a relay all directions turn with
one of them.

What is derived here only chooses among what `policy.hears` allows; it allows nothing by itself.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from rooms.derived import derived
from rooms.interpreting import Desk
from rooms.interpreting_events import Mode, Relay
from rooms.meeting import Meeting
from rooms.people import Kind, Participant, Role
from rooms.policy import hears, in_room

HOME = "sv"
"""The language of the agencies: every meeting has it."""


@dataclass(frozen=True, slots=True)
class Direction:
    """`into` None: not speaking into any language now."""

    source: str | None
    into: str | None


_AT_REST = Direction(None, None)


def meeting_languages(state: Meeting) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*state.languages, HOME)))


def working_languages(state: Meeting, interpreter: str) -> tuple[str, ...]:
    return state.interpreting.desk(interpreter).languages or meeting_languages(state)


def listening_language(state: Meeting, participant: str) -> str:
    return state.interpreting.listening.get(participant, HOME)


@derived
def floor_languages(state: Meeting) -> tuple[str, ...]:
    """What may be spoken without an interpreter: the meeting's languages, and those of who is in the room."""
    spoken = (
        listening_language(state, p.id)
        for p in state.participants.values()
        if p.role is not Role.INTERPRETER and in_room(state, p)
    )
    return tuple(dict.fromkeys((*meeting_languages(state), *spoken)))


def _native_languages(state: Meeting) -> tuple[str, ...]:
    """Those that the meeting is for: its own, and the newcomer's."""
    newcomers = (p.id for p in state.participants.values() if p.role is Role.NEWCOMER and not p.removed)
    return (*meeting_languages(state), *(listening_language(state, who) for who in newcomers))


@derived
def interpreters(state: Meeting) -> tuple[Participant, ...]:
    """Those in the room, in line."""
    people = (state.participants[who] for who in state.interpreting.order)
    return tuple(p for p in people if in_room(state, p))


def kind_of(interpreter: Participant) -> Kind:
    return interpreter.kind or Kind.SPOKEN


@derived
def on_duty(state: Meeting) -> tuple[Participant, ...]:
    """The interpreters who are needed so that every language has a voice, first in line first. Those who sign
    and those who write are needed beside those who speak."""
    needed = needed_languages(state)
    covered: dict[Kind, frozenset[str]] = {}
    chosen = []
    for person in interpreters(state):
        adds = needed.intersection(working_languages(state, person.id))
        known = covered.get(kind_of(person))
        if known is None or not adds <= known:
            chosen.append(person)
            covered[kind_of(person)] = adds | (known or frozenset())
    return tuple(chosen)


def needed_languages(state: Meeting) -> frozenset[str]:
    """Spoken on the floor, asked for by those who lead, or between two interpreters in a relay. Any other is
    an interpreter's own word alone, and puts nobody on duty: agencies pay for whoever is."""
    worked_in = Counter(
        language for p in interpreters(state) for language in set(working_languages(state, p.id))
    )
    between = (language for language, interpreters_of_it in worked_in.items() if interpreters_of_it > 1)
    return frozenset((*floor_languages(state), *state.interpreting.asked_for, *between))


@derived
def directions(state: Meeting) -> Mapping[str, Direction]:
    """From and into what each spoken interpreter on duty speaks now. No two speak into the same language."""
    return _Turning(state, _speaking(state)).settled


def direction_of(state: Meeting, interpreter: str) -> Direction:
    """Of one who rests: what they would do."""
    if kind_of(state.participants[interpreter]) is not Kind.SPOKEN:
        return _AT_REST
    found = directions(state).get(interpreter) or _taken_up(state).get(interpreter)
    return _Turning(state, (interpreter,)).settled[interpreter] if found is None else found


@derived
def _taken_up(state: Meeting) -> Mapping[str, Direction]:
    """What each of those who rest would do."""
    resting = (p.id for p in interpreters(state) if p.id not in directions(state))
    return {who: _Turning(state, (who,)).settled[who] for who in resting}


def channel(state: Meeting, language: str) -> Participant | None:
    """The one interpreter who speaks into `language` now."""
    now = directions(state).items()
    return next((state.participants[who] for who, way in now if way.into == language), None)


def voice(state: Meeting, language: str) -> Participant | None:
    """The one interpreter who has `language` in their care, also while they speak into another one."""
    speaking = channel(state, language)
    if speaking is not None:
        return speaking
    able = (who for who in _speaking(state) if language in working_languages(state, who))
    return next((state.participants[who] for who in able), None)


def _speaking(state: Meeting) -> tuple[str, ...]:
    return tuple(p.id for p in on_duty(state) if kind_of(p) is Kind.SPOKEN)


def relay_of(state: Meeting, interpreter: str) -> Participant | None:
    """The interpreter whose voice this one works from; None for the floor."""
    chosen = state.interpreting.desk(interpreter).relay
    source = direction_of(state, interpreter).source
    if source is None or chosen is Relay.FLOOR:
        return None
    provider = channel(state, source)
    if provider is None or provider.id == interpreter:
        return None
    spoken = directions(state)[provider.id].source
    understood = spoken in working_languages(state, interpreter)
    if chosen is Relay.AUTOMATIC and understood:
        return None
    return provider


def interpreter_for(state: Meeting, listener: Participant) -> Participant | None:
    """Whom the listener is given as interpretation now; never somebody whom they may not hear."""
    if listener.role is Role.INTERPRETER:
        found = relay_of(state, listener.id)
    else:
        found = channel(state, listening_language(state, listener.id))
    return found if found is not None and hears(state, listener, found) else None


@dataclass(frozen=True, slots=True)
class Work:
    """What an interpreter on duty does at one moment, `stations` being those that are going on."""

    interpreter: str
    languages: tuple[str, ...]
    into: str | None
    source: str | None
    mode: Mode
    stations: tuple[int, ...]


def at_work(state: Meeting) -> tuple[Work, ...]:
    """Nobody works while the meeting stands still. Folded over a log this gives the minutes."""
    if state.paused or state.ended:
        return ()
    now = {p.id: directions(state).get(p.id, _AT_REST) for p in on_duty(state)}
    stations = tuple(sorted(s.number for s in state.stations if s.active))
    return tuple(
        Work(
            interpreter=p.id,
            languages=working_languages(state, p.id),
            into=now[p.id].into,
            source=now[p.id].source,
            mode=state.interpreting.desk(p.id).mode,
            stations=stations,
        )
        for p in on_duty(state)
    )


class _Turning:
    """Settles the directions of those who are `here`, the latest wish first."""

    def __init__(self, state: Meeting, here: tuple[str, ...]) -> None:
        self._state = state
        self._floor = floor_languages(state)
        self._native = _native_languages(state)
        self._here = here
        self.settled: dict[str, Direction] = {}
        for who in sorted(self._here, key=lambda w: -self._desk(w).turn):
            if who not in self.settled:
                self._settle(who, self._wish(who))

    def _desk(self, who: str) -> Desk:
        return self._state.interpreting.desk(who)

    def _languages(self, who: str) -> tuple[str, ...]:
        return working_languages(self._state, who)

    def _taken(self) -> set[str | None]:
        return {direction.into for direction in self.settled.values()}

    def _wish(self, who: str) -> str | None:
        """Without one, into the language that the agencies do not speak: an officer begins."""
        own = self._languages(who)
        wished = self._desk(who).into
        return wished if wished in own else next((one for one in own if one != HOME), None)

    def _settle(self, who: str, wish: str | None) -> None:
        own, taken = self._languages(who), self._taken()
        into = next((one for one in (wish, *own) if one is not None and one not in taken), None)
        source = self._source(who, into)
        if self._desk(who).standing_by or source is None:
            self.settled[who] = _AT_REST
            return
        self.settled[who] = Direction(source, into)
        self._turn_along(source)

    def _source(self, who: str, into: str | None) -> str | None:
        others = [one for one in self._languages(who) if one != into]
        if into is None or not others:
            return None
        wished = self._desk(who).source
        if wished in others:
            return wished
        return next((one for one in self._floor if one in others), others[0])

    def _turn_along(self, needed: str) -> None:
        """What is spoken here by nobody comes from somebody who speaks into it. That somebody listens to it
        says too little: anybody could break a relay by that."""
        if needed in self._native or needed in self._taken():
            return
        for who in self._here:
            able = who not in self.settled and not self._desk(who).standing_by
            if able and needed in self._languages(who):
                self._settle(who, needed)
                return
