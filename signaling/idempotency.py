"""`Idempotency-Key`: a call that is repeated with its key gives the first result, across restarts too.

A result can carry a secret (a one-time code), so it is sealed with a key that needs both the service's own
secret and the client's key: neither the data folder's database nor its records alone give it away.
"""

import asyncio
import base64
import hmac
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from rooms.commands import Command
from rooms.store.base import Records, StoreUnavailable
from signaling.errors import ServiceError

log = structlog.get_logger(__name__)

KIND = "idempotency"
KEPT = 24 * 3600.0
ABANDONED = 60.0
"""After so many seconds a call of another process without a result counts as dead, and can be made again."""

_KEY = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?")


class IdempotencyError(ServiceError):
    """`code`: idempotency_key_invalid, idempotency_mismatch, idempotency_in_progress."""


@dataclass(frozen=True, slots=True)
class Result:
    status: int
    content_type: str
    body: bytes

    @property
    def final(self) -> bool:
        """A failure of ours is not remembered: the call may succeed later."""
        return self.status < 500


Work = Callable[[str], Awaitable[Result]]
"""The argument is a seed of 64 hex digits, the same for every attempt at the same call."""


def once(command: Command, seed: str | None, number: int = 0) -> Command:
    """The command, to be carried out once for a seed: a call can die with the process after it was done and
    before its result was kept. `number`: of the commands of one call."""
    return command if seed is None else replace(command, request=f"{seed[32:]}.{number}")


class Idempotency:
    def __init__(self, records: Records, secret: bytes, clock: Callable[[], float]) -> None:
        self._records = records
        self._secret = secret
        self._clock = clock
        self._running: dict[str, asyncio.Event] = {}
        self._born = clock()

    async def run(
        self, scope: str, key: str, body: bytes, work: Work, *, restricts: bool = False
    ) -> tuple[Result, bool]:
        """`scope` names who calls what. The result, and whether it is the first one again. Callers that come
        while the first is at work wait for it. `restricts`: work that is done although the store is down, and
        that changes nothing when it is done again. Raises IdempotencyError, StoreUnavailable."""
        if not _KEY.fullmatch(key):
            raise IdempotencyError(
                "idempotency_key_invalid", "Idempotency-Key has 1 to 255 printable ASCII characters"
            )
        name = self._derive("name", scope, key).hex()
        while (other := self._running.get(name)) is not None:
            await other.wait()
        self._running[name] = done = asyncio.Event()
        try:
            return await self._run(name, scope, key, body, work, restricts)
        finally:
            del self._running[name]
            done.set()

    async def _run(
        self, name: str, scope: str, key: str, body: bytes, work: Work, restricts: bool
    ) -> tuple[Result, bool]:
        fingerprint = hmac.digest(self._derive("body", scope, key), body, "sha256").hex()
        sealing = AESGCM(self._derive("seal", scope, key))
        attempt = secrets.token_hex(8)
        until = self._clock() + KEPT
        try:
            sealed = await self._begin(name, fingerprint, attempt, until)
        except StoreUnavailable:
            if not restricts:
                raise
        else:
            if sealed is not None:
                return _unseal(sealing, sealed), True
        try:
            result = await work(self._derive("seed", scope, key).hex())
        except BaseException:
            await self._keep(name, attempt, None, until)
            raise
        value = {"fingerprint": fingerprint, "result": _seal(sealing, result)} if result.final else None
        await self._keep(name, attempt, value, until)
        return result, False

    async def _begin(self, name: str, fingerprint: str, attempt: str, until: float) -> str | None:
        """The first result, sealed, or None when the work is ours to do."""
        started = {"fingerprint": fingerprint, "started_at": self._clock(), "attempt": attempt}
        if await self._records.put_if_absent(KIND, name, started, until):
            return None
        record = await self._records.get(KIND, name)
        if record is None:
            raise IdempotencyError("idempotency_in_progress", "the first call is still at work")
        if record.value["fingerprint"] != fingerprint:
            raise IdempotencyError(
                "idempotency_mismatch", "this Idempotency-Key was used for a call with another body"
            )
        if "result" in record.value:
            return str(record.value["result"])
        if not self._abandoned(record.value["started_at"]) or not (
            await self._records.compare_and_set(KIND, name, record.version, started, until)
        ):
            raise IdempotencyError("idempotency_in_progress", "the first call is still at work")
        return None

    async def _keep(self, name: str, attempt: str, value: Mapping[str, str] | None, until: float) -> None:
        """`_settle` as far as the store allows: what was done, or why it failed, is told all the same."""
        try:
            await self._settle(name, attempt, value, until)
        except StoreUnavailable as error:
            log.warning("the outcome of a call is not kept", error=str(error))

    async def _settle(self, name: str, attempt: str, value: Mapping[str, str] | None, until: float) -> None:
        """The outcome, or nothing so that the call can be made again; unless another attempt took over."""
        record = await self._records.get(KIND, name)
        if record is None or record.value.get("attempt") != attempt:
            return
        if value is None:
            await self._records.delete(KIND, name)
        else:
            await self._records.compare_and_set(KIND, name, record.version, value, until)

    def _abandoned(self, started_at: float) -> bool:
        """A call that began before this process did, died with the one before it."""
        return started_at < self._born or self._clock() - started_at >= ABANDONED

    def _derive(self, purpose: str, scope: str, key: str) -> bytes:
        message = "\0".join((purpose, scope, key)).encode()
        return hmac.digest(self._secret, message, "sha256")


def _seal(sealing: AESGCM, result: Result) -> str:
    head = f"{result.status} {result.content_type}\n".encode()
    nonce = secrets.token_bytes(12)
    return base64.b64encode(nonce + sealing.encrypt(nonce, head + result.body, None)).decode()


def _unseal(sealing: AESGCM, sealed: str) -> Result:
    raw = base64.b64decode(sealed)
    try:
        opened = sealing.decrypt(raw[:12], raw[12:], None)
    except InvalidTag as error:
        raise IdempotencyError(
            "idempotency_mismatch", "the first result was kept with another secret of the service"
        ) from error
    head, _, body = opened.partition(b"\n")
    status, _, content_type = head.decode().partition(" ")
    return Result(int(status), content_type, body)
