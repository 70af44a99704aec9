"""Receive statistics of one stream, with literal time."""

from hypothesis import given
from hypothesis import strategies as st

from media.reception import ReceiveStatistics
from media.rtcp import ReportBlock


def stream(sequences: list[int], clock_rate: int = 48000) -> ReceiveStatistics:
    """One packet every 20 ms of sending time, arriving exactly then."""
    statistics = ReceiveStatistics(5, clock_rate)
    for sequence in sequences:
        statistics.add(sequence & 0xFFFF, sequence * 960 & 0xFFFFFFFF, 10 + sequence * 0.02, 100)
    return statistics


def test_a_whole_stream_has_no_loss_and_no_jitter() -> None:
    statistics = stream(list(range(100, 200)))
    assert statistics.report(20.0) == ReportBlock(5, 0, 0, 199, 0)
    assert (statistics.packets, statistics.bytes, statistics.lost) == (100, 10_000, 0)


def test_nothing_is_reported_before_the_first_packet() -> None:
    assert ReceiveStatistics(5, 48000).report(1.0) is None


def test_loss_is_told_for_the_interval_and_in_sum() -> None:
    statistics = stream([0, 1, 3, 4, 5, 7])
    first = statistics.report(1.0)
    assert first is not None
    assert (first.fraction_lost, first.cumulative_lost) == (2 * 256 // 8, 2)
    statistics.add(8, 8 * 960, 10.16, 100)
    second = statistics.report(2.0)
    assert second is not None
    assert (second.fraction_lost, second.cumulative_lost) == (0, 2)


def test_a_late_packet_is_not_lost() -> None:
    statistics = stream([0, 2, 1, 3])
    assert statistics.lost == 0
    assert statistics.highest_sequence == 3


def test_duplicates_make_the_loss_negative_as_the_standard_says() -> None:
    statistics = stream([0, 1, 1, 1])
    assert statistics.lost == -2
    block = statistics.report(1.0)
    assert block is not None
    assert (block.fraction_lost, block.cumulative_lost) == (0, -2)


def test_sequence_and_timestamp_are_unwrapped() -> None:
    statistics = ReceiveStatistics(5, 48000)
    assert statistics.add(65535, 0xFFFFFF00, 1.0, 10) == 65535
    assert statistics.add(0, 0x2C0, 1.02, 10) == 65536
    assert statistics.highest_timestamp == 0x1_0000_02C0
    assert statistics.add(65534, 0xFFFFFB40, 1.03, 10) == 65534
    assert statistics.highest_timestamp == 0x1_0000_02C0
    block = statistics.report(2.0)
    assert block is not None
    assert block.highest_sequence == 65536


def test_a_single_jump_is_not_believed() -> None:
    statistics = stream(list(range(10)))
    assert statistics.add(30_000, 1, 11.0, 100) is None
    assert statistics.add(10, 9600, 11.0, 100) == 10
    assert statistics.lost == 0
    assert statistics.highest_timestamp == 9600


def test_a_source_that_restarts_is_followed_from_its_second_packet() -> None:
    statistics = stream(list(range(10)))
    assert statistics.add(30_000, 7, 11.0, 100) is None
    assert statistics.add(30_001, 967, 11.02, 100) == 30_001
    assert statistics.add(30_002, 1927, 11.04, 100) == 30_002
    assert statistics.lost == 0


def test_after_a_restart_backwards_the_unwrapped_numbers_still_grow() -> None:
    statistics = stream(list(range(1000, 1010)))
    assert statistics.add(3, 7, 31.0, 100) is None
    assert statistics.add(4, 967, 31.02, 100) == 65540


def test_jitter_follows_the_standard_filter() -> None:
    statistics = ReceiveStatistics(5, 8000)
    statistics.add(0, 0, 1.0, 10)
    statistics.add(1, 160, 1.03, 10)
    assert round(statistics.jitter, 6) == 80 / 16
    statistics.add(2, 320, 1.05, 10)
    assert round(statistics.jitter, 6) == round(5 - 5 / 16, 6)
    assert round(statistics.jitter_seconds, 6) == round((5 - 5 / 16) / 8000, 6)


def test_a_leap_of_the_timestamps_does_not_spoil_the_jitter() -> None:
    statistics = stream([0, 1, 2])
    statistics.add(3, 0x7000_0000, 10.06, 100)
    assert statistics.jitter < 1


def test_the_latest_sender_report_is_echoed_with_its_age() -> None:
    statistics = stream([0])
    statistics.sender_report(0x0000_1234_5678_0000, 12.0)
    block = statistics.report(13.5)
    assert block is not None
    assert (block.lsr, block.dlsr) == (0x1234_5678, 3 * 32768)


@given(st.lists(st.tuples(st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF), st.floats(0, 1e6))))
def test_any_stream_gives_a_report_that_fits_its_fields(packets: list[tuple[int, int, float]]) -> None:
    statistics = ReceiveStatistics(5, 90000)
    for sequence, timestamp, now in packets:
        extended = statistics.add(sequence, timestamp, now, 10)
        assert extended is None or extended & 0xFFFF == sequence
        block = statistics.report(now)
        assert block is not None
        assert 0 <= block.fraction_lost <= 255
        assert 0 <= block.jitter <= 0xFFFFFFFF
        assert -0x800000 <= block.cumulative_lost <= 0x7FFFFF
