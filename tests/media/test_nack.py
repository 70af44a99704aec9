"""What is asked for again, when, and for how long; literal time throughout."""

from __future__ import annotations

from itertools import pairwise
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.cache import OVERHEAD, RecentPackets
from media.nack import HURRIED, LEAST_INTERVAL, MOST_MISSING, MissingPackets
from media.resend import LATE, LEAST_PAUSE, MOST_PAUSE, Budget, Resends, Rtx
from media.rtp import parse
from media.sequence import REACH, SequenceMap

RTT = 0.05


def arrived(missing: MissingPackets, *sequences: int, now: float = 10.0) -> list[float]:
    return [missing.arrived(sequence, now) for sequence in sequences]


def test_a_gap_is_asked_for_at_once_and_in_order() -> None:
    missing = MissingPackets(1.0)
    arrived(missing, 5, 6)
    assert missing.ask_at > 1e9
    arrived(missing, 9)
    assert missing.ask_at == 10.0
    assert missing.due(10.0, RTT) == [7, 8]
    assert 10.0 + RTT < missing.ask_at < 10.0 + 1.2 * RTT
    assert missing.due(10.0, RTT) == []


def test_an_unanswered_request_is_repeated_after_a_round_trip() -> None:
    missing = MissingPackets(1.0)
    arrived(missing, 1, 3)
    assert missing.due(10.0, RTT) == [2]
    assert missing.due(10.0 + RTT, RTT) == []
    assert missing.due(10.0 + 1.2 * RTT, RTT) == [2]


def test_on_a_very_short_round_trip_requests_keep_their_distance() -> None:
    missing = MissingPackets(1.0)
    arrived(missing, 1, 3)
    assert missing.due(10.0, 0.0001) == [2]
    assert missing.due(10.0 + LEAST_INTERVAL / 2, 0.0001) == []
    assert missing.due(10.0 + 1.01 * LEAST_INTERVAL, 0.0001) == [2]


def test_a_packet_is_asked_for_in_haste_at_first_and_then_ever_less_often() -> None:
    missing = MissingPackets(60.0)
    arrived(missing, 1, 3)
    asked, now = [], 10.0
    while len(asked) < HURRIED + 3:
        if missing.due(now, RTT):
            asked.append(now)
        now += 0.001
    pauses = [round((later - at) / RTT, 1) for at, later in pairwise(asked)]
    assert pauses == pytest.approx([1.1] * HURRIED + [2.2, 3.3], abs=0.1)


def test_a_packet_is_not_asked_for_longer_than_it_is_of_use() -> None:
    missing = MissingPackets(1.0)
    arrived(missing, 1, 3)
    assert missing.due(10.9, RTT) == [2]
    assert not missing.gave_up()
    assert missing.due(11.1, RTT) == []
    assert missing.waiting == {}
    assert missing.gave_up()
    assert not missing.gave_up()


def test_a_packet_that_came_is_not_asked_for_again() -> None:
    missing = MissingPackets(1.0)
    arrived(missing, 1, 4)
    missing.due(10.0, RTT)
    arrived(missing, 2, now=10.01)
    assert missing.take(3) is not None
    assert missing.take(3) is None
    assert missing.due(11.0, RTT) == []


def test_the_newest_packet_follows_the_moment_a_late_one_what_came_before_its_gap() -> None:
    missing = MissingPackets(1.0)
    assert arrived(missing, 1, now=10.0) == [10.0]
    assert arrived(missing, 4, now=10.4) == [10.4]
    assert arrived(missing, 3, now=10.5) == [10.0]
    lost = missing.take(2)
    assert lost is not None
    assert lost.after == 10.0
    assert arrived(missing, 0, now=10.6) == [-inf]


