"""Media over TCP: framing, who may stay, what waits and is withdrawn, and a worker that is reached by it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest

from config.media import Listen
from media import tcp
from media.port import Port
from media.stats import Drop, Traffic
from tests.media.endpoint import OPUS_PARAMETERS, RawEndpoint, binding_request, opus
from tests.media.rig import running

DEADLINE = 15.0
FRAME = b"\x80" + bytes(999)


def framed(datagram: bytes) -> bytes:
    return len(datagram).to_bytes(2, "big") + datagram


def unframed(data: bytes) -> tuple[list[bytes], bytes]:
    """Whole datagrams, and the beginning of the next."""
    found = []
    while len(data) >= 2 and len(data) - 2 >= (size := int.from_bytes(data[:2], "big")):
        found.append(data[2 : 2 + size])
        data = data[2 + size :]
    return found, data


class TcpEndpoint(RawEndpoint):
    """The same client where only TCP passes."""

    def __post_init__(self) -> None:
        super().__post_init__()
        asyncio.get_running_loop().remove_reader(self.socket.fileno())
        self.socket.close()
        candidate = next(each for each in self.description["iceCandidates"] if each["protocol"] == "tcp")
        self.socket = socket.create_connection((candidate["ip"], candidate["port"]), DEADLINE)
        self._read = b""
        asyncio.get_running_loop().add_reader(self.socket.fileno(), self._drain)

    def send_raw(self, data: bytes) -> bool:
        self.socket.sendall(framed(data))
        return True

    def _drain(self) -> None:
        data = self.socket.recv(1 << 16)
        if not data:
            asyncio.get_running_loop().remove_reader(self.socket.fileno())
        datagrams, self._read = unframed(self._read + data)
        for each in datagrams:
            self._take(each, 0.0)
        self._changed.set()


class Route:
    def __init__(self) -> None:
        self.arrived: list[bytes] = []
        self.changes = 0
        self.changed = asyncio.Event()

    def receive_dtls(self, data: bytes, now: float) -> None:
        self.receive_srtp([data], now)

    def receive_srtp(self, datagrams: Sequence[bytes], now: float) -> None:
        self.arrived += datagrams
        self.changed.set()

    def path_changed(self, now: float) -> None:
        self.changes += 1
        self.changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE):
            while not condition():
                self.changed.clear()
                await self.changed.wait()


@pytest.fixture
async def port() -> AsyncIterator[Port]:
    opened = Port((Listen("127.0.0.1"),), 0)
    opened.start()
    yield opened
    opened.close()


async def connected(port: Port) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", port.number)


async def ended(reader: asyncio.StreamReader) -> bool:
    async with asyncio.timeout(DEADLINE):
        try:
            return await reader.read(1) == b""
        except ConnectionResetError:
            return True


class Bound:
    """A transport's route with an authenticated connection of a client that reads only when it is told to."""

    def __init__(self, port: Port) -> None:
        self.port, self.route = port, Route()
        self.session = port.agent.open(self.route)
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.connect(("127.0.0.1", port.number))

    async def bind(self) -> None:
        self.socket.sendall(framed(binding_request(self.session.parameters())))
        await self.route.until(lambda: self.session.selected is not None)

    async def read(self, enough: Callable[[list[bytes]], bool]) -> list[bytes]:
        """Datagrams, the answer to the binding first."""
        self.socket.setblocking(False)
        data = b""
        async with asyncio.timeout(DEADLINE):
            while not enough(unframed(data)[0]):
                chunk = await asyncio.get_running_loop().sock_recv(self.socket, 1 << 16)
                assert chunk
                data += chunk
        return unframed(data)[0]


@pytest.fixture
async def bound(port: Port) -> AsyncIterator[Bound]:
    made = Bound(port)
    await made.bind()
    yield made
    made.socket.close()


