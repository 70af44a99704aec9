"""What commands bring about, and why they are rejected."""

import pytest

from rooms import commands as cmd
from rooms import events as ev
from rooms.decide import due
from rooms.errors import Reason, Rejected
from rooms.limits import QUESTION_LIFETIME, QUESTION_PAUSE
from rooms.meeting import StationState
from rooms.people import Kind, Place, Role
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
    invite,
    planned,
    started,
    together,
)


def rejected(story: Story, command: cmd.Command) -> Reason:
    before = story.state
    with pytest.raises(Rejected) as caught:
        story.do(command)
    assert story.state is before
    return caught.value.reason


def states(story: Story) -> list[str]:
    return [s.state.value for s in story.meeting.stations]


def test_stations_are_numbered_from_one_and_an_invited_officer_makes_one_called() -> None:
    story = planned()
    assert [(s.number, s.state) for s in story.meeting.stations] == [
        (1, StationState.CALLED),
        (2, StationState.CALLED),
    ]


def test_starting_a_station_returns_the_active_one_in_the_same_event() -> None:
    story = started(1)
    events = story.do(cmd.StartStation(actor=HOST, station=2))
    assert len(events) == 1
    assert isinstance(events[0], ev.StationStarted)
    assert events[0].returned == (1,)
    assert states(story) == ["called", "active"]


def test_asking_for_what_already_is_gives_no_events() -> None:
    story = started(1)
    assert story.do(cmd.StartStation(actor=HOST, station=1)) == ()
    story.do(cmd.Pause(actor=HOST))
    assert story.do(cmd.Pause(actor=NEWCOMER)) == ()
    story.do(cmd.End(actor=HOST))
    assert story.do(cmd.End(actor=HOST)) == ()


def test_finish_and_skip_are_final() -> None:
    story = started(1)
    story.do(cmd.FinishStation(actor=HOST, station=1))
    story.do(cmd.SkipStation(actor=HOST, station=2))
    assert states(story) == ["done", "skipped"]
    assert rejected(story, cmd.StartStation(actor=HOST, station=1)) is Reason.STATION_FINAL
    assert rejected(story, cmd.StartStation(actor=HOST, station=2)) is Reason.STATION_FINAL


def test_a_number_is_never_used_again_and_the_order_is_the_position() -> None:
    story = gathered()
    story.do(cmd.AddStation(actor=HOST, agency="kommun", purpose="Bostad", minutes=20))
    story.do(cmd.MoveStation(actor=HOST, station=3, position=1))
    assert [s.number for s in story.meeting.stations] == [3, 1, 2]
    story.do(cmd.SkipStation(actor=HOST, station=3))
    events = story.do(cmd.AddStation(actor=HOST, agency="kommun", purpose="Skola", minutes=20))
    assert isinstance(events[0], ev.StationAdded)
    assert events[0].number == 4


def test_an_officer_is_invited_by_the_stations_own_agency_only() -> None:
    story = planned()
    wrong = cmd.Invite(
        actor=STAFF,
        participant="p_x",
        role=Role.OFFICER,
        name="X",
        language="sv",
        place=Place.ELSEWHERE,
        agency="forsakringskassan",
        station=1,
    )
    assert rejected(story, wrong) is Reason.AGENCY_MISMATCH


def test_only_interpreters_are_of_a_kind_and_they_speak_unless_it_is_said_otherwise() -> None:
    story = planned()
    assert story.meeting.participants[INTERPRETER].kind is Kind.SPOKEN
    invite(story, "p_signs", Role.INTERPRETER, Place.ON_SITE, kind=Kind.SIGN)
    assert story.meeting.participants["p_signs"].kind is Kind.SIGN
    with pytest.raises(Rejected) as caught:
        invite(story, "p_x", Role.COMPANION, Place.ON_SITE, kind=Kind.TEXT)
    assert caught.value.reason is Reason.INVALID


def test_the_newcomers_people_are_one_participant() -> None:
    story = planned()
    with pytest.raises(Rejected) as caught:
        invite(story, "p_second", Role.NEWCOMER, Place.ON_SITE)
    assert caught.value.reason is Reason.PARTICIPANT_EXISTS


def test_pausing_stops_the_stations_clock() -> None:
    story = started(1)
    story.do(cmd.Pause(actor=NEWCOMER))
    story.do(cmd.Resume(actor=HOST), after=600.0)
    station = story.meeting.station(1)
    assert station is not None
    assert station.paused == 600.0


def test_only_the_newcomer_answers_a_question_of_consent() -> None:
    story = started(1)
    story.do(cmd.AskConsent(actor=HOST, question="q_1", kind="together", stations=(1, 2)))
    assert rejected(story, cmd.AnswerConsent(actor=HOST, question="q_1", granted=True)) is Reason.NOT_ALLOWED
    assert rejected(story, cmd.AnswerConsent(actor=TAX, question="q_1", granted=True)) is Reason.NOT_ALLOWED
    assert rejected(story, cmd.StartStation(actor=HOST, station=2)) is Reason.QUESTION_OPEN


def test_a_question_lapses_and_the_next_one_has_to_wait() -> None:
    story = started(1)
    story.do(cmd.AskConsent(actor=HOST, question="q_1", kind="together", stations=(1, 2)))
    [(at, lapse)] = due(story.meeting)
    assert at == story.now + QUESTION_LIFETIME
    assert story.do(lapse, after=1.0) == ()
    story.do(lapse, after=QUESTION_LIFETIME)
    assert story.meeting.question is None
    assert story.meeting.consents == ()
    again = cmd.AskConsent(actor=HOST, question="q_2", kind="together", stations=(1, 2))
    assert rejected(story, again) is Reason.QUESTION_TOO_SOON
    story.do(again, after=QUESTION_PAUSE)
    assert story.meeting.question is not None


