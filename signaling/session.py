"""One device of one participant: what it is told, and the secret with which it comes back.

The secret rotates at every resume. The one before stays valid until the new one is first used, so that a lost
answer locks nobody out; one that was left behind closes the session, for somebody else has it.
"""

import hashlib
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from rooms.store.base import Records, Store
from signaling.errors import ServiceError
from signaling.outbox import Outbox

KIND = "session"
RETIRED_KEPT = 16
HELD = 256
"""So many notifications may wait for the answer to a call."""


@dataclass(slots=True, eq=False)
class Session:
    """`shown` holds the snapshot's sections as the device has them; `speaking`: were speakers told last?

    While a call is answered, notifications are held: its answer comes before what it brings about."""

    id: str
    meeting: str
    participant: str
    slot: str
    grant: str
    outbox: Outbox
    shown: dict[str, Any] = field(default_factory=dict)
    closed: bool = False
    speaking: bool = False
    _held: list[str] | None = field(default_factory=list)
    _goodbye: str | None = None

    def notify(self, method: str, params: dict[str, Any]) -> None:
        if self.closed:
            return
        text = frame(method, params)
        if self._held is None:
            if not self.outbox.put(text):
                self.close_slow()
        elif len(self._held) < HELD:
            self._held.append(text)
        else:
            self.close_slow()

    def hold(self) -> None:
        """From here on notifications wait for `release`. A new session is held already."""
        if self._held is None:
            self._held = []

    def release(self) -> None:
        """The device has its answer; what came meanwhile follows."""
        held, self._held = self._held or [], None
        if not all(self.outbox.put(text) for text in held):
            self.close_slow()
        if self.closed:
            self.outbox.close(self._goodbye)

    def hint(self, method: str, params: dict[str, Any]) -> None:
        """Of use only at once: dropped when the device does not keep up."""
        if not self.closed and self._held is None:
            self.outbox.put_if_idle(frame(method, params))

    def close(self, code: str, reason: str) -> None:
        """Media is for the caller to end. What waits is still sent, and a goodbye after it."""
        if self.closed:
            return
        self.closed = True
        self._goodbye = frame("session.closed", {"code": code, "reason": reason})
        if self._held is None:
            self.outbox.close(self._goodbye)

    def close_slow(self) -> None:
        """What waits is dropped: a resume brings a snapshot."""
        self.outbox.discard()
        if self._held is not None:
            self._held.clear()
        self.close("slow_reader", "the connection reads too slowly; resume the session")


def frame(method: str, params: dict[str, Any]) -> str:
    return json.dumps({"jsonrpc": "2.0", "method": method, "params": params}, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Returning:
    """Whom a session secret belongs to."""

    session: str
    meeting: str
    participant: str
    slot: str
    grant: str
    secret: str


class SecretLeftBehind(ServiceError):
    """A retired secret was used, so somebody else has the session: it is closed. `session_closed`."""

    def __init__(self, meeting: str, session: str) -> None:
        super().__init__("session_closed", "this secret was left behind; the session is closed")
        self.meeting = meeting
        self.session = session


class Sessions:
    """The sessions' secrets, as hashes in the store. Raises `ServiceError` session_unknown, session_closed,
    session_replaced, session_busy."""

    def __init__(self, store: Store, lifetime: float, clock: Callable[[], float]) -> None:
        self._records: Records = store.records
        self._lifetime = lifetime
        self._clock = clock

    async def open(self, *, meeting: str, participant: str, slot: str, grant: str) -> Returning:
        session, secret = "s_" + secrets.token_hex(8), secrets.token_urlsafe(24)
        value: dict[str, Any] = {
            "meeting": meeting,
            "participant": participant,
            "slot": slot,
            "grant": grant,
            "current": _hash(secret),
            "previous": None,
            "retired": [],
            "closed": None,
        }
        await self._records.put_if_absent(KIND, session, value, self._clock() + self._lifetime)
        return Returning(session, meeting, participant, slot, grant, secret)

    async def resume(self, session: str, secret: str) -> Returning:
        record = await self._records.get(KIND, session)
        if record is None:
            raise ServiceError("session_unknown", "there is no such session; join again")
        value = dict(record.value)
        if value["closed"] is not None:
            raise ServiceError(f"session_{value['closed']}", "the session has been closed")
        used = _hash(secret)
        if used not in (value["current"], value["previous"]):
            if used in value["retired"]:
                await self.close(session, "closed")
                raise SecretLeftBehind(value["meeting"], session)
            raise ServiceError("session_unknown", "there is no such session; join again")
        fresh = secrets.token_urlsafe(24)
        left = value["previous"] if used == value["current"] else value["current"]
        retired = [*value["retired"], *([left] if left is not None else [])][-RETIRED_KEPT:]
        value.update(current=_hash(fresh), previous=used, retired=retired)
        kept = await self._records.compare_and_set(
            KIND, session, record.version, value, self._clock() + self._lifetime
        )
        if not kept:
            raise ServiceError("session_busy", "the session is being resumed elsewhere; try again")
        return Returning(
            session, value["meeting"], value["participant"], value["slot"], value["grant"], fresh
        )

    async def holder(self, session: str, meeting: str) -> tuple[str, str] | None:
        """Participant and slot of a session of that meeting that can still come back."""
        record = await self._records.get(KIND, session)
        if record is None or record.value["closed"] is not None or record.value["meeting"] != meeting:
            return None
        return record.value["participant"], record.value["slot"]

    async def close(self, session: str, why: str) -> None:
        """`why`: closed or replaced; it becomes the code of a later attempt to resume."""
        while True:
            record = await self._records.get(KIND, session)
            if record is None or record.value["closed"] is not None:
                return
            value = {**record.value, "closed": why}
            if await self._records.compare_and_set(
                KIND, session, record.version, value, self._clock() + self._lifetime
            ):
                return


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
