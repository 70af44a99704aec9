"""Who interprets into which language, who takes over, and who is told."""

import pytest

from rooms import channels
from rooms import commands as cmd
from rooms import interpreting_commands as icmd
from rooms import pool_commands as pcmd
from rooms import pool_events as pev
from rooms.channels import (
    at_work,
    channel,
    directions,
    interpreter_for,
    interpreters,
    listening_language,
    on_duty,
    relay_of,
    voice,
)
from rooms.decide import due
from rooms.errors import Reason, Rejected
from rooms.history import feed
from rooms.interpreting_events import Mode, Relay
from rooms.meeting import Meeting, fold
from rooms.people import Kind, Participant, Place, Role
from rooms.policy import Action, actions
from rooms.views import Names, snapshot
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
    started,
)
from tests.rooms.interpreters import (
    COLLEAGUE,
    SECOND,
    hands_over,
    in_relay,
    interpreter_comes,
    listens,
    turns,
    with_a_colleague,
    works_between,
)

NAMES = Names(sites={}, agencies={})


def into(story: Story) -> dict[str, str | None]:
    return {who: direction.into for who, direction in directions(story.meeting).items()}


def given(story: Story, listener: str) -> str | None:
    found = interpreter_for(story.meeting, story.meeting.participants[listener])
    return None if found is None else found.id


def ids(people: tuple[Participant, ...]) -> list[str]:
    return [p.id for p in people]


def with_admitted_companion() -> Story:
    story = with_a_colleague()
    story.do(cmd.Admit(actor=HOST, participant=COMPANION))
    return story


def seen(story: Story, who: str):  # type: ignore[no-untyped-def]
    return snapshot(story.meeting, who, story.now, NAMES).interpreting


def test_everybody_listens_to_the_language_they_were_invited_in() -> None:
    story = gathered()
    invite(story, "p_more", Role.COMPANION, Place.ELSEWHERE)
    assert listening_language(story.meeting, TAX) == "sv"
    story.do(cmd.SetLanguage(actor=NEWCOMER, language="en"))
    assert listening_language(story.meeting, NEWCOMER) == "sv", "a page in another language is no new ear"
    listens(story, NEWCOMER, "ar")
    assert listening_language(story.meeting, NEWCOMER) == "ar"


def test_an_interpreter_works_between_the_meeting_s_languages_until_they_say_otherwise() -> None:
    story = started()
    assert set(seen(story, INTERPRETER).interpreters[0].languages) == {"ar", "sv"}
    works_between(story, INTERPRETER, "so", "sv")
    assert set(seen(story, INTERPRETER).interpreters[0].languages) == {"so", "sv"}


def test_an_officer_begins_so_the_first_direction_is_away_from_swedish() -> None:
    assert into(started()) == {INTERPRETER: "ar"}


def test_turning_reaches_every_listener_with_one_event() -> None:
    story = started()
    listens(story, NEWCOMER, "ar")
    assert (given(story, NEWCOMER), given(story, TAX)) == (INTERPRETER, None)
    turns(story, INTERPRETER, "sv")
    assert (given(story, NEWCOMER), given(story, TAX)) == (None, INTERPRETER)
    assert len(story.do(icmd.SetDirection(actor=INTERPRETER, into="sv"))) == 0


def test_nobody_is_given_an_interpreter_whom_they_may_not_hear() -> None:
    story = started()
    turns(story, INTERPRETER, "sv")
    assert given(story, INSURANCE) is None
    story.do(cmd.Pause(actor=NEWCOMER))
    assert given(story, TAX) is None
    story.do(cmd.Resume(actor=NEWCOMER))
    assert given(story, TAX) == INTERPRETER


