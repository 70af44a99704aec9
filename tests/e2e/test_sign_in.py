"""Staff sign in at their own provider or with a local account, in a browser."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pyotp
from playwright.async_api import expect

from signaling.staff import Person as Staff
from tests.e2e.conftest import ExpectError, fixture
from tests.e2e.people import Arrive, demand_pages
from tests.support.provider import Provider, provider, settings_of
from tests.support.service import SITE, Service, service


@dataclass
class Door:
    service: Service
    provider: Provider


@fixture()
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    demand_pages()
    async with provider() as made:
        groups = {"vardar": {"role": "host", "sites": [SITE]}}
        async with service(tmp_path, oidc=settings_of(made, groups=groups)) as running:
            yield Door(running, made)


async def test_a_host_signs_in_at_the_provider_and_out_again(
    door: Door, arrive: Arrive, expect_error: ExpectError, artifacts: Path
) -> None:
    expect_error("401", "nobody is signed in yet")
    lena = await arrive()
    await lena.page.goto(door.service.services.settings.public_url)
    await expect(lena.find("signed-out")).to_be_visible()
    await lena.page.screenshot(path=artifacts / "sign-in.png")
    await lena.press("sign-in-there")
    await expect(lena.find("new-meeting")).to_be_visible()
    await expect(lena.page.get_by_text("Lena Ek")).to_be_visible()
    await lena.press("sign-out")
    await expect(lena.find("signed-out")).to_be_visible()
    assert door.provider.signed_out == 1


async def test_somebody_without_a_role_is_told_so(
    door: Door, arrive: Arrive, expect_error: ExpectError
) -> None:
    expect_error("401", "nobody is signed in")
    door.provider.groups = []
    lena = await arrive()
    await lena.page.goto(door.service.services.settings.public_url)
    await lena.press("sign-in-there")
    await expect(lena.find("sign-in-problem")).to_have_attribute("data-code", "sign_in_no_role")


async def test_a_host_signs_in_with_password_and_code_by_keyboard(
    door: Door, arrive: Arrive, expect_error: ExpectError
) -> None:
    expect_error("401", "nobody is signed in yet, and the first code is wrong")
    password = "korrekt häst batteri häftklammer"
    accounts = door.service.services.accounts
    secret = await accounts.add("lena", Staff("u_lena", "Lena Ek", "host", (SITE,)), password)
    lena = await arrive()
    await lena.page.goto(door.service.services.settings.public_url)
    for code in ("000000", pyotp.TOTP(secret).now()):
        await lena.page.get_by_label("Användarnamn").fill("lena")
        await lena.page.get_by_label("Lösenord").fill(password)
        await lena.page.get_by_label("Kod från din app").fill(code)
        await lena.page.keyboard.press("Enter")
        if code == "000000":
            await expect(lena.find("sign-in-problem")).to_have_attribute("data-code", "sign_in_failed")
    await expect(lena.find("new-meeting")).to_be_visible()
