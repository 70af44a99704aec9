"""Without a camera, without a microphone: each has a state of its own, and a way on."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, async_playwright, expect

from tests.e2e.conftest import FLAGS, ExpectError, chromium, fixture
from tests.e2e.people import Meeting

FAKE_DEVICES = [flag for flag in FLAGS if "media-stream" in flag]


@fixture()
async def browser(request: pytest.FixtureRequest) -> AsyncIterator[Browser]:
    """As everywhere, but with the flags that the test names instead of fake devices that always say yes."""
    flags = [flag for flag in FLAGS if flag not in FAKE_DEVICES] + getattr(request, "param", FAKE_DEVICES)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium(), args=flags, chromium_sandbox=False
        )
        try:
            yield browser
        finally:
            await browser.close()


REFUSES = ["--use-fake-device-for-media-stream=fps=10", "--deny-permission-prompts"]


@pytest.mark.parametrize("browser", [REFUSES], indirect=True)
async def test_one_who_refuses_the_devices_is_told_and_still_sees_and_hears(meeting: Meeting) -> None:
    await sees_and_hears_without_devices(meeting, "refused")


@pytest.mark.parametrize("browser", [[]], indirect=True)
async def test_one_who_has_no_devices_is_told_and_still_sees_and_hears(meeting: Meeting) -> None:
    await sees_and_hears_without_devices(meeting, "missing")


async def sees_and_hears_without_devices(meeting: Meeting, why: str) -> None:
    newcomer = await meeting.raw("newcomer", name="Samira")
    permissions = {"permissions": []} if why == "refused" else {}
    officer = await meeting.arrive(**permissions)
    await officer.enter(await meeting.link("officer", 1, name="Erik Lind"))
    notice = officer.find("device-refused")
    await expect(notice).to_have_attribute("data-why", why)
    await meeting.start(1)
    await officer.in_phase("room")
    await officer.sees(newcomer.participant)
    await officer.hears(newcomer.participant)
    await expect(notice).to_be_visible()
    await expect(notice.get_by_role("button")).to_be_enabled()
    await expect(officer.find("permission-help")).to_have_count(1 if why == "refused" else 0)
    assert await officer.own_tracks() == []
    assert newcomer.heard(await officer.participant()) == []


async def test_somebody_switches_camera_and_microphone_off_and_on(meeting: Meeting) -> None:
    newcomer = await meeting.raw("newcomer", name="Samira")
    officer = await meeting.person("officer", 1, name="Erik Lind")
    await meeting.start(1)
    them = await officer.participant()
    picture = await newcomer.wait_for_consumer("camera", them)
    await newcomer.wait_for(lambda: len(newcomer.packets(picture)) > 10)

    await officer.press("toggle-camera")
    await officer.until("() => window.__own.findLast((one) => one.kind === 'video').readyState === 'ended'")
    await expect(officer.find("toggle-camera")).to_have_accessible_name("Kamera av. Slå på kameran")
    await officer.press("toggle-camera")
    await expect(officer.find("toggle-camera")).to_have_accessible_name("Kamera på. Stäng av kameran")
    seen = len(newcomer.packets(picture))
    await newcomer.wait_for(lambda: len(newcomer.packets(picture)) > seen + 10)

    await officer.press("toggle-microphone")
    await officer.until("() => !window.__own.findLast((one) => one.kind === 'audio').enabled")
    await officer.press("toggle-microphone")
    sound = await newcomer.wait_for_consumer("microphone", them)
    heard = len(newcomer.packets(sound))
    await newcomer.wait_for(lambda: len(newcomer.packets(sound)) > heard + 10)


UNPLUGGED = """(kind) => {
  const media = navigator.mediaDevices;
  window.__real = [media.getUserMedia, media.enumerateDevices];
  media.getUserMedia = async () => { throw new DOMException('', 'NotFoundError'); };
  media.enumerateDevices = async () => [];
  const track = window.__own.findLast((one) => one.kind === kind);
  track.stop();
  track.dispatchEvent(new Event('ended'));
}"""
PLUGGED = """() => {
  const media = navigator.mediaDevices;
  [media.getUserMedia, media.enumerateDevices] = window.__real;
  media.dispatchEvent(new Event('devicechange'));
}"""
"""The fake devices cannot be pulled out: what the browser does then is done for it."""


@pytest.mark.parametrize(("kind", "source"), [("audio", "microphone"), ("video", "camera")])
async def test_a_device_that_is_unplugged_is_missed_and_another_takes_its_place(
    meeting: Meeting, kind: str, source: str
) -> None:
    newcomer = await meeting.raw("newcomer", name="Samira")
    officer = await meeting.person("officer", 1, name="Erik Lind")
    await meeting.start(1)
    flow = await newcomer.wait_for_consumer(source, await officer.participant())
    await newcomer.wait_for(lambda: len(newcomer.packets(flow)) > 10)

    await officer.page.evaluate(UNPLUGGED, kind)
    await expect(officer.find("device-refused")).to_have_attribute("data-why", "missing")
    await expect(officer.find(f"toggle-{source}")).to_have_accessible_name(
        {"microphone": "Mikrofon av. Slå på mikrofonen", "camera": "Kamera av. Slå på kameran"}[source]
    )
    await officer.page.evaluate(PLUGGED)
    await expect(officer.find("device-swapped")).to_be_visible()
    await expect(officer.find("device-refused")).to_have_count(0)
    seen = len(newcomer.packets(flow))
    await newcomer.wait_for(lambda: len(newcomer.packets(flow)) > seen + 10)


async def test_another_microphone_is_chosen_in_the_middle_of_the_meeting(meeting: Meeting) -> None:
    newcomer = await meeting.raw("newcomer", name="Samira")
    officer = await meeting.person("officer", 1, name="Erik Lind")
    await meeting.start(1)
    sound = await newcomer.wait_for_consumer("microphone", await officer.participant())
    await officer.press("device-settings")
    choice = officer.page.get_by_label("Mikrofon", exact=True)
    before = await choice.input_value()
    values = await choice.locator("option").evaluate_all("(all) => all.map((one) => one.value)")
    other = next(value for value in values if value not in (before, "default", ""))
    await choice.select_option(other)
    await officer.until(
        "(id) => window.__own.findLast((one) => one.kind === 'audio').getSettings().deviceId === id", other
    )
    seen = len(newcomer.packets(sound))
    await newcomer.wait_for(lambda: len(newcomer.packets(sound)) > seen + 10)
    await officer.until("() => window.__own.filter((one) => one.readyState === 'live').length === 2")


GIVES_NO_SOUND = """
const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = async (wanted) => {
  const stream = await real(wanted);
  const silent = new AudioContext().createMediaStreamDestination().stream.getAudioTracks()[0];
  return new MediaStream([...stream.getVideoTracks(), ...(wanted.audio ? [silent] : [])]);
};
"""


async def test_one_whose_microphone_gives_nothing_is_told(meeting: Meeting) -> None:
    officer = await meeting.arrive()
    await officer.page.add_init_script(GIVES_NO_SOUND)
    await officer.enter(await meeting.link("officer", 1, name="Erik Lind"))
    await expect(officer.find("microphone-flat")).to_be_visible(timeout=15_000)
    await expect(officer.find("microphone-said")).to_contain_text("Vi hör dig inte")


ASKS = """
const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
const answer = new Promise((given) => (window.__answer = given));
navigator.mediaDevices.getUserMedia = (wanted) => answer.then(() => real(wanted));
"""


async def test_one_who_is_asked_is_shown_where_to_answer(meeting: Meeting) -> None:
    officer = await meeting.arrive()
    await officer.page.add_init_script(ASKS)
    await officer.enter(await meeting.link("officer", 1, name="Erik Lind"))
    await expect(officer.find("device-asking")).to_be_visible()
    await officer.page.evaluate("window.__answer()")
    await expect(officer.find("device-asking")).to_have_count(0)
    await expect(officer.find("device-refused")).to_have_count(0)


@pytest.mark.parametrize("missing", ["RTCPeerConnection", "WebSocket", "AudioContext"])
async def test_an_old_browser_gets_a_plain_page_and_nothing_runs_in_it(
    meeting: Meeting, missing: str, expect_error: ExpectError
) -> None:
    expect_error(
        "Content Security Policy|forbidden by script-src",
        "that is how the pages' own code is kept from running",
    )
    person = await meeting.arrive()
    await person.page.add_init_script(f"delete window.{missing}")
    await person.open(await meeting.link("newcomer"))
    await expect(person.find("old-browser")).to_contain_text("Webbläsaren är för gammal")
    assert await person.page.evaluate("document.querySelector('#app').children.length") == 0
    assert await person.page.evaluate("typeof window.__motesrum") == "undefined"
