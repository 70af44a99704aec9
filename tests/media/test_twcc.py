"""Transport-wide feedback: what is told of any arrivals, and in how much room."""

from collections.abc import Iterable
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media import twcc
from media.twcc import TwccRecorder
from tests.media.feedback import LARGEST, Feedback, read

TICK = 0.00025


def drain(recorder: TwccRecorder) -> list[Feedback]:
    messages = []
    while (data := recorder.build(1, 2)) is not None:
        assert len(data) <= LARGEST
        messages.append(read(data))
    return messages


def record(arrivals: Iterable[tuple[int, float]]) -> TwccRecorder:
    recorder = TwccRecorder()
    for sequence, now in arrivals:
        recorder.add(sequence & 0xFFFF, now)
    return recorder


def test_an_even_stream_is_reported_with_its_times() -> None:
    [message] = drain(record((sequence, 100 + sequence * 0.002) for sequence in range(30)))
    assert message.base == 0
    assert message.packets == [(sequence, 400_000 + sequence * 8) for sequence in range(30)]


def test_senders_are_named_in_the_header() -> None:
    data = record([(0, 1.0)]).build(0xAABBCCDD, 0x11223344)
    assert data is not None
    assert data[4:12] == bytes.fromhex("aabbccdd11223344")


def test_nothing_to_tell_is_nothing_sent() -> None:
    recorder = TwccRecorder()
    assert recorder.build(1, 2) is None
    recorder.add(5, 1.0)
    assert len(drain(recorder)) == 1
    assert drain(recorder) == []


def test_loss_is_told_within_a_message_and_between_two() -> None:
    recorder = record([(10, 1.0), (12, 1.01)])
    assert drain(recorder)[0].lost == [11]
    recorder.add(15, 1.05)
    [message] = drain(recorder)
    assert (message.base, message.lost, list(message.received)) == (13, [13, 14], [15])


def test_messages_are_numbered_and_the_number_wraps() -> None:
    recorder = TwccRecorder()
    numbers = []
    for sequence in range(300):
        recorder.add(sequence, sequence * 0.05)
        numbers += [message.number for message in drain(recorder)]
    assert numbers == [number & 255 for number in range(300)]


def test_sequence_numbers_wrap() -> None:
    [message] = drain(record((65_530 + step, 1 + step * 0.001) for step in range(12)))
    assert [sequence for sequence, _ in message.packets] == [*range(65_530, 65_536), *range(6)]
    assert message.lost == []


def test_reordered_packets_have_times_that_go_back() -> None:
    [message] = drain(record([(1, 1.0), (3, 1.01), (2, 1.02)]))
    assert message.packets == [(1, 4000), (2, 4080), (3, 4040)]


def test_a_late_packet_is_reported_after_its_neighbours_without_calling_them_lost() -> None:
    recorder = record([(1, 1.0), (3, 1.01)])
    assert drain(recorder)[0].lost == [2]
    recorder.add(2, 1.06)
    [message] = drain(recorder)
    assert message.packets == [(2, 4240), (3, 4040)]


def test_a_packet_far_too_late_is_not_reported() -> None:
    recorder = record([(sequence, 1 + sequence * 0.001) for sequence in range(600)])
    drain(recorder)
    recorder.add(100, 2.0)
    assert drain(recorder) == []


def test_a_repeated_packet_is_reported_once() -> None:
    [message] = drain(record([(1, 1.0), (1, 1.5), (2, 1.6)]))
    assert message.packets == [(1, 4000), (2, 6400)]
    recorder = record([(1, 1.0)])
    drain(recorder)
    recorder.add(1, 1.1)
    assert drain(recorder) == []


def test_a_pause_too_long_for_one_delta_begins_another_message() -> None:
    first, second = drain(record([(1, 1.0), (2, 20.0)]))
    assert (first.received, second.received) == ({1: 4000}, {2: 80_000})


