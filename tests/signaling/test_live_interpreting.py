"""Interpreting in a meeting that goes on: media is asked nothing, and only those in the room are told."""

import asyncio
from pathlib import Path

from rooms import commands as cmd
from rooms import interpreting_commands as icmd
from rooms.channels import channel
from rooms.interpreting_events import Mode
from tests.rooms.builders import INSURANCE, INTERPRETER, NEWCOMER, TAX, started
from tests.rooms.interpreters import COLLEAGUE, with_a_colleague
from tests.signaling.live_rig import rig


async def test_a_turn_asks_nothing_of_the_worker_and_tells_only_those_in_the_room(tmp_path: Path) -> None:
    async with rig(tmp_path, started(1)) as (it, live):
        for who in (TAX, INSURANCE, NEWCOMER):
            await it.attach(live, who)
        it.log.clear()
        await live.execute(icmd.SetMode(actor=INTERPRETER, mode=Mode.SIMULTANEOUS))
        await live.execute(icmd.SetDirection(actor=INTERPRETER, into="sv"))
        assert it.kinds() == ["append", "told", "told"] * 2


async def test_a_hand_over_is_done_by_itself_when_the_countdown_is_over(tmp_path: Path) -> None:
    story = with_a_colleague()
    story.do(icmd.OfferHandover(actor=INTERPRETER, handover="h_1", taker=COLLEAGUE))
    story.do(icmd.AcceptHandover(actor=COLLEAGUE, handover="h_1"))
    story.now += 1000
    async with rig(tmp_path, story) as (it, live):
        async with asyncio.timeout(20):
            while live.current.interpreting.handover is not None:
                await asyncio.sleep(0)
        speaking = channel(live.current, "ar")
        assert speaking is not None
        assert speaking.id == COLLEAGUE
        assert "table" not in it.kinds()
        await live.execute(cmd.Leave(actor=cmd.SYSTEM, participant=COLLEAGUE))
        speaking = channel(live.current, "ar")
        assert speaking is not None
        assert speaking.id == INTERPRETER
