"""A DTLS handshake over a path on which datagrams are lost, repeated, damaged and forged.

Nobody but the holder of the certificate is ever connected, plaintext alerts change nothing, and whatever
happens no task and no fault remains.
"""

from __future__ import annotations

from media import rtp
from media.dtls import DtlsEndpoint, DtlsState
from media.handshake import Certificate
from tests.fuzz.looping import run, turns
from tests.fuzz.reading import Input
from tests.fuzz.target import Target
from tests.fuzz.targets.demultiplexing import ALERT, HELLO

SERVER, CLIENT = Certificate(), Certificate()
_MOST_TURNS = 200


class End:
    """`wrong` is whether it expects somebody else than comes."""

    def __init__(self, certificate: Certificate, path: Path) -> None:
        self.path = path
        self.packets: list[bytes] = []
        self.endpoint = DtlsEndpoint(
            certificate,
            lambda datagram: path.carry(datagram, self),
            on_state=lambda state: None,
            on_rtp=lambda packet, now: self.packets.append(packet),
            on_rtcp=lambda packet, now: self.packets.append(packet),
        )

    def take(self, datagram: bytes) -> None:
        if datagram and datagram[0] >= 128:
            self.endpoint.receive_srtp(datagram, 0.0)
        else:
            self.endpoint.receive_dtls(datagram, 0.0)


class Path:
    """What is under way, and what the input does to it; once the input is used up the path is good."""

    def __init__(self, source: Input) -> None:
        self.source = source
        self.harmless = True
        self.under_way: list[tuple[bytes, End]] = []
        self.ends: list[End] = []

    def carry(self, datagram: bytes, sender: End) -> bool:
        receiver = self.ends[1 - self.ends.index(sender)]
        step = self.source.number()
        self.harmless &= step < 96
        match step // 32:
            case 0:
                passed = [datagram]
            case 1:
                passed = [ALERT, datagram, b"", ALERT]
            case 2:
                passed = [datagram, datagram, ALERT + datagram]
            case 3:
                passed = []
            case 4:
                at = self.source.number(2) % len(datagram)
                passed = [
                    datagram[:at] + bytes((datagram[at] ^ (self.source.number() or 1),)) + datagram[at + 1 :]
                ]
            case 5:
                passed = [datagram[: self.source.number(2) % len(datagram)]]
            case 6:
                passed = [self.source.chunk(), datagram]
            case _:
                passed = [datagram[:13] + self.source.chunk(), datagram]
        self.under_way += [(each, receiver) for each in passed]
        return True

    async def settle(self) -> None:
        for _ in range(_MOST_TURNS):
            await turns(8)
            if not self.under_way:
                return
            datagram, receiver = self.under_way.pop(0)
            receiver.take(datagram)


async def handshake(source: Input) -> None:
    path = Path(source)
    stranger = source.number() == 1
    server, client = path.ends = [End(SERVER, path), End(CLIENT, path)]
    for _ in range(source.number() % 8):
        server.take(source.chunk())
    path.harmless = not server.endpoint.traffic.packets_in
    server.endpoint.start((SERVER if stranger else CLIENT).parameters("client"))
    client.endpoint.start(SERVER.parameters("server"))
    await path.settle()
    both = server.endpoint.state, client.endpoint.state
    if stranger:
        assert both[0] is not DtlsState.CONNECTED
    elif path.harmless:
        assert both == (DtlsState.CONNECTED, DtlsState.CONNECTED), both
        client.endpoint.send_rtp(_PACKET)
    while source:
        server.take(source.chunk())
    await path.settle()
    if path.harmless and not stranger:
        assert set(server.packets) <= {_PACKET}
        assert server.endpoint.state is DtlsState.CONNECTED
    for end in path.ends:
        end.endpoint.close()


def check(data: bytes) -> None:
    run(handshake(Input(data)))


_PACKET = rtp.build(payload_type=96, sequence=1, timestamp=1, ssrc=7, payload=b"payload")
TARGET = Target(
    check,
    seeds=[
        b"",
        b"\0\0" + bytes((33,)) * 12,
        b"\0\0" + bytes((65,)) * 12,
        b"\1\0",
        b"\0\2" + bytes((len(HELLO),)) + HELLO + bytes((len(ALERT),)) + ALERT,
        b"\0\0\0\0\0\0\0\0\0\0\0" + bytes((len(ALERT),)) + ALERT + bytes((len(HELLO),)) + HELLO,
        b"\0\0" + bytes((225, 12)) + b"\x01\0\0\0\0\0\0\0\0\0\0\0",
        b"\0\0\x80\0\x20\x01" + bytes(20),
    ],
    words=[ALERT, HELLO, b"\xfe\xfd", b"\xfe\xff"],
    largest=1024,
)
