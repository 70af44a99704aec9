"""A meeting that is over leaves memory, and is there again for whoever asks for it."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from rooms import commands as cmd
from rooms.store.base import StoreUnavailable
from tests.support.rest import SITE, Service, service


def loaded(desk: Service) -> set[str]:
    return set(desk.services.hub._lives)


async def until_loaded(desk: Service, *meetings: str) -> None:
    async with asyncio.timeout(10):
        while loaded(desk) != set(meetings):
            await asyncio.sleep(0)


async def ended(desk: Service) -> str:
    meeting: str = (await desk.meeting())["id"]
    assert (await desk.call("POST", f"/api/v1/meetings/{meeting}/end")).status == 200
    await until_loaded(desk)
    return meeting


async def listed(desk: Service, query: str = "") -> list[tuple[str, str]]:
    answer = await desk.call("GET", f"/api/v1/meetings?site={SITE}{query}")
    assert answer.status == 200, answer.body
    return [(each["id"], each["state"]) for each in answer.json["meetings"]]


async def test_one_that_has_ended_is_still_read_and_listed_and_does_not_stay(tmp_path: Path) -> None:
    async with service(tmp_path) as desk:
        going_on = (await desk.meeting())["id"]
        meeting = (await desk.meeting())["id"]
        await desk.call("POST", f"/api/v1/meetings/{meeting}/end")
        await until_loaded(desk, going_on)
        read = await desk.call("GET", f"/api/v1/meetings/{meeting}")
        assert (read.status, read.json["state"], read.json["alias"]) == (200, "ended", "Samira")
        await until_loaded(desk, going_on)
        assert {each for each, _ in await listed(desk)} == {going_on, meeting}
        assert await listed(desk, "&date=2020-01-01") == []
        assert loaded(desk) == {going_on}


async def test_it_takes_no_command_but_its_erasure(tmp_path: Path) -> None:
    async with service(tmp_path) as desk:
        meeting = await ended(desk)
        refused = await desk.call("POST", f"/api/v1/meetings/{meeting}/stations/1/start")
        assert refused.code == "meeting_ended"
        await until_loaded(desk)
        assert (await desk.call("POST", f"/api/v1/meetings/{meeting}/end")).status == 200
        answers = await asyncio.gather(
            *(desk.call("GET", f"/api/v1/meetings/{meeting}") for _ in range(5)),
            desk.call("DELETE", f"/api/v1/meetings/{meeting}"),
        )
        assert {answer.status for answer in answers[:5]} <= {200, 404}
        assert answers[5].status == 204
        assert (await desk.call("GET", f"/api/v1/meetings/{meeting}")).status == 404
        assert await listed(desk) == []
        await until_loaded(desk)


async def test_after_a_restart_only_those_that_go_on_are_in_memory(tmp_path: Path) -> None:
    async with service(tmp_path) as desk:
        over = await ended(desk)
        going_on = (await desk.meeting())["id"]
    async with service(tmp_path) as desk:
        await until_loaded(desk, going_on)
        assert {each for each, _ in await listed(desk)} == {over, going_on}


async def test_an_end_that_cannot_be_saved_stays_in_memory_until_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with service(tmp_path) as desk:
        meeting = (await desk.meeting())["id"]
        events = desk.services.store.events

        async def fail(*args: Any, **named: Any) -> int:
            raise StoreUnavailable("the disk is full")

        with monkeypatch.context() as broken:
            broken.setattr(events, "append", fail)
            await desk.services.hub.execute(meeting, cmd.End(actor=cmd.SYSTEM))
            assert (await desk.services.hub.state(meeting)).ended
            assert loaded(desk) == {meeting}
        await until_loaded(desk)
        assert (await desk.services.hub.state(meeting)).ended


async def test_while_the_store_is_down_those_that_go_on_are_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with service(tmp_path) as desk:
        over = await ended(desk)
        going_on = (await desk.meeting())["id"]

        async def fail(*args: Any) -> Any:
            raise StoreUnavailable("the disk is gone")

        with monkeypatch.context() as broken:
            broken.setattr(desk.services.store.events, "read", fail)
            known = await desk.services.hub.meetings(SITE, None)
            assert [state.id for state in known] == [going_on]
        assert {state.id for state in await desk.services.hub.meetings(SITE, None)} == {over, going_on}
