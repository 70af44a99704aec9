"""The demo's bots: they leave when a person takes their role, and come back afterwards."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from rooms import commands as cmd
from signaling import demo
from signaling.bots import Bot
from signaling.client import MeetingClient
from signaling.connection import ConnectionLost
from tests.rooms.builders import HOST, STAFF, gathered
from tests.support.rest import Service, service

DEADLINE = 20


class QuietBot(Bot):
    """Joins like any bot, without picture and sound."""

    async def start(self) -> None:
        await self.join(self._token)


class Stage:
    def __init__(self, desk: Service, made: demo.Demo, cast: demo.Cast) -> None:
        self.desk = desk
        self.made = made
        self.cast = cast

    async def until_playing(self, *keys: str) -> None:
        """Waits until bots play these parts and no others."""
        async with asyncio.timeout(DEADLINE):
            while self.cast.playing != frozenset(keys):
                await asyncio.sleep(0.01)

    async def until_active(self, station: int) -> None:
        async with asyncio.timeout(DEADLINE):
            while await self.active() != [station]:
                await asyncio.sleep(0.01)

    async def active(self) -> list[int]:
        state = await self.desk.services.hub.state(self.made.meeting)
        return [each.number for each in state.stations if each.active]

    async def person(self, key: str) -> MeetingClient:
        """Opens the link of a part, as a person does in a browser."""
        answer = await self.desk.redeem(self.made.links[key].rpartition("/")[2])
        client = MeetingClient(self.desk.url)
        await client.join(answer.json["access_token"])
        return client


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    monkeypatch.setattr(demo, "RETURN_AFTER", 0.01)
    monkeypatch.setattr(demo, "FIRST_STATION_AFTER", 0.01)
    monkeypatch.setattr(demo, "LOOK_AGAIN", 0.01)
    async with on_stage(tmp_path) as standing:
        yield standing


@asynccontextmanager
async def on_stage(data: Path) -> AsyncIterator[Stage]:
    async with service(data, session_grace=0) as desk:
        made = await demo.prepare(desk.services)
        cast = demo.Cast(desk.services, made, desk.url, QuietBot)
        cast.start()
        try:
            yield Stage(desk, made, cast)
        finally:
            await cast.close()
            assert cast.playing == frozenset()


ALL = tuple(part.key for part in demo.PARTS)


async def test_bots_play_every_role_and_the_host_s_begins(stage: Stage) -> None:
    await stage.until_playing(*ALL)
    await stage.until_active(1)
    state = await stage.desk.services.hub.state(stage.made.meeting)
    assert all(person.present for person in state.participants.values())


@pytest.mark.parametrize("key", ["newcomer", "host", "officer:forsakringskassan"])
async def test_a_bot_leaves_when_a_person_takes_its_role_and_comes_back(stage: Stage, key: str) -> None:
    await stage.until_playing(*ALL)
    person = await stage.person(key)
    await stage.until_playing(*(other for other in ALL if other != key))
    with contextlib.suppress(ConnectionLost):
        await person.call("session.leave")
    await stage.until_playing(*ALL)
    await person.close()


async def test_a_person_s_own_session_is_not_disturbed_by_the_bot(stage: Stage) -> None:
    await stage.until_playing(*ALL)
    person = await stage.person("interpreter")
    await stage.until_playing(*(other for other in ALL if other != "interpreter"))
    other = await stage.person("newcomer")
    await stage.until_playing(*(key for key in ALL if key not in ("interpreter", "newcomer")))
    assert person.closed_with is None
    assert person.connected
    await person.close()
    await other.close()


async def test_the_bots_stop_when_the_meeting_ends(stage: Stage) -> None:
    await stage.until_playing(*ALL)
    await stage.desk.call("POST", f"/api/v1/meetings/{stage.made.meeting}/end", token=stage.made.host_token)
    await stage.until_playing()


async def test_the_meeting_is_kept_while_it_is_open_and_replaced_when_it_has_ended(tmp_path: Path) -> None:
    async with service(tmp_path) as desk:
        first = await demo.prepare(desk.services)
        second = await demo.prepare(desk.services)
        assert (second.meeting, second.links) == (first.meeting, first.links)
        await desk.call("POST", f"/api/v1/meetings/{first.meeting}/end", token=first.host_token)
        third = await demo.prepare(desk.services)
        assert third.meeting != first.meeting
        assert set(third.links) == set(first.links)
        assert (tmp_path / demo.DEMO_FILE).stat().st_mode & 0o077 == 0


def test_the_bot_leads_in_turn_until_somebody_else_has_led() -> None:
    story = gathered()
    assert demo.next_station(story.meeting, None) == 1
    story.do(cmd.StartStation(actor=HOST, station=1))
    assert demo.next_station(story.meeting, 1) == 2
    story.do(cmd.StartStation(actor=STAFF, station=2))
    assert demo.next_station(story.meeting, 1) is None
    assert demo.next_station(story.meeting, None) is None
