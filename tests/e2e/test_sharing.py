"""An officer shows a document or a window: the newcomer sees it large, and it ends with the station."""

from typing import TYPE_CHECKING

from playwright.async_api import expect

from tests.e2e.people import Meeting, Person
from tests.e2e.test_accessibility import reach

if TYPE_CHECKING:
    from playwright.async_api import FilePayload

A, B = 1, 2

GIVES_A_WINDOW = """navigator.mediaDevices.getDisplayMedia = async () => {
  const canvas = Object.assign(document.createElement('canvas'), {width: 640, height: 400});
  const paint = canvas.getContext('2d');
  let turn = 0;
  setInterval(() => { paint.fillStyle = `hsl(${turn += 40} 60% 60%)`; paint.fillRect(0, 0, 640, 400); }, 100);
  return window.__window = canvas.captureStream(5);
}"""
"""The browser's own choice of windows cannot be pressed by a test."""

MIDDLE = """async (test) => {
  const video = document.querySelector('[data-testid="screen-video"]');
  if (!video?.videoWidth) return false;
  const canvas = Object.assign(document.createElement('canvas'), {width: 64, height: 40});
  const paint = canvas.getContext('2d', {willReadFrequently: true});
  paint.drawImage(video, 0, 0, 64, 40);
  const [red, , blue] = paint.getImageData(32, 20, 1, 1).data;
  return {red: red > 150 && blue < 90, blue: blue > 150 && red < 35, pointer: blue > 120 && red > 45}[test];
}"""
"""Is the middle of what is shown red, or blue, or blue with the pointer on it?"""


def pdf(*colours: str) -> bytes:
    """A page of each colour (`r g b`), wide as the newcomer's stage, with nothing else on it."""
    pages = " ".join(f"{3 + 2 * number} 0 R" for number in range(len(colours)))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{pages}] /Count {len(colours)} >>",
    ]
    for number, colour in enumerate(colours):
        drawn = f"{colour} rg 0 0 320 200 re f"
        contents = f"/Contents {4 + 2 * number} 0 R"
        objects.append(f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 320 200] {contents} /Resources << >> >>")
        objects.append(f"<< /Length {len(drawn)} >>\nstream\n{drawn}\nendstream")
    written, places = "%PDF-1.4\n", []
    for number, each in enumerate(objects, 1):
        places.append(len(written))
        written += f"{number} 0 obj\n{each}\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    size = len(objects) + 1
    trailer = f"trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{len(written)}\n%%EOF\n"
    return (written + f"xref\n0 {size}\n0000000000 65535 f \n{table}" + trailer).encode()


def document(name: str, content: bytes, type_: str = "application/pdf") -> "FilePayload":
    return {"name": name, "mimeType": type_, "buffer": content}


RED_BLUE = document("barnbidrag.pdf", pdf("1 0 0", "0 0 1"))


async def shows(person: Person, file: "FilePayload") -> None:
    await person.press("share")
    await person.find("share-file").set_input_files(file)


async def sees_in_the_middle(person: Person, what: str) -> None:
    await person.until(MIDDLE, what, what=f"no {what} in the middle")


async def test_a_document_is_seen_large_page_by_page_and_ends_with_the_station(meeting: Meeting) -> None:
    newcomer = await meeting.person("newcomer", name="Samira", language="sv")
    officer = await meeting.person("officer", A, name="Erik Lind")
    await meeting.raw("officer", B, name="Maria Berg")
    await meeting.start(A)
    shower = await officer.participant()
    await newcomer.sees(shower)

    await shows(officer, RED_BLUE)
    seen = await newcomer.sees(shower, "screen-video", "screen")
    assert seen["width"] / seen["height"] == 1.6
    assert seen["shown"] > 600
    await sees_in_the_middle(newcomer, "red")
    face = await newcomer.sees(shower, "stage-video")
    assert face["shown"] < 250
    await expect(officer.find("share-page")).to_have_text("Sidan 1 av 2")
    await officer.press("share-next")
    await expect(officer.find("share-page")).to_have_text("Sidan 2 av 2")
    await sees_in_the_middle(newcomer, "blue")
    await officer.find("share-desk").get_by_role("img").hover()
    await sees_in_the_middle(newcomer, "pointer")
    await officer.find("share-page").hover()
    await sees_in_the_middle(newcomer, "blue")

    await meeting.start(B)
    await officer.in_phase("lobby")
    await expect(newcomer.find("screen-video")).to_have_count(0)
    await newcomer.until(
        "async () => (await window.__motesrum.stats()).every((one) => one.source !== 'screen')"
    )
    await expect(officer.find("share-desk")).to_have_count(0)
    await meeting.start(A)
    await officer.in_phase("room")
    await newcomer.sees(shower)
    await expect(newcomer.find("screen-video")).to_have_count(0)
    await expect(officer.find("share-desk")).to_have_count(0)


