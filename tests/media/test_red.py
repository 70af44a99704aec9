"""RED: how a packet is made, when it is sent, and that it holds nothing from before its listener began."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media import red, rtcp
from media.consumer import Consumer
from media.downlink import BELIEVED
from media.ortc import assumed_capabilities
from media.protection import EXTRA_MOST, EXTRA_RATE, Protection
from media.red import MOST_BLOCKS, MOST_SPACING, Frame, History
from media.redundancy import (
    APART,
    BLOCK_RATE,
    FILLED,
    LEFT,
    LESS,
    LONG,
    MUCH,
    NEEDED,
    NO_ROOM,
    PATIENCE,
    SHORT,
    SPARED,
    TOGETHER,
    Redundancy,
)
from media.transport import Transport
from tests.media.room import Room, out
from tests.media.test_loss import Stage, report

PLAIN, RED = 100, 103
STEP = 960

# the format


def frame(number: int, payload: bytes = b"voice") -> Frame:
    return Frame(number, 1_000_000 + STEP * number, payload)


def test_a_packet_holds_earlier_frames_ahead_of_its_own() -> None:
    payload = red.build(PLAIN, frame(3, b"three"), [frame(1, b"1"), frame(2, b"two")])
    offsets = [(1920 << 10 | 1).to_bytes(3, "big"), (960 << 10 | 3).to_bytes(3, "big")]
    assert payload == b"\xe4" + offsets[0] + b"\xe4" + offsets[1] + b"\x64" + b"1twothree"
    assert red.parse(payload) == [(100, 1920, b"1"), (100, 960, b"two"), (100, 0, b"three")]


@pytest.mark.parametrize(
    "earlier", [frame(3), frame(4), frame(-15), frame(2, b""), frame(2, bytes(red.LARGEST))]
)
def test_a_frame_that_does_not_fit_the_format_is_refused(earlier: Frame) -> None:
    with pytest.raises(ValueError, match="redundant frame"):
        red.build(PLAIN, frame(3), [earlier])


@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_refused(payload: bytes) -> None:
    try:
        blocks = red.parse(payload)
    except ValueError:
        return
    assert sum(len(each) for _, _, each in blocks) + 4 * len(blocks) - 3 == len(payload)


FRAMES = st.lists(
    st.tuples(st.integers(0, 60), st.integers(-3, 20), st.integers(1, 1300)), min_size=1, max_size=30
)


def test_frames_go_along_with_the_next_ones_or_with_every_second() -> None:
    history = History()
    for number in range(9):
        history.add(frame(number))
    assert history.before(frame(9), 2) == [frame(7), frame(8)]
    assert history.before(frame(9), 2, 2) == [frame(5), frame(7)]
    assert history.before(frame(9), 1, 2) == [frame(7)]


@given(FRAMES, st.integers(1, MOST_BLOCKS), st.integers(1, MOST_SPACING))
def test_whatever_comes_a_packet_can_be_made_with_what_goes_along(
    steps: list[tuple[int, int, int]], blocks: int, spacing: int
) -> None:
    history, sent = History(), []
    timestamp = 0
    for sequence, ahead, size in steps:
        timestamp += STEP * ahead
        one = Frame(sequence, timestamp, bytes(size))
        before = history.before(one, blocks, spacing)
        history.add(one)
        assert len(before) <= blocks
        assert all(each in sent for each in before)
        if before:
            assert sum(len(each.payload) for each in [*before, one]) <= red.ROOM
            assert red.parse(red.build(PLAIN, one, before))[-1][2] == one.payload
        sent.append(one)


# when


def judged(loss: float, rtt: float | None = LONG, room: float | None = None, seconds: float = 0.0) -> int:
    found = Redundancy()
    found.judge(loss, rtt, room, 0.0)
    found.judge(loss, rtt, room, seconds)
    return found.blocks


def test_frames_are_repeated_where_asking_comes_too_late_and_something_is_lost() -> None:
    assert judged(0.0) == 0
    assert judged(NEEDED[0]) == 1
    assert judged(NEEDED[1]) == 2
    assert judged(MUCH - 0.001, rtt=LONG - 0.001) == 0
    assert judged(MUCH - 0.001, rtt=None) == 0


@pytest.mark.parametrize(
    ("what", "begins", "ends"), [("loss", MUCH, LESS), ("together", TOGETHER, APART), ("left", LEFT, FILLED)]
)
def test_on_a_short_line_frames_are_repeated_where_asking_does_not_do(
    what: str, begins: float, ends: float
) -> None:
    found = Redundancy()

    def judge(value: float, room: float | None = None) -> int:
        found.judge(**{"loss": 0.1, "rtt": 0.02, "room": room, "now": 0.0, what: value})
        return found.blocks

    assert [judge(each) for each in (begins - 0.001, begins, ends, ends - 0.001)] == [0, 2, 2, 0]
    assert judge(begins, room=BLOCK_RATE * 0.9) == 0
    found.judge(0.0, 0.02, None, 0.0, together=1.0, left=1.0)
    assert found.blocks == 0


def test_a_line_without_room_gets_fewer_frames_or_none() -> None:
    assert [judged(0.3, room=blocks * BLOCK_RATE) for blocks in (0.9, 1, 2, 50)] == [0, 1, 2, 2]


def test_where_there_was_no_room_for_it_nothing_is_repeated_for_a_while() -> None:
    found = Redundancy()
    told = [
        (0.0, None, 2),
        (1.0, BLOCK_RATE / 2, 0),
        (2.0, None, 0),
        (NO_ROOM, None, 0),
        (NO_ROOM + 1, None, 2),
    ]
    for now, room, blocks in told:
        found.judge(0.2, 0.2, room, now)
        assert found.blocks == blocks


def test_more_comes_at_once_and_less_after_it_would_have_done_for_a_while() -> None:
    found = Redundancy()
    found.judge(0.2, 0.2, None, 0.0)
    assert found.blocks == 2
    for second in range(1, 30):
        found.judge(SPARED[1], 0.2, None, float(second))
    assert found.blocks == 2
    for at, blocks in ((30, 2), (30 + PATIENCE - 1, 2), (30 + PATIENCE, 1), (31 + PATIENCE, 1)):
        found.judge(0.0, 0.2, None, float(at))
        assert found.blocks == blocks
    found.judge(0.0, 0.2, None, 31 + 2 * PATIENCE)
    assert found.blocks == 0


def test_a_round_trip_at_the_border_does_not_make_it_come_and_go() -> None:
    found = Redundancy()
    found.judge(0.1, LONG, None, 0.0)
    found.judge(0.1, SHORT, None, 1.0)
    assert found.blocks == 2
    found.judge(0.1, SHORT - 0.001, None, 2.0)
    assert found.blocks == 0
    found.judge(0.1, SHORT, None, 3.0)
    assert found.blocks == 0


JUDGED = st.tuples(
    st.floats(0, 1), st.none() | st.floats(0, 1), st.none() | st.floats(0, 2e6), st.floats(0.1, 30)
)


@given(st.lists(JUDGED, max_size=40))
def test_in_no_history_are_frames_repeated_without_reason_or_room_or_do_they_flap(
    steps: list[tuple[float, float | None, float | None, float]],
) -> None:
    found, now, last_less, no_room = Redundancy(), 0.0, -PATIENCE, -inf
    for loss, rtt, room, passes in steps:
        before = found.blocks
        now += passes
        found.judge(loss, rtt, room, now)
        if before and room is not None and room < BLOCK_RATE:
            no_room = now
        if now - no_room < NO_ROOM:
            assert found.blocks == 0
            continue
        assert 0 <= found.blocks <= MOST_BLOCKS
        assert found.blocks * BLOCK_RATE <= (1e9 if room is None else room)
        if found.blocks:
            assert loss >= LESS or (rtt or 0.0) >= SHORT
        if rtt is not None and rtt >= LONG and room is None:
            assert found.blocks >= sum(loss >= least for least in NEEDED)
            if found.blocks < before:
                assert before - found.blocks == 1
                assert loss < SPARED[before - 1]
                assert now - last_less >= PATIENCE or last_less < 0
                last_less = now


@given(st.lists(st.integers(1, 400), min_size=50, max_size=600))
def test_what_goes_along_stays_within_its_bound(sizes: list[int]) -> None:
    protection = Protection(RED)
    protection.redundancy.judge(0.5, 0.3, None, 0.0)
    extra, now = 0, 0.0
    for number, size in enumerate(sizes):
        now += 0.02
        extra += sum(len(each.payload) for each in protection.before(frame(number, bytes(size)), now))
    assert extra <= EXTRA_MOST + EXTRA_RATE * now


def test_every_frame_at_64_kbit_is_sent_three_times() -> None:
    protection = Protection(RED)
    protection.redundancy.judge(0.5, 0.3, None, 0.0)
    along = [len(protection.before(frame(n, bytes(160)), 0.02 * n)) for n in range(3000)]
    assert along[:2] == [0, 1]
    assert set(along[2:]) == {2}


# to listeners


@pytest.fixture
def room() -> Iterator[Room]:
    opened = Room()
    yield opened
    opened.close()


def far(transport: Transport, loss: float, now: float) -> None:
    """The listener's line is long and has lost so much."""
    transport.rtt = 0.2
    for _ in range(20):
        transport.loss.heard(loss, now)


