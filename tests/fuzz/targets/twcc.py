"""Congestion feedback for any arrivals: readable by the draft's rules, small, and within bounded memory."""

from __future__ import annotations

from media.twcc import LATE, MAX_REMEMBERED, TwccRecorder
from tests.fuzz.reading import Input
from tests.fuzz.target import Target
from tests.media.feedback import LARGEST, read


def check(data: bytes) -> None:
    source, recorder = Input(data), TwccRecorder()
    sequence, now, added = 0, 1000.0, 0
    while source:
        step = source.number()
        if step < 16:
            _drain(recorder, added)
            added = 0
            continue
        if step < 128:
            sequence += step - 48
        elif step < 160:
            sequence = source.number(2)
        else:
            sequence += 1
        now += (source.number() / 8000) if step & 1 else (source.number(2) / 100 if step & 2 else 0.0)
        recorder.add(sequence & 0xFFFF, now)
        added += 1
    _drain(recorder, added)
    assert recorder.build(1, 2) is None


def _drain(recorder: TwccRecorder, added: int) -> None:
    told = 0
    for _ in range(added + LATE + 1):
        message = recorder.build(1, 2)
        if message is None:
            break
        assert len(message) <= LARGEST
        told += len(read(message).received)
    else:
        raise AssertionError("more messages than packets, and than a late one may repeat")
    assert told <= MAX_REMEMBERED


TARGET = Target(
    check,
    seeds=[
        bytes((200,)) * 60,
        bytes((201, 10)) * 30 + b"\0" + bytes((49, 5)) * 20,
        bytes((60, 161, 3)) * 20,
        bytes((130, 255, 250, 203, 9, 201, 255, 202, 255, 255)),
    ],
    largest=4096,
)
