"""Who could hear whom, worked out from the log: as the audience was at every moment, and nothing else."""

from rooms import commands as cmd
from rooms.hearing import hearing, of_agency
from tests.rooms.builders import HOST, INSURANCE, INTERPRETER, NEWCOMER, TAX, Story, started, together
from tests.rooms.listening import demand_true


def spans(story: Story, listener: str, source: str) -> list[tuple[float, float | None]]:
    rows = hearing(story.log)
    return [(h.begins, h.ends) for h in rows if (h.listener.id, h.source.id) == (listener, source)]


def test_an_officer_could_hear_the_newcomer_while_their_station_went_on() -> None:
    story = started(1)
    began = story.now
    story.do(cmd.Pause(actor=HOST), after=60)
    story.do(cmd.Resume(actor=HOST), after=30)
    story.do(cmd.StartStation(actor=HOST, station=2), after=30)
    assert spans(story, TAX, NEWCOMER) == [(began, began + 60), (began + 90, began + 120)]
    assert spans(story, INSURANCE, NEWCOMER) == [(began + 120, None)]
    story.do(cmd.End(actor=HOST), after=80)
    assert spans(story, INSURANCE, NEWCOMER) == [(began + 120, began + 200)]


def test_officers_of_two_stations_never_heard_each_other() -> None:
    story = started(1)
    story.do(cmd.StartStation(actor=HOST, station=2))
    assert spans(story, TAX, INSURANCE) == spans(story, INSURANCE, TAX) == []


def test_an_agency_is_told_of_its_own_officers_only() -> None:
    story = started(1)
    story.do(cmd.StartStation(actor=HOST, station=2))
    told = list(of_agency(hearing(story.log), "skatteverket"))
    assert told
    assert all(TAX in (h.listener.id, h.source.id) for h in told)


def test_at_every_moment_it_is_what_the_audience_was() -> None:
    story = together()
    story.do(cmd.Pause(actor=NEWCOMER))
    story.do(cmd.Resume(actor=NEWCOMER))
    story.do(cmd.RevokeConsent(actor=NEWCOMER, consent="q_1"))
    story.do(cmd.Remove(actor=HOST, participant=INTERPRETER))
    demand_true(story.log)
