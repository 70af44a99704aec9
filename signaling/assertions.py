"""What an agency says of an officer, signed with its own key (RFC 7523, section 3): checked, and used once.

Nothing in an assertion says where a key is to be found, and none is fetched: the issuer and the key's id name
a key that was registered, and that key has one algorithm.
"""

import base64
import binascii
import contextlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import jwt

from rooms.limits import MAX_NAME
from rooms.store.base import Records, StoreUnavailable
from signaling import strict_json
from signaling.agency_keys import AgencyKey, AgencyKeys
from signaling.certain import certainly
from signaling.codes import digest
from signaling.errors import ServiceError

USED = "assertion"
MAX_ASSERTION = 4096
"""Characters."""
MAX_AGE = 300.0
SKEW = 30.0
"""Seconds by which an agency's clock and ours may differ."""
MAX_CLAIM = 200
_HEADER = frozenset({"alg", "kid", "typ"})

T = TypeVar("T")


class AssertionRefused(ServiceError):
    """`code`: assertion_malformed, assertion_header, assertion_key_unknown, assertion_algorithm,
    assertion_signature, assertion_claims, assertion_audience, assertion_expired, assertion_not_yet_valid,
    assertion_too_long, assertion_used, assertion_wrong_type."""


@dataclass(frozen=True, slots=True)
class Assertion:
    """`station` is the number of a station in `meeting`; `expires_at` in seconds since the epoch; `key`: what
    it was signed with."""

    key: AgencyKey
    agency: str
    officer: str
    name: str | None
    meeting: str
    station: int
    jti: str
    expires_at: float


class Assertions:
    """`audience`: the service's public address, and nothing else."""

    def __init__(
        self, *, keys: AgencyKeys, records: Records, audience: str, clock: Callable[[], float]
    ) -> None:
        self._keys = keys
        self._records = records
        self._audience = audience
        self._clock = clock

    async def take(self, text: str) -> Assertion:
        """Uses the assertion up, until it is given back. Raises AssertionRefused, StoreUnavailable."""
        header, claims = _parts(text)
        key = await self._key(header, claims)
        _demand_signature(text, key)
        assertion = self._read(claims, key)
        until = assertion.expires_at + 2 * SKEW
        name, attempt = _name(assertion), {"attempt": secrets.token_hex(8)}
        put = self._records.put_if_absent(USED, name, attempt, until)
        if not await certainly(put, self._records, USED, name, attempt):
            raise AssertionRefused("assertion_used", "this jti has been used")
        return assertion

    async def give_back(self, assertion: Assertion) -> None:
        """Nothing came of it, for a reason that passes: it can be shown again, if the store can be told."""
        with contextlib.suppress(StoreUnavailable):
            await self._records.delete(USED, _name(assertion))

    async def _key(self, header: Mapping[str, Any], claims: Mapping[str, Any]) -> AgencyKey:
        """An unknown agency and an unknown key look alike."""
        agency, kid = _text(claims, "iss"), header.get("kid")
        if not isinstance(kid, str) or not 1 <= len(kid) <= MAX_CLAIM:
            raise AssertionRefused("assertion_header", "the header needs kid, the id of a registered key")
        key = await self._keys.find(agency, kid)
        if key is None:
            raise AssertionRefused("assertion_key_unknown", "iss and kid name no key that is registered")
        if header.get("alg") != key.algorithm:
            raise AssertionRefused("assertion_algorithm", "this key is for another algorithm")
        return key

    def _read(self, claims: Mapping[str, Any], key: AgencyKey) -> Assertion:
        now = self._clock()
        issued, expires = _instant(claims, "iat"), _instant(claims, "exp")
        if claims.get("aud") != self._audience:
            raise AssertionRefused("assertion_audience", f"aud must be {self._audience}")
        if now >= expires + SKEW:
            raise AssertionRefused("assertion_expired", "the assertion has expired")
        not_before = _instant(claims, "nbf") if "nbf" in claims else issued
        if max(issued, not_before) > now + SKEW:
            raise AssertionRefused("assertion_not_yet_valid", "the assertion is not valid yet")
        if expires - issued > MAX_AGE or expires > now + MAX_AGE + SKEW:
            raise AssertionRefused("assertion_too_long", f"exp is at most {int(MAX_AGE)} s ahead")
        station = _claim(claims, "station", int)
        if isinstance(claims["station"], bool) or not 1 <= station <= 1_000_000:
            raise AssertionRefused("assertion_claims", "station is the number of a station")
        return Assertion(
            key=key,
            agency=_text(claims, "iss"),
            officer=_text(claims, "sub"),
            name=_text(claims, "name", MAX_NAME) if "name" in claims else None,
            meeting=_text(claims, "meeting"),
            station=station,
            jti=_text(claims, "jti"),
            expires_at=expires,
        )


def _name(assertion: Assertion) -> str:
    return f"{digest(assertion.agency)[:32]}.{digest(assertion.jti)}"


def _parts(text: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims, not verified yet. Only the one spelling of each part is taken."""
    if len(text) > MAX_ASSERTION or text.count(".") != 2:
        raise AssertionRefused("assertion_malformed", "the assertion is not a signed JWT")
    try:
        raw = [_decoded(part) for part in text.split(".")]
        header, claims = strict_json.loads(raw[0]), strict_json.loads(raw[1])
    except (ValueError, RecursionError) as error:
        raise AssertionRefused("assertion_malformed", "the assertion is not a signed JWT") from error
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise AssertionRefused("assertion_malformed", "header and claims are JSON objects")
    if str(header.get("typ", "JWT")).upper() != "JWT":
        raise AssertionRefused("assertion_wrong_type", "this kind of token is no assertion")
    if not header.keys() <= _HEADER:
        raise AssertionRefused("assertion_header", "the header has alg, kid, perhaps typ, and no more")
    return header, claims


def _decoded(part: str) -> bytes:
    """Raises ValueError for padding, foreign characters and stray bits in the last character."""
    try:
        raw = base64.b64decode(part.encode("ascii") + b"=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError("not base64url") from error
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != part:
        raise ValueError("not the canonical spelling")
    return raw


def _demand_signature(text: str, key: AgencyKey) -> None:
    try:
        jwt.PyJWS(algorithms=[key.algorithm]).decode(text, key.public(), algorithms=[key.algorithm])
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise AssertionRefused("assertion_signature", "the signature is not of the registered key") from error


def _claim(claims: Mapping[str, Any], name: str, kind: type[T]) -> T:
    value = claims.get(name)
    if not isinstance(value, kind):
        raise AssertionRefused("assertion_claims", f"the claim {name} is missing or has the wrong form")
    return value


def _text(claims: Mapping[str, Any], name: str, most: int = MAX_CLAIM) -> str:
    value = _claim(claims, name, str)
    if not value.strip() or len(value) > most:
        raise AssertionRefused("assertion_claims", f"the claim {name} has 1 to {most} characters")
    return value


def _instant(claims: Mapping[str, Any], name: str) -> float:
    """NumericDate (RFC 7519, section 2), within the years that there are."""
    value: int | float = _claim(claims, name, (int, float))  # type: ignore[arg-type]
    if isinstance(value, bool) or not 0 <= value <= 1e11:
        raise AssertionRefused("assertion_claims", f"the claim {name} is a number of seconds")
    return float(value)
