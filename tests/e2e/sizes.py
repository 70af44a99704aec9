"""How large a page shows a picture, and how large the picture is that comes."""

from tests.e2e.people import Person

SHOWN = """({width}) => document.querySelector('[data-testid=stage-video]').videoWidth === width"""
SIZED = (
    """(style) => document.querySelector('[data-testid=stage-video]').parentElement.style.cssText = style"""
)
SMALL_TILE = "width: 200px; height: 112px"


async def shows(person: Person, width: int) -> None:
    await person.until(SHOWN, {"width": width}, deadline=20, what=f"a picture {width} wide")


async def resize(person: Person, style: str = "") -> None:
    """Show the large picture of the page in that size; without one, as the page would."""
    await person.page.evaluate(SIZED, style)