def test_an_answer_takes_at_least_half_a_round_trip_and_a_reordered_packet_comes_sooner() -> None:
    missing = MissingPackets(1.0)
    arrived(missing, 1, 3)
    assert not missing.answers(2, 10.5, RTT)
    missing.due(10.0, RTT)
    assert not missing.answers(2, 10.0 + RTT / 4, RTT)
    assert missing.answers(2, 10.0 + RTT, RTT)
    assert not missing.answers(4, 10.0 + RTT, RTT)


def test_after_a_silence_only_what_is_young_enough_is_asked_for() -> None:
    missing = MissingPackets(1.0)
    arrived(missing, 0, now=10.0)
    arrived(missing, 101, now=12.0)
    assert missing.due(12.0, RTT) == list(range(51, 101))
    assert missing.gave_up()


def test_when_too_much_is_missing_nothing_is() -> None:
    missing = MissingPackets(1.0)
    arrived(missing, 0, 3)
    assert len(missing.waiting) == 2
    arrived(missing, 3 + MOST_MISSING)
    assert missing.waiting == {}
    assert missing.gave_up()
    arrived(missing, 5 + MOST_MISSING)
    assert missing.due(10.0, RTT) == [4 + MOST_MISSING]


def test_of_a_publisher_that_resends_nothing_nothing_is_asked() -> None:
    missing = MissingPackets(0.0)
    arrived(missing, 1, 9)
    assert missing.due(10.0, RTT) == []


def test_after_forgetting_the_next_packet_is_a_beginning() -> None:
    missing = MissingPackets(1.0)
    arrived(missing, 1, 3)
    missing.forget()
    arrived(missing, 90)
    assert missing.due(10.0, RTT) == []


@given(st.lists(st.tuples(st.integers(0, 900), st.floats(0, 0.3)), max_size=300))
def test_whatever_comes_the_list_is_bounded_and_names_only_what_did_not_come(
    steps: list[tuple[int, float]],
) -> None:
    missing = MissingPackets(1.0)
    now, came = 0.0, set()
    for sequence, pause in steps:
        now += pause
        missing.arrived(sequence, now)
        came.add(sequence)
        asked = missing.due(now, RTT)
        assert asked == sorted(asked)
        assert not came & set(asked)
        assert len(missing.waiting) <= MOST_MISSING


def test_packets_are_kept_for_so_long() -> None:
    recent: RecentPackets[str] = RecentPackets(1.0, 1 << 20)
    recent.add(1, "one", 3, 10.0)
    recent.add(2, "two", 3, 10.9)
    assert recent.get(1, 11.0) == "one"
    assert recent.get(1, 11.1) is None
    assert recent.get(2, 11.1) == "two"
    recent.expire(12.0)
    assert len(recent) == 0


def test_packets_are_kept_in_so_much_room() -> None:
    recent: RecentPackets[int] = RecentPackets(1.0, 10 * (100 + OVERHEAD))
    for number in range(1000):
        recent.add(number, number, 100, 10.0)
        assert len(recent) <= 10
    assert [number for number in range(1000) if recent.get(number, 10.0) is not None] == list(
        range(990, 1000)
    )
    recent.clear()
    assert recent.get(999, 10.0) is None
    assert len(recent) == 0


def test_a_packet_is_sent_again_once_in_a_round_trip() -> None:
    resends = Resends(100, 100)
    assert resends.allow(7, RTT, 10.0)
    assert not resends.allow(7, RTT, 10.0 + RTT / 2)
    assert resends.allow(8, RTT, 10.0 + RTT / 2)
    again = 10.001 + RTT * LATE
    assert resends.allow(7, RTT, again)
    assert not resends.allow(7, 0.0, again + LEAST_PAUSE / 2)


def answers(rtt: float, believed: float | None = None) -> int:
    """How often a packet is sent to who asks for it every 100 ms until it is there, for a second at most."""
    resends, sent = Resends(1000, 1000), []
    for ask in range(10):
        now = ask * 0.1
        if sent and now >= sent[0] + rtt:
            break
        if resends.allow(7, rtt if believed is None else believed, now):
            sent.append(now)
    return len(sent)


