"""A second opinion on who may hear and know what, made from what was done and acknowledged.

It is clumsy and separate on purpose: it must share no mistake with `rooms.policy`, and calls nothing of it.
Somebody whose connection is cut counts as there until they are known to have left, which only widens.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Self


@dataclass(frozen=True)
class Person:
    """`number` is that of the mark in the name."""

    id: str
    number: int
    role: str
    agency: str | None = None
    station: int | None = None

    @property
    def officer(self) -> bool:
        return self.role == "officer"


@dataclass(frozen=True)
class Word:
    """What was written, and who could read it then. `line`: the one in the lobby whom it was for or from.
    `unfinished`: letter by letter, and nobody has ended the line."""

    author: str
    station: int | None
    line: str | None
    readers: frozenset[str]
    unfinished: bool = False


@dataclass(frozen=True, eq=False)
class World:
    """What holds at one time.

    `devices`: whose each is; a second one in a slot takes the first's place. `active` lists stations in the
    order in which they began; `muted` holds devices with "a" or "v".
    """

    agency_of: Mapping[int, str]
    people: Mapping[str, Person] = field(default_factory=dict)
    devices: frozenset[tuple[str, int]] = frozenset()
    active: tuple[int, ...] = ()
    over: frozenset[int] = frozenset()
    out: frozenset[str] = frozenset()
    admitted: frozenset[str] = frozenset()
    excluded: frozenset[tuple[str, int]] = frozenset()
    on_site: frozenset[str] = frozenset()
    muted: frozenset[tuple[int, str]] = frozenset()
    question: frozenset[int] | None = None
    consents: Mapping[str, frozenset[int]] = field(default_factory=dict)
    paused: bool = False
    ended: bool = False

    # who is where

    def together(self, one: int, other: int) -> bool:
        return one == other or any({one, other} <= named for named in self.consents.values())

    @cached_property
    def here(self) -> frozenset[str]:
        return frozenset(who for who, _ in self.devices)

    def in_room(self, who: str) -> bool:
        person = self.people[who]
        if self.ended or who in self.out or who not in self.here:
            return False
        if any((who, station) in self.excluded for station in self.active):
            return False
        match person.role:
            case "officer":
                return person.station in self.active and self.agency_of[person.station] == person.agency
            case "companion":
                return who in self.admitted
            case _:
                return True

    def in_lobby(self, who: str) -> bool:
        person = self.people[who]
        if self.ended or who in self.out:
            return False
        if person.officer:
            return person.station not in self.active and person.station not in self.over
        return person.role == "companion" and who not in self.admitted

    def _apart(self, one: str, other: str) -> bool:
        officers = [who for who in (one, other) if self.people[who].officer]
        return bool(officers) and self.question is not None

    # sound and picture

    def hears(self, listener: str, source: str) -> bool:
        if listener == source or self.paused or self._apart(listener, source):
            return False
        return self.in_room(listener) and self.in_room(source)

    @cached_property
    def heard(self) -> frozenset[tuple[str, str]]:
        """(listener, who is heard)."""
        return frozenset((one, other) for one in self.here for other in self.here if self.hears(one, other))

    @cached_property
    def pairs(self) -> frozenset[tuple[int, int]]:
        """(listening device, device heard)."""
        return frozenset(
            (listening, speaking)
            for listener, listening in self.devices
            for source, speaking in self.devices
            if (listener, source) in self.heard
        )

    @cached_property
    def receiving(self) -> frozenset[int]:
        """Devices that may get any packet at all."""
        return frozenset(listening for listening, _ in self.pairs)

    # what is written and shown

    def reads(self, reader: str, author: str) -> bool:
        if self._apart(reader, author) or not (self.in_room(reader) and self.in_room(author)):
            return False
        at_the_office = all(who in self.on_site and not self.people[who].officer for who in (reader, author))
        return at_the_office or not self.paused

    def word_by(self, author: str, to: str | None) -> Word:
        """What `author` writes now; from the lobby, and to somebody there, it is for them and the host."""
        line = author if self.in_lobby(author) else to
        if line is not None:
            hosts = {each.id for each in self.people.values() if each.role == "host"}
            return Word(author, None, line, frozenset({author, line} | hosts))
        station = self.people[author].station or next(iter(self.active), None)
        readers = {who for who in self.people if self.reads(who, author)}
        return Word(author, station, None, frozenset(readers | {author}))

    def letters_by(self, author: str) -> Word:
        """What `author` writes letter by letter now goes where the voice goes."""
        station = self.people[author].station or next(iter(self.active), None)
        readers = {who for who in self.people if self.hears(who, author)}
        return Word(author, station, None, frozenset(readers | {author}), unfinished=True)

    def shows_letter(self, viewer: str, word: Word) -> bool:
        """An unfinished line is never read again: it is only heard."""
        if viewer == word.author or not word.unfinished:
            return self.shows_word(viewer, word)
        return viewer in word.readers and self.hears(viewer, word.author)

    def shows_word(self, viewer: str, word: Word) -> bool:
        """It was for them then, and still is now. Nobody learns anything by their own words."""
        if viewer == word.author:
            return True
        if viewer not in word.readers or self.ended or viewer in self.out:
            return False
        person = self.people[viewer]
        if word.line is not None:
            return person.role == "host" or (word.line == viewer and self.in_lobby(viewer))
        if person.officer:
            in_its_hour = word.station in self.active and self.question is None and not self.paused
            return in_its_hour and self.in_room(viewer)
        return self.in_room(viewer) and (not self.paused or viewer in self.on_site)

    def follows_the_day(self, viewer: str) -> bool:
        """Those who are with the newcomer all day know the chain of stations and who waits at each."""
        person = self.people[viewer]
        if viewer in self.out or person.officer:
            return False
        return person.role != "companion" or viewer in self.admitted

    def knows_person(self, viewer: str, other: str) -> bool:
        one, two = self.people[viewer], self.people[other]
        if viewer == other:
            return True
        if viewer in self.out:
            return False
        if one.role in ("newcomer", "host"):
            return True
        if self.follows_the_day(viewer) and two.role in ("officer", "interpreter"):
            return True
        if one.officer and two.officer and one.station == two.station:
            return True
        if one.officer and two.role == "interpreter" and one.station not in self.over:
            return True
        return self.reads(viewer, other)

    def knows_station(self, viewer: str, station: int) -> bool:
        return self.follows_the_day(viewer) or self.people[viewer].station == station

    def knows_agency(self, viewer: str, agency: str) -> bool:
        if self.follows_the_day(viewer) or self.people[viewer].agency == agency:
            return True
        return any(other.agency == agency and self.reads(viewer, other.id) for other in self.people.values())

    def knows_alias(self, viewer: str) -> bool:
        person = self.people[viewer]
        booked = person.officer and person.station not in self.over and viewer not in self.out
        return booked or self.follows_the_day(viewer)

    # what comes after

    def started(self, station: int) -> Self:
        if station in self.active:
            return self
        staying = [other for other in self.active if self.together(other, station)]
        return replace(self, active=(*staying, station))

    def finished(self, station: int) -> Self:
        return replace(self, active=tuple(n for n in self.active if n != station), over=self.over | {station})

    def revoked(self, consent: str) -> Self:
        after = replace(self, consents={c: named for c, named in self.consents.items() if c != consent})
        staying: list[int] = []
        for station in self.active:
            if all(after.together(station, other) for other in staying):
                staying.append(station)
        return replace(after, active=tuple(staying))

    def answered(self, question: str, granted: bool) -> Self:
        if self.question is None:
            return self
        consents = {**self.consents, question: self.question} if granted else self.consents
        return replace(self, question=None, consents=consents)

    def with_person(self, person: Person, on_site: bool) -> Self:
        place = {person.id} if on_site else set()
        return replace(self, people={**self.people, person.id: person}, on_site=self.on_site | place)

    def with_station(self, station: int, agency: str) -> Self:
        return replace(self, agency_of={**self.agency_of, station: agency})

    def removed(self, who: str) -> Self:
        return replace(self.without_devices(who), out=self.out | {who})

    def without_devices(self, who: str) -> Self:
        return replace(self, devices=frozenset(each for each in self.devices if each[0] != who))

    def taken_over(self, who: str, device: int, before: int | None) -> Self:
        """`before` is the device that had the slot."""
        return replace(self, devices=self.devices - {(who, before)} | {(who, device)})

    def excluding(self, who: str) -> Self:
        return replace(self, excluded=self.excluded | {(who, station) for station in self.active})

    def including(self, who: str) -> Self:
        return replace(self, excluded=frozenset(each for each in self.excluded if each[0] != who))

    def placed(self, who: str, on_site: bool) -> Self:
        return replace(self, on_site=self.on_site | {who} if on_site else self.on_site - {who})
