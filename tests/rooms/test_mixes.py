"""Who cannot mix is given exactly what policy lets them hear, as loud as a page would play it."""

from collections.abc import Mapping

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule, run_state_machine_as_test

from rooms import commands as cmd
from rooms import interpreting_commands as icmd
from rooms.channels import interpreter_for
from rooms.interpreting_events import Mode
from rooms.meeting import Meeting
from rooms.mixes import LOWERED, SOUND, Choice, Loudness, Mix, Preference, going_on, mixes
from rooms.people import Place, Role
from rooms.policy import audience
from tests.rooms.builders import (
    HOST,
    INSURANCE,
    INTERPRETER,
    NEWCOMER,
    STAFF,
    TAX,
    Story,
    invite,
    started,
)
from tests.rooms.interpreters import COLLEAGUE, SECOND, in_relay, listens, turns, with_a_colleague
from tests.rooms.test_interpreting_histories import EVERYBODY, LANGUAGES, Booths

Heard = tuple[tuple[str, tuple[str, ...]], ...]
USUAL, ORIGINAL = Choice(), Choice(Preference.ORIGINAL)
ATTENDEES = ("p_listener", "p_another")
"""They have no voice, so that they can hear exactly the same."""
FULL, FLOOR, SILENT = Loudness(1.0, 1.0), Loudness(1.0, LOWERED), Loudness(0.0, 0.0)


def mix_of(state: Meeting, listener: str, choice: Choice = USUAL) -> Mix:
    (mix,) = mixes(state, {listener: choice})
    return mix


def simultaneous(story: Story, who: str = INTERPRETER) -> None:
    story.do(icmd.SetMode(actor=who, mode=Mode.SIMULTANEOUS))


def test_it_holds_every_voice_that_may_be_heard() -> None:
    mix = mix_of(started().meeting, TAX)
    assert set(mix.voices) == {NEWCOMER, HOST, INTERPRETER}
    assert mix.listeners == (TAX,)


def test_in_the_lobby_and_in_a_pause_there_is_none() -> None:
    assert mixes(started().meeting, {INSURANCE: USUAL}) == ()
    story = started()
    story.do(cmd.Pause(actor=HOST))
    assert mixes(story.meeting, dict.fromkeys(EVERYBODY, USUAL)) == ()
    story.do(cmd.Resume(actor=HOST))
    assert mixes(story.meeting, {TAX: USUAL}) != ()
    story.do(cmd.End(actor=HOST))
    assert mixes(story.meeting, {TAX: USUAL}) == ()


def test_in_turns_nothing_is_lowered() -> None:
    story = started()
    listens(story, NEWCOMER, "ar")
    turns(story, INTERPRETER, "ar")
    mix = mix_of(story.meeting, NEWCOMER)
    assert mix.over is None
    assert mix.voices[INTERPRETER]["interpretation"] == FULL
    assert mix.voices[TAX]["microphone"] == FLOOR


def test_over_others_voices_the_floor_is_lowered_for_who_is_interpreted_to() -> None:
    story = started()
    listens(story, NEWCOMER, "ar")
    simultaneous(story)
    turns(story, INTERPRETER, "ar")
    newcomer, officer = mix_of(story.meeting, NEWCOMER), mix_of(story.meeting, TAX)
    assert newcomer.over == INTERPRETER
    assert newcomer.voices[INTERPRETER]["interpretation"] == FULL
    assert officer.over is None
    assert officer.voices[INTERPRETER]["interpretation"] == SILENT
    turns(story, INTERPRETER, "sv")
    newcomer, officer = mix_of(story.meeting, NEWCOMER), mix_of(story.meeting, TAX)
    assert (newcomer.over, officer.over) == (None, INTERPRETER)
    assert newcomer.voices[INTERPRETER]["interpretation"] == SILENT
    assert officer.voices[INTERPRETER]["interpretation"] == FULL


def test_who_wants_the_original_hears_the_floor_alone() -> None:
    story = started()
    listens(story, NEWCOMER, "ar")
    simultaneous(story)
    turns(story, INTERPRETER, "ar")
    mix = mix_of(story.meeting, NEWCOMER, ORIGINAL)
    assert mix.over is None
    assert mix.voices[INTERPRETER]["interpretation"] == SILENT
    assert mix.voices[TAX]["microphone"].level == 1.0


def test_who_rests_is_not_heard_as_interpretation() -> None:
    story = with_a_colleague()
    assert mix_of(story.meeting, NEWCOMER).voices[COLLEAGUE]["interpretation"] == SILENT


