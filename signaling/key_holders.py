"""Who is connected by which agency's key: with a key that is removed goes whoever it has let in."""

import asyncio
from collections.abc import Mapping
from typing import Protocol

import structlog

from rooms.store.base import StoreUnavailable
from signaling.agency_grants import TOKEN, AgencyGrants
from signaling.agency_keys import AgencyKeys
from signaling.errors import ServiceError
from signaling.live import Live
from signaling.session import Session

log = structlog.get_logger(__name__)

EVERY = 0.5
"""Seconds until whoever came by a key is shown out that was removed at another node, or by a command."""


class Meetings(Protocol):
    """The part of the hub that is needed."""

    @property
    def lives(self) -> Mapping[str, Live]: ...

    async def end(self, live: Live, session: Session, code: str, reason: str) -> None: ...


class KeyHolders:
    def __init__(self, meetings: Meetings, grants: AgencyGrants, keys: AgencyKeys) -> None:
        self._meetings = meetings
        self._grants = grants
        self._keys = keys
        self._marks: dict[str, str] = {}
        """Of the keys by which the sessions of this node came, by token."""

    async def follow(self) -> None:
        """Until it is cancelled."""
        while True:
            await asyncio.sleep(EVERY)
            try:
                await self.show_out()
            except (StoreUnavailable, ServiceError) as error:
                log.info("agencies' keys are not looked at", why=str(error))
            except Exception:
                log.exception("agencies' keys cannot be looked at")

    async def show_out(self) -> None:
        """At this node, whoever came by a key that is not registered any more; who has another one comes
        back by that. Raises StoreUnavailable, ServiceError."""
        came = [
            (live, session)
            for live in self._meetings.lives.values()
            for session in live.sessions.values()
            if session.grant.startswith(TOKEN)
        ]
        marks = {session.grant: await self._mark(session.grant) for _, session in came}
        self._marks = marks
        if not any(marks.values()):
            return
        registered = await self._keys.registered() | {""}
        for live, session in came:
            if marks[session.grant] not in registered:
                await self._meetings.end(live, session, "revoked", "the agency's key has been removed")

    async def _mark(self, token: str) -> str:
        """Empty when it is not known."""
        if token not in self._marks:
            holder = await self._grants.holder(token)
            return "" if holder is None else holder.key
        return self._marks[token]
