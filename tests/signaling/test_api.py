"""Staff create, read, lead and erase meetings over REST."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.rest import ELSEWHERE, SITE, Service, service


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Service]:
    async with service(tmp_path) as running:
        yield running


async def test_a_meeting_is_created_and_read_again(desk: Service) -> None:
    made = await desk.meeting(alias="Samira", people={"adults": 2, "children": 3}, room="Rum 2")
    read = await desk.call("GET", f"/api/v1/meetings/{made['id']}")
    assert read.status == 200
    assert read.json == made
    assert made["site"] == SITE
    assert made["site_name"] == "Servicekontoret Norrköping"
    assert made["people"] == {"adults": 2, "children": 3}
    assert made["state"] == "planned"
    assert [(s["number"], s["position"], s["agency"]) for s in made["stations"]] == [
        (1, 1, "skatteverket"),
        (2, 2, "forsakringskassan"),
    ]


async def test_a_route_gives_the_stations_and_their_purposes(desk: Service) -> None:
    made = await desk.meeting(route="2", stations=None)
    assert made["route"] == "2"
    assert [station["agency"] for station in made["stations"]] == [
        "arbetsformedlingen",
        "skatteverket",
        "forsakringskassan",
        "pensionsmyndigheten",
        "kommun",
    ]
    assert made["stations"][1]["purpose"] == "Folkbokföring och personnummer"
    assert made["stations"][1]["minutes"] == 30


async def test_a_purpose_of_the_catalogue_is_told_in_every_language(desk: Service) -> None:
    """By its id, or by its Swedish words, as earlier meetings keep it; what somebody wrote stays."""
    written = ["identity-card", "Ansökan om id-kort", "Dans"]
    stations = [{"agency": "skatteverket", "purpose": purpose} for purpose in written]
    named, kept, own = (await desk.meeting(stations=stations))["stations"]
    assert named["purpose"] == kept["purpose"] == "Ansökan om id-kort"
    assert named["purpose_text"] == kept["purpose_text"]
    assert set(named["purpose_text"]) == {"sv", "en", "ar", "fa", "so", "ti"}
    assert (own["purpose"], own["purpose_text"]) == ("Dans", {})


async def test_stations_given_with_a_route_replace_those_of_the_route(desk: Service) -> None:
    made = await desk.meeting(route="2", stations=[{"agency": "kommun", "purpose": "Skola", "minutes": 15}])
    assert [(s["agency"], s["purpose"], s["minutes"]) for s in made["stations"]] == [("kommun", "Skola", 15)]


async def test_everything_may_be_left_out_by_staff_of_one_site(desk: Service) -> None:
    answer = await desk.call("POST", "/api/v1/meetings", {})
    assert answer.status == 201
    assert answer.json["site"] == SITE
    assert answer.json["stations"] == []


async def test_staff_of_several_sites_say_which(desk: Service) -> None:
    token = desk.staff_token(sites=(SITE, ELSEWHERE))
    answer = await desk.call("POST", "/api/v1/meetings", {"alias": "A"}, token=token)
    assert (answer.status, answer.code) == (422, "invalid")
    answer = await desk.call("POST", "/api/v1/meetings", {"alias": "A", "site": ELSEWHERE}, token=token)
    assert answer.json["site"] == ELSEWHERE


async def test_meetings_are_listed_by_site_and_day_of_the_site(desk: Service) -> None:
    evening = await desk.meeting(planned_at="2026-03-01T23:30:00Z")  # already the 2nd in Sweden
    morning = await desk.meeting(planned_at="2026-03-02T08:00:00+01:00")
    other_day = await desk.meeting(planned_at="2026-03-03T08:00:00+01:00")
    day = await desk.call("GET", f"/api/v1/meetings?site={SITE}&date=2026-03-02")
    assert [found["id"] for found in day.json["meetings"]] == [evening["id"], morning["id"]]
    everything = await desk.call("GET", "/api/v1/meetings")
    assert {found["id"] for found in everything.json["meetings"]} == {
        evening["id"],
        morning["id"],
        other_day["id"],
    }


async def test_an_office_elsewhere_has_its_own_day_and_tells_its_time_zone(desk: Service) -> None:
    far = replace(desk.services.catalogue.sites[ELSEWHERE], time_zone="Pacific/Auckland")
    await desk.services.directory.put({"sites": {ELSEWHERE: far}})
    token = desk.staff_token(sites=(SITE, ELSEWHERE))
    moment = "2026-03-01T12:30:00Z"  # the 2nd in Auckland, the 1st in Sweden
    here, there, over = [
        (await desk.call("POST", "/api/v1/meetings", {"site": at, "planned_at": moment}, token=token)).json
        for at in (SITE, ELSEWHERE, ELSEWHERE)
    ]
    await desk.call("POST", f"/api/v1/meetings/{over['id']}/end", token=token)
    assert [made["time_zone"] for made in (here, there)] == ["Europe/Stockholm", "Pacific/Auckland"]
    listed = {
        day: (await desk.call("GET", f"/api/v1/meetings?date=2026-03-0{day}", token=token)).json["meetings"]
        for day in (1, 2)
    }
    assert {made["id"] for made in listed[1]} == {here["id"]}
    assert {made["id"] for made in listed[2]} == {there["id"], over["id"]}


async def test_several_days_are_listed_at_once_and_bounded(desk: Service) -> None:
    days = [await desk.meeting(planned_at=f"2026-03-{day:02}T08:00:00+01:00") for day in (2, 8, 9)]
    week = await desk.call("GET", f"/api/v1/meetings?site={SITE}&date=2026-03-02&days=7")
    assert [found["id"] for found in week.json["meetings"]] == [made["id"] for made in days[:2]]
    for query in ("date=2026-03-02&days=0", "date=2026-03-02&days=32", "days=7", "date=9999-12-31&days=7"):
        answer = await desk.call("GET", f"/api/v1/meetings?{query}")
        assert (answer.status, answer.code) == (422, "invalid")


async def test_a_list_tells_since_when_a_meeting_stands_still_and_when_it_ended(desk: Service) -> None:
    made = await desk.meeting()
    assert (made["paused_since"], made["ended_at"]) == (None, None)
    paused = await desk.call("POST", f"/api/v1/meetings/{made['id']}/pause")
    assert paused.json["paused_since"] is not None
    ended = await desk.call("POST", f"/api/v1/meetings/{made['id']}/end")
    assert (ended.json["paused_since"], ended.json["ended_at"] is None) == (None, False)


async def test_a_break_follows_a_station_and_moves_the_next_one(desk: Service) -> None:
    stations = [
        {"agency": "skatteverket", "minutes": 20, "break_after": 10},
        {"agency": "kommun", "minutes": 20},
    ]
    made = await desk.meeting(planned_at="2150-03-02T08:00:00Z", stations=stations)
    path = f"/api/v1/meetings/{made['id']}/stations/1"
    assert [station["break_after"] for station in made["stations"]] == [10, 0]
    assert made["stations"][1]["expected_start"] == "2150-03-02T08:30:00Z"
    changed = await desk.call("PATCH", path, {"break_after": 0})
    assert changed.json["stations"][1]["expected_start"] == "2150-03-02T08:20:00Z"
    assert changed.json["stations"][0]["minutes"] == 20
    refused = await desk.call("PATCH", path, {"break_after": 121})
    assert (refused.status, refused.code) == (422, "invalid")


async def test_a_change_leaves_alone_what_it_does_not_name(desk: Service) -> None:
    made = await desk.meeting(room="Rum 1")
    answer = await desk.call(
        "PATCH", f"/api/v1/meetings/{made['id']}", {"alias": "Familj A", "room": "Rum 3"}
    )
    assert answer.status == 200
    changed = answer.json
    assert (changed["alias"], changed["room"], changed["languages"]) == ("Familj A", "Rum 3", ["ar", "sv"])


async def test_a_host_leads_from_station_to_station(desk: Service) -> None:
    meeting = (await desk.meeting())["id"]

    async def lead(call: str) -> dict[int, str]:
        answer = await desk.call("POST", f"/api/v1/meetings/{meeting}/{call}")
        assert answer.status == 200, answer.body
        return {station["number"]: station["state"] for station in answer.json["stations"]}

    assert await lead("stations/1/start") == {1: "active", 2: "planned"}
    assert await lead("stations/2/start") == {1: "called", 2: "active"}
    assert await lead("stations/2/finish") == {1: "called", 2: "done"}
    assert await lead("stations/1/skip") == {1: "skipped", 2: "done"}


async def test_a_meeting_is_paused_resumed_and_ended(desk: Service) -> None:
    meeting = (await desk.meeting())["id"]
    for call, state in (("pause", "paused"), ("resume", "planned"), ("end", "ended")):
        answer = await desk.call("POST", f"/api/v1/meetings/{meeting}/{call}")
        assert (answer.status, answer.json["state"]) == (200, state)


async def test_stations_are_added_changed_and_moved(desk: Service) -> None:
    path = f"/api/v1/meetings/{(await desk.meeting())['id']}/stations"
    added = await desk.call("POST", path, {"agency": "kommun", "purpose": "home-and-school"})
    assert added.status == 201
    assert added.json["stations"][2]["purpose"] == "Bostad, skola och förskola"
    moved = await desk.call("PATCH", f"{path}/3", {"position": 1, "minutes": 45})
    first = moved.json["stations"][0]
    assert (first["number"], first["position"], first["minutes"]) == (3, 1, 45)


async def test_an_erased_meeting_is_gone(desk: Service) -> None:
    meeting = (await desk.meeting())["id"]
    assert (await desk.call("DELETE", f"/api/v1/meetings/{meeting}")).status == 204
    answer = await desk.call("GET", f"/api/v1/meetings/{meeting}")
    assert (answer.status, answer.code) == (404, "meeting_unknown")
    assert (await desk.call("GET", "/api/v1/meetings")).json["meetings"] == []


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("POST", "/stations/9/start", 404, "station_unknown"),
        ("POST", "/stations/1/finish", 409, "station_not_active"),
        ("POST", "/resume", 409, "meeting_not_paused"),
        ("POST", "/stations/one/start", 404, "not_found"),
        ("POST", "/stations", 415, "unsupported_media_type"),
    ],
)
async def test_a_refusal_is_a_problem_with_a_stable_code(
    desk: Service, method: str, path: str, status: int, code: str
) -> None:
    meeting = (await desk.meeting())["id"]
    answer = await desk.call(method, f"/api/v1/meetings/{meeting}{path}")
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json
    assert (answer.status, problem["status"], problem["code"]) == (status, status, code)
    assert problem["type"] == f"urn:motesrum:problem:{code}"
    assert problem["title"]
    assert problem["detail"]


async def test_an_ended_meeting_can_be_read_and_not_led(desk: Service) -> None:
    meeting = (await desk.meeting())["id"]
    await desk.call("POST", f"/api/v1/meetings/{meeting}/end")
    assert (await desk.call("GET", f"/api/v1/meetings/{meeting}")).json["state"] == "ended"
    answer = await desk.call("POST", f"/api/v1/meetings/{meeting}/stations/1/start")
    assert (answer.status, answer.code) == (409, "meeting_ended")


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"site": "atlantis"}, "/site"),
        ({"route": "99"}, "/route"),
        ({"stations": [{"agency": "kommun"}, {"agency": "polisen"}]}, "/stations/1/agency"),
        ({"languages": ["sv", "xx"]}, "/languages/1"),
        ({"languages": []}, "/languages"),
        ({"alias": "   "}, "/alias"),
        ({"alias": "x" * 101}, "/alias"),
        ({"people": {"adults": 0, "children": 0}}, "/people"),
        ({"people": {"adults": -1}}, "/people/adults"),
        ({"planned_at": "2026-03-01T10:00:00"}, "/planned_at"),
        ({"planned_at": "0001-01-01T00:00:00+23:59"}, "/planned_at"),
        ({"planned_at": 1772000000}, "/planned_at"),
        ({"stations": [{"agency": "kommun", "minutes": True}]}, "/stations/0/minutes"),
        ({"identity_number": "19900101-1234"}, "/identity_number"),
    ],
)
async def test_a_field_that_is_wrong_is_named(desk: Service, fields: dict[str, Any], pointer: str) -> None:
    answer = await desk.call("POST", "/api/v1/meetings", fields)
    assert (answer.status, answer.code) == (422, "invalid")
    assert [error["pointer"] for error in answer.json["errors"]] == [pointer]
    assert b"19900101" not in answer.body


async def test_another_site_s_staff_see_no_such_meeting(desk: Service) -> None:
    meeting = (await desk.meeting())["id"]
    link = await desk.invite(meeting, "interpreter")
    other = desk.staff_token(sub="bo", sites=(ELSEWHERE,))
    for method, path in (
        ("GET", f"/meetings/{meeting}"),
        ("PATCH", f"/meetings/{meeting}"),
        ("DELETE", f"/meetings/{meeting}"),
        ("POST", f"/meetings/{meeting}/end"),
        ("POST", f"/meetings/{meeting}/stations/1/start"),
        ("POST", f"/meetings/{meeting}/invitations"),
        ("DELETE", f"/grants?meeting={meeting}"),
    ):
        body = {"role": "interpreter"} if path.endswith("invitations") else {} if method == "PATCH" else None
        answer = await desk.call(method, "/api/v1" + path, body, token=other)
        assert (answer.status, answer.code) == (404, "meeting_unknown"), path
    answer = await desk.call("DELETE", f"/api/v1/invitations/{link['id']}", token=other)
    assert (answer.status, answer.code) == (404, "invitation_unknown")
    answer = await desk.call("GET", f"/api/v1/meetings?site={SITE}", token=other)
    assert (answer.status, answer.code) == (403, "not_allowed")
    assert (await desk.call("GET", "/api/v1/meetings", token=other)).json["meetings"] == []
    assert (await desk.redeem(link["code"])).status == 200


async def test_an_admin_does_not_see_meetings(desk: Service) -> None:
    meeting = (await desk.meeting())["id"]
    admin = desk.staff_token(sub="ada", role="admin")
    answer = await desk.call("GET", f"/api/v1/meetings/{meeting}", token=admin)
    assert (answer.status, answer.code) == (403, "not_allowed")
    assert (await desk.call("GET", "/api/v1/catalogue", token=admin)).status == 200


async def test_the_catalogue_holds_what_a_meeting_is_made_of(desk: Service) -> None:
    catalogue = (await desk.call("GET", "/api/v1/catalogue")).json
    assert catalogue == desk.services.catalogue.as_json() | {
        "agencies": [
            {**agency, "purposes": list(agency["purposes"])}
            for agency in desk.services.catalogue.as_json()["agencies"]
        ],
        "routes": [
            {**route, "stations": list(route["stations"])}
            for route in desk.services.catalogue.as_json()["routes"]
        ],
    }


async def test_unknown_addresses_and_methods_are_problems(desk: Service) -> None:
    answer = await desk.call("GET", "/api/v1/nothing")
    assert (answer.status, answer.code) == (404, "not_found")
    answer = await desk.call("POST", "/api/v1/nothing", {})
    assert (answer.status, answer.code) == (404, "not_found")
    answer = await desk.call("PUT", "/api/v1/meetings", {})
    assert (answer.status, answer.code) == (405, "method_not_allowed")
    assert answer.headers["Allow"] == "GET,HEAD,POST"


async def test_revoking_by_agency_removes_its_officers_only(desk: Service) -> None:
    meeting = (await desk.meeting())["id"]
    officer = await desk.invite(meeting, "officer", agency="skatteverket", station=1)
    other = await desk.invite(meeting, "officer", agency="forsakringskassan", station=2)
    answer = await desk.call("DELETE", "/api/v1/grants?agency=skatteverket")
    assert answer.json["revoked"] == [{"meeting": meeting, "participant": officer["participant"]}]
    assert (await desk.redeem(officer["code"])).code == "invitation_revoked"
    assert (await desk.redeem(other["code"])).status == 200


async def test_revoking_by_meeting_takes_back_every_grant(desk: Service) -> None:
    meeting = (await desk.meeting())["id"]
    links = [await desk.invite(meeting, role) for role in ("newcomer", "host", "interpreter")]
    answer = await desk.call("DELETE", f"/api/v1/grants?meeting={meeting}")
    assert {each["participant"] for each in answer.json["revoked"]} == {each["participant"] for each in links}
    for link in links:
        assert (await desk.redeem(link["code"])).code == "invitation_revoked"


async def test_revoking_by_station_needs_its_meeting(desk: Service) -> None:
    meeting = (await desk.meeting())["id"]
    await desk.invite(meeting, "officer", agency="skatteverket", station=1)
    assert (await desk.call("DELETE", "/api/v1/grants?station=1")).status == 422
    answer = await desk.call("DELETE", f"/api/v1/grants?meeting={meeting}&station=1")
    assert len(answer.json["revoked"]) == 1
    answer = await desk.call("DELETE", f"/api/v1/grants?meeting={meeting}&station=2")
    assert answer.json["revoked"] == []


async def test_revoking_needs_a_filter_and_no_slip_of_the_pen(desk: Service) -> None:
    answer = await desk.call("DELETE", "/api/v1/grants")
    assert (answer.status, answer.code) == (400, "filter_missing")
    meeting = (await desk.meeting())["id"]
    link = await desk.invite(meeting, "interpreter")
    answer = await desk.call("DELETE", f"/api/v1/grants?meeting={meeting}&particpant=p_1")
    assert answer.status == 422
    answer = await desk.call("DELETE", "/api/v1/grants?participant=p_nobody")
    assert (answer.status, answer.code) == (404, "participant_unknown")
    assert (await desk.redeem(link["code"])).status == 200


async def test_a_revoked_access_token_stands_no_more(desk: Service) -> None:
    meeting = (await desk.meeting())["id"]
    link = await desk.invite(meeting, "interpreter")
    claims = desk.services.tokens.verify_access((await desk.redeem(link["code"])).json["access_token"])
    grants = desk.services.invitations
    assert await grants.grant_stands(meeting, claims.sub, claims.jti)
    answer = await desk.call("DELETE", f"/api/v1/grants?jti={claims.jti}")
    assert answer.json["revoked"] == [{"meeting": meeting, "participant": claims.sub}]
    assert not await grants.grant_stands(meeting, claims.sub, claims.jti)


async def test_calls_beyond_the_limit_are_told_to_wait(tmp_path: Path) -> None:
    limits = {"calls_per_second": 0.1, "calls_burst": 3}
    async with service(tmp_path, limits=limits) as desk:
        answers = [await desk.call("GET", "/api/v1/meetings") for _ in range(4)]
    assert [answer.status for answer in answers] == [200, 200, 200, 429]
    assert answers[3].code == "too_many_requests"
    assert 1 <= int(answers[3].headers["Retry-After"]) <= 11


async def test_one_person_s_calls_do_not_slow_another_s(tmp_path: Path) -> None:
    limits = {"calls_per_second": 0.1, "calls_burst": 2}
    async with service(tmp_path, limits=limits) as desk:
        for sub in ("anna", "bo", "cia"):
            for _ in range(2):
                answer = await desk.call("GET", "/api/v1/meetings", token=desk.staff_token(sub=sub))
                assert answer.status == 200


async def test_guesses_at_tokens_are_limited(tmp_path: Path) -> None:
    async with service(tmp_path, limits={"redemptions_per_minute": 3}) as desk:
        answers = [await desk.call("GET", "/api/v1/meetings", token="guess") for _ in range(4)]
        assert [answer.status for answer in answers] == [401, 401, 401, 429]
        assert (await desk.call("GET", "/api/v1/meetings")).status == 200


async def test_the_service_says_that_it_is_well(desk: Service) -> None:
    assert (await desk.call("GET", "/healthz", token="")).status == 200
    assert (await desk.call("GET", "/readyz", token="")).status == 200
    desk.services.hub.workers.running = False  # type: ignore[misc]
    answer = await desk.call("GET", "/readyz", token="")
    assert (answer.status, answer.code) == (503, "media_unavailable")
    assert (await desk.call("GET", "/healthz", token="")).status == 200


async def test_a_store_that_is_down_is_told_and_not_a_crash(desk: Service) -> None:
    await desk.services.store.close()
    answer = await desk.call("GET", "/readyz", token="")
    assert (answer.status, answer.code) == (503, "store_unavailable")
    answer = await desk.call("POST", "/api/v1/token", {"code": "a" * 22}, token="")
    assert (answer.status, answer.code) == (503, "store_unavailable")
