"""Text letter by letter: edits that are lost or come late, and what remains of a line in another scene."""

from contextlib import suppress
from itertools import takewhile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rooms import commands as cmd
from rooms import events as ev
from rooms.drafts import Draft, Edit, begin, follow, narrowed
from rooms.errors import Reason, Rejected
from rooms.limits import CORRECTABLE, MAX_LINE
from rooms.people import Kind, Place, Role
from rooms.views import transcript
from tests.rooms.builders import (
    COMPANION,
    HOST,
    INSURANCE,
    INTERPRETER,
    NEWCOMER,
    TAX,
    Story,
    invite,
    started,
    together,
)

texts = st.text(st.sampled_from("abå سلام 1👍🏽ሰ"), max_size=12)


def edit_to(draft: Draft, text: str) -> Edit:
    """What turns the draft into `text`, as a client makes it."""
    kept = len(list(takewhile(lambda pair: pair[0] == pair[1], zip(draft.text, text, strict=False))))
    return Edit(draft.line, draft.revision + 1, kept, text[kept:], "sv")


def typed(
    story: Story, author: str, text: str = "hej", line: str = "l_1", corrects: str | None = None
) -> Draft:
    return begin([story.meeting], author, Edit(line, 1, 0, text, "sv", corrects))


def finish(
    story: Story, author: str, text: str = "hej", line: str = "l_1", corrects: str | None = None
) -> ev.LineWritten:
    draft = typed(story, author, text, line, corrects)
    (written,) = story.do(written_as(draft, text))
    assert isinstance(written, ev.LineWritten)
    return written


def written_as(draft: Draft, text: str) -> cmd.WriteLine:
    return cmd.WriteLine(
        actor=draft.author,
        line=draft.line,
        text=text,
        language=draft.language,
        scene=draft.scene,
        heard_by=draft.heard_by,
        corrects=draft.corrects,
    )


def reason(attempt: object, *args: object) -> Reason:
    with pytest.raises(Rejected) as rejected:
        attempt(*args)  # type: ignore[operator]
    return rejected.value.reason


@given(states=st.lists(texts, min_size=1, max_size=15), data=st.data())
def test_whatever_is_lost_or_comes_late_or_twice_the_whole_line_puts_right(
    states: list[str], data: st.DataObject
) -> None:
    mine = Draft("l", "p", ((), False, None), frozenset(), "sv", 0, "")
    theirs, under_way = mine, []
    for text in states:
        edit = edit_to(mine, text)
        mine = follow(mine, edit)
        assert mine.text == text
        under_way.append(edit)
    arriving = data.draw(st.lists(st.sampled_from(under_way), max_size=30))
    for edit in arriving:
        with suppress(Rejected):
            theirs = follow(theirs, edit)
        assert theirs.text in ("", *states)
    assert follow(theirs, mine.whole).text == mine.text
    for edit in arriving:
        assert follow(follow(theirs, mine.whole), edit).text == mine.text


def test_an_edit_that_is_missing_is_noticed() -> None:
    draft = typed(started(), NEWCOMER, "ab")
    assert reason(follow, draft, Edit("l_1", 3, 2, "d", "sv")) is Reason.TEXT_OUT_OF_STEP
    assert reason(follow, draft, Edit("l_1", 2, 3, "d", "sv")) is Reason.TEXT_OUT_OF_STEP
    assert follow(draft, Edit("l_1", 3, 0, "abcd", "sv")).text == "abcd"


@pytest.mark.parametrize("text", ["a\nb", "a\tb", "\x00", "\ud800", "\u202eabc", "x" * (MAX_LINE + 1)])
def test_what_no_message_may_hold_no_letter_may_be(text: str) -> None:
    story = started()
    assert reason(typed, story, NEWCOMER, text) is Reason.INVALID
    draft = typed(story, NEWCOMER, "x" * MAX_LINE)
    assert reason(follow, draft, Edit("l_1", 2, 1, text, "sv")) is Reason.INVALID


def test_letters_go_where_the_voice_goes() -> None:
    story = started(1)
    assert typed(story, TAX).heard_by == {NEWCOMER, HOST, INTERPRETER}
    assert typed(story, NEWCOMER).heard_by == {HOST, INTERPRETER, TAX}
    for outside in (INSURANCE, COMPANION):
        assert reason(typed, story, outside) is Reason.NOT_ALLOWED