async def test_the_newest_is_shown_and_the_one_before_is_told(meeting: Meeting) -> None:
    newcomer = await meeting.person("newcomer", name="Samira", language="sv")
    host = await meeting.person("host", name="Karin Ek")
    officer = await meeting.person("officer", A, name="Erik Lind")
    await officer.page.evaluate(GIVES_A_WINDOW)
    await meeting.start(A)
    await officer.in_phase("room")
    await officer.press("share")
    await officer.press("share-window")
    await newcomer.sees(await officer.participant(), "screen-video", "screen")
    await host.sees(await officer.participant(), "screen-video", "screen")
    await expect(officer.find("share-said")).to_contain_text("Du visar ett fönster")

    await shows(host, RED_BLUE)
    await newcomer.sees(await host.participant(), "screen-video", "screen")
    await expect(officer.find("share-said")).to_contain_text("Karin Ek visar nu i stället")
    await officer.sees(await host.participant(), "screen-video", "screen")
    await officer.until("() => window.__window.getTracks().every((track) => track.readyState === 'ended')")
    await host.press("share")
    await expect(newcomer.find("screen-video")).to_have_count(0)


async def test_a_pause_ends_what_is_shown(meeting: Meeting) -> None:
    newcomer = await meeting.person("newcomer", name="Samira", language="sv")
    officer = await meeting.person("officer", A, name="Erik Lind")
    await meeting.start(A)
    await officer.in_phase("room")
    await shows(officer, RED_BLUE)
    await newcomer.sees(await officer.participant(), "screen-video", "screen")
    await newcomer.press("pause")
    await expect(officer.find("meeting-paused")).to_be_visible()
    await newcomer.receives_nothing()
    await newcomer.press("resume")
    await newcomer.sees(await officer.participant())
    await expect(newcomer.find("screen-video")).to_have_count(0)
    await expect(officer.find("share")).to_have_text("Visa dokument")


async def test_a_file_that_is_no_document_is_refused_in_words(meeting: Meeting) -> None:
    officer = await meeting.person("officer", A, name="Erik Lind")
    await meeting.raw("newcomer", name="Samira", sends=False)
    await meeting.start(A)
    await officer.in_phase("room")
    await shows(officer, document("fil.pdf", b"nothing of the kind"))
    await expect(officer.find("share-said")).to_contain_text("Filen går inte att visa")
    await expect(officer.find("share-desk")).to_have_count(0)


async def test_an_officer_with_a_keyboard_alone_shows_a_document_and_leaves(meeting: Meeting) -> None:
    newcomer = await meeting.person("newcomer", name="Samira", language="sv")
    host = await meeting.raw("host", name="Karin Ek")
    officer = await meeting.arrive()
    await officer.open(await meeting.link("officer", A, name="Erik Lind"))
    keyboard = officer.page.keyboard
    await reach(officer, officer.find("join-button"))
    await keyboard.press("Enter")
    await reach(officer, officer.find("test-sound"))
    await keyboard.press("Enter")
    await expect(officer.find("test-sound-said")).to_have_attribute("data-state", "played")
    await officer.page.evaluate("document.activeElement.blur()")
    await reach(officer, officer.find("ready"))
    await keyboard.press("Space")
    await host.wait_for_event("ready_changed")
    await meeting.start(A)
    await officer.in_phase("room")

    # Waited for from before the dialog: a key can overtake the order to hand the chooser over.
    async with officer.page.expect_file_chooser(timeout=30_000) as chooser:
        await reach(officer, officer.find("share"))
        await keyboard.press("Enter")
        await reach(officer, officer.find("share-document"))
        await keyboard.press("Enter")
    await (await chooser.value).set_files(RED_BLUE)
    await sees_in_the_middle(newcomer, "red")
    await reach(officer, officer.find("share-desk").get_by_role("img"))
    await keyboard.press("PageDown")
    await sees_in_the_middle(newcomer, "blue")
    await reach(officer, officer.find("share"))
    await keyboard.press("Enter")
    await expect(newcomer.find("screen-video")).to_have_count(0)

    await reach(officer, officer.find("leave"))
    await keyboard.press("Enter")
    await reach(officer, officer.find("confirm"))
    await keyboard.press("Enter")
    await expect(officer.find("session-left")).to_be_visible()
    await officer.receives_nothing()
    assert "live" not in await officer.own_tracks()
    await newcomer.until(
        "() => !window.__motesrum.snapshot.participants.some((one) => one.role === 'officer' && one.present)"
    )
    await reach(officer, officer.find("join-again"))
    await keyboard.press("Enter")
    await officer.in_phase("room")
    await officer.sees(await newcomer.participant())


async def test_what_the_host_shows_between_stations_is_seen_by_newcomer_and_companion(
    meeting: Meeting,
) -> None:
    newcomer = await meeting.person("newcomer", name="Samira", language="sv")
    companion = await meeting.person("companion", name="Yusuf", language="sv")
    host = await meeting.person("host", name="Karin Ek")
    await expect(newcomer.find("screen-video")).to_have_count(0)
    await host.press("admit")
    await companion.in_phase("room")
    await shows(host, RED_BLUE)
    for person in (newcomer, companion):
        seen = await person.sees(await host.participant(), "screen-video", "screen")
        assert seen["shown"] > 600
        await sees_in_the_middle(person, "red")
    await host.press("share")
    for person in (newcomer, companion):
        await expect(person.find("screen-video")).to_have_count(0)
