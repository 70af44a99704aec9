"""When a room is closed the worker holds nothing of it, whatever state it was in."""

from __future__ import annotations

import asyncio
import gc
import os
import weakref
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import cast

import pytest

from config.media import MediaSettings
from media.client import WorkerClient
from media.dtls import DtlsEndpoint
from media.process import Process
from media.worker import Worker
from tests.media.endpoint import KEYFRAME, OPUS_PARAMETERS, VP8_PARAMETERS, RawEndpoint, opus, vp8
from tests.media.rig import Event, Rig
from tests.support.inventory import differences, objects, taken

DEADLINE = 15.0
TABLE = {"listener": {"speaker": ["microphone", "camera"]}}


class Inside:
    """A worker in this process, where all that it holds can be seen."""

    def __init__(self, worker: Worker, path: Path) -> None:
        self.worker = worker
        self._path = path

    async def connect(self) -> Rig:
        """A controller in place of the one before."""
        events: list[Event] = []
        changed = asyncio.Event()

        def take(name: str, data: dict[str, object]) -> None:
            events.append((name, data))
            changed.set()

        client = await WorkerClient.connect(self._path, take, changed.set)
        return Rig(client, self._path, os.getpid(), cast(Process, None), events, changed)


@pytest.fixture(params=[True, False], ids=["batched", "plain"])
async def inside(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Inside]:
    path = tmp_path / "control.sock"
    worker = Worker(MediaSettings(batched=request.param), path)
    await worker.start()
    yield Inside(worker, path)
    await worker.close()


async def a_meeting(rig: Rig) -> None:
    """Sound and picture flow with gaps that are asked for; then everybody is in another state."""
    speaker, listener = await rig.join("speaker", "send"), await rig.join("listener", "recv")
    await rig.client.set_table("room", 1, TABLE)
    for id_, kind, source, parameters in (
        ("mic", "audio", "microphone", OPUS_PARAMETERS),
        ("cam", "video", "camera", VP8_PARAMETERS),
    ):
        await rig.client.produce(
            transport="speaker-send", producer=id_, kind=kind, source=source, rtp_parameters=parameters
        )
        await rig.client.consume(consumer=f"{id_}>", transport="listener-recv", producer=id_)
        await rig.client.resume_consumer(f"{id_}>")
    await talk(speaker, listener)
    await rig.client.set_table("room", 2, {})
    await rig.client.set_table("room", 3, TABLE)
    await rig.client.consume(consumer="again", transport="listener-recv", producer="mic")
    await rig.client.restart_ice("listener-recv")
    await rig.join("late", "send")
    await rig.client.close_producer("cam")
    await rig.client.create_transport(room="room", owner="never", transport="never-recv", direction="recv")
    (gone,) = [endpoint for endpoint in rig.endpoints if endpoint.description["id"] == "late-send"]
    gone.close()
    await rig.event(lambda name, data: name == "transportState" and data["state"] == "closed")


async def talk(speaker: RawEndpoint, listener: RawEndpoint) -> None:
    voice, picture = opus(), vp8()
    for number in range(40):
        sound, image = voice.packet(), picture.packet(KEYFRAME if number < 2 else b"\x10\x01more")
        if number % 7 != 3:
            speaker.dtls.send_rtp(sound)
            speaker.dtls.send_rtp(image)
        await asyncio.sleep(0)
    await listener.until(lambda: len(listener.arrivals) > 20)


async def begun_and_closed(inside: Inside) -> None:
    rig = await inside.connect()
    await a_meeting(rig)
    await rig.client.close_room("room")
    for endpoint in rig.endpoints:
        endpoint.close()
    rig.client.close()


async def test_a_closed_room_leaves_nothing_in_the_worker(inside: Inside) -> None:
    await begun_and_closed(inside)
    controller = await inside.connect()
    before = taken(inside.worker)
    controller.client.close()
    for _ in range(2):
        await begun_and_closed(inside)
    controller = await inside.connect()
    changed: dict[str, int] = {}
    try:
        async with asyncio.timeout(DEADLINE):
            while changed := differences(before, taken(inside.worker)):
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"left over: {changed}") from None
    finally:
        controller.client.close()


@pytest.fixture
def no_collecting() -> Iterator[None]:
    """Nobody looks for cycles: what still goes, goes at once."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def held_by(dtls: DtlsEndpoint) -> list[object]:
    """What has the keys."""
    assert dtls._connection is not None
    return [dtls._connection, dtls._connection._ssl, dtls._inbound._session, dtls._outbound._session]


async def test_keys_and_packets_go_with_their_transport(inside: Inside, no_collecting: None) -> None:
    kept = "media.stream.Media"
    before = objects()[kept]
    rig = await inside.connect()
    await a_meeting(rig)
    transports = [
        each for router in inside.worker.exchange.routers.values() for each in router.transports.values()
    ]
    connected = [each.dtls for each in transports if each.connected]
    assert connected
    held = [weakref.ref(each) for dtls in connected for each in held_by(dtls)]
    del transports, connected
    await rig.client.close_room("room")
    left = list(held)
    try:
        async with asyncio.timeout(DEADLINE):
            while left or objects()[kept] > before:
                await asyncio.sleep(0.02)
                left = [each for each in held if each() is not None]
    except TimeoutError:
        raise AssertionError(f"left over: {[each() for each in left]}, {objects()[kept] - before}") from None
    finally:
        for endpoint in rig.endpoints:
            endpoint.close()
        rig.client.close()
