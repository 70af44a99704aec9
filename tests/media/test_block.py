"""How packets lie in memory, and what of it the kernel cuts up again."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from media.block import MOST_BYTES, MOST_SEGMENTS, Block, cut, pieces

SIZES = st.lists(st.integers(1, 1500), max_size=200)


def places(sizes: list[int]) -> list[tuple[int, int]]:
    found, at = [], 0
    for size in sizes:
        found.append((at, size))
        at += size
    return found


@given(SIZES)
def test_pieces_are_what_the_kernel_cuts_up_again(sizes: list[int]) -> None:
    found = list(pieces(sizes))
    assert [each for piece in found for each in cut(piece)] == places(sizes)
    for _, size, total, count in found:
        assert size * (count - 1) < total <= size * count
        assert count <= MOST_SEGMENTS
        assert count == 1 or total <= MOST_BYTES


def test_a_frame_of_chromium_is_two_pieces_and_one_of_equal_packets_one() -> None:
    for sizes, expected in (([900] * 7 + [300], 1), ([900] * 4 + [901] * 4, 2), ([901] * 4 + [900] * 4, 2)):
        assert len(list(pieces(sizes))) == expected


@given(st.lists(st.binary(min_size=12, max_size=40), min_size=1, max_size=20), st.integers(4, 16))
def test_packets_lie_one_behind_the_other_with_room_for_their_trailers(
    packets: list[bytes], trailer: int
) -> None:
    block = Block(packets, range(1 << 33, (1 << 33) + len(packets)), trailer)
    assert [block.data[at : at + size] for at, size, _ in block.places] == packets
    assert [timestamp for _, _, timestamp in block.places] == list(range(len(packets)))
    for (at, size, _), (behind, _, _) in pairwise([*block.places, (len(block.data), 0, 0)]):
        assert at + size + trailer == behind
    assert [each for piece in block.pieces for each in cut(piece)] == [
        (at, size + trailer) for at, size, _ in block.places
    ]


@given(st.lists(st.tuples(st.integers(12, 20), st.booleans()), min_size=1, max_size=20))
def test_what_is_left_out_is_in_no_piece_and_all_else_is(packets: list[tuple[int, bool]]) -> None:
    block = Block([bytes(size) for size, _ in packets], [0] * len(packets), 10)
    left_out = [at for (at, _, _), (_, out) in zip(block.places, packets, strict=True) if out]
    assert [each for piece in block.without(left_out) for each in cut(piece)] == [
        (at, size + 10) for at, size, _ in block.places if at not in left_out
    ]