def test_the_reference_time_wraps_at_twenty_four_bits() -> None:
    turn = 2**24 * 0.064
    [message] = drain(record([(1, turn + 1.0)]))
    assert message.received == {1: 4000}
    [message] = drain(record([(1, turn / 2 + 1.0)]))
    assert message.received == {1: 2**23 * 256 + 4000}


def test_a_burst_is_told_in_several_messages() -> None:
    messages = drain(record((sequence, 1 + sequence * 0.0001) for sequence in range(1500)))
    assert len(messages) > 1
    assert sorted(sequence for message in messages for sequence in message.received) == list(range(1500))


@pytest.mark.parametrize("gap", [1, 6, 7, 8, 13, 14, 500, 1998])
def test_gaps_are_told_as_loss_up_to_the_limit(gap: int) -> None:
    [message] = drain(record([(0, 1.0), (gap + 1, 1.1)]))
    assert message.lost == list(range(1, gap + 1))


def test_a_leap_beyond_the_limit_is_a_new_beginning_and_not_loss() -> None:
    first, second = drain(record([(0, 1.0), (twcc.MAX_SPAN + 500, 1.1)]))
    assert first.packets == [(0, 4000)]
    assert second.packets == [(twcc.MAX_SPAN + 500, 4400)]


def test_memory_and_work_stay_bounded_under_leaps() -> None:
    recorder = TwccRecorder()
    for step in range(20_000):
        recorder.add(step * 30_011 & 0xFFFF, step * 0.0001)
    assert len(recorder._arrivals) <= twcc.MAX_REMEMBERED
    assert len(drain(recorder)) <= twcc.MAX_REMEMBERED
    assert len(recorder._arrivals) <= 2 * twcc.LATE


def test_memory_stays_bounded_when_nobody_asks() -> None:
    recorder = record((sequence, sequence * 0.001) for sequence in range(10_000))
    assert len(recorder._arrivals) <= twcc.MAX_REMEMBERED
    assert max(drain(recorder)[-1].received) == 9_999


@dataclass
class Step:
    """A packet: how far its number and its arrival (in ticks) lie after the one before."""

    advance: int
    later: int
    swapped: bool
    reported: bool


steps_strategy = st.lists(
    st.builds(Step, st.integers(1, 40), st.integers(0, 1200), st.booleans(), st.booleans()),
    min_size=1,
    max_size=150,
)


def order_of_arrival(start: int, steps: list[Step]) -> list[int]:
    """Unwrapped numbers; a swapped step changes places with its predecessor."""
    order, sequence, fixed = [], start, 0
    for step in steps:
        sequence += step.advance
        order.append(sequence)
        if step.swapped and len(order) - fixed > 1:
            order[-2:] = [order[-1], order[-2]]
            fixed = len(order)
    return order


@given(st.integers(0, 0xFFFF), steps_strategy)
def test_every_packet_is_told_with_its_time_and_every_gap_as_loss(start: int, steps: list[Step]) -> None:
    order = order_of_arrival(start, steps)
    recorder, ticks = TwccRecorder(), 4000
    expected: dict[int, int] = {}
    told: list[Feedback] = []
    for number, step in zip(order, steps, strict=True):
        ticks += step.later
        recorder.add(number & 0xFFFF, (ticks + 0.5) * TICK)
        expected[number & 0xFFFF] = ticks
        if step.reported:
            told += drain(recorder)
    told += drain(recorder)
    received = {sequence: time for message in told for sequence, time in message.received.items()}
    assert received == expected
    gaps = {number & 0xFFFF for number in range(min(order), max(order) + 1)} - set(expected)
    assert gaps == {number for message in told for number in message.lost} - set(expected)


@given(st.lists(st.tuples(st.integers(0, 0xFFFF), st.floats(0, 1e9), st.booleans()), max_size=300))
def test_any_numbers_and_times_give_readable_feedback(arrivals: list[tuple[int, float, bool]]) -> None:
    recorder = TwccRecorder()
    for sequence, now, report in arrivals:
        recorder.add(sequence, now)
        if report:
            drain(recorder)
    drain(recorder)