def test_many_interpreters_cost_as_much_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a few dozen would keep everybody else of the service waiting."""
    settled: list[object] = []

    class Counted(channels._Turning):
        def __init__(self, state: Meeting, here: tuple[str, ...]) -> None:
            settled.append(here)
            super().__init__(state, here)

    story = with_a_colleague()
    many = [f"p_i{n}" for n in range(20)]
    for who in many:
        interpreter_comes(story, who, "ar", "sv")
    monkeypatch.setattr(channels, "_Turning", Counted)
    story.do(icmd.SetMode(actor=INTERPRETER, mode=Mode.SIMULTANEOUS))
    for who in story.meeting.participants:
        assert len(seen(story, who).interpreters) in (0, 22)
    assert len(settled) <= 22


def test_an_interpreter_who_hands_the_floor_back_speaks_into_nothing_and_keeps_the_languages() -> None:
    story = started()
    turns(story, INTERPRETER, None)
    assert channel(story.meeting, "ar") is None
    found = voice(story.meeting, "ar")
    assert found is not None
    assert found.id == INTERPRETER


def test_a_colleague_of_the_same_languages_rests() -> None:
    story = with_a_colleague()
    assert ids(on_duty(story.meeting)) == [INTERPRETER]
    turns(story, COLLEAGUE, "sv")
    assert into(story) == {INTERPRETER: "ar"}


def test_whoever_adds_a_language_that_is_needed_is_on_duty_too() -> None:
    story = with_admitted_companion()
    works_between(story, COLLEAGUE, "so", "sv")
    listens(story, COMPANION, "so")
    assert ids(on_duty(story.meeting)) == [INTERPRETER, COLLEAGUE]
    turns(story, INTERPRETER, "sv")
    turns(story, COLLEAGUE, "sv")
    assert into(story) == {INTERPRETER: "ar", COLLEAGUE: "sv"}, "nobody speaks into what another one has"
    turns(story, COLLEAGUE, "so")
    assert into(story) == {INTERPRETER: "sv", COLLEAGUE: "so"}, "and it comes back when it is free"


def test_nobody_is_on_duty_by_their_own_word_alone() -> None:
    """Else whoever rests is paid, and takes the others' turns, for a language that nobody speaks."""
    story = with_a_colleague()
    works_between(story, COLLEAGUE, "ar", "sv", "fr")
    assert ids(on_duty(story.meeting)) == [INTERPRETER]
    works_between(story, COLLEAGUE, "sv", "fr")
    assert ids(on_duty(story.meeting)) == [INTERPRETER]
    works_between(story, INTERPRETER, "de", "fi")
    assert ids(on_duty(story.meeting)) == [INTERPRETER, COLLEAGUE]


@pytest.mark.parametrize(
    "wish",
    [
        icmd.SetWorkingLanguages(actor=HOST, participant=COLLEAGUE, languages=("sv", "so")),
        icmd.SetWorkingLanguages(actor=STAFF, participant=COLLEAGUE, languages=("sv", "so")),
        pcmd.CallInterpreter(actor=HOST, call="k_1", language="so", kind=Kind.SPOKEN),
        cmd.ChangeMeeting(actor=STAFF, languages=("ar", "so")),
        icmd.SetListening(actor=COMPANION, language="so"),
    ],
)
def test_what_a_meeting_is_said_to_need_is_needed(wish: cmd.Command) -> None:
    story = with_admitted_companion()
    works_between(story, INTERPRETER, "ar", "sv")
    works_between(story, COLLEAGUE, "so", "sv")
    assert ids(on_duty(story.meeting)) == [INTERPRETER]
    story.do(wish)
    assert ids(on_duty(story.meeting)) == [INTERPRETER, COLLEAGUE]


def test_a_colleague_goes_on_when_an_interpreter_is_gone_and_keeps_the_place() -> None:
    story = with_a_colleague()
    story.do(cmd.Leave(actor=cmd.SYSTEM, participant=INTERPRETER))
    assert ids(on_duty(story.meeting)) == [COLLEAGUE]
    story.do(cmd.Enter(actor=INTERPRETER, participant=INTERPRETER))
    assert ids(on_duty(story.meeting)) == [COLLEAGUE]


def test_whoever_comes_back_from_another_room_takes_nobody_s_place() -> None:
    story = with_a_colleague()
    hop = {"at": story.now, "actor": "system", "participant": INTERPRETER}
    away = fold(
        [pev.CallAccepted(call="c_1", **hop), pev.FloorTaken(fence=1, **hop), pev.FloorLeft(fence=2, **hop)],
        story.meeting,
    )
    assert away is not None
    assert ids(on_duty(away)) == [COLLEAGUE]
    back = fold([pev.FloorTaken(fence=3, **hop)], away)
    assert back is not None
    assert ids(on_duty(back)) == [COLLEAGUE]
    assert ids(interpreters(back)) == [COLLEAGUE, INTERPRETER]


