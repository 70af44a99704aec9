"""Floods from many addresses: a meeting goes on, others are answered, and nothing is piled up."""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.flood import AT_ONCE
from tests.support.gaps import gap, note_what_is_sent
from tests.support.mortal import Mortal
from tests.support.processes import naming
from tests.support.raw_client import RawClient, Received
from tests.support.strangers import memory

LONGEST_GAP = 1.0
"""Seconds without sound, beyond what the sender paused itself; generous, for the machine may be busy."""
MOST_LOST = 0.05
MOST_GROWN = {"datagrams": 4 << 20, "calls": AT_ONCE << 20, "sockets": AT_ONCE << 20}
"""Bytes by which service and worker may grow: a mebibyte for each connection, and hardly for datagrams."""


@dataclass
class Meeting:
    it: Mortal
    id: str
    speaker: RawClient
    listener: RawClient
    heard: Received


@pytest.fixture
async def meeting(tmp_path: Path) -> AsyncIterator[Meeting]:
    """Somebody speaks, and somebody hears it."""
    async with Mortal(tmp_path) as it:
        id_ = (await it.service.meeting())["id"]
        async with (
            await it.service.joined(id_, "host") as speaker,
            await it.service.joined(id_, "newcomer") as listener,
        ):
            await listener.open_transports()
            await speaker.produce("audio")
            heard = await listener.wait_for_consumer("microphone")
            await listener.wait_for(lambda: len(listener.packets(heard)) > 20, 15.0)
            yield Meeting(it, id_, speaker, listener, heard)


async def flood(kind: str, url: str) -> dict[str, int]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.flood", kind, url, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    done: dict[str, int] = json.loads(out)
    return done


@pytest.mark.parametrize("kind", ["datagrams", "calls", "sockets"])
async def test_a_flood_does_not_disturb_those_who_meet(meeting: Meeting, kind: str) -> None:
    it = meeting.it
    (worker,) = naming(it.worker_socket)
    before = memory(it.pid) + memory(worker)
    sent = note_what_is_sent(meeting.speaker)
    url = f"udp://127.0.0.1:{it.settings.media_port}" if kind == "datagrams" else it.service.url
    flooding = asyncio.create_task(flood(kind, url))
    answered = 0
    while not (await asyncio.wait([flooding], timeout=0.1))[0]:
        answered += 1
        await meeting.listener.call("chat.send", text=f"hej {answered}")
    over = time.time_ns()
    await meeting.listener.wait_for(
        lambda: meeting.listener.packets(meeting.heard, after=over), 15.0, "sound after the flood"
    )
    found = gap(sent, meeting.listener.packets(meeting.heard))
    grown = memory(it.pid) + memory(worker) - before
    done = await flooding
    print(
        kind, done, f"{answered} calls answered,", found, f"of {len(sent)} packets, grown {grown >> 10} KiB"
    )
    assert sum(done.values()) > 300
    assert answered > 0
    assert found.more <= LONGEST_GAP
    assert found.lost <= MOST_LOST * len(sent)
    assert grown <= MOST_GROWN[kind]
