"""The newcomer's own page and the host's beside it: who is there, who leads, what stays as it changes."""

from playwright.async_api import Locator, expect

from tests.e2e.people import Arrive, Meeting, Person, reach
from tests.support.raw_client import RawClient
from tests.support.service import Service

WAIT = 20.0
MOST = WAIT * 1000
NOTE_AT_PAUSE = """
const send = WebSocket.prototype.send;
WebSocket.prototype.send = function (text) {
  const pauses = String(text).includes('"meeting.pause"');
  if (pauses) window.__atPause = window.__own.map((track) => track.readyState);
  return send.call(this, text);
};
"""
"""Remembers how the page's own tracks stood when it asked for the pause."""

DAY = [
    {"agency": "migrationsverket", "purpose": "Besked", "minutes": 20},
    {"agency": "skatteverket", "purpose": "Folkbokföring", "minutes": 25},
    {"agency": "forsakringskassan", "purpose": "Barnbidrag", "minutes": 20},
]


async def focused(person: Person) -> str:
    """The test id of the element that the keyboard is at."""
    found: str = await person.page.evaluate("document.activeElement?.dataset.testid ?? ''")
    return found


async def test_the_camera_stops_before_the_pause_is_asked_for(meeting: Meeting) -> None:
    officer = await meeting.raw("officer", 1, name="Erik Lind")
    newcomer = await meeting.arrive()
    await newcomer.page.add_init_script(NOTE_AT_PAUSE)
    await newcomer.enter(await meeting.link("newcomer", language="sv"))
    await meeting.start(1)
    await newcomer.sees(officer.participant)
    assert "live" in await newcomer.own_tracks()
    await newcomer.press("pause")
    await expect(newcomer.find("meeting-paused")).to_be_visible()
    at_pause = await newcomer.page.evaluate("window.__atPause")
    assert at_pause
    assert set(at_pause) == {"ended"}


async def test_a_newcomer_leaves_from_the_pause_without_being_heard_again(meeting: Meeting) -> None:
    officer = await meeting.raw("officer", 1, name="Erik Lind")
    newcomer = await meeting.person("newcomer", language="sv")
    await meeting.start(1)
    await newcomer.sees(officer.participant)
    await newcomer.press("pause")
    await expect(newcomer.find("meeting-paused")).to_be_visible()
    await newcomer.press("end-meeting")
    await newcomer.press("confirm")
    await expect(newcomer.find("meeting-ended")).to_be_visible()


async def test_another_language_in_mid_meeting_changes_the_words_alone(meeting: Meeting) -> None:
    officer = await meeting.raw("officer", 1, name="Erik Lind")
    newcomer = await meeting.person("newcomer", language="sv")
    await meeting.start(1)
    await newcomer.sees(officer.participant)
    consumers = sorted(one["id"] for one in await newcomer.stats())

    await newcomer.find("language").select_option("ti")
    await expect(newcomer.page.locator("html")).to_have_attribute("lang", "ti")
    await newcomer.find("language").select_option("ar")
    await expect(newcomer.page.locator("html")).to_have_attribute("dir", "rtl")
    await newcomer.until("() => window.__motesrum.snapshot.you.language === 'ar'")
    await newcomer.sees(officer.participant)
    await newcomer.hears(officer.participant)
    assert sorted(one["id"] for one in await newcomer.stats()) == consumers
    assert "ended" not in await newcomer.own_tracks()
    assert len(newcomer.sockets) == 1


async def test_a_newcomer_answers_pauses_resumes_and_ends_with_a_keyboard_alone(meeting: Meeting) -> None:
    first = await meeting.raw("officer", 1, name="Erik Lind")
    await meeting.raw("officer", 2, name="Maria Berg", sends=False)
    newcomer = await meeting.person("newcomer", language="sv")
    keyboard = newcomer.page.keyboard
    await meeting.start(1)
    await newcomer.sees(first.participant)
    await reach(newcomer, newcomer.find("not-understood"))
    await first.act("meeting.askConsent", stations=[1, 2])
    await reach(newcomer, newcomer.find("consent-no"))
    await keyboard.press("Enter")
    await expect(newcomer.find("consent-question")).to_have_count(0)
    await newcomer.sees(first.participant)
    assert await focused(newcomer) == "pause"

    await keyboard.press("Enter")
    await expect(newcomer.find("meeting-paused")).to_be_visible()
    await expect(newcomer.find("resume")).to_be_focused()
    await keyboard.press("Enter")
    await newcomer.sees(first.participant)
    await expect(newcomer.find("pause")).to_be_focused()

    await reach(newcomer, newcomer.find("more"))
    await keyboard.press("Enter")
    await reach(newcomer, newcomer.find("end-meeting"))
    await keyboard.press("Enter")
    await reach(newcomer, newcomer.find("confirm"))
    await keyboard.press("Enter")
    await expect(newcomer.find("meeting-ended")).to_be_visible()


