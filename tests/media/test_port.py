"""The UDP port: binding, telling datagrams apart, counting what is dropped."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.media import Listen
from media.errors import PortTaken
from media.port import Port
from media.stats import Drop
from tests.media.endpoint import binding_request

LOOPBACK = (Listen("127.0.0.1"),)
PEER = (0, ("127.0.0.1", 4000))


class Recorder:
    """A transport that notes what reaches it."""

    def __init__(self) -> None:
        self.dtls: list[bytes] = []
        self.srtp: list[bytes] = []

    def receive_dtls(self, data: bytes, now: float) -> None:
        self.dtls.append(data)

    def receive_srtp(self, datagrams: Sequence[bytes], now: float) -> None:
        self.srtp += datagrams

    def path_changed(self, now: float) -> None: ...


@pytest.fixture(params=[True, False], ids=["batched", "plain"])
def port(request: pytest.FixtureRequest) -> Port:
    opened = Port(LOOPBACK, 0, batched=request.param)
    yield opened
    opened.close()


def authenticated(port: Port) -> Recorder:
    recorder = Recorder()
    session = port.agent.open(recorder)
    port.receive(binding_request(session.parameters()), PEER, 0.0)
    return recorder


def test_every_address_is_bound_to_the_same_number_and_announced() -> None:
    port = Port((Listen("127.0.0.1"), Listen("127.0.0.2", announced="203.0.113.5")), 0)
    try:
        first, second, *by_tcp = port.candidates()
        assert (first["ip"], second["ip"]) == ("127.0.0.1", "203.0.113.5")
        assert first["port"] == second["port"] == port.number > 0
        assert first["priority"] > second["priority"]
        assert {first["type"], second["protocol"]} == {"host", "udp"}
        assert [each["ip"] for each in by_tcp] == ["127.0.0.1", "203.0.113.5"]
        assert second["priority"] > by_tcp[0]["priority"] > by_tcp[1]["priority"]
        for each in by_tcp:
            assert (each["protocol"], each["tcpType"], each["port"]) == ("tcp", "passive", port.number)
    finally:
        port.close()


def test_a_taken_port_is_named_in_the_error(port: Port) -> None:
    with pytest.raises(PortTaken, match=f"UDP port {port.number} on 127.0.0.1"):
        Port(LOOPBACK, port.number)


def test_where_the_number_is_taken_for_tcp_media_goes_over_udp() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as other:
        other.bind(("127.0.0.7", 0))
        other.listen()
        alone = Port((Listen("127.0.0.7"),), other.getsockname()[1])
        try:
            assert [each["protocol"] for each in alone.candidates()] == ["udp"]
        finally:
            alone.close()


def test_a_number_that_is_taken_on_one_address_leaves_none_bound(port: Port) -> None:
    with pytest.raises(PortTaken):
        Port((Listen("127.0.0.9"), Listen("127.0.0.1")), port.number)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.9", port.number))


def test_dtls_and_srtp_of_an_authenticated_path_reach_its_transport(port: Port) -> None:
    recorder = authenticated(port)
    handshake, media = b"\x16" + bytes(20), b"\x80" + bytes(20)
    port.receive(handshake, PEER, 1.0)
    port.receive(media, PEER, 1.0)
    assert (recorder.dtls, recorder.srtp) == ([handshake], [media])


def test_what_comes_together_is_told_apart_one_by_one(port: Port) -> None:
    recorder = authenticated(port)
    handshake, first, second = b"\x16" + bytes(20), b"\x80" + bytes(20), b"\x80" + bytes(30)
    port.take([first, b"", handshake, b"\x80" + bytes(3000), second], PEER, 1.0)
    assert (recorder.dtls, recorder.srtp) == ([handshake], [first, second])
    assert port.traffic.drops == {Drop.EMPTY: 1, Drop.TOO_LARGE: 1}


@pytest.mark.parametrize(
    ("datagram", "path", "reason"),
    [
        (b"", PEER, Drop.EMPTY),
        (b"\x80" + bytes(3000), PEER, Drop.TOO_LARGE),
        (b"\x80" + bytes(20), (0, ("127.0.0.1", 4001)), Drop.UNKNOWN_ADDRESS),
        (b"\x16" + bytes(20), (0, ("127.0.0.1", 4001)), Drop.UNKNOWN_ADDRESS),
        (b"\x15\xfe\xfd" + bytes(12), (0, ("127.0.0.1", 4001)), Drop.UNKNOWN_ADDRESS),
        (b"\x50" + bytes(20), PEER, Drop.UNKNOWN_FIRST_BYTE),
        (b"\x00", PEER, Drop.MALFORMED_STUN),
    ],
)
def test_what_does_not_belong_is_counted_and_dropped(
    port: Port, datagram: bytes, path: tuple[int, tuple[str, int]], reason: Drop
) -> None:
    recorder = authenticated(port)
    port.receive(datagram, path, 1.0)
    assert port.traffic.drops[reason] == 1
    assert (recorder.dtls, recorder.srtp) == ([], [])


@given(st.binary(max_size=2100))
def test_no_bytes_disturb_the_port(noise: bytes) -> None:
    port = Port(LOOPBACK, 0)
    try:
        port.receive(noise, (0, ("127.0.0.1", 4001)), 0.0)
        assert port.faults == 0
        assert port.traffic.packets_out == 0
        assert port.traffic.drops.total() == 1
    finally:
        port.close()


def test_a_fault_in_a_transport_is_counted_and_the_next_datagram_is_served(
    port: Port, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = authenticated(port)
    recorder.receive_dtls = None  # type: ignore[assignment]
    port.receive(b"\x16" + bytes(20), PEER, 1.0)
    port.receive(b"\x80" + bytes(20), PEER, 1.0)
    assert port.faults == 1
    assert len(recorder.srtp) == 1
    assert "met a fault" in caplog.text


def test_a_full_socket_drops_instead_of_queueing(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def sendto(self, data: bytes, address: object) -> int:
            raise BlockingIOError(errno.EAGAIN, "full")

    opened, _ = port._sockets
    with monkeypatch.context() as changed:
        changed.setattr(opened, "_socket", Full())
        assert port.send(b"packet", PEER) is False
    assert port.traffic.drops[Drop.QUEUE_FULL] == 1
    assert port.traffic.packets_out == 0


async def test_the_socket_answers_a_binding_request_and_nothing_unauthenticated(port: Port) -> None:
    port.start()
    session = port.agent.open(Recorder())
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.setblocking(False)
        peer.bind(("127.0.0.1", 0))
        for noise in (b"", b"\x00" * 20, b"\x16" * 40, b"\x80" * 40):
            peer.sendto(noise, ("127.0.0.1", port.number))
        peer.sendto(binding_request(session.parameters()), ("127.0.0.1", port.number))
        async with asyncio.timeout(15):
            answer = await loop.sock_recv(peer, 2048)
        assert answer[:2] == b"\x01\x01"
        assert port.traffic.packets_out == 1
        assert port.traffic.packets_in == 5
