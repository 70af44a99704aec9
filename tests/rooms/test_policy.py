"""Who hears whom, and who sees what."""

import pytest

from rooms import commands as cmd
from rooms.people import Kind, Phase, Place, Role
from rooms.policy import Action, actions, audience, entering, hears, may_publish, phase, sees_quality
from rooms.views import Names, snapshot
from tests.rooms.builders import (
    COMPANION,
    HOST,
    INSURANCE,
    INTERPRETER,
    NEWCOMER,
    TAX,
    Story,
    gathered,
    invite,
    planned,
    started,
    together,
)


def heard_by(story: Story, listener: str) -> set[str]:
    return set(audience(story.meeting).get(listener, {}))


def test_before_any_station_the_officers_hear_nobody_and_nobody_hears_them() -> None:
    story = gathered()
    assert heard_by(story, TAX) == set()
    assert heard_by(story, NEWCOMER) == {HOST, INTERPRETER}
    assert heard_by(story, INTERPRETER) == {NEWCOMER, HOST}


def test_an_officer_hears_the_room_only_while_the_own_station_is_active() -> None:
    story = started(1)
    assert heard_by(story, TAX) == {NEWCOMER, HOST, INTERPRETER}
    assert heard_by(story, INSURANCE) == set()
    story.do(cmd.StartStation(actor=HOST, station=2))
    assert heard_by(story, TAX) == set()
    assert heard_by(story, INSURANCE) == {NEWCOMER, HOST, INTERPRETER}
    assert TAX not in heard_by(story, NEWCOMER)


def test_the_interpreter_stays_while_stations_change() -> None:
    story = started(1)
    assert heard_by(story, INTERPRETER) >= {NEWCOMER, TAX}
    story.do(cmd.StartStation(actor=HOST, station=2))
    assert heard_by(story, INTERPRETER) == {NEWCOMER, HOST, INSURANCE}
    assert audience(story.meeting)[INSURANCE][INTERPRETER] == ("camera", "interpretation", "microphone")


def test_who_interprets_in_writing_hears_everybody_and_publishes_nothing() -> None:
    story = gathered()
    invite(story, "p_writes", Role.INTERPRETER, Place.ELSEWHERE, kind=Kind.TEXT)
    story.do(cmd.Enter(actor="p_writes", participant="p_writes"))
    story.do(cmd.StartStation(actor=HOST, station=1))
    writer = story.meeting.participants["p_writes"]
    assert heard_by(story, writer.id) == {NEWCOMER, HOST, INTERPRETER, TAX}
    assert all(writer.id not in heard for heard in audience(story.meeting).values())
    assert not may_publish(story.meeting, writer, "interpretation")
    assert hears(story.meeting, story.meeting.participants[TAX], writer)


def test_a_finished_officer_hears_nothing_ever_again() -> None:
    story = started(1)
    story.do(cmd.FinishStation(actor=HOST, station=1))
    assert heard_by(story, TAX) == set()
    assert phase(story.meeting, story.meeting.participants[TAX]) is Phase.FINISHED
    assert actions(story.meeting, story.meeting.participants[TAX]) == frozenset()


def test_nobody_hears_anybody_while_the_meeting_is_paused() -> None:
    story = started(1)
    story.do(cmd.Pause(actor=NEWCOMER))
    assert audience(story.meeting) == {}
    story.do(cmd.Resume(actor=NEWCOMER))
    assert TAX in heard_by(story, NEWCOMER)


def test_an_open_consent_question_cuts_the_officers_both_ways_and_nobody_else() -> None:
    story = started(1)
    story.do(cmd.AskConsent(actor=HOST, question="q_1", kind="together", stations=(1, 2)))
    assert heard_by(story, TAX) == set()
    assert heard_by(story, NEWCOMER) == {HOST, INTERPRETER}
    story.do(cmd.AnswerConsent(actor=NEWCOMER, question="q_1", granted=False))
    assert TAX in heard_by(story, NEWCOMER)


def test_two_stations_are_together_only_while_the_newcomers_consent_stands() -> None:
    story = together()
    assert heard_by(story, TAX) == {NEWCOMER, HOST, INTERPRETER, INSURANCE}
    story.do(cmd.RevokeConsent(actor=NEWCOMER, consent="q_1"))
    assert heard_by(story, TAX) == {NEWCOMER, HOST, INTERPRETER}
    assert heard_by(story, INSURANCE) == set()


def test_a_companion_is_let_in_first_and_can_be_asked_to_wait_outside() -> None:
    story = started(1)
    assert heard_by(story, COMPANION) == set()
    story.do(cmd.Admit(actor=HOST, participant=COMPANION))
    assert heard_by(story, COMPANION) == {NEWCOMER, HOST, INTERPRETER, TAX}
    story.do(cmd.Exclude(actor=NEWCOMER, participant=COMPANION))
    assert heard_by(story, COMPANION) == set()
    assert COMPANION not in heard_by(story, TAX)
    story.do(cmd.StartStation(actor=HOST, station=2))
    assert INSURANCE in heard_by(story, COMPANION)


def test_an_absent_participant_neither_hears_nor_is_heard() -> None:
    story = planned()
    assert audience(story.meeting) == {}
    story = started(1)
    story.do(cmd.Leave(actor=INTERPRETER, participant=INTERPRETER))
    assert INTERPRETER not in audience(story.meeting)
    assert INTERPRETER not in heard_by(story, NEWCOMER)