@pytest.mark.parametrize("rtt", [0.02, 0.1, 0.15, 0.3, MOST_PAUSE / LATE])
def test_what_is_on_its_way_is_not_sent_again_whatever_the_round_trip(rtt: float) -> None:
    assert answers(rtt) == 1


def test_a_round_trip_that_is_believed_to_be_endless_leaves_a_second_try() -> None:
    assert answers(2.0, believed=30.0) == 2


def test_a_storm_gets_no_more_than_the_budget() -> None:
    resends = Resends(rate=50, most=20)
    sent = sum(resends.allow(number & 0xFFFF, RTT, 10.0 + number / 10_000) for number in range(20_000))
    assert 20 + 50 * 2 - 1 <= sent <= 20 + 50 * 2
    assert len(resends._sent) <= 512


def test_a_budget_fills_up_to_its_most_and_no_further() -> None:
    budget = Budget(rate=10, most=5)
    assert budget.spend(5, 100.0)
    assert not budget.spend(1, 100.05)
    assert budget.spend(1, 100.11)
    assert budget.spend(5, 900.0)
    assert not budget.spend(1, 900.0)


def test_a_budget_can_be_earned_instead() -> None:
    resends = Resends(rate=0, most=2)
    assert [resends.allow(number, RTT, 10.0) for number in range(3)] == [True, True, False]
    assert not resends.allow(3, RTT, 99.0)
    for _ in range(4):
        resends.earn(0.3)
    assert [resends.allow(number, RTT, 100.0) for number in (4, 5)] == [True, False]
    for _ in range(100):
        resends.earn(0.3)
    assert sum(resends.allow(number, RTT, 101.0) for number in range(6, 50)) == 2


def test_rtx_carries_the_missed_number_before_the_payload_and_never_repeats_its_own() -> None:
    rtx = Rtx(77, 102, 65535)
    packets = [
        parse(rtx.packet(70_000, 90_000, b"picture", marker=True, extensions=b"")),
        parse(rtx.packet(70_000, 90_000, b"picture", marker=True, extensions=b"")),
    ]
    assert [each.sequence for each in packets] == [65535, 0]
    assert {(each.ssrc, each.payload_type, each.timestamp, each.marker) for each in packets} == {
        (77, 102, 90_000, True)
    }
    assert {each.payload for each in packets} == {(70_000 & 0xFFFF).to_bytes(2, "big") + b"picture"}


def test_a_number_from_before_the_beginning_or_after_the_end_has_no_source() -> None:
    numbers = SequenceMap(100)
    assert numbers.source(100) is None
    assert [numbers.place(sequence) for sequence in (7, 8, 9)] == [100, 101, 102]
    assert [numbers.source(number) for number in (99, 100, 101, 102, 103)] == [None, 7, 8, 9, None]
    numbers.restart()
    assert [numbers.source(number) for number in (100, 101, 102)] == [None] * 3


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["place", "place", "place", "skip", "restart"]), st.integers(-20, REACH + 100)
        ),
        max_size=100,
    )
)
def test_every_number_that_has_a_source_was_placed_from_it(steps: list[tuple[str, int]]) -> None:
    numbers, highest, skipped = SequenceMap(65_000), 1000, set[int]()
    placed: dict[int, int] = {}
    for action, distance in steps:
        sequence = highest + (distance if distance < 30 or distance > REACH else 1)
        if action == "restart":
            numbers.restart()
            placed.clear()
        elif sequence in placed or sequence in skipped:
            continue
        elif action == "skip":
            numbers.skip(sequence)
            skipped.add(sequence)
        else:
            outgoing = numbers.place(sequence)
            if outgoing is not None:
                if sequence > highest + REACH:
                    placed.clear()
                placed[sequence] = outgoing
        highest = max(highest, sequence)
    for sequence, outgoing in placed.items():
        assert numbers.source(outgoing & 0xFFFF) in (sequence, None)
