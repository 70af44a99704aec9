"""What a meeting has said of the newcomer is erased so many days after it, by itself."""

from pathlib import Path
from typing import Any

import pytest

from rooms.store.base import StoreUnavailable
from tests.support.rest import Clock, Service, service

DAY = 86400.0
BEGIN = 1_800_000_000.0
PLANNED = "2027-02-04T08:00:00Z"
"""Twenty days after `BEGIN`."""


class Literal(Clock):
    def __call__(self) -> float:
        return BEGIN + self.ahead


def at(day: float) -> Literal:
    clock = Literal()
    clock.ahead = day * DAY
    return clock


async def erased(desk: Service, meeting: str, day: float) -> bool:
    desk.clock.ahead = day * DAY
    await desk.services.hub.sweep()
    return (await desk.call("GET", f"/api/v1/meetings/{meeting}")).status == 404


async def alias(desk: Service, meeting: str) -> str:
    recorded = await desk.services.store.events.read(f"meeting/{meeting}")
    return str(recorded[0].event.alias)  # type: ignore[attr-defined]


async def test_thirty_days_after_its_end(tmp_path: Path) -> None:
    async with service(tmp_path, clock=at(0)) as desk:
        meeting = (await desk.meeting())["id"]
        desk.clock.ahead = 2 * DAY
        await desk.call("POST", f"/api/v1/meetings/{meeting}/end")
        assert not await erased(desk, meeting, 31.9)
        assert await alias(desk, meeting) == "Samira"
        assert await erased(desk, meeting, 32)
        assert await alias(desk, meeting) == ""


async def test_thirty_days_after_it_was_planned_or_made_when_nobody_ended_it(tmp_path: Path) -> None:
    async with service(tmp_path, clock=at(0)) as desk:
        made = (await desk.meeting())["id"]
        planned = (await desk.meeting(planned_at=PLANNED))["id"]
        long_ago = (await desk.meeting(planned_at="2026-01-01T08:00:00Z"))["id"]
        assert not await erased(desk, made, 29.9)
        assert not await erased(desk, long_ago, 29.9)
        assert await erased(desk, made, 30)
        assert await erased(desk, long_ago, 30)
        assert not await erased(desk, planned, 49.9)
        assert await erased(desk, planned, 51)


async def test_the_days_are_a_setting(tmp_path: Path) -> None:
    async with service(tmp_path, clock=at(0), retention_days=2) as desk:
        meeting = (await desk.meeting())["id"]
        assert not await erased(desk, meeting, 1.9)
        assert await erased(desk, meeting, 2)


async def test_what_is_erased_leaves_memory_and_does_not_come_back_into_it(tmp_path: Path) -> None:
    async with service(tmp_path, clock=at(0)) as desk:
        meeting = (await desk.meeting())["id"]
        assert await erased(desk, meeting, 30)
        assert desk.services.hub._lives == {}
    async with service(tmp_path, clock=at(31)) as desk:
        assert desk.services.hub._lives == {}
        assert (await desk.call("GET", f"/api/v1/meetings/{meeting}")).status == 404
        assert desk.services.hub._lives == {}


@pytest.mark.parametrize("restart", [False, True])
async def test_an_erasure_that_is_interrupted_is_finished(
    tmp_path: Path, restart: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*args: Any) -> None:
        raise StoreUnavailable("the disk is gone")

    clock = at(0)
    async with service(tmp_path, clock=clock) as desk:
        meeting = (await desk.meeting())["id"]
        with monkeypatch.context() as broken:
            broken.setattr(desk.services.store.events, "erase", fail)
            assert (await desk.call("DELETE", f"/api/v1/meetings/{meeting}")).status == 503
        assert await alias(desk, meeting) == "Samira"
        if not restart:
            await desk.services.hub.sweep()
            assert await alias(desk, meeting) == ""
    if restart:
        async with service(tmp_path, clock=clock) as desk:
            await desk.services.hub.sweep()
            assert await alias(desk, meeting) == ""
            assert desk.services.hub._lives == {}


async def test_one_that_cannot_be_erased_does_not_keep_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with service(tmp_path, clock=at(0)) as desk:
        first, second = [(await desk.meeting())["id"] for _ in range(2)]
        erase = desk.services.store.events.erase

        async def fail_first(stream: str, owner: str) -> None:
            if first in stream:
                raise StoreUnavailable("the disk is full")
            await erase(stream, owner)

        monkeypatch.setattr(desk.services.store.events, "erase", fail_first)
        await erased(desk, first, 30)
        assert (await alias(desk, first), await alias(desk, second)) == ("Samira", "")
