"""One-time codes: 128 random bits, of which the service keeps the SHA-256 only."""

import hashlib
import re
import secrets

_CODE = re.compile(r"[A-Za-z0-9_-]{22}")


def new_code() -> str:
    return secrets.token_urlsafe(16)


def is_code(text: str) -> bool:
    return _CODE.fullmatch(text) is not None


def digest(secret: str) -> str:
    """Hex, 64 characters. A cookie may hold any bytes, which aiohttp reads as lone surrogates."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
