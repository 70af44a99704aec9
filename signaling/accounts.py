"""Local accounts of staff: a password (argon2id) and a code of the moment (TOTP, RFC 6238), with lock-out.

What is wrong is never said: a name that is not there, a wrong password, a wrong code and an account that is
locked look alike, take as long, and are counted alike.

An admin invites somebody with a single-use link, behind which the person chooses the password and takes up
the second factor; nobody else learns either. The same link, made anew, replaces both.
"""

import asyncio
import base64
import secrets
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache
from typing import Any

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from rooms.store.base import Record, Records
from signaling.codes import digest, is_code, new_code
from signaling.errors import ServiceError
from signaling.lockout import Lockout
from signaling.staff import Person

ACCOUNT = "account"
LINK = "account_link"
FAILURES = "sign_in_failures"
BROWSER = "known_browser"
BROWSER_KNOWN = 180 * 86400.0
BROWSER_COOKIE = "motesrum_browser"
SHORTEST, LONGEST = 12, 200
"""Characters of a password."""
HASHED_AT_ONCE = 2
"""Each takes 64 MiB and a core for a moment."""
LINK_LIFETIME = 3 * 86400.0
SUBJECT = "u_"
_ID = "ac_"
_ID_LENGTH = 24
_STEP = 30


@cache
def _of_nobody() -> str:
    """Verified in place of an account that is not there, which takes the same time. Made when it is needed:
    no start waits for it."""
    return PasswordHasher().hash(secrets.token_urlsafe(16))


class AccountError(ServiceError):
    """`code`: sign_in_failed, account_exists, account_unknown, account_link_unknown, password_unfit,
    code_wrong."""


@dataclass(frozen=True, slots=True)
class Account:
    """`used`: the last TOTP step that was taken; none is taken twice. Without a password its person has not
    followed `link` yet, the hash of the code that was given out last."""

    person: Person
    password: str | None = None
    totp: str | None = None
    used: int = 0
    locked: bool = False
    link: str | None = None

    @property
    def login(self) -> str:
        return self.person.sub.removeprefix(SUBJECT)


@dataclass(frozen=True, slots=True)
class Listed:
    """`waits`: seconds for which it is locked because of failures."""

    id: str
    account: Account
    waits: float


@dataclass(frozen=True, slots=True)
class AccountLink:
    code: str
    expires_at: float


