"""Text letter by letter, at the pages: seen as it is written, there again after a cut, in its direction."""

from playwright.async_api import expect

from tests.e2e.people import Meeting, Person

WAIT = 20_000
KEEP_SOCKETS = """
const Real = window.WebSocket;
window.__sockets = [];
window.WebSocket = class extends Real {
  constructor(url) {
    super(url);
    window.__sockets.push(this);
  }
};
"""


async def arrives(meeting: Meeting, role: str, **invitation: str) -> Person:
    person = await meeting.arrive()
    await person.page.add_init_script(KEEP_SOCKETS)
    await person.enter(await meeting.link(role, **invitation))
    return person


async def goes_on(meeting: Meeting, *people: Person) -> None:
    """Station 1 has begun, and everybody's page knows it: what is written before it does not go on in it."""
    await meeting.start(1)
    for person in people:
        await person.until(
            "() => window.__motesrum.snapshot.stations.some((station) => station.state === 'active')",
            deadline=20,
        )


async def cut(person: Person) -> None:
    await person.page.evaluate("window.__sockets.at(-1).close()")


async def reads(person: Person, text: str) -> None:
    """As it stands in the large text, finished or not."""
    await expect(person.find("captions").locator(".said").last).to_have_text(text, timeout=WAIT)


async def test_letters_are_read_as_they_are_written_by_keyboard_alone(meeting: Meeting) -> None:
    newcomer = await arrives(meeting, "newcomer", language="ar")
    writer = await arrives(meeting, "interpreter", kind="text", name="Nils Öberg")
    await goes_on(meeting, newcomer, writer)
    field = writer.find("write-text")
    await expect(field).to_be_focused(timeout=WAIT)
    keyboard = writer.page.keyboard

    await keyboard.type("Välkomn")
    await reads(newcomer, "Välkomn")
    await expect(newcomer.find("text-line")).to_have_count(0)
    await keyboard.type("a hit.")
    await keyboard.press("Enter")
    await expect(field).to_have_value("", timeout=WAIT)
    await reads(newcomer, "Välkomna hit.")
    line = newcomer.find("captions").locator(".line").last
    assert [await line.get_attribute("lang"), await line.get_attribute("dir")] == ["sv", "ltr"]
    await expect(newcomer.find("captions").get_by_role("log")).to_contain_text("Välkomna hit.")

    await expect(writer.find("text-line")).to_have_count(1, timeout=WAIT)
    await keyboard.press("ArrowUp")
    await expect(field).to_have_value("Välkomna hit.", timeout=WAIT)
    await keyboard.press("Backspace")
    await keyboard.type("!")
    await keyboard.press("Enter")
    await newcomer.press("more")
    await expect(newcomer.find("text-line").locator("del")).to_have_text("Välkomna hit.", timeout=WAIT)
    await expect(newcomer.find("text-line").locator("ins")).to_have_text("Välkomna hit!")

    await newcomer.find("write-text").focus()
    await newcomer.page.keyboard.type("شكرًا Skatteverket")
    growing = writer.find("text-growing").locator(".line")
    await expect(growing).to_have_text("شكرًا Skatteverket", timeout=WAIT)
    assert [await growing.get_attribute("lang"), await growing.get_attribute("dir")] == ["ar", "rtl"]
    assert await growing.evaluate("(line) => getComputedStyle(line).direction") == "rtl"
    assert await newcomer.own_tracks()
    assert await writer.own_tracks() == []


async def test_a_line_survives_a_cut_at_either_end_and_ends_with_a_pause(meeting: Meeting) -> None:
    newcomer = await arrives(meeting, "newcomer", language="sv")
    writer = await arrives(meeting, "interpreter", kind="text", name="Nils Öberg")
    await goes_on(meeting, newcomer, writer)
    keyboard = writer.page.keyboard
    await expect(writer.find("write-text")).to_be_focused(timeout=WAIT)
    await keyboard.type("En lång")
    await reads(newcomer, "En lång")
    await cut(newcomer)
    await keyboard.type(" rad")
    await reads(newcomer, "En lång rad")
    await cut(writer)
    await keyboard.type(", klar")
    await reads(newcomer, "En lång rad, klar")
    await keyboard.press("Enter")
    await reads(newcomer, "En lång rad, klar")
    await newcomer.until(
        "() => !document.querySelector('[data-testid=captions] .growing')", deadline=20, what="still growing"
    )

    await keyboard.type("Halv")
    await reads(newcomer, "Halv")
    await newcomer.press("pause")
    await expect(writer.find("write-text")).to_have_value("", timeout=WAIT)
    await expect(writer.find("write-text")).to_be_disabled()
    await expect(newcomer.find("captions").locator(".growing")).to_have_count(0)