def sent(transport: Transport) -> list[tuple[int, list[bytes]]]:
    """(payload type, frames) of every packet so far."""
    return [
        (
            each.payload_type,
            [frame for _, _, frame in red.parse(each.payload)]
            if each.payload_type == RED
            else [each.payload],
        )
        for each in out(transport).rtp
    ]


def say(stage: Stage, *words: bytes) -> None:
    for word in words:
        stage.speak(payload=word)
        stage.room.now += 0.02


def test_who_is_far_and_loses_gets_earlier_frames_along_and_others_do_not(room: Room) -> None:
    stage = Stage(room)
    (one, _), (two, _) = (stage.listener(each, stage.microphone) for each in ("first", "second"))
    room.now += 0.5
    say(stage, b"a", b"b")
    far(one, 0.2, room.now)
    room.tick(1.0)
    say(stage, b"c", b"d")
    assert sent(one) == [
        (PLAIN, [b"a"]),
        (PLAIN, [b"b"]),
        (RED, [b"a", b"b", b"c"]),
        (RED, [b"b", b"c", b"d"]),
    ]
    assert sent(two) == [(PLAIN, [each]) for each in (b"a", b"b", b"c", b"d")]
    first = out(one).rtp[0]
    assert [each.timestamp - first.timestamp for each in out(one).rtp] == [0, 960, 1920, 2880]
    assert [each.sequence - first.sequence & 0xFFFF for each in out(one).rtp] == [0, 1, 2, 3]


