"""What everybody hears of an interpreter, measured at their loudspeakers. Each voice is a tone."""

from itertools import groupby

from playwright.async_api import expect

from tests.e2e.people import Arrive, Meeting, reach
from tests.e2e.tones import QUIET, Speaker, both, let_through, longest, nobody, speaker

A, B = 1, 2
LOWERED = -18.0
LONGEST_GAP = 300
COUNTDOWN = 3_000
"""Milliseconds."""
FADE = 60
"""Milliseconds in which the one voice goes and the other comes, as a window of 21 ms shows it."""


async def simultaneous(interpreter: Speaker) -> None:
    await interpreter.person.find("mode").get_by_text("Simultant").click()


async def turns(interpreter: Speaker, language: str) -> None:
    await interpreter.person.page.keyboard.press("Space")
    await expect(interpreter.person.find(f"into-{language}")).to_have_attribute("aria-pressed", "true")


async def test_everybody_hears_the_interpretation_into_their_language_over_the_lowered_original(
    meeting: Meeting, arrive: Arrive
) -> None:
    newcomer = await speaker(arrive, meeting, 500, "newcomer", name="Samira", language="ar")
    officer = await speaker(arrive, meeting, 1600, "officer", A, name="Erik Lind")
    other = await speaker(arrive, meeting, 2300, "officer", B, name="Maria Berg")
    interpreter = await speaker(arrive, meeting, 1000, "interpreter", name="Layla Haddad")
    await meeting.start(A)

    # In turns nothing is lowered.
    await newcomer.hears(officer)
    await newcomer.hears(interpreter)
    await officer.hears(newcomer)
    await simultaneous(interpreter)
    await newcomer.hears(interpreter)
    await newcomer.hears(officer, LOWERED)
    await officer.hears(newcomer)
    await officer.hears_nothing_of(interpreter, other)
    await other.hears_nothing_of(newcomer, officer, interpreter)

    before = [await one.consumers() for one in (newcomer, officer)]
    asked = [await one.media_calls() for one in (newcomer, officer, interpreter)]
    await turns(interpreter, "sv")
    await officer.hears(interpreter)
    await officer.hears(newcomer, LOWERED)
    await newcomer.hears(officer)
    await newcomer.hears_nothing_of(interpreter)
    assert [await one.consumers() for one in (newcomer, officer)] == before, "a turn is no new stream"
    assert [await one.media_calls() for one in (newcomer, officer, interpreter)] == asked

    await interpreter.speaks(False)
    await officer.hears(newcomer)
    await interpreter.speaks(True)
    await officer.hears(newcomer, LOWERED)

    await meeting.start(B)
    await other.hears(interpreter)
    await other.hears(newcomer, LOWERED)
    await other.hears_nothing_of(officer)
    await officer.hears_nothing_of(newcomer, interpreter, other)
    await newcomer.hears(other)
    await newcomer.hears_nothing_of(officer, interpreter)

    for one in (other, interpreter):
        await one.loses_the_line()
        await expect(one.person.find("connection-lost")).to_have_count(0, timeout=20_000)
    await turns(interpreter, "ar")
    await other.hears_nothing_of(interpreter)
    await other.hears(newcomer)
    await newcomer.hears(interpreter)
    await newcomer.hears(other, LOWERED)


async def test_a_hand_over_changes_the_voice_without_a_gap_and_without_two_at_once(
    meeting: Meeting, arrive: Arrive
) -> None:
    newcomer = await speaker(arrive, meeting, 500, "newcomer", recorder=True, name="Samira", language="ar")
    officer = await speaker(arrive, meeting, 1600, "officer", A, name="Erik Lind")
    first = await speaker(arrive, meeting, 1000, "interpreter", name="Layla Haddad")
    second = await speaker(arrive, meeting, 3100, "interpreter", name="Samir Aziz")
    await meeting.start(A)
    await simultaneous(first)
    await newcomer.hears(first)
    await newcomer.hears(officer, LOWERED)
    await newcomer.hears_nothing_of(second)

    await newcomer.records(first, second, officer)
    await first.person.press(f"offer-{second.id}")
    await second.person.press("accept-handover")
    await expect(first.person.find("countdown")).to_be_visible()
    await newcomer.hears(second)
    await newcomer.hears_nothing_of(first)
    await newcomer.hears(officer, LOWERED)
    heard = await newcomer.recorded()
    assert [given for given, _ in groupby(moment.given for moment in heard)] == [first.id, second.id]
    mixed = let_through(heard)
    assert longest(mixed, nobody) <= LONGEST_GAP
    assert longest(mixed, both) <= FADE
    assert longest(heard, lambda moment: moment.levels[2] > QUIET) < COUNTDOWN / 2, "the original came up"
    await officer.hears_nothing_of(first, second)
    assert await second.sends_as("maxaveragebitrate=64000", "useinbandfec=1", "usedtx=0")
    assert not await second.treats_sound()
    assert await newcomer.treats_sound()
    await expect(second.person.find("on-air")).to_have_text("Din mikrofon är på")


