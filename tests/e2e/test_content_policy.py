"""No page does what the content security policy forbids, and what it forbids does not happen."""

from playwright.async_api import expect

from tests.e2e.conftest import ExpectError
from tests.e2e.people import Arrive, Meeting

PATIENT = 20_000
ADDRESSES = ("/", "/new", "/agency", "/admin", "/screen", "/t", "/j/x", "/s/x", "/u/x", "/hearing/m_x")
"""Every kind of page outside of a meeting. Other tests open them too, and those in a meeting; an objection of
the browser's is an error in all of them."""


async def test_no_page_breaks_the_policy(meeting: Meeting, arrive: Arrive, expect_error: ExpectError) -> None:
    expect_error("", "nobody is signed in, there are no such links, and one page is left for the next")
    stranger = await arrive()
    for address in ADDRESSES:
        await stranger.page.goto(meeting.service.services.settings.public_url + address)
        await expect(stranger.page.locator("#content, main").first).to_be_visible(timeout=PATIENT)
        assert await stranger.page.evaluate("window.__forbidden") == [], address


FORBIDDEN = {
    "script-src": "document.head.append(Object.assign(document.createElement('script'), {text: 'run = 1'}))",
    "style-src": "document.head.append(Object.assign(document.createElement('style'), {textContent: '*{}'}))",
    "connect-src": "fetch('https://evil.example/').catch(() => null)",
    "img-src": "new Image().src = 'https://evil.example/x.png'",
}


async def test_what_is_forbidden_does_not_happen_and_is_noticed(
    meeting: Meeting, arrive: Arrive, expect_error: ExpectError, console: list[str]
) -> None:
    expect_error("", "all of this is forbidden")
    page = (await arrive()).page
    await page.goto(meeting.service.services.settings.public_url)
    for directive, attempt in FORBIDDEN.items():
        await page.evaluate(f"() => {{ {attempt}; }}")
        await page.wait_for_function("(kind) => window.__forbidden.includes(kind)", arg=directive)
    assert await page.evaluate("window.run") is None
    assert [line for line in console if line.startswith("error: forbidden by script-src")]
    clicked = """() => {
      const button = document.createElement("button");
      button.setAttribute("onclick", "window.run = 2");
      document.body.append(button);
      button.click();
      return window.run ?? null;
    }"""
    assert await page.evaluate(clicked) is None
