"""Sockets with a call for many datagrams, and with one for each: what goes in comes out, and is counted."""

from __future__ import annotations

import ctypes
import errno
import ipaddress
import socket
import struct
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.batch import (
    BATCH,
    ENOUGH,
    QUEUED,
    BatchedSocket,
    Path,
    UdpSocket,
    address_of,
    name_of,
    wrapped,
)
from media.block import pieces
from media.stats import Drop, Traffic

EQUAL = [bytes((n,)) * 900 for n in range(20)]
CHROMIUM = [bytes((n,)) * (1000 - (n > 4)) for n in range(8)]
"""A frame that was cut into packets as equal as can be: their sizes differ by a byte."""
UNEQUAL = [bytes((n,)) * (600 + 37 * (n * 7 % 11)) for n in range(20)]


def bound(family: int = socket.AF_INET) -> socket.socket:
    opened = socket.socket(family, socket.SOCK_DGRAM)
    opened.setblocking(False)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    opened.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
    return opened


def taken(opened: socket.socket) -> list[bytes]:
    found = []
    while True:
        try:
            found.append(opened.recv(2048))
        except BlockingIOError:
            return found


class Box:
    def __init__(self, batched: bool, family: int = socket.AF_INET) -> None:
        self.traffic, self.turns = Traffic(), 0
        self.opened = bound(family)
        self.socket: UdpSocket = wrapped(self.opened, 3, self.traffic, self._turn, batched=batched)

    def _turn(self) -> None:
        self.turns += 1


@pytest.fixture(params=[True, False], ids=["batched", "plain"])
def box(request: pytest.FixtureRequest) -> Iterator[Box]:
    made = Box(request.param)
    yield made
    made.socket.close()


@pytest.fixture
def batched() -> Iterator[tuple[Box, BatchedSocket]]:
    made = Box(True)
    assert isinstance(made.socket, BatchedSocket)
    yield made, made.socket
    made.socket.close()


@pytest.fixture
def peer() -> Iterator[socket.socket]:
    with bound() as opened:
        yield opened


@pytest.mark.parametrize("datagrams", [EQUAL, CHROMIUM, UNEQUAL, EQUAL[:1]], ids=len)
def test_every_datagram_arrives_once_as_it_was_and_in_order(
    box: Box, peer: socket.socket, datagrams: list[bytes]
) -> None:
    counted = Traffic()
    lane = box.socket.lane(peer.getsockname(), counted)
    for datagram in datagrams:
        assert lane.send(datagram)
    box.socket.flush()
    assert taken(peer) == datagrams
    for traffic in (counted, box.traffic):
        assert (traffic.packets_out, traffic.bytes_out) == (len(datagrams), sum(map(len, datagrams)))
        assert traffic.drops == {}


def test_what_is_written_into_the_arena_is_what_is_sent(box: Box, peer: socket.socket) -> None:
    lane = box.socket.lane(peer.getsockname(), Traffic())
    for words in ([b"first", b"other", b"last"], [b"alone"]):
        data = b"".join(words)
        at = lane.room(len(data))
        lane.arena.memory[at : at + len(data)] = data
        lane.put(at, list(pieces([len(word) for word in words])), None)
    box.socket.flush()
    assert taken(peer) == [b"first", b"other", b"last", b"alone"]


def test_datagrams_that_lie_one_behind_the_other_are_one_piece(
    batched: tuple[Box, BatchedSocket], peer: socket.socket
) -> None:
    _, queue = batched
    lane, mine, theirs = queue.lane(peer.getsockname(), Traffic()), object(), object()
    for word, of in ((b"four", mine), (b"more", mine), (b"end", mine), (b"end", mine), (b"end", theirs)):
        lane.send(word, of)
    assert [(size, total, count) for _, size, total, count, _ in lane.waiting] == [
        (4, 11, 3),
        (3, 3, 1),
        (3, 3, 1),
    ]
    queue.flush()
    assert taken(peer) == [b"four", b"more", b"end", b"end", b"end"]


