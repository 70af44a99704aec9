"""Whatever interpreters and the others do: a needed language that somebody here works in has exactly one
voice."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from rooms import channels, policy
from rooms import commands as cmd
from rooms import interpreting_commands as icmd
from rooms import interpreting_events as iev
from rooms.decide import due
from rooms.errors import Rejected
from rooms.history import told
from rooms.interpreting_events import Mode, Relay
from rooms.meeting import Meeting, evolve, fold
from rooms.people import Place, Role
from rooms.views import Names, snapshot
from tests.rooms.builders import COMPANION, HOST, INSURANCE, INTERPRETER, NEWCOMER, STAFF, TAX, started
from tests.rooms.oracle import Witness

INTERPRETERS = (INTERPRETER, "p_second", "p_third")
EVERYBODY = (*INTERPRETERS, NEWCOMER, HOST, COMPANION, TAX, INSURANCE)
LANGUAGES = ("sv", "ar", "en", "ti")
NAMES = Names(sites={}, agencies={})

some_interpreter = st.sampled_from(INTERPRETERS)
languages = st.lists(st.sampled_from(LANGUAGES), min_size=2, max_size=3, unique=True)


class Booths(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.story = started()
        for who in INTERPRETERS[1:]:
            self.story.do(
                cmd.Invite(
                    actor=STAFF,
                    participant=who,
                    role=Role.INTERPRETER,
                    name=who,
                    language="sv",
                    place=Place.ELSEWHERE,
                )
            )
            self.story.do(cmd.Enter(actor=who, participant=who))
        self.witness = Witness()
        for event in self.story.log:
            self.witness.see(event)
        self.ids = 0

    def attempt(self, command: cmd.Command, after: float = 1.0) -> None:
        before = self.story.meeting
        try:
            events = self.story.do(command, after)
        except Rejected:
            return
        state = before
        for event in events:
            self.witness.see(event)
            earlier, state = state, evolve(state, event)
            if isinstance(event, iev.HandoverDone):
                self._nothing_falls_silent(earlier, event, state)
            for who in (TAX, INSURANCE):
                if (
                    told(earlier, event, state, who) is not None
                    and type(event).__name__ == "DirectionChanged"
                ):
                    assert self.witness.may_be_with(who)

    def _nothing_falls_silent(self, before: Meeting, done: iev.HandoverDone, after: Meeting) -> None:
        """What the giver was speaking goes on in the taker's voice, and every language is still cared for."""
        for language in LANGUAGES:
            spoken = channels.channel(before, language)
            if spoken is not None and spoken.id == done.giver:
                goes_on = channels.channel(after, language)
                assert goes_on is not None
                assert goes_on.id == done.taker
            kept = channels.voice(before, language)
            assert (
                kept is None
                or language not in channels.needed_languages(after)
                or channels.voice(after, language) is not None
            )

    @rule(who=st.sampled_from(EVERYBODY))
    def enter(self, who: str) -> None:
        self.attempt(cmd.Enter(actor=who, participant=who))

    @rule(who=st.sampled_from(EVERYBODY))
    def leave(self, who: str) -> None:
        self.attempt(cmd.Leave(actor=cmd.SYSTEM, participant=who))

    @rule(who=some_interpreter, own=languages)
    def work_between(self, who: str, own: list[str]) -> None:
        self.attempt(icmd.SetWorkingLanguages(actor=who, languages=tuple(own)))

    @rule(who=some_interpreter, into=st.none() | st.sampled_from(LANGUAGES))
    def turn(self, who: str, into: str | None) -> None:
        self.attempt(icmd.SetDirection(actor=who, into=into))

    @rule(who=some_interpreter, into=st.sampled_from(LANGUAGES), source=st.sampled_from(LANGUAGES))
    def turn_from(self, who: str, into: str, source: str) -> None:
        self.attempt(icmd.SetDirection(actor=who, into=into, source=source))

    @rule(who=some_interpreter, mode=st.sampled_from(Mode))
    def change_manner(self, who: str, mode: Mode) -> None:
        self.attempt(icmd.SetMode(actor=who, mode=mode))

    @rule(who=some_interpreter, relay=st.sampled_from(Relay))
    def work_from(self, who: str, relay: Relay) -> None:
        self.attempt(icmd.SetRelay(actor=who, relay=relay))

    @rule(who=st.sampled_from(EVERYBODY), language=st.sampled_from(LANGUAGES))
    def listen(self, who: str, language: str) -> None:
        self.attempt(icmd.SetListening(actor=who, language=language))

    @rule(giver=some_interpreter, taker=some_interpreter)
    def offer(self, giver: str, taker: str) -> None:
        self.ids += 1
        self.attempt(icmd.OfferHandover(actor=giver, handover=f"h_{self.ids}", taker=taker))

    @rule(who=some_interpreter)
    def accept(self, who: str) -> None:
        handover = self.story.meeting.interpreting.handover
        if handover is not None:
            self.attempt(icmd.AcceptHandover(actor=who, handover=handover.id))

    @rule()
    def accept_as_asked(self) -> None:
        handover = self.story.meeting.interpreting.handover
        if handover is not None:
            self.attempt(icmd.AcceptHandover(actor=handover.taker, handover=handover.id))

    @rule(after=st.floats(0, 90))
    def time_goes_by(self, after: float) -> None:
        for _, command in due(self.story.meeting):
            self.attempt(command, after)

    @rule(station=st.integers(1, 2))
    def start(self, station: int) -> None:
        self.attempt(cmd.StartStation(actor=HOST, station=station))

    @rule()
    def pause(self) -> None:
        self.attempt(cmd.Pause(actor=NEWCOMER))

    @rule()
    def resume(self) -> None:
        self.attempt(cmd.Resume(actor=NEWCOMER))

    @invariant()
    def whoever_is_given_as_interpretation_may_be_heard(self) -> None:
        state = self.story.meeting
        heard = policy.audience(state)
        for listener in state.participants.values():
            found = channels.interpreter_for(state, listener)
            if found is not None:
                assert found.id in heard.get(listener.id, {})
                assert self.witness.objection(listener.id, found.id) is None

    @invariant()
    def nobody_speaks_into_what_another_one_has(self) -> None:
        spoken = [d.into for d in channels.directions(self.story.meeting).values() if d.into is not None]
        assert len(spoken) == len(set(spoken))

    @invariant()
    def every_needed_language_that_somebody_here_works_in_has_one_voice(self) -> None:
        state = self.story.meeting
        needed = channels.needed_languages(state)
        assert set(channels.floor_languages(state)) <= needed
        duty = {p.id for p in channels.on_duty(state)}
        here = {who for who in INTERPRETERS if who in self.witness.here}
        assert duty <= here
        for language in needed & {lan for who in here for lan in channels.working_languages(state, who)}:
            found = channels.voice(state, language)
            assert found is not None
            assert found.id in duty
            assert language in channels.working_languages(state, found.id)

    @invariant()
    def directions_make_sense(self) -> None:
        state = self.story.meeting
        for who, direction in channels.directions(state).items():
            own = channels.working_languages(state, who)
            assert direction.into is None or direction.into in own
            assert direction.source is None or (
                direction.source in own and direction.source != direction.into
            )
            relay = channels.relay_of(state, who)
            assert relay is None or relay.id != who

    @invariant()
    def the_desks_are_shown_to_those_in_the_room_only(self) -> None:
        for who in (TAX, INSURANCE):
            shown = snapshot(self.story.meeting, who, self.story.now, NAMES).interpreting
            assert shown.terms == shown.listeners == ()
            assert shown.handover is None
            if not self.witness.may_be_with(who):
                assert shown.interpreters == ()
                assert shown.heard is None

    def teardown(self) -> None:
        assert fold(self.story.log) == self.story.state