def test_handing_over_changes_the_voice_and_neither_direction_nor_manner() -> None:
    story = with_a_colleague()
    listens(story, NEWCOMER, "ar")
    story.do(icmd.SetMode(actor=INTERPRETER, mode=Mode.SIMULTANEOUS, automatic=False))
    story.do(icmd.OfferHandover(actor=INTERPRETER, handover="h_1", taker=COLLEAGUE))
    assert given(story, NEWCOMER) == INTERPRETER
    story.do(icmd.AcceptHandover(actor=COLLEAGUE, handover="h_1"))
    assert given(story, NEWCOMER) == INTERPRETER, "until the countdown is over"
    ((at, done),) = due(story.meeting)
    assert at == story.now + 3.0
    assert story.do(done, after=2.0) == ()
    story.do(done)
    assert given(story, NEWCOMER) == COLLEAGUE
    assert ids(on_duty(story.meeting)) == [COLLEAGUE]
    at_desk = seen(story, COLLEAGUE).interpreters
    assert {(i.participant, i.on_duty) for i in at_desk} == {(INTERPRETER, False), (COLLEAGUE, True)}
    (colleague,) = (i for i in at_desk if i.participant == COLLEAGUE)
    assert (colleague.into, colleague.mode, colleague.automatic) == ("ar", Mode.SIMULTANEOUS, False)
    hands_over(story, COLLEAGUE, INTERPRETER)
    assert ids(on_duty(story.meeting)) == [INTERPRETER]


def test_an_offer_lapses_can_be_declined_and_ends_when_one_of_the_two_is_gone() -> None:
    story = with_a_colleague()
    offer = icmd.OfferHandover(actor=INTERPRETER, handover="h_1", taker=COLLEAGUE)
    story.do(offer)
    ((_, lapse),) = due(story.meeting)
    story.do(lapse, after=60.0)
    assert story.meeting.interpreting.handover is None
    story.do(offer)
    story.do(icmd.WithdrawHandover(actor=COLLEAGUE, handover="h_1"))
    assert due(story.meeting) == []
    story.do(offer)
    story.do(icmd.AcceptHandover(actor=COLLEAGUE, handover="h_1"))
    story.do(cmd.Leave(actor=cmd.SYSTEM, participant=COLLEAGUE))
    assert story.meeting.interpreting.handover is None
    assert ids(on_duty(story.meeting)) == [INTERPRETER]


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (icmd.OfferHandover(actor=COLLEAGUE, handover="h", taker=INTERPRETER), Reason.NOT_ALLOWED),
        (icmd.OfferHandover(actor=INTERPRETER, handover="h", taker=INTERPRETER), Reason.INVALID),
        (icmd.OfferHandover(actor=INTERPRETER, handover="h", taker=HOST), Reason.INVALID),
        (icmd.OfferHandover(actor=INTERPRETER, handover="h", taker="p_x"), Reason.PARTICIPANT_UNKNOWN),
        (icmd.AcceptHandover(actor=COLLEAGUE, handover="h"), Reason.HANDOVER_UNKNOWN),
        (icmd.CompleteHandover(actor=COLLEAGUE, handover="h"), Reason.NOT_ALLOWED),
        (icmd.SetDirection(actor=INTERPRETER, into="fa"), Reason.INVALID),
        (icmd.SetDirection(actor=INTERPRETER, into="ar", source="ar"), Reason.INVALID),
        (icmd.SetDirection(actor=TAX, into="ar"), Reason.NOT_ALLOWED),
        (icmd.SetWorkingLanguages(actor=INTERPRETER, languages=("sv", "sv")), Reason.INVALID),
        (icmd.SetWorkingLanguages(actor=INTERPRETER, languages=("sv", "x y")), Reason.INVALID),
        (icmd.SetListening(actor=TAX, language="sv\n"), Reason.INVALID),
        (
            icmd.AddTerm(actor=INTERPRETER, term="w", text="a", language="sv", translation="b", into="<b>"),
            Reason.INVALID,
        ),
        (
            icmd.SetWorkingLanguages(actor=INTERPRETER, participant=COLLEAGUE, languages=("sv", "ar")),
            Reason.NOT_ALLOWED,
        ),
        (
            icmd.SetWorkingLanguages(actor=HOST, participant=TAX, languages=("sv", "ar")),
            Reason.INVALID,
        ),
    ],
)
def test_what_makes_no_sense_is_refused(command: cmd.Command, reason: Reason) -> None:
    story = with_a_colleague()
    with pytest.raises(Rejected) as rejected:
        story.do(command)
    assert rejected.value.reason is reason


