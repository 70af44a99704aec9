"""A listener whose device cannot mix: one sound, made for them, of what policy lets them hear."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from time import time_ns

import pytest

from media.synthetic import Microphone
from tests.support.raw_client import RawClient
from tests.support.service import Service, service
from tests.support.tones import Ear, sing

INTERPRETER, TAX, INSURANCE, HOST = 440, 1000, 2300, 3100
"""Hz."""
FULL, UNDER, ABSENT = (-1.5, 1.5), (-19.5, -16.5), (-200.0, -50.0)
INAUDIBLE = 0.0005
"""Of a sample; the voices reach 0.2."""
PATIENCE = 20.0


@dataclass
class Room:
    service: Service
    meeting: str
    people: dict[str, RawClient] = field(default_factory=dict)
    voices: dict[str, Microphone] = field(default_factory=dict)
    ears: dict[str, Ear] = field(default_factory=dict)

    async def act(self, what: str) -> None:
        await self.service.rest("POST", f"/meetings/{self.meeting}/{what}")

    @property
    def newcomer(self) -> Ear:
        return self.ears["newcomer"]


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
