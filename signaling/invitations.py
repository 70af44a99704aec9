"""One-time links: made, redeemed once, opened again by the same browser, taken back.

A link's id is derived from the hash of its code, and the code itself is never kept. One record for each link
says whether it is open, used, replaced or revoked; another one names the newest link of each participant,
which is the only one of theirs that can still be redeemed, and all those in use.
"""

import secrets
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Protocol

from rooms.commands import STAFF, Command, Invite
from rooms.errors import Reason, Rejected
from rooms.meeting import Meeting
from rooms.people import Kind, Participant, Phase, Place, Role
from rooms.policy import Action, may, phase
from rooms.rules.checks import is_language
from rooms.store.base import Record, Records
from rooms.views import BookingView, Names, booking
from signaling.certain import certainly
from signaling.codes import digest, is_code, new_code
from signaling.errors import ServiceError
from signaling.tokens import Tokens

INVITATION = "invitation"
NEWEST = "invitation_newest"
REVOKED = "revoked_token"

COOKIE_PREFIX = "motesrum_link_"
KEPT = 60 * 86400.0
"""Seconds for which a link that has expired is still known as such."""
LINKS_KEPT = 40
"""Links that one browser can come back with. A screen at an office opens several a day, and all their cookies
must fit into the head of its next call."""
LINKS_IN_USE = 200
"""Of one participant, so that they can be told and taken back. The oldest of more is taken back."""
DAY = 86400.0

_ON_SITE = frozenset({Role.NEWCOMER, Role.HOST, Role.COMPANION, Role.ATTENDEE})


class InvitationError(ServiceError):
    """`code`: invitation_unknown, invitation_used, invitation_expired, invitation_revoked, meeting_ended."""


@dataclass(frozen=True, slots=True)
class Invitation:
    id: str
    code: str
    url: str
    expires_at: float
    participant: str


@dataclass(frozen=True, slots=True)
class Redeemed:
    """`fresh`: this call used the link up; otherwise the same browser has come back."""

    access_token: str
    expires_in: int
    meeting: str
    participant: str
    role: str
    cookie_name: str
    cookie_value: str
    fresh: bool


@dataclass(frozen=True, slots=True)
class Link:
    """What the store knows of a link. `device`: hash of the cookie of the browser that used it."""

    meeting: str
    participant: str
    expires_at: float
    state: str = "open"
    device: str | None = None

    def stored(self) -> dict[str, Any]:
        return {
            "meeting": self.meeting,
            "participant": self.participant,
            "expires_at": self.expires_at,
            "state": self.state,
            "device": self.device,
        }


class Meetings(Protocol):
    """The part of the hub that links need."""

    async def execute(self, meeting: str, command: Command) -> Meeting: ...

    async def state(self, meeting: str) -> Meeting: ...

    async def close_participant(self, meeting: str, participant: str, code: str, reason: str) -> None: ...


