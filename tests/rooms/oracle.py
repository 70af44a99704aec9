"""A second opinion on who may hear whom, written from the log alone and without any of the core's functions.

It is deliberately clumsy and separate: it must not share a mistake with `rooms.policy`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from rooms import events as ev
from rooms import pool_events as pev


@dataclass
class Witness:
    agency_of_station: dict[int, str] = field(default_factory=dict)
    grants: dict[str, ev.ParticipantInvited] = field(default_factory=dict)
    active: list[int] = field(default_factory=list)
    """Stations that go on, in the order in which they were started."""
    here: set[str] = field(default_factory=set)
    out: set[str] = field(default_factory=set)
    admitted: set[str] = field(default_factory=set)
    of_the_pool: set[str] = field(default_factory=set)
    attending: set[str] = field(default_factory=set)
    paused: bool = False
    ended: bool = False
    question: ev.ConsentAsked | None = None
    consents: dict[str, frozenset[int]] = field(default_factory=dict)

    def see(self, event: ev.Event) -> None:
        match event:
            case ev.StationAdded():
                self.agency_of_station[event.number] = event.agency
            case ev.StationStarted():
                self.active = [n for n in self.active if n not in event.returned] + [event.number]
            case ev.StationReturned() | ev.StationFinished() | ev.StationSkipped():
                self.active = [n for n in self.active if n != event.number]
            case ev.ParticipantInvited():
                self.grants[event.participant] = event
            case ev.ParticipantEntered():
                self.here.add(event.participant)
            case ev.ParticipantLeft():
                self.here.discard(event.participant)
            case ev.ParticipantRemoved():
                self.out.add(event.participant)
            case ev.ParticipantAdmitted():
                self.admitted.add(event.participant)
            case pev.CallAccepted():
                self.of_the_pool.add(event.participant)
            case pev.FloorTaken():
                self.attending.add(event.participant)
            case pev.FloorLeft():
                self.attending.discard(event.participant)
            case ev.MeetingPaused():
                self.paused = True
            case ev.MeetingResumed():
                self.paused = False
            case ev.MeetingEnded():
                self.ended = True
            case ev.ConsentAsked():
                self.question = event
            case ev.ConsentAnswered():
                assert self.question is not None
                if event.granted:
                    self.consents[event.question] = frozenset(self.question.stations)
                self.question = None
            case ev.ConsentWithdrawn() | ev.ConsentLapsed():
                self.question = None
            case ev.ConsentRevoked():
                del self.consents[event.consent]

    def consented(self, one: int, other: int) -> bool:
        return one == other or any({one, other} <= stations for stations in self.consents.values())

    def may_be_with(self, participant: str) -> bool:
        """Could this participant be in the room at all?"""
        grant = self.grants[participant]
        if participant in self.out or participant not in self.here or self.ended:
            return False
        if participant in self.of_the_pool and participant not in self.attending:
            return False
        if grant.role in ("companion", "attendee"):
            return participant in self.admitted
        if grant.role == "officer":
            assert grant.station is not None
            return grant.station in self.active and self.agency_of_station[grant.station] == grant.agency
        return True

    def objection(self, listener: str, source: str) -> str | None:
        """Why `listener` must not receive `source` now; None if there is nothing against it."""
        if listener == source:
            return "hears oneself"
        for who in (listener, source):
            if not self.may_be_with(who):
                return f"{who} is not in the room"
        if self.paused:
            return "the meeting is paused"
        officers = [self.grants[w] for w in (listener, source) if self.grants[w].role == "officer"]
        if officers and self.question is not None:
            return "a question of consent is open"
        for officer in officers:
            assert officer.station is not None
            if any(
                not self.consented(officer.station, n)
                for n in self.active[: self.active.index(officer.station)]
            ):
                return "two stations together without consent"
        if len(officers) == 2 and not self.consented(officers[0].station or 0, officers[1].station or 0):
            return "officers of two stations without consent"
        return None


def objections(witness: Witness, table: Mapping[str, Mapping[str, tuple[str, ...]]]) -> list[str]:
    return [
        f"{listener} hears {source}: {objection}"
        for listener, heard in table.items()
        for source in heard
        if (objection := witness.objection(listener, source)) is not None
    ]
