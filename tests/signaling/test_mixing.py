"""A listener whose device cannot mix: one sound, made for them, of what policy lets them hear."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from time import time_ns

import pytest

from media.synthetic import Microphone
from signaling.connection import CallFailed
from signaling.mixing import Mixers
from tests.support.mortal import Mortal
from tests.support.raw_client import RawClient
from tests.support.service import Service, service
from tests.support.tones import Ear, sing

INTERPRETER, TAX, INSURANCE, HOST = 440, 1000, 2300, 3100
"""Hz."""
FULL, UNDER, ABSENT = (-1.5, 1.5), (-19.5, -16.5), (-200.0, -50.0)
INAUDIBLE = 0.0005
"""Of a sample; the voices reach 0.2."""
PATIENCE = 20.0
RESTARTED = 60.0


@dataclass
class Room:
    service: Service
    meeting: str
    people: dict[str, RawClient] = field(default_factory=dict)
    voices: dict[str, Microphone] = field(default_factory=dict)
    ears: dict[str, Ear] = field(default_factory=dict)

    async def act(self, what: str) -> None:
        await self.service.rest("POST", f"/meetings/{self.meeting}/{what}")

    async def admit(self, participant: str) -> None:
        host = await self.service.joined(self.meeting, "host")
        async with host:
            await host.act("meeting.admit", participant=participant)

    @property
    def mixers(self) -> Mixers:
        found = self.service.services.hub.mixers
        assert found is not None
        return found

    @property
    def newcomer(self) -> Ear:
        return self.ears["newcomer"]


async def ended(pid: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while Path(f"/proc/{pid}").exists():
            await asyncio.sleep(0.02)


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    async with service(tmp_path, server_mix=True) as running, AsyncExitStack() as stack:
        made = Room(running, (await running.meeting())["id"])
        for name, role, booking, pitch in (
            ("interpreter", "interpreter", {}, INTERPRETER),
            ("tax", "officer", {"agency": "skatteverket", "station": 1}, TAX),
            ("insurance", "officer", {"agency": "forsakringskassan", "station": 2}, INSURANCE),
            ("newcomer", "newcomer", {"language": "ar"}, None),
        ):
            mixes = name != "newcomer"
            client = await stack.enter_async_context(
                await running.joined(made.meeting, role, mixes=mixes, **booking)
            )
            made.people[name] = client
            await client.open_transports()
            if pitch is not None:
                source = "interpretation" if role == "interpreter" else "microphone"
                made.voices[name] = await sing(client, pitch, source)
            made.ears[name] = Ear(client)
        yield made


async def test_one_sound_holds_everybody_as_loud_as_the_page_would_play_them(room: Room) -> None:
    await room.act("stations/1/start")
    await room.newcomer.until((TAX, *FULL), (INTERPRETER, *FULL), (INSURANCE, *ABSENT), deadline=PATIENCE)
    assert [c.source for c in room.newcomer.consumers] == ["mix"]
    interpreter = room.people["interpreter"]
    await interpreter.act("interpret.mode", mode="simultaneous")
    await room.newcomer.until((TAX, *UNDER), (INTERPRETER, *FULL), deadline=PATIENCE)
    await interpreter.act("interpret.direction", into="sv")
    await room.newcomer.until((TAX, *FULL), (INTERPRETER, *ABSENT), deadline=PATIENCE)
    await interpreter.act("interpret.direction", into="ar")
    await room.newcomer.until((TAX, *UNDER), (INTERPRETER, *FULL), deadline=PATIENCE)
    room.voices["interpreter"].muted = True
    await room.newcomer.until((TAX, *FULL), (INTERPRETER, *ABSENT), deadline=PATIENCE)
    room.voices["interpreter"].muted = False
    await room.newcomer.until((TAX, *UNDER), (INTERPRETER, *FULL), deadline=PATIENCE)
    assert [c.source for c in room.newcomer.consumers] == ["mix"]


async def test_after_a_station_switch_not_a_sample_of_before_is_in_the_sound(room: Room) -> None:
    """The one who leaves goes on singing, and nobody else makes a sound: whatever is heard is of before."""
    await room.act("stations/1/start")
    await room.newcomer.until((TAX, *FULL), (INTERPRETER, *FULL), deadline=PATIENCE)
    room.voices["interpreter"].muted = room.voices["insurance"].muted = True
    await room.newcomer.until((TAX, *FULL), (INTERPRETER, *ABSENT), deadline=PATIENCE)
    await room.act("stations/2/start")
    switched = time_ns()
    await room.people["newcomer"].wait_for(lambda: len(room.newcomer.frames(switched)) > 50, PATIENCE)
    assert room.newcomer.loudest(switched) < INAUDIBLE
    assert [c.source for c in room.newcomer.consumers] == ["mix"]
    room.voices["insurance"].muted = False
    await room.newcomer.until((INSURANCE, *FULL), (TAX, *ABSENT), after=switched, deadline=PATIENCE)


async def test_in_a_pause_not_a_packet_is_sent_and_after_it_not_a_sample_of_before(room: Room) -> None:
    room.voices["interpreter"].muted = True
    await room.act("stations/1/start")
    await room.newcomer.until((TAX, *FULL), deadline=PATIENCE)
    await room.act("pause")
    paused = time_ns()
    room.voices["tax"].muted = True
    with pytest.raises(AssertionError):
        await room.people["newcomer"].wait_for(lambda: room.newcomer.frames(paused), deadline=1.5)
    assert room.newcomer.consumers == []
    await room.act("resume")
    await room.people["newcomer"].wait_for(lambda: len(room.newcomer.frames(paused)) > 50, PATIENCE)
    assert room.newcomer.loudest(paused) < INAUDIBLE
    room.voices["tax"].muted = False
    await room.newcomer.until((TAX, *FULL), after=paused, deadline=PATIENCE)


async def test_who_comes_is_heard_and_those_who_were_heard_go_on(room: Room) -> None:
    await room.act("stations/1/start")
    await room.newcomer.until((TAX, *FULL), (INTERPRETER, *FULL), deadline=PATIENCE)
    (mix,) = room.newcomer.consumers
    async with await room.service.joined(room.meeting, "host") as host:
        await sing(host, HOST)
        await room.newcomer.until((TAX, *FULL), (INTERPRETER, *FULL), (HOST, *FULL), deadline=PATIENCE)
        assert room.newcomer.consumers == [mix]
    left = time_ns()
    await room.newcomer.until((TAX, *FULL), (HOST, *ABSENT), after=left, deadline=PATIENCE)
    assert room.newcomer.consumers != [mix]
    assert [c.source for c in room.newcomer.consumers] == ["mix"]


async def test_who_wants_the_original_hears_nobody_over_it(room: Room) -> None:
    await room.act("stations/1/start")
    await room.people["interpreter"].act("interpret.mode", mode="simultaneous")
    await room.newcomer.until((TAX, *UNDER), (INTERPRETER, *FULL), deadline=PATIENCE)
    await room.people["newcomer"].act("media.chooseMix", preference="original")
    await room.newcomer.until((TAX, *FULL), (INTERPRETER, *ABSENT), deadline=PATIENCE)
    await room.people["newcomer"].act("media.chooseMix", under=0.5)
    await room.newcomer.until((TAX, -7.5, -4.5), (INTERPRETER, *FULL), deadline=PATIENCE)
    assert [c.source for c in room.newcomer.consumers] == ["mix"]


async def test_two_who_hear_the_same_share_one_mix_and_one_process(room: Room) -> None:
    async with AsyncExitStack() as stack:
        for name in ("first", "second"):
            client = await stack.enter_async_context(
                await room.service.joined(room.meeting, "attendee", mixes=False, language="ar")
            )
            await room.admit(client.participant)
            await client.open_transports()
            room.ears[name] = Ear(client)
        await room.act("stations/1/start")
        for name in ("first", "second"):
            await room.ears[name].until((INTERPRETER, *FULL), (TAX, *FULL), deadline=PATIENCE)
        first, second = (room.ears[name].consumers[0].producer for name in ("first", "second"))
        assert first == second
        assert room.newcomer.consumers[0].producer != first, "who can be heard by them has a mix of their own"


@pytest.mark.parametrize("how", ["the listener leaves", "the meeting ends"])
async def test_the_process_is_there_while_somebody_needs_it(room: Room, how: str) -> None:
    mixers = room.mixers
    pid = mixers.pid
    assert pid is not None
    if how == "the listener leaves":
        await room.people["newcomer"].call("session.leave")
    else:
        await room.act("end")
    await ended(pid)
    assert mixers.pid is None


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
async def test_when_the_process_dies_or_stands_still_another_one_takes_over(room: Room, how: int) -> None:
    await room.act("stations/1/start")
    await room.newcomer.until((TAX, *FULL), (INTERPRETER, *FULL), deadline=PATIENCE)
    pid = room.mixers.pid
    assert pid is not None
    os.kill(pid, how)
    died = time_ns()
    await ended(pid)
    await room.newcomer.until((TAX, *FULL), (INTERPRETER, *FULL), after=died, deadline=PATIENCE)
    assert room.mixers.pid not in (None, pid)
    assert [c.source for c in room.newcomer.consumers] == ["mix"]


async def test_when_the_media_worker_dies_the_mix_comes_back_with_the_rest(room: Room) -> None:
    await room.act("stations/1/start")
    await room.newcomer.until((TAX, *FULL), (INTERPRETER, *FULL), deadline=PATIENCE)
    worker = room.service.services.hub.workers.all[0].pid
    assert worker is not None
    os.kill(worker, signal.SIGKILL)
    died = time_ns()
    await room.newcomer.until((TAX, *FULL), (INTERPRETER, *FULL), after=died, deadline=2 * PATIENCE)
    await room.newcomer.client.wait_for(lambda: len(room.newcomer.consumers) == 1, PATIENCE)


async def test_who_comes_back_still_cannot_mix(room: Room) -> None:
    await room.act("stations/1/start")
    await room.newcomer.until((TAX, *FULL), (INTERPRETER, *FULL), deadline=PATIENCE)
    newcomer = room.people["newcomer"]
    await newcomer.cut()
    back = time_ns()
    await newcomer.come_back(PATIENCE)
    await room.newcomer.until((TAX, *FULL), (INTERPRETER, *FULL), after=back, deadline=PATIENCE)
    assert [c.source for c in room.newcomer.consumers] == ["mix"]


async def test_without_the_setting_everybody_mixes_for_themselves(tmp_path: Path) -> None:
    async with service(tmp_path) as running, AsyncExitStack() as stack:
        meeting = (await running.meeting())["id"]
        assert running.services.hub.mixers is None
        people = [
            await stack.enter_async_context(await running.joined(meeting, role, mixes=False))
            for role in ("newcomer", "host", "interpreter")
        ]
        for client in people:
            await client.open_transports()
        await sing(people[1], HOST)
        await sing(people[2], INTERPRETER, "interpretation")
        for source in ("microphone", "interpretation"):
            await people[0].wait_for_consumer(source, deadline=PATIENCE)


async def test_when_the_service_is_killed_the_mix_comes_back_with_the_next_one(tmp_path: Path) -> None:
    async with Mortal(tmp_path, session_grace=60.0, server_mix=True) as it:
        meeting = (await it.service.meeting())["id"]
        newcomer = await it.service.joined(meeting, "newcomer", mixes=False)
        host = await it.service.joined(meeting, "host")
        async with newcomer, host:
            await newcomer.open_transports()
            await sing(host, HOST)
            ear = Ear(newcomer)
            await ear.until((HOST, *FULL), deadline=PATIENCE)
            await it.kill()
            await it.start()
            back = time_ns()
            await host.come_back(RESTARTED)
            await newcomer.come_back(RESTARTED)
            await ear.until((HOST, *FULL), after=back, deadline=RESTARTED)
            assert [c.source for c in ear.consumers] == ["mix"]


async def test_an_officer_who_cannot_mix_hears_their_own_station_and_not_a_packet_before(room: Room) -> None:
    await room.people["insurance"].call("session.leave")
    officer = await room.service.joined(
        room.meeting, "officer", mixes=False, agency="forsakringskassan", station=2
    )
    async with officer:
        await officer.open_transports()
        ear = Ear(officer)
        await room.act("stations/1/start")
        await room.newcomer.until((TAX, *FULL), (INTERPRETER, *FULL), deadline=PATIENCE)
        assert ear.consumers == []
        assert officer.all_packets() == []
        await room.act("stations/2/start")
        await ear.until((INTERPRETER, *FULL), (TAX, *ABSENT), deadline=PATIENCE)
        assert ear.consumers[0].producer != room.newcomer.consumers[0].producer
        await room.act("stations/2/finish")
        finished = time_ns()
        await officer.wait_for(lambda: ear.consumers == [], PATIENCE)
        assert officer.all_packets(after=finished) == []


async def test_nobody_publishes_a_mix(room: Room) -> None:
    newcomer = room.people["newcomer"]
    with pytest.raises(CallFailed, match="invalid_params"):
        await newcomer.publish("audio", "mix")
