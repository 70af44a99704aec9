"""Meetings for the tests of the core: small words for what happens, with literal time."""

from dataclasses import dataclass, field

from rooms import commands as cmd
from rooms import events as ev
from rooms.decide import decide
from rooms.meeting import Meeting, fold
from rooms.people import Kind, Place, Role

STAFF = "staff:lena"
NEWCOMER, HOST, INTERPRETER, COMPANION = "p_newcomer", "p_host", "p_interpreter", "p_companion"
TAX, INSURANCE = "p_tax", "p_insurance"
"""The officers of stations 1 and 2."""


@dataclass
class Story:
    """A meeting as it unfolds: `do` decides and folds, `now` goes on by a second at each step."""

    state: Meeting | None = None
    now: float = 1_000.0
    log: list[ev.Event] = field(default_factory=list)

    def do(self, command: cmd.Command, after: float = 1.0) -> tuple[ev.Event, ...]:
        self.now += after
        events = decide(self.state, command, self.now)
        self.state = fold(events, self.state)
        self.log.extend(events)
        return events

    @property
    def meeting(self) -> Meeting:
        assert self.state is not None
        return self.state


def planned() -> Story:
    """Two stations, tax agency and insurance agency; everybody is invited and nobody is there."""
    story = Story()
    story.do(
        cmd.CreateMeeting(
            actor=STAFF,
            meeting="m_1",
            site="gavle",
            alias="Samira",
            languages=("ar", "sv"),
            planned_at=1_000.0,
            stations=(
                cmd.NewStation(agency="skatteverket", purpose="Folkbokföring", minutes=25),
                cmd.NewStation(agency="forsakringskassan", purpose="Barnbidrag", minutes=20),
            ),
        )
    )
    invite(story, NEWCOMER, Role.NEWCOMER, Place.ON_SITE)
    invite(story, HOST, Role.HOST, Place.ON_SITE)
    invite(story, INTERPRETER, Role.INTERPRETER, Place.ELSEWHERE)
    invite(story, COMPANION, Role.COMPANION, Place.ON_SITE)
    invite(story, TAX, Role.OFFICER, Place.ELSEWHERE, "skatteverket", 1)
    invite(story, INSURANCE, Role.OFFICER, Place.ELSEWHERE, "forsakringskassan", 2)
    return story


def gathered() -> Story:
    """Everybody is connected; no station has begun."""
    story = planned()
    for who in (NEWCOMER, HOST, INTERPRETER, COMPANION, TAX, INSURANCE):
        story.do(cmd.Enter(actor=who, participant=who))
    return story


def started(station: int = 1) -> Story:
    story = gathered()
    story.do(cmd.StartStation(actor=HOST, station=station))
    return story


def together() -> Story:
    """Both stations are active with the newcomer's consent."""
    story = started()
    story.do(cmd.AskConsent(actor=HOST, question="q_1", kind="together", stations=(1, 2)))
    story.do(cmd.AnswerConsent(actor=NEWCOMER, question="q_1", granted=True))
    story.do(cmd.StartStation(actor=HOST, station=2))
    return story


def invite(
    story: Story,
    who: str,
    role: Role,
    place: Place,
    agency: str | None = None,
    station: int | None = None,
    kind: Kind | None = None,
) -> None:
    story.do(
        cmd.Invite(
            actor=STAFF,
            participant=who,
            role=role,
            name=who.removeprefix("p_").title(),
            language="sv",
            place=place,
            agency=agency,
            station=station,
            kind=kind,
        )
    )
