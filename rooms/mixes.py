"""What somebody hears whose device cannot mix: one sound that is made for them. Pure.

A mix holds what `policy.hears` lets its listeners hear, and nothing else. Two listeners have one mix only
while they hear exactly the same in the same way; as soon as anything of it may not be heard any more it is
another mix, so that nothing of the one before is left in it. How loud each voice is follows the same rules as
in the page (`web/src/media/interpretation.ts`) and changes without a new mix.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from rooms.channels import (
    direction_of,
    interpreter_for,
    interpreters,
    listening_language,
    on_duty,
)
from rooms.interpreting_events import Mode
from rooms.meeting import Meeting
from rooms.people import Participant, Role
from rooms.policy import active_stations, audience

SOUND = ("interpretation", "microphone")
"""The sources that are heard."""
LOWERED = 0.1259
"""−18 dB: the floor while somebody interprets over it."""


class Preference(StrEnum):
    INTERPRETATION = "interpretation"
    ORIGINAL = "original"


@dataclass(frozen=True, slots=True)
class Choice:
    """What a listener wants to hear. `under`: how loud the floor is while somebody interprets over it."""

    preference: Preference = Preference.INTERPRETATION
    under: float = LOWERED


USUAL = Choice()


@dataclass(frozen=True, slots=True)
class Key:
    """Who has the same has one mix. `ear`: the language that is listened to; of interpreters, who each hear
    the others as their own work asks for, who it is."""

    stations: tuple[int, ...]
    ear: str
    choice: Choice
    heard: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Loudness:
    """Linear; `lowered` while somebody interprets over the floor."""

    level: float
    lowered: float


@dataclass(frozen=True, slots=True)
class Mix:
    """`voices`: participant → source → how loud. `over`: the interpreter under whose voice the floor is
    lowered, None while it is not; `automatic`: it comes back when they have been silent for a while."""

    key: Key
    listeners: tuple[str, ...]
    voices: Mapping[str, Mapping[str, Loudness]]
    over: str | None
    automatic: bool


def mixes(state: Meeting, choices: Mapping[str, Choice]) -> tuple[Mix, ...]:
    """The mixes that are needed now; `choices`: everybody whose device cannot mix, and what they chose."""
    table = {} if state.ended else audience(state)
    listeners: dict[Key, list[str]] = {}
    for listener, choice in choices.items():
        heard = _sound(table.get(listener, {}))
        if heard:
            key = _key(state, state.participants[listener], choice, heard)
            listeners.setdefault(key, []).append(listener)
    return tuple(_mix(state, key, tuple(sorted(who))) for key, who in listeners.items())


def going_on(before: Mapping[str, Mix], now: Iterable[Mix]) -> dict[Key, str]:
    """Which of the mixes that stand, by name, go on as which of those that are needed. One goes on as it is,
    with voices that have come, or as its listeners choose; as soon as a voice is taken from them it does
    not."""
    free = dict(before)
    kept: dict[Key, str] = {}
    needed = {mix.key: mix for mix in now}
    for name, mix in before.items():
        if mix.key in needed:
            kept[mix.key] = name
            del free[name]
    for key in needed.keys() - kept.keys():
        fitting = next((name for name, mix in free.items() if _goes_on(mix, needed[key])), None)
        if fitting is not None:
            kept[key] = fitting
            del free[fitting]
    return kept


def _goes_on(mix: Mix, to: Mix) -> bool:
    before, after = mix.key, to.key
    in_the_same_way = (before.ear, before.choice) == (
        after.ear,
        after.choice,
    ) or mix.listeners == to.listeners
    heard = dict(after.heard)
    nothing_taken = all(set(sources) <= set(heard.get(owner, ())) for owner, sources in before.heard)
    return before.stations == after.stations and in_the_same_way and nothing_taken


def _sound(heard: Mapping[str, tuple[str, ...]]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    sound = ((owner, tuple(s for s in SOUND if s in sources)) for owner, sources in sorted(heard.items()))
    return tuple((owner, sources) for owner, sources in sound if sources)


def _key(
    state: Meeting, listener: Participant, choice: Choice, heard: tuple[tuple[str, tuple[str, ...]], ...]
) -> Key:
    interprets = listener.role is Role.INTERPRETER
    ear = listener.id if interprets else listening_language(state, listener.id)
    return Key(tuple(s.number for s in active_stations(state)), ear, choice, heard)


def _mix(state: Meeting, key: Key, listeners: tuple[str, ...]) -> Mix:
    """Whoever of the listeners it is asked for: a key holds all that the answer depends on."""
    given = interpreter_for(state, state.participants[listeners[0]])
    over = _over_the_floor(state, key.choice, given)
    return Mix(
        key=key,
        listeners=listeners,
        voices={
            owner: {source: _loudness(state, key.choice, given, owner, source) for source in sources}
            for owner, sources in key.heard
        },
        over=over,
        automatic=over is None or state.interpreting.desk(over).automatic,
    )


def _over_the_floor(state: Meeting, choice: Choice, given: Participant | None) -> str | None:
    if given is None or choice.preference is Preference.ORIGINAL:
        return None
    return given.id if state.interpreting.desk(given.id).mode is Mode.SIMULTANEOUS else None


def _loudness(state: Meeting, choice: Choice, given: Participant | None, owner: str, source: str) -> Loudness:
    if source != "interpretation":
        return Loudness(1.0, min(choice.under, 1.0))
    level = _of_interpreter(state, choice, given, state.participants[owner])
    return Loudness(level, level)


def _of_interpreter(state: Meeting, choice: Choice, given: Participant | None, who: Participant) -> float:
    """In turns everybody hears that the interpreter speaks, whichever the language; over others' voices only
    who needs it."""
    if given is not None and who.id == given.id:
        return 0.0 if choice.preference is Preference.ORIGINAL else 1.0
    if who not in interpreters(state):
        return 1.0
    if who not in on_duty(state):
        return 0.0
    consecutive = state.interpreting.desk(who.id).mode is Mode.CONSECUTIVE
    return 1.0 if consecutive or direction_of(state, who.id).into is None else 0.0
