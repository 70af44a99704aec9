"""The one order of a batch, and what stands when a step of it fails."""

import asyncio
import contextlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rooms import commands as cmd
from rooms import events as ev
from rooms.decide import decide
from rooms.errors import Reason, Rejected
from rooms.meeting import Meeting, fold
from rooms.people import Place
from rooms.policy import Audience, audience
from signaling import live as live_module
from signaling.dump import RoomDump
from signaling.errors import ServiceError, ServiceUnavailable
from signaling.live import Live
from signaling.restrictions import Kept, Restrictions
from tests.rooms.builders import (
    COMPANION,
    HOST,
    INSURANCE,
    INTERPRETER,
    NEWCOMER,
    TAX,
    gathered,
    started,
    together,
)
from tests.signaling.live_rig import STREAM, Rig, rig, start, within

DEADLINE = 5.0


@pytest.fixture(autouse=True)
def _quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_module, "STORE_RETRY", 0.01)


async def eventually(predicate: Callable[[], object]) -> None:
    """Looked at again at every turn of the loop."""
    async with asyncio.timeout(DEADLINE):
        while not predicate():
            await asyncio.sleep(0)


async def test_a_switch_forbids_then_saves_then_allows_then_tells(tmp_path: Path) -> None:
    async with rig(tmp_path, started(1)) as (it, live):
        await it.attach(live, TAX)
        it.log.clear()
        before = it.workers.flowing
        await live.execute(start(2))
        assert it.kinds()[:4] == ["table", "append", "table", "told"]
        restricted, allowed = it.log[0][1], it.log[2][1]
        assert within(restricted, before)
        assert TAX not in restricted
        assert INSURANCE not in restricted
        assert TAX not in allowed
        assert NEWCOMER in allowed[INSURANCE]
        assert allowed == audience(live.current)


async def test_the_worker_is_told_who_only_enters_and_never_of_a_switch(tmp_path: Path) -> None:
    async with rig(tmp_path, started(1)) as (it, live):
        await live.execute(cmd.Leave(actor=TAX, participant=TAX))
        await it.attach(live, TAX)
        assert it.workers.entering == {TAX}
        await live.execute(start(2))
        assert it.workers.entering == frozenset()


async def test_nothing_is_sent_before_the_append_when_nothing_is_restricted(tmp_path: Path) -> None:
    async with rig(tmp_path, gathered()) as (it, live):
        await live.execute(start(1))
        assert it.kinds() == ["append", "table"]


async def test_nothing_is_sent_at_all_when_the_table_stays(tmp_path: Path) -> None:
    async with rig(tmp_path, started(1)) as (it, live):
        await live.execute(cmd.SetReady(actor=HOST, ready=True))
        assert it.kinds() == ["append"]


async def test_every_table_has_a_higher_revision(tmp_path: Path) -> None:
    async with rig(tmp_path, gathered()) as (it, live):
        for command in (start(1), start(2), cmd.Pause(actor=HOST), cmd.Resume(actor=HOST)):
            await live.execute(command)
        assert it.workers.revisions == sorted(set(it.workers.revisions))


async def test_a_worker_that_does_not_acknowledge_is_dead_and_nothing_is_widened_over_it(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path, started(1)) as (it, live):
        it.workers.deaf = 2
        await live.execute(start(2))
        assert it.kinds() == ["killed", "append", "killed"]
        assert it.workers.flowing == {}
        await live.drop_media()
        assert it.workers.flowing == audience(live.current)


async def test_a_failed_append_leaves_the_restriction_and_nothing_else(tmp_path: Path) -> None:
    async with rig(tmp_path, started(1)) as (it, live):
        _, outbox = await it.attach(live, HOST)
        outbox.frames.clear()
        before = live.current
        it.store.down = True
        with pytest.raises(ServiceUnavailable, match="saved") as refused:
            await live.execute(start(2))
        assert refused.value.code == "store_unavailable"
        assert live.current == before
        assert TAX not in it.workers.flowing
        assert INSURANCE not in it.workers.flowing
        assert outbox.frames == []

        it.store.down = False
        await live.execute(cmd.SetReady(actor=HOST, ready=True))
        assert it.workers.flowing == audience(live.current)
        assert NEWCOMER in it.workers.flowing[TAX]


