"""The parts of a mix, on tones: ramps, lowering, the limiter, one voice's packets, and the sum."""

from collections.abc import Sequence
from itertools import pairwise
from math import log10
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.mixing.loudness import (
    FRAME,
    LIFT,
    LOWER,
    PATIENCE,
    SAMPLES,
    SWITCH,
    Gain,
    Limiter,
    Lowering,
    loudness,
)
from media.mixing.mix import MAX_VOICES, Levels, Mix, Plan
from media.mixing.opus import BITRATE, Decoder, Encoder
from media.mixing.playout import FULL, LEAST, Playout
from tests.support.tones import LOUDNESS, level, sine, tone

UNDER = 0.1259
FLOOR, VOICE = 1000, 440
ONES = [1.0] * SAMPLES


def packets(pitch: int, count: int, loudness: float = LOUDNESS) -> list[bytes]:
    loop = tone(pitch, loudness)
    return [loop[n % len(loop)].payload for n in range(count)]


def decibels(gain: float) -> float:
    return 20 * log10(gain)


def ramp(gain: Gain, target: float, seconds: float, length: float) -> list[float]:
    frames = [gain.apply(ONES, target, length) for _ in range(round(seconds / FRAME))]
    return [sample for frame in frames for sample in frame or [0.0] * SAMPLES]


@pytest.mark.parametrize(
    ("begin", "target", "length", "within"),
    [(1.0, UNDER, LOWER, 0.15), (UNDER, 1.0, LIFT, 0.6), (1.0, 0.0, SWITCH, 0.06)],
)
def test_a_gain_is_nearly_there_after_its_time(
    begin: float, target: float, length: float, within: float
) -> None:
    gone = ramp(Gain(begin), target, within, length)[-1]
    assert abs(gone - target) < 0.06 * abs(begin - target)
    early = ramp(Gain(begin), target, round(within / 3 / FRAME) * FRAME, length)[-1]
    assert abs(early - target) > 0.2 * abs(begin - target)


@given(st.lists(st.sampled_from([0.0, UNDER, 0.5, 1.0]), min_size=1, max_size=12))
@settings(max_examples=40, deadline=None)
def test_whatever_a_gain_is_asked_for_it_never_jumps(targets: list[float]) -> None:
    gain, samples = Gain(1.0), [1.0]
    for target in targets:
        samples += ramp(gain, target, 0.06, SWITCH)
    assert max(abs(b - a) for a, b in pairwise(samples)) < 1 / (0.5 * SAMPLES)


def test_a_gain_that_has_arrived_leaves_the_sound_as_it_is() -> None:
    gain = Gain(0.0)
    assert gain.apply(ONES, 0.0, SWITCH) is None
    ramp(gain, 1.0, 1.0, SWITCH)
    assert gain.apply(ONES, 1.0, SWITCH) is ONES


def test_the_floor_is_lowered_from_the_first_sound_until_a_while_after_the_last() -> None:
    lowering, speech, noise = Lowering(), sine(VOICE, SAMPLES), sine(VOICE, SAMPLES, 0.001)
    assert not lowering.note(noise, automatic=True)
    assert lowering.note(speech, automatic=True)
    lowered = 0
    while lowering.note(noise, automatic=True):
        lowered += 1
    assert lowered * FRAME == pytest.approx(PATIENCE, abs=1.5 * FRAME)


def test_an_interpreter_who_hands_the_floor_back_by_hand_keeps_it_until_then() -> None:
    lowering = Lowering()
    lowering.note(sine(VOICE, SAMPLES), automatic=False)
    assert all(lowering.note(None, automatic=False) for _ in range(500))
    lowering.end()
    assert not lowering.note(None, automatic=False)


