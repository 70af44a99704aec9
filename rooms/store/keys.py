"""Keys: one in a file that wraps all others, one for every stream and owner of content.

AES-256-GCM (NIST SP 800-38D) with a fresh 96-bit nonce before each ciphertext. The file key lies beside the
database: a copy of the database alone shows no content. A content key that is destroyed takes its content
with it; backups made before keep theirs and need a retention of their own.
"""

import hashlib
import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from rooms.store.base import CorruptLog, StoreUnavailable

KEY_BYTES = 32
_NONCE_BYTES = 12


def new_key() -> bytes:
    return secrets.token_bytes(KEY_BYTES)


def seal(key: bytes, plain: bytes, bound_to: str) -> bytes:
    """Encrypts; `bound_to` says where it belongs, and it opens nowhere else."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, bound_to.encode())


def unseal(key: bytes, sealed: bytes, bound_to: str) -> bytes:
    """Raises CorruptLog for a wrong key, changed bytes or another place."""
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], bound_to.encode())
    except (InvalidTag, ValueError) as error:
        raise CorruptLog(f"the content of {bound_to} cannot be decrypted") from error


class Vault:
    """Wraps content keys with the file key."""

    def __init__(self, file_key: bytes) -> None:
        self._file_key = file_key
        self.fingerprint = hashlib.sha256(b"motesrum file key" + file_key).digest()[:16]

    def wrap(self, stream: str, owner: str, key: bytes) -> bytes:
        return seal(self._file_key, key, f"{stream}|{owner}")

    def unwrap(self, stream: str, owner: str, wrapped: bytes) -> bytes:
        return unseal(self._file_key, wrapped, f"{stream}|{owner}")


def load_key(path: Path) -> bytes:
    """Raises StoreUnavailable when the file is missing, unreadable or not a key."""
    try:
        only_owner(path)
        key = path.read_bytes()
    except OSError as error:
        raise StoreUnavailable(f"the key file {path} cannot be read: {error.strerror}") from error
    if len(key) != KEY_BYTES:
        raise StoreUnavailable(f"the key file {path} is not a key: {len(key)} bytes instead of {KEY_BYTES}")
    return key


def make_key(path: Path) -> bytes:
    """Writes a new key durably, never half of one."""
    key = new_key()
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}.new")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(key)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise StoreUnavailable(f"the key file {path} cannot be written: {error.strerror}") from error
    return key


def shared_key(path: Path) -> bytes:
    """The key of the file, made unless there is one; of several that make it at once, one wins."""
    if not path.exists():
        draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}.draft")
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            make_key(draft)
            with suppress(FileExistsError):
                os.link(draft, path)
            draft.unlink()
            sync_folder(path.parent)
        except OSError as error:
            raise StoreUnavailable(f"the key file {path} cannot be written: {error.strerror}") from error
    return load_key(path)


def only_owner(path: Path) -> None:
    """Takes every right on the file from group and others."""
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        path.chmod(0o600)


def sync_folder(folder: Path) -> None:
    """Makes new names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