async def test_consumers_that_a_failed_batch_ended_come_back_with_the_next_one(tmp_path: Path) -> None:
    async with rig(tmp_path, started(1)) as (it, live):
        newcomer, _ = await it.attach(live, NEWCOMER)
        officer, outbox = await it.attach(live, TAX)
        await live.change_media(lambda: live.exchange.create_transport(officer, "recv", None))
        sending = await live.change_media(lambda: live.exchange.create_transport(newcomer, "send", None))
        await live.change_media(lambda: live.exchange.produce(newcomer, sending["id"], "video", "camera", {}))
        await live.reconcile()
        assert outbox.frames[-1]["method"] == "media.newConsumer"
        it.store.down = True
        with pytest.raises(ServiceUnavailable):
            await live.execute(start(2))
        assert outbox.frames[-1]["method"] == "media.consumerClosed"
        it.store.down = False
        await live.execute(cmd.SetReady(actor=HOST, ready=True))
        assert [f["method"] for f in outbox.frames][-1] == "media.newConsumer"


RESTRICTING: tuple[tuple[str, cmd.Command], ...] = (
    ("pause", cmd.Pause(actor=NEWCOMER)),
    ("finish", cmd.FinishStation(actor=HOST, station=1)),
    ("end", cmd.End(actor=HOST)),
    ("remove", cmd.Remove(actor=HOST, participant=INTERPRETER)),
    ("revoke", cmd.RevokeConsent(actor=NEWCOMER, consent="q_1")),
)


@pytest.mark.parametrize(("kind", "command"), RESTRICTING, ids=[kind for kind, _ in RESTRICTING])
async def test_a_restricting_command_acts_at_once_without_the_store_and_is_saved_later(
    tmp_path: Path, kind: str, command: cmd.Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[bytes] = []
    really = os.fsync

    def fsync(descriptor: int) -> None:
        really(descriptor)
        target = Path(f"/proc/self/fd/{descriptor}").resolve()
        if target.is_file():
            synced.append(target.read_bytes())

    monkeypatch.setattr(os, "fsync", fsync)
    async with rig(tmp_path, together()) as (it, live):
        earlier = it.workers.flowing
        it.store.down = True
        await live.execute(command)
        assert it.workers.flowing == audience(live.current)
        assert it.workers.flowing != earlier
        assert within(it.workers.flowing, earlier)
        assert [line["kind"] for line in it.kept] == [kind]
        assert it.kept_file.read_bytes() in synced
        assert it.kept_file.stat().st_mode & 0o777 == 0o600

        it.store.down = False
        await eventually(lambda: it.kept == [])
        assert await it.stored() == live.current


@pytest.mark.parametrize(("kind", "command"), RESTRICTING, ids=[kind for kind, _ in RESTRICTING])
async def test_a_restriction_kept_in_the_file_holds_after_a_restart(
    tmp_path: Path, kind: str, command: cmd.Command
) -> None:
    async with rig(tmp_path, together()) as (it, live):
        it.store.down = True
        await live.execute(command)
        held = live.current
        await live.close("shutting_down", "restart")
        it.store.down = False
        again = await it.open()
        assert again.current == held
        assert it.workers.flowing == audience(held)
        await eventually(lambda: it.kept == [])
        assert await it.stored() == held


async def test_what_the_store_has_already_is_not_carried_out_twice(tmp_path: Path) -> None:
    """The service died after the append and before the file was emptied; the meeting had gone on."""
    story = started(1)
    version = len(story.log)
    story.do(cmd.Pause(actor=HOST))
    kept = Kept("m_1", story.now, cmd.Pause(actor=HOST), version)
    story.do(cmd.Resume(actor=HOST))
    Restrictions(tmp_path / "restrictions.jsonl").keep(kept)
    async with rig(tmp_path, story) as (it, live):
        assert not live.current.paused
        await eventually(lambda: it.kept == [])


async def test_a_restriction_holds_even_if_its_actor_may_no_longer_do_it(tmp_path: Path) -> None:
    story = started(1)
    kept = Kept("m_1", story.now, cmd.Pause(actor=HOST), len(story.log))
    story.do(cmd.Leave(actor=HOST, participant=HOST))
    Restrictions(tmp_path / "restrictions.jsonl").keep(kept)
    async with rig(tmp_path, story) as (_, live):
        assert live.current.paused


async def test_a_pause_is_kept_although_the_clock_has_gone_back_behind_an_earlier_one(tmp_path: Path) -> None:
    story = started(1)
    story.do(cmd.Pause(actor=HOST))
    story.do(cmd.Resume(actor=HOST), after=0.0)
    story.now -= 600.0
    async with rig(tmp_path, story) as (it, live):
        it.store.down = True
        await live.execute(cmd.Pause(actor=HOST))
        it.store.down = False
        again = await it.open()
        assert again.current.paused
        assert it.workers.flowing == {}


async def test_the_first_command_after_the_store_is_back_saves_what_was_kept_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_module, "STORE_RETRY", 1000.0)
    async with rig(tmp_path, started(1)) as (it, live):
        it.store.down = True
        await live.execute(cmd.Pause(actor=HOST))
        it.store.down = False
        await live.execute(cmd.Resume(actor=HOST))
        assert ("append", ["MeetingPaused", "MeetingResumed"]) in it.log
        await eventually(lambda: it.kept == [])
        assert await it.stored() == live.current