STANDARD = settings(
    max_examples=150,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)

TestBooths = Booths.TestCase
TestBooths.settings = STANDARD


def _anybody(state: Meeting, listener: object, source: object) -> bool:
    return True


def _everybody(state: Meeting) -> tuple[object, ...]:
    return channels.interpreters(state)


def _only_the_first(state: Meeting) -> tuple[object, ...]:
    return channels.interpreters(state)[:1]


def _as_wished(self: object, who: str, wish: str | None) -> None:
    self.settled[who] = channels.Direction("x", wish)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("owner", "function", "broken"),
    [
        (channels, "hears", _anybody),
        (channels, "on_duty", _only_the_first),
        (channels._Turning, "_settle", _as_wished),
    ],
)
def test_the_histories_catch_broken_channels(
    monkeypatch: pytest.MonkeyPatch, owner: object, function: str, broken: object
) -> None:
    monkeypatch.setattr(owner, function, broken)
    with pytest.raises((AssertionError, ExceptionGroup)):
        run_state_machine_as_test(
            Booths, settings=settings(STANDARD, max_examples=1000, database=None, phases=[Phase.generate])
        )


def test_a_relay_settles_in_whatever_order_the_interpreters_came() -> None:
    story = started()
    story.do(cmd.ChangeMeeting(actor=STAFF, languages=("ti", "sv")))
    pairs = {INTERPRETER: ("ti", "en"), "p_second": ("en", "ar"), "p_third": ("ar", "sv")}
    for who in INTERPRETERS[1:]:
        story.do(
            cmd.Invite(
                actor=STAFF,
                participant=who,
                role=Role.INTERPRETER,
                name=who,
                language="sv",
                place=Place.ELSEWHERE,
            )
        )
        story.do(cmd.Enter(actor=who, participant=who))
    for who, pair in pairs.items():
        story.do(icmd.SetWorkingLanguages(actor=who, languages=pair))
    story.do(icmd.SetDirection(actor="p_third", into="sv"))
    order = story.meeting.interpreting.order
    for first in (order, order[::-1], (order[1], order[2], order[0])):
        state = replace(story.meeting, interpreting=replace(story.meeting.interpreting, order=first))
        into = {who: d.into for who, d in channels.directions(state).items()}
        assert into == {INTERPRETER: "en", "p_second": "ar", "p_third": "sv"}
