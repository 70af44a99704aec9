"""Several media workers: a meeting is in one of them, and goes on in another when its own is gone."""

import os
import signal
import socket
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from signaling import leftover
from signaling.worker import Worker
from tests.signaling.test_media_recovery import DEADLINE, _hears, _with_media, until
from tests.support.mortal import Mortal
from tests.support.raw_client import RawClient
from tests.support.service import Service, service


@pytest.fixture
async def it(tmp_path: Path) -> AsyncIterator[Service]:
    async with service(tmp_path, media_workers=2, worker_silence=3) as running:
        yield running


async def talk(it: Service) -> tuple[str, RawClient, RawClient]:
    meeting = (await it.meeting())["id"]
    newcomer, host = await _with_media(it, meeting, "newcomer"), await _with_media(it, meeting, "host")
    await host.wait_for_consumer("microphone", newcomer.participant, deadline=DEADLINE)
    return meeting, newcomer, host


def worker_of(it: Service, meeting: str) -> Worker:
    return it.services.hub._lives[meeting].exchange.worker


async def hear_each_other(one: RawClient, other: RawClient, since: int) -> None:
    for listener, speaker in ((one, other), (other, one)):
        await listener.wait_for(partial(_hears, listener, speaker, since), DEADLINE, "no sound")


async def test_meetings_are_spread_and_one_that_is_only_planned_takes_no_place(it: Service) -> None:
    for _ in range(3):
        await it.meeting()
    first, *one = await talk(it)
    second, *other = await talk(it)
    assert worker_of(it, first) is not worker_of(it, second)
    assert it.services.hub.workers.load == [1, 1]
    ports = [worker.port for worker in it.services.hub.workers.all]
    assert len(set(ports)) == 2
    for client in (*one, *other):
        await client.close()
    await until(lambda: it.services.hub.workers.load == [0, 0])


@pytest.mark.parametrize("fate", [signal.SIGKILL, signal.SIGSTOP], ids=lambda fate: str(fate.name))
async def test_when_a_worker_is_gone_or_stands_still_its_meetings_go_on_in_the_other(
    it: Service, fate: signal.Signals
) -> None:
    """And the other's meetings do not notice."""
    first, *one = await talk(it)
    second, *other = await talk(it)
    struck, whole = worker_of(it, first), worker_of(it, second)
    assert struck.pid is not None
    alive = whole.pid
    os.kill(struck.pid, fate)
    await one[0].wait_for(lambda: one[0].told("media.reset"), DEADLINE)
    began = time.time_ns()
    await hear_each_other(one[0], one[1], began)
    assert worker_of(it, first) is whole
    await until(lambda: struck.running)
    assert (whole.pid, worker_of(it, second)) == (alive, whole)
    assert not [client for client in other if client.told("media.reset")]
    await hear_each_other(other[0], other[1], began)
    third, *_ = await talk(it)
    assert worker_of(it, third) is struck
    assert it.services.hub.workers.load == [1, 2]


def two_free_ports() -> int:
    """The first of two UDP ports in sequence."""
    while True:
        with socket.socket(type=socket.SOCK_DGRAM) as one, socket.socket(type=socket.SOCK_DGRAM) as next_:
            one.bind(("127.0.0.1", 0))
            port: int = one.getsockname()[1]
            with suppress(OSError, OverflowError):
                next_.bind(("127.0.0.1", port + 1))
                return port


async def test_the_service_that_starts_next_takes_over_all_workers(tmp_path: Path) -> None:
    mortal = Mortal(tmp_path, session_grace=60.0, media_workers=2)
    mortal._ports = mortal._ports[0], two_free_ports()
    sockets = [mortal.worker_socket, mortal.worker_socket.with_name("worker-1.sock")]
    async with mortal:
        meetings = [await talk(mortal.service) for _ in range(2)]
        for _, newcomer, host in meetings:
            await hear_each_other(newcomer, host, 0)
        await mortal.kill()
        workers = [leftover.listener_of(each) for each in sockets]  # takes over whom it asks
        await mortal.start()
        for _, newcomer, host in meetings:
            for client in (newcomer, host):
                await client.resume()
            await hear_each_other(newcomer, host, time.time_ns())
            assert not newcomer.told("media.reset")
        assert [leftover.listener_of(each) for each in sockets] == workers
        await mortal.kill()
        assert workers[1] is not None
        await leftover.end(workers[1], DEADLINE)
