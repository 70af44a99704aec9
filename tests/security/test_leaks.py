"""What an error, a late word or a self-chosen place could give away about a room that one is not in."""

import pytest

from rooms import commands as cmd
from rooms.errors import Reason, Rejected
from rooms.people import Place
from rooms.rules import messages
from rooms.views import Names, snapshot
from tests.rooms.builders import (
    COMPANION,
    HOST,
    INSURANCE,
    INTERPRETER,
    NEWCOMER,
    TAX,
    Story,
    started,
    together,
)

NAMES = Names({}, {})


def refusal(story: Story, command: cmd.Command) -> Reason:
    with pytest.raises(Rejected) as refused:
        story.do(command)
    return refused.value.reason


def texts(story: Story, who: str) -> list[str]:
    return [m.text for m in snapshot(story.meeting, who, story.now, NAMES).messages]


def write(story: Story, who: str, text: str) -> None:
    story.do(cmd.SendMessage(actor=who, message=f"x_{story.now}", text=text))


@pytest.mark.parametrize("who", [INSURANCE, COMPANION])
@pytest.mark.parametrize(
    "command",
    [
        lambda who: cmd.Pause(actor=who),
        lambda who: cmd.Resume(actor=who),
        lambda who: cmd.AskConsent(actor=who, question="q", kind="together", stations=(1, 2)),
    ],
)
def test_a_refusal_in_the_lobby_does_not_tell_whether_the_meeting_is_paused(
    who: str, command: object
) -> None:
    assert callable(command)
    going_on = refusal(started(1), command(who))
    paused = started(1)
    paused.do(cmd.Pause(actor=HOST))
    assert refusal(paused, command(who)) is going_on is Reason.NOT_ALLOWED


def test_the_host_is_still_told_why() -> None:
    story = started(1)
    assert refusal(story, cmd.Resume(actor=HOST)) is Reason.NOT_PAUSED
    story.do(cmd.Pause(actor=HOST))
    asking = cmd.AskConsent(actor=HOST, question="q", kind="together", stations=(1, 2))
    assert refusal(story, asking) is Reason.PAUSED
    assert story.do(cmd.Pause(actor=NEWCOMER)) == ()


def test_an_officer_learns_nothing_of_other_stations_by_asking_for_them() -> None:
    story = started(1)
    story.do(cmd.SkipStation(actor=HOST, station=2))
    over, none = (
        refusal(story, cmd.AskConsent(actor=TAX, question="q", kind="together", stations=(1, n)))
        for n in (2, 9)
    )
    assert over is none is Reason.NOT_ALLOWED


def test_an_officer_cannot_try_whether_somebody_is_there() -> None:
    story = started(1)
    known, unknown = (
        refusal(story, cmd.SendMessage(actor=TAX, message="x", text="hej", to=to))
        for to in (INSURANCE, "p_no")
    )
    assert known is unknown is Reason.NOT_ALLOWED


def test_what_two_agencies_wrote_together_is_apart_when_they_are() -> None:
    story = together()
    write(story, TAX, "skatt")
    write(story, INSURANCE, "försäkring")
    assert texts(story, INSURANCE) == ["skatt", "försäkring"]
    story.do(cmd.RevokeConsent(actor=NEWCOMER, consent=story.meeting.consents[0].id))
    assert texts(story, TAX) == ["skatt"]
    assert texts(story, INSURANCE) == []
    story.do(cmd.StartStation(actor=HOST, station=2))
    assert texts(story, INSURANCE) == ["försäkring"]
    assert texts(story, NEWCOMER) == ["skatt", "försäkring"]


def test_nobody_reads_on_during_a_pause_by_saying_that_they_are_at_the_office() -> None:
    story = started(1)
    write(story, NEWCOMER, "hemligt")
    story.do(cmd.Pause(actor=NEWCOMER))
    here = cmd.SetPlace(actor=INTERPRETER, place=Place.ON_SITE)
    assert refusal(story, here) is Reason.PAUSED
    assert texts(story, INTERPRETER) == []


def test_nobody_uses_up_the_messages_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "MAX_MESSAGES_EACH", 2)
    monkeypatch.setattr(messages, "MAX_MESSAGES", 3)
    story = started(1)
    for number in range(2):
        write(story, TAX, str(number))
    assert refusal(story, cmd.SendMessage(actor=TAX, message="x", text="2")) is Reason.TOO_MANY_MESSAGES
    write(story, NEWCOMER, "jag också")
    assert refusal(story, cmd.SendMessage(actor=HOST, message="x", text="3")) is Reason.TOO_MANY_MESSAGES


def test_a_companion_who_was_never_let_in_learns_nothing_as_the_meeting_ends() -> None:
    story = started(1)
    story.do(cmd.End(actor=HOST))
    shown = snapshot(story.meeting, COMPANION, story.now, NAMES)
    assert (shown.meeting.state, shown.meeting.alias) == ("ended", None)
    assert (shown.stations, shown.messages) == ((), ())
    assert [person.id for person in shown.participants] == [COMPANION]
