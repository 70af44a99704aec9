"""Calling an interpreter of the pool, and being in one room only."""

from dataclasses import replace

import pytest

from rooms import channels, policy
from rooms import commands as cmd
from rooms import events as ev
from rooms import pool_commands as pcmd
from rooms import pool_events as pev
from rooms.decide import due
from rooms.errors import Reason, Rejected
from rooms.history import told
from rooms.limits import CALL_LIFETIME, MAX_CALLS
from rooms.meeting import evolve
from rooms.people import Kind, Phase, Place, Role
from rooms.pool import Interpreter, InterpreterCall, in_line
from rooms.views import Names, snapshot
from tests.rooms.builders import COMPANION, HOST, INSURANCE, NEWCOMER, STAFF, TAX, Story, invite

NAMES = Names(sites={}, agencies={})
POOL = "p_pool"


def without_an_interpreter(meeting: str = "m_1") -> Story:
    """Station 1 is going on; the one interpreter is still to be found."""
    story = Story()
    story.do(
        cmd.CreateMeeting(
            actor=STAFF,
            meeting=meeting,
            site="gavle",
            alias="Samira",
            languages=("ar", "sv"),
            stations=(cmd.NewStation(agency="skatteverket", purpose="Folkbokföring", minutes=25),),
        )
    )
    invite(story, NEWCOMER, Role.NEWCOMER, Place.ON_SITE)
    invite(story, HOST, Role.HOST, Place.ON_SITE)
    invite(story, TAX, Role.OFFICER, Place.ELSEWHERE, "skatteverket", 1)
    for who in (NEWCOMER, HOST, TAX):
        story.do(cmd.Enter(actor=who, participant=who))
    story.do(cmd.StartStation(actor=HOST, station=1))
    return story


def calls(story: Story, call: str = "k_1", language: str = "ar", kind: Kind = Kind.SPOKEN) -> None:
    story.do(pcmd.CallInterpreter(actor=HOST, call=call, language=language, kind=kind))


def accepts(story: Story, call: str = "k_1", subject: str = "u_amal", who: str = POOL) -> None:
    story.do(
        pcmd.AcceptCall(
            actor=cmd.SYSTEM,
            call=call,
            participant=who,
            subject=subject,
            name="Amal Said",
            languages=("sv", "ar", "en"),
        )
    )


def takes(story: Story, fence: int) -> None:
    story.do(pcmd.TakeFloor(actor=cmd.SYSTEM, participant=POOL, fence=fence))


def leaves(story: Story, fence: int) -> None:
    story.do(pcmd.LeaveFloor(actor=cmd.SYSTEM, participant=POOL, fence=fence))


def with_somebody_of_the_pool(meeting: str = "m_1") -> Story:
    story = without_an_interpreter(meeting)
    calls(story)
    accepts(story)
    story.do(cmd.Enter(actor=POOL, participant=POOL))
    return story


def refusal(story: Story, command: cmd.Command) -> Reason:
    with pytest.raises(Rejected) as refused:
        story.do(command)
    return refused.value.reason


def audible(story: Story) -> bool:
    table = policy.audience(story.meeting)
    return POOL in table or any(POOL in heard for heard in table.values())


def test_who_was_called_by_whom_is_in_the_log() -> None:
    story = with_somebody_of_the_pool()
    called = next(e for e in story.log if isinstance(e, pev.InterpreterCalled))
    came = next(e for e in story.log if isinstance(e, ev.ParticipantInvited) and e.role is Role.INTERPRETER)
    assert (called.actor, called.language, called.kind) == (HOST, "ar", Kind.SPOKEN)
    assert (came.actor, came.subject, came.participant) == (HOST, "u_amal", POOL)
    assert channels.working_languages(story.meeting, POOL) == ("ar", "sv", "en")


def test_the_first_to_accept_comes_and_the_next_is_told_that_the_call_is_over() -> None:
    story = with_somebody_of_the_pool()
    assert story.meeting.pool.calls == ()
    late = pcmd.AcceptCall(
        actor=cmd.SYSTEM,
        call="k_1",
        participant="p_late",
        subject="u_late",
        name="Late",
        languages=("ar", "sv"),
    )
    assert refusal(story, late) is Reason.CALL_UNKNOWN


