"""One node at a time acts for a name, and who comes too late cannot write. The same over every store."""

import asyncio

import pytest

from rooms.store.base import Fenced, Store, StoreUnavailable
from rooms.store.leases import KIND, Leases
from tests.rooms.store.samples import STREAM, Clock, created, paused

NAME = "m_1"
LIFETIME = 10.0


@pytest.fixture
def a(store: Store, clock: Clock) -> Leases:
    return Leases(store.records, "a/1", LIFETIME, clock)


@pytest.fixture
def b(store: Store, clock: Clock) -> Leases:
    return Leases(store.records, "b/1", LIFETIME, clock)


async def test_of_many_nodes_at_once_one_gets_it(store: Store, clock: Clock) -> None:
    nodes = [Leases(store.records, f"node {n}", LIFETIME, clock) for n in range(20)]

    taken = await asyncio.gather(*(node.take(NAME) for node in nodes))

    [held] = [lease for lease in taken if lease is not None]
    assert await nodes[0].holder(NAME) == held.node


async def test_nobody_else_gets_it_while_it_is_renewed(a: Leases, b: Leases, clock: Clock) -> None:
    lease = await a.take(NAME)
    assert lease is not None
    fence = lease.fence
    for _ in range(5):
        clock.now += LIFETIME - 1
        lease = await a.renew(lease)
        assert lease is not None
        assert lease.fence == fence
        assert lease.holds(clock.now, margin=5.0)
        assert await b.take(NAME) is None
    assert await b.take("m_2") is not None


async def test_it_is_over_at_its_instant_for_its_holder_too(a: Leases, b: Leases, clock: Clock) -> None:
    lease = await a.take(NAME)
    assert lease is not None
    clock.now = lease.expires_at - 1.0
    assert lease.holds(clock.now)
    assert not lease.holds(clock.now, margin=1.0)
    clock.now = lease.expires_at
    assert not lease.holds(clock.now)
    assert await a.holder(NAME) is None
    assert await a.renew(lease) is None

    later = await b.take(NAME)

    assert later is not None
    assert later.fence > lease.fence
    assert await a.renew(lease) is None
    assert await a.take(NAME) is None


async def test_who_comes_too_late_cannot_write(store: Store, a: Leases, b: Leases, clock: Clock) -> None:
    early = await a.take(NAME)
    assert early is not None
    await store.events.append(STREAM, 0, [created()], fence=early.fence)
    clock.now += LIFETIME
    late = await b.take(NAME)
    assert late is not None
    await store.events.append(STREAM, 1, [paused()], fence=late.fence)

    with pytest.raises(Fenced):
        await store.events.append(STREAM, 2, [paused(15.0)], fence=early.fence)

    await b.release(late)
    again = await a.take(NAME)
    assert again is not None
    assert again.fence > late.fence
    assert await store.events.append(STREAM, 2, [paused(15.0)], fence=again.fence) == 3


async def test_it_is_given_back_at_once_and_only_by_its_holder(a: Leases, b: Leases, clock: Clock) -> None:
    first = await a.take(NAME)
    assert first is not None
    await a.release(first)
    second = await b.take(NAME)
    assert second is not None

    await a.release(first)

    assert await a.holder(NAME) == "b/1"
    assert await b.renew(second) is not None


async def test_a_lease_whose_answer_was_lost_is_found_again(
    store: Store, a: Leases, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lost(*args: object) -> None:
        raise StoreUnavailable("the connection broke")

    lease = await a.take(NAME)
    assert lease is not None
    same = await a.take(NAME)
    assert same is not None
    assert same.fence == lease.fence

    with monkeypatch.context() as broken:
        broken.setattr(store.records, "get", lost)
        with pytest.raises(StoreUnavailable):
            await a.renew(lease)
    clock.now += 1.0
    renewed = await a.renew(lease)
    assert renewed is not None
    assert renewed.fence == lease.fence
    assert renewed.expires_at == clock.now + LIFETIME


async def test_the_record_tells_who_and_nothing_else(store: Store, a: Leases) -> None:
    await a.take(NAME)
    [(key, record)] = await store.records.scan(KIND)
    assert (key, dict(record.value)) == (NAME, {"node": "a/1"})
