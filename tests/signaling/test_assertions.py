"""An agency lets its officers in with what it has signed: once, in time, to its station, by its key."""

import asyncio
import base64
import socket
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rooms.limits import MAX_OFFICERS
from rooms.meeting import Meeting
from rooms.store.base import StoreUnavailable
from rooms.store.memory import MemoryRecords, open_memory
from signaling.agency_keys import AgencyKeys
from signaling.assertions import USED, AssertionRefused, Assertions
from signaling.errors import ServiceUnavailable
from tests.support.agency import GRANT, AgencySystem, raw_token
from tests.support.door import Device, Failed
from tests.support.rest import Answer, Service, service

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass
class Desk:
    """Skatteverket has station 1 and försäkringskassan station 2; both have registered their keys."""

    service: Service
    meeting: str
    tax: AgencySystem
    insurance: AgencySystem

    async def exchange(self, assertion: str, **more: str) -> Answer:
        form = urlencode({"grant_type": GRANT, "assertion": assertion, **more}).encode()
        return await self.service.call("POST", "/api/v1/token", data=form, headers=FORM, token="")

    async def refused(self, assertion: str) -> str:
        answer = await self.exchange(assertion)
        assert answer.status == 400, answer.body
        assert answer.json["error"] == "invalid_grant"
        assert set(answer.json) == {"error", "error_description", "code"}
        return answer.code

    def asserts(self, **changes: Any) -> str:
        return self.tax.asserts(self.meeting, 1, **changes)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with service(tmp_path) as running:
        made = await running.meeting()
        tax = AgencySystem("skatteverket", running.url)
        insurance = AgencySystem("forsakringskassan", running.url, "ES256", "nyckel/1")
        for system in (tax, insurance):
            await running.services.agency_keys.add(system.agency, system.jwk())
        yield Desk(running, made["id"], tax, insurance)


@pytest.mark.parametrize("algorithm", ["EdDSA", "ES256", "RS256"])
async def test_an_officer_comes_in_by_what_their_agency_has_signed(desk: Desk, algorithm: str) -> None:
    system = AgencySystem("skatteverket", desk.service.url, algorithm, "another")
    await desk.service.services.agency_keys.add(system.agency, system.jwk())
    answer = await desk.exchange(system.asserts(desk.meeting, 1))
    assert answer.status == 200
    assert answer.json["role"] == "officer"
    assert answer.headers["Cache-Control"] == "no-store"
    async with Device(desk.service) as officer:
        joined = await officer.join_with(answer.json["access_token"])
    you = joined["snapshot"]["you"]
    assert (you["name"], you["agency"], you["station"]) == ("Karin Lund", "skatteverket", 1)


async def test_the_same_officer_is_the_same_participant_however_often_they_come(desk: Desk) -> None:
    first = (await desk.exchange(desk.asserts())).json
    again = (await desk.exchange(desk.asserts(name="Karin L"))).json
    other = (await desk.exchange(desk.asserts(sub="officer-2"))).json
    assert first["participant"] == again["participant"] != other["participant"]
    seen = await desk.service.call("GET", f"/api/v1/meetings/{desk.meeting}")
    assert len(seen.json["participants"]) == 2


def _without(claim: str) -> Any:
    return lambda desk: desk.asserts(**{claim: None})


def _with(**changes: Any) -> Any:
    return lambda desk: desk.asserts(**changes)


def _later(name: str, by: int) -> Any:
    def made(desk: Desk) -> str:
        claims = desk.tax.claims(desk.meeting, 1)
        return desk.tax.signed({**claims, name: claims["iat"] + by})

    return made


def _header(**header: Any) -> Any:
    return lambda desk: desk.tax.signed(desk.tax.claims(desk.meeting, 1), **header)


def _unsigned(desk: Desk) -> str:
    return raw_token({"alg": "none", "kid": "k1"}, desk.tax.claims(desk.meeting, 1))


def _without_kid(desk: Desk) -> str:
    return jwt.encode(desk.tax.claims(desk.meeting, 1), desk.tax.private, "EdDSA")


