"""Who is let in to a meeting: by what, until when, and where they are; and taking that back."""

from dataclasses import dataclass
from typing import Literal, Protocol

from rooms import commands as cmd
from rooms.errors import Reason, Rejected
from rooms.meeting import Meeting
from rooms.people import Participant, Phase, Role
from rooms.policy import Action, may, may_remove, phase, sees_grants, sees_participant
from rooms.store.base import Records
from signaling.agency_grants import participant_for
from signaling.invitations import Invitations
from signaling.live import Live
from signaling.screens import LINK as SCREEN_LINK
from signaling.screens import links_given

By = Literal["link", "screen", "staff", "assertion", "pool"]


@dataclass(frozen=True, slots=True)
class LetIn:
    """`by` is empty when every link has expired or was taken back; `until`: of a link that is not used yet;
    `devices`: the slots of those that are connected; `revocable`: by whoever asked."""

    person: Participant
    phase: Phase
    by: tuple[By, ...]
    until: float | None
    devices: tuple[str, ...]
    revocable: bool


class Meetings(Protocol):
    async def live(self, meeting: str) -> Live: ...


class Entrances:
    def __init__(self, *, meetings: Meetings, invitations: Invitations, records: Records) -> None:
        self._meetings = meetings
        self._invitations = invitations
        self._records = records

    async def of(self, meeting: str, viewer: str) -> list[LetIn]:
        """Everybody who is there or can come, as far as `viewer` may know of them. Raises Rejected."""
        live = await self._meetings.live(meeting)
        state = live.current
        asking = _host(state, viewer)
        links = await self._invitations.links_of(meeting)
        on_screens = await self._on_screens(meeting)
        found = []
        for person in state.participants.values():
            own = [(name, link) for name, link in links if link.participant == person.id]
            unused = [link.expires_at for _, link in own if link.state == "open"]
            entry = LetIn(
                person,
                phase(state, person),
                _ways(state, person, {name for name, _ in own}, on_screens),
                max(unused) if unused and len(unused) == len(own) else None,
                tuple(sorted(slot for who, slot in live.sessions if who == person.id)),
                viewer != person.id and may(state, viewer, Action.REMOVE),
            )
            alive = entry.phase is not Phase.FINISHED and (entry.by or entry.devices or person.present)
            if alive and sees_participant(state, asking, person):
                found.append(entry)
        return found

    async def take_back(self, meeting: str, viewer: str, participant: str) -> None:
        """At once, and for good: only a new link lets them in again. The newcomer stays a participant and
        loses the links. Raises Rejected."""
        live = await self._meetings.live(meeting)
        state = live.current
        asking = _host(state, viewer)
        person = state.participants.get(participant)
        if person is None or not sees_participant(state, asking, person):
            raise Rejected(Reason.PARTICIPANT_UNKNOWN, "there is no such participant")
        if participant == viewer:
            raise Rejected(Reason.NOT_ALLOWED, "nobody takes themselves back")
        if may_remove(state, viewer, person):
            await live.execute(cmd.Remove(actor=viewer, participant=participant))
            return
        if person.role is not Role.NEWCOMER or not may(state, viewer, Action.REMOVE):
            raise Rejected(Reason.NOT_ALLOWED, "this person is not yours to take back")
        for name, link in await self._invitations.links_of(meeting):
            if link.participant == participant:
                await self._invitations.revoke(meeting, name, viewer)

    async def _on_screens(self, meeting: str) -> frozenset[str]:
        """The links that were given to screens at an office."""
        given = [links_given(record.value) for _, record in await self._records.scan(SCREEN_LINK)]
        return frozenset(link for screen in given for where, link in screen if where == meeting)


def _host(state: Meeting, viewer: str) -> Participant:
    person = state.participants.get(viewer)
    if person is None or not sees_grants(state, person):
        raise Rejected(Reason.NOT_ALLOWED, "who is let in is for the host")
    return person


def _ways(state: Meeting, person: Participant, links: set[str], on_screens: frozenset[str]) -> tuple[By, ...]:
    ways: list[By] = []
    if links & on_screens:
        ways.append("screen")
    if links - on_screens:
        ways.append("staff" if person.role is Role.HOST and person.subject is not None else "link")
    if person.agency is not None and person.subject is not None and person.station is not None:
        granted = participant_for(person.agency, person.subject, state.id, person.station)
        if granted == person.id:
            ways.append("assertion")
    if person.id in state.pool.floors:
        ways.append("pool")
    return tuple(ways)