def test_a_colleague_without_all_of_the_languages_cannot_take_over_even_at_the_last_moment() -> None:
    story = with_a_colleague()
    story.do(icmd.OfferHandover(actor=INTERPRETER, handover="h_1", taker=COLLEAGUE))
    story.do(icmd.AcceptHandover(actor=COLLEAGUE, handover="h_1"))
    works_between(story, COLLEAGUE, "so", "sv")
    story.do(icmd.CompleteHandover(actor=cmd.SYSTEM, handover="h_1"), after=3.0)
    found = voice(story.meeting, "ar")
    assert found is not None
    assert found.id == INTERPRETER
    with pytest.raises(Rejected, match="all of these languages"):
        story.do(icmd.OfferHandover(actor=INTERPRETER, handover="h_2", taker=COLLEAGUE))


def test_in_a_relay_the_listener_hears_the_last_interpreter_and_the_last_hears_the_first() -> None:
    story = in_relay()
    listens(story, NEWCOMER, "ti")
    turns(story, SECOND, "sv")
    turns(story, INTERPRETER, "en")
    assert into(story) == {INTERPRETER: "en", SECOND: "sv"}
    assert given(story, TAX) == SECOND
    assert given(story, NEWCOMER) is None
    assert (given(story, SECOND), given(story, INTERPRETER)) == (INTERPRETER, None)


@pytest.mark.parametrize(("who", "way"), [(SECOND, "en"), (INTERPRETER, "ti")])
def test_in_a_relay_all_directions_turn_with_one(who: str, way: str) -> None:
    story = in_relay()
    turns(story, SECOND, "sv")
    turns(story, INTERPRETER, "en")
    turns(story, who, way)
    assert into(story) == {INTERPRETER: "ti", SECOND: "en"}
    assert given(story, INTERPRETER) == SECOND
    assert given(story, SECOND) is None
    turns(story, who, "sv" if who == SECOND else "en")
    assert into(story) == {INTERPRETER: "en", SECOND: "sv"}


@pytest.mark.parametrize("listener", [TAX, COMPANION])
@pytest.mark.parametrize(("who", "way"), [(SECOND, "sv"), (INTERPRETER, "en")])
def test_nobody_breaks_a_relay_by_listening_to_the_language_between(
    listener: str, who: str, way: str
) -> None:
    story = in_relay()
    story.do(cmd.Admit(actor=HOST, participant=COMPANION))
    listens(story, listener, "en")
    turns(story, SECOND, "en")
    assert into(story) == {INTERPRETER: "ti", SECOND: "en"}
    turns(story, who, way)
    assert into(story) == {INTERPRETER: "en", SECOND: "sv"}


def test_an_interpreter_may_take_from_the_floor_or_from_a_colleague_by_their_own_choice() -> None:
    story = in_relay()
    turns(story, INTERPRETER, "en")
    story.do(icmd.SetRelay(actor=SECOND, relay=Relay.FLOOR))
    assert given(story, SECOND) is None
    story.do(icmd.SetRelay(actor=SECOND, relay=Relay.INTERPRETER))
    assert given(story, SECOND) == INTERPRETER


def test_in_a_relay_a_colleague_takes_over_for_one_of_the_two() -> None:
    story = in_relay()
    turns(story, INTERPRETER, "en")
    interpreter_comes(story, COLLEAGUE, "en", "sv")
    hands_over(story, SECOND, COLLEAGUE)
    assert given(story, TAX) == COLLEAGUE
    assert given(story, COLLEAGUE) == INTERPRETER
    assert relay_of(story.meeting, COLLEAGUE) is not None


