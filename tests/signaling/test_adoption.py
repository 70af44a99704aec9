"""The service is killed: its media worker goes on, and the service that starts next takes the worker over."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from rooms.policy import audience
from tests.signaling.live_rig import within
from tests.support.mortal import Mortal
from tests.support.raw_client import Published, RawClient, Received

BACK = 60.0
GAP = 0.2
"""Seconds that a listener may wait for a packet longer than its sender did."""


@pytest.fixture
async def it(tmp_path: Path) -> AsyncIterator[Mortal]:
    async with Mortal(tmp_path, session_grace=60.0) as running:
        yield running


async def _talking(it: Mortal) -> tuple[RawClient, RawClient, Received]:
    """Newcomer and host hear each other; the last is what the host hears."""
    meeting = (await it.service.meeting())["id"]
    newcomer, host = await it.service.joined(meeting, "newcomer"), await it.service.joined(meeting, "host")
    for client in (newcomer, host):
        await client.produce("audio")
    heard = await host.wait_for_consumer("microphone", newcomer.participant, deadline=BACK)
    await host.wait_for(lambda: len(host.packets(heard)) > 20, BACK)
    return newcomer, host, heard


async def test_media_does_not_notice_that_the_service_was_killed(it: Mortal) -> None:
    newcomer, host, heard = await _talking(it)
    async with newcomer, host:
        sent = _note_what_is_sent(newcomer)
        transports = [each.offer["id"] for each in (host._send, host._receive) if each is not None]
        killed_at = time.time_ns()
        await it.kill()
        started = time.monotonic()
        await it.start()
        shown = await host.come_back(BACK)
        await newcomer.come_back(BACK)
        resumed = time.monotonic() - started
        back_at = time.time_ns()
        await host.wait_for(lambda: len(host.packets(heard, after=back_at)) > 25, BACK)
        assert not heard.closed
        assert [each.offer["id"] for each in (host._send, host._receive) if each is not None] == transports
        assert {p["role"]: p["present"] for p in shown["participants"]} == {"host": True, "newcomer": True}
        packets = [each for each in host.packets(heard, after=killed_at) if each.timestamp in sent]
        numbers = [packet.sequence for packet in packets]
        assert all((b - a) % 65536 == 1 for a, b in pairwise(numbers))
        between = [(b.at - a.at, sent[b.timestamp] - sent[a.timestamp]) for a, b in pairwise(packets)]
        gap = max(arrived - left for arrived, left in between) / 1e9
        longest = max(arrived for arrived, _ in between) / 1e9
        print(f"gap {gap:.3f} s over the sender's, longest {longest:.3f} s; back {resumed:.3f} s after start")
        assert gap <= GAP
        assert await host.act("chat.send", text="hej") == {}
        await newcomer.wait_for_event("message_sent", deadline=BACK)


def _note_what_is_sent(client: RawClient) -> dict[int, int]:
    """RTP timestamp → when it was sent (nanoseconds): on a busy machine the sender itself pauses."""
    sent: dict[int, int] = {}
    send = client.send

    def noted(published: Published, payload: bytes, media_time: float, **more: Any) -> None:
        sent[published.stream.timestamp(media_time)] = time.time_ns()
        send(published, payload, media_time, **more)

    client.send = noted  # type: ignore[method-assign]
    return sent


async def test_what_was_published_meanwhile_is_offered_after_the_return(it: Mortal) -> None:
    newcomer, host, _ = await _talking(it)
    async with newcomer, host:
        await it.kill()
        await it.start()
        await host.come_back(BACK)
        await newcomer.come_back(BACK)
        await newcomer.produce("video")
        seen = await host.wait_for_consumer("camera", newcomer.participant, deadline=BACK)
        await host.wait_for(lambda: len(host.packets(seen)) > 5, BACK)


async def test_who_does_not_come_back_loses_their_media(tmp_path: Path) -> None:
    async with Mortal(tmp_path, session_grace=1.0) as it:
        newcomer, host, heard = await _talking(it)
        async with newcomer, host:
            await it.kill()
            await it.start()
            await host.come_back(BACK)
            await host.wait_for(lambda: heard.closed, BACK, "the newcomer is still heard")
            await host.wait_for_event("participant_left", deadline=BACK)


async def test_a_second_device_that_joins_after_the_kill_ends_the_media_of_the_first(it: Mortal) -> None:
    newcomer, host, _ = await _talking(it)
    meeting = str(host.snapshot["meeting"]["id"])
    async with newcomer, host:
        await it.kill()
        await it.start()
        again = await it.service.joined(meeting, "newcomer", participant=newcomer.participant)
        async with again:
            await again.produce("audio")
            await host.come_back(BACK)
            heard = await host.wait_for_consumer("microphone", again.participant, deadline=BACK)
            at = time.time_ns()
            await host.wait_for(lambda: len(host.packets(heard, after=at)) > 5, BACK)
            assert [c.id for c in host.received.values() if c.participant == again.participant] == [heard.id]
            assert len([p for p in again.snapshot["participants"] if p["role"] == "newcomer"]) == 1


async def test_a_worker_that_has_forbidden_everything_is_given_its_table_again(tmp_path: Path) -> None:
    async with Mortal(tmp_path, session_grace=60.0, orphan_forbid=0.5) as it:
        newcomer, host, heard = await _talking(it)
        async with newcomer, host:
            await it.kill()
            await _forbidden(it)
            await it.start()
            await host.come_back(BACK)
            await newcomer.come_back(BACK)
            assert heard.closed
            anew = await host.wait_for_consumer("microphone", newcomer.participant, deadline=BACK)
            at = time.time_ns()
            await host.wait_for(lambda: len(host.packets(anew, after=at)) > 5, BACK)


async def _forbidden(it: Mortal) -> None:
    """Looking at the worker begins its limit anew, so that it is looked at less and less often."""
    pause = 1.0
    while any(room["allow"] for room in (await it.worker()).dump["rooms"]):
        await asyncio.sleep(pause)
        pause *= 2


OTHER_PROTOCOL = """
import json, socket, sys
with socket.socket(socket.AF_UNIX) as listener:
    listener.bind(sys.argv[1])
    listener.listen()
    print("listening", flush=True)
    while True:
        connection, _ = listener.accept()
        connection.sendall(json.dumps({"hello": {"protocol": 99}}).encode() + b"\\n")
