"""Whatever happens, and whatever dies: no mark of the room turns up at an agency that is not in it."""

import os
import time
from pathlib import Path

import pytest

from config.settings import Limits
from tests.security.canaries import faults
from tests.security.canaries.walk import Walk
from tests.security.canaries.watch import Leak
from tests.support.mortal import Mortal, Prepare

STEPS = int(os.environ.get("STEPS", "0"))
SEED = int(os.environ.get("SEED", "2026"))
SECONDS = 35.0
"""Without STEPS it goes on for so long."""
LEAST = 100
PACKET = "may receive nobody|received while|taken up while"
FOUND_WITHIN = 600
"""Steps."""
GRACE = 0.5
UNHURRIED = Limits(calls_per_second=100_000, calls_burst=100_000, redemptions_per_minute=1_000_000)


def mortal(path: Path, prepare: Prepare) -> Mortal:
    return Mortal(path, prepare, session_grace=GRACE, limits=UNHURRIED)


@pytest.mark.timeout(300 + STEPS)
async def test_no_mark_of_the_room_reaches_an_agency_that_is_not_in_it(tmp_path: Path) -> None:
    async with mortal(tmp_path, faults.none) as it:
        walk = Walk(it, SEED)
        try:
            if STEPS:
                await walk.go(STEPS)
            else:
                await walk.go(100_000, time.monotonic() + SECONDS)
        finally:
            print("\n" + walk.summary())
        assert walk.done.total() >= (STEPS or LEAST)
        assert walk.tally.leaks == []
        assert all(walk.tally.right[kind] for kind in SEEN), walk.tally.right


SEEN = (
    "packet to an officer",
    "packet from an officer",
    "name",
    "person",
    "purpose",
    "agency",
    "alias",
    "word",
    "letter",
)
"""Marks of all these kinds have turned up where they may be."""


@pytest.mark.parametrize(
    ("fault", "steps", "objection"),
    [
        (faults.open_questions_do_not_matter, ("start and hear", "ask", "answer"), PACKET),
        (faults.what_was_read_can_be_read_for_ever, ("start", "write", "cut and resume"), "'word'"),
        (faults.who_began_to_read_reads_on, ("start", "type"), "'letter'"),
        (faults.everybody_sees_the_whole_day, ("start",), "'purpose'"),
        (faults.nothing_is_too_old, ("start", "start and hear", "send late"), "taken up while"),
        (faults.who_is_gone_is_answered, ("start and hear", "ask for what was"), PACKET),
        (faults.forbidding_takes_its_time, ("start and hear",), PACKET),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
async def test_the_walk_finds_a_fault(
    tmp_path: Path, fault: Prepare, steps: tuple[str, ...], objection: str
) -> None:
    async with mortal(tmp_path, fault) as it:
        walk = Walk(it, SEED, steps)
        with pytest.raises(Leak, match=objection):
            await walk.go(FOUND_WITHIN)
        print(f"found in step {walk.done.total() + 1}")
