"""Where no UDP passes, people meet all the same: their media goes by TCP, without their doing anything."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.conftest import fixture
from tests.e2e.people import Arrive, Meeting, demand_pages
from tests.support.redis_process import free_port
from tests.support.relay import Link, TcpRelay, UdpRelay
from tests.support.service import service

INSIDE, OUTSIDE = "127.0.0.1", "127.0.0.2"
"""Where the worker listens, and where pages are told that it does."""
DEADLINE = 40.0


@dataclass
class Office:
    meeting: Meeting
    udp: UdpRelay
    tcp: TcpRelay


@fixture()
async def office(tmp_path: Path, arrive: Arrive) -> AsyncIterator[Office]:
    demand_pages()
    async with AsyncExitStack() as stack:
        port = free_port()
        udp = await UdpRelay.open(
            (INSIDE, port), up=Link(1, block_udp=True), down=Link(2), listen=(OUTSIDE, port)
        )
        stack.callback(udp.close)
        tcp = await TcpRelay.open((INSIDE, port), (OUTSIDE, port))
        stack.push_async_callback(tcp.close)
        running = await stack.enter_async_context(
            service(tmp_path, media_port=port, media_listen=[{"ip": INSIDE, "announced": OUTSIDE}])
        )
        yield Office(Meeting(running, await running.meeting(), arrive, stack), udp, tcp)


@pytest.mark.timeout(180)
async def test_who_is_blocked_from_udp_sees_and_hears_by_tcp(office: Office) -> None:
    newcomer = await office.meeting.person("newcomer", name="Samira")
    officer = await office.meeting.person("officer", 1, name="Erik Lind")
    await office.meeting.start(1)
    for person, other in ((newcomer, officer), (officer, newcomer)):
        who = await other.participant()
        await person.sees(who, deadline=DEADLINE)
        await person.hears(who, deadline=DEADLINE)
    assert office.udp.up.lost == office.udp.up.offered > 0
    assert office.udp.down.offered == 0
    assert office.tcp.accepted >= 4
    for person in (newcomer, officer):
        await person.page.close()