def test_an_interpreter_in_a_relay_is_given_the_one_they_work_from() -> None:
    story = in_relay()
    for who in (INTERPRETER, SECOND):
        simultaneous(story, who)
    turns(story, SECOND, "sv", "en")
    assert mix_of(story.meeting, SECOND).voices[INTERPRETER]["interpretation"] == FULL


def test_a_turn_changes_loudness_and_no_key() -> None:
    story = started()
    listens(story, NEWCOMER, "ar")
    simultaneous(story)
    keys = set()
    for into in ("ar", "sv", "ar"):
        turns(story, INTERPRETER, into)
        keys.add(mix_of(story.meeting, NEWCOMER).key)
    assert len(keys) == 1


def test_another_station_and_another_listener_in_the_room_are_another_mix() -> None:
    story = started()
    first = mix_of(story.meeting, NEWCOMER).key
    story.do(cmd.StartStation(actor=HOST, station=2))
    second = mix_of(story.meeting, NEWCOMER).key
    assert first != second
    story.do(cmd.Leave(actor=cmd.SYSTEM, participant=HOST))
    assert mix_of(story.meeting, NEWCOMER).key != second


def test_the_same_station_again_without_its_officer_between_is_the_same_key_and_never_the_same_mix() -> None:
    """The name of a mix is not its key: see `signaling.mixing`."""
    story = started()
    before = mix_of(story.meeting, NEWCOMER).key
    story.do(cmd.Pause(actor=HOST))
    assert mixes(story.meeting, {NEWCOMER: USUAL}) == ()
    story.do(cmd.Resume(actor=HOST))
    assert mix_of(story.meeting, NEWCOMER).key == before


def with_attendees() -> Story:
    story = started()
    for who in ATTENDEES:
        invite(story, who, Role.ATTENDEE, Place.ELSEWHERE)
        story.do(cmd.Enter(actor=who, participant=who))
        story.do(cmd.Admit(actor=HOST, participant=who))
    return story


def listeners(story: Story, *choices: Choice) -> list[tuple[str, ...]]:
    found = mixes(story.meeting, dict(zip(ATTENDEES, choices, strict=True)))
    return [mix.listeners for mix in found]


def test_who_hears_the_same_in_the_same_way_shares_a_mix() -> None:
    story = with_attendees()
    assert listeners(story, USUAL, USUAL) == [tuple(sorted(ATTENDEES))]


def test_another_choice_or_another_language_is_a_mix_of_its_own() -> None:
    story = with_attendees()
    assert len(listeners(story, USUAL, ORIGINAL)) == 2
    assert len(listeners(story, USUAL, Choice(under=0.0))) == 2
    listens(story, ATTENDEES[0], "ar")
    assert len(listeners(story, USUAL, USUAL)) == 2


def test_who_is_heard_shares_with_nobody_who_hears_them() -> None:
    found = mixes(started().meeting, {NEWCOMER: USUAL, HOST: USUAL, TAX: USUAL})
    assert sorted(mix.listeners for mix in found) == [(HOST,), (NEWCOMER,), (TAX,)]


def carried(before: Meeting, after: Meeting, *who: str) -> bool:
    """Does the mix of whoever it is go on?"""
    choices = dict.fromkeys(who, USUAL)
    standing = {f"n{at}": mix for at, mix in enumerate(mixes(before, choices))}
    return bool(going_on(standing, mixes(after, choices)))


def test_a_mix_goes_on_when_somebody_comes_and_not_when_somebody_goes() -> None:
    story = started()
    story.do(cmd.Leave(actor=cmd.SYSTEM, participant=HOST))
    alone = story.meeting
    story.do(cmd.Enter(actor=HOST, participant=HOST))
    assert carried(alone, story.meeting, NEWCOMER)
    assert not carried(story.meeting, alone, NEWCOMER)


def test_no_mix_goes_on_in_another_station_or_after_a_pause() -> None:
    story = started()
    first = story.meeting
    story.do(cmd.StartStation(actor=HOST, station=2))
    second = story.meeting
    assert not carried(first, second, NEWCOMER)
    story.do(cmd.Pause(actor=HOST))
    assert not carried(second, story.meeting, NEWCOMER)


def test_a_mix_of_one_s_own_goes_on_however_one_chooses_and_one_that_is_shared_stays_with_the_others() -> (
    None
):
    story = with_attendees()
    one, other = ATTENDEES
    shared = mixes(story.meeting, dict.fromkeys(ATTENDEES, USUAL))
    apart = mixes(story.meeting, {one: ORIGINAL, other: USUAL})
    kept = going_on({"n": shared[0]}, apart)
    assert {mix.listeners for mix in apart if mix.key in kept} == {(other,)}
    alone = next(mix for mix in apart if mix.listeners == (one,))
    (again,) = mixes(story.meeting, {one: USUAL})
    assert going_on({"n": alone}, [again]) == {again.key: "n"}


