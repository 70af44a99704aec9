"""Who may call what; what an agency's administrator can do: their keys, their officers, and no more."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from config.catalogue import Agency
from rooms.limits import MAX_OFFICERS_EVER
from rooms.people import Role
from rooms.policy import Action
from signaling.api.route import ROLES, Access, Route
from signaling.api.table import ROUTES
from signaling.directory import Directory
from signaling.messages import CALLS
from tests.support.agency import GRANT, AgencySystem
from tests.support.door import Device, Failed
from tests.support.rest import ELSEWHERE, Answer, Service, service

GUARDED = [route for route in ROUTES if route.access is not Access.OPEN]
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass
class Desk:
    service: Service
    meeting: str
    tax: AgencySystem

    def admin_of(self, agency: str) -> str:
        return self.service.staff_token(sub=f"admin-{agency}", role="agency_admin", sites=(), agency=agency)

    async def officer(self, **changes: Any) -> dict[str, Any]:
        form = urlencode(
            {"grant_type": GRANT, "assertion": self.tax.asserts(self.meeting, 1, **changes)}
        ).encode()
        answer = await self.service.call("POST", "/api/v1/token", data=form, headers=FORM, token="")
        found: dict[str, Any] = answer.json
        return found

    async def revoke(self, token: str | None = None, **filters: Any) -> Answer:
        return await self.service.call("DELETE", f"/api/v1/grants?{urlencode(filters)}", token=token)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with service(tmp_path) as running:
        made = await running.meeting()
        tax = AgencySystem("skatteverket", running.url)
        await running.services.agency_keys.add(tax.agency, tax.jwk())
        yield Desk(running, made["id"], tax)


def _url(desk: Desk, route: Route) -> str:
    places = {
        "meeting": desk.meeting,
        "station": "1",
        "invitation": "i_x",
        "agency": "skatteverket",
        "kid": "k1",
        "session": "ss_x",
        "screen": "d_x",
        "account": "ac_x",
        "call": "k_x",
    }
    return route.url.format_map(places)


@pytest.mark.parametrize("route", GUARDED, ids=lambda route: route.name)
@pytest.mark.parametrize("role", ["host", "admin", "agency_admin", "interpreter", "somebody"])
async def test_a_call_outside_one_s_role_is_refused(desk: Desk, route: Route, role: str) -> None:
    agency = "skatteverket" if role == "agency_admin" else None
    token = desk.service.staff_token(sub=role, role=role, agency=agency)
    headers = {"Content-Type": "application/json"}
    data = b"{}" if route.body is not None else None
    answer = await desk.service.call(route.method, _url(desk, route), data=data, headers=headers, token=token)
    if role in ROLES[route.access]:
        assert answer.status not in (401, 403)
    else:
        assert (answer.status, answer.code) == (403, "not_allowed")


@pytest.mark.parametrize("route", GUARDED, ids=lambda route: route.name)
async def test_nobody_unknown_calls_anything(desk: Desk, route: Route) -> None:
    answer = await desk.service.call(route.method, _url(desk, route), token="")
    assert (answer.status, answer.code) == (401, "token_missing")


def test_only_these_calls_are_open_to_everybody() -> None:
    assert {route.name for route in ROUTES if route.access is Access.OPEN} == {
        "redeemCode",
        "readLink",
        "signIn",
        "signInWithPassword",
        "readAccountLink",
        "takeUpAccount",
        "listSignInWays",
        "signOut",
        "beginConnectionTest",
        "beginPairing",
        "askScreen",
        "measureLine",
        "openOnScreen",
        "readOpenapi",
        "readAsyncapi",
        "checkHealth",
        "checkReadiness",
    }


@pytest.mark.parametrize("route", [r for r in GUARDED if "agency" in r.parameters], ids=lambda r: r.name)
async def test_an_agency_s_administrator_does_nothing_of_another_agency_s(desk: Desk, route: Route) -> None:
    answer = await desk.service.call(
        route.method, _url(desk, route), token=desk.admin_of("forsakringskassan")
    )
    assert (answer.status, answer.code) == (403, "not_allowed")


async def test_an_administrator_of_no_agency_does_nothing_of_any(desk: Desk) -> None:
    token = desk.service.staff_token(role="agency_admin", sites=(), agency=None)
    for path in ("keys", "grants", "ledger", "hearing"):
        answer = await desk.service.call("GET", f"/api/v1/agencies/skatteverket/{path}", token=token)
        assert (answer.status, answer.code) == (403, "not_allowed")


async def test_a_host_of_no_site_lets_nobody_in_to_the_pool_of_all(desk: Desk) -> None:
    token = desk.service.staff_token(role="host", sites=())
    answer = await desk.service.call("POST", "/api/v1/pool/links", {"name": "Amal"}, token=token)
    assert (answer.status, answer.code) == (422, "invalid")


async def test_a_token_of_others_is_as_good_as_none(desk: Desk) -> None:
    """Whatever its id begins with, and whoever asks."""
    given = await desk.officer()
    granted = desk.service.services.tokens.verify_access(given["access_token"]).jti
    link = await desk.service.invite(desk.meeting, "officer", agency="skatteverket", station=1)
    stranger = desk.service.staff_token(sub="bo", sites=(ELSEWHERE,))
    for token in (desk.admin_of("forsakringskassan"), stranger):
        for real, invented in ((granted, "a_nothing"), (f"{link['id']}.x", f"i_{'0' * 64}.x")):
            one, other = await desk.revoke(token, jti=real), await desk.revoke(token, jti=invented)
            assert (one.status, one.body) == (other.status, other.body)
            assert one.status in (403, 404)


async def test_one_officer_s_assertions_at_the_same_time_are_one_place(desk: Desk) -> None:
    given = await asyncio.gather(*(desk.officer() for _ in range(20)))
    assert len({each["participant"] for each in given}) == 1


async def test_an_agency_that_lets_in_and_takes_back_without_end_fills_its_own_station_alone(
    desk: Desk,
) -> None:
    own = desk.admin_of("skatteverket")
    for number in range(MAX_OFFICERS_EVER):
        desk.service.services.limiter._buckets.clear()
        participant = (await desk.officer(sub=f"officer-{number}"))["participant"]
        assert (await desk.revoke(own, participant=participant)).status == 200
    assert (await desk.officer(sub="one-more"))["code"] == "grant_limit"
    assert await desk.service.invite(desk.meeting, "officer", agency="forsakringskassan", station=2)
    assert await desk.service.invite(desk.meeting, "newcomer")


WISHES: dict[str, dict[str, Any]] = {
    "meeting.start": {"station": 1},
    "meeting.finish": {"station": 1},
    "meeting.skip": {"station": 1},
    "meeting.addStation": {"agency": "kommun"},
    "meeting.moveStation": {"station": 1, "position": 1},
    "meeting.changeStation": {"station": 1, "minutes": 5},
    "meeting.extendStation": {"station": 1, "minutes": 5},
    "meeting.admit": {"participant": "p_x"},
    "meeting.remove": {"participant": "p_x"},
    "meeting.exclude": {"participant": "p_x"},
    "meeting.include": {"participant": "p_x"},
    "meeting.askConsent": {"stations": [1, 2]},
    "meeting.answerConsent": {"question": "q", "granted": True},
    "meeting.withdrawQuestion": {"question": "q"},
    "meeting.revokeConsent": {"consent": "c"},
    "meeting.signal": {"signal": "slower"},
    "meeting.ready": {"ready": True},
    "meeting.setLanguage": {"language": "sv"},
    "meeting.setPlace": {"place": "elsewhere"},
    "meeting.invite": {"role": "interpreter"},
    "chat.send": {"text": "hej"},
    "interpret.languages": {"languages": ["sv", "ar"]},
    "interpret.direction": {"into": "sv"},
    "interpret.mode": {"mode": "simultaneous"},
    "interpret.relay": {"relay": "floor"},
    "interpret.listen": {"language": "sv"},
    "interpret.offerHandover": {"taker": "p_x"},
    "interpret.acceptHandover": {"handover": "h"},
    "interpret.withdrawHandover": {"handover": "h"},
    "interpret.addTerm": {"text": "bo", "language": "sv", "translation": "live", "into": "en"},
    "interpret.removeTerm": {"term": "w"},
    "interpret.call": {"language": "ar"},
    "interpret.withdrawCall": {"call": "k_x"},
    "grants.revoke": {"participant": "p_x"},
}
"""What each call needs to get as far as the question whether it is allowed."""


def _actions() -> list[str]:
    return [name for name in CALLS if name.startswith(("meeting.", "chat.", "interpret.", "grants."))]


@pytest.mark.parametrize("role", list(Role), ids=str)
async def test_every_call_on_the_socket_outside_one_s_rights_is_refused(desk: Desk, role: Role) -> None:
    booking = {"agency": "skatteverket", "station": 1} if role is Role.OFFICER else {}
    async with Device(desk.service) as device:
        joined = await device.join(desk.meeting, role.value, **booking)
        allowed = set(joined["snapshot"]["you"]["may"])
        assert allowed <= {action.value for action in Action}
        for method in _actions():
            if method in allowed or method in ("meeting.end", "meeting.pause"):
                continue
            if role is Role.HOST and method.startswith("grants."):
                continue
            with pytest.raises(Failed) as failed:
                await device.call(method, **WISHES.get(method, {}))
            expected = {"not_allowed", "meeting_not_paused"}
            assert failed.value.code in expected, (role, method, failed.value.code)


async def test_calls_before_joining_are_refused(desk: Desk) -> None:
    async with Device(desk.service) as device:
        for method in CALLS.keys() - {"session.join", "session.resume"}:
            with pytest.raises(Failed) as failed:
                await device.call(method, **WISHES.get(method, {}))
            assert failed.value.code in ("not_joined", "invalid_params"), method


async def test_an_agency_s_administrator_keeps_its_keys(desk: Desk) -> None:
    admin = desk.admin_of("skatteverket")
    path = "/api/v1/agencies/skatteverket/keys"
    new = AgencySystem("skatteverket", desk.service.url, "RS256", "k2")
    added = await desk.service.call("POST", path, {"jwk": new.jwk()}, token=admin)
    assert (added.status, added.json["kid"], added.json["alg"]) == (201, "k2", "RS256")
    until = "2030-01-01T00:00:00Z"
    changed = await desk.service.call("PATCH", f"{path}/k1", {"until": until}, token=admin)
    assert changed.json["until"] == until
    listed = await desk.service.call("GET", path, token=admin)
    assert [key["kid"] for key in listed.json["keys"]] == ["k1", "k2"]
    assert (await desk.service.call("DELETE", f"{path}/k2", token=admin)).status == 204
    assert (await desk.service.call("DELETE", f"{path}/k2", token=admin)).code == "agency_key_unknown"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"d": "secret"}, "agency_key_invalid"),
        ({"kty": "oct", "k": "secret"}, "agency_key_invalid"),
        ({"crv": "P-521"}, "agency_key_invalid"),
        ({"alg": "ES256"}, "agency_key_invalid"),
        ({"use": "enc"}, "agency_key_invalid"),
        ({"x": "AAAA"}, "agency_key_invalid"),
        ({"x": None}, "agency_key_invalid"),
        ({"kid": "with spaces"}, "agency_key_invalid"),
        ({"kid": "k1"}, "agency_key_exists"),
    ],
)
async def test_a_key_that_is_none_is_not_registered(desk: Desk, change: dict[str, Any], code: str) -> None:
    new = AgencySystem("skatteverket", desk.service.url, kid="k2")
    answer = await desk.service.call(
        "POST",
        "/api/v1/agencies/skatteverket/keys",
        {"jwk": {**new.jwk(), **change}},
        token=desk.admin_of("skatteverket"),
    )
    assert answer.code == code
    assert "secret" not in answer.body.decode()


async def test_an_agency_sees_its_own_officers_and_nothing_of_the_newcomer(desk: Desk) -> None:
    await desk.officer()
    await desk.service.invite(desk.meeting, "newcomer")
    await desk.service.invite(desk.meeting, "officer", agency="forsakringskassan", station=2, name="Maria")
    listed = await desk.service.call(
        "GET", "/api/v1/agencies/skatteverket/grants", token=desk.admin_of("skatteverket")
    )
    (grant,) = listed.json["grants"]
    assert (grant["subject"], grant["station"], grant["phase"]) == ("officer-1", 1, "lobby")
    assert not {"Samira", "Maria", "forsakringskassan"} & set(listed.body.decode().split('"'))


async def test_an_agency_takes_its_officer_back_and_no_new_assertion_helps(desk: Desk) -> None:
    officer = await desk.officer()
    async with Device(desk.service) as device:
        me = await device.join_with(officer["access_token"])
        gone = await desk.revoke(desk.admin_of("skatteverket"), participant=officer["participant"])
        assert gone.json["revoked"] == [{"meeting": desk.meeting, "participant": officer["participant"]}]
        assert await device.closed_with() == "removed"
    async with Device(desk.service) as device:
        for again in (device.resume(me), device.join_with(officer["access_token"])):
            with pytest.raises(Failed) as failed:
                await again
            assert failed.value.code == "grant_revoked"
    assert (await desk.officer())["code"] == "grant_revoked"


async def test_an_agency_takes_a_token_back_by_its_id(desk: Desk) -> None:
    officer = await desk.officer()
    jti = desk.service.services.tokens.verify_access(officer["access_token"]).jti
    stranger = await desk.revoke(desk.admin_of("forsakringskassan"), jti=jti)
    assert stranger.code == "not_allowed"
    async with Device(desk.service) as device:
        await device.join_with(officer["access_token"])
        assert (await desk.revoke(desk.admin_of("skatteverket"), jti=jti)).status == 200
        assert await device.closed_with() == "revoked"
    async with Device(desk.service) as device:
        with pytest.raises(Failed):
            await device.join_with(officer["access_token"])
        await device.join_with((await desk.officer())["access_token"])


async def test_an_agency_cannot_take_others_back(desk: Desk) -> None:
    newcomer = await desk.service.invite(desk.meeting, "newcomer")
    admin = desk.admin_of("skatteverket")
    assert (await desk.revoke(admin, participant=newcomer["participant"])).status == 404
    assert (await desk.revoke(admin, agency="forsakringskassan")).status == 403
    assert (await desk.revoke(admin, meeting=desk.meeting)).json["revoked"] == []


async def test_staff_of_another_site_cannot_take_an_agency_s_token_back(desk: Desk) -> None:
    officer = await desk.officer()
    jti = desk.service.services.tokens.verify_access(officer["access_token"]).jti
    elsewhere = desk.service.staff_token(sub="elsewhere", sites=(ELSEWHERE,))
    assert (await desk.revoke(elsewhere, jti=jti)).code == "not_allowed"
    assert (await desk.revoke(jti=jti)).status == 200


async def test_an_agency_that_is_added_is_known_within_a_second(desk: Desk) -> None:
    other_process = Directory(desk.service.services.store.records, desk.service.services.catalogue)
    made = Agency(id="region", name={"sv": "Regionen", "en": "The region"}, purposes=())
    await other_process.put({"agencies": {"region": made}})
    await desk.service.services.directory.refresh()
    meeting = await desk.service.meeting(stations=[{"agency": "region"}])
    assert meeting["stations"][0]["agency_name"]["sv"] == "Regionen"
