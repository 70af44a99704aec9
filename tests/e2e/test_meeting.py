"""A meeting in real browsers: who sees and hears whom, and who leads."""

import asyncio
from dataclasses import dataclass

from playwright.async_api import expect

from tests.e2e.conftest import fixture
from tests.e2e.people import Meeting, Person
from tests.support.raw_client import RawClient

A, B = 1, 2


@dataclass
class Asked:
    newcomer: Person
    host: Person
    first: Person
    second: RawClient


async def hearers(newcomer: Person) -> list[str]:
    """The names on the newcomer's list of those who hear and see them."""
    return sorted(await newcomer.find("who-hears-you").locator("li bdi").all_inner_texts())


async def test_an_officer_sees_and_hears_their_station_and_the_lobby_learns_nothing(
    meeting: Meeting,
) -> None:
    newcomer = await meeting.person("newcomer", name="Samira", language="sv")
    officer = await meeting.person("officer", A, name="Erik Lind")
    host = await meeting.raw("host", name="Karin Ek")
    interpreter = await meeting.raw("interpreter", name="Layla Haddad")
    waiting = await meeting.raw("officer", B, name="Maria Berg")
    await officer.in_phase("lobby")
    await meeting.start(A)

    await officer.in_phase("room")
    picture = await officer.sees(await newcomer.participant())
    assert (picture["width"], picture["height"]) == (320, 180)
    await officer.hears(await newcomer.participant())
    await officer.hears(interpreter.participant, "interpretation")
    large = await newcomer.sees(await officer.participant())
    assert large["shown"] > 600
    await newcomer.hears(await officer.participant())
    await newcomer.hears(interpreter.participant, "interpretation")
    await host.wait_for_consumer("camera", await officer.participant())
    assert await hearers(newcomer) == ["Erik Lind", "Karin Ek", "Layla Haddad"]

    await officer.says("ta med passet till skatteverket")
    await newcomer.until("() => window.__motesrum.snapshot.messages.length === 1")
    assert waiting.consumers == []
    assert waiting.all_packets() == []
    told = (str(waiting.events) + str(waiting.snapshot)).lower()
    assert "passet" not in told
    assert "skatteverket" not in told
    assert "erik" not in told
    assert await officer.participant() not in told


async def taps_twice_and_stays(officer: Person, host: Person) -> None:
    """On a telephone: whatever comes to stand where the officer has tapped cuts nobody off."""
    await officer.press("not-done")
    wide = officer.page.viewport_size
    assert wide is not None
    await officer.page.set_viewport_size({"width": 390, "height": 844})
    await expect(officer.find("more")).to_be_visible(timeout=30_000)
    tapped = await officer.find("done").bounding_box()
    assert tapped is not None
    middle = tapped["x"] + tapped["width"] / 2, tapped["y"] + tapped["height"] / 2
    await officer.page.mouse.click(*middle)
    await expect(officer.find("not-done")).to_be_visible(timeout=30_000)
    await officer.page.mouse.click(*middle)
    await expect(officer.find("confirm")).to_have_count(0, timeout=30_000)
    await expect(host.find("officer-done")).to_have_count(1, timeout=30_000)
    await officer.find("leave").dblclick()
    await officer.press("cancel-question")
    await expect(officer.find("confirm")).to_have_count(0, timeout=30_000)
    await officer.page.set_viewport_size(wide)


async def test_the_host_leads_from_station_to_station_by_a_click(meeting: Meeting) -> None:
    newcomer = await meeting.raw("newcomer", name="Samira")
    host = await meeting.person("host", name="Karin Ek")
    first = await meeting.person("officer", A, name="Erik Lind")
    second = await meeting.person("officer", B, name="Maria Berg")

    await host.starts(A)
    await first.sees(newcomer.participant)
    await host.sees(await first.participant())
    await first.page.evaluate(
        "window.__shown = document.querySelector('[data-testid=stage-video]').srcObject.getTracks()[0]"
    )
    await second.in_phase("lobby")
    await second.receives_nothing()
    for said, chips in (("done", 1), ("not-done", 0), ("done", 1)):
        await first.press(said)
        await expect(host.find("officer-done")).to_have_count(chips)
    await taps_twice_and_stays(first, host)

    await host.page.evaluate("addEventListener('click', () => window.__clicked = Date.now(), true)")
    moving = asyncio.create_task(second.sees(newcomer.participant))
    await host.press(f"start-station-{B}")
    await host.press("confirm")
    picture = await moving
    took = (picture["at"] - await host.page.evaluate("window.__clicked")) / 1000
    print(
        f"\nmoving pictures {took:.2f} s after the click (several frames, {picture['frames']} of them seen)"
    )

    await first.in_phase("lobby")
    await first.receives_nothing()
    assert await first.page.evaluate("window.__shown.readyState") == "ended"
    assert "Maria" not in str(await first.snapshot())
    await host.sees(await second.participant())
    await expect(host.find(f"station-{A}")).to_have_attribute("data-state", "called")
    await expect(host.find(f"station-{B}")).to_have_attribute("data-state", "active")