def lose(stage: Stage, transport: Transport, consumer: Consumer, *, runs: int) -> None:
    """For two seconds a tenth does not come, so many after one another, and comes when it is asked for."""
    missing = []
    for place in range(100):
        say(stage, b"a")
        if place % (10 * runs) < runs:
            missing.append(out(transport).rtp[-1].sequence)
        elif missing:
            transport._receive_rtcp(rtcp.build_nack(1, consumer.ssrc, missing), stage.room.now)
            missing = []
    report(transport, consumer.ssrc, 0.0, stage.room.now)
    stage.room.bind(transport)
    stage.room.tick(0.1)


def test_on_a_short_line_earlier_frames_go_along_only_while_packets_are_lost_in_runs(room: Room) -> None:
    stage = Stage(room)
    transport, consumer = stage.listener("first", stage.microphone)
    assert consumer.protection is not None
    transport.rtt = 0.02
    room.now += 0.5
    for runs, blocks in ((1, 0), (5, 2), (1, 0), (5, 2)):
        for _ in range(8):
            lose(stage, transport, consumer, runs=runs)
        assert consumer.protection.redundancy.blocks == blocks
        say(stage, b"a", b"b", b"c", b"d", b"e")
        assert sent(transport)[-1][1] == ([b"a", b"c", b"e"] if blocks else [b"e"])


def test_on_a_short_line_earlier_frames_go_along_where_much_stays_lost(room: Room) -> None:
    stage = Stage(room)
    transport, _ = stage.listener("first", stage.microphone)
    transport.rtt = 0.02
    consumer = next(iter(transport.consumers.values()))
    room.now += 0.5
    for share, word, sent_as in ((0.02, b"b", PLAIN), (0.1, b"c", RED)):
        say(stage, *[b"a"] * 100)
        report(transport, consumer.ssrc, share, room.now)
        room.tick(0.1)
        say(stage, word)
        assert sent(transport)[-1][0] == sent_as


def test_plain_and_red_change_from_one_packet_to_the_next(room: Room) -> None:
    stage = Stage(room)
    transport, consumer = stage.listener("first", stage.microphone)
    room.now += 0.5
    for loss, words in ((0.0, b"ab"), (0.2, b"cd"), (0.0, b"ef")):
        far(transport, loss, room.now)
        room.tick(1.0)
        room.tick(PATIENCE)
        far(transport, loss, room.now)
        room.bind(transport)
        for _ in range(2):
            room.tick(PATIENCE)
            room.bind(transport)
        say(stage, *(bytes((each,)) for each in words))
    assert [each for each, _ in sent(transport)] == [PLAIN, PLAIN, RED, RED, PLAIN, PLAIN]
    assert consumer.stats(room.now).redundant == 2