async def test_a_restriction_that_cannot_be_kept_either_still_cuts_media(tmp_path: Path) -> None:
    async with rig(tmp_path, started(1)) as (it, live):
        it.store.down = True
        it.disk_full = True
        with pytest.raises(ServiceUnavailable):
            await live.execute(cmd.Pause(actor=HOST))
        assert it.workers.flowing == {}
        assert not live.current.paused
        assert it.kept == []


def test_a_file_of_restrictions_that_cannot_be_understood_is_an_error_and_not_silence(tmp_path: Path) -> None:
    path = tmp_path / "restrictions.jsonl"
    path.write_text('{"meeting": "m_1", "at": 1.0, "kind": "pau')
    with pytest.raises(Exception, match="cannot be understood"):
        Restrictions(path)


async def test_after_a_conflict_the_command_is_decided_again_on_what_the_other_wrote(tmp_path: Path) -> None:
    async with rig(tmp_path, started(1)) as (it, live):
        _, outbox = await it.attach(live, HOST)
        outbox.frames.clear()
        other = ev.StationSkipped(at=it.clock(), actor="staff:lena", number=2)
        it.store.before_append = lambda: it.store.add_elsewhere(other)
        with pytest.raises(Rejected) as refused:
            await live.execute(start(2))
        assert refused.value.reason is Reason.STATION_FINAL
        assert live.current == await it.stored()
        assert it.workers.flowing == audience(live.current)
        assert NEWCOMER in it.workers.flowing[TAX]
        assert [f["params"]["type"] for f in outbox.frames] == ["view_changed"]
        assert outbox.frames[0]["params"]["changes"]["stations"][1]["state"] == "skipped"

        it.store.before_append = lambda: it.store.add_elsewhere(
            ev.ReadyChanged(at=it.clock(), actor=TAX, participant=TAX, ready=True)
        )
        await live.execute(cmd.Pause(actor=HOST))
        assert live.current.paused
        assert live.current == await it.stored()


async def test_a_conflict_while_a_kept_restriction_is_saved_is_resolved(tmp_path: Path) -> None:
    async with rig(tmp_path, started(1)) as (it, live):
        it.store.down = True
        await live.execute(cmd.Pause(actor=HOST))
        await it.store.add_elsewhere(ev.ReadyChanged(at=it.clock(), actor=TAX, participant=TAX, ready=True))
        it.store.down = False
        await eventually(lambda: it.kept == [])
        stored = await it.stored()
        assert stored.paused
        assert stored.participants[TAX].ready


async def test_a_caller_that_goes_away_leaves_no_half_batch(tmp_path: Path) -> None:
    async with rig(tmp_path, started(1)) as (it, live):
        reached, go_on = asyncio.Event(), asyncio.Event()

        async def wait() -> None:
            reached.set()
            await go_on.wait()

        it.store.before_append = wait
        caller = asyncio.create_task(live.execute(start(2)))
        await asyncio.wait_for(reached.wait(), DEADLINE)
        caller.cancel()
        await asyncio.wait([caller])
        go_on.set()
        await eventually(lambda: it.workers.flowing == audience(live.current))
        assert live.current.stations[1].active
        assert await it.stored() == live.current


async def test_batches_of_one_meeting_never_overlap(tmp_path: Path) -> None:
    async with rig(tmp_path, gathered()) as (it, live):
        await asyncio.gather(*(live.execute(start(1 + n % 2)) for n in range(10)), return_exceptions=True)
        assert await it.stored() == live.current
        assert it.workers.flowing == audience(live.current)


