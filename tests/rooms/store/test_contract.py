"""What every store promises."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from rooms import events as ev
from rooms.events import Event
from rooms.meeting import fold
from rooms.people import Party
from rooms.store.base import (
    ContentErased,
    Fenced,
    Recorded,
    SlowReader,
    Store,
    StoreUnavailable,
    UnknownEvent,
    Unstorable,
    VersionConflict,
)
from rooms.store.codec import Codec
from rooms.store.content import NEWCOMER, SERVICE, of_agency
from rooms.store.feed import LIMIT
from tests.rooms.store.conftest import Opener
from tests.rooms.store.samples import SECRET, STREAM, Clock, a_day, created, message, paused, station


def events_of(recorded: Sequence[Recorded]) -> list[Event]:
    return [one.event for one in recorded]


class TestEvents:
    async def test_come_back_in_order_with_versions_from_1(self, store: Store) -> None:
        assert await store.events.append(STREAM, 0, a_day()) == len(a_day())

        recorded = await store.events.read(STREAM)

        assert events_of(recorded) == a_day()
        assert [one.version for one in recorded] == list(range(1, len(a_day()) + 1))
        assert {one.stream for one in recorded} == {STREAM}

    async def test_are_read_above_a_version(self, store: Store) -> None:
        await store.events.append(STREAM, 0, [created(), station()])
        assert await store.events.append(STREAM, 2, [message()]) == 3

        assert await store.events.read(STREAM, after=2) == [Recorded(STREAM, 3, message())]
        assert await store.events.read(STREAM, after=3) == []
        assert await store.events.read(STREAM, after=99) == []

    async def test_do_not_exist_in_an_unknown_stream(self, store: Store) -> None:
        assert await store.events.read("meeting/m_none") == []
        assert await store.events.read("meeting/\ud800 ' --") == []

    async def test_go_only_into_a_stream_with_a_proper_name(self, store: Store) -> None:
        for name in (
            "meeting/",
            "m_1",
            "meeting/a|2",
            "meeting/a b",
            "Meeting/a",
            "meeting/å",
            "meeting/a\n",
        ):
            with pytest.raises(ValueError, match="not a stream name"):
                await store.events.append(name, 0, [created()])
        assert await store.events.streams("") == []

    async def test_are_refused_at_another_version(self, store: Store) -> None:
        await store.events.append(STREAM, 0, [created()])

        for expected in (0, 2):
            with pytest.raises(VersionConflict) as conflict:
                await store.events.append(STREAM, expected, [paused()])
            assert (conflict.value.expected, conflict.value.actual) == (expected, 1)
        assert events_of(await store.events.read(STREAM)) == [created()]

    async def test_of_many_writers_at_once_only_one_wins(self, store: Store) -> None:
        await store.events.append(STREAM, 0, [created()])
        batches = [[message(f"writer {n}", n), paused(float(n))] for n in range(20)]

        answers = await asyncio.gather(
            *(store.events.append(STREAM, 1, batch) for batch in batches), return_exceptions=True
        )

        winners = [n for n, answer in enumerate(answers) if answer == 3]
        assert len(winners) == 1
        assert sum(isinstance(answer, VersionConflict) for answer in answers) == 19
        assert events_of(await store.events.read(STREAM, after=1)) == batches[winners[0]]

    @pytest.mark.parametrize(
        "bad",
        [
            paused(at=float("nan")),
            paused(at=2**53 + 1),
            message("\ud800"),
            ev.StationFinished(at=1.0, actor="p", number="one"),  # type: ignore[arg-type]
            ev.StationStarted(at=1.0, actor="p", number=1, returned=[2]),  # type: ignore[arg-type]
            ev.Event(at=1.0, actor="p"),
        ],
        ids=lambda event: type(event).__name__,
    )
    async def test_with_one_that_cannot_be_stored_change_nothing(self, store: Store, bad: Event) -> None:
        await store.events.append(STREAM, 0, [created()])

        with pytest.raises(Unstorable):
            await store.events.append(STREAM, 1, [message(), bad])
        with pytest.raises(Unstorable):
            await store.events.append("meeting/m_2", 0, [created("m_2"), bad])

        assert events_of(await store.events.read(STREAM)) == [created()]
        assert await store.events.streams("meeting/") == [STREAM]
        assert await store.events.verify() == []

    async def test_are_refused_from_an_owner_of_before(self, store: Store) -> None:
        await store.events.append(STREAM, 0, [created()], fence=7)
        await store.events.append(STREAM, 1, [paused()], fence=7)
        await store.events.append(STREAM, 2, [paused(15.0)], fence=9)

        for late in (0, 7, 8):
            with pytest.raises(Fenced):
                await store.events.append(STREAM, 3, [paused(16.0)], fence=late)

        assert len(await store.events.read(STREAM)) == 3
        assert await store.events.append(STREAM, 3, [paused(16.0)], fence=9) == 4
        assert await store.events.append("meeting/m_2", 0, [created("m_2")]) == 1

    async def test_none_at_all_change_nothing(self, store: Store) -> None:
        assert await store.events.append(STREAM, 0, []) == 0
        assert await store.events.streams("") == []
        with pytest.raises(VersionConflict):
            await store.events.append(STREAM, 1, [])

    async def test_streams_are_listed_by_prefix(self, store: Store) -> None:
        for name in ("meeting/m_2", "meeting/m_1", "site/lund", "meeting/m_10"):
            await store.events.append(name, 0, [created()])

        assert await store.events.streams("meeting/") == ["meeting/m_1", "meeting/m_10", "meeting/m_2"]
        assert await store.events.streams("meeting/m_1") == ["meeting/m_1", "meeting/m_10"]
        assert await store.events.streams("meeting/_") == []
        assert len(await store.events.streams("")) == 4


class TestSubscribing:
    async def test_brings_what_is_appended_afterwards_in_order(self, store: Store) -> None:
        await store.events.append(STREAM, 0, [created()])
        async with store.events.subscribe("meeting/") as feed:
            await store.events.append(STREAM, 1, [station(), message()])
            await store.events.append("site/lund", 0, [paused()])
            await store.events.append("meeting/m_2", 0, [created("m_2")])

            async with asyncio.timeout(5):
                got = [await anext(feed) for _ in range(3)]

        assert got == [
            Recorded(STREAM, 2, station()),
            Recorded(STREAM, 3, message()),
            Recorded("meeting/m_2", 1, created("m_2")),
        ]

    async def test_starts_for_each_reader_when_it_comes(self, store: Store) -> None:
        async with store.events.subscribe("meeting/") as early:
            await store.events.append(STREAM, 0, [created()])
            async with store.events.subscribe("meeting/") as late:
                await store.events.append(STREAM, 1, [paused()])
                async with asyncio.timeout(5):
                    assert (await anext(late)).version == 2
                    assert [(await anext(early)).version for _ in range(2)] == [1, 2]

    async def test_tells_a_slow_reader_that_it_has_missed_something(self, store: Store) -> None:
        async with store.events.subscribe("meeting/") as feed:
            await store.events.append(STREAM, 0, [created(), *(paused(float(n)) for n in range(LIMIT + 5))])
            await store.events.append("meeting/m_2", 0, [created("m_2")])
            async with asyncio.timeout(5):
                versions = [(await anext(feed)).version for _ in range(LIMIT)]
                with pytest.raises(SlowReader):
                    await anext(feed)
        assert versions == list(range(1, LIMIT + 1))

    async def test_ends_with_the_store(self, store: Store) -> None:
        async with store.events.subscribe("meeting/") as feed:
            await store.events.append(STREAM, 0, [created()])
            await store.close()
            async with asyncio.timeout(5):
                assert [one.version async for one in feed] == [1]


class TestErasure:
    async def test_leaves_a_log_that_can_be_folded_without_the_content(self, store: Store) -> None:
        await store.events.append(STREAM, 0, a_day())

        await store.events.erase(STREAM, NEWCOMER)

        state = fold(events_of(await store.events.read(STREAM)))
        assert state is not None
        assert (state.alias, state.party) == ("", Party())
        assert [s.purpose for s in state.stations] == [""]
        assert [m.text for m in state.messages] == [""]
        assert state.messages[0].seen_by == {"p_1", "p_2"}
        names = {p.id: p.name for p in state.participants.values()}
        assert names == {"p_1": "", "p_2": "Olof Officer", "p_3": "Ines Interpreter"}

    async def test_concerns_one_owner_in_one_stream(self, store: Store) -> None:
        await store.events.append(STREAM, 0, a_day())
        await store.events.append("meeting/m_2", 0, a_day())

        await store.events.erase(STREAM, of_agency("migration"))
        await store.events.erase(STREAM, SERVICE)

        read = events_of(await store.events.read(STREAM))
        names = [event.name for event in read if isinstance(event, ev.ParticipantInvited)]
        assert names == ["Selam", "", ""]
        assert message() in read
        assert events_of(await store.events.read("meeting/m_2")) == a_day()

    async def test_is_final(self, store: Store) -> None:
        await store.events.append(STREAM, 0, a_day())
        await store.events.erase(STREAM, NEWCOMER)

        with pytest.raises(ContentErased):
            await store.events.append(STREAM, len(a_day()), [paused(), message("once more")])

        assert len(await store.events.read(STREAM)) == len(a_day())
        assert await store.events.append(STREAM, len(a_day()), [paused(20.0)]) == len(a_day()) + 1

    async def test_may_be_repeated_and_keeps_the_chains_whole(self, store: Store) -> None:
        await store.events.append(STREAM, 0, a_day())
        await store.events.erase(STREAM, NEWCOMER)
        heads = await store.events.heads()
        await store.events.erase(STREAM, NEWCOMER)

        assert await store.events.heads() == heads
        assert heads.service.version == 2
        assert await store.events.verify() == []

    async def test_before_any_content_keeps_content_out(self, store: Store) -> None:
        await store.events.append(STREAM, 0, [created()])
        await store.events.erase(STREAM, of_agency("tax"))
        await store.events.erase(STREAM, of_agency("tax"))

        assert await store.events.verify() == []
        assert (await store.events.heads()).service.version == 2

    async def test_of_an_unknown_stream_is_a_mistake(self, store: Store) -> None:
        with pytest.raises(LookupError):
            await store.events.erase("meeting/m_none", NEWCOMER)


class TestVerifying:
    async def test_finds_nothing_in_what_the_store_wrote(self, store: Store) -> None:
        assert await store.events.verify() == []
        for number in range(3):
            await store.events.append(f"meeting/m_{number}", 0, a_day())
            await store.events.append(f"meeting/m_{number}", len(a_day()), [message("more")])
        await store.events.append("agency/tax", 0, [paused()])
        await store.events.erase("meeting/m_1", NEWCOMER)

        heads = await store.events.heads()

        assert await store.events.verify() == []
        assert await store.events.verify(heads) == []
        assert heads.service.version == 4
        assert heads.streams["meeting/m_2"].version == len(a_day()) + 1
        await store.events.append("meeting/m_2", len(a_day()) + 1, [paused(30.0)])
        assert await store.events.verify(heads) == []


@dataclass(frozen=True, slots=True, kw_only=True)
class BellRung(Event):
    times: int


class Next:
    @dataclass(frozen=True, slots=True, kw_only=True)
    class BellRung(Event):
        VERSION = 2
        count: int
        loud: bool


def louder(fields: dict[str, object]) -> dict[str, object]:
    return {
        **{name: value for name, value in fields.items() if name != "times"},
        "count": fields["times"],
        "loud": True,
    }


class TestVersions:
    """On disk, one program reads what another has written."""

    @pytest.fixture(params=["sqlite", "redis"])
    def opener(self, opener: Opener) -> Opener:
        return opener

    async def test_an_older_event_is_brought_up_to_date(self, opener: Opener) -> None:
        older = await opener(Codec([BellRung]))
        await older.events.append("site/lund", 0, [BellRung(at=1.0, actor="a", times=3)])
        newer = await opener(Codec([Next.BellRung], {("bell_rung", 1): louder}))

        read = events_of(await newer.events.read("site/lund"))

        assert read == [Next.BellRung(at=1.0, actor="a", count=3, loud=True)]

    async def test_a_newer_or_unknown_event_is_refused(self, opener: Opener) -> None:
        newer = await opener(Codec([Next.BellRung]))
        await newer.events.append("site/lund", 0, [Next.BellRung(at=1.0, actor="a", count=3, loud=False)])

        for codec in (Codec([BellRung]), Codec([])):
            older = await opener(codec)
            with pytest.raises(UnknownEvent, match="bell_rung version 2"):
                await older.events.read("site/lund")
            assert await older.events.verify() == []

    async def test_an_older_event_that_nobody_can_read_any_more_is_refused(self, opener: Opener) -> None:
        older = await opener(Codec([BellRung]))
        await older.events.append("site/lund", 0, [BellRung(at=1.0, actor="a", times=3)])
        newer = await opener(Codec([Next.BellRung]))

        with pytest.raises(UnknownEvent, match="no longer"):
            await newer.events.read("site/lund")


class TestRecords:
    async def test_are_put_once_and_read(self, store: Store) -> None:
        value = {"meeting": "m_1", "tries": 3, "nested": {"list": [1, 2.5, None, True, "å"]}}
        assert await store.records.put_if_absent("link", "abc", value)
        assert not await store.records.put_if_absent("link", "abc", {"other": 1})
        assert await store.records.put_if_absent("jti", "abc", {})

        record = await store.records.get("link", "abc")

        assert record is not None
        assert record.value == value
        assert record.expires_at is None
        assert await store.records.get("link", "abcd") is None

    async def test_of_a_hundred_who_put_the_same_exactly_one_wins(self, store: Store) -> None:
        answers = await asyncio.gather(
            *(store.records.put_if_absent("link", "abc", {"winner": n}) for n in range(100))
        )
        record = await store.records.get("link", "abc")
        assert answers.count(True) == 1
        assert record is not None
        assert record.value == {"winner": answers.index(True)}

    async def test_of_a_hundred_who_exchange_the_same_version_exactly_one_wins(self, store: Store) -> None:
        await store.records.put_if_absent("link", "abc", {"used": False})
        before = await store.records.get("link", "abc")
        assert before is not None
        answers = await asyncio.gather(
            *(
                store.records.compare_and_set("link", "abc", before.version, {"used": True, "by": n})
                for n in range(100)
            )
        )
        after = await store.records.get("link", "abc")
        assert answers.count(True) == 1
        assert after is not None
        assert after.version != before.version
        assert after.value == {"used": True, "by": answers.index(True)}

    async def test_are_not_exchanged_when_they_were_deleted_and_put_again(self, store: Store) -> None:
        await store.records.put_if_absent("lease", "m_1", {"node": "a"})
        old = await store.records.get("lease", "m_1")
        assert old is not None
        assert await store.records.delete("lease", "m_1")
        assert not await store.records.compare_and_set("lease", "m_1", old.version, {"node": "a"})
        await store.records.put_if_absent("lease", "m_1", {"node": "b"})

        assert not await store.records.compare_and_set("lease", "m_1", old.version, {"node": "a"})
        assert not await store.records.delete("lease", "m_2")

    async def test_expire_at_their_instant(self, store: Store, clock: Clock) -> None:
        await store.records.put_if_absent("jti", "x", {"n": 1}, expires_at=1_010.0)
        first = await store.records.get("jti", "x")
        assert first is not None
        assert first.expires_at == 1_010.0

        clock.now = 1_009.999
        assert not await store.records.put_if_absent("jti", "x", {"n": 2})
        clock.now = 1_010.0
        assert await store.records.get("jti", "x") is None
        assert await store.records.scan("jti") == []
        assert not await store.records.compare_and_set("jti", "x", first.version, {"n": 2})
        assert not await store.records.delete("jti", "x")
        assert await store.records.put_if_absent("jti", "x", {"n": 3})
        assert not await store.records.compare_and_set("jti", "x", first.version, {"n": 4})

    async def test_live_longer_when_exchanged_so(self, store: Store, clock: Clock) -> None:
        await store.records.put_if_absent("session", "s", {}, expires_at=1_010.0)
        held = await store.records.get("session", "s")
        assert held is not None
        assert await store.records.compare_and_set("session", "s", held.version, {}, expires_at=1_020.0)
        clock.now = 1_015.0
        assert await store.records.get("session", "s") is not None

    async def test_are_swept_when_expired(self, store: Store) -> None:
        for number in range(5):
            await store.records.put_if_absent("jti", str(number), {}, expires_at=1_001.0 + number)
        await store.records.put_if_absent("jti", "for ever", {})

        assert await store.records.sweep(1_003.0) == 3
        assert await store.records.sweep(1_003.0) == 0
        assert [key for key, _ in await store.records.scan("jti")] == ["3", "4", "for ever"]

    async def test_are_scanned_by_prefix_in_order(self, store: Store) -> None:
        for key in ("m_1/b", "m_1/a", "m_10/a", "m_2/a", "%", "_"):
            await store.records.put_if_absent("invitation", key, {"key": key})
        await store.records.put_if_absent("other", "m_1/c", {})

        found = await store.records.scan("invitation", "m_1/")

        assert [(key, record.value["key"]) for key, record in found] == [
            ("m_1/a", "m_1/a"),
            ("m_1/b", "m_1/b"),
        ]
        assert [key for key, _ in await store.records.scan("invitation", "%")] == ["%"]
        assert len(await store.records.scan("invitation")) == 6

    async def test_do_not_change_with_the_value_that_was_put(self, store: Store) -> None:
        value = {"list": [1]}
        await store.records.put_if_absent("link", "a", value)
        value["list"].append(2)
        held = await store.records.get("link", "a")
        assert held is not None
        assert held.value == {"list": [1]}

    @pytest.mark.parametrize(
        "value",
        [{"x": float("nan")}, {"x": {1, 2}}, {"x": b"bytes"}, {1: "x"}, {"x": {2: 3}}, {"x": "\ud800"}],
        ids=str,
    )
    async def test_hold_only_what_json_can_hold(self, store: Store, value: dict[str, object]) -> None:
        with pytest.raises(Unstorable):
            await store.records.put_if_absent("link", "a", value)
        assert await store.records.get("link", "a") is None

    @pytest.mark.parametrize("key", ["", "\ud800", "a\x00b", "x" * 513], ids=ascii)
    async def test_that_cannot_exist_are_absent(self, store: Store, key: str) -> None:
        assert await store.records.get("link", key) is None
        assert not await store.records.delete("link", key)
        with pytest.raises(Unstorable):
            await store.records.put_if_absent("link", key, {})

    async def test_expire_at_a_finite_instant_or_never(self, store: Store) -> None:
        with pytest.raises(Unstorable):
            await store.records.put_if_absent("link", "a", {}, expires_at=float("nan"))


async def test_a_closed_store_is_unavailable_and_closes_again(store: Store) -> None:
    await store.close()
    await store.close()
    with pytest.raises(StoreUnavailable):
        await store.events.append(STREAM, 0, [created()])
    with pytest.raises(StoreUnavailable):
        await store.events.read(STREAM)
    with pytest.raises(StoreUnavailable):
        await store.records.get("link", "a")
    with pytest.raises(StoreUnavailable):
        async with store.events.subscribe("meeting/"):
            pass


async def test_no_error_repeats_what_somebody_said(store: Store) -> None:
    with pytest.raises(Unstorable) as refused:
        await store.events.append(STREAM, 0, [message(SECRET + "\ud800")])
    assert SECRET not in str(refused.value)
    assert refused.value.__suppress_context__
