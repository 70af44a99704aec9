"""One device of one participant: what it is told, and the secret with which it comes back.

The secret rotates at every resume. The one before stays valid until one that it was exchanged for is
first used, so that nobody is locked out by an answer that is lost, or by an attempt that comes late over a
line that stood still. One that was left behind closes the session, for somebody else has it.
"""

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from rooms.mixes import USUAL, Choice
from rooms.store.base import Records, Store
from signaling.codes import digest
from signaling.errors import ServiceError
from signaling.outbox import Outbox
from signaling.quality import Report

KIND = "session"
RETIRED_KEPT = 16
UNUSED_KEPT = 8
"""So many answers in a row may be lost."""
HELD = 256
"""So many notifications may wait for the answer to a call, if there is room for them in the outbox."""


@dataclass(slots=True, eq=False)
class Session:
    """`shown` holds the snapshot's sections as the device has them; `speaking`: were speakers told last?
    `mixes`: it makes one sound of several by itself; for one that does not, `choice` says how it is made.
    `report`: what it went through, and nobody has been told of yet.

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
    mixes: bool = True
    choice: Choice = USUAL
    report: Report | None = None
    _held: list[tuple[bytes, str | None]] | None = field(default_factory=list)
    _goodbye: bytes | None = None

    def notify(self, method: str, params: dict[str, Any], about: str | None = None) -> None:
        """`about`: a name by which it can be taken back."""
        if self.closed:
            return
        told = frame(method, params)
        if self._held is None:
            if not self.outbox.put(told, about):
                self.close_slow()
        elif not self._held or (len(self._held) < HELD and self._fits(told)):
            self._held.append((told, about))
        else:
            self.close_slow()

    def take_back(self, about: str) -> None:
        """What was notified about it, and has not been sent yet, is not sent any more."""
        if self._held is not None:
            self._held[:] = [each for each in self._held if each[1] != about]
        self.outbox.take_back(about)

    def _fits(self, told: bytes) -> bool:
        return self.outbox.fits(len(told) + sum(len(held) for held, _ in self._held or ()))

    def hold(self) -> None:
        """From here on notifications wait for `release`. A new session is held already."""
        if self._held is None:
            self._held = []

    def release(self) -> None:
        """The device has its answer; what came meanwhile follows."""
        held, self._held = self._held or [], None
        if not all(self.outbox.put(told, about) for told, about in held):
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


def frame(method: str, params: dict[str, Any]) -> bytes:
    told = {"jsonrpc": "2.0", "method": method, "params": params}
    return json.dumps(told, ensure_ascii=False).encode()


@dataclass(frozen=True, slots=True)
class Returning:
    """Whom a session secret belongs to."""

    session: str
    meeting: str
    participant: str
    slot: str
    grant: str
    mixes: bool
    secret: str


@dataclass(frozen=True, slots=True)
class Secrets:
    """As hashes. `unused`: what the one used last was exchanged for; `retired`: what was left behind."""

    unused: tuple[str, ...]
    last: str | None = None
    retired: tuple[str, ...] = ()

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Self:
        return cls(tuple(stored["unused"]), stored["last"], tuple(stored["retired"]))

    def stored(self) -> dict[str, Any]:
        return {"unused": list(self.unused), "last": self.last, "retired": list(self.retired)}

    @property
    def valid(self) -> tuple[str, ...]:
        return self.unused if self.last is None else (*self.unused, self.last)

    def rotated(self, used: str, fresh: str) -> "Secrets":
        """`used` was valid, and has been exchanged for `fresh`."""
        if used == self.last:
            unused = (*self.unused, fresh)
            left, unused = unused[:-UNUSED_KEPT], unused[-UNUSED_KEPT:]
        else:
            left, unused = tuple(each for each in self.valid if each != used), (fresh,)
        return Secrets(unused, used, (*self.retired, *left)[-RETIRED_KEPT:])


class SecretLeftBehind(ServiceError):
    """A retired secret was used, so somebody else has the session: it is closed. `session_closed`."""

    def __init__(self, meeting: str, session: str) -> None:
        super().__init__("session_closed", "this secret was left behind; the session is closed")
        self.meeting = meeting
        self.session = session


class Sessions:
    """The sessions' secrets, as hashes in the store. Raises `ServiceError` session_unknown, session_closed,
    session_replaced."""

    def __init__(self, store: Store, lifetime: float, clock: Callable[[], float]) -> None:
        self._records: Records = store.records
        self._lifetime = lifetime
        self._clock = clock

    async def open(
        self, *, meeting: str, participant: str, slot: str, grant: str, mixes: bool = True
    ) -> Returning:
        session, secret = "s_" + secrets.token_hex(8), secrets.token_urlsafe(24)
        value: dict[str, Any] = {
            "meeting": meeting,
            "participant": participant,
            "slot": slot,
            "grant": grant,
            "mixes": mixes,
            **Secrets(unused=(digest(secret),)).stored(),
            "closed": None,
        }
        await self._records.put_if_absent(KIND, session, value, self._clock() + self._lifetime)
        return Returning(session, meeting, participant, slot, grant, mixes, secret)

    async def resume(self, session: str, secret: str) -> Returning:
        while True:
            record = await self._records.get(KIND, session)
            if record is None:
                raise ServiceError("session_unknown", "there is no such session; join again")
            value = record.value
            if value["closed"] is not None:
                raise ServiceError(f"session_{value['closed']}", "the session has been closed")
            known, used, fresh = Secrets.of(value), digest(secret), secrets.token_urlsafe(24)
            if used in known.retired:
                await self.close(session, "closed")
                raise SecretLeftBehind(value["meeting"], session)
            if used not in known.valid:
                raise ServiceError("session_unknown", "there is no such session; join again")
            changed = {**value, **known.rotated(used, digest(fresh)).stored()}
            until = self._clock() + self._lifetime
            if await self._records.compare_and_set(KIND, session, record.version, changed, until):
                break
        return Returning(
            session,
            value["meeting"],
            value["participant"],
            value["slot"],
            value["grant"],
            value.get("mixes", True),
            fresh,
        )

    async def meeting(self, session: str) -> str | None:
        """Where the session is, whoever asks: it uses up nothing."""
        record = await self._records.get(KIND, session)
        return None if record is None else str(record.value["meeting"])

    async def holder(self, session: str, meeting: str) -> tuple[str, str, bool] | None:
        """Of a session of that meeting that can still come back: participant, slot, whether it mixes."""
        record = await self._records.get(KIND, session)
        if record is None or record.value["closed"] is not None or record.value["meeting"] != meeting:
            return None
        return record.value["participant"], record.value["slot"], record.value.get("mixes", True)

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
