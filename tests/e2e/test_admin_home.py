"""An admin invites somebody, who takes up the account; signs them out, locks them, and sees no meeting."""

from pathlib import Path

import pyotp
from playwright.async_api import expect

from signaling.staff import Person as Staff
from tests.e2e.conftest import ExpectError
from tests.e2e.people import Arrive, Meeting, Person
from tests.e2e.test_agency_home import pictured, signed_in
from tests.support.agency import AgencySystem

PASSWORD = "korrekt häst batteri häftklammer"
PATIENT = 20_000


async def invite(desk: Person, name: str, login: str) -> str:
    """The link that is shown once."""
    await desk.find("account-name").fill(name)
    await desk.find("account-login").fill(login)
    await desk.find("account-site").select_option("gavle")
    await desk.press("invite-account")
    return await desk.find("account-link").get_by_test_id("link").input_value(timeout=PATIENT)


async def test_an_account_is_given_taken_up_and_locked(
    meeting: Meeting, arrive: Arrive, artifacts: Path, expect_error: ExpectError
) -> None:
    expect_error("401", "Lena is signed out by somebody else")
    expect_error("404", "her link is used up")
    tax = AgencySystem("skatteverket", meeting.service.services.settings.public_url)
    await meeting.service.services.agency_keys.add(tax.agency, tax.jwk())
    desk = await signed_in(meeting, arrive, Staff("ada", "Ada Admin", "admin"))
    await expect(desk.find("admin-home")).to_be_visible(timeout=PATIENT)
    agency = desk.find("admin-agency").filter(has_text="Skatteverket")
    await expect(agency).to_contain_text("En nyckel gäller")
    await expect(desk.find("admin-session")).to_contain_text("den här webbläsaren")
    link = await invite(desk, "Lena Ek", "lena.ek")

    lena = await arrive()
    await lena.page.goto(link)
    await expect(lena.find("account-login")).to_have_text("lena.ek", timeout=PATIENT)
    secret = (await lena.find("secret").inner_text()).replace(" ", "")
    await pictured(lena, artifacts, "account-link")
    await lena.find("new-password").fill("kort")
    await lena.press("take-up")
    await expect(lena.page.get_by_text("ska ha minst 12 tecken")).to_be_visible()
    await lena.find("new-password").fill(PASSWORD)
    await lena.find("totp").fill(pyotp.TOTP(secret).now())
    await lena.press("take-up")
    await expect(lena.find("new-meeting")).to_be_visible(timeout=PATIENT)
    await lena.page.goto(link)
    await expect(lena.find("account-refused")).to_be_visible(timeout=PATIENT)

    await desk.page.reload()
    session = desk.find("admin-session").filter(has_text="Lena Ek")
    await expect(session).to_contain_text("med lösenord", timeout=PATIENT)
    await pictured(desk, artifacts, "admin-home")
    assert "Samira" not in await desk.page.inner_text("main")
    await session.get_by_test_id("end-session").click()
    await expect(session).to_have_count(0, timeout=PATIENT)
    await lena.page.goto(meeting.service.services.settings.public_url)
    await expect(lena.find("signed-out")).to_be_visible(timeout=PATIENT)

    account = desk.find("admin-account").filter(has_text="Lena Ek")
    await account.locator("summary").click()
    await account.get_by_test_id("lock").click()
    await desk.press("confirm")
    await expect(account).to_contain_text("Låst", timeout=PATIENT)
    await account.locator("summary").click()
    await account.get_by_test_id("unlock").click()
    await expect(account).to_contain_text("Kan logga in", timeout=PATIENT)


async def test_the_host_takes_back_who_was_let_in_and_gives_a_new_link(
    meeting: Meeting, artifacts: Path
) -> None:
    await meeting.raw("newcomer", name="Samira")
    officer = await meeting.raw("officer", 1, name="Karin Lund")
    await meeting.link("interpreter", name="Amina Haddad")
    await meeting.start(1)
    host = await meeting.person("host", name="Lena Ek")
    await host.press("open-let-in")
    people = host.find("let-in-person")
    await expect(people).to_have_count(4, timeout=PATIENT)
    waiting = people.filter(has_text="Amina Haddad")
    await expect(waiting).to_contain_text("länken är inte använd")
    karin = people.filter(has_text="Karin Lund")
    await expect(karin).to_contain_text("Skatteverket")
    await expect(karin).to_contain_text("till stationen är klar")
    await pictured(host, artifacts, "let-in")
    await karin.get_by_test_id("take-back").click()
    await host.press("take-back-yes")
    await officer.wait_for(lambda: officer.closed_with, 20.0)
    await expect(karin).to_have_count(0, timeout=PATIENT)
    await expect(host.find("taken-back")).to_contain_text("Karin Lund")
    await host.press("give-again")
    await host.find("invite-dialog").get_by_test_id("create-link").click()
    await expect(host.find("invite-dialog").get_by_test_id("link")).to_be_visible(timeout=PATIENT)
