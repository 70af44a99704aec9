"""What a participant is shown of the calls for an interpreter: and of no other meeting."""

from dataclasses import dataclass
from datetime import datetime

from rooms.channels import interpreters
from rooms.instants import instant
from rooms.limits import CALL_LIFETIME
from rooms.meeting import Meeting
from rooms.people import Kind, Participant, Phase
from rooms.policy import phase


@dataclass(frozen=True, slots=True)
class CallView:
    """`place`: 1 for the one that is answered next."""

    id: str
    language: str
    kind: Kind
    since: datetime
    lapses_at: datetime
    place: int | None


@dataclass(frozen=True, slots=True)
class PoolView:
    """`elsewhere`: an interpreter has been given to this meeting, and is in another room now; nobody else
    interprets here."""

    calls: tuple[CallView, ...]
    elsewhere: bool


NOTHING_SEEN = PoolView((), False)


def pool_view(state: Meeting, viewer: Participant) -> PoolView:
    if phase(state, viewer) is not Phase.ROOM:
        return NOTHING_SEEN
    calls = tuple(
        CallView(c.id, c.language, c.kind, instant(c.at), instant(c.at + CALL_LIFETIME), c.place)
        for c in state.pool.calls
    )
    given = (who for who, floor in state.pool.floors.items() if not floor.held)
    away = any(not state.participants[who].removed for who in given)
    return PoolView(calls, away and not interpreters(state))
