"""RTP packets: what is built is parsed back, and no bytes make the parser raise anything but `ValueError`."""

import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media import rtp

elements = st.dictionaries(st.integers(1, 14), st.binary(min_size=1, max_size=16), max_size=14)
header = struct.Struct("!BBHLL")


def packet(first: int = 0x80, rest: bytes = b"", second: int = 96) -> bytes:
    return header.pack(first, second, 7, 8, 9) + rest


@given(
    st.integers(0, 127),
    st.integers(0, 0xFFFF),
    st.integers(0, 0xFFFFFFFF),
    st.integers(0, 0xFFFFFFFF),
    st.booleans(),
    st.binary(max_size=64),
    elements,
)
def test_what_is_built_is_parsed_back(
    payload_type: int,
    sequence: int,
    timestamp: int,
    ssrc: int,
    marker: bool,
    payload: bytes,
    extensions: dict[int, bytes],
) -> None:
    data = rtp.build(
        payload_type=payload_type,
        sequence=sequence,
        timestamp=timestamp,
        ssrc=ssrc,
        payload=payload,
        marker=marker,
        extensions=rtp.extension_block(extensions),
    )
    parsed = rtp.parse(data)
    assert (parsed.payload_type, parsed.sequence, parsed.timestamp, parsed.ssrc, parsed.marker) == (
        payload_type,
        sequence,
        timestamp,
        ssrc,
        marker,
    )
    assert parsed.extensions == extensions
    assert parsed.payload == payload


@given(st.binary(max_size=80))
def test_any_bytes_are_parsed_or_refused(data: bytes) -> None:
    with suppress(ValueError):
        parsed = rtp.parse(data)
        assert 12 <= parsed.payload_start <= parsed.payload_end <= len(data)


@given(st.integers(0x80, 0xBF), st.binary(max_size=80))
def test_any_bytes_after_a_plausible_header_are_parsed_or_refused(first: int, rest: bytes) -> None:
    with suppress(ValueError):
        parsed = rtp.parse(packet(first, rest))
        assert 12 <= parsed.payload_start <= parsed.payload_end <= 12 + len(rest)


@given(elements, st.data())
def test_a_packet_cut_anywhere_in_its_header_is_refused(
    extensions: dict[int, bytes], data: st.DataObject
) -> None:
    block = rtp.extension_block(extensions)
    whole = rtp.build(payload_type=96, sequence=1, timestamp=2, ssrc=3, payload=b"", extensions=block)
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(ValueError, match=r"cut off|shorter"):
        rtp.parse(whole[:cut])


def test_padding_is_not_payload() -> None:
    assert rtp.parse(packet(0xA0, b"voice\0\0\3")).payload == b"voice"
    assert rtp.parse(packet(0xA0, b"\0\0\0\4")).payload == b""


@pytest.mark.parametrize("rest", [b"", b"abc\0", b"abc\5", b"\xff"])
def test_impossible_padding_is_refused(rest: bytes) -> None:
    with pytest.raises(ValueError, match="padding"):
        rtp.parse(packet(0xA0, rest))


def test_contributing_sources_are_stepped_over() -> None:
    assert rtp.parse(packet(0x82, bytes(8) + b"voice")).payload == b"voice"
    with pytest.raises(ValueError, match="contributing"):
        rtp.parse(packet(0x83, bytes(8)))