class Accounts:
    """`sealing`: 32 bytes; the TOTP secrets lie in the store under it."""

    def __init__(self, records: Records, sealing: bytes, clock: Callable[[], float]) -> None:
        self._records = records
        self._sealer = AESGCM(sealing)
        self._clock = clock
        self._hasher = PasswordHasher()
        self._hashing = asyncio.Semaphore(HASHED_AT_ONCE)
        self._failures = Lockout(records, clock, FAILURES, "sign_in_locked")

    async def add(self, login: str, person: Person, password: str) -> str:
        """The TOTP secret in base32, shown this once. Raises AccountError, StoreUnavailable."""
        hashed, secret = await self._hashed(password), pyotp.random_base32()
        await self._put(login, Account(person, hashed, self._seal(login, secret)))
        return secret

    async def invite(self, login: str, person: Person) -> tuple[str, AccountLink]:
        """The new account's id, and a link for its person. Raises AccountError."""
        await self._put(login, Account(person))
        return account_id(login), await self.renew(account_id(login))

    async def renew(self, account: str) -> AccountLink:
        """A link to a new password and second factor; those of now are void at once. Raises AccountError."""
        code, expires_at = new_code(), self._clock() + LINK_LIFETIME
        found = await self._change(
            account, lambda now: replace(now, password=None, totp=None, link=digest(code))
        )
        value = {"account": account, "totp": self._seal(found.login, pyotp.random_base32())}
        await self._records.put_if_absent(LINK, digest(code), value, expires_at)
        return AccountLink(code, expires_at)

    async def welcome(self, code: str) -> tuple[Account, str]:
        """For whom a link is, and the secret for their authenticator. Raises AccountError."""
        link, account = await self._linked(code)
        return account, self._open(account.login, link.value["totp"])

    async def take_up(self, code: str, password: str, totp: str) -> Person:
        """The link's person has chosen a password, and shows a code of the moment. Raises AccountError."""
        link, account = await self._linked(code)
        step = self._step_of(replace(account, totp=link.value["totp"]), totp)
        if step is None:
            raise AccountError("code_wrong", "the code of the moment is wrong")
        hashed = await self._hashed(password)

        def taken_up(now: Account) -> Account:
            if now.link != digest(code) or now.locked:
                raise _no_link()
            return replace(now, password=hashed, totp=link.value["totp"], used=step, link=None)

        account = await self._change(link.value["account"], taken_up)
        await self._records.delete(LINK, digest(code))
        await self._failures.forgive(account.login)
        return account.person

    async def all(self) -> list[Listed]:
        """By role and name."""
        found = [(key, _account(record.value)) for key, record in await self._records.scan(ACCOUNT)]
        found.sort(key=lambda each: (each[1].person.role, each[1].person.name, each[0]))
        return [
            Listed(_ID + key[:_ID_LENGTH], account, await self._failures.wait(account.login))
            for key, account in found
        ]

    async def listed(self, account: str) -> Listed:
        """Raises AccountError."""
        _, record = await self._found(account)
        found = _account(record.value)
        return Listed(account, found, await self._failures.wait(found.login))

    async def lock(self, account: str, locked: bool) -> Account:
        """Unlocking forgives failures too. Raises AccountError."""
        found = await self._change(account, lambda now: replace(now, locked=locked))
        if not locked:
            await self._failures.forgive(found.login)
        return found

    async def remove(self, login: str) -> None:
        """Raises AccountError."""
        if not await self._records.delete(ACCOUNT, digest(login)):
            raise _unknown()

    async def check(self, login: str, password: str, code: str, browser: str | None = None) -> Person:
        """`browser`: what one that has signed in before was given. Raises AccountError, LockedOut."""
        counted = await self._counted(login, browser)
        await self._failures.demand_open(counted)
        record = await self._records.get(ACCOUNT, digest(login))
        account = None if record is None else _account(record.value)
        async with self._hashing:
            known = await asyncio.to_thread(self._fits, account, password)
        step = None if account is None else self._step_of(account, code)
        if known and account is not None and record is not None and step is not None and not account.locked:
            value = asdict(replace(account, used=step))
            if await self._records.compare_and_set(ACCOUNT, digest(login), record.version, value):
                await self._failures.forgive(counted)
                return account.person
        await self._failures.failed(counted)
        raise AccountError("sign_in_failed", "the name, the password or the code is wrong")

    async def remember(self, person: Person, browser: str | None) -> str:
        """What a browser is given in which the person has signed in; the same again if it has it already."""
        login = person.sub.removeprefix(SUBJECT)
        if browser is not None and await self._knows(login, browser):
            return browser
        new = new_code()
        value = {"account": account_id(login)}
        await self._records.put_if_absent(BROWSER, digest(new), value, self._clock() + BROWSER_KNOWN)
        return new

    async def _counted(self, login: str, browser: str | None) -> str:
        """Under which name failures are counted: who guesses elsewhere does not lock out a person in the
        browser in which they have been before."""
        if browser is None or not await self._knows(login, browser):
            return login
        return f"{login} {digest(browser)}"

    async def _knows(self, login: str, browser: str) -> bool:
        record = await self._records.get(BROWSER, digest(browser))
        return record is not None and record.value["account"] == account_id(login)

    async def demand_standing(self, person: Person) -> None:
        """Whoever has just shown who they are may have lost the account meanwhile. Raises AccountError."""
        record = await self._records.get(ACCOUNT, digest(person.sub.removeprefix(SUBJECT)))
        account = None if record is None else _account(record.value)
        if account is None or account.locked or account.password is None:
            raise AccountError("sign_in_failed", "the name, the password or the code is wrong")

    async def _hashed(self, password: str) -> str:
        if not SHORTEST <= len(password) <= LONGEST:
            raise AccountError("password_unfit", f"a password has {SHORTEST} to {LONGEST} characters")
        async with self._hashing:
            return await asyncio.to_thread(self._hasher.hash, password)

    def _fits(self, account: Account | None, password: str) -> bool:
        try:
            nobody = _of_nobody()
            hashed = nobody if account is None or account.password is None else account.password
            return self._hasher.verify(hashed, password[:LONGEST])
        except (VerificationError, InvalidHashError):
            return False

    def _step_of(self, account: Account, code: str) -> int | None:
        """The step that the code is of: this one or a neighbour, and later than the last that was used."""
        if account.totp is None:
            return None
        totp = pyotp.TOTP(self._open(account.login, account.totp), interval=_STEP)
        now = int(self._clock() // _STEP)
        for step in (now - 1, now, now + 1):
            fits = secrets.compare_digest(totp.generate_otp(step).encode(), code.encode("utf-8", "replace"))
            if fits and step > account.used:
                return step
        return None

    async def _put(self, login: str, account: Account) -> None:
        if not await self._records.put_if_absent(ACCOUNT, digest(login), asdict(account)):
            raise AccountError("account_exists", "there is already an account with this name")

    async def _found(self, account: str) -> tuple[str, Record]:
        """Raises AccountError."""
        prefix = account.removeprefix(_ID)
        known = len(prefix) == _ID_LENGTH and account.startswith(_ID)
        found = await self._records.scan(ACCOUNT, prefix) if known else []
        if not found:
            raise _unknown()
        return found[0]

    async def _change(self, account: str, change: Callable[[Account], Account]) -> Account:
        while True:
            key, record = await self._found(account)
            changed = change(_account(record.value))
            if await self._records.compare_and_set(ACCOUNT, key, record.version, asdict(changed)):
                return changed

    async def _linked(self, code: str) -> tuple[Record, Account]:
        link = await self._records.get(LINK, digest(code)) if is_code(code) else None
        if link is None:
            raise _no_link()
        try:
            _, record = await self._found(link.value["account"])
        except AccountError as error:
            raise _no_link() from error
        account = _account(record.value)
        if account.link != digest(code) or account.locked:
            raise _no_link()
        return link, account

    def _seal(self, login: str, secret: str) -> str:
        nonce = secrets.token_bytes(12)
        return base64.b64encode(nonce + self._sealer.encrypt(nonce, secret.encode(), login.encode())).decode()

    def _open(self, login: str, sealed: str) -> str:
        raw = base64.b64decode(sealed)
        return self._sealer.decrypt(raw[:12], raw[12:], login.encode()).decode()


def account_id(login: str) -> str:
    """What an account is called where its person's name must not stand."""
    return _ID + digest(login)[:_ID_LENGTH]


def provisioning_uri(login: str, secret: str) -> str:
    """What authenticator programs read."""
    return pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name="Mötesrum")


def _unknown() -> AccountError:
    return AccountError("account_unknown", "there is no account with this name")


def _no_link() -> AccountError:
    return AccountError("account_link_unknown", "there is no such link; ask for a new one")


def _account(value: Mapping[str, Any]) -> Account:
    person = value["person"]
    return Account(**{**value, "person": Person(**{**person, "sites": tuple(person["sites"])})})
