"""Local accounts of staff: a password (argon2id) and a code of the moment (TOTP, RFC 6238), with lock-out.

What is wrong is never said: a name that is not there, a wrong password and a wrong code look alike, take as
long, and are counted alike.
"""

import asyncio
import base64
import secrets
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from rooms.store.base import Records
from signaling.codes import digest
from signaling.errors import ServiceError
from signaling.staff import Person

ACCOUNT = "account"
FAILURES = "sign_in_failures"
SHORTEST, LONGEST = 12, 200
"""Characters of a password."""
FREE_TRIES = 5
FIRST_LOCK, LONGEST_LOCK = 60.0, 3600.0
HASHED_AT_ONCE = 2
"""Each takes 64 MiB and a core for a moment."""
_STEP = 30


@cache
def _of_nobody() -> str:
    """Verified in place of an account that is not there, which takes the same time. Made when it is needed:
    no start waits for it."""
    return PasswordHasher().hash(secrets.token_urlsafe(16))


class AccountError(ServiceError):
    """`code`: sign_in_failed, account_exists, account_unknown, password_unfit."""


class SignInLocked(ServiceError):
    """Too many failures; `wait`: seconds."""

    def __init__(self, wait: float) -> None:
        super().__init__("sign_in_locked", "too many failures; wait a while")
        self.wait = wait


@dataclass(frozen=True, slots=True)
class Account:
    """`used`: the last TOTP step that was taken; none is taken twice."""

    person: Person
    password: str
    totp: str
    used: int = 0


class Accounts:
    """`sealing`: 32 bytes; the TOTP secrets lie in the store under it."""

    def __init__(self, records: Records, sealing: bytes, clock: Callable[[], float]) -> None:
        self._records = records
        self._sealer = AESGCM(sealing)
        self._clock = clock
        self._hasher = PasswordHasher()
        self._hashing = asyncio.Semaphore(HASHED_AT_ONCE)

    async def add(self, login: str, person: Person, password: str) -> str:
        """The TOTP secret in base32, shown this once. Raises AccountError, StoreUnavailable."""
        if not SHORTEST <= len(password) <= LONGEST:
            raise AccountError("password_unfit", f"a password has {SHORTEST} to {LONGEST} characters")
        secret = pyotp.random_base32()
        async with self._hashing:
            hashed = await asyncio.to_thread(self._hasher.hash, password)
        account = Account(person, hashed, self._seal(login, secret))
        if not await self._records.put_if_absent(ACCOUNT, digest(login), asdict(account)):
            raise AccountError("account_exists", "there is already an account with this name")
        return secret

    async def remove(self, login: str) -> None:
        """Raises AccountError."""
        if not await self._records.delete(ACCOUNT, digest(login)):
            raise AccountError("account_unknown", "there is no account with this name")

    async def check(self, login: str, password: str, code: str) -> Person:
        """Raises AccountError, SignInLocked."""
        await self._demand_unlocked(login)
        record = await self._records.get(ACCOUNT, digest(login))
        account = None if record is None else _account(record.value)
        async with self._hashing:
            known = await asyncio.to_thread(self._fits, account, password)
        step = None if account is None else self._step_of(login, account, code)
        if known and account is not None and record is not None and step is not None:
            value = {**record.value, "used": step}
            if await self._records.compare_and_set(ACCOUNT, digest(login), record.version, value):
                await self._records.delete(FAILURES, digest(login))
                return account.person
        await self._count_failure(login)
        raise AccountError("sign_in_failed", "the name, the password or the code is wrong")

    def _fits(self, account: Account | None, password: str) -> bool:
        try:
            nobody = _of_nobody()
            hashed = nobody if account is None else account.password
            return self._hasher.verify(hashed, password[:LONGEST])
        except (VerificationError, InvalidHashError):
            return False

    def _step_of(self, login: str, account: Account, code: str) -> int | None:
        """The step that the code is of: this one or a neighbour, and later than the last that was used."""
        totp = pyotp.TOTP(self._open(login, account.totp), interval=_STEP)
        now = int(self._clock() // _STEP)
        for step in (now - 1, now, now + 1):
            fits = secrets.compare_digest(totp.generate_otp(step).encode(), code.encode("utf-8", "replace"))
            if fits and step > account.used:
                return step
        return None

    async def _demand_unlocked(self, login: str) -> None:
        record = await self._records.get(FAILURES, digest(login))
        if record is None:
            return
        wait = record.value["until"] - self._clock()
        if wait > 0:
            raise SignInLocked(wait)

    async def _count_failure(self, login: str) -> None:
        while True:
            record = await self._records.get(FAILURES, digest(login))
            count = 1 if record is None else record.value["count"] + 1
            over = count - FREE_TRIES
            lock = 0.0 if over < 0 else min(FIRST_LOCK * 2**over, LONGEST_LOCK)
            now = self._clock()
            value, expires_at = {"count": count, "until": now + lock}, now + 2 * LONGEST_LOCK
            if record is None:
                if await self._records.put_if_absent(FAILURES, digest(login), value, expires_at):
                    return
            elif await self._records.compare_and_set(
                FAILURES, digest(login), record.version, value, expires_at
            ):
                return

    def _seal(self, login: str, secret: str) -> str:
        nonce = secrets.token_bytes(12)
        return base64.b64encode(nonce + self._sealer.encrypt(nonce, secret.encode(), login.encode())).decode()

    def _open(self, login: str, sealed: str) -> str:
        raw = base64.b64decode(sealed)
        return self._sealer.decrypt(raw[:12], raw[12:], login.encode()).decode()


def provisioning_uri(login: str, secret: str) -> str:
    """What authenticator programs read."""
    return pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name="Mötesrum")


def _account(value: Mapping[str, Any]) -> Account:
    person = value["person"]
    return Account(
        Person(**{**person, "sites": tuple(person["sites"])}), value["password"], value["totp"], value["used"]
    )
