"""Agencies' assertions and keys: refused with a known code, or signed by the key named, and taken once."""

from __future__ import annotations

import base64
import hmac
import json
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from rooms.store.memory import open_memory
from signaling.agency_keys import AgencyKeys
from signaling.assertions import MAX_AGE, SKEW, AssertionRefused, Assertions
from signaling.jwk import UnusableKey, algorithm_of, load, public_part, thumbprint
from tests.fuzz.looping import run
from tests.fuzz.reading import Input, changed
from tests.fuzz.target import Target

NOW = 1_800_000_000.0
AUDIENCE = "https://meetings.example.se"
_CODES = {
    "assertion_" + code
    for code in (
        *("malformed", "header", "key_unknown", "algorithm", "signature", "claims", "audience", "expired"),
        *("not_yet_valid", "too_long", "used", "wrong_type"),
    )
}
_PRIVATE: dict[str, Any] = {
    "EdDSA": Ed25519PrivateKey.from_private_bytes(bytes(range(32))),
    "ES256": ec.derive_private_key(7, ec.SECP256R1()),
}
_STRANGER = Ed25519PrivateKey.from_private_bytes(bytes(32))
_ALGORITHMS: dict[str, Any] = jwt.algorithms.get_default_algorithms()
_JWKS: list[dict[str, Any]] = [
    {**json.loads(algorithm.to_jwk(key.public_key())), "kid": name, "use": "sig"}
    for name, algorithm, key in (
        ("ed", jwt.algorithms.OKPAlgorithm, _PRIVATE["EdDSA"]),
        ("ec", jwt.algorithms.ECAlgorithm, _PRIVATE["ES256"]),
    )
]
_HEADS: list[dict[str, Any]] = [
    {"alg": "EdDSA", "kid": "ed", "typ": "JWT"},
    {"alg": "ES256", "kid": "ec"},
    {"alg": "none", "kid": "ed"},
    {"alg": "HS256", "kid": "ed"},
]
_CLAIMS: dict[str, Any] = {
    "iss": "skatteverket",
    "sub": "o_1",
    "name": "Olof",
    "aud": AUDIENCE,
    "iat": int(NOW),
    "exp": int(NOW) + 300,
    "jti": "j_1",
    "meeting": "m_1",
    "station": 1,
}
_WORDS = (
    *_CLAIMS,
    *(
        "nbf",
        "alg",
        "kid",
        "typ",
        "jwk",
        "jku",
        "x5u",
        "crit",
        "b64",
        "none",
        "EdDSA",
        "ES256",
        "RS256",
        "HS256",
    ),
    *(
        "ed",
        "ec",
        "JWT",
        "at+jwt",
        "kty",
        "crv",
        "x",
        "y",
        "n",
        "e",
        "d",
        "use",
        "enc",
        "OKP",
        "EC",
        "RSA",
        "P-256",
    ),
    *("AQAB", AUDIENCE, "skatteverket"),
)


async def taking(source: Input) -> None:
    keys = AgencyKeys(open_memory(clock=lambda: NOW).records, lambda: NOW)
    for jwk in _JWKS:
        await keys.add("skatteverket", jwk)
    assertions = Assertions(
        keys=keys, records=open_memory(clock=lambda: NOW).records, audience=AUDIENCE, clock=lambda: NOW
    )
    form = source.number()
    if form & 1:
        text = source.rest().decode("utf-8", "surrogateescape")
        await _refused(assertions, text)
        return
    head = source.of(_HEADS)
    claims = changed(source, _CLAIMS, _WORDS) if form & 2 else _CLAIMS
    if form & 4:
        head = changed(source, head, _WORDS)
    text = f"{_part(head)}.{_part(claims)}"
    signer = source.of(("EdDSA", "ES256", "stranger", "public", "none"))
    text += "." + _signature(signer, text)
    if signer in _PRIVATE:
        await _taken_once(assertions, text, claims, head)
    else:
        await _refused(assertions, text)


async def _taken_once(assertions: Assertions, text: str, claims: Any, head: Any) -> None:
    try:
        found = await assertions.take(text)
    except AssertionRefused as error:
        _told(error)
        return
    assert (found.agency, claims["aud"]) == ("skatteverket", AUDIENCE)
    assert head["kid"] in ("ed", "ec")
    assert NOW - SKEW < found.expires_at <= NOW + MAX_AGE + SKEW
    assert 1 <= found.station <= 1_000_000
    await _refused(assertions, text)


async def _refused(assertions: Assertions, text: str) -> None:
    try:
        await assertions.take(text)
    except AssertionRefused as error:
        _told(error)
    else:
        raise AssertionError("taken, although it must not be")


def _told(error: AssertionRefused) -> None:
    assert error.code in _CODES
    assert len(error.message) <= 200


def _signature(signer: str, content: str) -> str:
    """By a key that is registered, by another, by the registered public key as a shared secret, or none."""
    match signer:
        case "EdDSA" | "ES256":
            return _base64(_ALGORITHMS[signer].sign(content.encode(), _PRIVATE[signer]))
        case "stranger":
            return _base64(_STRANGER.sign(content.encode()))
        case "public":
            public = _PRIVATE["EdDSA"].public_key().public_bytes_raw()
            return _base64(hmac.digest(public, content.encode(), "sha256"))
    return ""


def _key(source: Input) -> None:
    jwk = changed(source, source.of(_JWKS), _WORDS)
    if not isinstance(jwk, dict):
        return
    try:
        part = public_part(jwk)
    except UnusableKey as error:
        assert len(str(error)) <= 200
        return
    assert "d" not in part
    assert len(thumbprint(part)) == 43
    load(algorithm_of(part), part)


def check(data: bytes) -> None:
    source = Input(data)
    if source.number() & 1:
        _key(source)
    else:
        run(taking(source))


def _part(value: Any) -> str:
    return _base64(json.dumps(value).encode())


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


TARGET = Target(
    check,
    seeds=[
        b"\0\1a.b.c",
        b"\0\0\0\0",
        b"\0\0\1\1",
        *(bytes((0, 0, head, signer)) for head in range(4) for signer in range(5)),
        *(bytes((0, 2, 0, 1, 0, place, 1, 0)) for place in range(1, 10)),
        *(bytes((0, 2, 0, 1, 0, place, 0, kind, kind, 0)) for place in range(1, 10) for kind in (3, 4, 6)),
        *(bytes((0, 4, 0, 1, 0, place, 0, 7, 9, 0)) for place in range(1, 4)),
        *(bytes((1, number, 1, 0, place, 0, 7, 20)) for number in range(2) for place in range(1, 6)),
    ],
    words=[b'"%s"' % word.encode() for word in _WORDS] + [b"eyJ", b"."],
)
