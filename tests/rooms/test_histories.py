"""Whatever people do, in whatever order: secrecy holds, replays agree, and history tells no more."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from rooms import commands as cmd
from rooms import events as ev
from rooms import policy
from rooms.drafts import Draft, Edit, begin, narrowed
from rooms.errors import Rejected
from rooms.history import told
from rooms.meeting import Meeting, evolve, fold
from rooms.people import Place, Role
from rooms.policy import audience
from rooms.views import Names, snapshot, transcript
from tests.rooms.builders import (
    COMPANION,
    HOST,
    INSURANCE,
    INTERPRETER,
    NEWCOMER,
    STAFF,
    TAX,
    Story,
    gathered,
    planned,
    started,
)
from tests.rooms.listening import demand_true
from tests.rooms.oracle import Witness, objections

EVERYBODY = (NEWCOMER, HOST, INTERPRETER, COMPANION, TAX, INSURANCE, "p_second_tax", "p_kommun")
AGENCIES = ("skatteverket", "forsakringskassan", "kommun")
NAMES = Names(sites={}, agencies={})

people = st.sampled_from(EVERYBODY)
actors = st.sampled_from((*EVERYBODY, HOST, HOST, NEWCOMER, NEWCOMER, STAFF))
numbers = st.integers(1, 4)


class Histories(RuleBasedStateMachine):
    """A meeting under random commands, watched by a witness that reads the log only."""

    def __init__(self) -> None:
        super().__init__()
        self.story = Story()
        self.witness = Witness()
        self.heard: dict[str, list[ev.Event]] = {}
        self.drafts: dict[str, Draft] = {}
        self.ids = 0
        self.changed = True

    @initialize(beginning=st.sampled_from((planned, gathered, started, started)))
    def begin(self, beginning: Callable[[], Story]) -> None:
        self.story = beginning()
        state = None
        for event in self.story.log:
            self.witness.see(event)
            state = evolve(state, event)
        self.heard = {p: [] for p in self.story.meeting.participants}

    def attempt(self, command: cmd.Command, after: float = 1.0) -> None:
        before = self.story.meeting
        try:
            events = self.story.do(command, after)
        except Rejected:
            assert self.story.meeting is before
            return
        self.changed = self.changed or bool(events)
        self._watch(before, events)

    def _watch(self, state: Meeting, events: tuple[ev.Event, ...]) -> None:
        for event in events:
            self.witness.see(event)
            before, state = state, evolve(state, event)
            self._narrow(state)
            for participant in state.participants:
                narrowed = told(before, event, state, participant)
                if narrowed is not None:
                    self.heard.setdefault(participant, []).append(narrowed)
                    self._check_told(participant, narrowed)

    def _narrow(self, state: Meeting) -> None:
        remaining = {who: narrowed(draft, state) for who, draft in self.drafts.items()}
        self.drafts = {who: draft for who, draft in remaining.items() if draft is not None}

    def _check_told(self, participant: str, event: ev.Event) -> None:
        grant = self.witness.grants[participant]
        if grant.role is not Role.OFFICER:
            return
        said = asdict(event)
        assert said.get("number", grant.station) == grant.station, f"{participant} told of another station"
        assert said.get("returned", ()) == ()
        assert said.get("agency") in (None, grant.agency) or self._shares_room(participant, event)
        if isinstance(event, ev.MessageSent):
            on_own_line = event.line == participant
            objection = self.witness.objection(participant, event.sender)
            assert event.sender == participant or on_own_line or objection is None, objection
        if isinstance(event, ev.LineWritten) and event.sender != participant:
            objection = self.witness.objection(participant, event.sender)
            assert objection is None, objection
        if isinstance(event, ev.SignalSent):
            objection = self.witness.objection(participant, event.participant)
            assert event.participant == participant or objection is None, objection

    def _shares_room(self, participant: str, event: ev.Event) -> bool:
        other = asdict(event).get("participant")
        return other is not None and self.witness.objection(participant, other) is None

    @rule(who=people)
    def enter(self, who: str) -> None:
        self.attempt(cmd.Enter(actor=who, participant=who))

    @rule(who=people)
    def leave(self, who: str) -> None:
        self.attempt(cmd.Leave(actor=cmd.SYSTEM, participant=who))

    @rule(actor=actors, station=numbers)
    def start(self, actor: str, station: int) -> None:
        self.attempt(cmd.StartStation(actor=actor, station=station))

    @rule(actor=actors, station=numbers)
    def finish(self, actor: str, station: int) -> None:
        self.attempt(cmd.FinishStation(actor=actor, station=station))

    @rule(actor=actors, station=numbers)
    def skip(self, actor: str, station: int) -> None:
        self.attempt(cmd.SkipStation(actor=actor, station=station))

    @rule(actor=actors, agency=st.sampled_from(AGENCIES))
    def add_station(self, actor: str, agency: str) -> None:
        self.attempt(cmd.AddStation(actor=actor, agency=agency, purpose="Mer", minutes=10))

    @rule(actor=actors, station=numbers, position=numbers)
    def move(self, actor: str, station: int, position: int) -> None:
        self.attempt(cmd.MoveStation(actor=actor, station=station, position=position))

    @rule(actor=actors)
    def pause(self, actor: str) -> None:
        self.attempt(cmd.Pause(actor=actor))

    @rule(actor=actors, after=st.floats(0, 900))
    def resume(self, actor: str, after: float) -> None:
        self.attempt(cmd.Resume(actor=actor), after)

    @rule(actor=actors, who=people)
    def admit(self, actor: str, who: str) -> None:
        self.attempt(cmd.Admit(actor=actor, participant=who))

    @rule(actor=actors, who=people)
    def remove(self, actor: str, who: str) -> None:
        self.attempt(cmd.Remove(actor=actor, participant=who))

    @rule(actor=actors, who=people)
    def exclude(self, actor: str, who: str) -> None:
        self.attempt(cmd.Exclude(actor=actor, participant=who))

    @rule(actor=actors, who=people)
    def include(self, actor: str, who: str) -> None:
        self.attempt(cmd.Include(actor=actor, participant=who))

    @rule(
        actor=actors,
        who=people,
        role=st.sampled_from(Role),
        agency=st.sampled_from(AGENCIES),
        station=numbers,
    )
    def invite(self, actor: str, who: str, role: Role, agency: str, station: int) -> None:
        officer = role is Role.OFFICER
        self.attempt(
            cmd.Invite(
                actor=actor,
                participant=who,
                role=role,
                name=who,
                language="sv",
                place=Place.ELSEWHERE,
                agency=agency if officer else None,
                station=station if officer else None,
            )
        )

    @rule(actor=actors, stations=st.lists(numbers, min_size=2, max_size=3), after=st.floats(0, 120))
    def ask(self, actor: str, stations: list[int], after: float) -> None:
        self.ids += 1
        question = f"q_{self.ids}"
        self.attempt(
            cmd.AskConsent(actor=actor, question=question, kind="together", stations=tuple(stations)), after
        )

    @rule(actor=actors, granted=st.booleans())
    def answer(self, actor: str, granted: bool) -> None:
        question = self.story.meeting.question
        if question is not None:
            self.attempt(cmd.AnswerConsent(actor=actor, question=question.id, granted=granted))

    @rule(actor=actors)
    def revoke(self, actor: str) -> None:
        for consent in self.story.meeting.consents:
            self.attempt(cmd.RevokeConsent(actor=actor, consent=consent.id))

    @rule(actor=actors, to=st.none() | people)
    def write(self, actor: str, to: str | None) -> None:
        self.ids += 1
        self.attempt(cmd.SendMessage(actor=actor, message=f"x_{self.ids}", text=f"secret-{self.ids}", to=to))

    @rule(actor=actors, who=people)
    def type_text(self, actor: str, who: str) -> None:
        """Of two who write, the first finishes a line and the other begins one."""
        finished = self.drafts.pop(actor, None)
        if finished is not None:
            self.attempt(
                cmd.WriteLine(
                    actor=actor,
                    line=finished.line,
                    text="secret",
                    language="sv",
                    scene=finished.scene,
                    heard_by=finished.heard_by,
                )
            )
        self.ids += 1
        try:
            edit = Edit(f"l_{self.ids}", 1, 0, "s", "sv")
            self.drafts[who] = begin([self.story.meeting], who, edit)
        except Rejected:
            assert who not in self.drafts or self.drafts[who].line != edit.line
        self.changed = True

    @rule(actor=actors)
    def signal(self, actor: str) -> None:
        self.attempt(cmd.SendSignal(actor=actor, signal="slower"))

    @rule(actor=actors, ready=st.booleans())
    def ready(self, actor: str, ready: bool) -> None:
        self.attempt(cmd.SetReady(actor=actor, ready=ready))

    @rule(actor=actors, place=st.sampled_from(Place))
    def place(self, actor: str, place: Place) -> None:
        self.attempt(cmd.SetPlace(actor=actor, place=place))

    @rule(actor=st.sampled_from((HOST, NEWCOMER, TAX)), sure=st.integers(0, 5))
    def end(self, actor: str, sure: int) -> None:
        if sure == 5:
            self.attempt(cmd.End(actor=actor))

    @invariant()
    def secrecy_holds(self) -> None:
        """Checked whenever something has changed."""
        if self.story.state is not None and self.changed:
            self.changed = False
            self._nobody_hears_whom_they_must_not()
            self._nobody_reads_the_letters_of_whom_they_must_not_hear()
            self._whoever_hears_the_newcomer_is_seen_by_the_newcomer()
            self._an_officer_is_shown_the_own_station_and_messages_once_received()

    def teardown(self) -> None:
        """Replaying the log gives the same state."""
        assert fold(self.story.log) == self.story.state
        demand_true(self.story.log)

    def _nobody_hears_whom_they_must_not(self) -> None:
        assert objections(self.witness, audience(self.story.meeting)) == []

    def _nobody_reads_the_letters_of_whom_they_must_not_hear(self) -> None:
        for draft in self.drafts.values():
            for reader in draft.heard_by:
                assert self.witness.objection(reader, draft.author) is None

    def _whoever_hears_the_newcomer_is_seen_by_the_newcomer(self) -> None:
        seen = {p.id for p in snapshot(self.story.meeting, NEWCOMER, self.story.now, NAMES).participants}
        hearing = {who for who, heard in audience(self.story.meeting).items() if NEWCOMER in heard}
        assert hearing <= seen

    def _an_officer_is_shown_the_own_station_and_messages_once_received(self) -> None:
        for participant, grant in self.witness.grants.items():
            if grant.role is not Role.OFFICER:
                continue
            shown = snapshot(self.story.meeting, participant, self.story.now, NAMES)
            assert {s.number for s in shown.stations} <= {grant.station}
            told_of = {e.message for e in self.heard.get(participant, []) if isinstance(e, ev.MessageSent)}
            assert {m.id for m in shown.messages} <= told_of
            read = {line.line for line in transcript(self.story.meeting, participant).lines}
            lines = {e.line for e in self.heard.get(participant, []) if isinstance(e, ev.LineWritten)}
            assert read <= lines
            if not self.witness.may_be_with(participant):
                assert not read
                assert {p.id for p in shown.participants} <= {participant}
                assert all(m.line == participant for m in shown.messages)
            if not self.witness.consents:
                whole = repr(shown)
                others = set(AGENCIES) - {grant.agency}
                assert not any(repr(agency) in whole for agency in others), whole


STANDARD = settings(
    max_examples=2000,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)

TestHistories = pytest.mark.timeout(600)(Histories.TestCase)
TestHistories.settings = STANDARD


def _ignoring_pause(state: Meeting, listener: Any, source: Any) -> bool:
    both = policy.in_room(state, listener) and policy.in_room(state, source)
    return bool(both and listener.id != source.id and not policy._cut(state, listener, source))


def _ignoring_questions(state: Meeting, one: Any, other: Any) -> bool:
    return False


def _without_consent(state: Meeting) -> tuple[Any, ...]:
    return tuple(s for s in state.stations if s.active or s.started_at is not None)


def _absent_people_count(state: Meeting, who: Any) -> bool:
    return policy.phase(state, who) is policy.Phase.ROOM


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("function", "broken"),
    [
        ("hears", _ignoring_pause),
        ("_cut", _ignoring_questions),
        ("active_stations", _without_consent),
        ("in_room", _absent_people_count),
    ],
)
def test_the_histories_catch_a_broken_policy(
    monkeypatch: pytest.MonkeyPatch, function: str, broken: Any
) -> None:
    monkeypatch.setattr(policy, function, broken)
    with pytest.raises((AssertionError, ExceptionGroup)):
        run_state_machine_as_test(
            Histories,
            settings=settings(STANDARD, max_examples=5000, database=None, phases=[Phase.generate]),
        )
