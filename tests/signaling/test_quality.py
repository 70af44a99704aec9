"""How a connection is said to be, from two readings of the worker's counters."""

from typing import Any

import pytest

from signaling.quality import assess


def producer(owner: str = "p_1", kind: str = "video", **counted: Any) -> dict[str, Any]:
    return {
        "id": f"{owner}-{kind}",
        "owner": owner,
        "kind": kind,
        "packets": 0,
        "lost": 0,
        "recovered": 0,
        "paused": False,
        **counted,
    }


def stats(*producers: dict[str, Any], rtt: float | None = None, owner: str = "p_1") -> dict[str, Any]:
    transport = {"id": f"{owner}-send", "owner": owner, "state": "connected", "rtt": rtt}
    return {"producers": list(producers), "transports": [transport]}


@pytest.mark.parametrize(
    ("packets", "lost", "recovered", "rtt", "level"),
    [
        (1000, 0, 0, 0.02, "good"),
        (1000, 100, 100, 0.02, "good"),
        (970, 30, 0, 0.02, "fair"),
        (900, 100, 0, 0.02, "poor"),
        (1000, 0, 0, 0.5, "fair"),
        (1000, 0, 0, 1.0, "poor"),
        (0, 0, 0, 0.02, "poor"),
        (3, 1, 0, None, "good"),
    ],
)
def test_loss_that_stays_delay_and_silence_make_a_connection_worse(
    packets: int, lost: int, recovered: int, rtt: float | None, level: str
) -> None:
    before = stats(producer(packets=5, lost=50, recovered=2))
    after = stats(producer(packets=5 + packets, lost=50 + lost, recovered=2 + recovered), rtt=rtt)
    assert assess(before, after)["p_1"].level == level


def test_one_who_has_switched_the_devices_off_is_measured_by_the_delay_alone() -> None:
    off = producer(packets=5, paused=True)
    assert assess(stats(off), stats(off, rtt=0.02))["p_1"].level == "good"


def test_nothing_is_said_of_one_who_neither_sends_nor_is_measured() -> None:
    assert assess(stats(), stats()) == {}


def test_a_source_that_has_just_begun_is_not_judged_yet() -> None:
    assert assess(stats(), stats(producer(packets=0), rtt=0.02))["p_1"].level == "good"


def test_the_kinds_that_come_through_are_told() -> None:
    sound, picture = producer(kind="audio", packets=10), producer(packets=10)
    later = stats(producer(kind="audio", packets=90), producer(packets=10), rtt=0.02)
    assert assess(stats(sound, picture), later)["p_1"].sends == ("audio",)


def test_everybody_is_judged_by_what_is_their_own() -> None:
    mine, theirs = stats(producer(packets=0)), stats(producer("p_2", packets=0), owner="p_2")
    before = {key: mine[key] + theirs[key] for key in mine}
    mine, theirs = stats(producer(packets=100)), stats(producer("p_2", packets=0), owner="p_2")
    after = {key: mine[key] + theirs[key] for key in mine}
    levels = {owner: one.level for owner, one in assess(before, after).items()}
    assert levels == {"p_1": "good", "p_2": "poor"}
