"""A screen is shown to one station at a time, by one person at a time."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.raw_client import RawClient
from tests.support.service import Service, service


@pytest.fixture
async def it(tmp_path: Path) -> AsyncIterator[Service]:
    async with service(tmp_path) as running:
        yield running


async def _in(it: Service, meeting: str, role: str, **body: object) -> RawClient:
    client = await it.joined(meeting, role, **body)
    await client.open_transports()
    return client


async def _start(it: Service, meeting: str, station: int) -> None:
    await it.rest("POST", f"/meetings/{meeting}/stations/{station}/start")


async def test_an_officer_who_has_left_the_station_does_not_show_any_more(it: Service) -> None:
    meeting = await it.meeting()
    first, second = meeting["stations"]
    newcomer = await _in(it, meeting["id"], "newcomer")
    host = await _in(it, meeting["id"], "host")
    officer = await _in(it, meeting["id"], "officer", agency=first["agency"], station=1)
    next_one = await _in(it, meeting["id"], "officer", agency=second["agency"], station=2)
    async with newcomer, host, officer, next_one:
        await _start(it, meeting["id"], 1)
        await officer.wait_for(lambda: officer.snapshot["you"]["phase"] == "room")
        await officer.produce("video", "screen")
        shown = await newcomer.wait_for_consumer("screen", officer.participant)
        await newcomer.wait_for(lambda: len(newcomer.packets(shown)) > 5)
        assert (await host.wait_for_consumer("screen")).participant == officer.participant

        await _start(it, meeting["id"], 2)
        await newcomer.wait_for(lambda: shown.closed)
        await next_one.wait_for(lambda: next_one.snapshot["you"]["phase"] == "room")
        await next_one.produce("video", "camera")
        camera = await newcomer.wait_for_consumer("camera", next_one.participant)
        seen = len(newcomer.packets(shown))
        await newcomer.wait_for(lambda: len(newcomer.packets(camera)) > 20)
        assert len(newcomer.packets(shown)) == seen
        assert next_one.heard(officer.participant) == []


async def test_the_newest_screen_takes_the_place_of_the_one_before(it: Service) -> None:
    meeting = await it.meeting()
    newcomer = await _in(it, meeting["id"], "newcomer")
    host = await _in(it, meeting["id"], "host")
    officer = await _in(it, meeting["id"], "officer", agency=meeting["stations"][0]["agency"], station=1)
    async with newcomer, host, officer:
        await _start(it, meeting["id"], 1)
        await officer.wait_for(lambda: officer.snapshot["you"]["phase"] == "room")
        earlier = await officer.produce("video", "screen")
        await newcomer.wait_for_consumer("screen", officer.participant)
        await host.produce("video", "screen")
        await officer.wait_for(lambda: officer.told("media.producerClosed"))
        (told,) = officer.told("media.producerClosed")
        assert told.params == {"id": earlier.id, "reason": "replaced"}
        assert (await newcomer.wait_for_consumer("screen")).participant == host.participant
        await newcomer.wait_for(lambda: all(one.closed for one in newcomer.heard(officer.participant)))
        assert host.told("media.producerClosed") == []


async def test_whoever_waits_in_the_lobby_takes_no_screen_down(it: Service) -> None:
    meeting = await it.meeting()
    first, second = meeting["stations"]
    newcomer = await _in(it, meeting["id"], "newcomer")
    officer = await _in(it, meeting["id"], "officer", agency=first["agency"], station=1)
    waiting = await _in(it, meeting["id"], "officer", agency=second["agency"], station=2)
    async with newcomer, officer, waiting:
        await _start(it, meeting["id"], 1)
        await officer.wait_for(lambda: officer.snapshot["you"]["phase"] == "room")
        await officer.produce("video", "screen")
        shown = await newcomer.wait_for_consumer("screen", officer.participant)
        await waiting.produce("video", "screen")
        seen = len(newcomer.packets(shown))
        await newcomer.wait_for(lambda: len(newcomer.packets(shown)) > seen + 10)
        assert not shown.closed
        assert officer.told("media.producerClosed") == []
        assert newcomer.heard(waiting.participant) == []


async def test_what_the_host_shows_between_stations_is_for_those_in_the_room(it: Service) -> None:
    meeting = await it.meeting()
    host = await _in(it, meeting["id"], "host")
    newcomer = await _in(it, meeting["id"], "newcomer")
    companion = await _in(it, meeting["id"], "companion")
    interpreter = await _in(it, meeting["id"], "interpreter")
    officer = await _in(it, meeting["id"], "officer", agency=meeting["stations"][0]["agency"], station=1)
    async with host, newcomer, companion, interpreter, officer:
        await host.act("meeting.admit", participant=companion.participant)
        await companion.wait_for(lambda: companion.snapshot["you"]["phase"] == "room")
        await host.produce("video", "screen")
        for person in (newcomer, companion, interpreter):
            shown = await person.wait_for_consumer("screen", host.participant)
            await person.wait_for(lambda person=person, shown=shown: len(person.packets(shown)) > 5)
        assert officer.consumers == []