def test_room_is_made_before_the_arena_is_full(
    batched: tuple[Box, BatchedSocket], peer: socket.socket
) -> None:
    _, queue = batched
    lane = queue.lane(peer.getsockname(), Traffic())
    datagrams = [struct.pack("!H", number) + bytes(1400) for number in range(QUEUED + QUEUED // 4)]
    for datagram in datagrams:
        lane.send(datagram)
    queue.flush()
    assert taken(peer) == datagrams


def test_destinations_do_not_get_each_others_datagrams(box: Box, peer: socket.socket) -> None:
    with bound() as other:
        lanes = [box.socket.lane(each.getsockname(), Traffic()) for each in (peer, other)]
        for number, datagram in enumerate(EQUAL + UNEQUAL):
            lanes[number % 2].send(datagram)
        box.socket.flush()
        assert taken(peer) == (EQUAL + UNEQUAL)[::2]
        assert taken(other) == (EQUAL + UNEQUAL)[1::2]


def test_more_than_can_wait_goes_at_once(batched: tuple[Box, BatchedSocket], peer: socket.socket) -> None:
    box, queue = batched
    lane = queue.lane(peer.getsockname(), Traffic())
    sent = [struct.pack("!H", number) + bytes(100) for number in range(ENOUGH + 5)]
    for datagram in sent:
        lane.send(datagram)
    early = taken(peer)
    assert len(early) == ENOUGH
    queue.flush()
    assert early + taken(peer) == sent
    assert box.turns == 2


def test_nothing_is_sent_before_the_end_of_the_turn_and_then_everything(
    batched: tuple[Box, BatchedSocket], peer: socket.socket
) -> None:
    box, queue = batched
    lanes = [queue.lane(peer.getsockname(), Traffic()) for _ in range(3)]
    for lane in lanes * 2:
        lane.send(b"word")
    assert taken(peer) == []
    assert box.turns == 1
    queue.flush()
    assert len(taken(peer)) == 6
    queue.flush()
    assert taken(peer) == []


def test_what_is_withdrawn_is_not_sent_and_the_rest_is(
    batched: tuple[Box, BatchedSocket], peer: socket.socket
) -> None:
    _, queue = batched
    mine, theirs = object(), object()
    lane, counted = queue.lane(peer.getsockname(), Traffic()), Traffic()
    second = queue.lane(peer.getsockname(), counted)
    for of, word in ((mine, b"mine"), (theirs, b"theirs"), (mine, b"mine too")):
        lane.send(word, of)
    second.send(b"mine elsewhere", mine)
    queue.withdraw(mine)
    second.send(b"later")
    queue.flush()
    assert taken(peer) == [b"theirs", b"later"]
    assert (counted.packets_out, counted.bytes_out) == (1, 5)


def refused(why: int) -> int:
    """What the kernel answers then."""
    ctypes.set_errno(why)
    return -1


def test_what_a_full_socket_does_not_take_is_dropped_and_counted(
    batched: tuple[Box, BatchedSocket], peer: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    box, queue = batched
    counted = Traffic()
    lane = queue.lane(peer.getsockname(), counted)
    call, first = queue._out._call, queue._out._messages_at

    def full_after_one(descriptor: int, at: int, count: int, flags: int) -> int:
        return call(descriptor, at, 1, flags) if at == first else refused(errno.EAGAIN)

    monkeypatch.setattr(queue._out, "_call", full_after_one)
    for datagram in UNEQUAL[:4]:
        lane.send(datagram)
    queue.flush()
    arrived = taken(peer)
    assert arrived == UNEQUAL[: len(arrived)]
    assert 0 < len(arrived) < 4
    assert box.traffic.drops == {Drop.QUEUE_FULL: 4 - len(arrived)}
    assert counted.drops == {Drop.SEND_FAILED: 4 - len(arrived)}
    assert counted.packets_out == box.traffic.packets_out == len(arrived)
    monkeypatch.undo()
    lane.send(b"later")
    queue.flush()
    assert taken(peer) == [b"later"]


@pytest.mark.parametrize("refusal", [errno.EINVAL, errno.EMSGSIZE, errno.EIO])
def test_where_the_kernel_cuts_nothing_up_datagrams_go_one_by_one(
    batched: tuple[Box, BatchedSocket], peer: socket.socket, monkeypatch: pytest.MonkeyPatch, refusal: int
) -> None:
    box, queue = batched
    counted = Traffic()
    lane, call = queue.lane(peer.getsockname(), counted), queue._out._call
    lane.segments = True
    began = []

    def refuse(descriptor: int, at: int, count: int, flags: int) -> int:
        if lane.segments:
            began.append(at)
            return refused(refusal)
        taken: int = call(descriptor, at, count, flags)
        return taken

    monkeypatch.setattr(queue._out, "_call", refuse)
    for _ in range(2):
        for datagram in EQUAL:
            lane.send(datagram)
        queue.flush()
        assert taken(peer) == EQUAL
    assert began == [queue._out._messages_at]
    assert counted.packets_out == box.traffic.packets_out == 2 * len(EQUAL)
    assert counted.drops == box.traffic.drops == {}


def test_a_destination_that_cannot_be_reached_costs_only_its_own(box: Box, peer: socket.socket) -> None:
    """From a loopback address nothing else can be reached."""
    lost, counted = Traffic(), Traffic()
    lanes = [
        box.socket.lane(address, to)
        for address, to in ((("192.0.2.1", 9), lost), (peer.getsockname(), counted))
    ]
    for datagram in UNEQUAL[:3]:
        for lane in lanes:
            lane.send(datagram)
    box.socket.flush()
    assert taken(peer) == UNEQUAL[:3]
    assert lost.drops == {Drop.SEND_FAILED: 3}
    assert (lost.packets_out, counted.packets_out, box.traffic.packets_out) == (0, 3, 3)


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
@pytest.mark.parametrize("batched", [True, False], ids=["batched", "plain"])
def test_what_comes_is_told_with_its_sender(family: int, batched: bool) -> None:
    box = Box(batched, family)
    with bound(family) as one, bound(family) as other:
        expected = []
        for number in range(BATCH + 6):
            sender, datagram = (one, other)[number % 3 == 0], bytes((number,)) * (number + 1)
            sender.sendto(datagram, box.opened.getsockname())
            expected.append((datagram, (3, sender.getsockname())))
        one.sendto(b"", box.opened.getsockname())
        one.sendto(bytes(4000), box.opened.getsockname())
        assert came(box) == expected[:BATCH]
        rest = came(box)
        assert rest[:6] == expected[BATCH:]
        assert [len(datagram) for datagram, _ in rest[6:]] == [0, 2048]
        assert came(box) == []
    box.socket.close()


def came(box: Box) -> list[tuple[bytes, Path]]:
    found: list[tuple[bytes, Path]] = []
    paths: list[Path] = []
    for path, datagrams in box.socket.receive():
        paths.append(path)
        found += [(datagram, path) for datagram in datagrams]
    assert all(one != other for one, other in pairwise(paths)), "neighbours of one sender come together"
    return found


@given(st.ip_addresses(), st.integers(0, 65535), st.integers(0, 0xFFFFF), st.integers(0, 0xFFFFFFFF))
def test_socket_addresses_survive_the_way_to_the_kernel_and_back(
    ip: ipaddress.IPv4Address | ipaddress.IPv6Address, number: int, flow: int, scope: int
) -> None:
    if ip.version == 4:
        name = name_of(socket.AF_INET, (str(ip), number))
        assert address_of(socket.AF_INET, name) == (str(ip), number)
        assert len(name) == 16
    else:
        text = socket.inet_ntop(socket.AF_INET6, ip.packed)
        name = name_of(socket.AF_INET6, (text, number, flow, scope))
        assert address_of(socket.AF_INET6, name) == (text, number, flow, scope)
        assert len(name) == 28
