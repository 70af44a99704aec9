"""Nodes that die, freeze, are cut off and stopped, over a store that hangs: seeded, in virtual time. Nobody
adds to a meeting that another one has taken, nothing acknowledged is lost, and no meeting is left alone.
"""

import asyncio
import itertools
from pathlib import Path

import pytest

from tests.signaling.cluster_rig import Several
from tests.support.virtual_time import run

NAMES = ("a", "b", "c")
MEETINGS = 9
TROUBLE, HEALED = 60.0, 45.0
"""Seconds of virtual time: in which something happens all the time, and until all is well again."""


async def write(it: Several) -> None:
    """Nobody waits until another one has been answered."""
    async with asyncio.TaskGroup() as writing:
        for number in itertools.count():
            await asyncio.sleep(it.chance.uniform(0.1, 0.5))
            if it.running:
                name, meeting = it.chance.choice(list(it.running)), it.chance.choice(list(it.acknowledged))
                writing.create_task(it.write(name, meeting, f"rad {number}"))


async def trouble(it: Several) -> None:
    """One thing after the other; several may go on at once."""
    happening: set[asyncio.Task[None]] = set()
    until = asyncio.get_running_loop().time() + TROUBLE
    while asyncio.get_running_loop().time() < until:
        await asyncio.sleep(it.chance.uniform(0.2, 6.0))
        happening.add(asyncio.create_task(it.chance.choice(TROUBLES)(it)))
    await asyncio.gather(*happening)


async def hang(it: Several) -> None:
    it.shared.goes.clear()
    await asyncio.sleep(it.chance.uniform(0.5, 12.0))
    it.shared.goes.set()


async def slow(it: Several) -> None:
    it.shared.slow = it.chance.uniform(0.1, 1.5)
    await asyncio.sleep(it.chance.uniform(2.0, 20.0))
    it.shared.slow = 0.01


async def cut(it: Several) -> None:
    if it.running:
        line = it.running[it.chance.choice(list(it.running))].line
        line.passes.clear()
        await asyncio.sleep(it.chance.uniform(0.5, 30.0))
        line.passes.set()


async def freeze(it: Several) -> None:
    if it.running:
        line = it.running[it.chance.choice(list(it.running))].line
        line.thawed.clear()
        await asyncio.sleep(it.chance.uniform(0.5, 15.0))
        line.thawed.set()


async def kill(it: Several) -> None:
    if it.running:
        name = it.chance.choice(list(it.running))
        it.kill(name)
        await asyncio.sleep(it.chance.uniform(0.0, 10.0))
        await it.start(name)


async def stop(it: Several) -> None:
    names = [name for name, each in it.running.items() if each.line.thawed.is_set()]
    if names:
        name = it.chance.choice(names)
        process = it.running[name]
        closing = asyncio.create_task(process.do(process.hub.close()))
        await asyncio.wait([closing], timeout=60.0)
        if it.running.get(name) is process:
            it.kill(name)
            await it.start(name)


TROUBLES = (hang, slow, cut, freeze, kill, kill, stop)


async def through(folder: Path, seed: int) -> None:
    it = Several(folder, seed)
    await asyncio.gather(*(it.start(name) for name in NAMES))
    for number in range(MEETINGS):
        await it.meeting(NAMES[number % len(NAMES)])
    writes = asyncio.create_task(write(it))
    await trouble(it)
    await asyncio.sleep(HEALED)
    writes.cancel()
    await asyncio.gather(writes, return_exceptions=True)
    assert sum(map(len, it.acknowledged.values())) > TROUBLE, "hardly anything could be written"
    for meeting in it.acknowledged:
        [name] = it.acting(meeting)
        await it.write(name, meeting, "till slut")
        assert it.acknowledged[meeting][-1:] == ["till slut"]
        assert await it.lost(meeting) == []
        fences = [fence for of, fence, _ in it.shared.log if of == meeting]
        assert fences == sorted(fences)
        writers = {(fence, node) for of, fence, node in it.shared.log if of == meeting}
        assert len(writers) == len(set(fences)), "two nodes with one token"
        process = it.running[name]
        assert process.hub.lives[meeting].fence == process.cluster.held[meeting] == fences[-1]


@pytest.mark.parametrize("seed", range(3))
def test_all_is_well_again_after_any_trouble(tmp_path: Path, seed: int) -> None:
    run(through(tmp_path, seed))