@given(st.lists(st.floats(0, 8), min_size=1, max_size=20))
@settings(max_examples=40, deadline=None)
def test_nothing_is_louder_than_the_limit(peaks: list[float]) -> None:
    limiter = Limiter()
    for peak in peaks:
        sound = limiter.apply(sine(FLOOR, SAMPLES, peak))
        assert max(map(abs, sound)) <= limiter.ceiling + 1e-6


def test_what_is_not_too_loud_passes_the_limiter_untouched_also_a_while_after_it_was() -> None:
    limiter, sound = Limiter(), sine(FLOOR, SAMPLES)
    assert limiter.apply(sound) is sound
    limiter.apply(sine(FLOOR, SAMPLES, 3.0))
    assert limiter.apply(sound) is not sound
    for _ in range(200):
        after = limiter.apply(sound)
    assert after is sound


def test_the_codec_keeps_a_tone_at_a_constant_64_kbit_s() -> None:
    encoder, decoder = Encoder(), Decoder()
    wave = sine(FLOOR, 50 * SAMPLES)
    sent = [p for at in range(0, len(wave), SAMPLES) for p in encoder.encode(wave[at : at + SAMPLES])]
    assert {len(packet) * 8 / FRAME for packet in sent} == {BITRATE}
    heard = [sample for packet in sent for sample in decoder.decode(packet)]
    assert level(heard[SAMPLES * 10 : SAMPLES * 20], FLOOR) == pytest.approx(0.0, abs=0.3)


@pytest.mark.parametrize("pitch", [125, 250, 500, 1000, 2000, 4000, 8000, 12_000, 15_000])
def test_what_an_interpreter_says_loses_less_than_two_decibels_anywhere(pitch: int) -> None:
    mix = Mix()
    mix.add("i", "p_interpreter", "interpretation")
    mix.plan = Plan({("p_interpreter", "interpretation"): Levels(1.0, 1.0)})
    decoder = Decoder()
    heard: list[float] = []
    for n, payload in enumerate(packets(pitch, 50)):
        mix.push("i", n * SAMPLES, payload, n * FRAME)
        heard += [s for packet in mix.tick(n * FRAME + 0.015) for s in decoder.decode(packet)]
    assert level(heard[-20 * SAMPLES :], pitch) == pytest.approx(0.0, abs=2.0)


@given(st.lists(st.binary(max_size=80), max_size=8))
@settings(max_examples=60, deadline=None)
def test_what_is_not_opus_harms_nothing_that_follows(garbage: list[bytes]) -> None:
    decoder = Decoder()
    for each in garbage:
        decoder.decode(each)
    heard = [sample for packet in packets(FLOOR, 20) for sample in decoder.decode(packet)]
    assert level(heard[-SAMPLES * 5 :], FLOOR) == pytest.approx(0.0, abs=1.0)


class Played:
    """A voice whose packets come when a test says; 20 ms are pulled at every tick."""

    def __init__(self, first: int = 0) -> None:
        self.playout = Playout()
        self.now = 100.0
        self.frames: list[Sequence[float] | None] = []
        self._payloads = packets(FLOOR, 2000)
        self._first = first

    def push(self, *numbers: int) -> None:
        for number in numbers:
            timestamp = (self._first + number * SAMPLES) & 0xFFFFFFFF
            self.playout.push(timestamp, self._payloads[number], self.now)

    def tick(self, ticks: int = 1) -> None:
        for _ in range(ticks):
            self.frames.append(self.playout.pull(self.now))
            self.now += FRAME

    @property
    def silent(self) -> list[bool]:
        return [frame is None or max(map(abs, frame)) < 0.01 for frame in self.frames]

    def worst_step(self, after: int = 0) -> float:
        samples = [s for frame in self.frames[after:] for s in frame or [0.0] * SAMPLES]
        return max(abs(b - a) for a, b in pairwise(samples))


STEP = 0.04
"""A tone of 1 kHz and 0.2 goes 0.026 from one sample to the next; a click further."""


