"""Credentials for the relays (TURN), good for a short while and for one person.

The name is the instant until which it is good, and a mark that stays the same for the same person, by which
the relay counts; the password follows from both and the secret that the relay knows too (coturn:
`use-auth-secret`).
"""

import hmac
from base64 import b64encode
from collections.abc import Callable
from typing import Any

from config.kinds import secret_in
from config.settings import Settings

_MARK = 16
"""Letters of the mark: it tells a relay, and its log, nothing about whom it stands for."""


class Turn:
    def __init__(self, settings: Settings, clock: Callable[[], float]) -> None:
        self._urls = settings.turn_urls
        self._lifetime = settings.turn_lifetime
        file = settings.turn_secret_file
        self._secret = b"" if file is None else secret_in(file).encode()
        self._clock = clock

    @property
    def urls(self) -> tuple[str, ...]:
        return self._urls

    def servers(self, who: str, lifetime: float | None = None) -> list[dict[str, Any]]:
        """What a browser is given as `iceServers`; nothing where there is no relay."""
        if not self._urls:
            return []
        username, credential = self.credentials(who, lifetime)
        return [{"urls": list(self._urls), "username": username, "credential": credential}]

    def credentials(self, who: str, lifetime: float | None = None) -> tuple[str, str]:
        until = int(self._clock() + (lifetime or self._lifetime))
        mark = hmac.digest(self._secret, who.encode(), "sha256").hex()[:_MARK]
        username = f"{until}:{mark}"
        return username, b64encode(hmac.digest(self._secret, username.encode(), "sha1")).decode()