class Invitations:
    def __init__(
        self,
        *,
        records: Records,
        meetings: Meetings,
        tokens: Tokens,
        names: Names,
        public_url: str,
        lifetime: float,
        clock: Callable[[], float],
        by_agency: Callable[[str], Awaitable[bool]],
    ) -> None:
        """`by_agency`: does the token with this id, which is of no link, still stand?"""
        self._records = records
        self._meetings = meetings
        self._tokens = tokens
        self._names = names
        self._public_url = public_url
        self._by_agency = by_agency
        self._lifetime = lifetime
        self._clock = clock

    async def create(
        self,
        *,
        meeting: str,
        actor: str,
        role: Role,
        agency: str | None = None,
        station: int | None = None,
        name: str | None = None,
        language: str | None = None,
        participant: str | None = None,
        place: Place | None = None,
        kind: Kind | None = None,
        seed: str | None = None,
    ) -> Invitation:
        """A link for a new participant, or a new link for an old one. With the same `seed` (hex) as before,
        no second participant is made. Raises Rejected."""
        state = await self._meetings.state(meeting)
        new = "p_" + (secrets.token_hex(8) if seed is None else seed[:16])
        known = self._known(state, actor, role, participant or (new if new in state.participants else None))
        if known is None:
            command = self._invite(new, state, actor, role, agency, station, name, language, place, kind)
            state = await self._meetings.execute(meeting, command)
            known = state.participants[command.participant]
        else:
            _demand_reissue(state, actor, known, agency, station)
        return await self._issue(state, known.id)

    async def whose(self, code: str) -> tuple[Participant, BookingView | None]:
        """For whom a link is, and for what while it can be used; changes nothing. Raises InvitationError."""
        invitation = invitation_id(code) if is_code(code) else ""
        link = await self.find(invitation) if invitation else None
        if link is None:
            raise InvitationError("invitation_unknown", "there is no such link")
        if link.state == "revoked":
            raise InvitationError("invitation_revoked", "the link has been taken back; ask for a new one")
        person = await self._grantee(link)
        try:
            await self._demand_open(invitation, link)
        except InvitationError:
            return person, None
        return person, await self._booking(link.meeting, person)

    async def holder(
        self, meeting: str, participant: str, jti: str
    ) -> tuple[Participant, BookingView | None]:
        """The same of a token that has been verified. Raises InvitationError."""
        if not await self.grant_stands(meeting, participant, jti):
            raise InvitationError("invitation_revoked", "the invitation has been taken back")
        person = (await self._meetings.state(meeting)).participants[participant]
        return person, await self._booking(meeting, person)

    async def redeem(self, code: str, cookie: str | None) -> Redeemed:
        """`cookie`: what the browser sent under `cookie_name(code)`. Raises InvitationError."""
        invitation = invitation_id(code) if is_code(code) else ""
        record = await self._records.get(INVITATION, invitation) if invitation else None
        if record is None:
            raise InvitationError("invitation_unknown", "there is no such link")
        link = _link(record)
        if link.state == "revoked":
            raise InvitationError("invitation_revoked", "the link has been taken back; ask for a new one")
        if link.state == "used":
            if cookie is None or not secrets.compare_digest(link.device or "", digest(cookie)):
                raise InvitationError("invitation_used", "the link has been used; ask for a new one")
            person = await self._grantee(link)
            return self._admitted(person, invitation, code, link, cookie, fresh=False)
        await self._demand_open(invitation, link)
        return await self._use(invitation, code, link, record)

    async def revoke(self, meeting: str, invitation: str, actor: str) -> None:
        """The link opens nothing any more, and who came in by it is shown out. Raises Rejected when there is
        no such link in the meeting; doing it again changes nothing."""
        state = await self._meetings.state(meeting)
        if not may(state, actor, Action.INVITE) and not state.ended:
            raise Rejected(Reason.NOT_ALLOWED, "links are taken back by those who lead the meeting")
        while True:
            record = await self._records.get(INVITATION, invitation)
            if record is None or _link(record).meeting != meeting:
                raise InvitationError("invitation_unknown", "there is no such link")
            link = _link(record)
            if link.state == "revoked":
                return
            taken_back = Link(link.meeting, link.participant, link.expires_at, "revoked", link.device)
            if await self._replace(invitation, record, taken_back):
                break
        if link.state == "used":
            await self._meetings.close_participant(
                meeting, link.participant, "invitation_revoked", "the link has been taken back"
            )

    async def revoke_token(self, jti: str) -> None:
        """No session begins or comes back with this token."""
        await self._records.put_if_absent(REVOKED, jti, {"at": self._clock()}, self._clock() + KEPT)

    async def find(self, invitation: str) -> Link | None:
        record = await self._records.get(INVITATION, invitation)
        return None if record is None else _link(record)

    async def grant_stands(self, meeting: str, participant: str, jti: str) -> bool:
        """Is what this token gives still given?"""
        try:
            person = (await self._meetings.state(meeting)).participants.get(participant)
        except Rejected:
            return False
        if person is None or person.removed:
            return False
        if await self._records.get(REVOKED, jti) is not None:
            return False
        invitation = invitation_of(jti)
        if invitation is None:
            return await self._by_agency(jti)
        link = await self.find(invitation)
        return link is not None and link.state != "revoked" and link.participant == participant

    def _known(self, state: Meeting, actor: str, role: Role, participant: str | None) -> Participant | None:
        """The participant whom a new link is for, when they have a place already."""
        if participant is not None:
            person = state.participants.get(participant)
            if person is None:
                raise Rejected(Reason.PARTICIPANT_UNKNOWN, "there is no such participant")
            if person.role is not role:
                raise Rejected(Reason.INVALID, f"this participant is {person.role.value}, not {role.value}")
            return person
        people = [p for p in state.participants.values() if p.role is role and not p.removed]
        if role is Role.NEWCOMER:
            return next(iter(people), None)
        if role is Role.HOST and actor.startswith(STAFF):
            return next((p for p in people if p.subject == actor.removeprefix(STAFF)), None)
        return None

    def _invite(
        self,
        participant: str,
        state: Meeting,
        actor: str,
        role: Role,
        agency: str | None,
        station: int | None,
        name: str | None,
        language: str | None,
        place: Place | None,
        kind: Kind | None,
    ) -> Invite:
        if language is not None and not is_language(language):
            raise Rejected(Reason.INVALID, "language is a language tag such as sv or ar")
        own = role is Role.HOST and actor.startswith(STAFF)
        return Invite(
            actor=actor,
            participant=participant,
            role=role,
            name=self._default_name(state, role, agency) if name is None else name,
            language=language or _default_language(state, role),
            place=place or (Place.ON_SITE if role in _ON_SITE else Place.ELSEWHERE),
            agency=agency,
            station=station,
            subject=actor.removeprefix(STAFF) if own else None,
            kind=kind,
        )

    def _default_name(self, state: Meeting, role: Role, agency: str | None) -> str:
        """Empty where only the role is known: each page says that in its reader's language."""
        if role is Role.NEWCOMER:
            return state.alias
        if role is Role.OFFICER:
            return self._names.agencies.get(agency or "", {}).get("sv", agency or "")
        return ""

    async def _issue(self, state: Meeting, participant: str) -> Invitation:
        code = new_code()
        invitation = invitation_id(code)
        now = self._clock()
        expires_at = now + self._lifetime
        if state.planned_at is not None:
            expires_at = max(expires_at, state.planned_at + DAY)
        link = Link(state.id, participant, expires_at)
        await self._records.put_if_absent(INVITATION, invitation, link.stored(), expires_at + KEPT)
        await self._make_newest(state.id, participant, invitation, expires_at + KEPT)
        return Invitation(invitation, code, f"{self._public_url}/j/{code}", expires_at, participant)

    async def _make_newest(self, meeting: str, participant: str, invitation: str, until: float) -> None:
        key = f"{meeting}.{participant}"
        while True:
            record = await self._records.get(NEWEST, key)
            if record is None:
                value: dict[str, Any] = {"invitation": invitation, "before": []}
                if await self._records.put_if_absent(NEWEST, key, value, until):
                    return
                continue
            before = [*record.value.get("before", ()), record.value["invitation"]]
            in_use = [each for each in before if await self._end(each, "open", "replaced") == "used"]
            for each in in_use[:-LINKS_IN_USE]:
                await self._end(each, "used", "revoked")
            value = {"invitation": invitation, "before": in_use[-LINKS_IN_USE:]}
            if await self._records.compare_and_set(NEWEST, key, record.version, value, until):
                return

    async def _end(self, invitation: str, state: str, becomes: str) -> str:
        """What the link is then: it changes only out of that state."""
        while (record := await self._records.get(INVITATION, invitation)) is not None:
            link = _link(record)
            if link.state != state or await self._replace(invitation, record, replace(link, state=becomes)):
                return link.state if link.state != state else becomes
        return becomes

    async def links_of(self, meeting: str) -> list[tuple[str, Link]]:
        """Those with which somebody can come in or back, and what they are called; oldest first."""
        found: list[tuple[str, Link]] = []
        for _, record in await self._records.scan(NEWEST, f"{meeting}."):
            newest = record.value["invitation"]
            for invitation in (*record.value.get("before", ()), newest):
                link = await self.find(invitation)
                if link is not None and self._opens(link, newest=invitation == newest):
                    found.append((invitation, link))
        return found

    def _opens(self, link: Link, *, newest: bool) -> bool:
        if link.state == "open":
            return newest and self._clock() < link.expires_at
        return link.state == "used"

    async def _demand_open(self, invitation: str, link: Link) -> None:
        if link.state == "used":
            raise InvitationError("invitation_used", "the link has been used; ask for a new one")
        if link.state == "replaced":
            raise InvitationError("invitation_revoked", "there is a newer link; use that one")
        if self._clock() >= link.expires_at:
            raise InvitationError("invitation_expired", "the link has expired; ask for a new one")
        newest = await self._records.get(NEWEST, f"{link.meeting}.{link.participant}")
        if newest is None or newest.value["invitation"] != invitation:
            raise InvitationError("invitation_revoked", "there is a newer link; use that one")

    async def _use(self, invitation: str, code: str, link: Link, record: Record) -> Redeemed:
        person = await self._grantee(link)
        cookie = secrets.token_urlsafe(32)
        used = Link(link.meeting, link.participant, link.expires_at, "used", digest(cookie))
        replaced = self._replace(invitation, record, used)
        if not await certainly(replaced, self._records, INVITATION, invitation, used.stored()):
            raise InvitationError("invitation_used", "the link has been used; ask for a new one")
        return self._admitted(person, invitation, code, used, cookie, fresh=True)

    def _admitted(
        self, person: Participant, invitation: str, code: str, link: Link, cookie: str, *, fresh: bool
    ) -> Redeemed:
        token, expires_in = self._tokens.issue_access(
            participant=person.id,
            role=person.role.value,
            agency=person.agency,
            meeting=link.meeting,
            station=person.station,
            jti=f"{invitation}.{secrets.token_urlsafe(9)}",
            invitation=invitation,
        )
        return Redeemed(
            access_token=token,
            expires_in=expires_in,
            meeting=link.meeting,
            participant=person.id,
            role=person.role.value,
            cookie_name=cookie_name(code),
            cookie_value=cookie,
            fresh=fresh,
        )

    async def _booking(self, meeting: str, person: Participant) -> BookingView:
        state = await self._meetings.state(meeting)
        return booking(state, person, self._clock(), self._names)

    async def _grantee(self, link: Link) -> Participant:
        try:
            state = await self._meetings.state(link.meeting)
        except Rejected as error:
            raise InvitationError("invitation_unknown", "there is no such link") from error
        if state.ended:
            raise InvitationError("meeting_ended", "the meeting has ended")
        person = state.participants.get(link.participant)
        if person is None or person.removed:
            raise InvitationError("invitation_revoked", "the invitation has been taken back")
        return person

    async def _replace(self, invitation: str, record: Record, link: Link) -> bool:
        return await self._records.compare_and_set(
            INVITATION, invitation, record.version, link.stored(), record.expires_at
        )