def test_packets_in_order_are_played_after_the_margin() -> None:
    played = Played()
    for number in range(50):
        played.push(number)
        played.tick()
    begun = played.silent.index(False)
    assert begun * FRAME <= LEAST + FRAME
    assert not any(played.silent[begun:])
    assert (played.playout.late, played.playout.skipped) == (0, 0)
    heard = [s for frame in played.frames[10:30] for s in frame or ()]
    assert level(heard, FLOOR) == pytest.approx(0.0, abs=0.3)


def test_a_timestamp_that_turns_over_is_nothing_special() -> None:
    played = Played(first=0xFFFFFFFF - 10 * SAMPLES)
    for number in range(50):
        played.push(number)
        played.tick()
    assert not any(played.silent[5:])


def test_what_comes_in_another_order_is_played_in_its_own() -> None:
    played = Played()
    for number in range(0, 60, 2):
        played.push(number + 1, number) if number else played.push(0, 1)
        played.tick(2)
    assert not any(played.silent[3:])
    assert played.worst_step(5) < STEP


def test_one_packet_that_never_comes_is_a_dip_and_no_click() -> None:
    played = Played()
    for number in range(60):
        if number != 30:
            played.push(number)
        played.tick()
    assert played.worst_step(5) < 3 * STEP
    assert sum(played.silent[5:]) <= 2
    assert not any(played.silent[40:])


def test_whoever_stops_fades_and_comes_in_again_without_a_click() -> None:
    played = Played()
    for number in range(30):
        played.push(number)
        played.tick()
    played.tick(40)
    assert all(played.silent[34:])
    for number in range(400, 430):
        played.push(number)
        played.tick()
    assert not any(played.silent[-20:])
    assert played.worst_step(5) < STEP


def test_a_burst_after_a_stall_does_not_stay_as_delay() -> None:
    played = Played()
    for number in range(50):
        played.push(number)
        played.tick()
    played.tick(8)
    played.push(*range(50, 58))
    for number in range(58, 700):
        played.push(number)
        played.tick()
    waiting = len(played.playout._packets)
    assert waiting * FRAME <= played.playout.margin + 2 * FRAME
    assert played.playout.skipped >= 4


def test_a_voice_holds_so_many_packets_and_no_more() -> None:
    played = Played()
    played.push(*range(500))
    assert len(played.playout._packets) <= FULL


def test_another_stream_of_the_same_source_begins_anew() -> None:
    played = Played(first=50_000_000)
    for number in range(30):
        played.push(number)
        played.tick()
    played._first = 1000
    for number in range(30):
        played.push(number)
        played.tick()
    assert not any(played.silent[-20:])


@given(st.integers(0, 1000))
@settings(max_examples=15, deadline=None)
def test_a_rough_network_is_played_with_a_greater_margin(seed: int) -> None:
    """Up to 40 ms late each, in whatever order."""
    random, played = Random(seed), Played()
    due = sorted((n * FRAME + random.uniform(0, 0.04), n) for n in range(500))
    while due:
        while due and 100.0 + due[0][0] <= played.now:
            played.push(due.pop(0)[1])
        played.tick()
    assert sum(played.silent[150:-5]) < 20
    assert played.playout.margin < 0.081


def mixed(mix: Mix, voices: dict[str, int], frames: int, begin: int = 0) -> list[float]:
    """What comes out while each of the voices sends its tone in step with the ticks."""
    heard: list[float] = []
    sent = {voice: packets(pitch, 50) for voice, pitch in voices.items()}
    for n in range(begin, begin + frames):
        now = 50.0 + n * FRAME
        for voice, payloads in sent.items():
            mix.push(voice, n * SAMPLES, payloads[n % 50], now)
        heard += mix.mixed(now + 0.015)
    return heard


def table() -> Mix:
    mix = Mix()
    mix.add("f", "p_floor", "microphone")
    mix.add("i", "p_interpreter", "interpretation")
    return mix


