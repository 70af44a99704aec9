"""Meetings with interpreters of several languages."""

from rooms import commands as cmd
from rooms import interpreting_commands as icmd
from rooms.people import Place, Role
from tests.rooms.builders import HOST, INTERPRETER, STAFF, Story, gathered, started

COLLEAGUE, SECOND = "p_colleague", "p_second"


def interpreter_comes(story: Story, who: str, *languages: str) -> None:
    story.do(
        cmd.Invite(
            actor=STAFF,
            participant=who,
            role=Role.INTERPRETER,
            name=who.removeprefix("p_").title(),
            language="sv",
            place=Place.ELSEWHERE,
        )
    )
    story.do(cmd.Enter(actor=who, participant=who))
    works_between(story, who, *languages)


def works_between(story: Story, who: str, *languages: str) -> None:
    story.do(icmd.SetWorkingLanguages(actor=who, languages=languages))


def with_a_colleague() -> Story:
    """Two interpreters between Arabic and Swedish; station 1 is going on."""
    story = started()
    interpreter_comes(story, COLLEAGUE, "ar", "sv")
    return story


def in_relay() -> Story:
    """Tigrinya reaches Swedish through English only: the first works ti-en, the second en-sv."""
    story = gathered()
    story.do(cmd.ChangeMeeting(actor=STAFF, languages=("ti", "sv")))
    works_between(story, INTERPRETER, "ti", "en")
    interpreter_comes(story, SECOND, "en", "sv")
    story.do(cmd.StartStation(actor=HOST, station=1))
    return story


def turns(story: Story, who: str, into: str | None, source: str | None = None) -> None:
    story.do(icmd.SetDirection(actor=who, into=into, source=source))


def listens(story: Story, who: str, language: str) -> None:
    story.do(icmd.SetListening(actor=who, language=language))


def hands_over(story: Story, giver: str, taker: str) -> None:
    story.do(icmd.OfferHandover(actor=giver, handover="h_1", taker=taker))
    story.do(icmd.AcceptHandover(actor=taker, handover="h_1"))
    story.do(icmd.CompleteHandover(actor=cmd.SYSTEM, handover="h_1"), after=3.0)
