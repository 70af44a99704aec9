"""The numbers of pictures: those that are placed together have the same as one by one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from media.sequence import REACH
from media.vp8 import Pictures

pictures = st.integers(70_000, 70_030) | st.sampled_from([69_000, 70_030 + 2 * REACH])
steps = st.lists(st.tuples(st.booleans(), st.lists(pictures, min_size=1, max_size=6)), max_size=12)


@given(steps)
def test_pictures_that_are_placed_together_have_the_numbers_they_had_alone(
    script: list[tuple[bool, list[int]]],
) -> None:
    """`True`: they are left out."""
    one, other = Pictures(5), Pictures(5)
    for left_out, numbers in script:
        if left_out:
            for picture in numbers:
                one.skip(picture)
                other.skip(picture)
            continue
        together = one.place_together(numbers)
        found = [one.place(picture) for picture in numbers] if together is None else together
        assert found == [other.place(picture) for picture in numbers]
        assert one.next == other.next
