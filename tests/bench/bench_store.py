"""How long the SQLite store takes here: `python -m tests.bench.bench_store [folder]`. Asserts nothing."""

import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from rooms import events as ev
from rooms.people import Party
from rooms.store.base import Store
from rooms.store.sqlite import open_sqlite
from tests.bench.chart import times
from tests.bench.figures import load, part, write

Measured = Callable[[], Awaitable[object]]
Found = list[tuple[str, float, float]]
"""What was done, and its median and p95 in milliseconds."""


def created(meeting: str) -> ev.MeetingCreated:
    return ev.MeetingCreated(
        at=1.0,
        actor="staff:s_1",
        meeting=meeting,
        site="lund",
        route=None,
        alias="Family Ek",
        party=Party(2, 3),
        languages=("ti", "sv"),
        planned_at=None,
        room=None,
    )


def message(number: int) -> ev.MessageSent:
    return ev.MessageSent(
        at=2.0,
        actor="p_1",
        message=f"c_{number}",
        sender="p_1",
        text="Where do I sign the form about the flat? " * 3,
        station=1,
        line=None,
        seen_by=("p_1", "p_2", "p_3"),
    )


async def timed(call: Measured) -> float:
    start = time.perf_counter()
    await call()
    return (time.perf_counter() - start) * 1e3


def shown(what: str, taken: list[float]) -> tuple[str, float, float]:
    middle, late, worst = (part(taken, share) for share in (0.5, 0.95, 1.0))
    print(f"{what:<44} median {middle:8.2f} ms   95 % {late:8.2f} ms   worst {worst:8.2f} ms")
    return what, middle, late


async def opening(folder: Path) -> Found:
    async def once(number: int) -> None:
        await (await open_sqlite(folder / f"open{number}.db")).close()

    fresh = [await timed(partial(once, n)) for n in range(20)]
    existing = [await timed(lambda: once(0)) for _ in range(20)]
    return [shown("open a fresh database", fresh), shown("open an existing database", existing)]


async def appending(store: Store) -> Found:
    await store.events.append("meeting/one", 0, [created("one")])
    append = store.events.append
    alone = [await timed(partial(append, "meeting/one", n, [message(n)])) for n in range(1, 1001)]
    for number in range(20):
        await store.events.append(f"meeting/m_{number}", 0, [created(f"m_{number}")])

    async def meeting(number: int) -> list[float]:
        stream = f"meeting/m_{number}"
        return [await timed(partial(store.events.append, stream, n, [message(n)])) for n in range(1, 51)]

    start = time.perf_counter()
    answers = await asyncio.gather(*(meeting(number) for number in range(20)))
    rate = 1000 / (time.perf_counter() - start)
    together = [one for taken in answers for one in taken]
    return [
        shown("append one event", alone),
        shown(f"append, 20 meetings at once ({rate:.0f} a second)", together),
    ]


async def reading(store: Store) -> Found:
    read = [await timed(lambda: store.events.read("meeting/one")) for _ in range(10)]
    verified = [await timed(store.events.verify) for _ in range(5)]
    return [shown("read 1001 events", read), shown("verify 2021 events", verified)]


async def keeping(store: Store) -> Found:
    put = [await timed(partial(store.records.put_if_absent, "link", str(n), {"n": n})) for n in range(300)]
    got = [await timed(partial(store.records.get, "link", str(n))) for n in range(300)]
    return [shown("put a record", put), shown("get a record", got)]


async def main(folder: Path) -> None:
    before, found = load(), await opening(folder)
    store = await open_sqlite(folder / "rooms.db")
    for each in (appending, reading, keeping):
        found += await each(store)
    found.append(shown("erase", [await timed(lambda: store.events.erase("meeting/one", "newcomer"))]))
    await store.close()
    path = write("store", {"milliseconds": found, "load": [before, load()]})
    print(path)
    times(path, found)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as scratch:
        asyncio.run(main(Path(scratch)))
