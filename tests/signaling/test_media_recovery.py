"""The media worker dies, hangs or does not start: another one takes over, and nothing flows that must not."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from media import client as media_client
from media.client import WorkerError
from media.sending import OutgoingStream
from rooms.policy import audience
from signaling import worker as worker_module
from signaling.worker import Worker
from tests.support.raw_client import CallFailed, RawClient
from tests.support.service import Service, service

DEADLINE = 20.0


@pytest.fixture
async def it(tmp_path: Path) -> AsyncIterator[Service]:
    async with service(tmp_path, worker_ack_timeout=0.3) as running:
        yield running


async def _with_media(it: Service, meeting: str, role: str) -> RawClient:
    client = await it.joined(meeting, role)
    await client.open_transports()
    await client.produce("audio")
    return client


async def until(predicate: Callable[[], object]) -> None:
    async with asyncio.timeout(DEADLINE):
        while not predicate():
            await asyncio.sleep(0.005)  # a process is looked at, which tells nobody


async def _another_worker(it: Service, than: int) -> None:
    workers = it.services.hub.workers.all[0]
    await until(lambda: workers.running and workers.pid != than)


async def test_after_a_kill_media_comes_back_by_itself_in_the_same_session(it: Service) -> None:
    meeting = (await it.meeting())["id"]
    newcomer, host = await _with_media(it, meeting, "newcomer"), await _with_media(it, meeting, "host")
    async with newcomer, host:
        await host.wait_for_consumer("microphone", newcomer.participant)
        sessions = newcomer.session, host.session
        killed = it.services.hub.workers.all[0].pid
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        started = time.time_ns() + 10_000_000
        await _another_worker(it, killed)
        for listener, speaker in ((host, newcomer), (newcomer, host)):
            await listener.wait_for(partial(_hears, listener, speaker, started), DEADLINE, "no sound")
            first = min(packet.at for packet in listener.all_packets(after=started))
            print(f"sound back {(first - started) / 1e9:.2f} s after the worker was killed")
            assert [event.params["reason"] for event in listener.told("media.reset")] == ["worker_lost"]
            assert listener.connected
        assert (newcomer.session, host.session) == sessions


async def test_what_was_published_is_heard_again_although_a_first_attempt_fails(
    it: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    meeting = (await it.meeting())["id"]
    newcomer, host = await _with_media(it, meeting, "newcomer"), await _with_media(it, meeting, "host")
    async with newcomer, host:
        await host.wait_for_consumer("microphone", newcomer.participant)
        produce, attempts = newcomer._produce, 0

        async def fail_once(*stream: Any) -> str:
            nonlocal attempts
            attempts += 1
            if attempts == 1:
                raise CallFailed("media.produce", {"data": {"code": "unknown_transport"}})
            return await produce(*stream)

        monkeypatch.setattr(newcomer, "_produce", fail_once)
        killed = it.services.hub.workers.all[0].pid
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        started = time.time_ns() + 10_000_000
        await host.wait_for(partial(_hears, host, newcomer, started), DEADLINE, "no sound")
        assert attempts == 2


async def test_who_comes_back_after_an_answer_was_lost_is_heard_from_one_producer(it: Service) -> None:
    meeting = (await it.meeting())["id"]
    newcomer, host = await _with_media(it, meeting, "newcomer"), await _with_media(it, meeting, "host")
    async with newcomer, host:
        unheard_of = OutgoingStream("audio", newcomer.capabilities, mid="9", cname="another")
        await newcomer._produce(unheard_of, "microphone")
        await newcomer.resume()
        back = time.time_ns()
        await host.wait_for(partial(_hears, host, newcomer, back), DEADLINE, "no sound")
        heard = [c for c in host.heard(newcomer.participant) if not c.closed]
        assert [c.producer for c in heard] == list(newcomer.published)


async def test_a_device_without_media_is_not_told_that_media_starts_over(it: Service) -> None:
    meeting = (await it.meeting())["id"]
    async with await it.joined(meeting, "host") as host:
        killed = it.services.hub.workers.all[0].pid
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        await _another_worker(it, killed)
        await host.act("chat.send", text="hej")
        await host.wait_for_event("message_sent")
        assert host.told("media.reset") == []


def _hears(listener: RawClient, speaker: RawClient, after: int) -> bool:
    return any(
        len(listener.packets(consumer, after=after)) > 5
        for consumer in listener.heard(speaker.participant)
        if not consumer.closed
    )


async def test_a_worker_that_hangs_is_killed_within_the_limit_and_the_station_is_left(it: Service) -> None:
    made = await it.meeting()
    meeting, (one, two) = made["id"], made["stations"]
    newcomer = await _with_media(it, meeting, "newcomer")
    async with newcomer, await it.officer(meeting, one) as tax, await it.officer(meeting, two) as insurance:
        await it.rest("POST", f"/meetings/{meeting}/stations/1/start")
        await tax.open_transports()
        await tax.wait_for_consumer("microphone", newcomer.participant)
        hung = it.services.hub.workers.all[0].pid
        assert hung is not None
        os.kill(hung, signal.SIGSTOP)
        started = asyncio.get_running_loop().time()
        shown = await it.rest("POST", f"/meetings/{meeting}/stations/2/start")
        assert asyncio.get_running_loop().time() - started < 3.0
        assert [s["state"] for s in shown["stations"]] == ["called", "active"]
        await _another_worker(it, hung)
        assert not Path(f"/proc/{hung}/stat").exists() or "Z" in Path(f"/proc/{hung}/stat").read_text()
        live = await it.services.hub.live(meeting)
        await until(lambda: live.exchange.table == audience(live.current))
        assert tax.participant not in live.exchange.table
        assert newcomer.participant in live.exchange.table[insurance.participant]


async def test_a_worker_that_does_not_start_is_tried_again_until_it_does(
    it: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = 3
    attempts = 0
    really = media_client.start_worker

    async def start(*args: Any) -> Any:
        nonlocal attempts
        attempts += 1
        if attempts <= failures:
            raise WorkerError("worker_failed", "the port is taken")
        return await really(*args)

    monkeypatch.setattr(worker_module, "start_worker", start)
    monkeypatch.setattr(worker_module, "RESTART_PAUSE", 0.01)
    killed = it.services.hub.workers.all[0].pid
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    await _another_worker(it, killed)
    assert attempts == failures + 1


async def test_a_worker_that_dies_while_the_meetings_take_it_up_is_replaced_as_well(
    it: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    await it.meeting()
    hub = it.services.hub
    deaths = 0
    really = hub.on_media_lost

    async def die_once(worker: Worker) -> None:
        nonlocal deaths
        deaths += 1
        if deaths == 1:
            assert hub.workers.all[0].pid is not None
            os.kill(hub.workers.all[0].pid, signal.SIGKILL)
            await until(lambda: not hub.workers.running)
        await really(worker)

    monkeypatch.setattr(hub, "on_media_lost", die_once)
    first = hub.workers.all[0].pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await until(lambda: deaths == 2 and hub.workers.running)


async def test_while_media_is_away_a_meeting_can_still_be_led(
    it: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    meeting = (await it.meeting())["id"]
    blocked = asyncio.Event()
    really = media_client.start_worker

    async def start(*args: Any) -> Any:
        await blocked.wait()
        return await really(*args)

    monkeypatch.setattr(worker_module, "start_worker", start)
    async with await it.joined(meeting, "host") as host:
        killed = it.services.hub.workers.all[0].pid
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        await until(lambda: not it.services.hub.workers.running)
        await host.act("meeting.start", station=1)
        with pytest.raises(Exception, match="media_unavailable"):
            await host.call("media.createTransport", direction="send")
        blocked.set()
        await _another_worker(it, killed)
        assert (await host.call("media.createTransport", direction="send"))["id"]