def test_somebody_who_is_in_the_meeting_already_stays_the_one_they_are() -> None:
    story = with_somebody_of_the_pool()
    calls(story, "k_2", "en")
    accepts(story, "k_2", who="p_another")
    assert [p.id for p in story.meeting.participants.values() if p.subject == "u_amal"] == [POOL]


def test_whoever_answers_another_call_works_in_its_language_too() -> None:
    story = with_somebody_of_the_pool()
    calls(story, "k_2", "so")
    accepts(story, "k_2")
    assert channels.working_languages(story.meeting, POOL) == ("so", "ar", "sv", "en")


def test_a_call_for_another_kind_waits_for_somebody_else() -> None:
    story = with_somebody_of_the_pool()
    calls(story, "k_2", kind=Kind.SIGN)
    with pytest.raises(Rejected) as refused:
        accepts(story, "k_2")
    assert refused.value.reason is Reason.NOT_ALLOWED
    assert story.meeting.pool.call("k_2") is not None


def test_a_call_lapses_by_itself_and_is_withdrawn_by_the_host() -> None:
    story = without_an_interpreter()
    calls(story)
    calls(story, "k_2", "ti")
    [(at, lapse), _] = sorted(due(story.meeting), key=lambda pair: pair[0])
    assert at == story.meeting.pool.calls[0].at + CALL_LIFETIME
    story.do(lapse, after=at - story.now)
    story.do(pcmd.WithdrawCall(actor=HOST, call="k_2"))
    assert story.meeting.pool.calls == ()
    assert refusal(story, pcmd.WithdrawCall(actor=HOST, call="k_2")) is Reason.CALL_UNKNOWN


def test_the_same_is_called_for_once_and_not_for_ever() -> None:
    story = without_an_interpreter()
    calls(story, "k_1")
    calls(story, "k_again")
    assert [call.id for call in story.meeting.pool.calls] == ["k_1"]
    for number, language in enumerate(("ti", "so", "fa")[: MAX_CALLS - 1]):
        calls(story, f"k_{number + 2}", language)
    wanted = pcmd.CallInterpreter(actor=HOST, call="k_9", language="en")
    assert refusal(story, wanted) is Reason.INVALID


@pytest.mark.parametrize("who", [NEWCOMER, TAX, POOL])
def test_only_who_leads_the_meeting_calls(who: str) -> None:
    story = with_somebody_of_the_pool()
    takes(story, 1)
    assert refusal(story, pcmd.CallInterpreter(actor=who, call="k", language="ti")) is Reason.NOT_ALLOWED


def test_nobody_takes_the_floor_by_themselves() -> None:
    story = with_somebody_of_the_pool()
    for command in (
        pcmd.TakeFloor(actor=POOL, participant=POOL, fence=9),
        pcmd.LeaveFloor(actor=HOST, participant=POOL, fence=9),
        pcmd.PlaceCall(actor=HOST, call="k", place=1),
    ):
        assert refusal(story, command) is Reason.NOT_ALLOWED


def test_without_the_floor_nothing_is_heard_seen_or_said() -> None:
    story = with_somebody_of_the_pool()
    story.do(cmd.SendMessage(actor=HOST, message="x_1", text="hemligt"))
    assert not audible(story)
    shown = snapshot(story.meeting, POOL, story.now, NAMES)
    assert shown.you.phase is Phase.LOBBY
    assert (shown.meeting.alias, shown.stations, shown.messages) == (None, (), ())
    assert [person.id for person in shown.participants] == [POOL]
    assert "text.type" not in shown.you.may


def test_with_the_floor_it_is_a_room_as_any() -> None:
    story = with_somebody_of_the_pool()
    takes(story, 1)
    assert audible(story)
    assert {TAX, NEWCOMER} <= policy.audience(story.meeting)[POOL].keys()
    leaves(story, 2)
    assert not audible(story)
    assert channels.at_work(story.meeting) == ()