@pytest.mark.parametrize(
    "command",
    [
        cmd.StartStation(actor=HOST, station=2),
        cmd.FinishStation(actor=HOST, station=1),
        cmd.Pause(actor=NEWCOMER),
        cmd.AskConsent(actor=HOST, question="q_1", kind="together", stations=(1, 2)),
        cmd.End(actor=HOST),
        cmd.Leave(actor=cmd.SYSTEM, participant=NEWCOMER),
    ],
    ids=lambda command: type(command).__name__,
)
def test_an_unfinished_line_is_gone_with_its_scene(command: cmd.Command) -> None:
    story = started(1)
    draft = typed(story, NEWCOMER)
    story.do(command)
    assert narrowed(draft, story.meeting) is None
    assert reason(story.do, written_as(draft, "hej")) in (
        Reason.TEXT_GONE,
        Reason.NOT_ALLOWED,
        Reason.MEETING_ENDED,
    )


def test_who_comes_later_reads_on_from_the_next_line() -> None:
    story = started(1)
    draft = typed(story, NEWCOMER)
    story.do(cmd.Admit(actor=HOST, participant=COMPANION))
    remaining = narrowed(draft, story.meeting)
    assert remaining is not None
    assert COMPANION not in remaining.heard_by
    story.do(cmd.Leave(actor=cmd.SYSTEM, participant=INTERPRETER))
    story.do(cmd.Enter(actor=INTERPRETER, participant=INTERPRETER))
    assert COMPANION in typed(story, NEWCOMER).heard_by
    (written,) = story.do(written_as(remaining, "hej"))
    assert isinstance(written, ev.LineWritten)
    assert COMPANION not in written.seen_by


def test_while_a_change_is_under_way_a_line_goes_to_those_who_hear_before_and_after() -> None:
    story = started(1)
    before = story.meeting
    story.do(cmd.StartStation(actor=HOST, station=2))
    draft = begin([before, story.meeting], NEWCOMER, Edit("l_1", 1, 0, "a", "sv"))
    assert draft.heard_by == {HOST, INTERPRETER}
    assert narrowed(draft, before) is None


def test_a_finished_line_is_read_again_by_those_who_read_it_and_by_an_officer_in_the_own_hour_only() -> None:
    story = started(1)
    finish(story, NEWCOMER, "läkarintyget")

    def reread(who: str) -> list[str]:
        return [line.text for line in transcript(story.meeting, who).lines]

    assert reread(TAX) == reread(INTERPRETER) == reread(NEWCOMER) == ["läkarintyget"]
    assert reread(INSURANCE) == []
    story.do(cmd.StartStation(actor=HOST, station=2))
    assert reread(TAX) == reread(INSURANCE) == []
    assert reread(INTERPRETER) == ["läkarintyget"]
    story.do(cmd.StartStation(actor=HOST, station=1))
    assert reread(TAX) == ["läkarintyget"]
    story.do(cmd.Pause(actor=NEWCOMER))
    assert reread(TAX) == []


def test_stations_that_are_together_read_each_other_and_are_apart_after_it() -> None:
    story = together()
    finish(story, INSURANCE, "tillsammans")
    assert [line.text for line in transcript(story.meeting, TAX).lines] == ["tillsammans"]
    story.do(cmd.RevokeConsent(actor=NEWCOMER, consent="q_1"))
    assert transcript(story.meeting, TAX).lines == ()


def test_a_line_is_finished_once_and_corrected_by_its_author_while_it_is_one_of_the_last() -> None:
    story = started(1)
    invite(story, "p_writes", Role.INTERPRETER, Place.ELSEWHERE, kind=Kind.TEXT)
    story.do(cmd.Enter(actor="p_writes", participant="p_writes"))
    for number in range(CORRECTABLE + 1):
        finish(story, "p_writes", line=f"l_{number}")
    again = typed(story, "p_writes", line="l_9")
    assert reason(typed, story, "p_writes", "hej", "l_3") is Reason.TEXT_GONE
    for author, corrects in (("p_writes", "l_0"), ("p_writes", "l_9"), (TAX, "l_3")):
        wrong = typed(story, author, line="l_10", corrects=corrects)
        assert reason(story.do, written_as(wrong, "hej")) is Reason.LINE_UNKNOWN
    story.do(written_as(typed(story, "p_writes", "rätt", "l_11", "l_3"), "rätt"))
    assert [(line.line, line.corrects) for line in transcript(story.meeting, TAX).lines][-1] == (
        "l_11",
        "l_3",
    )
    story.do(written_as(again, "hej"))
    story.do(cmd.StartStation(actor=HOST, station=2))
    late = typed(story, "p_writes", line="l_12", corrects="l_5")
    assert reason(story.do, written_as(late, "hej")) is Reason.LINE_UNKNOWN


def test_a_transcript_is_read_in_parts_from_the_end() -> None:
    story = started(1)
    for number in range(200):
        finish(story, TAX, f"{number}", f"l_{number}")
    part = transcript(story.meeting, NEWCOMER)
    read: list[str] = [line.text for line in part.lines]
    while part.more:
        part = transcript(story.meeting, NEWCOMER, part.lines[0].line)
        read = [line.text for line in part.lines] + read
    assert read == [str(number) for number in range(200)]