async def test_a_question_lapses_although_the_store_was_down_at_the_time(tmp_path: Path) -> None:
    story = started(1)
    story.do(cmd.AskConsent(actor=HOST, question="q_1", kind="together", stations=(1, 2)))
    story.now += 1000
    async with rig(tmp_path, story) as (it, live):
        it.store.down = True
        await eventually(lambda: it.kinds().count("append failed") >= 2)
        it.store.down = False
        await eventually(lambda: live.current.question is None)


async def test_somebody_who_leaves_while_the_store_is_down_is_gone_when_it_is_back(tmp_path: Path) -> None:
    async with rig(tmp_path, started(1)) as (it, live):
        session, _ = await it.attach(live, TAX)
        it.store.down = True
        await live.leave(session)
        assert TAX not in it.workers.flowing
        it.store.down = False
        await eventually(lambda: not live.current.participants[TAX].present)


async def test_a_connection_that_ends_while_it_joins_counts_as_gone_after_the_grace(tmp_path: Path) -> None:
    async with rig(tmp_path, started(1), grace=0.0) as (it, live):
        session, _ = await it.attach(live, TAX)
        gone, _ = await it.attach(live, TAX, "phone")
        gone.closed = True
        await live.detach(session)
        gone.closed = True
        await live.attach(gone)
        await eventually(lambda: not live.current.participants[TAX].present)
        assert live.sessions == {}


async def test_a_failed_takeover_leaves_the_first_device_where_it_is(tmp_path: Path) -> None:
    story = gathered()
    story.do(cmd.Leave(actor=TAX, participant=TAX))
    async with rig(tmp_path, story) as (it, live):
        it.store.down = True
        with pytest.raises(ServiceUnavailable):
            await it.attach(live, TAX)
        assert live.sessions == {}
        assert not live.current.participants[TAX].present


async def test_after_the_end_nothing_begins_and_no_task_is_left(tmp_path: Path) -> None:
    async with rig(tmp_path, started(1)) as (it, live):
        await it.attach(live, HOST)
        tasks = asyncio.all_tasks()
        await live.close("shutting_down", "restart")
        assert live.sessions == {}
        with pytest.raises(ServiceUnavailable):
            await live.execute(cmd.Pause(actor=HOST))
        assert asyncio.all_tasks() <= tasks


async def test_somebody_in_the_lobby_is_told_nothing_of_what_only_concerns_the_room(tmp_path: Path) -> None:
    """An expected start moves with the clock; that must not become a sign that others do something."""
    async with rig(tmp_path, gathered()) as (it, live):
        _, lobby = await it.attach(live, INSURANCE)
        await live.execute(start(1))
        it.story.now += 3600  # the station takes longer than planned: every expected start moves
        lobby.frames.clear()
        for command in (
            cmd.SendMessage(actor=HOST, message="x_1", text="hej"),
            cmd.SendSignal(actor=TAX, signal="slower"),
            cmd.SetReady(actor=HOST, ready=True),
            cmd.SetLanguage(actor=TAX, language="en"),
            cmd.SetPlace(actor=INTERPRETER, place=Place.ON_SITE),
        ):
            it.story.now += 60
            await live.execute(command)
        assert lobby.frames == []


async def test_time_brings_nothing_about_before_it_is_known_what_the_worker_holds(tmp_path: Path) -> None:
    async with rig(tmp_path, started(1), grace=0.0) as (it, live):
        await live.close("shutting_down", "the service is killed")
        again = await it.loaded()
        for _ in range(50):
            await asyncio.sleep(0)
        assert again.current.participants[TAX].present
        it.workers.revisions.clear()
        await again.adopt_table(it.workers, RoomDump("m_1", revision=48, allow=audience(again.current)))  # type: ignore[arg-type]
        again.begin()
        await eventually(lambda: not again.current.participants[TAX].present)
        assert min(it.workers.revisions) > 48


async def test_speakers_are_told_to_those_who_hear_them_and_to_nobody_else(tmp_path: Path) -> None:
    async with rig(tmp_path, started(1)) as (it, live):
        outboxes = {who: (await it.attach(live, who))[1] for who in (HOST, TAX, INSURANCE)}
        for outbox in outboxes.values():
            outbox.frames.clear()
        live.speakers([{"owner": TAX, "producer": "pr_1", "level": 0.5}])
        live.speakers([])
        live.speakers([])
        told = {who: [f["params"]["speakers"] for f in outbox.frames] for who, outbox in outboxes.items()}
        assert told == {HOST: [[{"participant": TAX, "level": 0.5}], []], TAX: [], INSURANCE: []}


