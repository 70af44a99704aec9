"""Tokens that the service signs itself (JWT, RFC 7519; EdDSA, RFC 8037).

The header's `typ` separates them: an access token lets one participant join one meeting, a staff token
lets a member of staff use the REST API. Neither is ever taken for the other.
"""

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jwt

from signaling.errors import ServiceError
from signaling.keys import SigningKey

ALGORITHM = "EdDSA"
ACCESS = "at+jwt"
STAFF = "staff+jwt"
MAX_TOKEN = 4096
"""Characters; nothing longer is looked at."""


class TokenError(ServiceError):
    """`code`: token_invalid, token_expired or token_wrong_type."""


@dataclass(frozen=True, slots=True)
class AccessClaims:
    """`invitation` is the one-time link behind the token, None where there was no link. `exp` in seconds."""

    sub: str
    role: str
    agency: str | None
    meeting: str
    station: int | None
    jti: str
    exp: float
    invitation: str | None


@dataclass(frozen=True, slots=True)
class StaffClaims:
    """`role`: host, admin or agency_admin; `sites`: ids of the sites whose meetings a host leads;
    `agency`: that of an agency's administrator, None for the others."""

    sub: str
    name: str
    role: str
    sites: tuple[str, ...]
    exp: float
    jti: str
    agency: str | None = None


class Tokens:
    """`keys`: newest first, the first one signs. `audience`: the service's public address."""

    def __init__(
        self,
        keys: Sequence[SigningKey],
        *,
        audience: str,
        clock: Callable[[], float],
        access_lifetime: float = 600.0,
        staff_lifetime: float = 12 * 3600.0,
    ) -> None:
        self._signing = keys[0]
        self._public = {key.kid: key.public for key in keys}
        self._audience = audience
        self._clock = clock
        self._access_lifetime = min(access_lifetime, 600.0)
        self._staff_lifetime = staff_lifetime

    def issue_access(
        self,
        *,
        participant: str,
        role: str,
        agency: str | None,
        meeting: str,
        station: int | None,
        jti: str,
        invitation: str | None = None,
    ) -> tuple[str, int]:
        """The token, and for how many seconds it is good."""
        claims = {
            "role": role,
            "agency": agency,
            "meeting": meeting,
            "station": station,
            "invitation": invitation,
        }
        return self._issue(ACCESS, participant, jti, self._access_lifetime, claims)

    def issue_staff(
        self,
        *,
        sub: str,
        name: str,
        role: str,
        sites: Iterable[str],
        jti: str | None = None,
        agency: str | None = None,
    ) -> tuple[str, int]:
        claims = {"name": name, "role": role, "sites": list(sites), "agency": agency}
        return self._issue(STAFF, sub, jti or new_jti(), self._staff_lifetime, claims)

    def verify_access(self, token: str) -> AccessClaims:
        """Raises TokenError."""
        claims = self._verify(ACCESS, token, _ACCESS_CLAIMS)
        return AccessClaims(
            sub=claims["sub"],
            role=claims["role"],
            agency=claims["agency"],
            meeting=claims["meeting"],
            station=claims["station"],
            jti=claims["jti"],
            exp=claims["exp"],
            invitation=claims["invitation"],
        )

    def verify_staff(self, token: str) -> StaffClaims:
        """Raises TokenError."""
        claims = self._verify(STAFF, token, _STAFF_CLAIMS)
        return StaffClaims(
            sub=claims["sub"],
            name=claims["name"],
            role=claims["role"],
            sites=tuple(claims["sites"]),
            exp=claims["exp"],
            jti=claims["jti"],
            agency=claims.get("agency"),
        )

    def _issue(
        self, typ: str, sub: str, jti: str, lifetime: float, claims: Mapping[str, Any]
    ) -> tuple[str, int]:
        now = int(self._clock())
        payload = {
            "iss": self._audience,
            "aud": self._audience,
            "sub": sub,
            "jti": jti,
            "iat": now,
            "exp": now + int(lifetime),
            **claims,
        }
        headers = {"kid": self._signing.kid, "typ": typ}
        return jwt.encode(payload, self._signing.private, ALGORITHM, headers), int(lifetime)

    def _verify(self, typ: str, token: str, shape: Mapping[str, Any]) -> dict[str, Any]:
        if len(token) > MAX_TOKEN:
            raise TokenError("token_invalid", "the token is too long")
        try:
            header = jwt.get_unverified_header(token)
            key = self._public.get(str(header.get("kid")))
            if key is None:
                raise TokenError("token_invalid", "the token is signed with an unknown key")
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                audience=self._audience,
                issuer=self._audience,
                options={
                    "require": ["exp", "sub", "jti"],
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
        except (jwt.PyJWTError, ValueError) as error:
            raise TokenError("token_invalid", "the token is not one of this service") from error
        if header.get("typ") != typ:
            raise TokenError("token_wrong_type", "this kind of token does not open this door")
        _demand(claims, shape)
        if self._clock() >= claims["exp"]:
            raise TokenError("token_expired", "the token has expired")
        return claims


_CLAIMS: Mapping[str, Any] = {"sub": str, "jti": str, "exp": int, "role": str}
_ACCESS_CLAIMS: Mapping[str, Any] = {
    **_CLAIMS,
    "agency": str | None,
    "meeting": str,
    "station": int | None,
    "invitation": str | None,
}
_STAFF_CLAIMS: Mapping[str, Any] = {**_CLAIMS, "name": str, "sites": list}


def _demand(claims: Mapping[str, Any], shape: Mapping[str, Any]) -> None:
    """Another version of the service may have signed a token that says less, or something else."""
    fits = all(name in claims and isinstance(claims[name], kind) for name, kind in shape.items())
    if not fits or ("sites" in shape and not all(isinstance(site, str) for site in claims["sites"])):
        raise TokenError("token_invalid", "the token does not say what it must")


def new_jti() -> str:
    return "j_" + secrets.token_urlsafe(16)
