"""What the worker is told of mixes, and when: in the same steps as of everybody else."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from config.media import MediaSettings
from media.mixing.client import MixerClient
from rooms import commands as cmd
from rooms.mixes import Choice, Preference
from rooms.policy import Audience, audience
from signaling.errors import ServiceUnavailable
from signaling.exchange import MIX
from signaling.live import Live
from signaling.mixing import Mixers
from tests.rooms.builders import HOST, INTERPRETER, NEWCOMER, TAX, started
from tests.signaling.live_rig import Rig, rig, start, within


class NoProcess(Mixers):
    """What is told to mixes is not asked for here."""

    async def client(self) -> MixerClient:
        raise ServiceUnavailable("media_unavailable", "there is no process in this test")


@asynccontextmanager
async def meeting(path: Path) -> AsyncIterator[tuple[Rig, Live]]:
    mixers = NoProcess(MediaSettings())
    async with rig(path, started(1), mixers=mixers) as (it, live):
        yield it, live


def mix_of(table: Audience, listener: str) -> str | None:
    """The one mix that a listener may receive."""
    names = [owner for owner in table.get(listener, {}) if owner.startswith(MIX)]
    assert len(names) <= 1
    return names[0] if names else None


def tables(it: Rig) -> list[Audience]:
    return [entry[1] for entry in it.log if isinstance(entry, tuple) and entry[0] == "table"]


async def test_only_who_cannot_mix_has_a_mix_and_it_holds_what_they_may_hear(tmp_path: Path) -> None:
    async with meeting(tmp_path) as (it, live):
        await it.attach(live, TAX)
        assert not any(name.startswith(MIX) for name in it.workers.flowing)
        await it.attach(live, NEWCOMER, mixes=False)
        name = mix_of(it.workers.flowing, NEWCOMER)
        assert name is not None
        assert it.workers.flowing[NEWCOMER][name] == ("mix",)
        assert mix_of(it.workers.flowing, TAX) is None
        heard = audience(live.current)[NEWCOMER]
        sound = ("interpretation", "microphone")
        assert {who: set(sources) for who, sources in it.workers.flowing[name].items()} == {
            who: set(sources) & set(sound) for who, sources in heard.items()
        }


async def test_the_old_mix_is_forbidden_before_the_switch_is_stored_and_never_comes_back(
    tmp_path: Path,
) -> None:
    async with meeting(tmp_path) as (it, live):
        await it.attach(live, NEWCOMER, mixes=False)
        first = mix_of(it.workers.flowing, NEWCOMER)
        it.log.clear()
        await live.execute(start(2))
        assert it.kinds()[:3] == ["table", "append", "table"]
        between, after = tables(it)
        assert mix_of(between, NEWCOMER) is None
        assert first not in between
        second = mix_of(after, NEWCOMER)
        assert second not in (None, first)
        await live.execute(start(1))
        third = mix_of(it.workers.flowing, NEWCOMER)
        assert third not in (None, first, second)


async def test_a_pause_takes_every_mix_and_what_follows_is_another_one(tmp_path: Path) -> None:
    async with meeting(tmp_path) as (it, live):
        await it.attach(live, NEWCOMER, mixes=False)
        first = mix_of(it.workers.flowing, NEWCOMER)
        await live.execute(cmd.Pause(actor=HOST))
        assert it.workers.flowing == {}
        await live.execute(cmd.Resume(actor=HOST))
        assert mix_of(it.workers.flowing, NEWCOMER) not in (None, first)


async def test_whoever_chooses_again_and_again_has_one_mix_and_the_device_that_goes_takes_its_mix_along(
    tmp_path: Path,
) -> None:
    async with meeting(tmp_path) as (it, live):
        session, _ = await it.attach(live, NEWCOMER, mixes=False)
        first = mix_of(it.workers.flowing, NEWCOMER)
        for choice in (Choice(Preference.ORIGINAL), Choice(under=0.3), Choice(under=0.0)):
            await live.choose_mix(session, choice)
            assert mix_of(it.workers.flowing, NEWCOMER) == first
        await live.leave(session)
        assert mix_of(it.workers.flowing, NEWCOMER) is None
        assert not any(name.startswith(MIX) for name in it.workers.flowing)


async def test_a_restriction_that_could_not_be_stored_stands_when_somebody_comes_who_cannot_mix(
    tmp_path: Path,
) -> None:
    async with meeting(tmp_path) as (it, live):
        for who in (NEWCOMER, HOST, INTERPRETER):
            await it.attach(live, who)
        it.store.down = True
        with pytest.raises(ServiceUnavailable):
            await live.execute(cmd.Exclude(actor=NEWCOMER, participant=HOST))
        narrowed = it.workers.flowing
        assert HOST not in narrowed
        await it.attach(live, TAX, mixes=False)
        assert within(it.workers.flowing, narrowed)
        it.store.down = False
        await live.execute(cmd.Exclude(actor=NEWCOMER, participant=HOST))
        name = mix_of(it.workers.flowing, TAX)
        assert name is not None
        assert HOST not in it.workers.flowing[name]
