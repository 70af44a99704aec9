"""A real Chromium with fake devices; a failed test reports what its pages wrote to the console."""

import os
import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from tests.e2e.people import Arrive, Meeting, Person, demand_pages
from tests.support.service import Service, service

ARTIFACTS = Path(__file__).parents[1] / "artifacts"
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--allow-loopback-in-peer-connection",
    "--use-fake-device-for-media-stream=fps=10",
    "--use-fake-ui-for-media-stream",
)
VIEWPORT = {"width": 1280, "height": 800}

expect.set_options(timeout=10_000)

console_key = pytest.StashKey[list[str]]()
failed_key = pytest.StashKey[bool]()
expected_key = pytest.StashKey[list[str]]()

NOTE_OBJECTIONS = """
window.__forbidden = [];
document.addEventListener("securitypolicyviolation", ({effectiveDirective, blockedURI, sourceFile}) => {
  const kind = effectiveDirective.replace(/-(elem|attr)$/, "");
  window.__forbidden.push(kind);
  console.error(`forbidden by ${kind}: ${blockedURI} in ${sourceFile}`);
});
"""
"""The browser's objections to what a page does against its content security policy, each an error."""

NewPage = Callable[..., Awaitable[Page]]
ExpectError = Callable[[str, str], None]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    report = yield
    if report.when == "call":
        item.stash[failed_key] = report.failed
        if report.failed and (lines := item.stash.get(console_key, [])):
            report.sections.append(("browser console", "\n".join(lines)))
    return report


@pytest.fixture
def artifacts() -> Path:
    """Where screenshots go; not under version control."""
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    return ARTIFACTS


def chromium() -> str:
    """The path of the browser."""
    named = os.environ.get("CHROMIUM")
    for name in (named,) if named else ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    pytest.fail(
        "Chromium is missing: install Debian's package chromium, or name one in CHROMIUM", pytrace=False
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests with a browser share it, and so its event loop."""
    shared = pytest.mark.asyncio(loop_scope="session")
    for item in items:
        if isinstance(item, pytest.Function) and "browser" in item.fixturenames:
            item.add_marker(shared, append=False)


def fixture(**options: Any) -> Callable[..., Any]:
    """An asynchronous fixture for tests with a browser."""
    return pytest_asyncio.fixture(loop_scope="session", **options)


@fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One Chromium for all tests; its contexts are separate browsers to the service (cookies, storage)."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium(), args=list(FLAGS), chromium_sandbox=False
        )
        try:
            yield browser
        finally:
            await browser.close()


def listen(context: BrowserContext, lines: list[str]) -> None:
    """Collect what the pages of a context say and what goes wrong in them."""
    context.on("console", lambda said: lines.append(f"{said.type}: {said.text}"))
    context.on("weberror", lambda broken: lines.append(f"uncaught: {broken.error}"))
    context.on(
        "requestfailed", lambda request: lines.append(f"request failed: {request.url} {request.failure}")
    )


@fixture()
async def new_page(
    browser: Browser, artifacts: Path, request: pytest.FixtureRequest
) -> AsyncIterator[NewPage]:
    """`await new_page()` opens a page in a browser of its own; `new_page(context=page.context)` in the same.

    Other keywords go to `browser.new_context`. After a failed test a screenshot of every page lies in
    `artifacts`.
    """
    lines: list[str] = request.node.stash.setdefault(console_key, [])
    pages: list[Page] = []
    contexts: list[BrowserContext] = []

    async def open_page(*, context: BrowserContext | None = None, **options: Any) -> Page:
        if context is None:
            context = await browser.new_context(
                **{"permissions": ["camera", "microphone"], "viewport": VIEWPORT, **options}
            )
            contexts.append(context)
            context.set_default_timeout(10_000)
            await context.add_init_script(NOTE_OBJECTIONS)
            listen(context, lines)
        page = await context.new_page()
        pages.append(page)
        return page

    yield open_page
    if request.node.stash.get(failed_key, False):
        name = re.sub(r"\W+", "-", request.node.name)
        for number, page in enumerate(page for page in pages if not page.is_closed()):
            await page.screenshot(path=artifacts / f"{name}-{number}.png")
    for context in contexts:
        await context.close()
    if not request.node.stash.get(failed_key, False):
        assert unexpected(lines, request.node.stash.get(expected_key, [])) == []


def unexpected(lines: list[str], expected: list[str]) -> list[str]:
    """Errors that pages have written or thrown, without those that a test expects."""
    bad = [line for line in lines if line.startswith(("error: ", "uncaught: ", "warning: Media:"))]
    return [line for line in bad if not any(re.search(pattern, line) for pattern in expected)]


@pytest.fixture
def console(request: pytest.FixtureRequest) -> list[str]:
    """What the pages of `new_page` have said so far, errors as `error: …` and `uncaught: …`."""
    lines: list[str] = request.node.stash.setdefault(console_key, [])
    return lines


@pytest.fixture
def expect_error(request: pytest.FixtureRequest) -> ExpectError:
    """`expect_error(pattern, reason)`: pages may write what matches; any other error fails the test."""
    patterns: list[str] = request.node.stash.setdefault(expected_key, [])
    return lambda pattern, reason: patterns.append(pattern)


@pytest.fixture
def arrive(new_page: NewPage) -> Arrive:
    """A person at an empty page; takes what `new_page` takes."""

    async def come(**options: Any) -> Person:
        return await Person.at(await new_page(**options))

    return come


@fixture()
async def running(tmp_path: Path) -> AsyncIterator[Service]:
    demand_pages()
    async with service(tmp_path) as started:
        yield started


@fixture()
async def meeting(running: Service, arrive: Arrive) -> AsyncIterator[Meeting]:
    async with AsyncExitStack() as stack:
        yield Meeting(running, await running.meeting(), arrive, stack)
