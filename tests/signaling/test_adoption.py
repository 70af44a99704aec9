"""The service ends or is killed: its media worker goes on, and the service that starts next takes it over."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from rooms.policy import audience
from tests.signaling.live_rig import within
from tests.support.gaps import gap, note_what_is_sent
from tests.support.mortal import Mortal
from tests.support.processes import gone, naming
from tests.support.raw_client import RawClient, Received

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
    assert await _heard_without_a_gap(it, it.kill) == [None, None]


async def test_media_does_not_notice_a_planned_restart(it: Mortal) -> None:
    told = await _heard_without_a_gap(it, lambda: it.stop(signal.SIGTERM))
    assert told == ["shutting_down", "shutting_down"]


async def _heard_without_a_gap(it: Mortal, end: Callable[[], Awaitable[None]]) -> list[str | None]:
    """What the sessions were told as the service ended."""
    newcomer, host, heard = await _talking(it)
    async with newcomer, host:
        sent = note_what_is_sent(newcomer)
        transports = [each.offer["id"] for each in (host._send, host._receive) if each is not None]
        ended_at = time.time_ns()
        await end()
        told = [client.closed_with and client.closed_with[0] for client in (newcomer, host)]
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
        found = gap(sent, host.packets(heard, after=ended_at))
        print(f"{found}; back {resumed:.3f} s after start")
        assert found.lost == 0
        assert found.more <= GAP
        assert await host.act("chat.send", text="hej") == {}
        await newcomer.wait_for_event("message_sent", deadline=BACK)
        return told


async def test_ctrl_c_ends_media_too(it: Mortal) -> None:
    newcomer, host, _ = await _talking(it)
    async with newcomer, host:
        (worker,) = naming(it.worker_socket)
        await it.stop(signal.SIGINT)
        assert gone(worker)
        assert not it.worker_socket.exists()


async def test_a_planned_stop_leaves_no_worker_that_carries_nothing(it: Mortal) -> None:
    async with await it.service.joined((await it.service.meeting())["id"], "host"):
        (worker,) = naming(it.worker_socket)
        await it.stop(signal.SIGTERM)
        assert gone(worker)


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
        assert gone(hung)


async def _hear_each_other_again(newcomer: RawClient, host: RawClient, heard: Received) -> None:
    await host.come_back(BACK)
    await newcomer.come_back(BACK)
    assert heard.closed
    anew = await host.wait_for_consumer("microphone", newcomer.participant, deadline=BACK)
    await host.wait_for(lambda: len(host.packets(anew)) > 5, BACK)


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