def invitation_id(code: str) -> str:
    return "i_" + digest(code)


def invitation_of(jti: str) -> str | None:
    """The link that a token came from, by the token's id."""
    invitation, dot, _ = jti.partition(".")
    return invitation if dot and invitation.startswith("i_") else None


def cookie_name(code: str) -> str:
    """Each link has a cookie of its own, so that several live side by side in one browser."""
    return COOKIE_PREFIX + digest("cookie " + code)[:16]


def superfluous(cookies: Iterable[str], newest: str) -> list[str]:
    """Of a browser's cookies, oldest first (RFC 6265, section 5.4), those of links that it need not keep."""
    links = [name for name in cookies if name.startswith(COOKIE_PREFIX) and name != newest]
    return links[: max(0, len(links) + 1 - LINKS_KEPT)]


def _default_language(state: Meeting, role: Role) -> str:
    if role in (Role.NEWCOMER, Role.COMPANION, Role.ATTENDEE):
        return next((code for code in state.languages if code != "sv"), state.languages[0])
    return "sv"


def _demand_reissue(
    state: Meeting, actor: str, person: Participant, agency: str | None, station: int | None
) -> None:
    if state.ended:
        raise Rejected(Reason.MEETING_ENDED, "the meeting has ended")
    if not may(state, actor, Action.INVITE):
        raise Rejected(Reason.NOT_ALLOWED, f"{Action.INVITE} is not open to you now")
    if person.removed:
        raise Rejected(Reason.PARTICIPANT_REMOVED, "the invitation has been taken back")
    if agency not in (None, person.agency):
        raise Rejected(Reason.AGENCY_MISMATCH, "this participant belongs to another agency")
    if station not in (None, person.station):
        raise Rejected(Reason.INVALID, "this participant belongs to another station")
    if phase(state, person) is Phase.FINISHED:
        raise Rejected(Reason.STATION_FINAL, "the station is finished or skipped; that is final")


def _link(record: Record) -> Link:
    return Link(**record.value)