def _public_as_secret(desk: Desk) -> str:
    secret = base64.urlsafe_b64decode(desk.tax.jwk()["x"] + "==")
    return jwt.encode(desk.tax.claims(desk.meeting, 1), secret, "HS256", {"kid": "k1"})


def _other_algorithm(desk: Desk) -> str:
    forger = AgencySystem("skatteverket", desk.service.url, "ES256", "k1")
    return forger.asserts(desk.meeting, 1)


def _foreign_key(desk: Desk) -> str:
    return AgencySystem("skatteverket", desk.service.url).asserts(desk.meeting, 1)


def _other_agency_s_name(desk: Desk) -> str:
    return desk.tax.signed(desk.tax.claims(desk.meeting, 2, iss="forsakringskassan"))


def _other_agency_s_kid(desk: Desk) -> str:
    return desk.tax.signed(desk.tax.claims(desk.meeting, 1), kid="nyckel/1")


def _old(desk: Desk) -> str:
    claims = desk.tax.claims(desk.meeting, 1)
    return desk.tax.signed({**claims, "iat": claims["iat"] - 400, "exp": claims["iat"] - 60})


def _access_token(desk: Desk) -> str:
    token, _ = desk.service.services.tokens.issue_access(
        participant="p", role="officer", agency="skatteverket", meeting=desk.meeting, station=1, jti="x"
    )
    return token


def _spelled_otherwise(desk: Desk) -> str:
    head, body, signature = desk.asserts().split(".")
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    stray = last[last.index(signature[-1]) ^ 1]
    return f"{head}.{body}.{signature[:-1]}{stray}"


