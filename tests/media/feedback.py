"""Transport-wide feedback, read by a small parser of its own written from the draft's section 3.1."""

import struct
from dataclasses import dataclass

from media.rtcp import split_compound

LARGEST = 1200


@dataclass
class Feedback:
    """`packets` maps the 16-bit number to its arrival in ticks of the clock, or `None` when lost."""

    base: int
    number: int
    packets: list[tuple[int, int | None]]

    @property
    def received(self) -> dict[int, int]:
        return {sequence: time for sequence, time in self.packets if time is not None}

    @property
    def lost(self) -> list[int]:
        return [sequence for sequence, time in self.packets if time is None]


def read(data: bytes) -> Feedback:
    [block] = split_compound(data)
    assert (block.packet_type, block.count) == (205, 15)
    assert len(data) % 4 == 0
    _, _, base, count, word = struct.unpack_from("!LLHHL", block.body)
    symbols: list[int] = []
    at = 16
    while len(symbols) < count:
        [chunk] = struct.unpack_from("!H", block.body, at)
        at += 2
        if chunk >> 15 == 0:
            symbols += [chunk >> 13 & 3] * (chunk & 0x1FFF)
        elif chunk >> 14 & 1:
            symbols += [chunk >> shift & 3 for shift in range(12, -2, -2)]
        else:
            symbols += [chunk >> shift & 1 for shift in range(13, -1, -1)]
    assert set(symbols[count:]) <= {0}
    time = (word >> 8) * 256
    packets: list[tuple[int, int | None]] = []
    for index, symbol in enumerate(symbols[:count]):
        sequence = (base + index) & 0xFFFF
        if symbol == 0:
            packets.append((sequence, None))
            continue
        form = {1: "!B", 2: "!h"}[symbol]
        [delta] = struct.unpack_from(form, block.body, at)
        at += struct.calcsize(form)
        time += delta
        packets.append((sequence, time))
    assert at == len(block.body)
    return Feedback(base, word & 255, packets)