async def test_datagrams_are_found_however_the_stream_is_cut(bound: Bound) -> None:
    sent = [b"\x80" + bytes([size]) * size for size in (1, 60, 200)]
    for at, byte in enumerate(stream := b"".join(map(framed, sent))):
        assert byte == stream[at]
        bound.socket.sendall(stream[at : at + 1])
    await bound.route.until(lambda: len(bound.route.arrived) == len(sent))
    assert bound.route.arrived == sent


@pytest.mark.parametrize("head", [b"\x00\x00", b"\xff\xff"])
async def test_a_frame_that_nobody_sends_ends_the_connection(port: Port, head: bytes) -> None:
    reader, writer = await connected(port)
    writer.write(head)
    assert await ended(reader)
    writer.close()


async def test_a_stranger_gets_no_byte_and_is_let_go(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp, "PATIENCE", 1.0)
    reader, writer = await connected(port)
    writer.write(framed(FRAME))
    assert await ended(reader)
    assert port.traffic.drops[Drop.UNKNOWN_ADDRESS] == 1
    writer.close()


async def test_the_oldest_stranger_makes_room_and_who_is_known_stays(
    port: Port, bound: Bound, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tcp, "MOST_STRANGERS", 2)
    strangers = [await connected(port) for _ in range(3)]
    assert await ended(strangers[0][0])
    bound.socket.sendall(framed(FRAME))
    await bound.route.until(lambda: bound.route.arrived == [FRAME])
    for _, writer in strangers:
        writer.close()


async def test_an_ended_connection_is_no_path_any_more(bound: Bound) -> None:
    changes = bound.route.changes
    bound.socket.close()
    await bound.route.until(lambda: bound.route.changes > changes)
    assert bound.session.selected is None
    assert bound.session.paths == {}


async def test_what_waits_is_bounded_and_what_is_withdrawn_never_arrives_whole(bound: Bound) -> None:
    kept, gone, traffic = object(), object(), Traffic()
    path = bound.session.selected
    assert path is not None
    lane = bound.port.lane(path, traffic)
    number = 0
    while lane.send(b"\x80gone" + number.to_bytes(4, "big") + b"x" * 991, gone):
        number += 1
    assert number * 1000 > tcp.MOST_WAITING
    assert traffic.drops[Drop.SEND_FAILED] == 1
    bound.port.withdraw(gone)
    assert lane.send(b"\x80kept" + bytes(995), kept)
    _, *media = await bound.read(lambda found: bool(found) and found[-1].startswith(b"\x80kept"))
    assert all(len(each) == 1000 for each in media)
    whole = [each for each in media if each.endswith(b"x")]
    assert 0 < len(whole) <= number - (tcp.MOST_WAITING - 2000) // 1002
    assert len(media) - len(whole) <= 2


async def test_who_is_reached_by_tcp_only_speaks_and_hears(tmp_path: Path, both_ways: None) -> None:
    async with running(tmp_path) as rig:
        speaker = await rig.join("speaker", "send", kind=TcpEndpoint)
        listener = await rig.join("listener", "recv", kind=TcpEndpoint)
        await rig.client.set_table("room", 1, {"listener": {"speaker": ["microphone"]}})
        await rig.client.produce(
            transport="speaker-send",
            producer="mic",
            kind="audio",
            source="microphone",
            rtp_parameters=OPUS_PARAMETERS,
        )
        await rig.client.consume(consumer="c", transport="listener-recv", producer="mic")
        await rig.client.resume_consumer("c")
        voice = opus()
        for _ in range(20):
            speaker.dtls.send_rtp(voice.packet())
        await listener.until(lambda: len(listener.arrivals) == 20)
        await rig.client.set_table("room", 2, {"listener": {}})
        for _ in range(20):
            speaker.dtls.send_rtp(voice.packet())
        async with asyncio.timeout(DEADLINE):
            while (await rig.producer("mic"))["packets"] < 40:
                speaker.bind()
                await speaker.until(lambda seen=speaker.bindings: speaker.bindings > seen)
        assert len(listener.arrivals) == 20
