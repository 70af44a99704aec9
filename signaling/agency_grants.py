"""An agency lets its own officer in: a used assertion becomes a participant of the station, and a token."""

import json
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Protocol

from rooms.commands import AGENCY, Command, Invite
from rooms.errors import Reason, Rejected
from rooms.meeting import Meeting
from rooms.people import Participant, Place, Role
from rooms.store.base import Records
from rooms.views import Names
from signaling.agency_keys import AgencyKeys
from signaling.assertions import Assertion
from signaling.codes import digest
from signaling.errors import ServiceError
from signaling.tokens import Tokens

HOLDER = "agency_token"
TOKEN = "a_"
"""How the id of a token begins that an assertion was exchanged for."""
HOLDER_KEPT = 2 * 86400.0
"""Seconds for which a token can be taken back by its id: longer than any session that began with it."""
OFFICER_LANGUAGE = "sv"
_HIDDEN = frozenset(
    {Reason.MEETING_UNKNOWN, Reason.STATION_UNKNOWN, Reason.AGENCY_MISMATCH, Reason.MEETING_ENDED}
)
"""An agency does not learn what there is beside its own stations."""


class GrantRefused(ServiceError):
    """`code`: grant_unknown, grant_over, grant_revoked, grant_limit."""


@dataclass(frozen=True, slots=True)
class Holder:
    """`kid` and `key`: of the key by which they came, its id and its mark; empty in older records."""

    meeting: str
    participant: str
    agency: str
    kid: str = ""
    key: str = ""


class Meetings(Protocol):
    async def execute(self, meeting: str, command: Command) -> Meeting: ...

    async def state(self, meeting: str) -> Meeting: ...


class AgencyGrants:
    def __init__(
        self,
        *,
        meetings: Meetings,
        records: Records,
        keys: AgencyKeys,
        tokens: Tokens,
        names: Names,
        clock: Callable[[], float],
    ) -> None:
        self._meetings = meetings
        self._records = records
        self._keys = keys
        self._tokens = tokens
        self._names = names
        self._clock = clock

    async def admit(self, assertion: Assertion) -> tuple[Participant, str, int]:
        """The participant, the access token and its lifetime in seconds. The same officer of the same station
        is the same participant, however often they come. Raises GrantRefused, ServiceUnavailable."""
        participant = participant_of(assertion)
        try:
            person = await self._participant(participant, assertion)
        except Rejected as error:
            raise _refused(error) from error
        if person.removed:
            raise GrantRefused("grant_revoked", "this officer's place in the meeting has been taken back")
        jti = TOKEN + secrets.token_urlsafe(16)
        key = assertion.key
        holder = Holder(assertion.meeting, person.id, assertion.agency, key.kid, key.mark)
        await self._records.put_if_absent(HOLDER, jti, asdict(holder), self._clock() + HOLDER_KEPT)
        token, lifetime = self._tokens.issue_access(
            participant=person.id,
            role=person.role.value,
            agency=person.agency,
            meeting=assertion.meeting,
            station=person.station,
            jti=jti,
        )
        return person, token, lifetime

    async def holder(self, jti: str) -> Holder | None:
        """Who was given the token with this id."""
        record = await self._records.get(HOLDER, jti)
        return None if record is None else Holder(**record.value)

    async def stands(self, jti: str) -> bool:
        """Is the key still registered by which this token came? One that has run out meanwhile is: it let in
        well. True for a token that no assertion was exchanged for."""
        holder = await self.holder(jti) if jti.startswith(TOKEN) else None
        if holder is None or not holder.key:
            return True
        return await self._keys.is_registered(holder.agency, holder.kid, holder.key)

    async def _participant(self, participant: str, assertion: Assertion) -> Participant:
        state = await self._meetings.state(assertion.meeting)
        if state.ended:
            raise Rejected(Reason.MEETING_ENDED, "the meeting has ended")
        station = state.station(assertion.station)
        if station is None or station.agency != assertion.agency:
            raise Rejected(Reason.STATION_UNKNOWN, "there is no such station")
        if participant not in state.participants:
            state = await self._invited(assertion.meeting, self._invite(participant, assertion))
        return state.participants[participant]

    async def _invited(self, meeting: str, command: Invite) -> Meeting:
        """Another assertion of the same officer may have come first."""
        try:
            return await self._meetings.execute(meeting, command)
        except Rejected as error:
            if error.reason is not Reason.PARTICIPANT_EXISTS:
                raise
        return await self._meetings.state(meeting)

    def _invite(self, participant: str, assertion: Assertion) -> Invite:
        agency = self._names.agencies.get(assertion.agency, {}).get("sv", assertion.agency)
        return Invite(
            actor=AGENCY + assertion.agency,
            participant=participant,
            role=Role.OFFICER,
            name=assertion.name or agency,
            language=OFFICER_LANGUAGE,
            place=Place.ELSEWHERE,
            agency=assertion.agency,
            station=assertion.station,
            subject=assertion.officer,
        )


def participant_of(assertion: Assertion) -> str:
    return participant_for(assertion.agency, assertion.officer, assertion.meeting, assertion.station)


def participant_for(agency: str, officer: str, meeting: str, station: int) -> str:
    grant = (agency, officer, meeting, str(station))
    return "p_" + digest(json.dumps(grant))[:16]


def _refused(error: Rejected) -> GrantRefused:
    if error.reason in _HIDDEN:
        return GrantRefused("grant_unknown", "the agency has no such station in such a meeting")
    if error.reason is Reason.STATION_FINAL:
        return GrantRefused("grant_over", "the station is finished")
    if error.reason is Reason.STATION_FULL:
        return GrantRefused("grant_limit", error.message)
    return GrantRefused("assertion_claims", error.message)
