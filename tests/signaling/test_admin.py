"""Those who keep the service: agencies' keys, accounts of staff, who is signed in; nothing of any meeting."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pyotp
import pytest

from signaling.api.route import ROLES, Access
from signaling.api.table import ROUTES
from signaling.staff import Person
from tests.support.agency import AgencySystem
from tests.support.door import Device
from tests.support.rest import SITE, Answer, Service, browser, service

PASSWORD = "korrekt häst batteri häftklammer"
NEW = {"login": "lena.ek", "name": "Lena Ek", "role": "host", "sites": [SITE]}


@dataclass
class Desk:
    service: Service
    admin: str

    async def call(self, method: str, path: str, body: Any = None) -> Answer:
        return await self.service.call(method, f"/api/v1/admin{path}", body, token=self.admin)

    async def invited(self, **changes: Any) -> dict[str, Any]:
        answer = await self.call("POST", "/accounts", {**NEW, **changes})
        assert answer.status == 201, answer.body
        made: dict[str, Any] = answer.json
        return made

    async def account(self, id_: str) -> dict[str, Any]:
        listed = (await self.call("GET", "/accounts")).json["accounts"]
        found: dict[str, Any] = next(each for each in listed if each["id"] == id_)
        return found

    def open(self, path: str, body: Any, session: aiohttp.ClientSession | None = None) -> Any:
        headers = {"Origin": self.service.url}
        return self.service.call(
            "POST", f"/api/v1/staff/{path}", body, headers=headers, token="", session=session
        )

    async def take_up(
        self, url: str, session: aiohttp.ClientSession | None = None, **changes: str
    ) -> tuple[pyotp.TOTP, Answer]:
        """As the page behind the link does it."""
        code = url.rsplit("/", 1)[1]
        totp = pyotp.TOTP((await self.open("account/link", {"code": code})).json["secret"])
        sent = {"code": code, "password": PASSWORD, "totp": totp.at(self.service.clock()), **changes}
        return totp, await self.open("account", sent, session)

    async def sign_in(self, totp: pyotp.TOTP, session: aiohttp.ClientSession | None = None) -> Answer:
        """Half a minute later, for no code is taken twice."""
        self.service.clock.ahead += 30
        code = totp.at(self.service.clock())
        sent = {"login": NEW["login"], "password": PASSWORD, "code": code}
        answer: Answer = await self.open("password", sent, session)
        return answer


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with service(tmp_path) as running:
        yield Desk(running, running.staff_token(sub="ada", role="admin", sites=()))


async def test_whoever_is_invited_chooses_the_password_and_nobody_else_learns_it(desk: Desk) -> None:
    made = await desk.invited()
    account = made["account"]["id"]
    assert not made["account"]["taken_up"]
    async with browser() as own:
        totp, answer = await desk.take_up(made["url"], own)
        assert (answer.status, answer.json["name"]) == (200, "Lena Ek")
        assert (await desk.service.call("GET", "/api/v1/meetings", token="", session=own)).status == 200
    assert (await desk.account(account))["taken_up"]
    assert (await desk.sign_in(totp)).status == 200
    again = await desk.open("account/link", {"code": made["url"].rsplit("/", 1)[1]})
    assert (again.status, again.code) == (404, "account_link_unknown")
    listed = (await desk.call("GET", "/accounts")).body.decode()
    assert not [secret for secret in (PASSWORD, totp.secret, "argon2") if secret in listed]


async def test_nobody_signs_in_with_an_account_before_it_is_taken_up(desk: Desk) -> None:
    await desk.invited()
    for password in ("", PASSWORD):
        sent = {"login": NEW["login"], "password": password or "x", "code": "000000"}
        assert (await desk.open("password", sent)).code == "sign_in_failed"


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [({"password": "kort"}, 422, "password_unfit"), ({"totp": "000000"}, 422, "code_wrong")],
)
async def test_a_link_is_not_used_up_by_a_slip(
    desk: Desk, change: dict[str, str], status: int, code: str
) -> None:
    made = await desk.invited()
    _, answer = await desk.take_up(made["url"], **change)
    assert (answer.status, answer.code) == (status, code)
    assert (await desk.take_up(made["url"]))[1].status == 200


async def test_a_link_expires_and_a_newer_one_voids_it(desk: Desk) -> None:
    made = await desk.invited()
    newer = (await desk.call("POST", f"/accounts/{made['account']['id']}/link")).json
    old = await desk.open("account/link", {"code": made["url"].rsplit("/", 1)[1]})
    assert old.code == "account_link_unknown"
    desk.service.clock.ahead += 3 * 86400 + 1
    late = await desk.open("account/link", {"code": newer["url"].rsplit("/", 1)[1]})
    assert late.code == "account_link_unknown"


async def test_a_lock_ends_what_goes_on_and_holds_until_it_is_opened(desk: Desk) -> None:
    made = await desk.invited()
    path = f"/accounts/{made['account']['id']}"
    async with browser() as own:
        totp, _ = await desk.take_up(made["url"], own)
        locked = await desk.call("PATCH", path, {"locked": True})
        assert (locked.status, locked.json["locked"]) == (200, True)
        gone = await desk.service.call("GET", "/api/v1/staff/session", token="", session=own)
        assert gone.code == "session_missing"
        assert (await desk.sign_in(totp, own)).code == "sign_in_failed"
        assert (await desk.call("PATCH", path, {"locked": False})).json["locked"] is False
        assert (await desk.sign_in(totp, own)).status == 200


async def test_unlocking_forgives_failures_too(desk: Desk) -> None:
    made = await desk.invited()
    totp, _ = await desk.take_up(made["url"])
    desk.service.services.limiter._buckets.clear()
    for _ in range(5):
        await desk.open("password", {"login": NEW["login"], "password": "guess", "code": "000000"})
    assert (await desk.account(made["account"]["id"]))["waits_until"] is not None
    assert (await desk.sign_in(totp)).code == "sign_in_locked"
    await desk.call("PATCH", f"/accounts/{made['account']['id']}", {"locked": False})
    assert (await desk.account(made["account"]["id"]))["waits_until"] is None
    assert (await desk.sign_in(totp)).status == 200


async def test_a_new_second_factor_replaces_the_old_one_and_signs_out(desk: Desk) -> None:
    made = await desk.invited()
    async with browser() as own:
        old, _ = await desk.take_up(made["url"], own)
        renewed = (await desk.call("POST", f"/accounts/{made['account']['id']}/link")).json
        gone = await desk.service.call("GET", "/api/v1/staff/session", token="", session=own)
        assert gone.code == "session_missing"
        assert (await desk.sign_in(old)).code == "sign_in_failed"
        new, answer = await desk.take_up(renewed["url"], own)
        assert answer.status == 200
        assert old.secret != new.secret


async def test_an_account_is_taken_away_with_its_sessions(desk: Desk) -> None:
    made = await desk.invited()
    async with browser() as own:
        totp, _ = await desk.take_up(made["url"], own)
        path = f"/accounts/{made['account']['id']}"
        assert (await desk.call("DELETE", path)).status == 204
        assert (await desk.call("DELETE", path)).code == "account_unknown"
        gone = await desk.service.call("GET", "/api/v1/staff/session", token="", session=own)
        assert gone.code == "session_missing"
        assert (await desk.sign_in(totp)).code == "sign_in_failed"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"sites": []}, "invalid"),
        ({"sites": ["nowhere"]}, "invalid"),
        ({"role": "agency_admin"}, "invalid"),
        ({"role": "agency_admin", "sites": [], "agency": "none"}, "invalid"),
        ({"role": "admin"}, "invalid"),
        ({"login": "med mellanslag"}, "invalid"),
        ({"login": "../x"}, "invalid"),
        ({"name": " "}, "invalid"),
    ],
    ids=str,
)
async def test_an_account_that_fits_nowhere_is_not_made(
    desk: Desk, change: dict[str, Any], code: str
) -> None:
    answer = await desk.call("POST", "/accounts", {**NEW, **change})
    assert (answer.status, answer.code) == (422, code)
    assert (await desk.call("GET", "/accounts")).json["accounts"] == []


async def test_two_accounts_have_two_names(desk: Desk) -> None:
    await desk.invited()
    assert (await desk.call("POST", "/accounts", NEW)).code == "account_exists"


async def test_an_admin_sees_who_is_signed_in_and_signs_somebody_out(desk: Desk) -> None:
    anna = Person("anna", "Anna Ask", "agency_admin", (), "skatteverket")
    async with browser() as home:
        link = await desk.service.services.staff.create_link(anna)
        await desk.open("session", {"code": link.code}, home)
        (session,) = (await desk.call("GET", "/sessions")).json["sessions"]
        known = {name: session[name] for name in ("name", "role", "agency", "by", "here")}
        assert known == {
            "name": "Anna Ask",
            "role": "agency_admin",
            "agency": "skatteverket",
            "by": "link",
            "here": False,
        }
        assert (await desk.call("DELETE", f"/sessions/{session['id']}")).status == 204
        assert (await desk.call("DELETE", f"/sessions/{session['id']}")).code == "session_unknown"
        gone = await desk.service.call("GET", "/api/v1/staff/session", token="", session=home)
        assert gone.code == "session_missing"


async def test_an_admin_sees_every_agency_and_the_state_of_its_keys(desk: Desk) -> None:
    tax = AgencySystem("skatteverket", desk.service.url)
    await desk.service.services.agency_keys.add(tax.agency, tax.jwk())
    shown = (await desk.call("GET", "/agencies")).json["agencies"]
    keys = {agency["id"]: [key["kid"] for key in agency["keys"]] for agency in shown}
    assert keys["skatteverket"] == ["k1"]
    assert set(keys) == set(desk.service.services.catalogue.agencies)
    assert not keys["forsakringskassan"]


SECRETS = ("Samira", "Karin Lund", "Amina", "hemligt", "Folkbokföring av Samira")


async def test_nothing_that_an_admin_may_call_tells_of_a_meeting(desk: Desk) -> None:
    """Every call that is open to the role, on a meeting that goes on, also with sites of their own."""
    stations = [{"agency": "skatteverket", "purpose": SECRETS[4]}]
    meeting = (await desk.service.meeting(alias="Samira", stations=stations))["id"]
    async with Device(desk.service) as newcomer, Device(desk.service) as officer:
        await newcomer.join(meeting, "newcomer", name="Samira")
        await officer.join(meeting, "officer", agency="skatteverket", station=1, name="Karin Lund")
        link = await desk.service.invite(meeting, "interpreter", name="Amina")
        await desk.service.call("POST", f"/api/v1/meetings/{meeting}/stations/1/start")
        await newcomer.call("chat.send", text="hemligt")
        admin = desk.service.staff_token(sub="ada", role="admin", sites=(SITE,))
        places = {
            "meeting": meeting,
            "station": "1",
            "invitation": link["id"],
            "agency": "skatteverket",
            "kid": "k1",
            "session": "ss_x",
            "screen": "d_x",
            "account": "ac_x",
            "call": "k_x",
        }
        queries = ("", f"?meeting={meeting}", "?agency=skatteverket", f"?participant={officer.participant}")
        opened = []
        for route in (each for each in ROUTES if each.access is not Access.OPEN):
            for query in queries if route.query is not None else ("",):
                path = route.url.format_map(places) + query
                body = {} if route.body is not None else None
                answer = await desk.service.call(route.method, path, body, token=admin)
                told = answer.body.decode()
                assert not [secret for secret in (*SECRETS, meeting) if secret in told], route.name
                assert not [p for p in (newcomer.participant, officer.participant) if p in told], route.name
                if "admin" in ROLES[route.access]:
                    opened.append(route.name)
                    assert not route.path.startswith(("/meetings", "/invitations", "/screens")), route.name
                else:
                    assert answer.status == 403, route.name
        assert "listSessions" in opened
        state = await desk.service.services.hub.state(meeting)
        assert all(person.present for person in (state.participants[newcomer.participant],))
        assert state.participants[officer.participant].present, "nobody was taken back"


async def test_an_admin_takes_no_token_of_a_meeting_back(desk: Desk) -> None:
    meeting = (await desk.service.meeting())["id"]
    link = await desk.service.invite(meeting, "newcomer")
    token = (await desk.service.redeem(link["code"])).json["access_token"]
    jti = desk.service.services.tokens.verify_access(token).jti
    admin = desk.service.staff_token(sub="ada", role="admin", sites=(SITE,))
    answer = await desk.service.call("DELETE", f"/api/v1/grants?jti={jti}", token=admin)
    assert answer.code == "invitation_unknown"