def test_nobody_works_while_the_meeting_stands_still() -> None:
    story = started()
    (work,) = at_work(story.meeting)
    assert (work.interpreter, work.into, work.source, work.stations) == (INTERPRETER, "ar", "sv", (1,))
    story.do(cmd.Pause(actor=NEWCOMER))
    assert at_work(story.meeting) == ()


def test_a_waiting_officer_is_told_nothing_of_the_interpreting_of_others() -> None:
    story = with_a_colleague()
    before = seen(story, INSURANCE)
    turns(story, INTERPRETER, "sv")
    listens(story, NEWCOMER, "ar")
    hands_over(story, INTERPRETER, COLLEAGUE)
    assert seen(story, INSURANCE) == before
    assert before.interpreters == before.listeners == before.floor == ()
    names = {type(event).__name__ for event in feed(story.log, INSURANCE)}
    assert not names & {"DirectionChanged", "ListeningChanged", "HandoverOffered", "HandoverDone"}


def test_a_hand_over_is_negotiated_among_interpreters_and_done_before_everybody() -> None:
    story = with_a_colleague()
    story.do(icmd.OfferHandover(actor=INTERPRETER, handover="h_1", taker=COLLEAGUE))
    assert seen(story, TAX).handover is None
    assert seen(story, HOST).handover is not None
    assert seen(story, COLLEAGUE).handover is not None
    story.do(icmd.AcceptHandover(actor=COLLEAGUE, handover="h_1"))
    story.do(icmd.CompleteHandover(actor=cmd.SYSTEM, handover="h_1"), after=3.0)
    told = [type(event).__name__ for event in feed(story.log, TAX)]
    assert "HandoverDone" in told
    assert "HandoverOffered" not in told


def test_words_are_for_the_interpreters_alone_and_gone_with_the_meeting() -> None:
    story = with_a_colleague()
    story.do(
        icmd.AddTerm(
            actor=INTERPRETER,
            term="w_1",
            text="folkbokföring",
            language="sv",
            translation="تسجيل السكان",
            into="ar",
        )
    )
    assert [term.text for term in seen(story, COLLEAGUE).terms] == ["folkbokföring"]
    for other in (HOST, NEWCOMER, TAX):
        assert seen(story, other).terms == ()
        assert "TermAdded" not in {type(event).__name__ for event in feed(story.log, other)}
    story.do(icmd.RemoveTerm(actor=COLLEAGUE, term="w_1"))
    assert seen(story, INTERPRETER).terms == ()


def test_interpreters_write_to_the_host_and_among_themselves_and_nobody_else_reads_it() -> None:
    story = with_a_colleague()

    def readers() -> set[str]:
        return {who for who in story.meeting.participants if snapshot(story.meeting, who, 0, NAMES).messages}

    story.do(cmd.SendMessage(actor=INTERPRETER, message="x_1", text="Byt snart?", to=COLLEAGUE))
    assert readers() == {INTERPRETER, COLLEAGUE}
    story.do(cmd.SendMessage(actor=COLLEAGUE, message="x_2", text="Vi behöver rast", to=HOST))
    assert readers() == {INTERPRETER, COLLEAGUE, HOST}
    story.do(cmd.SendMessage(actor=HOST, message="x_3", text="Om tio minuter", to=COLLEAGUE))
    shown = snapshot(story.meeting, COLLEAGUE, 0, NAMES).messages
    assert [message.id for message in shown] == ["x_1", "x_2", "x_3"]
    assert [m.id for m in snapshot(story.meeting, INTERPRETER, 0, NAMES).messages] == ["x_1"]
    with pytest.raises(Rejected):
        story.do(cmd.SendMessage(actor=INTERPRETER, message="x_4", text="Hej", to=TAX))


def test_the_host_and_the_staff_say_which_languages_an_interpreter_has() -> None:
    story = started()
    for actor, other in ((HOST, "so"), (STAFF, "ti")):
        story.do(icmd.SetWorkingLanguages(actor=actor, participant=INTERPRETER, languages=(other, "sv")))
        assert other in seen(story, INTERPRETER).interpreters[0].languages
    assert Action.INTERPRET_DIRECTION not in actions(story.meeting, story.meeting.participants[HOST])
