"""An agency's own system lets its officer in, by what the README says."""

import asyncio
import os
import re
import sys
from pathlib import Path

from playwright.async_api import expect

from tests.e2e.people import Arrive, Meeting, demand_pages

README = Path(__file__).parents[2] / "README.md"


def example(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


async def run(folder: Path, *words: str, **variables: str) -> str:
    """In `folder`, with our own command and Python first on the path."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    process = await asyncio.create_subprocess_exec(
        *words,
        cwd=folder,
        env={**os.environ, "PATH": path, **variables},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, err.decode()
    return out.decode()


async def test_an_officer_comes_in_by_the_readme_s_examples_and_comes_back(
    meeting: Meeting, arrive: Arrive, tmp_path: Path
) -> None:
    demand_pages()
    service = meeting.service
    data = str(service.services.settings.data)
    private = await run(tmp_path, "motesrum", "agency", "key", "new", "skatteverket", "--data", data)
    (tmp_path / "skatteverket.jwk").write_text(private)
    url = service.services.settings.public_url

    (tmp_path / "let_in.py").write_text(example("python"))
    address = (await run(tmp_path, sys.executable, "let_in.py", url, meeting.id, "1")).strip()
    newcomer = await meeting.raw("newcomer")
    officer = await arrive()
    await officer.open_address(address)
    await expect(officer.page).to_have_url(re.compile(r"^[^#]*$"))
    await officer.join()
    await officer.in_phase("lobby")
    await meeting.start(1)
    await officer.sees(newcomer.participant)
    who = await officer.participant()

    await officer.page.reload()
    await officer.join()
    await officer.sees(newcomer.participant)
    assert await officer.participant() == who
    shown = (await service.rest("GET", f"/meetings/{meeting.id}"))["participants"]
    assert [p["name"] for p in shown if p["role"] == "officer"] == ["Karin Lund"]

    variables = {"URL": url, "MEETING": meeting.id, "STATION": "1", "MOTESRUM_DATA": data}
    answer = await run(tmp_path, "sh", "-c", example("sh"), **variables)
    assert f'"participant":"{who}"' in answer

    other = await arrive()
    await other.open_address(f"{url}/t")
    await other.press("join-button")
    await expect(other.find("link-error")).to_have_attribute("data-code", "token_missing")
