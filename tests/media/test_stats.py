"""Counters become plain JSON values."""

import json

from media.stats import ConsumerStats, Drop, ProducerStats, Traffic, TransportStats, WorkerStats


def test_traffic_counts_both_ways_and_drops_by_reason() -> None:
    traffic = Traffic()
    traffic.received(100)
    traffic.received(50)
    traffic.sent(70)
    traffic.drop(Drop.FORBIDDEN)
    traffic.drop(Drop.FORBIDDEN)
    traffic.drop(Drop.EMPTY)
    assert traffic.to_dict() == {
        "packets_in": 2,
        "bytes_in": 150,
        "packets_out": 1,
        "bytes_out": 70,
        "drops": {"empty": 1, "forbidden": 2},
    }


def test_the_whole_is_json() -> None:
    traffic = Traffic()
    traffic.drop(Drop.SRTP)
    stats = WorkerStats(
        port=traffic,
        transports=(TransportStats("t_1", "p_1", "send", "connected", Traffic(), rtt=0.02),),
        producers=(
            ProducerStats("pr_1", "p_1", "camera", "video", 3, 300, 0, 0.001, None, 90_000, paused=False),
        ),
        consumers=(
            ConsumerStats("c_1", "t_2", "p_2", "pr_1", "p_1", "camera", 2, 200, 27_000, 30_000, paused=False),
        ),
    ).to_dict()
    assert json.loads(json.dumps(stats)) == stats
    assert stats["port"]["drops"] == {"srtp": 1}
    [transport] = stats["transports"]
    assert (transport["state"], transport["rtt"], transport["packets_in"]) == ("connected", 0.02, 0)
    [consumer] = stats["consumers"]
    assert (consumer["listener"], consumer["threshold"], consumer["first_timestamp"]) == (
        "p_2",
        27_000,
        30_000,
    )
    [producer] = stats["producers"]
    assert (producer["highest_timestamp"], producer["paused"]) == (90_000, False)
