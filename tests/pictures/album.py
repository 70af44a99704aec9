"""Where pictures of the pages are kept, and the page that shows them all."""

from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from playwright.async_api import Page, ViewportSize

SIZES: tuple[ViewportSize, ...] = (
    {"width": 1440, "height": 900},
    {"width": 1024, "height": 768},
    {"width": 390, "height": 844},
)
NEXT_FRAMES = """async () => {
  await document.fonts.ready;
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
}"""
HEAD = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Mötesrum, every page</title><style>
body{font:15px/1.4 system-ui;margin:24px;background:#f4f5f2}h2{margin:28px 0 8px;font-size:17px}
section{display:flex;flex-wrap:wrap;gap:12px;align-items:flex-start}figure{margin:0}
img{height:220px;border:1px solid #b5bfc0;border-radius:6px;background:#fff}
figcaption{font-size:12px;color:#4a5a63}
</style><h1>Mötesrum, every page</h1>
<p>From the running service, raw clients being the other people; “gallery” marks made-up meetings.</p>
"""


@dataclass
class Album:
    folder: Path
    groups: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    async def take(self, page: Page, name: str, language: str) -> None:
        """One state in every size; the page stands as wide as before afterwards."""
        before = page.viewport_size
        for size in SIZES:
            await page.set_viewport_size(size)
            await page.evaluate(NEXT_FRAMES)
            told = f"{language}, {size['width']}×{size['height']}"
            file = f"{name}-{language}-{size['width']}.png".replace(" ", "-")
            await page.screenshot(path=self.folder / file)
            self.groups.setdefault(name, []).append((file, told))
        if before is not None:
            await page.set_viewport_size(before)

    def write(self) -> Path:
        parts = [HEAD]
        for name, pictures in self.groups.items():
            shown = "".join(
                f'<figure><a href="{file}"><img loading="lazy" src="{file}" alt="{escape(name)}, {told}"></a>'
                f"<figcaption>{told}</figcaption></figure>"
                for file, told in pictures
            )
            parts.append(f"<h2>{escape(name)}</h2><section>{shown}</section>")
        index = self.folder / "index.html"
        index.write_text("\n".join(parts), "utf-8")
        return index