def test_one_mix_goes_on_as_one() -> None:
    """Two that become alike are one; the other one's listener gets the same."""
    story = with_attendees()
    apart = {ATTENDEES[0]: USUAL, ATTENDEES[1]: ORIGINAL}
    standing = {f"n{at}": mix for at, mix in enumerate(mixes(story.meeting, apart))}
    alike = mixes(story.meeting, dict.fromkeys(ATTENDEES, USUAL))
    assert len(standing) == 2
    assert len(going_on(standing, alike)) == 1


class Listeners(Booths):
    """Whatever happens in a meeting, and whoever of it cannot mix."""

    def __init__(self) -> None:
        super().__init__()
        self.choices: dict[str, Choice] = {}
        self.standing: dict[str, Mix] = {}
        self.made = 0
        for who in ATTENDEES:
            self.attempt(
                cmd.Invite(
                    actor=STAFF,
                    participant=who,
                    role=Role.ATTENDEE,
                    name=who,
                    language="sv",
                    place=Place.ELSEWHERE,
                )
            )
            self.attempt(cmd.Enter(actor=who, participant=who))
            self.attempt(cmd.Admit(actor=HOST, participant=who))

    @rule(
        who=st.sampled_from((*EVERYBODY, *ATTENDEES)),
        preference=st.sampled_from(Preference),
        under=st.sampled_from((0.0, LOWERED, 1.0)),
    )
    def cannot_mix(self, who: str, preference: Preference, under: float) -> None:
        self.choices[who] = Choice(preference, under)

    @rule(who=st.sampled_from(ATTENDEES), language=st.sampled_from(LANGUAGES))
    def listen_in(self, who: str, language: str) -> None:
        self.attempt(icmd.SetListening(actor=who, language=language))

    @rule(who=st.sampled_from((*EVERYBODY, *ATTENDEES)))
    def can_mix(self, who: str) -> None:
        self.choices.pop(who, None)

    @invariant()
    def each_hears_what_policy_allows_and_nothing_else(self) -> None:
        state = self.story.meeting
        found = mixes(state, self.choices)
        allowed = {who: sound(heard) for who, heard in audience(state).items()}
        mixed = [listener for mix in found for listener in mix.listeners]
        assert sorted(mixed) == sorted(who for who in self.choices if allowed.get(who))
        for mix in found:
            for listener in mix.listeners:
                assert {who: set(levels) for who, levels in mix.voices.items()} == allowed[listener]
                assert listener not in mix.voices
        assert len({mix.key for mix in found}) == len(found)

    @invariant()
    def a_mix_that_goes_on_holds_nothing_that_has_been_taken_from_its_listeners(self) -> None:
        state = self.story.meeting
        found = mixes(state, self.choices)
        names = going_on(self.standing, found)
        assert len(set(names.values())) == len(names)
        allowed = {who: sound(heard) for who, heard in audience(state).items()}
        now: dict[str, Mix] = {}
        for mix in found:
            self.made += 1
            name = names.get(mix.key, f"made {self.made}")
            now[name] = mix
            if name in self.standing:
                for listener in mix.listeners:
                    for owner, sources in self.standing[name].key.heard:
                        assert set(sources) <= allowed[listener].get(owner, set())
        self.standing = now

    @invariant()
    def each_is_given_their_own_interpreter_as_they_chose(self) -> None:
        state = self.story.meeting
        for mix in mixes(state, self.choices):
            for listener in mix.listeners:
                given = interpreter_for(state, state.participants[listener])
                original = self.choices[listener].preference is Preference.ORIGINAL
                assert mix.over in (None, given and given.id)
                if original:
                    assert mix.over is None
                if given is not None:
                    wanted = SILENT if original else FULL
                    assert mix.voices[given.id]["interpretation"] == wanted
                lowered = self.choices[listener].under
                floor = [v["microphone"] for v in mix.voices.values() if "microphone" in v]
                assert all(each == Loudness(1.0, lowered) for each in floor)


def sound(heard: Mapping[str, tuple[str, ...]]) -> dict[str, set[str]]:
    found = {owner: set(sources) & set(SOUND) for owner, sources in heard.items()}
    return {owner: sources for owner, sources in found.items() if sources}


HISTORIES = settings(
    max_examples=40,
    stateful_step_count=40,
    deadline=None,
    database=None,
    derandomize=True,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)


def test_whatever_happens_a_mix_is_what_its_listeners_may_hear() -> None:
    run_state_machine_as_test(Listeners, settings=HISTORIES)