@fixture()
async def asked(meeting: Meeting) -> Asked:
    """Officer A is in the room, and the host asks whether officer B may be there too."""
    newcomer = await meeting.person("newcomer", name="Samira", language="sv")
    host = await meeting.person("host", name="Karin Ek")
    first = await meeting.person("officer", A, name="Erik Lind")
    second = await meeting.raw("officer", B, name="Maria Berg")
    await host.starts(A)
    await first.sees(await newcomer.participant())
    await host.find(f"station-{B}").locator("summary").click()
    await host.find(f"station-{B}").get_by_text("Be om att ha med").click()
    await expect(newcomer.find("consent-question")).to_be_visible()
    return Asked(newcomer, host, first, second)


async def test_a_no_is_given_with_every_officer_away_and_changes_nothing(asked: Asked) -> None:
    newcomer, first, second = asked.newcomer, asked.first, asked.second
    await first.receives_nothing()
    await expect(newcomer.find("stage-video")).to_have_count(0)
    assert await hearers(newcomer) == ["Karin Ek"]
    assert await first.participant() not in {one["participant"] for one in await newcomer.stats()}
    assert second.consumers == []

    await newcomer.press("consent-no")
    await expect(newcomer.find("consent-question")).to_have_count(0)
    await first.sees(await newcomer.participant())
    await newcomer.sees(await first.participant())
    assert await hearers(newcomer) == ["Erik Lind", "Karin Ek"]
    assert second.consumers == []


async def test_a_yes_brings_both_agencies_together_until_it_is_taken_back(asked: Asked) -> None:
    newcomer, first, second = asked.newcomer, asked.first, asked.second
    them = await newcomer.participant()
    await first.receives_nothing()
    await newcomer.press("consent-yes")
    await first.sees(them)
    assert second.consumers == []
    await asked.host.starts(B)
    await second.wait_for_consumer("camera", them, deadline=30.0)
    await second.wait_for_consumer("camera", await first.participant(), deadline=30.0)
    await first.until(
        "async (other) => (await window.__motesrum.stats()).some((one) => one.participant === other)",
        second.participant,
    )
    await expect(newcomer.find("who-hears-you").locator("li")).to_have_count(3)
    assert await hearers(newcomer) == ["Erik Lind", "Karin Ek", "Maria Berg"]

    await newcomer.press("more")
    await newcomer.press("revoke-consent")
    await newcomer.press("confirm")
    await second.wait_for(lambda: all(one.closed for one in second.consumers))
    await expect(newcomer.find("who-hears-you").locator("li")).to_have_count(2)
    assert await hearers(newcomer) == ["Erik Lind", "Karin Ek"]
    await newcomer.press("more")
    await first.sees(them)
    await newcomer.sees(await first.participant())


async def test_a_pause_is_seen_by_everybody_and_stops_every_camera(meeting: Meeting) -> None:
    newcomer = await meeting.person("newcomer", name="Samira", language="sv")
    officer = await meeting.person("officer", A, name="Erik Lind")
    host = await meeting.person("host", name="Karin Ek")
    await meeting.start(A)
    await officer.sees(await newcomer.participant())
    await newcomer.sees(await officer.participant())
    assert "live" in await newcomer.own_tracks()

    await newcomer.press("pause")
    for person in (newcomer, officer, host):
        await expect(person.find("meeting-paused")).to_be_visible()
        await person.receives_nothing()
        assert "live" not in await person.own_tracks()

    await newcomer.press("resume")
    await officer.sees(await newcomer.participant())
    await officer.hears(await newcomer.participant())
    await newcomer.sees(await officer.participant())
    await host.sees(await officer.participant())
    for person in (newcomer, officer, host):
        await expect(person.find("meeting-paused")).to_have_count(0)


async def test_messages_stay_in_the_room_or_on_the_line_with_the_host(meeting: Meeting) -> None:
    host = await meeting.person("host", name="Karin Ek")
    first = await meeting.person("officer", A, name="Erik Lind")
    second = await meeting.person("officer", B, name="Maria Berg")
    newcomer = await meeting.raw("newcomer", name="Samira", sends=False)
    await meeting.start(A)
    await first.in_phase("room")

    await first.says("vi talar om adressen")
    await host.reads("vi talar om adressen")
    await newcomer.wait_for_event("message_sent")
    await newcomer.act("chat.send", text="jag bor hos min bror")
    await first.reads("jag bor hos min bror")

    await second.says("hur länge dröjer det?")
    line = await second.participant()
    await host.find("lobby-person").filter(has_text="Maria Berg").get_by_role("button").click()
    await host.reads("hur länge dröjer det?")
    await host.says("ungefär tio minuter")
    await second.reads("ungefär tio minuter")

    assert await second.messages() == ["hur länge dröjer det?", "ungefär tio minuter"]
    assert await first.messages() == ["vi talar om adressen", "jag bor hos min bror"]
    assert {message["line"] for message in (await second.snapshot())["messages"]} == {line}


async def test_the_end_is_seen_by_everybody_and_nobody_comes_back(meeting: Meeting) -> None:
    newcomer = await meeting.person("newcomer", name="Samira", language="sv")
    host = await meeting.person("host", name="Karin Ek")
    officer = await meeting.person("officer", A, name="Erik Lind")
    await meeting.start(A)
    await officer.sees(await newcomer.participant())
    await host.press("end-meeting")
    await host.press("confirm")
    for person in (newcomer, host, officer):
        await expect(person.find("meeting-ended")).to_be_visible()
        await person.until("() => window.__motesrum.connection === 'over'")
        await person.receives_nothing()
        assert "live" not in await person.own_tracks()
        assert [socket.is_closed() for socket in person.sockets] == [True]