def plan(over: str | None, interpretation: float = 1.0) -> Plan:
    return Plan(
        {
            ("p_floor", "microphone"): Levels(1.0, UNDER),
            ("p_interpreter", "interpretation"): Levels(interpretation, interpretation),
        },
        over,
    )


BOTH = {"f": FLOOR, "i": VOICE}


def test_in_turns_both_are_heard_in_full() -> None:
    mix = table()
    mix.plan = plan(None)
    heard = mixed(mix, BOTH, 50)[-20 * SAMPLES :]
    assert level(heard, FLOOR) == pytest.approx(0.0, abs=0.3)
    assert level(heard, VOICE) == pytest.approx(0.0, abs=0.3)


def test_under_the_interpreter_the_floor_is_18_db_lower_and_comes_back_after_them() -> None:
    mix = table()
    mix.plan = plan("p_interpreter")
    heard = mixed(mix, BOTH, 60)[-20 * SAMPLES :]
    assert level(heard, FLOOR) == pytest.approx(-18.0, abs=0.5)
    assert level(heard, VOICE) == pytest.approx(0.0, abs=0.3)
    after = mixed(mix, {"f": FLOOR}, 100, begin=60)
    assert level(after[10 * SAMPLES : 25 * SAMPLES], FLOOR) == pytest.approx(-18.0, abs=1.0)
    assert level(after[-20 * SAMPLES :], FLOOR) == pytest.approx(0.0, abs=0.5)


def test_what_is_not_planned_is_not_heard() -> None:
    mix = table()
    mix.plan = Plan({("p_floor", "microphone"): Levels(1.0, 1.0)})
    heard = mixed(mix, BOTH, 50)[-20 * SAMPLES :]
    assert level(heard, VOICE) < -60
    assert level(heard, FLOOR) == pytest.approx(0.0, abs=0.3)


def test_a_turn_ends_a_voice_without_a_click() -> None:
    mix = table()
    mix.plan = plan("p_interpreter")
    mixed(mix, BOTH, 50)
    mix.plan = plan(None, interpretation=0.0)
    heard = mixed(mix, BOTH, 60, begin=50)
    assert level(heard[-20 * SAMPLES :], VOICE) < -60
    assert level(heard[-20 * SAMPLES :], FLOOR) == pytest.approx(0.0, abs=0.5)
    assert max(abs(b - a) for a, b in pairwise(heard)) < 2 * STEP


def test_a_voice_that_is_removed_is_gone_at_once() -> None:
    mix = table()
    mix.plan = plan(None)
    mixed(mix, BOTH, 50)
    mix.remove("f")
    mix.remove("i")
    assert max(map(abs, mix.mixed(51.1))) == 0.0


def test_many_loud_voices_are_turned_down_and_not_cut_off() -> None:
    mix = Mix()
    for n in range(8):
        mix.add(f"v{n}", f"p{n}", "microphone")
    mix.plan = Plan({(f"p{n}", "microphone"): Levels(1.0, 1.0) for n in range(8)})
    heard = mixed(mix, {f"v{n}": FLOOR for n in range(8)}, 60)[-20 * SAMPLES :]
    assert max(map(abs, heard)) <= 0.9
    assert level(heard, FLOOR) > 10
    assert level(heard, 3 * FLOOR) < level(heard, FLOOR) - 30


def test_a_mix_has_so_many_voices_and_no_more() -> None:
    mix = Mix()
    for n in range(MAX_VOICES):
        mix.add(f"v{n}", f"p{n}", "microphone")
    with pytest.raises(ValueError, match="at most"):
        mix.add("more", "p", "microphone")


def test_silence_is_sent_too() -> None:
    mix = Mix()
    sent = [packet for n in range(10) for packet in mix.tick(n * FRAME)]
    assert len(sent) >= 9
    decoder = Decoder()
    assert max(abs(s) for packet in sent for s in decoder.decode(packet)) < 1e-3
    assert loudness([0.0]) == 0.0