def test_a_narrow_line_has_no_room_for_it_as_long_as_the_browser_says_so(room: Room) -> None:
    stage = Stage(room)
    transport, _ = stage.listener("first", stage.microphone)
    room.now += 0.5
    for told in (True, False):
        if told:
            transport._receive_rtcp(rtcp.build_remb(1, BLOCK_RATE // 2, [1]), room.now)
        far(transport, 0.2, room.now)
        room.tick(BELIEVED - 0.1)
        say(stage, b"a", b"b")
    assert [each for each, _ in sent(transport)] == [PLAIN, PLAIN, RED, RED]


def test_a_low_estimate_is_no_bound_while_packets_come_without_a_queue(room: Room) -> None:
    stage = Stage(room)
    transport, _ = stage.listener("first", stage.microphone)
    room.now += 0.5
    transport._receive_rtcp(rtcp.build_remb(1, BLOCK_RATE // 2, [1]), room.now)
    for rtt in (0.2, 0.21):
        transport.allocation.measured(rtt, room.now)
    far(transport, 0.2, room.now)
    room.tick(1.0)
    say(stage, b"a", b"b")
    transport.allocation.measured(0.4, room.now)
    room.tick(1.0)
    say(stage, b"c", b"d")
    assert [each for each, _ in sent(transport)] == [PLAIN, RED, PLAIN, PLAIN]


def test_a_listener_who_comes_by_another_path_is_not_judged_by_the_line_before(room: Room) -> None:
    stage = Stage(room)
    transport, _ = stage.listener("first", stage.microphone)
    room.now += 0.5
    transport._receive_rtcp(rtcp.build_remb(1, BLOCK_RATE // 2, [1]), room.now)
    transport.path_changed(room.now)
    far(transport, 0.2, room.now)
    room.tick(1.0)
    say(stage, b"a", b"b")
    assert [each for each, _ in sent(transport)] == [PLAIN, RED]


def test_listeners_with_the_same_frames_share_the_packet(room: Room) -> None:
    stage = Stage(room)
    both = [stage.listener(each, stage.microphone)[0] for each in ("first", "second")]
    room.now += 0.5
    for transport in both:
        far(transport, 0.2, room.now)
    room.tick(1.0)
    say(stage, b"a", b"b", b"c")
    assert sent(both[0]) == sent(both[1])
    assert [each for each, _ in sent(both[0])] == [PLAIN, RED, RED]


def test_who_cannot_open_red_never_gets_it(room: Room) -> None:
    stage = Stage(room)
    transport = room.router.create_transport("first-recv", "first", "recv", assumed_capabilities())
    transport.dtls = type(out(stage.speaker))()  # type: ignore[assignment]
    room.bind(transport)
    room.consume(transport, stage.microphone)
    room.now += 0.5
    far(transport, 0.2, room.now)
    room.tick(1.0)
    say(stage, b"a", b"b")
    assert [each for each, _ in sent(transport)] == [PLAIN, PLAIN]


def test_a_frame_that_came_late_goes_alone_and_with_nobody(room: Room) -> None:
    stage = Stage(room)
    transport, _ = stage.listener("first", stage.microphone)
    room.now += 0.5
    far(transport, 0.2, room.now)
    room.tick(1.0)
    say(stage, b"a")
    late = stage.voice.packet(b"b")
    say(stage, b"c", b"d")
    room.now += 0.1
    stage.speaker.receive_rtp([late], room.now)
    say(stage, b"e")
    assert sent(transport) == [
        (PLAIN, [b"a"]),
        (RED, [b"a", b"c"]),
        (RED, [b"a", b"c", b"d"]),
        (PLAIN, [b"b"]),
        (RED, [b"c", b"d", b"e"]),
    ]


def test_what_was_lost_and_came_when_it_was_asked_for_again_was_lost_on_the_line(room: Room) -> None:
    stage = Stage(room)
    transport, consumer = stage.listener("first", stage.microphone)
    transport.rtt = 0.2
    room.now += 0.5
    for second in range(4):
        for place in range(50):
            say(stage, b"a")
            if place % 5 == 0:
                missing = out(transport).rtp[-1].sequence
                transport._receive_rtcp(rtcp.build_nack(1, consumer.ssrc, [missing]), room.now)
        answer = rtcp.ReportBlock(consumer.ssrc, 0, 0, second, 0)
        transport._receive_rtcp(rtcp.build_receiver_report(1, [answer]), room.now)
    assert transport.loss.at(room.now) == pytest.approx(1 / 6, abs=0.01)
    room.tick(0.1)
    assert consumer.protection is not None
    assert consumer.protection.redundancy.blocks == 2


def test_lost_red_is_sent_again_as_the_same_bytes(room: Room) -> None:
    stage = Stage(room)
    transport, consumer = stage.listener("first", stage.microphone)
    room.now += 0.5
    far(transport, 0.2, room.now)
    room.tick(1.0)
    say(stage, b"a", b"b")
    last = out(transport).rtp[-1]
    transport._receive_rtcp(rtcp.build_nack(1, consumer.ssrc, [last.sequence]), room.now)
    assert out(transport).rtp[-1].data == last.data
    assert len(out(transport).rtp) == 3


def test_only_what_is_lost_on_the_listeners_own_line_counts(room: Room) -> None:
    stage = Stage(room)
    transport, consumer = stage.listener("first", stage.microphone)
    transport.rtt = 0.2
    room.now += 0.5
    for number in range(100):
        if number % 5 == 2:
            stage.voice.packet(b"lost before us")
        else:
            say(stage, b"voice")
    report(transport, consumer.ssrc, 0.2, room.now)
    assert transport.loss.at(room.now) < 0.01
    assert consumer.missed(room.now) > 0.1
    say(stage, *[b"voice"] * 100)
    report(transport, consumer.ssrc, 0.2, room.now)
    assert transport.loss.at(room.now) > 0.1


def test_what_red_makes_good_is_not_asked_of_the_publishers_encoder(room: Room) -> None:
    stage = Stage(room)
    transport, consumer = stage.listener("first", stage.microphone)
    transport.rtt = 0.2
    room.now += 0.5
    for _ in range(4):
        say(stage, *[b"voice"] * 50)
        report(transport, consumer.ssrc, 0.2, room.now)
    before = consumer.missed(room.now)
    room.tick(1.0)
    assert consumer.missed(room.now) == pytest.approx(before**3)


# nothing old


def test_after_a_change_of_station_no_earlier_frame_is_in_any_packet(room: Room) -> None:
    """The one who comes is on a long bad line, and the other had RED a moment ago."""
    stage = Stage(room)
    transport, _ = stage.listener("first", stage.microphone)
    room.now += 0.5
    far(transport, 0.3, room.now)
    room.tick(1.0)
    say(stage, *[b"to the first"] * 10)
    stage.everybody("second")
    second, _ = stage.listener("second", stage.microphone)
    far(second, 0.3, room.now)
    room.tick(0.02)
    say(stage, *[b"in between"] * 15)
    stage.everybody("first", "second")
    again, _ = stage.listener("first", stage.microphone)
    assert again is transport
    heard = len(sent(transport))
    limit = stage.voice.timestamp + 14_400
    words = [b"%d" % number for number in range(60)]
    say(stage, *words)
    later = sent(transport)[heard:]
    assert len(later) > 30
    assert later[0][0] == PLAIN
    assert later[5][0] == RED
    first = stage.voice.timestamp - 960 * len(later)
    assert first >= limit - 960
    allowed = set(words[-len(later) :])
    assert {each for _, frames in later for each in frames} == allowed
    assert {each for _, frames in sent(second) for each in frames} <= {b"in between", *words}


def test_nothing_from_before_a_pause_of_the_source_goes_along_after_it(room: Room) -> None:
    stage = Stage(room)
    transport, _ = stage.listener("first", stage.microphone)
    room.now += 0.5
    far(transport, 0.3, room.now)
    room.tick(1.0)
    say(stage, b"a", b"b", b"c")
    stage.microphone.pause()
    say(stage, b"private")
    stage.microphone.resume(room.now)
    say(stage, b"d", b"e")
    assert sent(transport)[3:] == [(PLAIN, [b"d"]), (RED, [b"d", b"e"])]


def test_packets_are_not_longer_than_what_can_be_protected(room: Room) -> None:
    stage = Stage(room)
    transport, _ = stage.listener("first", stage.microphone)
    room.now += 0.5
    far(transport, 0.3, room.now)
    room.tick(1.0)
    say(stage, *[bytes(size) for size in (900, 900, 100, 1200, 1, 1)])
    assert len(out(transport).rtp) == 6
    assert max(len(each.data) for each in out(transport).rtp) <= 1356
