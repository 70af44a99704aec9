"""Staff sign in with a single-use link, and then have a cookie session; programs of theirs bear a token."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from rooms.store.base import Record, Records, StoreUnavailable
from signaling.codes import digest, is_code, new_code
from signaling.errors import ServiceError
from signaling.tokens import StaffClaims, TokenError, Tokens, new_jti

LINK = "staff_link"
SESSION = "staff_session"
REVOKED = "revoked_staff"
COOKIE = "motesrum_staff"
LINK_LIFETIME = 3600.0
KEPT = 7 * 86400.0
SEEN = 1000
"""Sessions that are remembered for when the store is down."""
ROLES = ("host", "admin", "agency_admin", "interpreter")
By = Literal["link", "password", "oidc"]


@dataclass(frozen=True, slots=True)
class Person:
    """Whose session it will be. `sites`: a host's, or those that an interpreter serves; `agency`: that of its
    administrator."""

    sub: str
    name: str
    role: str
    sites: tuple[str, ...] = ()
    agency: str | None = None


@dataclass(frozen=True, slots=True)
class StaffSession:
    """`by`: how its person showed who they are."""

    id: str
    person: Person
    by: By
    began_at: float
    expires_at: float


def session_id(secret: str) -> str:
    """What a session is called where its secret must not stand."""
    return _session_id(digest(secret))


def _session_id(key: str) -> str:
    return "ss_" + digest(key)[:16]


def new_subject() -> str:
    return "s_" + secrets.token_hex(8)


class StaffLinkError(ServiceError):
    """`code`: staff_link_unknown, staff_link_used, staff_link_expired."""


@dataclass(frozen=True, slots=True)
class StaffLink:
    code: str
    url: str
    expires_at: float


@dataclass(frozen=True, slots=True)
class SignedIn:
    secret: str
    claims: StaffClaims


class Staff:
    def __init__(
        self,
        *,
        records: Records,
        tokens: Tokens,
        public_url: str,
        lifetime: float,
        clock: Callable[[], float],
    ) -> None:
        self._records = records
        self._tokens = tokens
        self._public_url = public_url
        self._lifetime = lifetime
        self._clock = clock
        self._seen: dict[str, StaffClaims] = {}
        """Who was signed in when the store was last asked, latest last."""

    async def create_link(self, person: Person) -> StaffLink:
        code = new_code()
        expires_at = self._clock() + LINK_LIFETIME
        value = {"person": asdict(person), "expires_at": expires_at, "used": False}
        await self._records.put_if_absent(LINK, digest(code), value, expires_at + KEPT)
        return StaffLink(code, f"{self._public_url}/s/{code}", expires_at)

    async def sign_in(self, code: str, cookie: str | None) -> SignedIn:
        """The browser that used the link may open it again while its session lasts. Raises StaffLinkError."""
        key = digest(code) if is_code(code) else ""
        record = await self._records.get(LINK, key) if key else None
        if record is None:
            raise StaffLinkError("staff_link_unknown", "there is no such link")
        if record.value["used"]:
            return await self._return(key, cookie)
        if self._clock() >= record.value["expires_at"]:
            raise StaffLinkError("staff_link_expired", "the link has expired; ask for a new one")
        value = {**record.value, "used": True}
        if not await self._records.compare_and_set(LINK, key, record.version, value, record.expires_at):
            raise StaffLinkError("staff_link_used", "the link has been used; ask for a new one")
        return await self._begin(key, record.value["person"])

    async def begin(self, person: Person, by: str) -> SignedIn:
        """A session of somebody who has shown who they are; `by` says how."""
        return await self._begin(by, asdict(person))

    async def sessions(self, sub: str) -> list[StaffSession]:
        """Where a person is signed in, latest first."""
        return [each for each in await self.everybody() if each.person.sub == sub]

    async def everybody(self) -> list[StaffSession]:
        """Who is signed in, latest first."""
        found = [_signed_in(key, record) for key, record in await self._records.scan(SESSION)]
        return sorted(found, key=lambda each: each.began_at, reverse=True)

    async def end_session(self, session: str, sub: str | None = None) -> bool:
        """False when there is no such session, or not of this person."""
        for key, record in await self._records.scan(SESSION):
            if sub in (None, record.value["sub"]) and _session_id(key) == session:
                return await self._records.delete(SESSION, key)
        return False

    async def end_sessions(self, sub: str) -> None:
        """Wherever the person is signed in."""
        for key, record in await self._records.scan(SESSION):
            if record.value["sub"] == sub:
                await self._records.delete(SESSION, key)

    async def session(self, secret: str, *, restricts: bool = False) -> StaffClaims | None:
        """`restricts`: for a call that only takes away, it is enough that the session was there when it was
        last asked for. Raises StoreUnavailable."""
        key = digest(secret)
        try:
            record = await self._records.get(SESSION, key)
        except StoreUnavailable:
            seen = self._seen.get(key)
            if not restricts or seen is None or self._clock() >= seen.exp:
                raise
            return seen
        self._seen.pop(key, None)
        if record is None:
            return None
        claims = self._seen[key] = _claims(record.value, record.expires_at or 0.0)
        if len(self._seen) > SEEN:
            del self._seen[next(iter(self._seen))]
        return claims

    async def sign_out(self, secret: str) -> None:
        await self._records.delete(SESSION, digest(secret))

    async def verify(self, token: str, *, restricts: bool = False) -> StaffClaims:
        """`restricts`: for a call that only takes away, the signature is enough when the store is down.
        Raises TokenError, StoreUnavailable."""
        claims = self._tokens.verify_staff(token)
        try:
            revoked = await self._records.get(REVOKED, claims.jti)
        except StoreUnavailable:
            if not restricts:
                raise
            return claims
        if revoked is not None:
            raise TokenError("token_invalid", "the token has been revoked")
        return claims

    async def revoke_token(self, jti: str) -> None:
        await self._records.put_if_absent(REVOKED, jti, {"at": self._clock()}, self._clock() + KEPT)

    async def _begin(self, link: str, person: Mapping[str, Any]) -> SignedIn:
        secret = secrets.token_urlsafe(32)
        expires_at = self._clock() + self._lifetime
        value = {**person, "jti": new_jti(), "link": link, "began_at": self._clock()}
        await self._records.put_if_absent(SESSION, digest(secret), value, expires_at)
        return SignedIn(secret, _claims(value, expires_at))

    async def _return(self, link: str, cookie: str | None) -> SignedIn:
        record = None if cookie is None else await self._records.get(SESSION, digest(cookie))
        if cookie is None or record is None or record.value["link"] != link:
            raise StaffLinkError("staff_link_used", "the link has been used; ask for a new one")
        return SignedIn(cookie, _claims(record.value, record.expires_at or 0.0))


def _signed_in(key: str, record: Record) -> StaffSession:
    value = record.value
    person = Person(value["sub"], value["name"], value["role"], tuple(value["sites"]), value.get("agency"))
    by: By = value["link"] if value["link"] in ("oidc", "password") else "link"
    return StaffSession(_session_id(key), person, by, value.get("began_at", 0.0), record.expires_at or 0.0)


def _claims(value: Mapping[str, Any], expires_at: float) -> StaffClaims:
    return StaffClaims(
        sub=value["sub"],
        name=value["name"],
        role=value["role"],
        sites=tuple(value["sites"]),
        exp=expires_at,
        jti=value["jti"],
        agency=value.get("agency"),
    )