def listed(newcomer: Person, name: str) -> Locator:
    """A person on the list of those who hear and see the newcomer, who can be chosen there."""
    return newcomer.find("choose-listener").filter(has_text=name)


async def test_a_newcomer_sends_an_officer_away_and_the_host_lets_another_in(meeting: Meeting) -> None:
    host = await meeting.raw("host", name="Karin Ek", sends=False)
    first = await meeting.raw("officer", 1, name="Erik Lind")
    newcomer = await meeting.person("newcomer", language="sv")
    await meeting.start(1)
    await newcomer.sees(first.participant, deadline=WAIT)
    await reach(newcomer, listed(newcomer, "Erik Lind"))
    await newcomer.page.keyboard.press("Enter")
    dialog = newcomer.page.get_by_role("dialog")
    await expect(dialog).to_contain_text("Erik Lind hör och ser er inte längre", timeout=MOST)
    await newcomer.page.keyboard.press("Escape")
    await expect(listed(newcomer, "Erik Lind")).to_be_focused(timeout=MOST)
    await newcomer.page.keyboard.press("Enter")
    await newcomer.press("confirm")
    await first.wait_for(lambda: first.told("session.closed"), WAIT)
    await expect(listed(newcomer, "Erik Lind")).to_have_count(0, timeout=MOST)
    gone = newcomer.find("who-hears-you").get_by_role("status")
    await expect(gone).to_have_text("Erik Lind hör och ser er inte längre.", timeout=MOST)
    await newcomer.until("() => document.activeElement !== document.body", deadline=WAIT)
    await expect(newcomer.find("sent-away")).to_have_text("Ni bad Erik Lind att lämna", timeout=MOST)

    agency = meeting.data["stations"][0]["agency"]
    link = await host.act("meeting.invite", role="officer", agency=agency, station=1, name="Maria Berg")
    second = await meeting.stack.enter_async_context(RawClient(meeting.service.url))
    await second.join_with_code(link["code"])
    await expect(listed(newcomer, "Maria Berg")).to_be_visible(timeout=MOST)
    await second.open_transports()
    await second.wait_for_consumer("camera", await newcomer.participant(), deadline=WAIT)


async def test_a_newcomer_is_without_the_host_for_a_while_and_stops_everybody_from_the_list(
    meeting: Meeting,
) -> None:
    host = await meeting.raw("host", name="Karin Ek", sends=False)
    officer = await meeting.raw("officer", 1, name="Erik Lind")
    newcomer = await meeting.person("newcomer", language="sv")
    await meeting.start(1)
    heard = await host.wait_for_consumer("camera", officer.participant, deadline=WAIT)
    await listed(newcomer, "Karin Ek").click()
    await newcomer.press("confirm")
    await host.wait_for(lambda: heard.closed, WAIT)
    await expect(listed(newcomer, "Karin Ek")).to_have_count(0, timeout=MOST)
    await newcomer.press("include")
    await expect(listed(newcomer, "Karin Ek")).to_be_visible(timeout=MOST)
    await host.wait_for_consumer("camera", officer.participant, deadline=WAIT)

    await newcomer.press("pause-all")
    await expect(newcomer.find("meeting-paused")).to_be_visible(timeout=MOST)
    await expect(newcomer.find("resume")).to_be_focused(timeout=MOST)
    await officer.wait_for(lambda: all(one.closed for one in officer.consumers), WAIT)
    assert "live" not in await newcomer.own_tracks()


async def test_an_officer_who_comes_late_looks_at_themselves_before_they_are_seen(meeting: Meeting) -> None:
    newcomer = await meeting.raw("newcomer", name="Samira")
    await meeting.start(1)
    officer = await meeting.arrive()
    link = await meeting.link("officer", 1, name="Erik Lind")
    await officer.open(link)
    await expect(officer.find("link-facts")).to_contain_text("Skatteverket", timeout=MOST)
    await expect(officer.page.locator("main")).not_to_contain_text("Samira", timeout=MOST)
    await officer.press("join-button")
    await expect(officer.find("officer-entry")).to_be_visible(timeout=MOST)
    await officer.until("() => window.__own.some((track) => track.readyState === 'live')", deadline=WAIT)
    await officer.press("toggle-microphone")
    assert officer.sockets == []
    assert all(one["role"] != "officer" or not one["present"] for one in newcomer.snapshot["participants"])

    await officer.press("step-in")
    await officer.sees(newcomer.participant, deadline=WAIT)
    flow = await newcomer.wait_for_consumer("camera", await officer.participant(), deadline=WAIT)
    await newcomer.wait_for(lambda: len(newcomer.packets(flow)) > 10, WAIT)
    await expect(officer.find("toggle-microphone")).to_have_accessible_name(
        "Mikrofon av. Slå på mikrofonen", timeout=MOST
    )

    await officer.open(link)
    await officer.press("join-button")
    await officer.in_phase("room", WAIT)


