"""What is done about what the media worker counts: consumers made anew, and qualities told."""

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from signaling.quality import Quality
from signaling.watching import look
from tests.support.raw_client import RawClient, Received
from tests.support.service import Service, service


@pytest.fixture
async def it(tmp_path: Path) -> AsyncIterator[Service]:
    async with service(tmp_path) as running:
        yield running


async def _pair(it: Service) -> tuple[str, RawClient, RawClient, Received]:
    """Meeting, newcomer, host, and the host's consumer of the newcomer's voice."""
    meeting = (await it.meeting())["id"]
    newcomer, host = await it.joined(meeting, "newcomer"), await it.joined(meeting, "host")
    for client in (newcomer, host):
        await client.open_transports()
        await client.produce("audio")
    return meeting, newcomer, host, await host.wait_for_consumer("microphone", newcomer.participant)


async def _another(host: RawClient, newcomer: RawClient, than: Received) -> None:
    """Another consumer of the same voice is there, and brings something."""

    def heard() -> bool:
        now = [each for each in host.heard(newcomer.participant) if not each.closed and each.id != than.id]
        return len(now) == 1 and bool(host.packets(now[0], after=started))

    started = time.time_ns()
    await host.wait_for(heard, 5.0, "no other consumer that brings something")


async def test_a_device_can_have_a_consumer_made_anew(it: Service) -> None:
    _, newcomer, host, first = await _pair(it)
    async with newcomer, host:
        await host.call("media.restartConsumer", id=first.id)
        await _another(host, newcomer, first)


async def test_a_consumer_that_brings_nothing_is_made_anew_by_the_service(
    it: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    meeting, newcomer, host, first = await _pair(it)
    async with newcomer, host:
        live = it.services.hub._lives[meeting]
        counted = await live.exchange.stats()
        steps = 0

        async def stuck() -> dict[str, Any]:
            nonlocal steps
            steps += 1
            told = {**counted, "consumers": [dict(one) for one in counted["consumers"]]}
            told["consumers"] = [one for one in told["consumers"] if one["id"] == first.id]
            told["producers"] = [
                {**one, "packets": one["packets"] + 100 * steps} for one in counted["producers"]
            ]
            return told

        monkeypatch.setattr(live.exchange, "stats", stuck)
        reading = None
        for _ in range(3):
            assert not first.closed
            reading = await look(live, reading)
        await _another(host, newcomer, first)


async def test_what_a_device_went_through_is_told_once_for_each_report(
    it: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    meeting, newcomer, host, _ = await _pair(it)
    async with newcomer, host:
        live = it.services.hub._lives[meeting]
        told: list[Quality] = []
        monkeypatch.setattr(live, "tell_quality", lambda known: told.append(known[newcomer.participant]))
        reading = await look(live, None)
        await newcomer.call("media.report", freezes=2, concealed=0.125)
        for _ in range(2):
            reading = await look(live, reading)
        assert [(one.freezes, one.concealed) for one in told] == [(2, 0.125), (None, None)]
