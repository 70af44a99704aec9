"""Keyframe detection on payloads made by hand after RFC 7741 and RFC 6184, and on any bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.keyframes import h264_keyframe
from media.vp8 import vp8_keyframe

KEY, DELTA = b"\x10\x02\x00\x9d\x01\x2a", b"\x11\x02\x00\x00"


@pytest.mark.parametrize(
    "descriptor",
    [
        b"\x10",
        b"\x90\x00",
        b"\x90\x80\x05",
        b"\x90\x80\x85\x39",
        b"\x90\x40\x07",
        b"\x90\xe0\x85\x39\x07\x20",
        b"\x90\xf0\x05\x07\x21",
    ],
)
def test_vp8_keyframes_are_seen_behind_every_descriptor(descriptor: bytes) -> None:
    assert vp8_keyframe(descriptor + KEY)
    assert not vp8_keyframe(descriptor + DELTA)
    assert not vp8_keyframe(descriptor)


def test_only_the_start_of_the_first_vp8_partition_counts() -> None:
    assert not vp8_keyframe(b"\x00" + KEY)
    assert not vp8_keyframe(b"\x11" + KEY)
    assert vp8_keyframe(b"\x30" + KEY)


@pytest.mark.parametrize(
    "payload",
    [
        b"\x65\x88",
        b"\x67\x42\xe0\x1f",
        b"\x78\x00\x02\x67\x42\x00\x02\x68\xce\x00\x02\x65\x88",
        b"\x78\x00\x02\x09\x10\x00\x02\x65\x88",
        b"\x7c\x85\x88",
    ],
    ids=["IDR", "SPS", "STAP-A with SPS", "STAP-A with IDR", "FU-A start of IDR"],
)
def test_h264_keyframes_are_seen(payload: bytes) -> None:
    assert h264_keyframe(payload)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\x41\x9a",
        b"\x68\xce",
        b"\x78",
        b"\x78\x00\x02\x41\x9a",
        b"\x78\xff\xff\x41\x9a\x65",
        b"\x7c\x05\x88",
        b"\x7c\x45\x88",
        b"\x7c\x81\x88",
        b"\x7c",
        b"\x7c\x85",
    ],
    ids=[
        "nothing",
        "slice",
        "PPS",
        "empty STAP-A",
        "STAP-A of slices",
        "STAP-A that lies",
        "FU-A middle",
        "FU-A end",
        "FU-A of a slice",
        "FU-A without header",
        "FU-A without data",
    ],
)
def test_other_h264_payloads_are_not_keyframes(payload: bytes) -> None:
    assert not h264_keyframe(payload)


@given(st.binary(max_size=40))
def test_any_bytes_are_answered(payload: bytes) -> None:
    assert vp8_keyframe(payload) in (True, False)
    assert h264_keyframe(payload) in (True, False)


@given(st.integers(0, 255), st.binary(max_size=20))
def test_any_aggregate_is_answered_even_with_empty_units(first: int, rest: bytes) -> None:
    assert h264_keyframe(b"\x78" + bytes([0, first]) + rest) in (True, False)
    assert h264_keyframe(b"\x78" + bytes(200)) is False
