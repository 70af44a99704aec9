"""Nodes that die, freeze, are cut off and stopped, over a store that hangs: seeded, in virtual time. Nobody
adds to a meeting that another one has taken, nothing acknowledged is lost, and no meeting is left alone.
"""

import asyncio
import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from rooms import commands as cmd
from rooms.store.dump import OWNER
from rooms.store.memory import open_memory
from signaling.errors import ServiceUnavailable
from signaling.nodes import Moving
from signaling.others import Others
from tests.rooms.builders import HOST, NEWCOMER, gathered
from tests.signaling.cluster_rig import LIFETIME, Several
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


async def busy(it: Several) -> None:
    it.shared.busy = it.chance.uniform(0.1, 1.0)
    await asyncio.sleep(it.chance.uniform(2.0, 20.0))
    it.shared.busy = 0.0


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


TROUBLES = (hang, slow, busy, cut, freeze, kill, kill, stop)


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
    assert it.shared.killed == []
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


async def several(folder: Path, *names: str, meetings: int = 1) -> Several:
    """All meetings are at the first one."""
    it = Several(folder, 1)
    await it.start(names[0])
    for _ in range(meetings):
        await it.meeting(names[0])
    for name in names[1:]:
        await it.start(name)
    await asyncio.sleep(2 * LIFETIME)
    return it


async def until(true: Callable[[], object], deadline: float = 60.0) -> None:
    """In virtual seconds."""
    async with asyncio.timeout(deadline):
        while not true():
            await asyncio.sleep(0.05)


def test_nobody_waits_for_a_node_that_stands_still(tmp_path: Path) -> None:
    async def waiting() -> None:
        it = await several(tmp_path, "a", "b")
        it.running["a"].line.thawed.clear()
        hub, time = it.running["b"].hub, asyncio.get_running_loop().time
        begun = time()
        with pytest.raises(ServiceUnavailable, match="try again"):
            await it.running["b"].do(hub.execute("m_0", cmd.Pause(actor="p_1")))
        assert time() - begun < LIFETIME + 2
        await until(lambda: hub.acts_for("m_0"))
        await it.write("b", "m_0", "efter")
        assert it.acknowledged["m_0"] == ["efter"]

    run(waiting())


def test_signs_of_life_are_given_while_many_meetings_are_taken_up(tmp_path: Path) -> None:
    async def taking() -> None:
        it = await several(tmp_path, "a", "b", "c", meetings=20)
        it.running["c"].cluster.drain()
        await asyncio.sleep(LIFETIME)
        it.kill("a")
        it.shared.slow = 0.4
        begun = asyncio.get_running_loop().time()
        while len(it.running["b"].hub.lives) < 20:
            await asyncio.sleep(0.1)
            assert "b" in it.running["c"].cluster.view.nodes
        assert asyncio.get_running_loop().time() - begun > 3 * LIFETIME, "too fast to tell"

    run(taking())


def test_a_meeting_that_another_node_takes_while_it_is_opened_is_not_acted_for(tmp_path: Path) -> None:
    async def opening() -> None:
        it = await several(tmp_path, "a", "b")
        it.kill("a")
        b = it.running["b"]
        it.shared.slow = 1.0
        await until(lambda: b.cluster.held)
        fence = b.cluster.held["m_0"]
        records = it.shared.memory.records
        assert await records.compare_and_set(OWNER, "m_0", fence, {"node": "c"})
        await b.do(b.nodes._work["lost"]({"meeting": "m_0", "fence": fence + 1}))
        assert not b.cluster.held
        for _ in range(40):
            await asyncio.sleep(0.05)
            assert not b.hub.acts_for("m_0") or b.hub.lives["m_0"].fence > fence

    run(opening())


def test_a_meeting_that_is_being_given_up_is_not_opened_again_before_its_media_has_ended(
    tmp_path: Path,
) -> None:
    async def again() -> None:
        it = await several(tmp_path, "a")
        a, records = it.running["a"], it.shared.memory.records
        it.shared.busy = 4.0
        fence = a.cluster.held["m_0"]
        assert await records.compare_and_set(OWNER, "m_0", fence, {"node": "gone"})
        told = asyncio.create_task(a.do(a.nodes._work["lost"]({"meeting": "m_0", "fence": fence + 1})))
        await until(lambda: not a.hub.acts_for("m_0"))
        await until(lambda: a.hub.acts_for("m_0"))
        await told
        assert a.hub.lives["m_0"].fence > fence
        assert it.shared.killed == []

    run(again())


def test_a_meeting_that_nobody_can_take_up_keeps_no_other_one_waiting(tmp_path: Path) -> None:
    async def unforeseen() -> None:
        it = await several(tmp_path, "a", "b", meetings=3)
        it.shared.unreadable = {"meeting/m_0"}
        it.kill("a")
        await until(lambda: it.acting("m_1") == it.acting("m_2") == ["b"])
        await it.start("a")
        await it.meeting("a")
        await until(lambda: it.running["b"].hub._others.state("m_3") or it.running["b"].hub.acts_for("m_3"))

    run(unforeseen())


def test_whoever_has_lost_its_name_gives_everything_up_and_takes_nothing(tmp_path: Path) -> None:
    async def displaced() -> None:
        it = await several(tmp_path, "a")
        first = it.running["a"]
        second = await it.start("a")
        assert second.hub.acts_for("m_0")
        await until(lambda: not first.hub.lives, deadline=LIFETIME)
        with pytest.raises(Moving):
            await first.do(first.hub.live("m_0"))
        assert first.hub.displaced
        assert not second.hub.displaced
        await asyncio.sleep(2 * LIFETIME)
        assert second.hub.acts_for("m_0")

    run(displaced())


@pytest.mark.parametrize("left", [("c",), ()], ids=["one stays", "nobody stays"])
def test_nodes_that_stop_at_the_same_time_leave_no_meeting_behind(
    tmp_path: Path, left: tuple[str, ...]
) -> None:
    async def stopping() -> None:
        it = await several(tmp_path, "a", *left, "b", meetings=20)
        it.kill("a")
        await until(lambda: sum(len(it.running[name].hub.lives) for name in ("b", *left)) == 20)
        await it.start("a")
        await asyncio.gather(it.stop("a"), it.stop("b"))
        if not left:
            await asyncio.gather(it.start("a"), it.start("b"))
        await until(lambda: all(len(it.acting(meeting)) == 1 for meeting in it.acknowledged), 2 * LIFETIME)

    run(stopping())


async def test_what_a_node_has_lost_is_read_from_the_log_again() -> None:
    """It knew of a pause that the store does not have."""
    store, story = open_memory(), gathered()
    await store.events.append("meeting/m_1", 0, story.log)
    others = Others(store.events, lambda meeting: False, lambda state: None)
    ahead = gathered()
    ahead.do(cmd.Pause(actor=NEWCOMER))
    following = asyncio.create_task(others.follow())
    try:
        async with asyncio.timeout(30):
            while others.state("m_1") is None:
                await asyncio.sleep(0.01)
        others.put_doubtful(ahead.meeting)
        for said in ("Hej", "Välkommen"):
            written = story.do(cmd.SendMessage(actor=HOST, message=f"msg_{said}", text=said))
            await store.events.append("meeting/m_1", len(story.log) - len(written), written)
        async with asyncio.timeout(30):
            while others.state("m_1") != story.meeting:
                await asyncio.sleep(0.01)
    finally:
        following.cancel()
