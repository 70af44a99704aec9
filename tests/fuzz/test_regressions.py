"""Everything that ever broke a target's contract, well-formed inputs, and what chance makes of those."""

import random

import pytest

from tests.fuzz.reducing import Faults, reduced
from tests.fuzz.target import NAMES, REGRESSIONS, load, regressions

MADE = 60


@pytest.mark.parametrize("name", NAMES)
def test_the_contract_holds_for_all_that_ever_broke_it(name: str) -> None:
    target = load(name)
    for path in regressions(name):
        target.check(path.read_bytes())


@pytest.mark.parametrize("name", NAMES)
def test_the_contract_holds_for_what_is_well_formed_and_for_what_chance_makes_of_it(name: str) -> None:
    target, chance = load(name), random.Random(name)
    for seed in target.seeds:
        target.check(seed)
    for _ in range(MADE):
        target.check(damaged(chance.choice(target.seeds), chance))
        target.check(chance.randbytes(chance.randrange(target.largest // 4)))


def damaged(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.randrange(1, 8)):
        at = chance.randrange(len(changed) + 1)
        changed[at : at + chance.randrange(3)] = chance.randbytes(chance.randrange(4))
    return bytes(changed)


def test_every_regression_belongs_to_a_target() -> None:
    assert {folder.name for folder in REGRESSIONS.iterdir()} <= set(NAMES)


def test_a_broken_contract_is_noticed_kept_once_and_made_short(tmp_path) -> None:
    def check(data: bytes) -> None:
        assert b"\xff" not in data

    faults = Faults(check, tmp_path)
    faults(b"harmless")
    assert list(tmp_path.iterdir()) == []
    faults(b"some bytes before \xff and after")
    faults(b"other bytes \xff")
    kept, told = sorted(tmp_path.iterdir())
    assert kept.read_bytes() == b"\xff"
    assert "AssertionError" in told.read_text()


def test_an_input_is_cut_to_what_matters() -> None:
    assert reduced(b"a" * 300 + b"x" + b"b" * 300 + b"y", lambda data: {*b"xy"} <= {*data}) == b"xy"