async def test_somebody_who_is_there_first_is_told_who_comes_and_that_nobody_hears(meeting: Meeting) -> None:
    await meeting.link("interpreter", name="Layla Haddad")
    newcomer = await meeting.person("newcomer", language="sv")
    alone = newcomer.find("newcomer-alone")
    await expect(alone).to_contain_text("Layla Haddad")
    await expect(newcomer.find("who-hears-you").locator("li")).to_have_count(0)
    await meeting.raw("host", name="Karin Ek")
    await expect(newcomer.find("who-hears-you").locator("li")).to_have_count(1)
    await expect(alone).to_have_count(0)
    await newcomer.press("more")
    await expect(newcomer.find("signal-help")).to_have_text("Be Karin om hjälp")


async def test_a_host_leads_three_stations_to_the_end_of_the_day(
    meeting: Meeting, running: Service, arrive: Arrive
) -> None:
    day = Meeting(running, await running.meeting(stations=DAY), arrive, meeting.stack)
    newcomer = await day.person("newcomer", language="sv")
    host = await day.person("host", name="Karin Ek")
    officers = [await day.raw("officer", number, name=f"Officer {number}") for number in (1, 2, 3)]
    for number, officer in enumerate(officers, 1):
        await host.starts(number, "start-next")
        await newcomer.sees(officer.participant)
        await expect(host.find("person").filter(has_text=f"Officer {number}")).to_be_visible()
        await officer.wait_for_consumer("camera", await newcomer.participant())
        for other in officers[number:]:
            assert other.consumers == []
        if number == 1:
            quality = host.find("person").filter(has_text="Officer 1").get_by_test_id("quality")
            await expect(quality).to_have_attribute("data-level", "good", timeout=30_000)
        await host.press(f"finish-station-{number}")
        await host.press("confirm")
        await officer.wait_for(lambda officer=officer: all(one.closed for one in officer.consumers))
    await expect(newcomer.find("newcomer-finished")).to_contain_text("Karin")
    await expect(host.find("start-next")).to_have_count(0)


async def test_a_station_that_would_interrupt_another_is_asked_about_by_name(meeting: Meeting) -> None:
    first = await meeting.raw("officer", 1, name="Erik Lind")
    host = await meeting.person("host", name="Karin Ek")
    await meeting.start(1)
    await host.sees(first.participant)
    await host.press("start-station-2")
    await expect(host.page.get_by_role("dialog")).to_contain_text("Erik Lind")
    await host.page.keyboard.press("Escape")
    await expect(host.find("start-station-2")).to_be_focused()
    await expect(host.find("station-1")).to_have_attribute("data-state", "active")


async def test_a_host_adds_a_station_and_makes_a_link_to_it(meeting: Meeting) -> None:
    host = await meeting.person("host", name="Karin Ek")
    await host.press("add-station")
    await host.find("add-agency").select_option("migrationsverket")
    await host.press("add-confirm")
    await expect(host.find("station-3")).to_contain_text("Migrationsverket")
    await host.press("invite-to-3")
    await host.press("create-link")
    link = await host.find("link").input_value()
    officer = await meeting.arrive()
    await officer.enter(link)
    assert (await officer.snapshot())["you"]["station"] == 3


async def test_a_companion_chooses_their_language_leaves_and_joins_again(meeting: Meeting) -> None:
    companion = await meeting.arrive()
    await companion.open(await meeting.link("companion", name="Yusuf"))
    await companion.press("speak-so")
    await expect(companion.page.locator("html")).to_have_attribute("lang", "so")
    await companion.join()
    await companion.until("() => window.__motesrum.snapshot.you.language === 'so'")
    await expect(companion.find("lobby")).to_be_visible()
    await companion.press("leave")
    await companion.page.get_by_role("dialog").get_by_role("button", name="Ka bax").click()
    await companion.press("join-again")
    await expect(companion.find("lobby")).to_be_visible()
