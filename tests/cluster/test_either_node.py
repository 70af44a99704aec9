"""What is good once is good once at all nodes together; what is taken back at one is gone at the other."""

import asyncio
import time
from typing import Any
from urllib.parse import urlencode

import pytest
import pytest_asyncio

from rooms.store.redis import open_redis
from signaling.client import PASSES
from signaling.staff import Person, Staff
from tests.cluster.people import heard, speaking
from tests.cluster.site import DEADLINE, PUBLIC_URL, NodeProcess, Roamer, Site, soon
from tests.support.agency import GRANT, AgencySystem
from tests.support.raw_client import CallFailed, RawClient, redeem
from tests.support.service import SITE, STATIONS, Refused

pytestmark = pytest.mark.asyncio(loop_scope="package")

TAX = str(STATIONS[0]["agency"])
TRIES = 5


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def tax(it: Site) -> AgencySystem:
    system = AgencySystem(TAX, PUBLIC_URL)
    token, _ = it.tokens.issue_staff(sub="ada", name="Ada", role="agency_admin", sites=[], agency=TAX)
    await it.rest(it.nodes["a"], "POST", f"/agencies/{TAX}/keys", {"jwk": system.jwk()}, token)
    return system


async def exchanged(it: Site, node: NodeProcess, assertion: str) -> dict[str, Any]:
    """Shown again when it is refused for a reason that passes, as an agency's system does."""
    form = {"grant_type": GRANT, "assertion": assertion}

    async def shown() -> dict[str, Any]:
        async with it.http.post(f"{node.url}/api/v1/token", data=form) as answer:
            found: dict[str, Any] = await answer.json()
        if found.get("code") in PASSES:
            raise Refused(answer.status, found)
        return found

    found: dict[str, Any] = await soon(shown)
    return found


async def test_a_one_time_code_is_redeemed_by_one_of_many_who_try_at_both_nodes(it: Site) -> None:
    meeting, _, _ = await it.placed()
    for _ in range(TRIES):
        made = await it.rest(it.nodes["a"], "POST", f"/meetings/{meeting}/invitations", {"role": "host"})
        tries = [redeem(node.url, made["code"]) for node in it.nodes.values() for _ in range(3)]
        found = await asyncio.gather(*tries, return_exceptions=True)
        refused = [each for each in found if isinstance(each, CallFailed)]
        assert len(refused) == len(tries) - 1
        assert {each.code for each in refused} == {"invitation_used"}


async def test_an_assertion_is_exchanged_once_wherever_it_is_shown(it: Site, tax: AgencySystem) -> None:
    meeting, _, _ = await it.placed()
    for _ in range(TRIES):
        assertion = tax.asserts(meeting, 1)
        tries = [exchanged(it, node, assertion) for node in it.nodes.values() for _ in range(3)]
        found = await asyncio.gather(*tries)
        codes = [each.get("code", "let in") for each in found]
        assert sorted(codes) == ["assertion_used"] * (len(tries) - 1) + ["let in"]


@pytest.mark.parametrize("kind", ["token", "participant", "agency", "station", "meeting"])
async def test_what_is_taken_back_at_one_node_is_cut_at_the_other(
    it: Site, tax: AgencySystem, kind: str
) -> None:
    meeting, here, there = await it.placed()
    newcomer = await speaking(it, here, meeting, "newcomer")
    await it.rest(here, "POST", f"/meetings/{meeting}/stations/1/start")
    given = await exchanged(it, there, tax.asserts(meeting, 1))
    assert "access_token" in given, given
    officer = RawClient(here.url)
    async with newcomer, officer:
        await officer.join(given["access_token"])
        await officer.open_transports()
        await heard(officer, newcomer)
        wanted: dict[str, Any] = {
            "token": {"jti": it.tokens.verify_access(given["access_token"]).jti},
            "participant": {"participant": given["participant"]},
            "agency": {"agency": TAX},
            "station": {"station": 1, "meeting": meeting},
            "meeting": {"meeting": meeting},
        }[kind]
        asked = time.time_ns()
        await it.rest(there, "DELETE", f"/grants?{urlencode(wanted)}")
        answered = time.time_ns()
        await officer.wait_for(lambda: officer.closed_with, DEADLINE, "still there")
        assert officer.all_packets(after=answered) == []
        last = max(packet.at for packet in officer.all_packets())
        print(f"\n{kind}: the last packet {max(0, last - asked) / 1e6:.0f} ms after the call")
        assert last - asked < 1e9
        async with Roamer(it) as again:
            with pytest.raises(CallFailed) as refused:
                await again.join(given["access_token"])
        assert refused.value.code in ("grant_revoked", "meeting_ended", "token_revoked")


async def test_whoever_signs_in_at_one_node_is_signed_in_at_both_until_they_leave(it: Site) -> None:
    store = await open_redis(it.redis.server, it.folder / "redis.key")
    staff = Staff(
        records=store.records, tokens=it.tokens, public_url=PUBLIC_URL, lifetime=3600, clock=time.time
    )
    code = (await staff.create_link(Person("lena", "Lena Ek", "host", (SITE,)))).code
    await store.close()
    urls = [f"{node.url}/api/v1/staff/session" for node in it.nodes.values()]
    origin = {"Origin": PUBLIC_URL}

    async def signs_in(url: str) -> tuple[int, str]:
        async with it.http.post(url, json={"code": code}, headers=origin) as answer:
            return answer.status, answer.headers.get("Set-Cookie", "").partition(";")[0]

    answers = dict(await asyncio.gather(*(signs_in(url) for url in urls * 3)))
    assert set(answers) == {200, 410}
    holding = {"Cookie": answers[200], **origin}

    async def known() -> list[int]:
        found = []
        for url in urls:
            async with it.http.get(url, headers=holding) as answer:
                found.append(answer.status)
        return found

    assert await known() == [200, 200]
    async with it.http.delete(urls[1], headers=holding) as answer:
        assert answer.status < 300
    assert await known() == [401, 401]
