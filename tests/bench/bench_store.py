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

Measured = Callable[[], Awaitable[object]]


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


def show(what: str, times: list[float]) -> None:
    times.sort()
    middle, late, worst = (times[int((len(times) - 1) * part)] for part in (0.5, 0.95, 1.0))
    print(f"{what:<44} median {middle:8.2f} ms   95 % {late:8.2f} ms   worst {worst:8.2f} ms")


async def opening(folder: Path) -> None:
    async def once(number: int) -> None:
        await (await open_sqlite(folder / f"open{number}.db")).close()

    show("open a fresh database and close it", [await timed(partial(once, n)) for n in range(20)])
    show("open an existing database and close it", [await timed(lambda: once(0)) for _ in range(20)])


async def appending(store: Store) -> None:
    await store.events.append("meeting/one", 0, [created("one")])
    append = store.events.append
    times = [await timed(partial(append, "meeting/one", n, [message(n)])) for n in range(1, 1001)]
    show("append one event", times)
    for number in range(20):
        await store.events.append(f"meeting/m_{number}", 0, [created(f"m_{number}")])

    async def meeting(number: int) -> list[float]:
        stream = f"meeting/m_{number}"
        return [await timed(partial(store.events.append, stream, n, [message(n)])) for n in range(1, 51)]

    start = time.perf_counter()
    answers = await asyncio.gather(*(meeting(number) for number in range(20)))
    rate = 1000 / (time.perf_counter() - start)
    show(f"append, 20 meetings at once ({rate:.0f} a second)", [one for times in answers for one in times])


async def reading(store: Store) -> None:
    show("read 1001 events", [await timed(lambda: store.events.read("meeting/one")) for _ in range(10)])
    show("verify 2021 events", [await timed(store.events.verify) for _ in range(5)])


async def keeping(store: Store) -> None:
    show(
        "put a record",
        [await timed(partial(store.records.put_if_absent, "link", str(n), {"n": n})) for n in range(300)],
    )
    show("get a record", [await timed(partial(store.records.get, "link", str(n))) for n in range(300)])


async def main(folder: Path) -> None:
    await opening(folder)
    store = await open_sqlite(folder / "rooms.db")
    await appending(store)
    await reading(store)
    await keeping(store)
    show("erase", [await timed(lambda: store.events.erase("meeting/one", "newcomer"))])
    await store.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as scratch:
        asyncio.run(main(Path(scratch)))
