"""How a connection is said to be, from two readings of the worker's counters."""

from typing import Any

import pytest

from signaling.quality import Picture, Report, assess


def producer(owner: str = "p_1", kind: str = "video", **counted: Any) -> dict[str, Any]:
    return {
        "id": f"{owner}-{kind}",
        "owner": owner,
        "kind": kind,
        "source": "camera" if kind == "video" else "microphone",
        "packets": 0,
        "bytes": 0,
        "jitter": 0.0,
        "lost": 0,
        "recovered": 0,
        "paused": False,
        **counted,
    }


def stats(*producers: dict[str, Any], rtt: float | None = None, owner: str = "p_1") -> dict[str, Any]:
    transport = {"id": f"{owner}-send", "owner": owner, "state": "connected", "rtt": rtt}
    return {"producers": list(producers), "transports": [transport], "consumers": []}


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
    told = assess(stats(sound, picture), later)["p_1"]
    assert (told.sends, told.sources) == (("audio",), ("microphone",))


def test_bitrate_is_of_everything_that_was_sent_in_the_time_between() -> None:
    before = stats(producer(kind="audio", bytes=1000), producer(bytes=500))
    after = stats(
        producer(kind="audio", packets=90, bytes=6000, jitter=0.004), producer(packets=9, bytes=45_500)
    )
    told = assess(before, after, elapsed=4.0)["p_1"]
    assert told.bitrate == 100_000
    assert told.jitter == 0.004


def test_what_a_device_went_through_is_told_and_does_not_make_its_own_line_worse() -> None:
    before, after = stats(producer()), stats(producer(packets=100), rtt=0.02)
    assert assess(before, after)["p_1"].freezes is None
    told = assess(before, after, reports={"p_1": Report(3, 0.25)})["p_1"]
    assert (told.freezes, told.concealed, told.level) == (3, 0.25, "good")


def consumer(listener: str = "p_1", **told: Any) -> dict[str, Any]:
    picture = {"spatial": 0, "spatial_layers": 3, "temporal": None, "temporal_layers": 3}
    return {"listener": listener, "source": "camera", **picture, **told}


def test_the_layers_of_the_pictures_that_somebody_gets_are_told_the_best_first() -> None:
    before, after = stats(producer()), stats(producer(packets=100), rtt=0.02)
    after["consumers"] = [
        consumer(temporal=0),
        consumer(spatial=2),
        consumer(spatial=None),
        consumer(spatial_layers=0, temporal_layers=0, source="microphone"),
        consumer("p_2", spatial=2),
        consumer(spatial_layers=1, temporal=1, temporal_layers=0, source="screen"),
    ]
    assert assess(before, after)["p_1"].pictures == (
        Picture("camera", 2, 3, 2, 3),
        Picture("screen", 0, 1, 0, 1),
        Picture("camera", 0, 3, 0, 3),
    )


def test_of_two_devices_of_one_person_the_worse_one_counts() -> None:
    assert Report(3, 0.0).with_other(Report(1, 0.5)) == Report(3, 0.5)


def test_everybody_is_judged_by_what_is_their_own() -> None:
    mine, theirs = stats(producer(packets=0)), stats(producer("p_2", packets=0), owner="p_2")
    before = {key: mine[key] + theirs[key] for key in mine}
    mine, theirs = stats(producer(packets=100)), stats(producer("p_2", packets=0), owner="p_2")
    after = {key: mine[key] + theirs[key] for key in mine}
    levels = {owner: one.level for owner, one in assess(before, after).items()}
    assert levels == {"p_1": "good", "p_2": "poor"}
