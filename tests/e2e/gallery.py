"""The pages on made-up meetings: a build of their own, served from a folder."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web
from playwright.async_api import Page, expect

ROOT = Path(__file__).parents[2]
BUILT = ROOT / "tests" / "artifacts" / "gallery"
BUILD_TIME = 120.0


async def build() -> None:
    process = await asyncio.create_subprocess_exec(
        "npm", "run", "--silent", "gallery", cwd=ROOT / "web", stdout=asyncio.subprocess.PIPE, stderr=-2
    )
    async with asyncio.timeout(BUILD_TIME):
        said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()


async def _page(request: web.Request) -> web.FileResponse:
    file = (BUILT / request.match_info["path"]).resolve()
    inside = file.is_relative_to(BUILT) and file.is_file()
    return web.FileResponse(file if inside else BUILT / "index.html")


@asynccontextmanager
async def served() -> AsyncIterator[str]:
    """The address of the gallery, while the block runs."""
    await build()
    app = web.Application()
    app.router.add_get("/{path:.*}", _page)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}/gallery"
    finally:
        await runner.cleanup()


async def scenes(page: Page, gallery: str) -> dict[str, str]:
    """Name → address."""
    await page.goto(gallery)
    links = page.get_by_test_id("scene")
    await expect(links.first).to_be_visible()
    found: dict[str, str] = await links.evaluate_all(
        "(links) => Object.fromEntries(links.map((link) => [link.textContent, link.href]))"
    )
    return found


async def show(page: Page, address: str, language: str) -> None:
    """One scene, in a language, once its fonts are here."""
    await page.goto(f"{address}{'&' if '?' in address else '?'}language={language}")
    await expect(page.locator("#content, main").first).to_be_visible()
    await expect(page.locator("html[data-pressing]")).to_have_count(0)
    await page.evaluate("document.fonts.ready.then(() => true)")