async def test_a_meeting_with_a_full_chat_can_still_be_entered(tmp_path: Path) -> None:
    async with rig(tmp_path, gathered()) as (it, live):
        for number in range(200):
            await live.execute(cmd.SendMessage(actor=HOST, message=f"x_{number}", text="ö" * 2000))
        session, outbox = await it.attach(live, NEWCOMER)
        await live.execute(cmd.SendMessage(actor=HOST, message="x_last", text="hej"))
        assert not session.closed
        assert session.shown["messages"][-1]["text"] == "hej"
        assert 0 < len(str(outbox.frames[-1])) < 200_000


FAULTS = st.sampled_from(["", "", "", "store", "store and file", "deaf", "elsewhere", "restart"])
PEOPLE = (NEWCOMER, HOST, INTERPRETER, COMPANION, TAX, INSURANCE)
COMMANDS = st.one_of(
    st.builds(cmd.StartStation, actor=st.just(HOST), station=st.sampled_from([1, 2])),
    st.builds(cmd.FinishStation, actor=st.just(HOST), station=st.sampled_from([1, 2])),
    st.builds(cmd.Pause, actor=st.sampled_from([HOST, NEWCOMER])),
    st.builds(cmd.Resume, actor=st.sampled_from([HOST, NEWCOMER])),
    st.builds(cmd.Admit, actor=st.just(HOST), participant=st.just(COMPANION)),
    st.builds(cmd.Exclude, actor=st.just(NEWCOMER), participant=st.sampled_from([HOST, COMPANION])),
    st.builds(cmd.Include, actor=st.just(NEWCOMER), participant=st.sampled_from([HOST, COMPANION])),
    st.builds(cmd.Remove, actor=st.just(HOST), participant=st.sampled_from([COMPANION, INTERPRETER])),
    st.sampled_from(PEOPLE).map(lambda who: cmd.Enter(actor=who, participant=who)),
    st.sampled_from(PEOPLE).map(lambda who: cmd.Leave(actor=who, participant=who)),
    st.just(cmd.AskConsent(actor=HOST, question="q_2", kind="together", stations=(1, 2))),
    st.builds(cmd.AnswerConsent, actor=st.just(NEWCOMER), question=st.just("q_2"), granted=st.booleans()),
    st.just(cmd.RevokeConsent(actor=NEWCOMER, consent="q_2")),
)


@settings(max_examples=60)
@given(steps=st.lists(st.tuples(COMMANDS, FAULTS), min_size=1, max_size=14))
def test_whatever_fails_the_worker_never_allows_what_the_saved_meeting_does_not(
    steps: list[tuple[cmd.Command, str]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_go_through(Path(folder), steps))


async def _go_through(path: Path, steps: list[tuple[cmd.Command, str]]) -> None:
    async with rig(path, started(1)) as (it, live):

        async def nothing_is_allowed_too_early(table: Audience) -> None:
            allowed = audience(await _held(it))
            for listener, heard in table.items():
                assert within({listener: heard}, allowed) or within({listener: heard}, it.workers.flowing)

        it.workers.before_table = nothing_is_allowed_too_early
        for command, fault in steps:
            it.story.now += 100.0
            if fault == "restart":
                it.store.down = False
                await live.close("shutting_down", "restart")
                live = await it.open()
            await _try(it, live, command, fault)
            held = await _held(it)
            assert within(it.workers.flowing, audience(held)), (command, fault)
            if live.exchange.table:
                assert live.exchange.table == it.workers.flowing


async def _try(it: Rig, live: Live, command: cmd.Command, fault: str) -> None:
    it.store.down = fault.startswith("store")
    it.workers.deaf = 1 if fault == "deaf" else 0
    it.disk_full = fault == "store and file"
    if fault == "elsewhere":
        it.store.before_append = lambda: it.store.add_elsewhere(
            ev.LanguageChanged(at=it.clock(), actor=TAX, participant=TAX, language="en")
        )
    try:
        await live.execute(command)
    except (Rejected, ServiceError):
        pass
    finally:
        it.store.before_append = None
        it.disk_full = False


async def _held(it: Rig) -> Meeting:
    """The meeting as a service that starts now would find it: the log, and the kept restrictions over it."""
    state = await it.stored()
    log = await it.store.inner.read(STREAM)
    for kept in Restrictions(it.kept_file).of("m_1"):
        if any(isinstance(r.event, ev.MeetingPaused) and r.version > kept.version for r in log):
            continue
        with contextlib.suppress(Rejected):
            state = fold(decide(state, kept.command, kept.at), state) or state
    return state
