"""The interpreting that each agency pays for: worked out from a meeting's log alone. Pure.

Whoever is on duty works while a station goes on and the meeting does not stand still; between stations
nobody pays. Stations that go on together share the time equally. Time is counted between instants (UTC), so
that midnight and the clocks' changes make no difference. A row of the ledger belongs to the day on which it
begins; what an interpreter worked at one station is rounded once.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from math import ceil, floor
from zoneinfo import ZoneInfo

from rooms.channels import at_work, kind_of
from rooms.events import Event
from rooms.ledger_events import InterpretingBooked
from rooms.meeting import Meeting, evolve
from rooms.people import Kind

BOOKKEEPER = "system:ledger"


@dataclass(frozen=True, slots=True)
class _Spell:
    station: int
    interpreter: str
    languages: tuple[str, ...]
    among: int


def worked(log: Iterable[Event]) -> tuple[InterpretingBooked, ...]:
    """What is to be booked for a meeting, in the order in which it began; what still goes on is left out."""
    state: Meeting | None = None
    open_: dict[_Spell, float] = {}
    done: list[InterpretingBooked] = []
    for event in log:
        state = evolve(state, event)
        now = _spells(state)
        for spell in open_.keys() - now:
            begins = open_.pop(spell)
            if begins < event.at:
                done.append(_booked(state, spell, begins, event.at))
        for spell in now:
            open_.setdefault(spell, event.at)
    return tuple(sorted(done, key=lambda b: (b.begins, b.station, b.interpreter)))


def unbooked(
    wanted: Iterable[InterpretingBooked], booked: Iterable[InterpretingBooked]
) -> tuple[InterpretingBooked, ...]:
    """What is to be appended so that `booked`, of the same meeting, comes to `wanted`: what is missing, and
    reversals of what should not be there."""
    due = Counter(map(_plain, wanted))
    names = {_plain(each): each.name for each in (*booked, *wanted)}
    for each in booked:
        due[_plain(each)] += 1 if each.reverses else -1
    changes = [
        replace(each, name=names[each], reverses=count < 0)
        for each, count in due.items()
        for _ in range(abs(count))
    ]
    return tuple(sorted(changes, key=lambda b: (b.begins, b.station, b.interpreter, not b.reverses)))


@dataclass(frozen=True, slots=True)
class Rounding:
    """To whole `unit`s of seconds: `up`, or to the `nearest` (a half goes up)."""

    unit: float = 1.0
    rule: str = "nearest"

    def __call__(self, seconds: float) -> float:
        units = round(seconds / self.unit, 9)
        return self.unit * (ceil(units) if self.rule == "up" else floor(units + 0.5))


@dataclass(frozen=True, slots=True)
class Row:
    """One interpreter's work in one station and for the same languages.

    `day`: at the office, on which it began. `seconds`: what was worked; `charged`: its part of what the whole
    time at that station is rounded to.
    """

    agency: str
    meeting: str
    site: str
    station: int
    interpreter: str
    name: str
    kind: Kind
    languages: tuple[str, ...]
    day: date
    begins: float
    ends: float
    seconds: float
    charged: float


def rows(
    booked: Iterable[InterpretingBooked], rounding: Rounding, zones: Mapping[str, ZoneInfo], zone: ZoneInfo
) -> tuple[Row, ...]:
    """The ledger, by beginning. `zones`: of each office; `zone`: of one that is no longer known."""
    groups: dict[tuple[str, str, int, str, tuple[str, ...]], list[InterpretingBooked]] = {}
    for each in booked:
        key = each.agency, each.meeting, each.station, each.interpreter, tuple(sorted(each.languages))
        groups.setdefault(key, []).append(each)
    found = (_row(group, zones, zone) for group in groups.values())
    in_order = sorted((r for r in found if r is not None), key=lambda r: (r.begins, r.agency, r.station))
    return _charged(in_order, rounding)


def _charged(found: Iterable[Row], rounding: Rounding) -> tuple[Row, ...]:
    """Together the rows of one interpreter at one station come to what their whole time is rounded to, so
    that nobody is paid more for saying other languages more often."""
    until_now: dict[tuple[str, str, int, str], float] = {}
    charged = []
    for row in found:
        whole = row.agency, row.meeting, row.station, row.interpreter
        before = until_now.get(whole, 0.0)
        after = before + row.seconds
        until_now[whole] = after
        charged.append(replace(row, charged=rounding(after) - rounding(before)))
    return tuple(charged)


def _row(group: list[InterpretingBooked], zones: Mapping[str, ZoneInfo], zone: ZoneInfo) -> Row | None:
    reversed_ = Counter(_plain(each) for each in group if each.reverses)
    stands = [each for each in group if not each.reverses]
    kept: list[InterpretingBooked] = []
    for each in stands:
        if reversed_[_plain(each)]:
            reversed_[_plain(each)] -= 1
        else:
            kept.append(each)
    if not kept:
        return None
    one = kept[0]
    begins = min(each.begins for each in kept)
    seconds = sum((each.ends - each.begins) / each.among for each in kept)
    return Row(
        agency=one.agency,
        meeting=one.meeting,
        site=one.site,
        station=one.station,
        interpreter=one.interpreter,
        name=one.name,
        kind=one.kind,
        languages=one.languages,
        day=datetime.fromtimestamp(begins, zones.get(one.site, zone)).date(),
        begins=begins,
        ends=max(each.ends for each in kept),
        seconds=seconds,
        charged=0.0,
    )


def _spells(state: Meeting) -> frozenset[_Spell]:
    return frozenset(
        _Spell(station, work.interpreter, work.languages, len(work.stations))
        for work in at_work(state)
        for station in work.stations
    )


def _booked(state: Meeting, spell: _Spell, begins: float, ends: float) -> InterpretingBooked:
    interpreter = state.participants[spell.interpreter]
    station = next(s for s in state.stations if s.number == spell.station)
    return InterpretingBooked(
        at=ends,
        actor=BOOKKEEPER,
        agency=station.agency,
        meeting=state.id,
        site=state.site,
        station=spell.station,
        interpreter=spell.interpreter,
        name=interpreter.name or "",
        kind=kind_of(interpreter),
        languages=spell.languages,
        begins=begins,
        ends=ends,
        among=spell.among,
    )


def _plain(booked: InterpretingBooked) -> InterpretingBooked:
    """What it is about, for comparing: a name may have been erased since."""
    return replace(booked, name="", reverses=False)
