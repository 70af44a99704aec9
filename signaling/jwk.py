"""Public keys of agencies as JWK (RFC 7517): which are taken, and the one algorithm that each is for."""

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, Literal

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

Algorithm = Literal["EdDSA", "ES256", "RS256"]
PublicKey = Ed25519PublicKey | EllipticCurvePublicKey | RSAPublicKey

RSA_BITS = (2048, 8192)
MAX_KID = 128
_KID = re.compile(r"[\x21-\x7e]{1,128}")
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_MEMBERS: Mapping[Algorithm, tuple[str, ...]] = {
    "EdDSA": ("crv", "x"),
    "ES256": ("crv", "x", "y"),
    "RS256": ("n", "e"),
}
"""What a public key of each algorithm consists of, besides `kty`."""


class UnusableKey(ValueError):
    """The message is one line that says why a key is not taken."""


def algorithm_of(jwk: Mapping[str, Any]) -> Algorithm:
    """EdDSA (Ed25519), ES256 (P-256) or RS256; nothing else is taken. Raises UnusableKey."""
    fitting: Algorithm
    match jwk.get("kty"), jwk.get("crv"):
        case "OKP", "Ed25519":
            fitting = "EdDSA"
        case "EC", "P-256":
            fitting = "ES256"
        case "RSA", None:
            fitting = "RS256"
        case _:
            raise UnusableKey("the key must be Ed25519, P-256 or RSA")
    if jwk.get("alg", fitting) != fitting:
        raise UnusableKey(f"this key is for {fitting}, its alg says otherwise")
    return fitting


def public_part(jwk: Mapping[str, Any]) -> dict[str, str]:
    """The key itself, without names and notes. Raises UnusableKey, for a private or secret key too."""
    if _PRIVATE & jwk.keys():
        raise UnusableKey("this is a private key, which stays with its owner; register the public half")
    if jwk.get("use", "sig") != "sig":
        raise UnusableKey("the key is not for signatures")
    algorithm = algorithm_of(jwk)
    part = {name: jwk.get(name) for name in ("kty", *_MEMBERS[algorithm])}
    if not all(isinstance(value, str) for value in part.values()):
        raise UnusableKey("a part of the key is missing")
    load(algorithm, part)
    return {name: str(value) for name, value in part.items()}


def load(algorithm: Algorithm, jwk: Mapping[str, Any]) -> PublicKey:
    """Raises UnusableKey."""
    try:
        key = jwt.PyJWK(dict(jwk), algorithm).key
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise UnusableKey("the key cannot be read") from error
    if isinstance(key, RSAPublicKey) and not RSA_BITS[0] <= key.key_size <= RSA_BITS[1]:
        raise UnusableKey(f"an RSA key has {RSA_BITS[0]} to {RSA_BITS[1]} bits")
    if not isinstance(key, PublicKey):
        raise UnusableKey("the key is not a public key")
    return key


def thumbprint(jwk: Mapping[str, Any]) -> str:
    """RFC 7638, base64url."""
    members = {name: jwk[name] for name in sorted(("kty", *_MEMBERS[algorithm_of(jwk)]))}
    text = json.dumps(members, separators=(",", ":"), sort_keys=True)
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def check_kid(kid: object) -> str:
    """Raises UnusableKey."""
    if not isinstance(kid, str) or not _KID.fullmatch(kid):
        raise UnusableKey(f"a kid has 1 to {MAX_KID} printable characters without spaces")
    return kid
