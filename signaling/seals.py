"""The seal on what one node asks of another: made with a key that only they have, good once, at one process.

Somebody who listens between the nodes can send a call again. So a seal is over the process that it is meant
for, which has heard of none of the calls before its start, and over a word that is used once; how long that
word has to be remembered is bounded by the instant, which is sealed too.
"""

import hmac
import secrets
import time
from collections.abc import Callable

AGE = 30.0
"""Seconds by which the clocks of two nodes may differ."""


def node_key(sealing: bytes) -> bytes:
    return hmac.digest(sealing, b"between nodes", "sha256")


class Seals:
    """`process` is what this one is called in the seals that it takes."""

    def __init__(self, key: bytes, clock: Callable[[], float] = time.time) -> None:
        self.process = secrets.token_hex(8)
        self._key = key
        self._clock = clock
        self._used: dict[str, float] = {}

    def make(self, process: str, path: str, body: bytes) -> str:
        """For one call of `process`."""
        at, word = repr(self._clock()), secrets.token_hex(16)
        return f"{at} {word} {self._over(process, path, at, word, body)}"

    def take(self, seal: str, path: str, body: bytes) -> bool:
        """False for a seal that is not ours, is for another process, is too old, or has been used."""
        at, _, rest = seal.partition(" ")
        word, _, proof = rest.partition(" ")
        now = self._clock()
        try:
            fresh = abs(float(at) - now) < AGE
        except ValueError:
            return False
        expected = self._over(self.process, path, at, word, body)
        if not hmac.compare_digest(proof.encode(), expected.encode()) or not fresh:
            return False
        self._forget(now)
        if word in self._used:
            return False
        self._used[word] = now
        return True

    def _forget(self, now: float) -> None:
        """A seal can be fresh for twice its age: its maker's clock may be ahead."""
        old = []
        for word, taken in self._used.items():
            if now - taken < 2 * AGE:
                break
            old.append(word)
        for word in old:
            del self._used[word]

    def _over(self, process: str, path: str, at: str, word: str, body: bytes) -> str:
        said = "\n".join((process, path, at, word, "")).encode()
        return hmac.digest(self._key, said + body, "sha256").hex()
