"""What the doctor looks at in the relays: do they answer, know our secret, have a good certificate, and reach
media alone."""

import asyncio
import ipaddress
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass

from aioice import stun, turn

from config.settings import Settings
from signaling.doctor_tls import distrust
from signaling.turn import Turn

Check = tuple[str, Callable[[], str | None]]

WITHIN = 5.0
UNAUTHORIZED = 401
FORBIDDEN_PEER = "169.254.169.254"
"""Where clouds keep what a machine may do: of all inner addresses the worst to relay to."""


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
    over = "TLS" if place.tls else place.transport.upper()
    try:
        async with asyncio.timeout(WITHIN):
            for peer, wanted in _peers(settings).items():
                if await _relays(settings, place, peer) != wanted:
                    return _PEERS[wanted].format(peer=peer)
    except stun.TransactionFailed as error:
        return _refusal(*error.response.attributes.get("ERROR-CODE", (0, "")))
    except ssl.SSLCertVerificationError as error:
        return distrust(error, place.host)
    except (OSError, stun.TransactionTimeout) as error:
        why = f" ({error.strerror})" if isinstance(error, OSError) and error.strerror else ""
        where = f"{place.host}, port {place.port}, over {over}{why}"
        return f"nothing answers at {where}: does it run, and is it let through?"
    return None


_PEERS = {
    True: "it does not relay to {peer}, where media is: allow that address (config/coturn: MEDIA_ADDRESSES)",
    False: "it relays to {peer} too, an inner address: it must deny all but media (config/coturn)",
}


def _peers(settings: Settings) -> dict[str, bool]:
    """Whom a relay is asked for, and whether it should relay to them. None relays to loopback."""
    media = [listen.announced or listen.ip for listen in settings.media_listen]
    outside = [ip for ip in map(ipaddress.ip_address, media) if ip.version == 4 and not ip.is_loopback]
    return {**{str(ip): True for ip in outside}, FORBIDDEN_PEER: False}


class _Asking(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.refused = False
        self.over = asyncio.Event()

    def error_received(self, exc: Exception) -> None:
        self.refused = True

    def connection_lost(self, exc: Exception | None) -> None:
        self.over.set()


async def _relays(settings: Settings, place: Place, peer: str) -> bool:
    """A relay answers in order: what it thinks of the peer is known when it has said goodbye."""
    username, password = Turn(settings, time.time).credentials("doctor", 60)
    relay, asking = await turn.create_turn_endpoint(
        _Asking,
        (place.host, place.port),
        username,
        password,
        lifetime=60,
        transport=place.transport,
        ssl=ssl.create_default_context() if place.tls else None,
    )
    relay.sendto(b"\0", (peer, settings.media_port or 9))
    await asyncio.sleep(0)
    relay.close()
    await asking.over.wait()
    return not asking.refused


def _refusal(code: int, reason: str) -> str:
    if code == UNAUTHORIZED:
        return "it knows another secret than turn_secret_file, or its clock is wrong"
    return f"it refuses: {code} {reason}"
