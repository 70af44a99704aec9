"""The service's own signing keys (Ed25519), each a file in the data folder that only its owner can read."""

import base64
import contextlib
import hashlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

_SUFFIX = ".key.pem"
SEALING = "sealing.key"


class KeyFolderError(Exception):
    """The key folder cannot be used; the message is one line that says why."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """`kid` names the public key: it is derived from its bytes."""

    kid: str
    private: Ed25519PrivateKey
    made_at: float

    @property
    def public(self) -> Ed25519PublicKey:
        return self.private.public_key()

    def jwk(self) -> dict[str, str]:
        """The public key as JWK (RFC 8037)."""
        raw = self.public.public_bytes(Encoding.Raw, PublicFormat.Raw)
        x = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
        return {"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": self.kid, "x": x}


class KeyFolder:
    """Mode 0700. The newest key signs; older ones go on verifying until they are removed."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def known_keys(self) -> list[SigningKey]:
        """Those that are there. Raises KeyFolderError, OSError."""
        return [_load(path) for path in sorted(self._path.glob(f"*{_SUFFIX}"))]

    def signing_keys(self) -> list[SigningKey]:
        """Newest first; the first one is made when there is none. Raises KeyFolderError."""
        try:
            found = self.known_keys()
            if not found:
                self._make(self._path / f"first{_SUFFIX}", _new_pem())
                found = self.known_keys()
        except OSError as error:
            raise KeyFolderError(f"{self._path}: {error.strerror or error}") from error
        return sorted(found, key=lambda key: (key.made_at, key.kid), reverse=True)

    def rotate(self) -> SigningKey:
        """Makes a new key, with which a service that is started from now on signs. Raises KeyFolderError."""
        self.signing_keys()
        path = self._path / f"{secrets.token_hex(8)}{_SUFFIX}"
        try:
            self._make(path, _new_pem())
        except OSError as error:
            raise KeyFolderError(f"{self._path}: {error.strerror or error}") from error
        return _load(path)

    def sealing_key(self) -> bytes:
        """32 bytes with which the service seals what it keeps for itself. Raises KeyFolderError."""
        path = self._path / SEALING
        try:
            if not path.exists():
                self._make(path, secrets.token_bytes(32))
            key = path.read_bytes()
        except OSError as error:
            raise KeyFolderError(f"{path}: {error.strerror or error}") from error
        if len(key) != 32:
            raise KeyFolderError(f"{path}: must hold 32 bytes")
        return key

    def open_to_others(self) -> list[Path]:
        """Files that somebody else could read."""
        found = [self._path, *self._path.glob("*")] if self._path.exists() else []
        return [path for path in found if path.stat().st_mode & 0o077]

    def _make(self, path: Path, content: bytes) -> None:
        """Whole or not at all; of two processes that make the same file, one wins and both use it."""
        self._path.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = self._path / f".{path.name}.{secrets.token_hex(6)}"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):
                os.link(draft, path)
        finally:
            draft.unlink()


def _new_pem() -> bytes:
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _load(path: Path) -> SigningKey:
    try:
        private = load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyFolderError(f"{path}: is no private key in PEM") from error
    if not isinstance(private, Ed25519PrivateKey):
        raise KeyFolderError(f"{path}: must be an Ed25519 key")
    raw = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return SigningKey(hashlib.sha256(raw).hexdigest()[:16], private, path.stat().st_mtime)
