"""Every view in every state, on made-up meetings: programs can read it, fingers hit it, and it fits."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, ViewportSize

from tests.e2e.conftest import NewPage, fixture
from tests.e2e.gallery import scenes, served, show

DESK: ViewportSize = {"width": 1280, "height": 800}
NARROW: ViewportSize = {"width": 320, "height": 640}
DOUBLED: ViewportSize = {"width": 640, "height": 400}
"""A page of 1280 px at 200 %."""

TOO_WIDE = """() => document.documentElement.scrollWidth <= innerWidth ? [] :
  [`${document.documentElement.scrollWidth} of ${innerWidth} px`,
    ...[...document.querySelectorAll('#app *')]
      .map((one) => [one, one.getBoundingClientRect()])
      .filter(([, box]) => box.right > innerWidth + 1 || box.left < -1)
      .map(([one]) => `${one.tagName.toLowerCase()}.${one.getAttribute('class')}`).slice(0, 8)]"""

TOUCHED = "button, a[href], select, input, textarea, summary, [role=tab]"
FINGER, HAND = 43.5, 75.5
"""The least targets: of any page, and of the screen at the office, in px."""
TOO_SMALL = """([touched, least]) => [...document.querySelectorAll(touched)]
  .filter((one) => one.checkVisibility({visibilityProperty: true}) && !one.closest('.unseen, .skip, p > a'))
  .map((one) => [one, (one.type === 'radio' || one.type === 'checkbox' ? one.closest('label') ?? one : one)
    .getBoundingClientRect()])
  .filter(([, box]) => box.width > 2 && (box.width < least || box.height < least))
  .map(([one, box]) => `${one.outerHTML.slice(0, 80)} ${Math.round(box.width)}×${Math.round(box.height)}`)"""


ON_SITE = ("newcomer", "screen")
"""Scenes of the screen at the office."""


PARTS = {
    "newcomer": ("newcomer",),
    "beside": ("companion", "components", "ended"),
    "desk": ("staff", "new-", "screen", "link"),
    "interpreting": ("interpreter", "text-interpreter", "pool"),
}
"""Whose scenes are looked at together; everybody else's are `leading`."""


def part_of(scene: str) -> str:
    return next((part for part, names in PARTS.items() if scene.startswith(names)), "leading")


@fixture(scope="session")
async def gallery() -> AsyncIterator[str]:
    async with served() as address:
        yield address


async def violations(page: Page) -> list[str]:
    found: dict[str, Any] = (await Axe().run(page)).response
    return [
        f"{one['id']}: {', '.join(str(node['target'][0]) for node in one['nodes'][:4])}"
        for one in found["violations"]
    ]


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    ("whose", "language"),
    [
        ("newcomer", "sv"),
        ("newcomer", "ar"),
        ("beside", "sv"),
        ("beside", "ar"),
        ("leading", "sv"),
        ("interpreting", "sv"),
        ("desk", "sv"),
    ],
)
async def test_every_state_is_accessible_and_fits(
    whose: str, language: str, gallery: str, new_page: NewPage
) -> None:
    page = await new_page(reduced_motion="reduce")
    wrong: dict[str, list[str]] = {}
    shown = {name: at for name, at in (await scenes(page, gallery)).items() if part_of(name) == whose}
    assert shown
    for name, address in shown.items():
        least = HAND if name.startswith(ON_SITE) else FINGER
        await page.set_viewport_size(DESK)
        await show(page, address, language)
        found = [*await violations(page), *await page.evaluate(TOO_SMALL, [TOUCHED, least])]
        for narrow in (DOUBLED, NARROW):
            await page.set_viewport_size(narrow)
            found += await page.evaluate(TOO_WIDE)
        if found:
            wrong[name] = found
    assert wrong == {}


PLAIN = ("newcomer-talking", "newcomer-consent", "host", "officer-room", "interpreter", "components")


async def test_the_focus_is_seen_and_nothing_moves_where_people_ask_for_that(
    gallery: str, new_page: NewPage
) -> None:
    page = await new_page(forced_colors="active", reduced_motion="reduce", viewport=DESK)
    addresses = await scenes(page, gallery)
    for name in PLAIN:
        await show(page, addresses[name], "sv")
        for _ in range(3):
            await page.keyboard.press("Tab")
        outline = "getComputedStyle(document.activeElement).outlineStyle"
        assert await page.evaluate(outline) != "none", name
        assert await page.evaluate("document.getAnimations().length") == 0, name
        borders = "(all) => all.filter((one) => getComputedStyle(one).borderStyle === 'none').length"
        assert await page.locator(".button, .control").evaluate_all(borders) == 0, name


SHIFTS = """
window.__shifts = [];
new PerformanceObserver((list) => window.__shifts.push(...list.getEntries().map((entry) => ({
  value: entry.value, of: entry.sources.map((source) => source.node?.className ?? ''),
})))).observe({type: 'layout-shift', buffered: true});
"""


@pytest.mark.parametrize("language", ["sv", "ar", "ti"])
async def test_nothing_moves_when_pictures_and_fonts_come(
    language: str, gallery: str, new_page: NewPage
) -> None:
    page = await new_page(viewport=DESK)
    await page.add_init_script(SHIFTS)
    addresses = await scenes(page, gallery)
    await show(page, addresses["newcomer-talking"], language)
    await page.wait_for_function("document.querySelector('[data-testid=stage-video]')?.videoWidth > 0")
    await page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    shifts = await page.evaluate("window.__shifts")
    assert sum(shift["value"] for shift in shifts) < 0.02, shifts
