"""Hosts and agencies read what interpreting is to be paid, and take it along as a file."""

import csv
import json
from pathlib import Path

from playwright.async_api import expect

from signaling.staff import Person as Staff
from tests.e2e.people import Arrive, Meeting, Person
from tests.e2e.test_agency_home import pictured, signed_in


async def saved(desk: Person, button: str, folder: Path) -> str:
    async with desk.page.expect_download() as download:
        await desk.press(button)
    path = folder / (await download.value).suggested_filename
    await (await download.value).save_as(path)
    return path.read_text("utf-8")


async def a_meeting_that_is_over(meeting: Meeting) -> None:
    await meeting.raw("newcomer", name="Samira")
    await meeting.raw("interpreter", name="Amal Said")
    for station in (1, 2):
        await meeting.start(station)
    await meeting.service.rest("POST", f"/meetings/{meeting.id}/end")
    await meeting.service.services.hub.books.settle(meeting.id)


async def test_a_host_and_an_agency_read_what_is_to_be_paid(
    meeting: Meeting, arrive: Arrive, artifacts: Path
) -> None:
    await a_meeting_that_is_over(meeting)
    host = await signed_in(meeting, arrive, Staff("lena", "Lena Ek", "host", ("gavle",)))
    await host.press("open-ledger")
    await expect(host.find("ledger").locator("tbody tr")).to_have_count(2)
    await expect(host.find("ledger").locator("tfoot")).to_contain_text("Skatteverket")
    await pictured(host, artifacts, "ledger")
    assert {row["name"] for row in json.loads(await saved(host, "ledger-json", artifacts))} == {"Amal Said"}

    agency = await signed_in(meeting, arrive, Staff("a", "Anna Ask", "agency_admin", (), "skatteverket"))
    await expect(agency.find("ledger").locator("tbody tr")).to_have_count(1)
    table = await saved(agency, "ledger-csv", artifacts)
    assert [row["agency"] for row in csv.DictReader(table.splitlines())] == ["skatteverket"]
    await agency.find("ledger-last").fill("2020-01-02")
    await agency.find("ledger-first").fill("2020-01-01")
    await expect(agency.find("ledger")).to_contain_text("Ingen tolktid")
