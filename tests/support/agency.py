"""An agency's own system: signs what it says of its officers, as it should or as an attacker would."""

import base64
import json
import time
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
PrivateKey = Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

_ALGORITHMS = {
    "EdDSA": jwt.algorithms.OKPAlgorithm,
    "ES256": jwt.algorithms.ECAlgorithm,
    "RS256": jwt.algorithms.RSAAlgorithm,
}


def new_private(algorithm: str) -> PrivateKey:
    match algorithm:
        case "EdDSA":
            return Ed25519PrivateKey.generate()
        case "ES256":
            return ec.generate_private_key(ec.SECP256R1())
        case _:
            return rsa.generate_private_key(65537, 2048)


class AgencySystem:
    def __init__(self, agency: str, audience: str, algorithm: str = "EdDSA", kid: str = "k1") -> None:
        self.agency, self.audience, self.algorithm, self.kid = agency, audience, algorithm, kid
        self.private = new_private(algorithm)
        self._count = 0

    def jwk(self) -> dict[str, Any]:
        """The public half."""
        jwk: dict[str, Any] = json.loads(_ALGORITHMS[self.algorithm].to_jwk(self.private.public_key()))
        jwk.pop("key_ops", None)
        return {**jwk, "kid": self.kid}

    def claims(self, meeting: str, station: int, /, **changes: Any) -> dict[str, Any]:
        """`None` leaves a claim out."""
        self._count += 1
        now = int(time.time())
        claims = {
            "iss": self.agency,
            "sub": "officer-1",
            "name": "Karin Lund",
            "aud": self.audience,
            "iat": now,
            "exp": now + 240,
            "jti": f"{self.kid}-{self._count}-{time.time_ns()}",
            "meeting": meeting,
            "station": station,
            **changes,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def signed(self, claims: dict[str, Any], **header: Any) -> str:
        headers = {"kid": self.kid, **header}
        return jwt.encode(claims, self.private, self.algorithm, headers)

    def asserts(self, meeting: str, station: int, /, **changes: Any) -> str:
        return self.signed(self.claims(meeting, station, **changes))


def raw_token(header: Any, claims: Any, signature: bytes = b"") -> str:
    parts = (json.dumps(header).encode(), json.dumps(claims).encode(), signature)
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