REFUSALS = {
    "alg none": (_unsigned, "assertion_algorithm"),
    "HS256 with the public key": (_public_as_secret, "assertion_algorithm"),
    "the algorithm of another key": (_other_algorithm, "assertion_algorithm"),
    "a key of one's own": (_foreign_key, "assertion_signature"),
    "a jwk in the header": (_header(jwk={"kty": "OKP"}), "assertion_header"),
    "jku": (_header(jku="https://keys.example/"), "assertion_header"),
    "x5u": (_header(x5u="https://keys.example/"), "assertion_header"),
    "crit": (_header(crit=["exp"]), "assertion_header"),
    "no kid": (_without_kid, "assertion_header"),
    "a kid that is no text": (_header(kid="") , "assertion_header"),
    "the kid of another agency": (_other_agency_s_kid, "assertion_key_unknown"),
    "a kid with a path": (_header(kid="../skatteverket/k1"), "assertion_key_unknown"),
    "a kid with a wildcard": (_header(kid="%"), "assertion_key_unknown"),
    "a kid with SQL": (_header(kid="k1' OR '1'='1"), "assertion_key_unknown"),
    "iss of another agency": (_other_agency_s_name, "assertion_key_unknown"),
    "iss of none": (_with(iss="nobody"), "assertion_key_unknown"),
    "another aud": (_with(aud="https://elsewhere.example"), "assertion_audience"),
    "a list as aud": (lambda desk: desk.asserts(aud=[desk.service.url]), "assertion_audience"),
    "no aud": (_without("aud"), "assertion_audience"),
    "no exp": (_without("exp"), "assertion_claims"),
    "no iat": (_without("iat"), "assertion_claims"),
    "no jti": (_without("jti"), "assertion_claims"),
    "no sub": (_without("sub"), "assertion_claims"),
    "no iss": (_without("iss"), "assertion_claims"),
    "no meeting": (_without("meeting"), "assertion_claims"),
    "no station": (_without("station"), "assertion_claims"),
    "a blank sub": (_with(sub=" "), "assertion_claims"),
    "a sub that is too long": (_with(sub="x" * 201), "assertion_claims"),
    "a name with controls": (_with(name="a\x07b"), "assertion_claims"),
    "exp as text": (_with(exp="soon"), "assertion_claims"),
    "exp as truth": (_with(exp=True), "assertion_claims"),
    "station as truth": (_with(station=True), "assertion_claims"),
    "station as text": (_with(station="1"), "assertion_claims"),
    "too long": (_later("exp", 301), "assertion_too_long"),
    "expired": (_old, "assertion_expired"),
    "not yet valid": (_later("nbf", 120), "assertion_not_yet_valid"),
    "from the future": (_later("iat", 120), "assertion_not_yet_valid"),
    "another agency's station": (_with(station=2), "grant_unknown"),
    "a station that is not there": (_with(station=99), "grant_unknown"),
    "a meeting that is not there": (_with(meeting="m_nowhere"), "grant_unknown"),
    "a meeting with a path": (_with(meeting="../m_1"), "grant_unknown"),
    "an access token": (_access_token, "assertion_wrong_type"),
    "another type": (_header(typ="at+jwt"), "assertion_wrong_type"),
    "another spelling of the signature": (_spelled_otherwise, "assertion_malformed"),
    "padding": (lambda desk: desk.asserts() + "=", "assertion_malformed"),
    "two parts": (lambda desk: desk.asserts().rsplit(".", 1)[0], "assertion_malformed"),
    "an array": (lambda desk: raw_token([], {}), "assertion_malformed"),
    "far too long": (lambda desk: desk.asserts(sub="x" * 5000), "assertion_malformed"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSALS)
async def test_an_assertion_is_refused_with(
    desk: Desk, name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    make, code = REFUSALS[name]
    assertion = make(desk)
    asked: list[Any] = []
    look_up = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda *args, **kw: (asked.append(args), look_up(*args, **kw))[1]
    )
    assert await desk.refused(assertion) == code
    assert asked == [], "nothing is looked up or fetched"
    assert "Traceback" not in caplog.text


async def test_a_jti_works_once_even_for_many_at_the_same_time(desk: Desk) -> None:
    assertion = desk.asserts()
    answers = await asyncio.gather(*(desk.exchange(assertion) for _ in range(100)))
    assert sorted(answer.status for answer in answers) == [200] + [400] * 99
    assert {answer.code for answer in answers if answer.status == 400} == {"assertion_used"}


async def test_what_was_refused_for_a_reason_that_passes_is_shown_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    assertion = desk.asserts()
    with monkeypatch.context() as during:
        during.setattr(desk.service.services.hub, "state", _away)
        answer = await desk.exchange(assertion)
    assert (answer.status, answer.code) == (503, "store_unavailable")
    assert (await desk.exchange(assertion)).status == 200
    assert await desk.refused(assertion) == "assertion_used"


async def test_what_was_refused_for_good_is_used_up(desk: Desk) -> None:
    assertion = desk.tax.asserts(desk.meeting, 2)
    assert await desk.refused(assertion) == "grant_unknown"
    assert await desk.refused(assertion) == "assertion_used"


async def test_a_store_that_answers_too_late_has_used_nothing_up(desk: Desk) -> None:
    late = _Late(time.time)
    keys = AgencyKeys(late, time.time)
    await keys.add(desk.tax.agency, desk.tax.jwk())
    checked = Assertions(keys=keys, records=late, audience=desk.service.url, clock=time.time)
    assertion = desk.asserts()
    assert (await checked.take(assertion)).officer == "officer-1"
    late.answers = True
    with pytest.raises(AssertionRefused, match="has been used"):
        await checked.take(assertion)


async def _away(meeting: str) -> Meeting:
    raise ServiceUnavailable("store_unavailable", "the store is away")


class _Late(MemoryRecords):
    """Uses up what it is asked to, and does not say so."""

    answers = False

    async def put_if_absent(
        self, kind: str, key: str, value: Mapping[str, Any], expires_at: float | None = None
    ) -> bool:
        put = await super().put_if_absent(kind, key, value, expires_at)
        if kind == USED and not self.answers:
            raise StoreUnavailable("no answer in time")
        return put


async def test_two_agencies_may_use_the_same_jti(desk: Desk) -> None:
    assert (await desk.exchange(desk.asserts(jti="same"))).status == 200
    assert (await desk.exchange(desk.insurance.asserts(desk.meeting, 2, jti="same"))).status == 200


async def test_an_assertion_is_no_access_token_and_no_staff_token(desk: Desk) -> None:
    assertion = desk.asserts()
    answer = await desk.service.call("GET", "/api/v1/meetings", token=assertion)
    assert (answer.status, answer.code) == (401, "token_invalid")
    async with Device(desk.service) as device:
        with pytest.raises(Failed) as failed:
            await device.join_with(assertion)
    assert failed.value.code == "token_invalid"


async def test_an_access_token_of_an_agency_is_no_staff_token(desk: Desk) -> None:
    token = (await desk.exchange(desk.asserts())).json["access_token"]
    answer = await desk.service.call("GET", "/api/v1/meetings", token=token)
    assert (answer.status, answer.code) == (403, "token_wrong_type")


async def test_clocks_may_differ_by_half_a_minute(desk: Desk) -> None:
    for ahead in (25, -25):
        claims = desk.tax.claims(desk.meeting, 1)
        moved = {**claims, "iat": claims["iat"] + ahead, "exp": claims["exp"] + ahead + 60}
        assert (await desk.exchange(desk.tax.signed(moved))).status == 200
    assert await desk.refused(_later("iat", 40)(desk)) == "assertion_not_yet_valid"


async def test_keys_overlap_while_they_are_rotated(desk: Desk) -> None:
    keys = desk.service.services.agency_keys
    new = AgencySystem("skatteverket", desk.service.url, kid="k2")
    await keys.add("skatteverket", new.jwk())
    await keys.retire("skatteverket", "k1", desk.service.clock() + 60)
    assert (await desk.exchange(desk.asserts())).status == 200
    assert (await desk.exchange(new.asserts(desk.meeting, 1))).status == 200
    await keys.retire("skatteverket", "k1", desk.service.clock() - 1)
    assert await desk.refused(desk.asserts()) == "assertion_key_unknown"
    await keys.remove("skatteverket", "k2")
    assert await desk.refused(new.asserts(desk.meeting, 1)) == "assertion_key_unknown"


async def test_a_finished_station_lets_nobody_in_any_more(desk: Desk) -> None:
    path = f"/api/v1/meetings/{desk.meeting}/stations/1"
    await desk.service.call("POST", f"{path}/start")
    await desk.service.call("POST", f"{path}/finish")
    assert await desk.refused(desk.asserts()) == "grant_over"
    await desk.service.call("POST", f"/api/v1/meetings/{desk.meeting}/end")
    assert await desk.refused(desk.asserts()) == "grant_unknown"


async def test_a_station_has_room_for_a_few_officers_only(desk: Desk) -> None:
    for number in range(MAX_OFFICERS):
        assert (await desk.exchange(desk.asserts(sub=f"o{number}"))).status == 200
    assert await desk.refused(desk.asserts(sub="one more")) == "grant_limit"
    assert (await desk.exchange(desk.asserts(sub="o1"))).status == 200


async def test_an_agency_has_its_quota(tmp_path: Path) -> None:
    async with service(tmp_path, limits={"assertions_per_minute": 3}) as running:
        made = await running.meeting()
        tax = AgencySystem("skatteverket", running.url)
        await running.services.agency_keys.add(tax.agency, tax.jwk())
        desk = Desk(running, made["id"], tax, tax)
        answers = [await desk.exchange(desk.asserts()) for _ in range(4)]
    assert [answer.status for answer in answers] == [200, 200, 200, 429]
    assert answers[3].code == "too_many_requests"
    assert int(answers[3].headers["Retry-After"]) >= 1


async def test_what_oauth_asks_for_is_told_in_its_words(desk: Desk) -> None:
    form = urlencode({"grant_type": GRANT}).encode()
    answer = await desk.service.call("POST", "/api/v1/token", data=form, headers=FORM, token="")
    assert (answer.status, answer.json["error"]) == (400, "invalid_request")
    form = urlencode({"grant_type": "password", "assertion": "x"}).encode()
    answer = await desk.service.call("POST", "/api/v1/token", data=form, headers=FORM, token="")
    assert (answer.status, answer.json["error"]) == (400, "unsupported_grant_type")


@given(st.text(max_size=300))
async def test_any_text_is_refused_as_such(text: str) -> None:
    records = open_memory().records
    keys = AgencyKeys(records, lambda: 0.0)
    door = Assertions(keys=keys, records=records, audience="https://a.example", clock=lambda: 0.0)
    with pytest.raises(AssertionRefused):
        await door.take(text)
