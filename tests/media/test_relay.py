"""The bad network that other tests rely on does what it says, and the same for the same seed."""

from __future__ import annotations

import asyncio
import socket
from itertools import groupby, pairwise

import pytest

from tests.support.relay import Link, TcpRelay, UdpRelay


def fates(link: Link, count: int = 10_000) -> list[bool]:
    """For datagrams a millisecond apart, whether each arrives."""
    return [bool(link.offer(1000, number / 1000)) for number in range(count)]


def test_loss_is_as_high_as_asked_for_and_repeats_with_its_seed() -> None:
    fate = fates(Link(42, loss=0.1))
    assert fate.count(False) == pytest.approx(1000, abs=100)
    assert fate == fates(Link(42, loss=0.1))
    assert fate != fates(Link(43, loss=0.1))


def test_bursts_lose_neighbours() -> None:
    fate = fates(Link(1, burst=(0.02, 0.2)))
    runs = [len(list(run)) for arrives, run in groupby(fate) if not arrives]
    assert fate.count(False) == pytest.approx(10_000 / 11, rel=0.25)
    assert sum(runs) / len(runs) == pytest.approx(5, rel=0.25)


def test_a_line_that_loses_in_bursts_no_more_loses_nothing() -> None:
    link = Link(1, burst=(1.0, 0.0))
    assert not any(fates(link, 5))
    link.burst = None
    assert all(fates(link, 5))


def test_delay_and_jitter_keep_the_order() -> None:
    link = Link(5, delay=0.05, jitter=0.03)
    arrivals = [link.offer(100, number / 100)[0] for number in range(1000)]
    assert arrivals == sorted(arrivals)
    delays = [at - number / 100 for number, at in enumerate(arrivals)]
    assert 0.05 <= min(delays) < 0.06
    assert 0.07 < max(delays) <= 0.09


def test_reordered_datagrams_are_overtaken() -> None:
    link = Link(5, delay=0.01, reorder=0.1, held=0.02)
    arrivals = [link.offer(100, number / 1000)[0] for number in range(1000)]
    overtaken = sum(at > following for at, following in pairwise(arrivals))
    assert overtaken == pytest.approx(90, abs=30)


def test_duplicates_come_twice() -> None:
    link = Link(6, duplicate=0.2)
    assert sum(len(link.offer(1, 0.0)) == 2 for _ in range(1000)) == pytest.approx(200, abs=40)


def test_a_rate_delays_then_drops() -> None:
    link = Link(7, rate=80_000)
    arrivals = [link.offer(1000, 0.0) for _ in range(20)]
    assert [at for times in arrivals[:6] for at in times] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    assert arrivals[6:] == [[]] * 14
    assert link.offer(1000, 2.0) == [pytest.approx(2.1)]


def test_in_an_outage_and_while_blocked_nothing_passes() -> None:
    link = Link(8, outages=[(1.0, 2.0)])
    assert [bool(link.offer(1, at)) for at in (0.9, 1.0, 1.9, 2.0)] == [True, False, False, True]
    link.block_udp = True
    assert link.offer(1, 3.0) == []
    assert (link.offered, link.lost) == (5, 3)


async def test_datagrams_go_through_the_relay_and_answers_find_back() -> None:
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as far:
        far.bind(("127.0.0.1", 0))
        far.setblocking(False)
        relay = await UdpRelay.open(far.getsockname(), up=Link(1, delay=0.01), down=Link(2))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as near:
            near.bind(("127.0.0.1", 0))
            near.setblocking(False)
            near.sendto(b"there", relay.address)
            data, address = await asyncio.wait_for(loop.sock_recvfrom(far, 100), 5)
            assert data == b"there"
            far.sendto(b"back", address)
            answer, source = await asyncio.wait_for(loop.sock_recvfrom(near, 100), 5)
            assert (answer, source) == (b"back", relay.address)
        assert relay.candidates([{"protocol": "udp", "ip": "192.0.2.1", "port": 1, "priority": 5}]) == [
            {
                "protocol": "udp",
                "ip": relay.address[0],
                "address": relay.address[0],
                "port": relay.address[1],
                "priority": 5,
            }
        ]
        relay.close()


async def test_an_abandoned_address_is_dead_and_another_one_is_not() -> None:
    loop = asyncio.get_running_loop()
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as far,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as old,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as new,
    ):
        for each in (far, old, new):
            each.bind(("127.0.0.1", 0))
            each.setblocking(False)
        relay = await UdpRelay.open(far.getsockname(), up=Link(1), down=Link(2))
        old.sendto(b"old", relay.address)
        _, of_the_old = await asyncio.wait_for(loop.sock_recvfrom(far, 100), 5)
        relay.abandon()
        far.sendto(b"too late", of_the_old)
        old.sendto(b"again", relay.address)
        new.sendto(b"new", relay.address)
        data, address = await asyncio.wait_for(loop.sock_recvfrom(far, 100), 5)
        assert data == b"new"
        assert address != of_the_old
        far.sendto(b"back", address)
        answer, _ = await asyncio.wait_for(loop.sock_recvfrom(new, 100), 5)
        assert answer == b"back"
        with pytest.raises(BlockingIOError):
            old.recv(100)
        relay.close()


async def test_a_stream_can_be_stalled_and_cut() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(100):
            writer.write(data)
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    relay = await TcpRelay.open(server.sockets[0].getsockname())
    reader, writer = await asyncio.open_connection(*relay.address)
    writer.write(b"one")
    assert await asyncio.wait_for(reader.readexactly(3), 5) == b"one"
    relay.stall()
    writer.write(b"two")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.readexactly(3), 0.1)
    relay.go_on()
    assert await asyncio.wait_for(reader.readexactly(3), 5) == b"two"
    relay.cut()
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await asyncio.wait_for(reader.readexactly(1), 5)
    writer.close()
    relay.refuses = True
    reader, writer = await asyncio.open_connection(*relay.address)
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await asyncio.wait_for(reader.readexactly(1), 5)
    writer.close()
    assert relay.accepted == 1
    await relay.close()
    server.close()
