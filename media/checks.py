"""The controlling side of ICE against an ICE-lite server (RFC 8445), without I/O and without a clock.

Every host candidate is checked; the first that answers is nominated with USE-CANDIDATE; afterwards
consent is kept fresh (RFC 7675). Feed datagrams to `receive`, send what `due` returns, and call `due`
again at `next_at`.
"""

import secrets
import struct
from collections.abc import Mapping, Sequence
from enum import Enum
from random import uniform
from typing import Any

from aioice import stun

Address = tuple[str, int]

RETRY = 0.1
"""Seconds before a check is repeated; doubles up to `RETRY_MOST`."""
RETRY_MOST = 0.8
CONSENT = 4.0
"""Seconds between consent checks, ±20 % (RFC 7675 §5.1)."""
CONSENT_LAPSES = 30.0
OUTSTANDING_MOST = 64
PRIORITY = 1853824767
"""Priority of a peer-reflexive candidate with the highest local preference (RFC 8445 §7.1.1)."""


class Path(Enum):
    """How far the search for a working path has come."""

    CHECKING = "checking"
    NOMINATING = "nominating"
    CONNECTED = "connected"
    LAPSED = "lapsed"


class Checks:
    """One agent: remote credentials, candidate addresses, and the one that was selected."""

    def __init__(self, ice_parameters: Mapping[str, Any], candidates: Sequence[Address], now: float) -> None:
        self.candidates = list(candidates)
        self.local_fragment = secrets.token_hex(4)
        self.tie_breaker = secrets.randbits(64)
        self.selected: Address | None = None
        self.refused = 0
        self._begin(ice_parameters, now)

    def _begin(self, ice_parameters: Mapping[str, Any], now: float) -> None:
        self.fragment = str(ice_parameters["usernameFragment"])
        self.password = str(ice_parameters["password"]).encode()
        self.path = Path.CHECKING
        self.nominee: Address | None = None
        self.answered_at = now
        self.next_at = now
        self._retry = RETRY
        self._outstanding: dict[bytes, tuple[Address, bool]] = {}

    def restart(self, ice_parameters: Mapping[str, Any], now: float) -> None:
        """Begin again with new remote credentials; media flows on the old path meanwhile."""
        self._begin(ice_parameters, now)

    def due(self, now: float) -> list[tuple[bytes, Address]]:
        """What to send now; moves `next_at` forward."""
        if now < self.next_at or self.path is Path.LAPSED:
            return []
        if self.path is Path.CONNECTED:
            return self._consent(now)
        self.next_at = now + self._retry
        self._retry = min(self._retry * 2, RETRY_MOST)
        if self.path is Path.NOMINATING and self.nominee is not None:
            return [self._request(self.nominee, nominate=True)]
        return [self._request(address, nominate=False) for address in self.candidates]

    def _consent(self, now: float) -> list[tuple[bytes, Address]]:
        if now - self.answered_at > CONSENT_LAPSES or self.selected is None:
            self.path = Path.LAPSED
            return []
        overdue = now - self.answered_at > CONSENT * 1.3
        self.next_at = now + (0.5 if overdue else CONSENT * uniform(0.8, 1.2))
        return [self._request(self.selected, nominate=False)]

    def _request(self, address: Address, *, nominate: bool) -> tuple[bytes, Address]:
        message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        message.attributes["USERNAME"] = f"{self.fragment}:{self.local_fragment}"
        message.attributes["PRIORITY"] = PRIORITY
        message.attributes["ICE-CONTROLLING"] = self.tie_breaker
        if nominate:
            message.attributes["USE-CANDIDATE"] = None
        message.add_message_integrity(self.password)
        while len(self._outstanding) >= OUTSTANDING_MOST:
            self._outstanding.pop(next(iter(self._outstanding)))
        self._outstanding[message.transaction_id] = (address, nominate)
        return bytes(message), address

    def receive(self, datagram: bytes, address: Address, now: float) -> None:
        """Take a STUN datagram; all but an authentic answer to a check of ours is counted and dropped."""
        try:
            message = stun.parse_message(datagram)
        except (ValueError, struct.error, IndexError):
            self.refused += 1
            return
        asked = self._outstanding.get(message.transaction_id)
        if (
            asked is None
            or asked[0] != address
            or message.message_class != stun.Class.RESPONSE
            or not message.check_message_integrity(self.password)
        ):
            self.refused += 1
            return
        del self._outstanding[message.transaction_id]
        self._answered(address, asked[1], now)

    def _answered(self, address: Address, nominated: bool, now: float) -> None:
        self.answered_at = now
        if self.path is Path.CHECKING:
            self.path, self.nominee = Path.NOMINATING, address
            self.next_at, self._retry = now, RETRY
        elif self.path is Path.NOMINATING and nominated:
            self.path, self.selected = Path.CONNECTED, address
            self.next_at = now + CONSENT * uniform(0.8, 1.2)