def test_a_removed_participant_is_out_at_once() -> None:
    story = started(1)
    story.do(cmd.Remove(actor=HOST, participant=TAX))
    assert TAX not in audience(story.meeting)
    assert TAX not in heard_by(story, NEWCOMER)


def told_of_leaving(story: Story, who: str) -> list[tuple[str, Role | None]]:
    """Officers who will not come back, and whose doing that was, as `who` is told."""
    stations = snapshot(story.meeting, who, story.now, Names({}, {})).stations
    return [(one.participant, one.by) for station in stations for one in station.sent_away]


def test_whom_the_newcomer_has_sent_away_only_they_and_the_host_are_told() -> None:
    story = started(1)
    story.do(cmd.Admit(actor=HOST, participant=COMPANION))
    story.do(cmd.Remove(actor=NEWCOMER, participant=TAX))
    told = {who: told_of_leaving(story, who) for who in story.meeting.participants}
    assert {who for who in told if told[who]} == {NEWCOMER, HOST}
    assert told[NEWCOMER] == told[HOST] == [(TAX, Role.NEWCOMER)]


@pytest.mark.parametrize(
    ("actor", "by"),
    [(HOST, Role.HOST), ("staff:lena", Role.HOST), ("agency:skatteverket", None), (cmd.SYSTEM, None)],
)
def test_the_newcomer_alone_is_told_which_officer_somebody_else_has_removed(
    actor: str, by: Role | None
) -> None:
    story = started(1)
    story.do(cmd.Remove(actor=actor, participant=TAX))
    told = {who: told_of_leaving(story, who) for who in story.meeting.participants}
    assert {who: what for who, what in told.items() if what} == {NEWCOMER: [(TAX, by)]}


def test_of_an_officer_who_never_came_nobody_is_told_that_they_were_removed() -> None:
    story = planned()
    story.do(cmd.Remove(actor="staff:lena", participant=INSURANCE))
    assert told_of_leaving(story, NEWCOMER) == []


def test_nobody_hears_themselves() -> None:
    story = started(1)
    newcomer = story.meeting.participants[NEWCOMER]
    assert not hears(story.meeting, newcomer, newcomer)


@pytest.mark.parametrize(
    ("who", "action"),
    [
        (TAX, Action.START),
        (TAX, Action.PAUSE),
        (INTERPRETER, Action.END),
        (COMPANION, Action.ADMIT),
        (HOST, Action.ANSWER_CONSENT),
        (HOST, Action.EXCLUDE),
        (NEWCOMER, Action.START),
        (NEWCOMER, Action.INVITE),
    ],
)
def test_roles_do_not_take_what_belongs_to_another(who: str, action: Action) -> None:
    story = started(1)
    assert action not in actions(story.meeting, story.meeting.participants[who])


def test_a_host_knows_how_every_connection_is_and_an_officer_that_of_those_they_hear() -> None:
    people = (story := started(1)).meeting.participants
    host, tax, insurance = people[HOST], people[TAX], people[INSURANCE]
    assert all(sees_quality(story.meeting, host, other) for other in people.values())
    assert sees_quality(story.meeting, tax, host)
    assert sees_quality(story.meeting, tax, tax)
    assert not sees_quality(story.meeting, tax, insurance)
    assert not sees_quality(story.meeting, insurance, host)
    story.do(cmd.Pause(actor=HOST))
    assert not sees_quality(story.meeting, story.meeting.participants[TAX], host)


def test_it_is_known_whether_somebody_has_ever_come() -> None:
    def officer(story: Story) -> tuple[bool, bool]:
        seen = snapshot(story.meeting, HOST, story.now, Names({}, {})).stations[0].officers[0]
        return seen.came, seen.present

    story = planned()
    assert officer(story) == (False, False)
    story.do(cmd.Enter(actor=TAX, participant=TAX))
    assert officer(story) == (True, True)
    story.do(cmd.Leave(actor=TAX, participant=TAX))
    assert officer(story) == (True, False)


def test_who_comes_into_a_room_that_stays_as_it_was_enters() -> None:
    story = started(1)
    for who in (TAX, COMPANION):
        story.do(cmd.Leave(actor=who, participant=who))
        before = story.meeting
        story.do(cmd.Enter(actor=who, participant=who))
        assert entering(before, story.meeting) == (frozenset({who}) if who == TAX else frozenset())


def test_at_the_beginning_of_a_station_nobody_enters() -> None:
    story = gathered()
    before = story.meeting
    assert entering(None, before) == frozenset()
    story.do(cmd.StartStation(actor=HOST, station=1))
    assert hears(story.meeting, story.meeting.participants[TAX], story.meeting.participants[NEWCOMER])
    assert entering(before, story.meeting) == frozenset()
    story.do(cmd.Leave(actor=TAX, participant=TAX))
    story.do(cmd.Leave(actor=INSURANCE, participant=INSURANCE))
    away = story.meeting
    story.do(cmd.StartStation(actor=HOST, station=2))
    story.do(cmd.Enter(actor=INSURANCE, participant=INSURANCE))
    assert entering(away, story.meeting) == frozenset(), "a station has begun as well"
