"""What the doctor looks at in the relays: do they answer, know our secret, have a good certificate."""

import asyncio
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass

from aioice import stun, turn

from config.settings import Settings
from signaling.turn import Turn

Check = tuple[str, Callable[[], str | None]]

WITHIN = 5.0
UNAUTHORIZED = 401
EXPIRED, NOT_YET, OTHER_NAME = 10, 9, 62
"""What OpenSSL calls these mistakes in a certificate."""


@dataclass(frozen=True)
class Place:
    """Where a relay is, taken from its address."""

    host: str
    port: int
    transport: str
    tls: bool

    @classmethod
    def of(cls, url: str) -> "Place":
        scheme, _, rest = url.partition(":")
        where, _, query = rest.partition("?")
        host, mark, port = where.rpartition(":")
        if not mark or where.endswith("]"):
            host, port = where, ""
        tls = scheme == "turns"
        transport = query.removeprefix("transport=") or ("tcp" if tls else "udp")
        return cls(host.strip("[]"), int(port or (5349 if tls else 3478)), transport, tls)


def checks(settings: Settings) -> list[Check]:
    return [(f"the relay {url} lets our people in", _check(settings, url)) for url in settings.turn_urls]


def _check(settings: Settings, url: str) -> Callable[[], str | None]:
    return lambda: asyncio.run(_wrong(settings, Place.of(url)))


async def _wrong(settings: Settings, place: Place) -> str | None:
    username, password = Turn(settings, time.time).credentials("doctor", 60)
    over = "TLS" if place.tls else place.transport.upper()
    try:
        async with asyncio.timeout(WITHIN):
            relay, _ = await turn.create_turn_endpoint(
                asyncio.DatagramProtocol,
                (place.host, place.port),
                username,
                password,
                lifetime=60,
                transport=place.transport,
                ssl=ssl.create_default_context() if place.tls else None,
            )
            relay.close()
            await asyncio.sleep(0)
    except stun.TransactionFailed as error:
        return _refusal(*error.response.attributes.get("ERROR-CODE", (0, "")))
    except ssl.SSLCertVerificationError as error:
        return _certificate(error, place.host)
    except (OSError, stun.TransactionTimeout) as error:
        why = f" ({error.strerror})" if isinstance(error, OSError) and error.strerror else ""
        where = f"{place.host}, port {place.port}, over {over}{why}"
        return f"nothing answers at {where}: does it run, and is it let through?"
    return None


def _refusal(code: int, reason: str) -> str:
    if code == UNAUTHORIZED:
        return "it knows another secret than turn_secret_file, or its clock is wrong"
    return f"it refuses: {code} {reason}"


def _certificate(error: ssl.SSLCertVerificationError, host: str) -> str:
    if error.verify_code == EXPIRED:
        return "its certificate has expired: renew it, and reload the relay"
    if error.verify_code == NOT_YET:
        return "its certificate is not good yet; is the clock right?"
    if "match" in error.verify_message or error.verify_code == OTHER_NAME:
        return f"its certificate is not for {host}"
    return f"its certificate is not trusted: {error.verify_message}"
