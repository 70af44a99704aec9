"""`motesrum demo`: one person alone, at printed links, sees and hears a living meeting."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from tests.e2e.conftest import fixture
from tests.e2e.people import Arrive, Person, demand_pages
from tests.e2e.process import Motesrum, as_object

pytestmark = pytest.mark.timeout(240)

SCREEN = {"width": 1440, "height": 900}
OFFICER = "officer:skatteverket"
TURNS = 40.0
"""Seconds in which every bot has its turn to speak."""


@fixture()
async def demo(tmp_path: Path) -> AsyncIterator[Motesrum]:
    demand_pages()
    async with Motesrum("demo", tmp_path / "data", "--json") as running:
        yield running


@pytest.fixture
def printed(demo: Motesrum) -> dict[str, Any]:
    return as_object(demo.first_line)


async def others(person: Person, role: str) -> str:
    """The id of whoever plays a role, once they are there."""
    found: str = await person.until(
        """(role) => window.__motesrum.snapshot.participants
             .find((one) => one.role === role && one.present && one.phase === 'room')?.id""",
        role,
        deadline=30.0,
        what=f"no {role}",
    )
    return found


async def photograph(person: Person, path: Path) -> None:
    await person.page.evaluate("document.fonts.ready.then(() => true)")
    await person.page.screenshot(path=path)


async def test_a_person_alone_meets_a_living_meeting(
    demo: Motesrum, printed: dict[str, Any], arrive: Arrive, artifacts: Path
) -> None:
    assert set(printed) >= {"base_url", "meeting", "links", "host_token"}
    assert printed["base_url"] == demo.url
    assert set(printed["links"]) >= {"host", "newcomer", "interpreter", OFFICER}

    newcomer = await arrive(viewport=SCREEN)
    await newcomer.enter(printed["links"]["newcomer"])
    officer = await others(newcomer, "officer")
    shown = await newcomer.sees(officer, deadline=30.0)
    assert shown["shown"] > 700
    interpreter = await others(newcomer, "interpreter")
    await asyncio.gather(
        newcomer.hears(officer, deadline=TURNS), newcomer.hears(interpreter, "interpretation", deadline=TURNS)
    )
    await photograph(newcomer, artifacts / "demo-newcomer.png")

    host = await arrive(viewport=SCREEN)
    await host.enter(printed["links"]["host"])
    them = await newcomer.participant()
    await host.sees(await others(host, "officer"), deadline=30.0)
    await host.sees(them, "room-video")
    await photograph(host, artifacts / "demo-host.png")
    hosts = [one for one in (await host.snapshot())["participants"] if one["role"] == "host"]
    assert [(one["id"], one["present"]) for one in hosts] == [(await host.participant(), True)]

    mine = await arrive(viewport=SCREEN)
    await mine.enter(printed["links"][OFFICER])
    await mine.in_phase("room", deadline=20.0)
    await mine.sees(them, deadline=20.0)
    await mine.hears(await others(mine, "interpreter"), "interpretation", deadline=TURNS)
    await newcomer.sees(await mine.participant(), deadline=20.0)
    await photograph(mine, artifacts / "demo-officer.png")


async def test_a_bot_leaves_when_a_person_takes_its_role_and_comes_back_after_them(
    printed: dict[str, Any], arrive: Arrive, artifacts: Path
) -> None:
    interpreter = await arrive(viewport=SCREEN)
    await interpreter.enter(printed["links"]["interpreter"])
    newcomer = await others(interpreter, "newcomer")
    officer = await others(interpreter, "officer")
    await interpreter.sees(officer, deadline=30.0)
    await interpreter.sees(newcomer, "room-video", deadline=30.0)
    await interpreter.hears(newcomer, deadline=TURNS)
    await photograph(interpreter, artifacts / "demo-interpreter.png")
    assert len(interpreter.sockets) == 1
    assert await interpreter.connection() == "joined"

    watcher = await arrive(viewport=SCREEN)
    await watcher.enter(printed["links"]["host"])
    them = await interpreter.participant()
    await watcher.until(
        "async (id) => (await window.__motesrum.stats()).some((one) => one.participant === id)", them
    )
    await interpreter.page.close()
    await watcher.hears(them, "interpretation", deadline=60.0)
    await expect(watcher.find("person").filter(has_text="Layla Haddad")).to_have_count(1)


@pytest.mark.asyncio(loop_scope="session")
async def test_sigterm_ends_it_cleanly_and_leaves_no_process(demo: Motesrum) -> None:
    assert demo.pid in demo.processes()
    assert len(demo.processes()) >= 2, "the media worker is a process of its own"
    assert await demo.terminate() == 0
    async with asyncio.timeout(5):
        while demo.processes():
            await asyncio.sleep(0.05)
    assert [line for line in await demo.output() if line] == []