def test_revoking_a_consent_ends_the_later_station() -> None:
    story = together()
    story.do(cmd.RevokeConsent(actor=NEWCOMER, consent="q_1"))
    assert states(story) == ["active", "called"]


def test_a_message_belongs_to_its_station_and_to_those_who_could_read_it() -> None:
    story = started(1)
    [sent] = story.do(cmd.SendMessage(actor=TAX, message="x_1", text="Hej"))
    assert isinstance(sent, ev.MessageSent)
    assert sent.station == 1
    assert INSURANCE not in sent.seen_by
    assert set(sent.seen_by) >= {TAX, NEWCOMER, HOST}


def test_a_signal_that_is_given_again_at_once_is_the_same_one() -> None:
    story = started(1)
    slower, repeat = (cmd.SendSignal(actor=TAX, signal=signal) for signal in ("slower", "repeat"))
    assert len(story.do(slower)) == 1
    assert [story.do(slower, after=0.1) for _ in range(20)] == [()] * 20
    assert len(story.do(repeat, after=0.1)) == 1
    assert len(story.do(cmd.SendSignal(actor=NEWCOMER, signal="slower"), after=0.1)) == 1
    assert len(story.do(slower, after=3.0)) == 1


def test_somebody_in_the_lobby_writes_to_the_host_alone() -> None:
    story = started(1)
    [sent] = story.do(cmd.SendMessage(actor=INSURANCE, message="x_1", text="Jag är här"))
    assert isinstance(sent, ev.MessageSent)
    assert sent.line == INSURANCE
    assert set(sent.seen_by) == {INSURANCE, HOST}
    answer = cmd.SendMessage(actor=HOST, message="x_2", text="Strax", to=INSURANCE)
    [answered] = story.do(answer)
    assert isinstance(answered, ev.MessageSent)
    assert set(answered.seen_by) == {INSURANCE, HOST}
    spying = cmd.SendMessage(actor=NEWCOMER, message="x_3", text="Hej", to=INSURANCE)
    assert rejected(story, spying) is Reason.NOT_ALLOWED


def test_the_office_can_write_during_a_pause_and_nobody_else() -> None:
    story = started(1)
    story.do(cmd.Pause(actor=NEWCOMER))
    [sent] = story.do(cmd.SendMessage(actor=NEWCOMER, message="x_1", text="Hjälp"))
    assert isinstance(sent, ev.MessageSent)
    assert set(sent.seen_by) == {NEWCOMER, HOST}
    assert rejected(story, cmd.SendMessage(actor=TAX, message="x_2", text="?")) is Reason.PAUSED


def test_nothing_happens_after_the_end_but_goodbyes() -> None:
    story = started(1)
    story.do(cmd.End(actor=NEWCOMER))
    assert rejected(story, cmd.StartStation(actor=HOST, station=2)) is Reason.MEETING_ENDED
    assert len(story.do(cmd.Leave(actor=TAX, participant=TAX))) == 1


def test_the_newcomer_cannot_be_removed_from_their_own_meeting() -> None:
    story = gathered()
    assert rejected(story, cmd.Remove(actor=HOST, participant=NEWCOMER)) is Reason.NOT_ALLOWED


def test_time_never_goes_backwards() -> None:
    story = started(1)
    last = story.now
    [event] = story.do(cmd.Pause(actor=HOST), after=-500.0)
    assert event.at == last


def test_erasing_ends_the_meeting_and_forgets_its_messages() -> None:
    story = started(1)
    story.do(cmd.SendMessage(actor=TAX, message="x_1", text="Hej"))
    story.do(cmd.Erase(actor=NEWCOMER))
    assert story.meeting.ended
    assert story.meeting.messages == ()


@pytest.mark.parametrize("text", ["", "   ", "x" * 2001, "a\x00b", "\ud800"])
def test_texts_that_cannot_be_kept_are_refused(text: str) -> None:
    story = started(1)
    assert rejected(story, cmd.SendMessage(actor=TAX, message="x_1", text=text)) is Reason.INVALID


def test_a_companion_is_admitted_and_an_officer_is_not() -> None:
    story = gathered()
    assert len(story.do(cmd.Admit(actor=HOST, participant=COMPANION))) == 1
    assert rejected(story, cmd.Admit(actor=HOST, participant=TAX)) is Reason.INVALID


@pytest.mark.parametrize("name", ["Anna\nBerg", "Anna\u202egreB", "a\x1b[2J", "\u2067Anna"])
def test_a_name_has_one_line_and_turns_nothing_around(name: str) -> None:
    story = gathered()
    renamed = cmd.ChangeMeeting(actor=HOST, alias=name)
    assert rejected(story, renamed) is Reason.INVALID


def test_a_message_may_have_several_lines() -> None:
    story = started(1)
    assert len(story.do(cmd.SendMessage(actor=TAX, message="x_1", text="Hej\nVälkommen"))) == 1


def test_everybody_says_anew_that_they_are_ready_when_their_station_begins() -> None:
    story = gathered()
    for who in (NEWCOMER, TAX, INSURANCE):
        story.do(cmd.SetReady(actor=who, ready=True))
    story.do(cmd.StartStation(actor=HOST, station=1))
    assert {p.id for p in story.meeting.participants.values() if p.ready} == {INSURANCE}
