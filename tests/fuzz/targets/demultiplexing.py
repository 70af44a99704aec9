"""Datagrams at the port, from any path: each is counted and dropped, or kept in bounds; none is answered."""

from __future__ import annotations

from media.dtls import without_plaintext_alerts
from media.ice import Path
from media.router import Router
from media.transport import Transport
from tests.fuzz.port import BarePort
from tests.fuzz.reading import Input
from tests.fuzz.target import Target
from tests.media.endpoint import binding_request
from tests.media.room import CERTIFICATE, DEVICE

PATHS: tuple[Path, ...] = tuple((0, ("192.0.2.1", 4000 + number)) for number in range(4))
"""The first two are of transports, the others of nobody."""
_WAITING = 32


def check(data: bytes) -> None:
    source, port, now = Input(data), BarePort(), 1.0
    router = Router("room", port, CERTIFICATE, lambda event, told: None, lambda: now)
    transports = [router.create_transport(name, name, "send", DEVICE) for name in ("one", "two")]
    for transport, path in zip(transports, PATHS, strict=False):
        port.receive(binding_request(transport.ice.parameters()), path, now)
    answered = len(port.sent)
    kept = 0
    while source:
        path, datagram = source.of(PATHS), source.rest() if source.number() == 255 else source.chunk()
        before = _dropped(port, transports)
        port.receive(datagram, path, now)
        dropped = _dropped(port, transports) - before
        kept += 1 - dropped
        assert dropped in (0, 1)
        assert dropped or (path in PATHS[:2] and 20 <= datagram[0] < 64)
        now += source.number() / 100
    for transport in list(router.transports.values()):
        router.see_to(transport, now)
    assert kept <= 2 * _WAITING
    assert len(port.sent) == answered == 2
    router.close()
    assert len(port.agent) == 0
    assert len(without_plaintext_alerts(data)) <= len(data)


def _dropped(port: BarePort, transports: list[Transport]) -> int:
    return port.traffic.drops.total() + sum(each.traffic.drops.total() for each in transports)


def _from(path: int, datagram: bytes) -> bytes:
    return bytes((path, 0, len(datagram))) + datagram + b"\1"


ALERT = bytes.fromhex("15fefd0000000000000000000202") + b"\x28"
HELLO = bytes.fromhex("16fefd0000000000000000000c") + bytes(12)
TARGET = Target(
    check,
    seeds=[
        b"".join(
            _from(path, each)
            for path in (0, 3)
            for each in (b"", ALERT, HELLO, b"\x80" + bytes(20), b"\0" * 20, b"\x50", b"\x2f" + bytes(9))
        ),
        _from(0, HELLO) * 40,
        _from(1, ALERT + HELLO + ALERT),
        b"\0\xff\x80" + bytes(2100),
    ],
    words=[ALERT, HELLO, b"\x16\xfe\xfd\0\0", b"\x80\xc8"],
    largest=4096,
)
