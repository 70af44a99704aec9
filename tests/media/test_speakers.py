"""Who speaks, from audio levels with literal time (−dBov: 0 loudest, 127 silence)."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from media.speakers import HOLD, INTERVAL, STALE, SpeakerLevel, Speakers

PACKET = 0.02


def talk(speakers: Speakers, who: str, start: float, seconds: float, level: int = 25) -> float:
    """A packet every 20 ms; the time after the last one."""
    packets = round(seconds / PACKET)
    for packet in range(packets):
        speakers.hear(f"pr_{who}", who, level, start + packet * PACKET)
    return start + packets * PACKET


def names(levels: list[SpeakerLevel] | None) -> list[str] | None:
    return None if levels is None else [speaker.owner for speaker in levels]


def test_somebody_who_speaks_is_told_with_a_level() -> None:
    speakers = Speakers()
    now = talk(speakers, "anna", 1.0, 0.5)
    [anna] = speakers.poll(now) or []
    assert (anna.owner, anna.producer) == ("anna", "pr_anna")
    assert 0.6 < anna.level < 0.75


def test_the_loudest_comes_first() -> None:
    speakers = Speakers()
    talk(speakers, "soft", 1.0, 0.5, level=38)
    now = talk(speakers, "loud", 1.0, 0.5, level=15)
    assert names(speakers.poll(now)) == ["loud", "soft"]


def test_quiet_people_are_not_speakers_and_nothing_is_told() -> None:
    speakers = Speakers()
    now = talk(speakers, "anna", 1.0, 2.0, level=70)
    assert speakers.poll(now) is None
    assert speakers.level("pr_anna", now) == 0.0


def test_a_single_click_is_not_speech() -> None:
    speakers = Speakers()
    now = talk(speakers, "anna", 1.0, 1.0, level=100)
    speakers.hear("pr_anna", "anna", 20, now)
    assert speakers.active(now) == []


def test_a_speaker_is_held_through_short_pauses() -> None:
    speakers = Speakers()
    now = talk(speakers, "anna", 1.0, 1.0)
    now = talk(speakers, "anna", now, HOLD - 0.1, level=127)
    assert names(speakers.active(now)) == ["anna"]
    now = talk(speakers, "anna", now, 0.6, level=127)
    assert speakers.active(now) == []


def test_at_most_five_times_a_second_while_somebody_speaks() -> None:
    speakers = Speakers()
    told = []
    for packet in range(100):
        now = 1.0 + packet * PACKET
        speakers.hear("pr_anna", "anna", 25, now)
        if speakers.poll(now) is not None:
            told.append(now)
    assert 9 <= len(told) <= 10
    assert all(later - earlier >= INTERVAL for earlier, later in pairwise(told))


def test_silence_is_told_once() -> None:
    speakers = Speakers()
    now = talk(speakers, "anna", 1.0, 1.0)
    assert names(speakers.poll(now)) == ["anna"]
    now = talk(speakers, "anna", now, 2.0, level=127)
    assert speakers.poll(now) == []
    assert speakers.poll(now + 1) is None


def test_without_packets_the_level_falls_to_nothing_and_the_speaker_goes() -> None:
    speakers = Speakers()
    now = talk(speakers, "anna", 1.0, 1.0)
    assert speakers.poll(now + STALE + 0.05) == [SpeakerLevel("anna", "pr_anna", 0.0)]
    assert speakers.poll(now + HOLD + 0.05) == []


def test_a_forgotten_producer_is_silent_at_once() -> None:
    speakers = Speakers()
    now = talk(speakers, "anna", 1.0, 1.0)
    assert names(speakers.poll(now)) == ["anna"]
    speakers.forget("pr_anna")
    speakers.forget("pr_anna")
    assert speakers.level("pr_anna", now) == 0.0
    assert speakers.poll(now + 1) == []


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(-10, 300), st.floats(0, 100)), max_size=60))
def test_levels_always_lie_between_zero_and_one(packets: list[tuple[str, int, float]]) -> None:
    speakers = Speakers()
    for who, level, now in packets:
        speakers.hear(who, who, level, now)
        assert all(0 <= speaker.level <= 1 for speaker in speakers.active(now))
