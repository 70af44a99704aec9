"""Several hops of one interpreter at once, in any order, some broken off: never are they in two rooms."""

import asyncio
from collections.abc import Mapping
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from rooms import commands as cmd
from rooms.errors import Rejected
from rooms.meeting import Meeting
from rooms.policy import audience
from rooms.store.base import Record, Records
from rooms.store.memory import open_memory
from signaling.pool import Pool, PoolError
from signaling.tokens import StaffClaims, Tokens
from tests.rooms.builders import Story
from tests.rooms.test_pool import POOL, with_somebody_of_the_pool

ROOMS = ("m_1", "m_2", "m_3")
AMAL = StaffClaims("u_amal", "Amal Said", "interpreter", (), 9e9, "j_1")


class Gates:
    """Every step waits until it is its turn."""

    def __init__(self) -> None:
        self._waiting: list[asyncio.Future[None]] = []

    async def turn(self) -> None:
        gate = asyncio.get_running_loop().create_future()
        self._waiting.append(gate)
        await gate

    def open(self, choice: int) -> None:
        self._waiting = [gate for gate in self._waiting if not gate.done()]
        if self._waiting:
            self._waiting.pop(choice % len(self._waiting)).set_result(None)


class Rooms:
    """Meetings of the core, in which each command takes its time before it is carried out and after it."""

    def __init__(self, gates: Gates) -> None:
        self._gates = gates
        self.stories: dict[str, Story] = {room: with_somebody_of_the_pool(room) for room in ROOMS}

    async def state(self, meeting: str) -> Meeting:
        await self._gates.turn()
        return self.stories[meeting].meeting

    async def execute(self, meeting: str, command: cmd.Command) -> Meeting:
        await self._gates.turn()
        self.stories[meeting].do(command)
        await self._gates.turn()
        return self.stories[meeting].meeting

    def going_on(self) -> list[Meeting]:
        return [story.meeting for story in self.stories.values()]

    def attended(self) -> list[str]:
        """Where the interpreter hears somebody, or is heard by somebody."""
        tables = {room: audience(story.meeting) for room, story in self.stories.items()}
        return [
            room
            for room, table in tables.items()
            if POOL in table or any(POOL in heard for heard in table.values())
        ]


class SlowRecords:
    def __init__(self, records: Records, gates: Gates) -> None:
        self._records = records
        self._gates = gates

    async def put_if_absent(self, kind: str, key: str, value: Mapping[str, Any]) -> bool:
        await self._gates.turn()
        return await self._records.put_if_absent(kind, key, value)

    async def get(self, kind: str, key: str) -> Record | None:
        await self._gates.turn()
        return await self._records.get(kind, key)

    async def compare_and_set(self, kind: str, key: str, version: int, value: Mapping[str, Any]) -> bool:
        await self._gates.turn()
        done = await self._records.compare_and_set(kind, key, version, value)
        await self._gates.turn()
        return done


async def settle() -> None:
    """Everything that can go on without a gate does."""
    for _ in range(8):
        await asyncio.sleep(0)


async def hopping(hops: list[str | None], choices: list[int], broken_off: frozenset[int]) -> None:
    gates = Gates()
    rooms = Rooms(gates)
    store = open_memory()
    tokens: Tokens = None  # type: ignore[assignment]
    records: Records = SlowRecords(store.records, gates)  # type: ignore[assignment]
    pool = Pool(records=records, meetings=rooms, tokens=tokens, clock=lambda: 1.0)
    tasks = [asyncio.create_task(pool.hop(AMAL, room)) for room in hops]
    steps = 0
    while not all(task.done() for task in tasks):
        await settle()
        if steps in broken_off:
            tasks[steps % len(tasks)].cancel()
        gates.open(choices[steps % len(choices)])
        await settle()
        steps += 1
        assert len(rooms.attended()) <= 1, steps
        assert steps < 2_000
    for task in tasks:
        assert task.cancelled() or isinstance(task.exception(), Rejected | PoolError | None)
    await _one_more(pool, gates, rooms)
    await store.close()


async def _one_more(pool: Pool, gates: Gates, rooms: Rooms) -> None:
    """Whatever has happened: the next hop that is left alone arrives."""
    last = asyncio.create_task(pool.hop(AMAL, "m_2"))
    while not last.done():
        await settle()
        gates.open(0)
        await settle()
        assert len(rooms.attended()) <= 1
    assert last.exception() is None
    assert rooms.attended() == ["m_2"]


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    hops=st.lists(st.sampled_from((*ROOMS, None)), min_size=1, max_size=5),
    choices=st.lists(st.integers(0, 12), min_size=1, max_size=40),
    broken_off=st.frozensets(st.integers(0, 40), max_size=2),
)
def test_at_no_step_is_the_interpreter_in_two_rooms(
    hops: list[str | None], choices: list[int], broken_off: frozenset[int]
) -> None:
    asyncio.run(hopping(hops, choices, broken_off))