async def test_a_relay_gives_each_listener_the_last_interpreter_and_the_last_one_the_first(
    meeting: Meeting, arrive: Arrive
) -> None:
    newcomer = await speaker(arrive, meeting, 500, "newcomer", name="Selam", language="ti")
    officer = await speaker(arrive, meeting, 1600, "officer", A, name="Erik Lind")
    first = await speaker(arrive, meeting, 1000, "interpreter", name="Layla Haddad")
    last = await speaker(arrive, meeting, 3100, "interpreter", name="Samir Aziz")
    await meeting.service.rest("PATCH", f"/meetings/{meeting.id}", {"languages": ["ti", "sv"]})
    elsewhere = {"name": "Ann Reid", "language": "en", "place": "elsewhere"}
    host = await meeting.raw("host", sends=False, **elsewhere)
    for one, languages in ((first, ["ti", "en"]), (last, ["en", "sv"])):
        await host.call("interpret.languages", participant=one.id, languages=languages)
    english = await speaker(arrive, meeting, 2300, "host", **elsewhere)
    await meeting.start(A)
    for one in (first, last):
        await simultaneous(one)

    await last.person.page.keyboard.press("2")
    await expect(last.person.find("into-sv")).to_have_attribute("aria-pressed", "true")
    await expect(first.person.find("into-en")).to_have_attribute("aria-pressed", "true")
    await officer.hears(last)
    await officer.hears(newcomer, LOWERED)
    await officer.hears_nothing_of(first)
    await last.hears(first)
    await last.hears(newcomer, LOWERED)
    await first.hears(newcomer)
    await first.hears_nothing_of(last)
    await english.hears(first)
    await english.hears(newcomer, LOWERED)
    await english.hears_nothing_of(last)

    await last.person.page.keyboard.press("Space")
    await expect(first.person.find("into-ti")).to_have_attribute("aria-pressed", "true")
    await newcomer.hears(first)
    await newcomer.hears(officer, LOWERED)
    await newcomer.hears_nothing_of(last)
    await first.hears(last)
    await officer.hears_nothing_of(first, last)
    await officer.hears(newcomer)
    await english.hears(last)
    await english.hears(officer, LOWERED)
    await english.hears_nothing_of(first)


async def test_an_interpreter_works_by_keyboard_and_writes_to_whom_they_choose(meeting: Meeting) -> None:
    """Without a mouse."""
    newcomer = await meeting.raw("newcomer", name="Samira", language="ar", sends=False)
    host = await meeting.raw("host", name="Lena Ek", sends=False)
    desk = await meeting.person("interpreter", name="Layla Haddad")
    colleague = await meeting.raw("interpreter", name="Samir Aziz", sends=False)
    keyboard = desk.page.keyboard

    async def presses(testid: str, key: str = "Enter") -> None:
        await reach(desk, desk.find(testid))
        await keyboard.press(key)

    async def writes(text: str, *, choosing: str) -> None:
        """The lines are one stop of the Tab key; arrows choose among them."""
        await keyboard.press(choosing)
        await reach(desk, desk.find("chat-input"))
        await keyboard.type(text)
        await keyboard.press("Enter")
        await desk.reads(text)

    for key, way in (("2", "sv"), ("1", "ar"), ("Space", "sv"), ("Space", "ar")):
        await keyboard.press(key)
        await expect(desk.find(f"into-{way}")).to_have_attribute("aria-pressed", "true")
    await keyboard.press("0")
    await expect(desk.find("hand-back")).to_have_attribute("aria-pressed", "true")
    await keyboard.press("2")
    await expect(desk.find("on-air")).to_have_text("Din mikrofon är på")
    await keyboard.down("c")
    await expect(desk.find("on-air")).to_have_text("Ingen hör dig nu")
    await keyboard.up("c")
    await expect(desk.find("on-air")).to_have_text("Din mikrofon är på")
    await keyboard.press("m")
    await expect(desk.find("on-air")).to_have_text("Din mikrofon är av")

    await presses("signal-slower")
    await host.wait_for_event("signal_sent", deadline=20)
    await presses("add-word")
    await expect(desk.find("word-text")).to_be_focused()
    await keyboard.type("folkbokföring")
    await keyboard.press("Tab")
    await keyboard.type("تسجيل السكان")
    await keyboard.press("Enter")
    await expect(desk.find("word")).to_contain_text("تسجيل السكان")
    await reach(desk, desk.find("line-room"))
    await writes("rast om tio minuter", choosing="ArrowRight")
    await reach(desk, desk.find("line-host"))
    await writes("tar du nästa?", choosing="ArrowRight")

    await host.wait_for(lambda: "rast om tio" in str(host.events), 20)
    await colleague.wait_for(lambda: "tar du nästa" in str(colleague.events), 20)
    assert "folkbokföring" in str(colleague.events)
    for other, unknown in (
        (host, ("folkbokföring", "tar du nästa")),
        (colleague, ("rast om tio",)),
        (newcomer, ("folkbokföring", "tar du nästa", "rast om tio")),
    ):
        assert not [word for word in unknown if word in str(other.events)]

    await presses(f"offer-{colleague.participant}", "Space")
    offer = await colleague.wait_for_event("handover_offered", deadline=20)
    await colleague.call("interpret.acceptHandover", handover=offer["data"]["handover"])
    await colleague.wait_for_event("handover_done", deadline=20)
    await colleague.call("interpret.offerHandover", taker=await desk.participant())
    await presses("accept-handover")
    await expect(desk.find("countdown")).to_be_visible(timeout=20_000)
    await presses("withdraw-handover")
    await colleague.wait_for_event("handover_withdrawn", deadline=20)