"""


async def test_a_worker_of_another_protocol_is_ended_and_another_takes_its_place(it: Mortal) -> None:
    newcomer, host, heard = await _talking(it)
    async with newcomer, host:
        await it.kill()
        await it.end_worker()
        it.worker_socket.unlink()
        stranger = await asyncio.create_subprocess_exec(
            sys.executable, "-c", OTHER_PROTOCOL, str(it.worker_socket), stdout=asyncio.subprocess.PIPE
        )
        assert stranger.stdout is not None
        assert await stranger.stdout.readline() == b"listening\n"
        await it.start()
        assert await stranger.wait() == -signal.SIGTERM
        await _hear_each_other_again(newcomer, host, heard)


async def test_a_worker_that_does_not_answer_is_ended_and_another_takes_its_place(it: Mortal) -> None:
    newcomer, host, heard = await _talking(it)
    async with newcomer, host:
        await it.kill()
        hung = (await it.worker()).pid
        os.kill(hung, signal.SIGSTOP)
        await it.start()
        await _hear_each_other_again(newcomer, host, heard)
        assert _gone(hung)


async def _hear_each_other_again(newcomer: RawClient, host: RawClient, heard: Received) -> None:
    await host.come_back(BACK)
    await newcomer.come_back(BACK)
    assert heard.closed
    anew = await host.wait_for_consumer("microphone", newcomer.participant, deadline=BACK)
    await host.wait_for(lambda: len(host.packets(anew)) > 5, BACK)


def _gone(pid: int) -> bool:
    """No process, or one that is only waiting for its parent to notice."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


async def test_when_both_die_everything_comes_back_from_the_log(it: Mortal) -> None:
    newcomer, host, _ = await _talking(it)
    async with newcomer, host:
        await host.act("chat.send", text="hej igen")
        await it.kill()
        await it.end_worker()
        await it.start()
        shown = await host.come_back(BACK)
        await newcomer.come_back(BACK)
        assert shown["messages"][-1]["text"] == "hej igen"
        anew = await host.wait_for_consumer("microphone", newcomer.participant, deadline=BACK)
        await host.wait_for(lambda: len(host.packets(anew)) > 5, BACK)


async def test_a_station_that_was_left_without_the_store_stays_left_over_the_kill(it: Mortal) -> None:
    made = await it.service.meeting()
    newcomer, host = (
        await it.service.joined(made["id"], "newcomer"),
        await it.service.joined(made["id"], "host"),
    )
    async with newcomer, host, await it.service.officer(made["id"], made["stations"][0]) as tax:
        await newcomer.produce("audio")
        await host.act("meeting.start", station=1)
        await tax.open_transports()
        heard = await tax.wait_for_consumer("microphone", newcomer.participant, deadline=BACK)
        await tax.wait_for(lambda: len(tax.packets(heard)) > 5, BACK)
        it.store_down.value = 1
        await host.act("meeting.finish", station=1)
        left = time.time_ns()
        await it.kill()
        _, state = await it.saved(made["id"])
        assert tax.participant not in audience(state)
        (room,) = (await it.worker()).dump["rooms"]
        assert within(room["allow"], audience(state))
        await it.start()
        for client in (newcomer, host, tax):
            await client.come_back(BACK)
        assert [s["state"] for s in host.snapshot["stations"]] == ["done", "planned"]
        assert tax.all_packets(after=left) == []
