"""Which keys each agency signs with: registered, overlapping while they are rotated, taken back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rooms.store.base import Record, Records
from signaling.codes import digest
from signaling.errors import ServiceError
from signaling.jwk import (
    Algorithm,
    PublicKey,
    UnusableKey,
    algorithm_of,
    check_kid,
    load,
    public_part,
    thumbprint,
)

KIND = "agency_key"
MOST = 10
"""Keys of one agency at the same time."""


class AgencyKeyError(ServiceError):
    """`code`: agency_key_invalid, agency_key_exists, agency_key_unknown, agency_key_limit."""


@dataclass(frozen=True, slots=True)
class AgencyKey:
    """`until`: it signs no more from then on; None while nothing is decided. Seconds since the epoch."""

    agency: str
    kid: str
    algorithm: Algorithm
    jwk: Mapping[str, str]
    added_at: float
    until: float | None = None

    @property
    def mark(self) -> str:
        """Another one for a key that is registered again after it was removed."""
        return f"{_key(self.agency, self.kid)}.{self.added_at}"

    def public(self) -> PublicKey:
        return load(self.algorithm, self.jwk)


class AgencyKeys:
    """What one process changes is seen by every other at its next look: keys are never held in memory."""

    def __init__(self, records: Records, clock: Callable[[], float]) -> None:
        self._records = records
        self._clock = clock

    async def add(self, agency: str, jwk: Mapping[str, Any]) -> AgencyKey:
        """The kid is the key's own, else its thumbprint. The same key may be added again. Raises
        AgencyKeyError, StoreUnavailable."""
        try:
            public = public_part(jwk)
            kid = check_kid(jwk.get("kid") or thumbprint(public))
        except UnusableKey as error:
            raise AgencyKeyError("agency_key_invalid", str(error)) from error
        key = AgencyKey(agency, kid, algorithm_of(public), public, self._clock())
        known = await self._record(agency, kid)
        if known is None:
            if len(await self.of(agency)) >= MOST:
                raise AgencyKeyError("agency_key_limit", f"an agency has at most {MOST} keys at a time")
            await self._records.put_if_absent(KIND, _key(agency, kid), _stored(key))
            known = await self._record(agency, kid)
        if known is None or known.value["jwk"] != public:
            raise AgencyKeyError("agency_key_exists", "another key of this agency has that kid")
        return _key_of(known.value)

    async def find(self, agency: str, kid: str) -> AgencyKey | None:
        """A key that signs now."""
        record = await self._record(agency, kid)
        if record is None:
            return None
        key = _key_of(record.value)
        return key if key.until is None or self._clock() < key.until else None

    async def registered(self) -> set[str]:
        """The marks of all keys of all agencies, whether they sign still or have run out."""
        return {_key_of(record.value).mark for _, record in await self._records.scan(KIND)}

    async def is_registered(self, agency: str, kid: str, mark: str) -> bool:
        record = await self._record(agency, kid)
        return record is not None and _key_of(record.value).mark == mark

    async def of(self, agency: str) -> list[AgencyKey]:
        """All that are registered, oldest first."""
        found = [
            _key_of(record.value) for _, record in await self._records.scan(KIND, f"{digest(agency)[:32]}.")
        ]
        return sorted(found, key=lambda key: (key.added_at, key.kid))

    async def retire(self, agency: str, kid: str, until: float) -> AgencyKey:
        """It goes on signing until then, beside its successor. Raises AgencyKeyError."""
        while (record := await self._record(agency, kid)) is not None:
            value = {**record.value, "until": until}
            if await self._records.compare_and_set(KIND, _key(agency, kid), record.version, value):
                return _key_of(value)
        raise AgencyKeyError("agency_key_unknown", "the agency has no such key")

    async def remove(self, agency: str, kid: str) -> None:
        """At once. Raises AgencyKeyError."""
        if not await self._records.delete(KIND, _key(agency, kid)):
            raise AgencyKeyError("agency_key_unknown", "the agency has no such key")

    async def _record(self, agency: str, kid: str) -> Record | None:
        return await self._records.get(KIND, _key(agency, kid))


def _key(agency: str, kid: str) -> str:
    """Hashed, so that no name from outside can reach beyond its agency."""
    return f"{digest(agency)[:32]}.{digest(kid)}"


def _stored(key: AgencyKey) -> dict[str, Any]:
    return {
        "agency": key.agency,
        "kid": key.kid,
        "algorithm": key.algorithm,
        "jwk": dict(key.jwk),
        "added_at": key.added_at,
        "until": key.until,
    }


def _key_of(value: Mapping[str, Any]) -> AgencyKey:
    return AgencyKey(**value)
