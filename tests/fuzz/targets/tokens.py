"""Access and staff tokens: `TokenError` with a known code, or what we signed in a token of that kind.

Also for what is well signed and says something that we never say, as another version of the service may.
"""

from __future__ import annotations

import base64
import hmac
import json
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from signaling.keys import SigningKey
from signaling.tokens import ACCESS, STAFF, AccessClaims, StaffClaims, TokenError, Tokens
from tests.fuzz.reading import Input, changed
from tests.fuzz.target import Target

NOW = 1_800_000_000.0
AUDIENCE = "https://meetings.example.se"
_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
_STRANGER = Ed25519PrivateKey.from_private_bytes(bytes(32))
TOKENS = Tokens([SigningKey("k1", _KEY, 0.0)], audience=AUDIENCE, clock=lambda: NOW)
_HEADS: list[dict[str, Any]] = [
    {"alg": "EdDSA", "kid": "k1", "typ": ACCESS},
    {"alg": "EdDSA", "kid": "k1", "typ": STAFF},
    {"alg": "none", "kid": "k1", "typ": ACCESS},
    {"alg": "HS256", "kid": "k1", "typ": ACCESS},
]
_COMMON = {"iss": AUDIENCE, "aud": AUDIENCE, "sub": "p", "jti": "j", "iat": int(NOW), "exp": int(NOW) + 600}
_CLAIMS: list[dict[str, Any]] = [
    {**_COMMON, "role": "host", "agency": None, "meeting": "m", "station": None, "invitation": None},
    {**_COMMON, "role": "host", "name": "Anna", "sites": ["gavle"]},
]
_CLAIMS.append({**_CLAIMS[0], **_CLAIMS[1]})
_WORDS = (
    *("iss", "aud", "sub", "jti", "iat", "exp", "nbf", "role", "agency", "meeting", "station", "invitation"),
    *(
        "name",
        "sites",
        "alg",
        "kid",
        "typ",
        "jwk",
        "jku",
        "x5u",
        "crit",
        "b64",
        "k1",
        "none",
        "EdDSA",
        "HS256",
    ),
    *("ES256", ACCESS, STAFF, AUDIENCE),
)
_CODES = {"token_invalid", "token_expired", "token_wrong_type"}


async def any_token(_: str) -> bool:
    """What stands is not looked at."""
    return True


def check(data: bytes) -> None:
    source = Input(data)
    form = source.number()
    if form & 1:
        _refused(source.rest().decode("utf-8", "surrogateescape"))
        return
    head = changed(source, source.of(_HEADS), _WORDS) if form & 2 else source.of(_HEADS)
    claims = changed(source, source.of(_CLAIMS), _WORDS) if form & 4 else source.of(_CLAIMS)
    content = f"{_part(head)}.{_part(claims)}"
    ours = form & 8
    if ours:
        _known(f"{content}.{_base64(_KEY.sign(content.encode()))}")
    elif form & 16:
        _refused(f"{content}.{_base64(_STRANGER.sign(content.encode()))}")
    elif form & 32:
        public = _KEY.public_key().public_bytes_raw()
        _refused(f"{content}.{_base64(hmac.digest(public, content.encode(), 'sha256'))}")
    else:
        _refused(f"{content}.{_base64(source.rest())}")


def _known(token: str) -> None:
    """It opens the door that its type names, and no other."""
    opened = []
    try:
        _demand_access(TOKENS.verify_access(token))
        opened.append(ACCESS)
    except TokenError as error:
        _told(error)
    try:
        _demand_staff(TOKENS.verify_staff(token))
        opened.append(STAFF)
    except TokenError as error:
        _told(error)
    assert not opened or opened == [jwt.get_unverified_header(token)["typ"]]


def _demand_access(claims: AccessClaims) -> None:
    assert isinstance(claims.exp, int | float)
    assert claims.exp > NOW
    assert all(isinstance(each, str) for each in (claims.sub, claims.role, claims.meeting, claims.jti))
    assert all(isinstance(each, str | None) for each in (claims.agency, claims.invitation))
    assert isinstance(claims.station, int | None)


def _demand_staff(claims: StaffClaims) -> None:
    assert isinstance(claims.exp, int | float)
    assert claims.exp > NOW
    assert all(
        isinstance(each, str) for each in (claims.sub, claims.name, claims.role, claims.jti, *claims.sites)
    )


def _refused(token: str) -> None:
    for verify in (TOKENS.verify_access, TOKENS.verify_staff):
        try:
            verify(token)
        except TokenError as error:
            _told(error)
        else:
            raise AssertionError("a token that we did not sign is taken")


def _told(error: TokenError) -> None:
    assert error.code in _CODES
    assert len(error.message) <= 200


def _part(value: Any) -> str:
    return _base64(json.dumps(value).encode())


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


_ISSUED = TOKENS.issue_access(
    participant="p", role="host", agency=None, meeting="m", station=None, jti="j", invitation=None
)[0]
TARGET = Target(
    check,
    seeds=[
        b"\1",
        b"\1a.b.c",
        b"\1eyJhbGciOiJub25lIn0.e30.",
        b"\1" + _ISSUED[:-8].encode(),
        b"\x08\0\0",
        b"\x08\1\1",
        b"\x08\1\0",
        b"\x08\0\2",
        b"\x08\1\2",
        *(b"\x0c\0\0\1" + bytes((0, place, 1)) for place in range(1, 13)),
        *(b"\x0c\1\1\1" + bytes((0, place, 0, how)) for place in range(1, 10) for how in (0, 1, 3)),
        b"\x0a\0\1\0\1\1\0",
        b"\x10\0\0",
        b"\x20\3\0",
        b"\0\2\0",
    ],
    words=[b'"%s"' % word.encode() for word in _WORDS] + [b"eyJ", b"."],
)