def test_the_people_who_are_left_are_told_that_the_interpreter_is_in_another_room() -> None:
    story = with_somebody_of_the_pool()
    takes(story, 1)
    assert not snapshot(story.meeting, NEWCOMER, story.now, NAMES).pool.elsewhere
    leaves(story, 2)
    for who in (NEWCOMER, HOST, TAX):
        assert snapshot(story.meeting, who, story.now, NAMES).pool.elsewhere, who
    before, last = story.meeting, story.log[-1]
    assert isinstance(last, pev.FloorLeft)
    assert told(before, last, before, NEWCOMER) == replace(last, fence=0), "of other rooms it tells nothing"


def test_a_lease_that_was_overtaken_opens_nothing() -> None:
    story = with_somebody_of_the_pool()
    leaves(story, 6)
    late = pcmd.TakeFloor(actor=cmd.SYSTEM, participant=POOL, fence=5)
    assert refusal(story, late) is Reason.FLOOR_LOST
    takes(story, 6)
    assert audible(story)
    leaves(story, 6)
    assert audible(story)
    leaves(story, 7)
    assert not audible(story)


def test_who_is_shown_out_has_no_floor_and_does_not_get_it_again() -> None:
    story = with_somebody_of_the_pool()
    takes(story, 1)
    story.do(cmd.Remove(actor=HOST, participant=POOL))
    assert not audible(story)
    again = pcmd.TakeFloor(actor=cmd.SYSTEM, participant=POOL, fence=2)
    assert refusal(story, again) is Reason.PARTICIPANT_REMOVED


def test_a_meeting_that_ends_waits_for_nobody() -> None:
    story = with_somebody_of_the_pool()
    takes(story, 1)
    calls(story, "k_2", "ti")
    story.do(cmd.End(actor=HOST))
    assert story.meeting.pool.calls == ()
    assert not story.meeting.pool.attends(POOL)


def test_the_place_in_the_queue_is_a_number_for_those_in_the_room() -> None:
    story = without_an_interpreter()
    invite(story, INSURANCE, Role.COMPANION, Place.ON_SITE)
    story.do(cmd.Enter(actor=INSURANCE, participant=INSURANCE))
    calls(story)
    story.do(pcmd.PlaceCall(actor=cmd.SYSTEM, call="k_1", place=3))
    for who in (NEWCOMER, HOST, TAX):
        (call,) = snapshot(story.meeting, who, story.now, NAMES).pool.calls
        assert (call.language, call.place) == ("ar", 3)
    outside = snapshot(story.meeting, INSURANCE, story.now, NAMES)
    assert outside.pool.calls == ()
    state = evolve(story.meeting, story.log[-1])
    assert told(story.meeting, story.log[-1], state, INSURANCE) is None
    assert COMPANION not in story.meeting.participants


def test_each_language_and_kind_has_a_queue_of_its_own() -> None:
    def call(id_: str, at: float, language: str = "ar", kind: Kind = Kind.SPOKEN) -> InterpreterCall:
        return InterpreterCall(id_, HOST, language, kind, at)

    waiting = [call("c", 3), call("a", 1), call("b", 2), call("d", 4, "ti"), call("e", 5, kind=Kind.SIGN)]
    assert in_line(waiting) == {"a": 1, "b": 2, "c": 3, "d": 1, "e": 1}


def test_who_fits_speaks_the_language_serves_the_site_and_is_there() -> None:
    amal = Interpreter("u_amal", "Amal", ("ar", "sv"), Kind.SPOKEN, ("gavle",), until=100.0)
    call = InterpreterCall("k", HOST, "ar", Kind.SPOKEN, 1.0)
    assert amal.fits(call, "gavle", 99.0)
    assert not amal.fits(call, "vaxjo", 99.0)
    assert not amal.fits(call, "gavle", 100.0)
    assert not amal.fits(InterpreterCall("k", HOST, "ti", Kind.SPOKEN, 1.0), "gavle", 1.0)
    assert not amal.fits(InterpreterCall("k", HOST, "ar", Kind.SIGN, 1.0), "gavle", 1.0)
    assert not Interpreter("u", "U", ("ar", "sv")).fits(call, "gavle", 1.0)
    assert Interpreter("u", "U", ("ar", "sv"), until=2.0).fits(call, "anywhere", 1.0)