def test_two_byte_extensions_may_be_empty_and_long() -> None:
    body = b"\x05\x00" + b"\x00" + b"\x20\x11" + bytes(range(17)) + bytes(2)
    block = struct.pack("!HH", 0x1003, len(body) // 4) + body
    assert rtp.parse(packet(0x90, block + b"x")).extensions == {5: b"", 32: bytes(range(17))}


def test_an_id_beyond_fourteen_comes_in_the_two_byte_form() -> None:
    """Chromium numbers abs-capture-time 15 beside simulcast; such a packet has two-byte headers."""
    body = b"\x04\x011" + b"\x0f\x08" + bytes(8) + bytes(3)
    block = struct.pack("!HH", 0x1000, len(body) // 4) + body
    assert rtp.parse(packet(0x90, block + b"x")).extensions == {4: b"1", 15: bytes(8)}


@pytest.mark.parametrize("last", [b"\xf0", b"\x01"], ids=["id fifteen", "padding with a length"])
def test_one_byte_extensions_end_at(last: bytes) -> None:
    block = struct.pack("!HH", 0xBEDE, 2) + b"\x10A" + last + b"B" + b"\x20C\0\0"
    assert rtp.parse(packet(0x90, block)).extensions == {1: b"A"}


def test_extensions_of_an_unknown_profile_are_stepped_over() -> None:
    parsed = rtp.parse(packet(0x90, struct.pack("!HH", 0xABCD, 1) + b"????" + b"voice"))
    assert (parsed.extensions, parsed.payload) == ({}, b"voice")


@pytest.mark.parametrize(
    "block",
    [
        struct.pack("!HH", 0xBEDE, 1) + b"\x00\x00\x00\x13",
        struct.pack("!HH", 0x1000, 1) + b"\x00\x00\x00\x01",
        struct.pack("!HH", 0x1000, 1) + b"\x01\x03ab",
        struct.pack("!HH", 0xBEDE, 2) + b"abcd",
        b"\xbe\xde",
    ],
)
def test_cut_extensions_are_refused(block: bytes) -> None:
    with pytest.raises(ValueError, match="extension"):
        rtp.parse(packet(0x90, block))


def test_another_version_is_refused() -> None:
    with pytest.raises(ValueError, match="version"):
        rtp.parse(packet(0x40, b"voice"))


@pytest.mark.parametrize("wrong", [{0: b"a"}, {15: b"a"}, {1: b""}, {1: bytes(17)}])
def test_elements_that_do_not_fit_one_byte_headers_are_refused(wrong: dict[int, bytes]) -> None:
    with pytest.raises(ValueError, match="one-byte"):
        rtp.extension_block(wrong)


def test_building_wraps_counters_and_refuses_impossible_fields() -> None:
    data = rtp.build(payload_type=0, sequence=65536 + 5, timestamp=2**32 + 6, ssrc=0, payload=b"")
    assert (rtp.parse(data).sequence, rtp.parse(data).timestamp) == (5, 6)
    with pytest.raises(ValueError, match="out of range"):
        rtp.build(payload_type=128, sequence=0, timestamp=0, ssrc=0, payload=b"")
    with pytest.raises(ValueError, match="out of range"):
        rtp.build(payload_type=0, sequence=0, timestamp=0, ssrc=2**32, payload=b"")


def test_rtcp_is_told_from_rtp_by_its_second_byte() -> None:
    told = [second for second in range(256) if rtp.is_rtcp(packet(second=second))]
    assert told == list(range(192, 224))
    assert not rtp.is_rtcp(b"\x80")


@given(st.integers(-(2**40), 2**40), st.integers(-0x8000, 0x7FFF))
def test_a_sequence_number_is_extended_to_the_nearest(reference: int, step: int) -> None:
    assert rtp.extend_sequence(reference, (reference + step) & 0xFFFF) == reference + step


@given(st.integers(-(2**60), 2**60), st.integers(-(2**31), 2**31 - 1))
def test_a_timestamp_is_extended_to_the_nearest(reference: int, step: int) -> None:
    assert rtp.extend_timestamp(reference, (reference + step) & 0xFFFFFFFF) == reference + step


@given(st.integers(0, 0xFFFF), st.integers(0, 0xFFFF))
def test_of_two_sequence_numbers_at_most_one_is_newer(one: int, other: int) -> None:
    assert not (rtp.is_newer_sequence(one, other) and rtp.is_newer_sequence(other, one))
    assert not rtp.is_newer_sequence(one, one)


def test_newer_holds_across_the_wrap() -> None:
    assert rtp.is_newer_sequence(3, 65530)
    assert not rtp.is_newer_sequence(65530, 3)
    assert rtp.is_newer_timestamp(3, 0xFFFFFFF0)
    assert not rtp.is_newer_timestamp(0xFFFFFFF0, 3)
    assert not rtp.is_newer_timestamp(9, 9)


def test_ntp_time() -> None:
    assert rtp.to_ntp(0.5) == (2_208_988_800 << 32) + (1 << 31)
    assert rtp.from_ntp(rtp.to_ntp(1_700_000_000.25)) == 1_700_000_000.25
    assert rtp.compact_ntp(0x11112222_33334444) == 0x22223333


def test_abs_send_time_is_six_bits_of_seconds_and_eighteen_of_fraction() -> None:
    unix = 3.5 - rtp.NTP_EPOCH + 64 * 50_000_000
    assert rtp.abs_send_time(unix) == int(3.5 * 2**18).to_bytes(3, "big")


def test_audio_level_holds_a_level_and_a_voice_flag() -> None:
    assert rtp.audio_level(b"\x9e") == (30, True)
    assert rtp.audio_level(b"\x7f\x00") == (127, False)
    with pytest.raises(ValueError, match="empty"):
        rtp.audio_level(b"")
